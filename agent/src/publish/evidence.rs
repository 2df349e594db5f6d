//! What a pull request or a diagnosis claims, with what each claim rests on, read from a job's journal and from nothing else.

use serde::{Deserialize, Serialize};

use crate::journal::{Event, FlakyTest, Suspect};

/// The version of the record, raised when a reader of older ones would misread newer ones.
pub const SCHEMA: u32 = 1;
/// Alternatives that are told of.
const ALTERNATIVES: usize = 3;
/// Suspects that are told of.
const SUSPECTS: usize = 5;

/// What one job found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The program's version.
    pub version: String,
    /// The job's id, by which its search can be replayed.
    pub job: String,
    /// The base commit.
    pub base: String,
    /// The tree of the accepted candidate.
    pub tree: Option<String>,
    /// The seed of all random choices.
    pub seed: u64,
    /// What isolated the tests.
    pub sandbox: String,
    /// Tests that failed on the base, the targets among them.
    pub failed_before: Vec<String>,
    /// Tests that had to turn green.
    pub targets: Vec<String>,
    /// How many tests passed on the base.
    pub passed_before: usize,
    /// Tests that come and go by themselves.
    pub flaky: Vec<FlakyTest>,
    /// The most suspicious files.
    pub files: Vec<Suspect>,
    /// The most suspicious symbols.
    pub symbols: Vec<Suspect>,
    /// Candidates run.
    pub evaluations: u64,
    /// The accepted candidate.
    pub accepted: Option<Tried>,
    /// The best of those that were not taken, best first.
    pub alternatives: Vec<Tried>,
    /// How the job ended, as in the journal.
    pub status: String,
    /// Seconds it took.
    pub seconds: f64,
    /// What people should know besides.
    pub notices: Vec<String>,
}

/// A candidate that was run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// Its tree.
    pub tree: String,
    /// The edit, for people.
    pub note: String,
    /// The template that made it.
    pub template: String,
    /// Targets that passed.
    pub targets_passed: u32,
    /// Tests that passed on the base and no longer did.
    pub broken: usize,
    /// Its value in `[0,1]`.
    pub value: f64,
    /// Why validation refused it, where it came that far.
    pub refused: Vec<String>,
}

impl Evidence {
    /// Reads a job's events, of all its attempts in order.
    pub fn of(events: &[Event]) -> Evidence {
        let mut evidence = Evidence { schema: SCHEMA, ..Evidence::default() };
        let mut tried: Vec<Tried> = Vec::new();
        for event in events {
            evidence.learn(event, &mut tried);
        }
        if let Some(tree) = &evidence.tree {
            evidence.accepted = tried.iter().rev().find(|candidate| candidate.tree == *tree).cloned();
            tried.retain(|candidate| candidate.tree != *tree);
        }
        tried.retain(|candidate| candidate.value > 0.0);
        // A later attempt runs what an earlier one had begun: one candidate is told of once.
        tried.sort_by(|a, b| b.value.total_cmp(&a.value).then_with(|| a.tree.cmp(&b.tree)));
        tried.dedup_by(|a, b| a.tree == b.tree);
        tried.truncate(ALTERNATIVES);
        evidence.alternatives = tried;
        evidence
    }

    fn learn(&mut self, event: &Event, tried: &mut Vec<Tried>) {
        match event {
            Event::Started { version, job, base, seed, sandbox, .. } => {
                self.version.clone_from(version);
                self.job.clone_from(job);
                self.base.clone_from(base);
                self.seed = *seed;
                self.sandbox.clone_from(sandbox);
            }
            Event::Baseline { passed, failed, targets, .. } => {
                self.passed_before = *passed;
                self.failed_before.clone_from(failed);
                self.targets.clone_from(targets);
            }
            Event::Flaky { tests } => self.flaky.clone_from(tests),
            Event::Localized { files, symbols, .. } => {
                self.files = files.iter().take(SUSPECTS).cloned().collect();
                self.symbols = symbols.iter().take(SUSPECTS).cloned().collect();
            }
            Event::Evaluated { tree, template, note, evaluation, value, .. } => tried.push(Tried {
                tree: tree.to_string(),
                note: note.clone(),
                template: template.clone(),
                targets_passed: evaluation.targets_passed,
                broken: evaluation.broken.len(),
                value: *value,
                refused: Vec::new(),
            }),
            Event::Validated { tree, accepted, reasons, .. } => {
                let tree = tree.to_string();
                if let Some(candidate) = tried.iter_mut().rev().find(|candidate| candidate.tree == tree) {
                    candidate.refused.clone_from(reasons);
                }
                if *accepted {
                    self.tree = Some(tree);
                }
            }
            Event::Finished { status, evaluations, seconds, .. } => {
                self.status.clone_from(status);
                self.evaluations = *evaluations;
                self.seconds += seconds;
            }
            Event::Notice { text } => self.notices.push(text.clone()),
            Event::Stage { .. }
            | Event::Proposed { .. }
            | Event::Refused { .. }
            | Event::Unevaluated { .. }
            | Event::Remembered { .. } => {}
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::search::tree::NodeId;
    use crate::value::Evaluation;

    pub(crate) fn evaluated(number: u32, targets_passed: u32, value: f64) -> Event {
        Event::Evaluated {
            node: NodeId(number),
            parent: NodeId::ROOT,
            tree: format!("{number:040x}").parse().unwrap(),
            template: "condition/negate".to_owned(),
            note: format!("negate the condition in `f` ({number})"),
            prior: 0.1,
            evaluation: Evaluation { targets_passed, targets: 2, guards_run: 40, ..Evaluation::default() },
            value,
        }
    }

    /// A job that solved its issue with its second candidate.
    pub(crate) fn solved() -> Vec<Event> {
        let place = |place: &str, score: f64| Suspect {
            place: place.to_owned(),
            score,
            evidence: vec!["named by the issue".to_owned()],
        };
        vec![
            Event::Started {
                schema: 1,
                version: "0.1.0".to_owned(),
                job: "018f0000-0000-7000-8000-000000000001".to_owned(),
                base: "b".repeat(40),
                seed: 7,
                sandbox: "docker".to_owned(),
            },
            Event::Baseline {
                passed: 40,
                failed: vec!["tests/test_a.py::test_one".to_owned(), "tests/test_a.py::test_two".to_owned()],
                targets: vec!["tests/test_a.py::test_one".to_owned(), "tests/test_a.py::test_two".to_owned()],
                seconds: 1.5,
            },
            Event::Localized {
                files: vec![place("src/a.py", 1.0), place("src/b.py", 0.25)],
                symbols: vec![place("src/a.py::f", 1.0)],
                took_ms: 12.0,
            },
            evaluated(1, 1, 0.45),
            evaluated(2, 2, 1.0),
            evaluated(3, 2, 1.0),
            evaluated(4, 0, 0.0),
            Event::Validated {
                node: NodeId(3),
                tree: format!("{:040x}", 3).parse().unwrap(),
                accepted: false,
                reasons: vec!["a guard failed".to_owned()],
            },
            Event::Validated {
                node: NodeId(2),
                tree: format!("{:040x}", 2).parse().unwrap(),
                accepted: true,
                reasons: vec![],
            },
            Event::Finished { status: "solved".to_owned(), tree: None, evaluations: 4, nodes: 5, seconds: 9.0 },
        ]
    }

    #[test]
    fn evidence_is_what_the_journal_says() {
        let evidence = Evidence::of(&solved());
        assert_eq!(evidence.tree, Some(format!("{:040x}", 2)));
        assert_eq!(evidence.accepted.as_ref().map(|it| it.targets_passed), Some(2));
        let alternatives: Vec<(&str, &[String])> =
            evidence.alternatives.iter().map(|it| (&it.tree[38..], it.refused.as_slice())).collect();
        assert_eq!(alternatives, [("03", ["a guard failed".to_owned()].as_slice()), ("01", [].as_slice())]);
        assert_eq!((evidence.passed_before, evidence.targets.len(), evidence.evaluations), (40, 2, 4));
    }

    #[test]
    fn a_second_attempt_tells_of_each_candidate_once() {
        let mut events = vec![evaluated(1, 1, 0.45)];
        events.extend(solved());
        assert_eq!(Evidence::of(&events), Evidence { seconds: 9.0, ..Evidence::of(&solved()) });
        assert_eq!(Evidence::of(&[]), Evidence { schema: SCHEMA, ..Evidence::default() });
    }
}
