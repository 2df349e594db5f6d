//! Labels of issues and pull requests.

use http::Method;
use serde_json::{Value, json};

use crate::endpoints::segment;
use crate::error::GitHubError;
use crate::event::Label;
use crate::reaction::gone_is_done;
use crate::redact::cut_chars;
use crate::repository::Repo;

/// The longest name of a label that GitHub takes, in characters.
pub const MAX_LABEL: usize = 50;

/// Labels to be put on and taken off; twice is once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelChange {
    /// The issue or pull request.
    pub number: u64,
    /// Labels to put on; those that the repository does not have are made by GitHub.
    pub add: Vec<String>,
    /// Labels to take off.
    pub remove: Vec<String>,
}

impl LabelChange {
    /// Returns whether the labels are as they should be.
    ///
    /// # Errors
    /// When the issue is gone, or GitHub cannot be asked.
    pub async fn look(&self, repo: &Repo) -> Result<bool, GitHubError> {
        let labels: Vec<Label> = repo.client().list(repo.get("read labels", &self.path())).await?;
        let has = |name: &String| labels.iter().any(|it| it.name.eq_ignore_ascii_case(&cut_chars(name, MAX_LABEL)));
        Ok(self.add.iter().all(has) && !self.remove.iter().any(has))
    }

    /// Puts labels on and takes others off.
    ///
    /// # Errors
    /// When the issue is gone, or GitHub cannot be asked.
    pub async fn make(&self, repo: &Repo) -> Result<(), GitHubError> {
        if !self.add.is_empty() {
            let names: Vec<_> = self.add.iter().map(|name| cut_chars(name, MAX_LABEL)).collect();
            let _: Value =
                repo.client().read(repo.post("add labels", &self.path(), json!({ "labels": names }))).await?;
        }
        for name in &self.remove {
            let path = format!("{}/{}", self.path(), segment(&cut_chars(name, MAX_LABEL)));
            gone_is_done(repo.client().call(repo.change("remove a label", Method::DELETE, &path)).await)?;
        }
        Ok(())
    }

    fn path(&self) -> String {
        format!("/issues/{}/labels", self.number)
    }
}
