//! Django's own `tests/runtests.py`: run by the driver, in the forked child (`driver/with_django.py`).
//!
//! Ids are `module.Class.method`, as `runtests.py` takes them for labels. `format::log::django` reads the script's `-v 2` output.

use super::{Detected, Files, Runner, RunnerKind};

pub(super) struct Django;

impl Runner for Django {
    fn kind(&self) -> RunnerKind {
        RunnerKind::Django
    }

    fn claims(&self, words: &[String]) -> bool {
        let base = |word: &String| word.rsplit('/').next().unwrap_or_default().to_owned();
        let script = |word: &String| base(word) == "runtests.py";
        match words {
            [first, ..] if script(first) => is_of_django(words),
            [first, rest @ ..] if base(first).starts_with("python") => {
                rest.iter().find(|word| !word.starts_with('-')).is_some_and(script) && is_of_django(rest)
            }
            _ => false,
        }
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        let text = files.text("tests/runtests.py")?;
        let own = files.has("django/__init__.py") || text.contains("django.test.utils") && text.contains("TestRunner");
        own.then(|| Detected {
            args: ["python", "tests/runtests.py"].map(str::to_owned).to_vec(),
            evidence: vec!["tests/runtests.py runs Django's tests".to_owned()],
        })
    }
}

/// Other projects have scripts of that name; Django's stands in `tests`, or is given settings.
fn is_of_django(words: &[String]) -> bool {
    let settings = |word: &String| word == "--settings" || word.starts_with("--settings=");
    words.iter().any(|word| word.ends_with("tests/runtests.py") || settings(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_recognised() {
        for (command, expected) in [
            ("python tests/runtests.py", true),
            ("./tests/runtests.py --settings=test_sqlite aggregation", true),
            ("python -B runtests.py --settings test_sqlite", true),
            ("/venv/bin/python tests/runtests.py -v 2", true),
            ("./runtests.py", false),
            ("python manage.py test", false),
            ("python", false),
        ] {
            let words = shell_words::split(command).unwrap();
            assert_eq!(Django.claims(&words), expected, "{command}");
        }
    }
}
