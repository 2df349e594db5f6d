//! What test runs mean: comparison with the base, flaky tests, remembered results, which tests to run first, and failures in words.
//!
//! Everything here works on reports and numbers. It runs nothing, and knows neither candidates nor the search; only the two stores
//! ([`cache`], [`flake`]) touch files. The rules are argued in `docs/verdicts.md`.

pub mod cache;
pub mod compare;
pub mod feedback;
pub mod first;
pub mod flake;

pub use cache::{CacheStats, Collected, Context, Known, Remembered, ResultCache};
pub use compare::{Comparison, Doubt, Expected, Fault, Judgement, Outcomes, Scope, Verdict};
pub use feedback::{Feedback, FeedbackLimits, Problem, ProblemClass};
pub use first::{FirstBudget, FirstSet, Probe, Selector};
pub use flake::{FlakeBook, FlakeStore, Passes, Place, Posterior};
