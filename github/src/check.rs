//! Check runs: the one that shows what we validated, and those that tell how our change fares.
//!
//! GitHub takes 50 remarks in a request and adds those of later ones, so a longer list is sent in pieces, and an attempt that broke off goes
//! on where it stopped.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::GitHubError;
use crate::event::{CheckRun, CheckSuite};
use crate::id::AppId;
use crate::redact::{cut, cut_chars};
use crate::repository::{Oid, Repo};

/// The longest summary, and the longest text, in bytes.
pub const MAX_TEXT: usize = 65_535;
/// Remarks in one request.
const MAX_ANNOTATIONS: usize = 50;
/// Buttons of one check.
const MAX_BUTTONS: usize = 3;

/// A check run to be made, once: it is found again by its commit and its external id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCheck {
    /// The name, such as `patchwright / validation`.
    pub name: String,
    /// The commit.
    pub head: Oid,
    /// What we call it, such as the job's id.
    pub external_id: String,
    /// How far it is.
    pub state: CheckState,
    /// What it shows.
    pub title: String,
    /// What it shows first, Markdown; cut if it is too long.
    pub summary: String,
    /// What it shows below, Markdown; cut if it is too long.
    pub text: String,
    /// Remarks on lines.
    pub annotations: Vec<Annotation>,
    /// Buttons, at most three.
    pub buttons: Vec<Button>,
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckState {
    /// It waits.
    Queued,
    /// It runs.
    Running,
    /// It passed.
    Success,
    /// It failed.
    Failure,
    /// It says something without a verdict.
    Neutral,
    /// It was stopped.
    Cancelled,
    /// Somebody has to do something.
    ActionRequired,
}

/// A remark on lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Annotation {
    /// The file, from the repository's root.
    pub path: String,
    /// The first line, from 1.
    pub start_line: u64,
    /// The last line.
    pub end_line: u64,
    /// How serious it is.
    pub annotation_level: AnnotationLevel,
    /// What it says; GitHub takes 64 kB.
    pub message: String,
    /// Its title; GitHub takes 255 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// How serious a remark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnnotationLevel {
    /// Worth knowing.
    Notice,
    /// Worth looking at.
    Warning,
    /// Wrong.
    Failure,
}

/// A button of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What stands on it, at most 20 characters.
    pub label: String,
    /// What it is for, at most 40 characters.
    pub description: String,
    /// What we call it, at most 20 characters.
    pub identifier: String,
}

/// A remark that somebody's check made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AnnotationRecord {
    /// The file.
    #[serde(default)]
    pub path: String,
    /// The first line.
    #[serde(default)]
    pub start_line: u64,
    /// `notice`, `warning` or `failure`.
    pub annotation_level: Option<String>,
    /// What it says.
    pub message: Option<String>,
    /// Its title.
    pub title: Option<String>,
}

/// A job of a workflow's run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WorkflowJob {
    /// GitHub's id.
    pub id: u64,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// How it ended.
    pub conclusion: Option<String>,
    /// Its steps.
    #[serde(default)]
    pub steps: Vec<WorkflowStep>,
}

/// A step of a job.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WorkflowStep {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// How it ended.
    pub conclusion: Option<String>,
}

impl CheckState {
    /// Returns GitHub's words for it: the status, and the conclusion of what is over.
    fn words(self) -> (&'static str, Option<&'static str>) {
        match self {
            CheckState::Queued => ("queued", None),
            CheckState::Running => ("in_progress", None),
            CheckState::Success => ("completed", Some("success")),
            CheckState::Failure => ("completed", Some("failure")),
            CheckState::Neutral => ("completed", Some("neutral")),
            CheckState::Cancelled => ("completed", Some("cancelled")),
            CheckState::ActionRequired => ("completed", Some("action_required")),
        }
    }
}

impl NewCheck {
    /// Finds the check that an earlier attempt made.
    ///
    /// # Errors
    /// When the commit is not there, or GitHub cannot be asked.
    pub async fn look(&self, repo: &Repo, app: AppId) -> Result<Option<CheckRun>, GitHubError> {
        let call = repo.get("look for our check", &format!("/commits/{}/check-runs", self.head));
        let call = call.query("check_name", &self.name).query("filter", "all").query("app_id", app);
        let all: Vec<CheckRun> = repo.client().list_below(call, "check_runs").await?;
        let ours = |it: &CheckRun| it.app.is_none_or(|it| it.id == app);
        Ok(all.into_iter().find(|it| ours(it) && it.external_id.as_deref() == Some(&self.external_id)))
    }

    /// Makes the check with its first fifty remarks, then adds the others.
    ///
    /// # Errors
    /// When GitHub refuses, or cannot be asked; what is made by then is found by [`NewCheck::look`] and finished by
    /// [`NewCheck::update`].
    pub async fn make(&self, repo: &Repo) -> Result<CheckRun, GitHubError> {
        let first = self.annotations.len().min(MAX_ANNOTATIONS);
        let mut body = self.body(&self.annotations[..first]);
        body["head_sha"] = self.head.as_str().into();
        body["external_id"] = self.external_id.as_str().into();
        let made: CheckRun = repo.client().read(repo.post("make a check", "/check-runs", body)).await?;
        self.add_rest(repo, made, first).await
    }

    /// Brings a check that is there to what it should show, with the remarks that it does not have yet.
    ///
    /// # Errors
    /// When it is gone, or GitHub cannot be asked.
    pub async fn update(&self, repo: &Repo, found: &CheckRun) -> Result<CheckRun, GitHubError> {
        let has = found.output.as_ref().map_or(0, |it| it.annotations_count).min(self.annotations.len());
        let next = (has + MAX_ANNOTATIONS).min(self.annotations.len());
        let updated = self.patch(repo, found.id, &self.annotations[has..next]).await?;
        self.add_rest(repo, updated, next).await
    }

    async fn add_rest(&self, repo: &Repo, mut check: CheckRun, from: usize) -> Result<CheckRun, GitHubError> {
        for piece in self.annotations[from..].chunks(MAX_ANNOTATIONS) {
            check = self.patch(repo, check.id, piece).await?;
        }
        Ok(check)
    }

    async fn patch(&self, repo: &Repo, id: u64, annotations: &[Annotation]) -> Result<CheckRun, GitHubError> {
        let call = repo.change("change a check", Method::PATCH, &format!("/check-runs/{id}"));
        repo.client().read(call.body(self.body(annotations))).await
    }

    fn body(&self, annotations: &[Annotation]) -> Value {
        let (status, conclusion) = self.state.words();
        let mut body = json!({
            "name": self.name,
            "status": status,
            "output": {
                "title": cut_chars(&self.title, 255),
                "summary": cut(&self.summary, MAX_TEXT),
                "annotations": annotations.iter().map(fitted).collect::<Vec<_>>(),
            },
            "actions": self.buttons.iter().take(MAX_BUTTONS).map(button).collect::<Vec<_>>(),
        });
        if let Some(conclusion) = conclusion {
            body["conclusion"] = conclusion.into();
        }
        if !self.text.is_empty() {
            body["output"]["text"] = cut(&self.text, MAX_TEXT).into();
        }
        body
    }
}

fn fitted(annotation: &Annotation) -> Annotation {
    Annotation {
        message: cut(&annotation.message, 60_000).into_owned(),
        title: annotation.title.as_deref().map(|it| cut_chars(it, 255).into_owned()),
        start_line: annotation.start_line.max(1),
        end_line: annotation.end_line.max(annotation.start_line).max(1),
        ..annotation.clone()
    }
}

fn button(button: &Button) -> Value {
    json!({
        "label": cut_chars(&button.label, 20),
        "description": cut_chars(&button.description, 40),
        "identifier": cut_chars(&button.identifier, 20),
    })
}

impl Repo {
    /// Reads the newest check runs of a commit, everybody's.
    ///
    /// # Errors
    /// When the commit is not there, or GitHub cannot be asked.
    pub async fn check_runs(&self, commit: &Oid) -> Result<Vec<CheckRun>, GitHubError> {
        let call = self.get("read the checks of a commit", &format!("/commits/{commit}/check-runs"));
        self.client().list_below(call, "check_runs").await
    }

    /// Reads the check suites of a commit, one for each App.
    ///
    /// # Errors
    /// When the commit is not there, or GitHub cannot be asked.
    pub async fn check_suites(&self, commit: &Oid) -> Result<Vec<CheckSuite>, GitHubError> {
        let call = self.get("read the check suites of a commit", &format!("/commits/{commit}/check-suites"));
        self.client().list_below(call, "check_suites").await
    }

    /// Reads the remarks of a check run.
    ///
    /// # Errors
    /// When it is gone, or GitHub cannot be asked.
    pub async fn annotations(&self, check: u64) -> Result<Vec<AnnotationRecord>, GitHubError> {
        self.client().list(self.get("read the remarks of a check", &format!("/check-runs/{check}/annotations"))).await
    }

    /// Reads the jobs of a workflow's run, with the steps that failed; needs [`crate::token::Phase::Logs`]. The logs themselves are
    /// kept on other hosts, to which no redirect is followed.
    ///
    /// # Errors
    /// When the installation does not grant it, or GitHub cannot be asked.
    pub async fn workflow_jobs(&self, run: u64) -> Result<Vec<WorkflowJob>, GitHubError> {
        let call = self.get("read the jobs of a workflow", &format!("/actions/runs/{run}/jobs"));
        self.client().list_below(call, "jobs").await
    }
}

#[cfg(test)]
mod tests;
