//! GitHub as types: names of repositories, issues and branches, webhook events and their signatures, the commands people give in comments,
//! and a client of the API for a GitHub App.
//!
//! What a command does, and whether a job is worth starting, is decided elsewhere; nothing here knows the agent. It is the only place where
//! octocrab appears. Every answer is untrusted: unknown fields and words are read over, sizes are limited, and no address in an answer is
//! ever followed.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod app;
pub mod branch;
pub mod check;
pub mod client;
pub mod clock;
pub mod command;
pub mod comment;
pub mod commit;
pub mod delivery;
pub mod endpoints;
pub mod error;
pub mod event;
mod graphql;
pub mod id;
pub mod installation;
pub mod issue;
pub mod label;
pub mod limits;
mod linked;
pub mod manifest;
mod markdown;
pub mod permission;
pub mod pull;
pub mod reaction;
mod redact;
pub mod repository;
pub mod signature;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod token;
mod wire;

pub use app::{App, AppKey, KeyError};
pub use branch::{BranchError, BranchName};
pub use check::{Annotation, AnnotationLevel, Button, CheckState, NewCheck};
pub use client::{Client, ClientError, ClientOptions};
pub use clock::{Clock, SystemClock};
pub use command::{BotName, Command, Commands, Problem};
pub use comment::NewComment;
pub use commit::{Committed, Content, FileMode, NewCommit, TreeEdit};
pub use delivery::{Delivery, DeliveryRecord};
pub use endpoints::{EndpointError, Endpoints};
pub use error::{Class, GitHubError, Limit};
pub use event::{Envelope, Event, EventError};
pub use id::{AppId, InstallationId, RepositoryId};
pub use installation::AppRecord;
pub use issue::{IssueRef, RefError, RepoName};
pub use label::LabelChange;
pub use limits::{LimitSettings, Limits, Standing};
pub use linked::LinkedBranch;
pub use manifest::NewApp;
pub use permission::{Authority, Level, Refusal};
pub use pull::{NewPull, Opening, PullChange, ReviewThread};
pub use reaction::{NewReaction, Reaction, Target};
pub use redact::cut;
pub use repository::{Oid, Repo};
pub use signature::{SIGNATURE_HEADER, SecretError, SignatureError, SignedBy, WebhookSecrets};
pub use token::{Phase, Token};
pub use wire::{TransportError, TransportOptions};
