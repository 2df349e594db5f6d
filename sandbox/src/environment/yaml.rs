//! YAML as plain values with their lines. What a hostile file could make large (depth, nodes, aliases) is bounded.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser};

const MOST_DEPTH: usize = 64;
/// Nodes of one document, those that aliases repeat included.
const MOST_NODES: usize = 50_000;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Yaml {
    /// Where it starts, counted from 1; for a block of text its first line.
    pub(super) line: u32,
    pub(super) value: Value,
}

/// What a value is. Scalars stay text: `3.10` is a version here and no number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Scalar(String),
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>),
}

impl Yaml {
    /// Reads the first document; `None` where it is no YAML, or more than is worth reading.
    pub(super) fn parse(text: &str) -> Option<Yaml> {
        let mut reader = Reader::default();
        for event in Parser::new_from_str(text) {
            let (event, span) = event.ok()?;
            let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
            match event {
                Event::Scalar(text, _, anchor, _) => {
                    reader.leaf(Yaml { line, value: Value::Scalar(text.into_owned()) }, anchor)?
                }
                Event::SequenceStart(anchor, _) => {
                    reader.open(Yaml { line, value: Value::List(Vec::new()) }, anchor)?
                }
                Event::MappingStart(anchor, _) => reader.open(Yaml { line, value: Value::Map(Vec::new()) }, anchor)?,
                Event::SequenceEnd | Event::MappingEnd => reader.close()?,
                Event::Alias(anchor) => reader.alias(anchor, line)?,
                Event::DocumentEnd => return reader.root,
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {}
            }
        }
        reader.root
    }

    pub(super) fn get(&self, key: &str) -> Option<&Yaml> {
        self.entries().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &Yaml)> {
        let entries: &[(String, Yaml)] = match &self.value {
            Value::Map(entries) => entries,
            Value::Scalar(_) | Value::List(_) => &[],
        };
        entries.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Returns the items of a list; a scalar is a list of one.
    pub(super) fn items(&self) -> &[Yaml] {
        match &self.value {
            Value::List(items) => items,
            Value::Scalar(_) => std::slice::from_ref(self),
            Value::Map(_) => &[],
        }
    }

    fn size(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(_) => 0,
            Value::List(items) => items.iter().map(Yaml::size).sum(),
            Value::Map(entries) => entries.iter().map(|(_, value)| value.size()).sum(),
        }
    }
}

/// A value that is not complete yet.
struct Open {
    node: Yaml,
    anchor: usize,
    /// A mapping's key that waits for its value.
    key: Option<String>,
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    anchors: HashMap<usize, Yaml>,
    nodes: usize,
    root: Option<Yaml>,
}

impl Reader {
    fn open(&mut self, node: Yaml, anchor: usize) -> Option<()> {
        self.count(1)?;
        self.open.push(Open { node, anchor, key: None });
        (self.open.len() <= MOST_DEPTH).then_some(())
    }

    fn close(&mut self) -> Option<()> {
        let Open { node, anchor, .. } = self.open.pop()?;
        self.keep(&node, anchor);
        self.place(node)
    }

    fn leaf(&mut self, node: Yaml, anchor: usize) -> Option<()> {
        self.count(1)?;
        self.keep(&node, anchor);
        self.place(node)
    }

    fn alias(&mut self, anchor: usize, line: u32) -> Option<()> {
        let mut node = self.anchors.get(&anchor)?.clone();
        node.line = line;
        self.count(node.size())?;
        self.place(node)
    }

    fn keep(&mut self, node: &Yaml, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
    }

    fn count(&mut self, nodes: usize) -> Option<()> {
        self.nodes += nodes;
        (self.nodes <= MOST_NODES).then_some(())
    }

    fn place(&mut self, node: Yaml) -> Option<()> {
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Some(());
        };
        match (&mut parent.node.value, parent.key.take()) {
            (Value::List(items), _) => items.push(node),
            // A key that is no scalar is kept under no name, so that its value has somewhere to go.
            (Value::Map(_), None) => parent.key = Some(node.text().unwrap_or_default().to_owned()),
            (Value::Map(entries), Some(key)) if key == "<<" => merge(entries, node),
            (Value::Map(entries), Some(key)) => entries.push((key, node)),
            (Value::Scalar(_), _) => return None,
        }
        Some(())
    }
}

/// `<<: *defaults`: what is there already wins.
fn merge(entries: &mut Vec<(String, Yaml)>, node: Yaml) {
    let sources = match node.value {
        Value::List(items) => items,
        Value::Map(_) | Value::Scalar(_) => vec![node],
    };
    for source in sources {
        let Value::Map(more) = source.value else { continue };
        for (key, value) in more {
            if !entries.iter().any(|(known, _)| *known == key) {
                entries.push((key, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_text_and_line() {
        let yaml = Yaml::parse("on: [push]\nmatrix:\n  python: [3.9, '3.10']\nrun: |\n  a\n  b\n").unwrap();
        let versions: Vec<&str> =
            yaml.get("matrix").unwrap().get("python").unwrap().items().iter().filter_map(Yaml::text).collect();
        assert_eq!(versions, ["3.9", "3.10"]);
        let run = yaml.get("run").unwrap();
        assert_eq!((run.text(), run.line), (Some("a\nb\n"), 5));
    }

    #[test]
    fn anchors_are_followed_and_merged() {
        let yaml = Yaml::parse("a: &a {x: 1, y: 2}\nb:\n  y: 3\n  <<: *a\nc: *a\n").unwrap();
        assert_eq!(yaml.get("b").unwrap().get("x").unwrap().text(), Some("1"));
        assert_eq!(yaml.get("b").unwrap().get("y").unwrap().text(), Some("3"));
        assert_eq!(yaml.get("c").unwrap().get("y").unwrap().text(), Some("2"));
    }

    #[test]
    fn bombs_are_given_up() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let inner = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
        }
        assert_eq!(Yaml::parse(&bomb), None);
        assert_eq!(Yaml::parse(&"[".repeat(200_000)), None);
        assert_eq!(Yaml::parse(&format!("a: {}", "- ".repeat(100_000))), None);
        assert_eq!(Yaml::parse("a: *nothing"), None);
        assert_eq!(Yaml::parse("{"), None);
    }
}
