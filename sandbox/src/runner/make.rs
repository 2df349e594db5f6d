//! `make check` and `make test`: a shell command, which is one test.

use super::{Detected, Files, Runner, RunnerKind};

/// The targets of a Makefile that test.
pub(super) struct Make;

impl Runner for Make {
    fn kind(&self) -> RunnerKind {
        RunnerKind::Command
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        for name in ["GNUmakefile", "makefile", "Makefile", "Makefile.am", "Makefile.in"] {
            let Some(text) = files.text(name) else { continue };
            let target = ["check", "test", "tests"].into_iter().find(|target| has_target(&text, target));
            if let Some(target) = target.filter(|_| !name.contains('.')) {
                let evidence = vec![format!("{name} has the target {target}")];
                return Some(Detected { args: vec![format!("make {target}")], evidence });
            }
            if name.contains('.')
                && text.lines().any(|line| line.starts_with("TESTS") || line.starts_with("check_PROGRAMS"))
            {
                let evidence = vec![format!("{name} makes tests of automake")];
                let configure = if files.has("configure") { "./configure" } else { "autoreconf -i && ./configure" };
                return Some(Detected { args: vec![format!("{configure} && make check")], evidence });
            }
        }
        None
    }
}

/// `check: all`, also among others and with two colons.
fn has_target(text: &str, target: &str) -> bool {
    text.lines().any(|line| {
        let Some((targets, rest)) = line.split_once(':') else { return false };
        !line.starts_with(['\t', ' ', '.', '#'])
            && !rest.starts_with('=')
            && targets.split_whitespace().any(|it| it == target)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_of_makefiles_are_found() {
        for (text, expected) in [
            ("check: all\n", true),
            ("all check::\n\ttrue\n", true),
            (".PHONY: check\n", false),
            ("check := 1\n", false),
            ("\tcheck: x\n", false),
            ("# check: x\n", false),
            ("checks:\n", false),
        ] {
            assert_eq!(has_target(text, "check"), expected, "{text}");
        }
    }
}
