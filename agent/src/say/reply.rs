//! Short answers: to commands, to settings that cannot be used, and where no fix was found.

use super::plain::{code, line};
use super::{Steering, count, duration, fit, marker, names};
use crate::publish::evidence::Evidence;

/// Names of tests that are listed.
const MAX_TESTS: usize = 10;

/// Returns what can be commanded.
pub fn help(slug: &str) -> String {
    format!(
        "| command | what it does |\n| --- | --- |\n\
         | `/{slug} fix` | works on this issue; `--budget 2.00`, `--branch NAME` and `--draft` narrow it |\n\
         | `/{slug} status` | says how far the job is |\n| `/{slug} stop` | stops the job |\n| `/{slug} retry` | tries again, with all that was found |\n\
         | `/{slug} explain` | says where the fault is suspected and why |\n| `/{slug} ignore` | leaves this issue alone |\n\
         | `/{slug} undo` | closes our pull request and deletes its branch |\n| `/{slug} config check` | reads `.github/patchwright.toml` |\n\n\
         A command stands at the start of a line of its own. People with write access can give them.\n"
    )
}

/// Returns the answer to a command that is none.
pub fn unknown_command(slug: &str, problem: &str) -> String {
    format!("{}\n\n{}", line(problem, 200), help(slug))
}

/// Returns what is said once of a settings file that cannot be used.
pub fn settings_problem(slug: &str, problem: &str) -> String {
    format!(
        "{}\n{} Nothing is done here until it is mended.\n",
        marker(slug, "settings", "problem"),
        line(problem, 500)
    )
}

/// Returns the diagnosis where no fix was found.
pub fn diagnosis(evidence: &Evidence, steering: &Steering<'_>) -> String {
    let mut body = marker(steering.slug, "diagnosis", &evidence.job);
    body.push_str("\nNo change was found that the tests confirm. What was found:\n\n");
    if evidence.files.is_empty() && evidence.symbols.is_empty() {
        body.push_str("The issue names nothing of the code, and no failing test leads to it.\n");
    } else {
        body.push_str("| suspected | why |\n| --- | --- |\n");
        for suspect in evidence.symbols.iter().chain(&evidence.files) {
            let why: Vec<String> = suspect.evidence.iter().take(2).map(|reason| line(reason, 120)).collect();
            body.push_str(&format!("| {} | {} |\n", code(&suspect.place, 160).replace('|', "\\|"), why.join("; ")));
        }
    }
    if !evidence.failed_before.is_empty() {
        let failing = count(evidence.failed_before.len(), "test fails", "tests fail");
        body.push_str(&format!("\n{failing} on the base:\n\n{}", names(&evidence.failed_before, MAX_TESTS)));
    }
    if let Some(best) = evidence.alternatives.first() {
        body.push_str(&format!(
            "\nThe closest candidate: {} ({} of {} turned green, {} broken).\n",
            line(&best.note, 200),
            best.targets_passed,
            evidence.targets.len(),
            best.broken
        ));
    }
    let run = usize::try_from(evidence.evaluations).unwrap_or(usize::MAX);
    body.push_str(&format!(
        "\n{} in {}. `/{} retry` tries again.{}\n",
        count(run, "candidate was run", "candidates were run"),
        duration(evidence.seconds),
        steering.slug,
        steering.page_link()
    ));
    fit(&body)
}

/// Returns what is said where an issue is about the fault of another one that we have a pull request for.
pub fn duplicate_of(slug: &str, issue: u64, pull: u64) -> String {
    format!(
        "{}\nThis seems to be about the same fault as #{issue}, for which a fix is proposed in #{pull}.\n",
        marker(slug, "duplicate", &issue.to_string())
    )
}

/// Returns what is said where a person pushed to our branch.
pub fn branch_taken_over(slug: &str) -> String {
    format!(
        "Somebody pushed to this branch, so it is left to people from here on. `/{slug} retry` on the issue starts anew.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::evidence::tests::{evaluated, solved};

    #[test]
    fn a_diagnosis_says_where_and_why() {
        let mut events = solved();
        events.truncate(3);
        events.push(evaluated(1, 1, 0.45));
        let steering = Steering { slug: "patchwright", page: "" };
        insta::assert_snapshot!(diagnosis(&Evidence::of(&events), &steering).replace('\u{200B}', "·"));
        assert!(diagnosis(&Evidence::default(), &steering).contains("names nothing of the code"));
    }

    #[test]
    fn help_names_every_command() {
        let text = help("patchwright");
        for command in ["fix", "status", "stop", "retry", "explain", "ignore", "undo", "config check"] {
            assert!(text.contains(&format!("`/patchwright {command}`")), "{command}");
        }
        assert!(unknown_command("patchwright", "no `@x`").starts_with("no \\`@"));
    }
}
