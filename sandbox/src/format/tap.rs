//! The Test Anything Protocol, versions 12 to 14: <https://testanything.org/tap-version-14-specification.html>.
//!
//! Subtests are read in both forms that exist: indented by four spaces before their test point, and in braces behind it. What is not
//! TAP is skipped, as every version demands; what contradicts itself (a plan that is not kept, a number out of turn) is a fault.

use super::{MAX_ID, MAX_MESSAGE, MAX_RESULTS, clip};

mod line;

use self::line::Line;

/// Deepest subtests that are read; deeper lines are text.
const MOST_DEPTH: usize = 32;

/// What a directive says of a test point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Directive {
    /// It was not run.
    Skip,
    /// It is expected to fail.
    Todo,
}

/// One test point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TapPoint {
    /// The names of the tests it belongs to, outermost first, and its own last.
    pub(crate) path: Vec<String>,
    /// Whether it says `ok`.
    pub(crate) ok: bool,
    /// What its directive says, with the directive's reason.
    pub(crate) directive: Option<(Directive, String)>,
    /// The block of diagnostics behind it, without its indentation.
    pub(crate) yaml: String,
    /// The comments behind it.
    pub(crate) comments: String,
    /// The last comment before it that did not follow a failure: some tools name their tests so.
    pub(crate) group: Option<String>,
    /// Whether it stands for subtests, and whether one of those failed.
    pub(crate) subtests: Subtests,
}

/// What a test point has below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subtests {
    /// Nothing: it is a test of its own.
    None,
    /// Tests that all hold.
    Held,
    /// Tests of which one failed.
    Failed,
}

/// What a stream says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tap {
    /// The test points in the order of the stream; subtests before the point that stands for them.
    pub(crate) points: Vec<TapPoint>,
    /// Why everything was given up.
    pub(crate) bail: Option<String>,
    /// Why everything was skipped.
    pub(crate) skipped: Option<String>,
    /// What does not fit together.
    pub(crate) faults: Vec<String>,
}

/// Reads a stream.
pub(crate) fn parse(bytes: &[u8]) -> Tap {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::default();
    for line in text.lines() {
        if reader.done() {
            break;
        }
        reader.take(line);
    }
    reader.finish()
}

#[derive(Debug)]
struct Node {
    point: TapPoint,
    children: Vec<Node>,
}

/// The stream at one depth: its own plan and its own numbers.
#[derive(Debug, Default)]
struct Level {
    name: Option<String>,
    nodes: Vec<Node>,
    plan: Option<usize>,
    plan_skips: Option<String>,
    last: usize,
    /// A point whose subtests stand in braces behind it, not closed yet.
    braced: Option<TapPoint>,
    group: Option<String>,
}

#[derive(Debug, Default)]
struct Reader {
    levels: Vec<Level>,
    announced: Option<String>,
    yaml: Option<(usize, String)>,
    count: usize,
    bail: Option<String>,
    faults: Vec<String>,
}

impl Reader {
    fn done(&self) -> bool {
        self.bail.is_some() || self.count >= MAX_RESULTS
    }

    fn take(&mut self, raw: &str) {
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
        if self.take_yaml(raw) {
            return;
        }
        let depth = raw.bytes().take_while(|byte| *byte == b' ').count() / 4;
        let at_edge = raw.trim_start_matches(' ');
        if raw.len() - at_edge.len() != depth * 4 {
            self.start_yaml(raw, at_edge);
            return;
        }
        if depth > self.levels.len().min(MOST_DEPTH) {
            return;
        }
        match line::read(at_edge) {
            Line::Point(point) => self.point(depth, point),
            Line::Plan { count, skip } => self.plan(depth, count, skip),
            Line::Bail(reason) => self.bail = Some(clip(reason, MAX_MESSAGE).to_owned()),
            Line::Close => self.close(depth),
            Line::Subtest(name) => self.announced = Some(clip(name, MAX_ID).to_owned()),
            Line::Comment(text) => self.comment(depth, text),
            Line::Other => {}
        }
    }

    /// A block of diagnostics belongs to the last point of its level and is indented by two more spaces.
    fn start_yaml(&mut self, raw: &str, at_edge: &str) {
        let indent = raw.len() - at_edge.len();
        let follows = |level: &Level| !level.nodes.is_empty() || level.braced.is_some();
        if at_edge.trim_end() == "---"
            && indent % 4 == 2
            && let Some(level) = self.levels.get(indent / 4)
            && follows(level)
        {
            self.yaml = Some((indent, String::new()));
        }
    }

    fn take_yaml(&mut self, raw: &str) -> bool {
        let Some((indent, block)) = &mut self.yaml else { return false };
        let indent = *indent;
        let inside = raw.trim().is_empty() || raw.bytes().take_while(|byte| *byte == b' ').count() >= indent;
        if inside && raw.trim() != "..." {
            if block.len() < MAX_MESSAGE * 4 {
                block.push_str(clip(raw.get(indent..).unwrap_or_default(), MAX_MESSAGE));
                block.push('\n');
            }
            return true;
        }
        if let Some((_, block)) = self.yaml.take()
            && let Some(level) = self.levels.get_mut(indent / 4)
        {
            let block = dedent(block);
            match (&mut level.braced, level.nodes.last_mut()) {
                (Some(point), _) => point.yaml = block,
                (None, Some(node)) => node.point.yaml = block,
                (None, None) => {}
            }
        }
        inside
    }

    /// Makes sure that there is a level of this depth, and none below it.
    fn at(&mut self, depth: usize) -> &mut Level {
        self.orphans(depth + 1);
        if depth == self.levels.len() {
            self.levels.push(Level { name: self.announced.take(), ..Level::default() });
        }
        let last = self.levels.len() - 1;
        &mut self.levels[last.min(depth)]
    }

    /// Levels below a depth that nobody stands for: their tests are kept and the missing point is a fault.
    fn orphans(&mut self, from: usize) {
        while self.levels.len() > from.max(1) {
            let Some(level) = self.levels.pop() else { break };
            let name = level.name.clone().unwrap_or_else(|| "subtests".to_owned());
            self.faults.push(format!("the subtests of `{}` have no test point of their own", clip(&name, 200)));
            let point = TapPoint { ok: false, ..empty(name) };
            let children = self.settle(level);
            if let Some(parent) = self.levels.last_mut() {
                parent.nodes.push(Node { point, children });
            }
        }
    }

    fn point(&mut self, depth: usize, read: line::Point) {
        let children = if self.levels.len() > depth + 1 {
            self.orphans(depth + 2);
            let level = self.levels.pop();
            level.map(|level| self.settle(level)).unwrap_or_default()
        } else {
            Vec::new()
        };
        self.at(depth);
        self.announced = None;
        let level = self.at(depth);
        let number = read.number.unwrap_or(level.last + 1);
        let expected = level.last + 1;
        level.last = number;
        let name = if read.name.is_empty() { format!("test {number}") } else { read.name };
        let group = level.group.clone();
        let point = TapPoint { ok: read.ok, directive: read.directive, group, ..empty(name) };
        if read.opens {
            level.braced = Some(point);
            self.levels.push(Level::default());
        } else {
            level.nodes.push(Node { point, children });
        }
        if number != expected {
            self.faults.push(format!("test {number} came where test {expected} was due"));
        }
        self.count += 1;
    }

    fn close(&mut self, depth: usize) {
        if self.levels.get(depth).is_none_or(|level| level.braced.is_none()) {
            return;
        }
        self.orphans(depth + 2);
        let children = match self.levels.len() > depth + 1 {
            true => self.levels.pop().map(|level| self.settle(level)).unwrap_or_default(),
            false => Vec::new(),
        };
        if let Some(level) = self.levels.get_mut(depth)
            && let Some(point) = level.braced.take()
        {
            level.nodes.push(Node { point, children });
        }
    }

    fn plan(&mut self, depth: usize, count: usize, skip: Option<&str>) {
        let level = self.at(depth);
        level.plan_skips = skip.map(|reason| clip(reason, MAX_MESSAGE).to_owned());
        if level.plan.replace(count).is_some_and(|before| before != count) {
            self.faults.push("there are two plans".to_owned());
        }
    }

    fn comment(&mut self, depth: usize, text: &str) {
        let Some(level) = self.levels.get_mut(depth) else { return };
        if let Some(node) = level.nodes.last_mut()
            && node.point.comments.len() < MAX_MESSAGE
        {
            node.point.comments.push_str(clip(text, MAX_MESSAGE));
            node.point.comments.push('\n');
        }
        if !text.is_empty() {
            level.group = Some(clip(text, MAX_ID).to_owned());
        }
    }

    /// Checks a level that is over, and gives its tests.
    fn settle(&mut self, mut level: Level) -> Vec<Node> {
        let name = level.name.as_deref().map_or_else(String::new, |name| format!(" of `{}`", clip(name, 200)));
        if let Some(point) = level.braced.take() {
            self.faults.push(format!("the braces of `{}` are not closed", clip(&last(&point), 200)));
            level.nodes.push(Node { point, children: Vec::new() });
        }
        match level.plan {
            Some(plan) if plan != level.nodes.len() => {
                self.faults.push(format!("the plan{name} is {plan} tests, and there are {}", level.nodes.len()));
            }
            None => self.faults.push(format!("the plan{name} is missing")),
            Some(_) => {}
        }
        level.nodes
    }

    fn finish(mut self) -> Tap {
        if self.yaml.is_some() {
            self.take_yaml("end");
            self.faults.push("a block of diagnostics is not closed".to_owned());
        }
        if self.levels.first().is_some_and(|level| level.braced.is_none()) {
            self.orphans(1);
        } else {
            self.levels.truncate(1);
        }
        let mut tap = Tap::default();
        if let Some(level) = self.levels.pop() {
            tap.skipped = level.plan_skips.clone().filter(|_| level.plan == Some(0));
            for node in self.settle(level) {
                flatten(node, &[], &mut tap.points);
            }
        } else {
            self.faults.push("the plan is missing".to_owned());
        }
        if self.count >= MAX_RESULTS {
            self.faults.push(format!("there are more than {MAX_RESULTS} test points"));
        }
        tap.bail = self.bail;
        tap.faults = self.faults;
        tap.faults.truncate(20);
        tap
    }
}

/// Some tools indent the lines inside a block once more.
fn dedent(block: String) -> String {
    let inner = block.lines().map(|line| line.strip_prefix("  ").or(line.is_empty().then_some(line)));
    inner.collect::<Option<Vec<_>>>().map_or(block.clone(), |lines| lines.join("\n"))
}

fn empty(name: String) -> TapPoint {
    TapPoint {
        path: vec![name],
        ok: true,
        directive: None,
        yaml: String::new(),
        comments: String::new(),
        group: None,
        subtests: Subtests::None,
    }
}

fn last(point: &TapPoint) -> String {
    point.path.last().cloned().unwrap_or_default()
}

fn flatten(node: Node, above: &[String], points: &mut Vec<TapPoint>) {
    let Node { mut point, children } = node;
    let path = above.iter().cloned().chain(point.path.iter().cloned()).collect::<Vec<_>>();
    if !children.is_empty() {
        let start = points.len();
        for child in children {
            flatten(child, &path, points);
        }
        let failed = |point: &TapPoint| !point.ok && point.directive.is_none();
        point.subtests = if points[start..].iter().any(failed) { Subtests::Failed } else { Subtests::Held };
    }
    point.path = path;
    points.push(point);
}

/// Returns the value of a top-level key of a block of diagnostics: a plain or quoted scalar, or a block of lines.
pub(crate) fn yaml_value(block: &str, key: &str) -> Option<String> {
    let mut lines = block.lines();
    let value = lines.by_ref().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?.trim();
    if matches!(value.trim_end_matches(['-', '+']), "|" | ">") {
        let indented = lines.take_while(|line| line.starts_with(' ') || line.trim().is_empty());
        let text = indented.map(|line| line.strip_prefix("  ").unwrap_or(line)).collect::<Vec<_>>().join("\n");
        return Some(text.trim_end().to_owned());
    }
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    Some(match (quoted('\''), quoted('"')) {
        (Some(inner), _) => inner.replace("''", "'"),
        (None, Some(inner)) => serde_json::from_str(value).unwrap_or_else(|_| inner.to_owned()),
        (None, None) => value.to_owned(),
    })
}

#[cfg(test)]
mod tests;
