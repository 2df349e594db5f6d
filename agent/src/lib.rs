//! The fixing agent: joins the stages from an issue to a validated patch.
//!
//! [`pipeline`] is the only file that names every stage. [`search`], [`propose`], [`gate`], [`value`] and [`choose`] know nothing of it, of
//! the sandbox or of the command line; [`search::tree`] and [`search::policy`] are pure.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod choose;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod failpoint;
pub mod gate;
pub mod journal;
pub mod pipeline;
pub mod propose;
pub mod publish;
pub mod say;
pub mod search;
pub mod store;
pub mod value;
pub mod watch;
