//! A pull request: its title, its body, its commit's message and its check.

use super::plain::{code, line, shorten};
use super::{Steering, count, duration, fit, marker, names};
use crate::publish::evidence::{Evidence, Tried};

/// GitHub takes titles of 256 characters; a commit's subject should have 72.
const MAX_SUBJECT: usize = 72;
/// Names of tests that are listed.
const MAX_TESTS: usize = 20;

/// What is changed in one file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Changed {
    /// The path.
    pub path: String,
    /// Lines added.
    pub added: usize,
    /// Lines removed.
    pub removed: usize,
}

/// What a pull request is for.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// The issue's number.
    pub issue: u64,
    /// Whether merging closes the issue: GitHub does so for the default branch only.
    pub closes: bool,
    /// Other open issues that say the same.
    pub duplicates: &'a [u64],
    /// The files.
    pub changed: &'a [Changed],
    /// What a reviewer should look at, from the policy gate.
    pub flags: &'a [String],
    /// The image that the tests ran in, with its digest; empty without one.
    pub image: &'a str,
    /// The probability that the fix is right, from 0 to 1, where one was computed.
    pub confidence: Option<f64>,
    /// Models that took part.
    pub models: &'a [String],
    /// How people take part.
    pub steering: Steering<'a>,
}

/// Returns the title: ours, with nothing of the issue's text in it.
pub fn title(about: &About<'_>, evidence: &Evidence) -> String {
    subject(about, evidence)
}

fn subject(about: &About<'_>, evidence: &Evidence) -> String {
    let place =
        evidence.accepted.as_ref().and_then(|_| about.changed.first()).map_or("the code", |file| file.path.as_str());
    let name = place.rsplit('/').next().unwrap_or(place);
    shorten(&format!("Fix #{} in {}", about.issue, bare(name)), MAX_SUBJECT)
}

/// What of a name can stand where nothing is read as Markdown: in titles and commits.
fn bare(text: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || matches!(character, '.' | '_' | '-' | '/' | ':' | ' ');
    text.chars().filter(|character| plain(*character)).take(80).collect()
}

/// Returns the commit's message, with trailers that tools read.
pub fn commit_message(about: &About<'_>, evidence: &Evidence, requester: Option<(&str, u64)>) -> String {
    let mut message = format!("{}\n\n", subject(about, evidence));
    if about.closes {
        message.push_str(&format!("Fixes #{}\n", about.issue));
    }
    if let Some((login, id)) = requester.filter(|(login, _)| is_login(login)) {
        message.push_str(&format!("Co-authored-by: {login} <{id}+{login}@users.noreply.github.com>\n"));
    }
    message.push_str(&format!("Patchwright-Job: {}\nPatchwright-Base: {}\n", evidence.job, evidence.base));
    for model in about.models {
        message.push_str(&format!("Patchwright-Model: {}\n", bare(model)));
    }
    message
}

/// Logins have letters, digits and hyphens; nothing else can break out of a trailer.
fn is_login(login: &str) -> bool {
    (1..=39).contains(&login.len()) && login.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Returns the body.
pub fn body(about: &About<'_>, evidence: &Evidence) -> String {
    let mut body = marker(about.steering.slug, "pull", &evidence.job);
    body.push('\n');
    body.push_str(&opening(about, evidence));
    body.push_str(&changes(about));
    body.push_str(&checks(about, evidence));
    body.push_str(&unchecked(about, evidence));
    body.push_str(&alternatives(&evidence.alternatives));
    body.push_str(&closing(about, evidence));
    fit(&body)
}

fn opening(about: &About<'_>, evidence: &Evidence) -> String {
    let verb = if about.closes { "Fixes" } else { "Concerns" };
    let mut text = format!("{verb} #{}.", about.issue);
    for number in about.duplicates {
        text.push_str(&format!(" #{number} seems to be about the same fault."));
    }
    let suspect = evidence.symbols.first().or(evidence.files.first());
    if let Some(suspect) = suspect {
        text.push_str(&format!("\n\nThe fault was looked for first in {}", code(&suspect.place, 200)));
        if let Some(reason) = suspect.evidence.first() {
            text.push_str(&format!(" ({})", line(reason, 200)));
        }
        text.push('.');
    }
    text.push_str("\n\n");
    text
}

fn changes(about: &About<'_>) -> String {
    let mut text = "### What changed\n\n".to_owned();
    for file in about.changed {
        text.push_str(&format!("- {}: +{} −{}\n", code(&file.path, 200), file.added, file.removed));
    }
    text.push_str("\nTests were not edited.\n\n");
    text
}

fn checks(about: &About<'_>, evidence: &Evidence) -> String {
    let targets = evidence.targets.len();
    let others = evidence.failed_before.len().saturating_sub(targets);
    let mut text = format!(
        "### How it was checked\n\nIn a fresh sandbox, with the tests and test configuration of the base:\n\n\
         | tests | before | after |\n| --- | --- | --- |\n| {} that had to turn green | fail | pass |\n| {} that passed | pass | pass |\n",
        targets, evidence.passed_before
    );
    if others > 0 {
        text.push_str(&format!("| {others} others that failed | fail | not judged |\n"));
    }
    text.push_str(&format!(
        "\n<details><summary>{}</summary>\n\n{}\n</details>\n\n",
        count(targets, "test that turned green", "tests that turned green"),
        names(&evidence.targets, MAX_TESTS)
    ));
    text.push_str(&format!("Base {}, sandbox {}", code(&evidence.base, 64), line(&evidence.sandbox, 200)));
    if !about.image.is_empty() {
        text.push_str(&format!(", image {}", code(about.image, 200)));
    }
    text.push_str(".\n\n");
    text
}

fn unchecked(about: &About<'_>, evidence: &Evidence) -> String {
    let mut text =
        "### What was not checked\n\nWhether the change does what people want beyond what the tests say.\n".to_owned();
    if !evidence.flaky.is_empty() {
        let names: Vec<String> = evidence.flaky.iter().map(|flaky| flaky.test.clone()).collect();
        text.push_str(&format!(
            "\nThese tests come and go by themselves and decided nothing:\n\n{}",
            super::names(&names, MAX_TESTS)
        ));
    }
    if !about.flags.is_empty() {
        text.push_str("\nPlease look at:\n\n");
        for flag in about.flags {
            text.push_str(&format!("- {}\n", line(flag, 300)));
        }
    }
    text.push('\n');
    text
}

fn alternatives(tried: &[Tried]) -> String {
    if tried.is_empty() {
        return String::new();
    }
    let mut text =
        "<details><summary>Alternatives that were tried</summary>\n\n| edit | value | result |\n| --- | --- | --- |\n"
            .to_owned();
    for candidate in tried {
        let result = match candidate.refused.first() {
            Some(reason) => format!("refused: {}", line(reason, 200)),
            None if candidate.broken > 0 => {
                format!("{} turned green, {} broken", candidate.targets_passed, candidate.broken)
            }
            None => format!("{} turned green", candidate.targets_passed),
        };
        text.push_str(&format!("| {} | {:.2} | {result} |\n", line(&candidate.note, 120), candidate.value));
    }
    text.push_str("\n</details>\n\n");
    text
}

fn closing(about: &About<'_>, evidence: &Evidence) -> String {
    let slug = about.steering.slug;
    let models = if about.models.is_empty() {
        "no model".to_owned()
    } else {
        about.models.iter().map(|model| line(model, 80)).collect::<Vec<_>>().join(", ")
    };
    let mut text = format!(
        "---\nFound by Patchwright {} in {}, {}, {models}; job {}.",
        line(&evidence.version, 30),
        duration(evidence.seconds),
        count(usize::try_from(evidence.evaluations).unwrap_or(usize::MAX), "candidate run", "candidates run"),
        code(&evidence.job, 64)
    );
    if let Some(confidence) = about.confidence {
        text.push_str(&format!(" Estimated probability of being right: {:.0} %.", confidence.clamp(0.0, 1.0) * 100.0));
    }
    text.push_str(&about.steering.page_link());
    text.push_str(&format!(
        "\nA review comment is answered with a further commit; `/{slug} undo` closes this and deletes its branch; closing it unmerged leaves the issue alone.\n"
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::evidence::tests::solved;

    fn about<'a>(changed: &'a [Changed], flags: &'a [String]) -> About<'a> {
        About {
            issue: 12,
            closes: true,
            duplicates: &[9],
            changed,
            flags,
            image: "patchwright/python@sha256:aa",
            confidence: Some(0.83),
            models: &[],
            steering: Steering { slug: "patchwright", page: "" },
        }
    }

    fn changed() -> Vec<Changed> {
        vec![Changed { path: "src/a.py".to_owned(), added: 1, removed: 2 }]
    }

    #[test]
    fn a_body_leads_with_evidence() {
        let flags = vec!["adds a URL: @everyone".to_owned()];
        let body = body(&about(&changed(), &flags), &Evidence::of(&solved())).replace('\u{200B}', "·");
        insta::assert_snapshot!(body);
    }

    #[test]
    fn a_commit_names_its_job_and_nobody_else() {
        let evidence = Evidence::of(&solved());
        let changed = changed();
        let message = commit_message(&about(&changed, &[]), &evidence, Some(("ann", 5)));
        insta::assert_snapshot!(message, @r"
        Fix #12 in a.py

        Fixes #12
        Co-authored-by: ann <5+ann@users.noreply.github.com>
        Patchwright-Job: 018f0000-0000-7000-8000-000000000001
        Patchwright-Base: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
        ");
        let forged = commit_message(&about(&changed, &[]), &evidence, Some(("x\nFixes #1", 5)));
        assert!(!forged.contains("Fixes #1\n"));
    }
}
