//! What `{…}` in a value of tox stands for, as far as it is known before anything runs.

/// Deepest values that refer to values.
const MOST_DEPTH: usize = 8;
/// Longest value.
const MOST_TEXT: usize = 64 << 10;

/// What is known of an environment while its values are read.
pub(super) struct Known<'a> {
    /// The environment's name.
    pub(super) name: &'a str,
    /// What stands behind `--` of the command line.
    pub(super) posargs: &'a [String],
    /// The way from the directory of the commands to that of the configuration: empty, `..`, `../..`.
    pub(super) root: String,
    /// Variables of the environment itself.
    pub(super) env: &'a [(String, String)],
    /// Returns the raw text of a key of a section, of the environment's own where none is named.
    pub(super) refer: &'a dyn Fn(Option<&str>, &str) -> Option<String>,
}

impl Known<'_> {
    /// Returns a value with everything put in that is known.
    ///
    /// # Errors
    /// With the first thing that is not.
    pub(super) fn substituted(&self, text: &str) -> Result<String, String> {
        self.at_depth(text, 0)
    }

    fn at_depth(&self, text: &str, depth: usize) -> Result<String, String> {
        if depth > MOST_DEPTH || text.len() > MOST_TEXT {
            return Err("values refer to one another without end".to_owned());
        }
        let mut done = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '\\']) {
            done.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(escaped) = rest.strip_prefix('\\') {
                // Only braces and the backslash of a continued line mean something to tox; shells see the others.
                let bare = escaped.starts_with(['{', '}']);
                done.push_str(if bare { &escaped[..1] } else { "\\" });
                rest = &escaped[usize::from(bare)..];
                continue;
            }
            let Some(end) = closing(rest) else {
                done.push('{');
                rest = &rest[1..];
                continue;
            };
            done.push_str(&self.value(&rest[1..end], depth)?);
            if done.len() > MOST_TEXT {
                return Err("a value is too long".to_owned());
            }
            rest = &rest[end + 1..];
        }
        done.push_str(rest);
        Ok(done)
    }

    fn value(&self, inner: &str, depth: usize) -> Result<String, String> {
        let root = || if self.root.is_empty() { ".".to_owned() } else { self.root.clone() };
        if let Some((section, key)) = inner.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let text = (self.refer)(Some(section), key).ok_or_else(|| format!("there is no {{{inner}}}"))?;
            return self.at_depth(&text, depth + 1);
        }
        let (name, rest) = inner.split_once(':').map_or((inner, None), |(name, rest)| (name, Some(rest)));
        Ok(match (name, rest) {
            ("posargs", default) if self.posargs.is_empty() => self.at_depth(default.unwrap_or_default(), depth + 1)?,
            ("posargs", _) => shell_words::join(self.posargs),
            ("env", Some(rest)) => {
                let (name, default) = rest.split_once(':').unwrap_or((rest, ""));
                let own = self.env.iter().find(|(known, _)| known == name);
                match own {
                    Some((_, value)) => value.clone(),
                    None => self.at_depth(default, depth + 1)?,
                }
            }
            // A terminal is never there.
            ("tty", Some(rest)) => self.at_depth(rest.split_once(':').map_or("", |(_, without)| without), depth + 1)?,
            ("toxinidir" | "tox_root" | "package_root", None) => root(),
            ("envname" | "env_name", None) => self.name.to_owned(),
            ("envpython" | "env_python" | "basepython" | "base_python" | "py_dot_ver", None) => "python".to_owned(),
            ("envbindir" | "env_bin_dir", None) => "{bin}".to_owned(),
            ("toxworkdir" | "work_dir", None) => format!("{}/.tox", root()),
            ("envdir" | "env_dir", None) => format!("{}/.tox/{}", root(), self.name),
            ("envtmpdir" | "env_tmp_dir", None) => format!("{}/.tox/{}/tmp", root(), self.name),
            ("envlogdir" | "env_log_dir", None) => format!("{}/.tox/{}/log", root(), self.name),
            ("/", None) => "/".to_owned(),
            ("", Some("")) => ":".to_owned(),
            (key, None) => match (self.refer)(None, key) {
                Some(text) => self.at_depth(&text, depth + 1)?,
                None => return Err(format!("what {{{key}}} is shows only when tox runs")),
            },
            _ => return Err(format!("what {{{inner}}} is shows only when tox runs")),
        })
    }
}

/// Returns where the brace closes that a text begins with.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b'\n' => return None,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// Returns a list of names with their braces taken apart: `py{38,39}-{a,b}`, `py3{9-11}`.
pub(super) fn expanded(text: &str, most: usize) -> Vec<String> {
    let mut done = Vec::new();
    let mut open = vec![text.to_owned()];
    while let Some(next) = open.pop() {
        let braces = next.find('{').and_then(|start| Some((start, start + next[start..].find('}')?)));
        let Some((start, end)) = braces.filter(|_| done.len() + open.len() < most) else {
            done.push(next);
            continue;
        };
        let choices = choices(&next[start + 1..end]);
        open.extend(
            choices.iter().rev().map(|choice| format!("{}{}{}", &next[..start], choice.trim(), &next[end + 1..])),
        );
    }
    done
}

/// `a,b` and `9-11`.
fn choices(inner: &str) -> Vec<String> {
    let range =
        inner.split_once('-').and_then(|(first, last)| Some((first.parse::<u16>().ok()?, last.parse::<u16>().ok()?)));
    match range {
        Some((first, last)) if last.saturating_sub(first) < 100 => {
            (first..=last).map(|number| number.to_string()).collect()
        }
        _ => inner.split(',').map(str::to_owned).collect(),
    }
}

/// Splits at commas outside of braces.
pub(super) fn alternatives(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_usize;
    for char in text.chars() {
        match char {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(char);
        }
    }
    parts
}
