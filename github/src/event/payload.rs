//! The payloads of the events that are acted on.

use serde::Deserialize;

use super::record::{AppMark, Comment, Installation, Issue, Label, Pull, Repository, User, or_empty};
use crate::id::{AppId, InstallationId, RepositoryId};

macro_rules! action {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// Something that is not acted on.
            #[serde(other)]
            Other,
        }
    };
}

/// The payload of `issues`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IssueEvent {
    /// What happened.
    pub action: IssueAction,
    /// The issue as it is now.
    pub issue: Issue,
    /// The label that was added or removed.
    pub label: Option<Label>,
    /// Who is to work on it, or no longer is.
    pub assignee: Option<User>,
    /// Where.
    pub repository: Repository,
    /// Who did it; `None` for a deleted account.
    pub sender: Option<User>,
    /// The installation that the delivery is for.
    pub installation: Option<Installation>,
}

action! {
    /// What happened to an issue.
    IssueAction {
        /// It was opened.
        Opened,
        /// Its title or text changed.
        Edited,
        /// It was closed.
        Closed,
        /// It was opened again.
        Reopened,
        /// It got a label.
        Labeled,
        /// It lost a label.
        Unlabeled,
        /// Somebody is to work on it.
        Assigned,
        /// Somebody no longer is.
        Unassigned,
        /// It was deleted.
        Deleted,
        /// It moved to another repository.
        Transferred,
        /// Only collaborators may comment from now on.
        Locked,
        /// Everybody may comment again.
        Unlocked,
    }
}

/// The payload of `issue_comment`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CommentEvent {
    /// What happened.
    pub action: CommentAction,
    /// The issue or pull request.
    pub issue: Issue,
    /// The comment as it is now.
    pub comment: Comment,
    /// Where.
    pub repository: Repository,
    /// Who did it; `None` for a deleted account.
    pub sender: Option<User>,
    /// The installation that the delivery is for.
    pub installation: Option<Installation>,
}

action! {
    /// What happened to a comment.
    CommentAction {
        /// It was written.
        Created,
        /// Its text changed.
        Edited,
        /// It was deleted.
        Deleted,
    }
}

/// The payload of `pull_request`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PullEvent {
    /// What happened.
    pub action: PullAction,
    /// The pull request as it is now.
    pub pull_request: Pull,
    /// The label that was added or removed.
    pub label: Option<Label>,
    /// Where.
    pub repository: Repository,
    /// Who did it; `None` for a deleted account.
    pub sender: Option<User>,
    /// The installation that the delivery is for.
    pub installation: Option<Installation>,
}

action! {
    /// What happened to a pull request.
    PullAction {
        /// It was opened.
        Opened,
        /// It was closed, or merged: [`Pull::is_merged`] tells.
        Closed,
        /// It was opened again.
        Reopened,
        /// Its branch has new commits.
        Synchronize,
        /// Its title, text or base changed.
        Edited,
        /// It became a draft.
        ConvertedToDraft,
        /// It is no longer a draft.
        ReadyForReview,
        /// It got a label.
        Labeled,
        /// It lost a label.
        Unlabeled,
    }
}

/// The payload of `pull_request_review`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReviewEvent {
    /// What happened.
    pub action: ReviewAction,
    /// The review.
    pub review: Review,
    /// The pull request.
    pub pull_request: Pull,
    /// Where.
    pub repository: Repository,
    /// Who did it; `None` for a deleted account.
    pub sender: Option<User>,
    /// The installation that the delivery is for.
    pub installation: Option<Installation>,
}

action! {
    /// What happened to a review.
    ReviewAction {
        /// It was given.
        Submitted,
        /// Its text changed.
        Edited,
        /// It counts no more.
        Dismissed,
    }
}

/// A review of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Review {
    /// GitHub's id.
    pub id: u64,
    /// What it says; empty if it is only a verdict.
    #[serde(default, deserialize_with = "or_empty")]
    pub body: String,
    /// The verdict: `commented`, `approved`, `changes_requested`, in capital letters where the API answers.
    #[serde(default)]
    pub state: String,
    /// The commit that was reviewed.
    pub commit_id: Option<String>,
    /// Who gave it; `None` for a deleted account.
    pub user: Option<User>,
    /// When, as GitHub writes it; `None` while it is not submitted.
    pub submitted_at: Option<String>,
}

/// The payload of `pull_request_review_comment`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReviewCommentEvent {
    /// What happened.
    pub action: CommentAction,
    /// The comment as it is now.
    pub comment: ReviewComment,
    /// The pull request.
    pub pull_request: Pull,
    /// Where.
    pub repository: Repository,
    /// Who did it; `None` for a deleted account.
    pub sender: Option<User>,
    /// The installation that the delivery is for.
    pub installation: Option<Installation>,
}

/// A comment on lines of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReviewComment {
    /// The comment itself.
    #[serde(flatten)]
    pub comment: Comment,
    /// The file.
    #[serde(default)]
    pub path: String,
    /// The last line that is meant, in the file as it is now; `None` if the line is gone.
    pub line: Option<u64>,
    /// The first line, if several are meant.
    pub start_line: Option<u64>,
    /// Whether the lines are of the file before (`LEFT`) or after (`RIGHT`).
    pub side: Option<String>,
    /// The hunk of the diff around it.
    #[serde(default)]
    pub diff_hunk: String,
    /// The commit that it was written on.
    #[serde(default)]
    pub commit_id: String,
    /// The comment that it answers.
    pub in_reply_to_id: Option<u64>,
    /// The review that it is part of.
    pub pull_request_review_id: Option<u64>,
}

/// The payload of `check_run`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckRunEvent {
    /// What happened.
    pub action: CheckAction,
    /// The check.
    pub check_run: CheckRun,
    /// The button that was pressed.
    pub requested_action: Option<RequestedAction>,
    /// Where.
    pub repository: Repository,
    /// Who did it; `None` for a deleted account.
    pub sender: Option<User>,
    /// The installation that the delivery is for.
    pub installation: Option<Installation>,
}

action! {
    /// What happened to a check.
    CheckAction {
        /// It was made.
        Created,
        /// It has a conclusion.
        Completed,
        /// Somebody asked for it again.
        Rerequested,
        /// Somebody pressed one of its buttons.
        RequestedAction,
        /// It was asked for.
        Requested,
    }
}

/// The button of a check that was pressed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RequestedAction {
    /// The identifier that we gave it.
    pub identifier: String,
}

/// A check of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckRun {
    /// GitHub's id.
    pub id: u64,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// The commit.
    #[serde(default)]
    pub head_sha: String,
    /// What its App calls it.
    pub external_id: Option<String>,
    /// `queued`, `in_progress`, `completed` and what GitHub adds.
    #[serde(default)]
    pub status: String,
    /// `success`, `failure` and so on, once it is completed.
    pub conclusion: Option<String>,
    /// The App that made it.
    pub app: Option<AppMark>,
    /// What it shows.
    pub output: Option<CheckRunOutput>,
    /// The open pull requests of the commit within the repository.
    #[serde(default)]
    pub pull_requests: Vec<Pull>,
}

/// What a check shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct CheckRunOutput {
    /// The title.
    pub title: Option<String>,
    /// The summary, Markdown.
    pub summary: Option<String>,
    /// The details, Markdown.
    pub text: Option<String>,
    /// How many remarks on lines it has.
    #[serde(default)]
    pub annotations_count: usize,
}

/// The payload of `check_suite`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckSuiteEvent {
    /// What happened.
    pub action: CheckAction,
    /// The checks of one App on one commit.
    pub check_suite: CheckSuite,
    /// Where.
    pub repository: Repository,
    /// Who did it; `None` for a deleted account.
    pub sender: Option<User>,
    /// The installation that the delivery is for.
    pub installation: Option<Installation>,
}

/// The checks of one App on one commit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckSuite {
    /// GitHub's id.
    pub id: u64,
    /// The branch, where there is one.
    pub head_branch: Option<String>,
    /// The commit.
    #[serde(default)]
    pub head_sha: String,
    /// `queued`, `in_progress`, `completed` and what GitHub adds.
    pub status: Option<String>,
    /// `success`, `failure` and so on, once it is completed.
    pub conclusion: Option<String>,
    /// The App.
    pub app: Option<AppMark>,
    /// The open pull requests of the commit within the repository.
    #[serde(default)]
    pub pull_requests: Vec<Pull>,
}

/// The payload of `workflow_run`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WorkflowRunEvent {
    /// What happened.
    pub action: CheckAction,
    /// The run.
    pub workflow_run: WorkflowRun,
    /// Where.
    pub repository: Repository,
    /// Who did it; `None` for a deleted account.
    pub sender: Option<User>,
    /// The installation that the delivery is for.
    pub installation: Option<Installation>,
}

/// A run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WorkflowRun {
    /// GitHub's id.
    pub id: u64,
    /// The workflow's name.
    pub name: Option<String>,
    /// The branch.
    pub head_branch: Option<String>,
    /// The commit.
    #[serde(default)]
    pub head_sha: String,
    /// `queued`, `in_progress`, `completed` and what GitHub adds.
    pub status: Option<String>,
    /// `success`, `failure` and so on, once it is completed.
    pub conclusion: Option<String>,
    /// Which attempt it is, from 1.
    #[serde(default)]
    pub run_attempt: u64,
    /// The open pull requests of the commit within the repository.
    #[serde(default)]
    pub pull_requests: Vec<Pull>,
}

/// The payload of `push`. GitHub cuts the list of commits of large pushes, so it is not read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PushEvent {
    /// The full name of what was pushed to, such as `refs/heads/main`.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The commit before; zeros if there was none.
    pub before: String,
    /// The commit after; zeros if it was deleted.
    pub after: String,
    /// Whether it was deleted.
    #[serde(default)]
    pub deleted: bool,
    /// Whether commits were thrown away.
    #[serde(default)]
    pub forced: bool,
    /// Where.
    pub repository: Repository,
    /// Who did it; `None` for a deleted account.
    pub sender: Option<User>,
    /// The installation that the delivery is for.
    pub installation: Option<Installation>,
}

/// The payload of `installation`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InstallationEvent {
    /// What happened.
    pub action: InstallationAction,
    /// The installation.
    pub installation: InstallationRecord,
    /// The repositories it is for, when it is made or removed.
    #[serde(default)]
    pub repositories: Vec<Repository>,
    /// Who did it; `None` for a deleted account.
    pub sender: Option<User>,
}

action! {
    /// What happened to an installation.
    InstallationAction {
        /// The App was installed.
        Created,
        /// It was removed.
        Deleted,
        /// It may do nothing for now.
        Suspend,
        /// It may work again.
        Unsuspend,
        /// The account granted what the App asks for by now.
        NewPermissionsAccepted,
    }
}

/// An installation of the App in an account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InstallationRecord {
    /// GitHub's id.
    pub id: InstallationId,
    /// The App.
    pub app_id: Option<AppId>,
    /// The account.
    pub account: Option<Account>,
    /// `all` or `selected`.
    #[serde(default)]
    pub repository_selection: String,
    /// What it may do, by name: `read`, `write` or `admin`.
    #[serde(default)]
    pub permissions: std::collections::BTreeMap<String, String>,
    /// The events it is told of.
    #[serde(default)]
    pub events: Vec<String>,
    /// Since when it may do nothing, as GitHub writes it.
    pub suspended_at: Option<String>,
}

/// An account that has the App: a person, an organization, or an enterprise, which has a slug in place of a login.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    /// GitHub's id.
    pub id: u64,
    /// The login.
    #[serde(alias = "slug", default)]
    pub login: String,
}

/// The payload of `installation_repositories`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InstallationRepositoriesEvent {
    /// What happened.
    pub action: InstallationRepositoriesAction,
    /// The installation.
    pub installation: InstallationRecord,
    /// The repositories that it has from now on.
    #[serde(default)]
    pub repositories_added: Vec<Repository>,
    /// The repositories that it no longer has.
    #[serde(default)]
    pub repositories_removed: Vec<RepositoryMark>,
    /// Who did it; `None` for a deleted account.
    pub sender: Option<User>,
}

/// A repository of which little but the id may be told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RepositoryMark {
    /// GitHub's id.
    pub id: RepositoryId,
    /// `OWNER/REPO`.
    #[serde(default)]
    pub full_name: String,
}

action! {
    /// What happened to the repositories of an installation.
    InstallationRepositoriesAction {
        /// It has more.
        Added,
        /// It has fewer.
        Removed,
    }
}

/// The payload of `repository`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RepositoryEvent {
    /// What happened.
    pub action: RepositoryAction,
    /// The repository as it is now.
    pub repository: Repository,
    /// Who did it; `None` for a deleted account.
    pub sender: Option<User>,
    /// The installation that the delivery is for.
    pub installation: Option<Installation>,
}

action! {
    /// What happened to a repository.
    RepositoryAction {
        /// It was made.
        Created,
        /// It was deleted.
        Deleted,
        /// It has another name.
        Renamed,
        /// It has another owner.
        Transferred,
        /// Nothing in it may change any more.
        Archived,
        /// It may change again.
        Unarchived,
        /// Only some may see it.
        Privatized,
        /// Everybody may see it.
        Publicized,
        /// Its settings changed.
        Edited,
    }
}

/// The payload of `member`: somebody's permissions in a repository changed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MemberEvent {
    /// What happened.
    pub action: MemberAction,
    /// Whose permissions; `None` for a deleted account.
    pub member: Option<User>,
    /// Where.
    pub repository: Repository,
    /// Who did it; `None` for a deleted account.
    pub sender: Option<User>,
    /// The installation that the delivery is for.
    pub installation: Option<Installation>,
}

action! {
    /// What happened to a member.
    MemberAction {
        /// They may do something now.
        Added,
        /// They may do other things now.
        Edited,
        /// They may do nothing now.
        Removed,
    }
}

/// The payload of `github_app_authorization`: somebody withdrew what they let the App do in their name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AuthorizationEvent {
    /// What happened, `revoked` so far.
    pub action: Option<String>,
    /// Who did it; `None` for a deleted account.
    pub sender: Option<User>,
}
