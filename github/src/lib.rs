//! GitHub as types: names of repositories, issues and branches, webhook events, and the commands people give in comments.
//!
//! Everything here is text in, values out: no network yet, and no knowledge of what a command does. Whether a person may give a
//! command is decided by whoever asks GitHub for their permission.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod branch;
pub mod command;
pub mod event;
pub mod id;
pub mod issue;
mod markdown;

pub use branch::{BranchError, BranchName};
pub use command::{BotName, Command, Commands, Problem};
pub use event::{Event, EventError};
pub use id::{InstallationId, RepositoryId};
pub use issue::{IssueRef, RefError, RepoName};
