//! Boxes in which untrusted code runs: backends that make them, and test runners that work inside them.
//!
//! This is the only place where a container engine is spoken to. It knows nothing of issues, candidates or the search;
//! it gets files and commands, and gives back results.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod backend;
pub mod environment;
pub mod error;
mod format;
pub mod image;
pub mod limits;
pub mod plan;
mod protocol;
pub mod reap;
pub mod report;
pub mod runner;
pub mod spec;
pub mod station;
#[cfg(test)]
mod testing;
mod tool;
pub mod verdict;
pub mod workbench;
pub mod workspace;

pub use backend::{
    Backend, BackendKind, BoxEnding, BoxInput, BoxOutput, Check, ConnectOptions, Isolation, Launched, Layer, Pressure,
    connect,
};
pub use environment::{Detection, Language};
pub use error::SandboxError;
pub use image::ImageProgress;
pub use limits::Limits;
pub use plan::{PlanError, TestPlan, is_test_support};
pub use reap::{ReapReport, Reaper, current_boot, temporary_folder};
pub use report::{Failure, FailureClass, Frame, RunEnding, TestCoverage, TestId, TestReport, TestResult, TestStatus};
pub use runner::RunnerKind;
pub use spec::{ImageRef, Labels, SandboxSpec};
pub use station::{Change, Changes, Mark, Place, Stamp, Station};
pub use workbench::trace::{Trace, TraceLimits, TraceRequest, TracedBlock, TracedCall, TracedOutcome, TracedVisit};
pub use workbench::{CommandOutcome, CommandRequest, Coverage, Overlay, Select, TestRequest, WorkFile, Workbench};
