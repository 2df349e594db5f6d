//! Which file a class of PHP is loaded from, as `composer.json` says: PSR-4, PSR-0, lists of classes and of files.

use serde_json::Value;

/// What one `composer.json` says of where classes and functions are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Composer {
    /// Dotted prefix of a namespace, with the directory of what follows it.
    below: Vec<(String, String)>,
    /// Dotted prefix of a namespace, with the directory of all of it.
    within: Vec<(String, String)>,
    /// Directories and files all of which is looked through, or loaded.
    listed: Vec<String>,
}

impl Composer {
    pub(super) fn read(text: &str) -> Option<Composer> {
        let value: Value = serde_json::from_str(text).ok()?;
        let mut composer = Composer::default();
        for autoload in ["autoload", "autoload-dev"].iter().filter_map(|it| value.get(it)) {
            composer.below.extend(prefixes(autoload.get("psr-4")));
            composer.within.extend(prefixes(autoload.get("psr-0")));
            let lists = ["classmap", "files"].iter().filter_map(|it| autoload.get(it));
            composer.listed.extend(lists.flat_map(strings).map(trimmed));
        }
        (composer != Composer::default()).then_some(composer)
    }

    /// Returns how surely the file at `path`, as seen from the directory of the configuration, is the one that a name is loaded from: 2 where
    /// its name leads there, 1 where it is among the files listed, and 0 otherwise.
    pub(super) fn loads(&self, path: &str, name: &str) -> u8 {
        let leads = |(prefix, folder): &(String, String), whole: bool| {
            let rest = name.strip_prefix(prefix.as_str()).filter(|it| prefix.is_empty() || it.starts_with('.'));
            let rest = if whole { rest.map(|_| name) } else { rest };
            rest.is_some_and(|it| is_file(path, folder, it.trim_start_matches('.')))
        };
        if self.below.iter().any(|it| leads(it, false)) || self.within.iter().any(|it| leads(it, true)) {
            return 2;
        }
        let holds = |listed: &String| path.strip_prefix(listed.as_str()).is_some_and(|it| is_end(listed, it));
        u8::from(self.listed.iter().any(holds))
    }
}

/// Returns whether a path is that of a dotted name in a directory.
fn is_file(path: &str, folder: &str, name: &str) -> bool {
    let inside = path.strip_prefix(folder).map(|it| if folder.is_empty() { it } else { it.trim_start_matches('/') });
    let parts = inside.and_then(|it| it.strip_suffix(".php")).map(|it| it.split('/'));
    parts.is_some_and(|it| it.eq(name.split('.')))
}

/// Returns whether what follows a listed path ends it, or stands in it.
fn is_end(listed: &str, rest: &str) -> bool {
    rest.is_empty() || listed.is_empty() || rest.starts_with('/')
}

fn prefixes(table: Option<&Value>) -> Vec<(String, String)> {
    let table = table.and_then(Value::as_object).into_iter().flatten();
    let each = |(prefix, folders): (&String, &Value)| {
        let prefix = prefix.trim_matches('\\').replace('\\', ".");
        strings(folders).into_iter().map(|it| (prefix.clone(), trimmed(it))).collect::<Vec<_>>()
    };
    table.flat_map(each).collect()
}

/// Returns a text, or the texts of a list.
fn strings(value: &Value) -> Vec<&str> {
    let one = value.as_str().into_iter();
    one.chain(value.as_array().into_iter().flatten().filter_map(Value::as_str)).collect()
}

fn trimmed(path: &str) -> String {
    path.trim_start_matches("./").trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_files() {
        let text = r#"{"autoload": {"psr-4": {"Acme\\": ["src/", "lib"], "": "fallback"}, "psr-0": {"Old": "./legacy/"}},
            "autoload-dev": {"classmap": ["tests/kit"], "files": ["src/functions.php"]}}"#;
        let composer = Composer::read(text).unwrap();
        let table = [
            ("src/Util/Money.php", "Acme.Util.Money", 2),
            ("lib/Util/Money.php", "Acme.Util.Money", 2),
            ("src/Util/Cash.php", "Acme.Util.Money", 0),
            ("source/Util/Money.php", "Acme.Util.Money", 0),
            ("src/Util/Money.php", "Acmes.Util.Money", 0),
            ("fallback/Other/Thing.php", "Other.Thing", 2),
            ("legacy/Old/Thing.php", "Old.Thing", 2),
            ("legacy/Thing.php", "Old.Thing", 0),
            ("tests/kit/a/b.php", "Anything", 1),
            ("tests/kits/b.php", "Anything", 0),
            ("src/functions.php", "limit", 1),
        ];
        for (path, name, expected) in table {
            assert_eq!(composer.loads(path, name), expected, "{path} {name}");
        }
    }

    #[test]
    fn what_says_nothing_is_left_out() {
        for text in ["", "[]", "{}", r#"{"autoload": 3}"#, r#"{"autoload": {"psr-4": [1], "files": {"a": "b"}}}"#] {
            assert_eq!(Composer::read(text), None, "{text}");
        }
    }
}
