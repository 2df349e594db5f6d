//! Jobs, the states they go through, and the leases under which they are worked on.

use std::fmt;
use std::str::FromStr;

use github::{InstallationId, RepositoryId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::model::{Millis, SpendCap, words};

/// A job's id; ids rise with the time of their making.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub Uuid);

impl JobId {
    /// Returns a new id.
    pub fn new() -> JobId {
        JobId(Uuid::now_v7())
    }
}

impl Default for JobId {
    fn default() -> JobId {
        JobId::new()
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<JobId, uuid::Error> {
        Uuid::try_parse(text).map(JobId)
    }
}

words! {
    /// What a job does.
    pub enum JobKind {
        /// Fixes an issue.
        Fix => "fix",
        /// Goes on with a pull request of ours: a review, a failing check, a moved base.
        Followup => "followup",
        /// Keeps the index of a repository warm.
        Index => "index",
    }
}

words! {
    /// Where a job stands.
    pub enum JobState {
        /// It waits for a worker.
        Queued => "queued",
        /// A worker has it.
        Leased => "leased",
        /// A worker fetches the repository and prepares its environment.
        Preparing => "preparing",
        /// A worker searches.
        Searching => "searching",
        /// A worker validates what it found.
        Validating => "validating",
        /// The work is done and its effects are being made.
        Publishing => "publishing",
        /// Ended as it should, with or without a fix.
        Done => "done",
        /// Ended by what nobody planned for.
        Failed => "failed",
        /// Ended because somebody asked.
        Cancelled => "cancelled",
        /// Something it needs is down; it goes on by itself after a while, with all it has found.
        Parked => "parked",
        /// It waits until somebody resumes it.
        Paused => "paused",
    }
}

impl JobState {
    /// Tells whether a worker holds a lease in this state.
    pub fn is_leased(self) -> bool {
        use JobState::{Leased, Preparing, Searching, Validating};
        matches!(self, Leased | Preparing | Searching | Validating)
    }

    /// Tells whether the job has ended.
    pub fn is_final(self) -> bool {
        matches!(self, JobState::Done | JobState::Failed | JobState::Cancelled)
    }

    /// Tells whether a job may go from this state to `next`; everything else is a mistake of ours.
    pub fn may_become(self, next: JobState) -> bool {
        use JobState::{
            Cancelled, Done, Failed, Leased, Parked, Paused, Preparing, Publishing, Queued, Searching, Validating,
        };
        match self {
            Queued | Parked => matches!(next, Queued | Leased | Paused | Cancelled | Failed),
            Leased | Preparing | Searching | Validating => match next {
                // A stage may be skipped when an earlier attempt went through it, and a refused candidate leads back to the search.
                Preparing => self == Leased,
                Searching => self != Searching,
                Validating => self != Validating,
                Publishing | Done | Failed | Cancelled | Queued | Parked | Paused => true,
                Leased => false,
            },
            Publishing => next.is_final(),
            Paused => matches!(next, Queued | Cancelled),
            // Somebody asked for another attempt.
            Failed | Cancelled => next == Queued,
            Done => false,
        }
    }
}

/// Who asked, and in which words, frozen at that moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The login; for display.
    pub login: String,
    /// The person's numeric id.
    pub user: u64,
    /// What is to be acted on, as it stood when the wish was made: an issue's text, a review. Later edits change nothing.
    pub text: serde_json::Value,
    /// Options of the command, as intake allowed them.
    pub options: serde_json::Value,
}

/// A job to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// The installation.
    pub installation: InstallationId,
    /// The repository.
    pub repository: RepositoryId,
    /// The issue or pull request; 0 for a job about the whole repository.
    pub issue: u64,
    /// What it does.
    pub kind: JobKind,
    /// Higher goes first.
    pub priority: i32,
    /// Not to be started before; 0 for at once.
    pub not_before: Millis,
    /// Who asked and for what.
    pub request: Request,
    /// The commit to start from, where it is fixed already.
    pub base: Option<String>,
    /// The most that it may spend.
    pub budget: SpendCap,
}

/// How a job's work ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// `Done`, `Failed` or `Cancelled`; reached when the effects that are planned with it have been made.
    pub state: JobState,
    /// For people, one line.
    pub summary: String,
    /// What was found, as the worker writes it: tree, commit, ranked places, figures.
    pub detail: serde_json::Value,
}

/// A job as kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The id.
    pub id: JobId,
    /// What was asked for.
    pub spec: NewJob,
    /// Where it stands.
    pub state: JobState,
    /// How often a worker took it up.
    pub attempt: u32,
    /// How often its worker was lost.
    pub lost: u32,
    /// Who works on it.
    pub worker: Option<String>,
    /// Somebody asked to stop it, with the reason.
    pub cancel: Option<String>,
    /// Somebody asked to pause it.
    pub pause: bool,
    /// Why it is parked, or what else people should know of its state.
    pub note: Option<String>,
    /// How its work ended; set before its effects are made.
    pub outcome: Option<Outcome>,
    /// When it was made.
    pub created_at: Millis,
    /// When it last changed.
    pub updated_at: Millis,
}

/// The right to work on one job. It lasts as long as it is renewed in time; afterwards every write under it is refused, whether or not
/// somebody else has the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which job.
    pub job: JobId,
    /// The fencing token, which rises with each claim.
    pub token: i64,
    /// How long it lasts from the claim or the last heartbeat on.
    pub valid_for: std::time::Duration,
}

/// A job with the right to work on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// What to do.
    pub job: Job,
    /// The right to.
    pub lease: Lease,
}

/// What people asked of a job under way, told with each heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// Stop, for this reason, and finish as cancelled.
    pub cancel: Option<String>,
    /// Stop where everything is kept, and release.
    pub pause: bool,
}

/// One event of a job's journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEvent {
    /// Its place in the journal, from 1 on without gaps.
    pub seq: i64,
    /// When it was written.
    pub at: Millis,
    /// The event, one JSON object.
    pub body: String,
}

/// Which jobs to list; the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only in these states; all if empty.
    pub states: Vec<JobState>,
    /// Only of this kind.
    pub kind: Option<JobKind>,
    /// Only of this installation.
    pub installation: Option<InstallationId>,
    /// Only of this repository.
    pub repository: Option<RepositoryId>,
    /// Only for this issue or pull request.
    pub issue: Option<u64>,
    /// Only ids older than this one, for paging.
    pub before: Option<JobId>,
    /// At most so many; 0 for a thousand.
    pub limit: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_there_and_back() {
        for &state in JobState::ALL {
            assert_eq!(JobState::from_word(state.word()), Some(state));
        }
        assert_eq!(JobState::from_word("sleeping"), None);
    }

    #[test]
    fn no_state_is_a_trap_and_an_end_is_an_end() {
        for &from in JobState::ALL {
            let next: Vec<_> = JobState::ALL.iter().filter(|&&to| from.may_become(to)).collect();
            match from {
                JobState::Done => assert!(next.is_empty()),
                JobState::Failed | JobState::Cancelled => assert_eq!(next, [&JobState::Queued]),
                _ => assert!(from.may_become(JobState::Cancelled), "{from} cannot be cancelled"),
            }
        }
    }

    #[test]
    fn only_a_worker_moves_the_work_on() {
        for &from in JobState::ALL {
            for to in [JobState::Preparing, JobState::Searching, JobState::Validating, JobState::Publishing] {
                assert!(!from.may_become(to) || from.is_leased(), "{from} to {to}");
            }
            assert!(
                !from.may_become(JobState::Leased) || matches!(from, JobState::Queued | JobState::Parked),
                "{from}"
            );
        }
    }

    #[test]
    fn ids_are_read_as_they_are_written() {
        let id = JobId::new();
        assert_eq!(id.to_string().parse::<JobId>().unwrap(), id);
        assert!("../../x".parse::<JobId>().is_err());
    }
}
