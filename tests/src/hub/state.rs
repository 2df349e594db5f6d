//! What the fake holds: accounts, repositories, issues, pull requests, tokens, all behind one lock.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use super::clock::Clock;
use super::description::Edition;
use super::faults::Rule;
use super::history::{Effect, Request};
use super::objects::Objects;
use super::webhooks::{Handling, Sent, Waiting};

/// Everything.
pub(crate) struct State {
    pub(crate) edition: Edition,
    /// `http://127.0.0.1:port`.
    pub(crate) origin: String,
    pub(crate) clock: Clock,
    pub(crate) folder: PathBuf,
    pub(crate) last_id: u64,
    pub(crate) accounts: BTreeMap<String, Account>,
    pub(crate) app: AppRecord,
    pub(crate) installations: BTreeMap<u64, Installation>,
    pub(crate) tokens: HashMap<String, Token>,
    pub(crate) repositories: BTreeMap<u64, Repository>,
    /// Former full names, in small letters, and the repositories that had them.
    pub(crate) former_names: HashMap<String, u64>,
    pub(crate) manifest_codes: BTreeMap<String, Value>,
    pub(crate) limit: Limit,
    pub(crate) faults: Vec<Rule>,
    pub(crate) requests: Vec<Request>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) violations: Vec<String>,
    pub(crate) deliveries: Vec<Sent>,
    pub(crate) waiting: VecDeque<Waiting>,
    pub(crate) handling: Handling,
    /// Deliveries on their way.
    pub(crate) sending: usize,
    /// Whether the fake ends.
    pub(crate) over: bool,
}

/// What kind of account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountKind {
    /// A person.
    User,
    /// An app's or a machine's account.
    Bot,
    /// An organization.
    Organization,
}

/// An account.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) login: String,
    pub(crate) id: u64,
    pub(crate) kind: AccountKind,
}

/// What somebody may do in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Nothing.
    None,
    /// Look.
    Read,
    /// Look, and care for issues.
    Triage,
    /// Change.
    Write,
    /// Change, and care for settings.
    Maintain,
    /// Everything.
    Admin,
}

/// The app.
#[derive(Debug, Clone)]
pub(crate) struct AppRecord {
    pub(crate) id: u64,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) owner: String,
    pub(crate) permissions: BTreeMap<String, String>,
    pub(crate) events: BTreeSet<String>,
    pub(crate) hook_url: Option<String>,
    pub(crate) hook_secret: String,
    /// The secret before that.
    pub(crate) former_secret: String,
}

/// The app in an account.
#[derive(Debug, Clone)]
pub(crate) struct Installation {
    pub(crate) id: u64,
    pub(crate) account: String,
    pub(crate) suspended_at: Option<i64>,
    pub(crate) permissions: BTreeMap<String, String>,
    pub(crate) repositories: BTreeSet<u64>,
    /// Requests left until `reset`, of this installation.
    pub(crate) budget: Option<Budget>,
}

/// How many requests an installation has left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) remaining: u64,
    pub(crate) reset: i64,
}

/// The limit that answers tell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) an_hour: u64,
    /// Whether limits are told at all: an enterprise server may have none.
    pub(crate) told: bool,
}

/// An installation's token.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) number: u64,
    pub(crate) installation: u64,
    pub(crate) repositories: BTreeSet<u64>,
    /// Whether the request for it named repositories.
    pub(crate) narrowed: bool,
    pub(crate) permissions: BTreeMap<String, String>,
    pub(crate) expires: i64,
    pub(crate) revoked: bool,
}

/// A repository.
pub(crate) struct Repository {
    pub(crate) id: u64,
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) private: bool,
    pub(crate) archived: bool,
    pub(crate) fork: bool,
    pub(crate) default_branch: String,
    pub(crate) created: i64,
    pub(crate) objects: Objects,
    pub(crate) permissions: BTreeMap<String, Permission>,
    pub(crate) labels: BTreeMap<String, u64>,
    pub(crate) last_number: u64,
    pub(crate) issues: BTreeMap<u64, Issue>,
    pub(crate) comments: BTreeMap<u64, Comment>,
    pub(crate) review_comments: BTreeMap<u64, ReviewComment>,
    pub(crate) reviews: BTreeMap<u64, Review>,
    pub(crate) checks: BTreeMap<u64, Check>,
    pub(crate) suites: BTreeMap<u64, Suite>,
    pub(crate) rules: Vec<Value>,
    /// Commits that GitHub signed.
    pub(crate) signed: HashSet<String>,
    pub(crate) linked_branches: BTreeMap<u64, Vec<String>>,
}

/// An issue, or a pull request where `pull` is there.
#[derive(Debug, Clone)]
pub(crate) struct Issue {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) author: String,
    pub(crate) open: bool,
    pub(crate) state_reason: Option<String>,
    pub(crate) locked: bool,
    pub(crate) labels: BTreeSet<String>,
    pub(crate) assignees: Vec<String>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) closed: Option<i64>,
    pub(crate) closed_by: Option<String>,
    pub(crate) reactions: Vec<Reaction>,
    pub(crate) edits: Vec<Edit>,
    /// When its title last changed.
    pub(crate) renamed: Option<i64>,
    pub(crate) pull: Option<Pull>,
}

/// What a pull request has besides.
#[derive(Debug, Clone)]
pub(crate) struct Pull {
    pub(crate) id: u64,
    pub(crate) head: String,
    pub(crate) head_sha: String,
    pub(crate) base: String,
    pub(crate) base_sha: String,
    pub(crate) draft: bool,
    pub(crate) merged: Option<i64>,
    pub(crate) merged_by: Option<String>,
    pub(crate) merge_sha: Option<String>,
}

/// What a text was before somebody changed it.
#[derive(Debug, Clone)]
pub struct Edit {
    /// When it was changed, seconds since 1970.
    pub when: i64,
    /// What it said before.
    pub before: String,
}

/// A reaction.
#[derive(Debug, Clone)]
pub(crate) struct Reaction {
    pub(crate) id: u64,
    pub(crate) content: String,
    pub(crate) author: String,
    pub(crate) created: i64,
}

/// A comment on an issue or pull request.
#[derive(Debug, Clone)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) issue: u64,
    pub(crate) body: String,
    pub(crate) author: String,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) minimized: Option<String>,
    pub(crate) reactions: Vec<Reaction>,
    pub(crate) edits: Vec<Edit>,
}

/// A comment on a line of a pull request.
#[derive(Debug, Clone)]
pub(crate) struct ReviewComment {
    pub(crate) id: u64,
    pub(crate) pull: u64,
    pub(crate) review: u64,
    pub(crate) path: String,
    pub(crate) line: u64,
    pub(crate) commit: String,
    pub(crate) reply_to: Option<u64>,
    pub(crate) body: String,
    pub(crate) author: String,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) resolved: bool,
    pub(crate) reactions: Vec<Reaction>,
}

/// A review.
#[derive(Debug, Clone)]
pub(crate) struct Review {
    pub(crate) id: u64,
    pub(crate) pull: u64,
    pub(crate) author: String,
    pub(crate) body: String,
    pub(crate) state: String,
    pub(crate) commit: String,
    pub(crate) submitted: i64,
}

/// A check run.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    pub(crate) id: u64,
    pub(crate) suite: u64,
    pub(crate) name: String,
    pub(crate) head_sha: String,
    pub(crate) external_id: String,
    pub(crate) details_url: Option<String>,
    pub(crate) status: String,
    pub(crate) conclusion: Option<String>,
    pub(crate) started: Option<String>,
    pub(crate) completed: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) annotations: Vec<Value>,
    /// Whether this app made it, not another CI.
    pub(crate) ours: bool,
}

/// A check suite: the checks of one app on one commit.
#[derive(Debug, Clone)]
pub(crate) struct Suite {
    pub(crate) id: u64,
    pub(crate) head_sha: String,
    pub(crate) head_branch: Option<String>,
    pub(crate) ours: bool,
    pub(crate) created: i64,
}

impl State {
    /// Returns an id that nothing has.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Where the REST interface is.
    pub(crate) fn rest(&self) -> String {
        match self.edition {
            Edition::Cloud => self.origin.clone(),
            Edition::Enterprise => format!("{}/api/v3", self.origin),
        }
    }

    /// The login of the app's own account.
    pub(crate) fn bot(&self) -> String {
        format!("{}[bot]", self.app.slug)
    }

    /// Returns an account, or the ghost that stands for those who are gone.
    pub(crate) fn account(&self, login: &str) -> Account {
        let known = self.accounts.get(&login.to_lowercase()).cloned();
        known.unwrap_or_else(|| Account { login: "ghost".to_owned(), id: 10_137, kind: AccountKind::User })
    }

    pub(crate) fn add_account(&mut self, login: &str, kind: AccountKind) {
        if !self.accounts.contains_key(&login.to_lowercase()) {
            let account = Account { login: login.to_owned(), id: self.next_id(), kind };
            self.accounts.insert(login.to_lowercase(), account);
        }
    }

    /// Finds a repository by its present name.
    pub(crate) fn repository_named(&self, full_name: &str) -> Option<&Repository> {
        self.repositories.values().find(|it| it.full_name().eq_ignore_ascii_case(full_name))
    }

    pub(crate) fn repository(&self, id: u64) -> Result<&Repository> {
        self.repositories.get(&id).with_context(|| format!("no repository has the id {id}"))
    }

    pub(crate) fn repository_mut(&mut self, id: u64) -> Result<&mut Repository> {
        self.repositories.get_mut(&id).with_context(|| format!("no repository has the id {id}"))
    }

    /// Returns the installation that has a repository.
    pub(crate) fn installation_of(&self, repository: u64) -> Option<&Installation> {
        self.installations.values().find(|it| it.repositories.contains(&repository))
    }
}

impl Repository {
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// What an account may do here.
    pub(crate) fn permission_of(&self, login: &str) -> Permission {
        let stranger = if self.private { Permission::None } else { Permission::Read };
        if self.owner.eq_ignore_ascii_case(login) {
            return Permission::Admin;
        }
        let listed = self.permissions.iter().find(|(name, _)| name.eq_ignore_ascii_case(login));
        listed.map_or(stranger, |(_, permission)| *permission)
    }

    pub(crate) fn issue(&self, number: u64) -> Result<&Issue> {
        self.issues.get(&number).ok_or_else(|| anyhow!("{} has no issue {number}", self.full_name()))
    }

    pub(crate) fn issue_mut(&mut self, number: u64) -> Result<&mut Issue> {
        let name = self.full_name();
        self.issues.get_mut(&number).ok_or_else(|| anyhow!("{name} has no issue {number}"))
    }

    pub(crate) fn comments_of(&self, issue: u64) -> impl Iterator<Item = &Comment> {
        self.comments.values().filter(move |it| it.issue == issue)
    }
}

impl Issue {
    pub(crate) fn pull_mut(&mut self) -> Result<&mut Pull> {
        let number = self.number;
        self.pull.as_mut().ok_or_else(|| anyhow!("{number} is no pull request"))
    }
}

impl Permission {
    /// The coarse word of `permission` in GitHub's answer: `maintain` counts as write, `triage` as read.
    pub fn coarse(self) -> &'static str {
        match self {
            Permission::None => "none",
            Permission::Read | Permission::Triage => "read",
            Permission::Write | Permission::Maintain => "write",
            Permission::Admin => "admin",
        }
    }

    /// The fine word of `role_name`.
    pub fn role(self) -> &'static str {
        match self {
            Permission::None => "none",
            Permission::Read => "read",
            Permission::Triage => "triage",
            Permission::Write => "write",
            Permission::Maintain => "maintain",
            Permission::Admin => "admin",
        }
    }
}
