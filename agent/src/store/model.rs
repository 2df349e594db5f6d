//! What the store keeps, as types: deliveries, wishes, effects and the rest. Jobs and their states are in [`super::job`].
//!
//! Times are milliseconds since 1970 ([`Millis`]) and are for display, caps and `not_before`; leases are counted by a clock of the store's own.

use github::{InstallationId, RepositoryId};
use serde::{Deserialize, Serialize};

use super::job::{JobId, JobKind, NewJob};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = i64;

/// Makes an enum whose values are kept as words, with both directions in one list.
macro_rules! words {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$vdoc:meta])* $variant:ident => $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every value, in the order of the definition.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// Returns the word that is kept and shown.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// Returns the value that a word stands for.
            pub fn from_word(word: &str) -> Option<$name> {
                match word { $($word => Some($name::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
pub(super) use words;

/// A webhook delivery whose signature was right.
#[derive(Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// `X-GitHub-Delivery`.
    pub guid: String,
    /// `X-GitHub-Event`.
    pub event: String,
    /// The payload's `action`, where it has one.
    pub action: Option<String>,
    /// The installation that it is for, where the payload says so.
    pub installation: Option<InstallationId>,
    /// The repository, where the payload says so.
    pub repository: Option<RepositoryId>,
    /// The raw bytes that were signed.
    pub body: Vec<u8>,
}

/// What [`super::Store::accept`] made of a delivery. In each case it is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is new.
    Stored,
    /// It was there already, and is or will be handled.
    Duplicate,
    /// It was there already, but handling it or the job it led to had failed; it will be handled again.
    Again,
}

words! {
    /// How far a delivery has come.
    pub enum DeliveryState {
        /// Nobody has looked at it.
        Pending => "pending",
        /// It was acted on.
        Handled => "handled",
        /// It calls for nothing.
        Ignored => "ignored",
        /// Handling it failed; a redelivery is handled again.
        Failed => "failed",
    }
}

/// A delivery as kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What came in.
    pub delivery: NewDelivery,
    /// When it first came in.
    pub received_at: Millis,
    /// How often it came in, redeliveries included.
    pub times: u32,
    /// How far it has come.
    pub state: DeliveryState,
    /// Why handling it failed or what it was ignored for.
    pub note: Option<String>,
}

impl std::fmt::Debug for NewDelivery {
    /// Leaves the body out: it may hold what a person thought private.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewDelivery")
            .field("guid", &self.guid)
            .field("event", &self.event)
            .field("action", &self.action)
            .field("installation", &self.installation)
            .field("repository", &self.repository)
            .field("bytes", &self.body.len())
            .finish()
    }
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("delivery", &self.delivery)
            .field("received_at", &self.received_at)
            .field("times", &self.times)
            .field("state", &self.state)
            .field("note", &self.note)
            .finish()
    }
}

/// What one wish is recognised by, whatever delivery or sweep brings it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WishKey {
    /// The repository.
    pub repository: RepositoryId,
    /// The issue or pull request; 0 for what concerns the whole repository.
    pub issue: u64,
    /// What kind of thing asked: `label`, `comment`, `review`, `assignment`, `push`, `schedule` …
    pub trigger: String,
    /// Which one: the id of the label, of the comment, of the review …
    pub object: String,
    /// Which time, where the same object may ask more than once: a label can be put on again. Derived from the payload alone, so that
    /// an old payload under a new delivery id has the occurrence it had; empty where the object asks only once.
    pub occurrence: String,
}

words! {
    /// Which running work a wish is already part of.
    pub enum Overlap {
        /// Only an unfinished job for the same repository, issue, trigger and object.
        Trigger => "trigger",
        /// Any unfinished job of the same kind for the same issue.
        Issue => "issue",
        /// A job of the same kind for the same repository that waits still; it takes the wish's input over.
        Waiting => "waiting",
    }
}

/// A wish that intake found in a delivery, with the job that fulfils it.
#[derive(Clone, Debug, PartialEq)]
pub struct NewWish {
    /// What it is recognised by.
    pub key: WishKey,
    /// Which running work it is already part of.
    pub overlap: Overlap,
    /// The job to make where there is none.
    pub job: NewJob,
}

/// What became of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wished {
    /// A job was made for it.
    Created(JobId),
    /// It is part of a job that has not ended.
    Joined(JobId),
    /// It was fulfilled or refused before; nothing was made.
    Seen(JobId),
    /// It was brought again after its job had failed, and the job waits again.
    Retried(JobId),
}

impl Wished {
    /// Returns the job that the wish belongs to.
    pub fn job(self) -> JobId {
        match self {
            Wished::Created(id) | Wished::Joined(id) | Wished::Seen(id) | Wished::Retried(id) => id,
        }
    }
}

/// What intake made of a delivery; all of it is committed at once or not at all.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// `Handled`, `Ignored` or `Failed`.
    pub state: DeliveryState,
    /// Why it was ignored or failed.
    pub note: Option<String>,
    /// Wishes found in it.
    pub wishes: Vec<NewWish>,
    /// Jobs to cancel, with the reason.
    pub cancels: Vec<(JobId, String)>,
    /// Effects to plan, such as a reaction.
    pub effects: Vec<NewEffect>,
    /// Effects to plan for each wish that led to [`Wished::Created`] or [`Wished::Retried`]: the wish's index in `wishes`, and the effect,
    /// whose job is filled in.
    pub on_created: Vec<(usize, NewEffect)>,
    /// Lines for the audit log.
    pub audit: Vec<AuditLine>,
}

impl Settled {
    /// Returns an outcome without any consequence.
    pub fn plain(state: DeliveryState, note: Option<String>) -> Settled {
        Settled { state, note, wishes: vec![], cancels: vec![], effects: vec![], on_created: vec![], audit: vec![] }
    }
}

/// What [`super::Store::settle`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It was committed; one entry for each wish, in order.
    Done(Vec<Wished>),
    /// Somebody else settled the delivery first, or it is unknown; nothing was changed.
    NotPending,
}

/// The number of an effect in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EffectId(pub i64);

impl std::fmt::Display for EffectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

words! {
    /// How far an effect has come.
    pub enum EffectState {
        /// It is to be made.
        Planned => "planned",
        /// It is being made, or was when its publisher was lost: look before making it again.
        Sent => "sent",
        /// It is there.
        Confirmed => "confirmed",
        /// It could not be made and will not be tried again.
        Failed => "failed",
        /// It is no longer wanted.
        Dropped => "dropped",
    }
}

impl EffectState {
    /// Tells whether nothing more will happen to the effect.
    pub fn is_final(self) -> bool {
        match self {
            EffectState::Planned | EffectState::Sent => false,
            EffectState::Confirmed | EffectState::Failed | EffectState::Dropped => true,
        }
    }
}

words! {
    /// What the final failure of an effect means for the rest.
    pub enum OnFailure {
        /// Later effects of the job are made all the same.
        GoOn => "go_on",
        /// Later effects of the job are dropped, and the job fails.
        FailJob => "fail_job",
    }
}

words! {
    /// What a new effect means for older ones of its kind in the same job.
    pub enum Stacking {
        /// They are made too.
        Keep => "keep",
        /// Those that nobody has begun are dropped: only the newest text of a progress comment matters.
        ReplacePlanned => "replace_planned",
    }
}

/// A wanted change outside, planned in the same transaction as its cause.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEffect {
    /// What it is recognised by for ever: a second plan with the same key changes nothing.
    pub key: String,
    /// The kind of record in `payload`, such as `comment` or `pull`.
    pub kind: String,
    /// The typed record of the publisher.
    pub payload: serde_json::Value,
    /// The installation whose token makes it.
    pub installation: InstallationId,
    /// The repository that it changes.
    pub repository: RepositoryId,
    /// The job that it belongs to; effects of one job are made in the order in which they were planned.
    pub job: Option<JobId>,
    /// What its final failure means.
    pub on_failure: OnFailure,
    /// What it means for older ones.
    pub stacking: Stacking,
    /// The earliest time at which to make it; 0 for at once.
    pub not_before: Millis,
}

/// An effect as kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Its number, which rises in the order of planning.
    pub id: EffectId,
    /// What was planned.
    pub effect: NewEffect,
    /// How far it has come.
    pub state: EffectState,
    /// How often a publisher took it up.
    pub attempt: u32,
    /// GitHub's id of what was made.
    pub remote_id: Option<String>,
    /// What went wrong last.
    pub error: Option<String>,
    /// When it was planned.
    pub created_at: Millis,
    /// When it last changed.
    pub updated_at: Millis,
}

/// The right to carry out one effect. While it lasts nobody else writes in the same installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectLease {
    /// Which effect.
    pub effect: EffectId,
    /// The fencing token.
    pub token: i64,
}

/// An effect taken up by a publisher. If its state is [`EffectState::Sent`], an earlier attempt may have made it.
#[derive(Clone, Debug, PartialEq)]
pub struct TakenEffect {
    /// What to make.
    pub effect: Effect,
    /// The right to.
    pub lease: EffectLease,
}

/// When to try an effect again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not before this time.
    At(Millis),
    /// Never.
    Never,
}

/// Money, tokens and machine time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spend {
    /// Millionths of a US dollar.
    pub micro_usd: u64,
    /// Tokens, in and out.
    pub tokens: u64,
    /// Seconds of a sandbox.
    pub container_seconds: u64,
}

/// The most that may be spent; `None` where a part has no cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpendCap {
    /// Millionths of a US dollar.
    pub micro_usd: Option<u64>,
    /// Tokens, in and out.
    pub tokens: Option<u64>,
    /// Seconds of a sandbox.
    pub container_seconds: Option<u64>,
}

/// Whose spending is added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One job's.
    Job(JobId),
    /// One repository's.
    Repository(RepositoryId),
    /// One installation's.
    Installation(InstallationId),
    /// All.
    Everything,
}

/// A cap on what a scope spends from a point in time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    /// Whose.
    pub scope: Scope,
    /// What is older is not counted; 0 counts all.
    pub since: Millis,
    /// The most.
    pub cap: SpendCap,
}

/// The number of an entry in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservationId(pub i64);

/// The answer to a wish to spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It is set aside; [`super::Store::settle_spend`] replaces it by what was spent in truth.
    Yes(ReservationId),
    /// It would go over this cap.
    CapReached {
        /// The cap.
        cap: Cap,
        /// What was spent or set aside already.
        spent: Spend,
    },
}

/// A model's reply, kept before it is used so that no restart pays for it again.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelCall {
    /// The hash of the whole request.
    pub request: String,
    /// The reply.
    pub reply: serde_json::Value,
    /// What it cost.
    pub usage: Spend,
}

/// One line of the audit log, which is never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// Who acted: a login, or a part of the program such as `publisher`.
    pub actor: String,
    /// What was done or refused, such as `pull.open`.
    pub action: String,
    /// What was decided: `allowed`, `refused`, `done` …
    pub decision: String,
    /// The cause in words, without any secret.
    pub reason: String,
    /// The installation, where there is one.
    pub installation: Option<InstallationId>,
    /// The repository, where there is one.
    pub repository: Option<RepositoryId>,
    /// The job, where there is one.
    pub job: Option<JobId>,
    /// Hashes of inputs and ids of results, as JSON.
    pub detail: serde_json::Value,
}

/// An audit line as kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number, which rises by the order of writing.
    pub seq: i64,
    /// When it was written.
    pub at: Millis,
    /// What it says.
    pub line: AuditLine,
}

/// Which audit lines to read; the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only of this job.
    pub job: Option<JobId>,
    /// Only of this repository.
    pub repository: Option<RepositoryId>,
    /// Only lines after this number.
    pub after: i64,
    /// At most so many.
    pub limit: u32,
}

words! {
    /// What people made of a pull request of ours.
    pub enum PullState {
        /// It is open.
        Open => "open",
        /// It was merged.
        Merged => "merged",
        /// It was closed without being merged.
        Closed => "closed",
        /// It was merged and later reverted.
        Reverted => "reverted",
    }
}

/// A pull request of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// The repository.
    pub repository: RepositoryId,
    /// Its number.
    pub number: u64,
    /// The issue it is for.
    pub issue: u64,
    /// The job that made it.
    pub job: JobId,
    /// The head branch.
    pub branch: String,
    /// The commit we last pushed.
    pub head: String,
    /// What became of it.
    pub state: PullState,
}

/// A comment of ours that is edited in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// The repository.
    pub repository: RepositoryId,
    /// The issue or pull request it stands under.
    pub issue: u64,
    /// What it is for, such as `progress`; one of each kind for an issue.
    pub purpose: String,
    /// GitHub's id.
    pub comment: u64,
    /// The job that wrote it last.
    pub job: Option<JobId>,
}

/// What was last learned of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// The id.
    pub id: RepositoryId,
    /// The installation through which we reach it.
    pub installation: InstallationId,
    /// `owner/name`, for display and for building URLs.
    pub full_name: String,
    /// The default branch.
    pub default_branch: String,
    /// Whether it is private.
    pub private: bool,
    /// Whether it is archived.
    pub archived: bool,
    /// Whether we are to leave it alone: removed from the installation, disabled, opted out.
    pub disabled: bool,
    /// The settings file of the default branch and its blob id, as last read.
    pub settings: Option<(String, String)>,
    /// When this was learned.
    pub updated_at: Millis,
}

/// What was last learned of an installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installation {
    /// The id.
    pub id: InstallationId,
    /// The login of the account that installed the App.
    pub account: String,
    /// Whether it is suspended or removed.
    pub suspended: bool,
    /// The permissions it has, as GitHub gives them.
    pub permissions: serde_json::Value,
    /// When this was learned.
    pub updated_at: Millis,
}

/// A person's permission in a repository, as GitHub last answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// The repository.
    pub repository: RepositoryId,
    /// The person's numeric id.
    pub user: u64,
    /// `admin`, `write`, `read`, `none` or a role's name.
    pub level: String,
    /// When GitHub said so.
    pub asked_at: Millis,
}

/// How many there are of each, for metrics and `doctor`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Deliveries that nobody has looked at.
    pub pending_deliveries: u64,
    /// Effects not yet made.
    pub open_effects: u64,
    /// Jobs by state, states without any left out.
    pub jobs: Vec<(super::job::JobState, u64)>,
}

/// Which kinds of work a worker takes, and how much of it may run at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRequest {
    /// The worker's name, unique among all that are alive.
    pub worker: String,
    /// What it can do.
    pub kinds: Vec<JobKind>,
    /// The most jobs under lease in one repository.
    pub per_repository: u32,
    /// The most jobs under lease in one installation.
    pub per_installation: u32,
}
