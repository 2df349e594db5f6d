//! What a candidate is worth: from what its tests did to a number in `[0,1]`.

use serde::{Deserialize, Serialize};

/// What running a candidate's tests showed, seen from the job: the *target* tests must turn green, the *guard* tests must stay green.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Target tests that pass now.
    pub targets_passed: u32,
    /// Target tests there are.
    pub targets: u32,
    /// Guard tests that were run.
    pub guards_run: u32,
    /// Guard tests that passed on the base and do not pass any more (failed, vanished, skipped, timed out).
    pub broken: Vec<String>,
    /// How the run ended, in a word for the journal.
    pub ending: String,
    /// Whether the run was cut off by a time limit.
    pub timed_out: bool,
    /// Seconds the tests took.
    pub seconds: f64,
}

/// Share of the value that turning all targets green is worth while a guard is broken.
const TARGETS_WITH_BROKEN_GUARDS: f64 = 0.6;
/// Value of a candidate that turns some, not all, targets green, per share of the targets.
const PARTIAL: f64 = 0.9;

impl Evaluation {
    /// Returns whether every target passes and no guard that was run is broken: the candidate is worth a validation.
    pub fn is_plausible(&self) -> bool {
        self.targets > 0 && self.targets_passed == self.targets && self.broken.is_empty()
    }

    /// Returns the value in `[0,1]`: 1 for a plausible candidate, 0 where no target passes.
    pub fn value(&self) -> f64 {
        if self.is_plausible() {
            return 1.0;
        }
        if self.targets == 0 || self.targets_passed == 0 {
            return 0.0;
        }
        let share = f64::from(self.targets_passed) / f64::from(self.targets);
        let kept = if self.guards_run == 0 {
            1.0
        } else {
            1.0 - (self.broken.len() as f64 / f64::from(self.guards_run)).min(1.0)
        };
        let ceiling = if self.broken.is_empty() { PARTIAL } else { TARGETS_WITH_BROKEN_GUARDS };
        ceiling * share * kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluation(passed: u32, of: u32, broken: usize, guards: u32) -> Evaluation {
        Evaluation {
            targets_passed: passed,
            targets: of,
            guards_run: guards,
            broken: (0..broken).map(|number| format!("t{number}")).collect(),
            ..Evaluation::default()
        }
    }

    #[test]
    fn values_rise_with_progress_and_fall_with_damage() {
        let order = [
            evaluation(0, 4, 0, 0),
            evaluation(2, 4, 5, 10),
            evaluation(2, 4, 0, 10),
            evaluation(3, 4, 0, 10),
            evaluation(4, 4, 0, 10),
        ];
        for pair in order.windows(2) {
            assert!(pair[0].value() < pair[1].value(), "{pair:?}");
        }
        assert_eq!(order[4].value(), 1.0);
    }

    #[test]
    fn green_targets_with_a_broken_guard_are_not_plausible() {
        let it = evaluation(3, 3, 1, 10);
        assert!(!it.is_plausible());
        assert!(it.value() < 0.6);
    }

    #[test]
    fn no_targets_means_no_evidence() {
        assert!(!evaluation(0, 0, 0, 10).is_plausible());
        assert_eq!(evaluation(0, 0, 0, 10).value(), 0.0);
    }
}
