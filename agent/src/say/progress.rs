//! The one comment on an issue that says how far its job is, edited in place.

use super::{Steering, duration, fit, marker};

/// The stages people see, in order.
pub const STAGES: [(Stage, &str); 6] = [
    (Stage::Queued, "queued"),
    (Stage::Preparing, "repository fetched and indexed"),
    (Stage::Reproduced, "tests run, failure reproduced"),
    (Stage::Localized, "fault localized"),
    (Stage::Searching, "edits searched"),
    (Stage::Validated, "fix validated in a fresh sandbox"),
];

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It waits for a worker.
    Queued,
    /// The repository is fetched, its environment made.
    Preparing,
    /// The tests ran on the base.
    Reproduced,
    /// Suspects are ranked.
    Localized,
    /// Candidates are run.
    Searching,
    /// A candidate passed in a fresh sandbox.
    Validated,
}

/// How a job ended, for its comment.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// A pull request is open.
    Pull(u64),
    /// No fix was found; the diagnosis stands below.
    NoFix,
    /// Somebody stopped it.
    Stopped,
    /// It failed for a reason outside the issue.
    Failed(Failing),
}

/// Why a job failed, as far as people need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failing {
    /// The sandbox could not be used.
    Sandbox,
    /// The repository could not be fetched.
    Fetch,
    /// The tests cannot be run.
    Tests,
    /// Something nobody planned for.
    Internal,
}

/// Everything the comment shows.
#[derive(Clone, Debug)]
pub struct Progress<'a> {
    /// The job.
    pub job: &'a str,
    /// The last stage that was reached.
    pub stage: Stage,
    /// What it is doing in numbers, such as candidates run; `None` before the search.
    pub candidates: Option<u64>,
    /// Seconds since it began.
    pub seconds: f64,
    /// Money spent on models, in millionths of a dollar.
    pub micro_usd: u64,
    /// How it ended, if it has.
    pub ending: Option<&'a Ending>,
    /// How people take part.
    pub steering: Steering<'a>,
}

/// Returns the comment.
pub fn comment(progress: &Progress<'_>) -> String {
    let mut body = marker(progress.steering.slug, "job", progress.job);
    body.push_str(&format!("\n{}\n\n", headline(progress)));
    for (stage, words) in STAGES {
        let mark = if stage <= progress.stage { 'x' } else { ' ' };
        let detail = match (stage, progress.candidates) {
            (Stage::Searching, Some(candidates)) => format!(" ({candidates} candidates run)"),
            _ => String::new(),
        };
        body.push_str(&format!("- [{mark}] {words}{detail}\n"));
    }
    body.push_str(&format!("\n{}", duration(progress.seconds)));
    if progress.micro_usd > 0 {
        body.push_str(&format!(", {}", dollars(progress.micro_usd)));
    }
    body.push('.');
    if progress.ending.is_none() {
        body.push_str(&format!(" {}{}", progress.steering.stop(), progress.steering.page_link()));
    }
    body.push('\n');
    fit(&body)
}

fn headline(progress: &Progress<'_>) -> String {
    let slug = progress.steering.slug;
    match progress.ending {
        None if progress.stage == Stage::Queued => "This issue is in the queue.".to_owned(),
        None => "Working on this issue.".to_owned(),
        Some(Ending::Pull(number)) => format!("A fix is proposed in #{number}."),
        Some(Ending::NoFix) => format!("No fix was found that the tests confirm. `/{slug} retry` tries again."),
        Some(Ending::Stopped) => format!("Stopped. `/{slug} retry` goes on where it was."),
        Some(Ending::Failed(why)) => {
            format!("This could not be worked on: {}. `/{slug} retry` tries again.", failing(*why))
        }
    }
}

fn failing(why: Failing) -> &'static str {
    match why {
        Failing::Sandbox => "the sandbox for its tests cannot be used at the moment",
        Failing::Fetch => "the repository could not be fetched",
        Failing::Tests => "its tests could not be run; `.github/patchwright.toml` can name the command",
        Failing::Internal => "an error of ours, which is in our log",
    }
}

/// An amount as people write it.
pub(super) fn dollars(micro_usd: u64) -> String {
    format!("${}.{:02}", micro_usd / 1_000_000, micro_usd % 1_000_000 / 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(stage: Stage, ending: Option<&Ending>) -> String {
        let steering = Steering { slug: "patchwright", page: "https://host.example/jobs/1" };
        comment(&Progress {
            job: "1",
            stage,
            candidates: Some(12),
            seconds: 65.0,
            micro_usd: 120_000,
            ending,
            steering,
        })
    }

    #[test]
    fn a_running_job_says_how_far_it_is_and_how_to_stop_it() {
        insta::assert_snapshot!(progress(Stage::Localized, None), @r"
        <!-- patchwright:job:1:v1 -->
        Working on this issue.

        - [x] queued
        - [x] repository fetched and indexed
        - [x] tests run, failure reproduced
        - [x] fault localized
        - [ ] edits searched (12 candidates run)
        - [ ] fix validated in a fresh sandbox

        65 s, $0.12. `/patchwright stop` stops it. [Follow it](https://host.example/jobs/1).
        ");
    }

    #[test]
    fn every_ending_says_what_can_be_done() {
        let endings = [Ending::Pull(7), Ending::NoFix, Ending::Stopped, Ending::Failed(Failing::Tests)];
        let heads: Vec<String> = endings
            .iter()
            .map(|ending| progress(Stage::Validated, Some(ending)).lines().nth(1).unwrap().to_owned())
            .collect();
        insta::assert_snapshot!(heads.join("\n"), @r"
        A fix is proposed in #7.
        No fix was found that the tests confirm. `/patchwright retry` tries again.
        Stopped. `/patchwright retry` goes on where it was.
        This could not be worked on: its tests could not be run; `.github/patchwright.toml` can name the command. `/patchwright retry` tries again.
        ");
    }
}
