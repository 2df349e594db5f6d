//! What the App asks in its own name: who it is, where it is installed, and how it stands with the limits.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::client::{Auth, Call, Client};
use crate::endpoints::segment;
use crate::error::GitHubError;
use crate::event::{Account, InstallationRecord, Repository};
use crate::id::{AppId, InstallationId};
use crate::issue::RepoName;
use crate::token::{Reach, TokenKey};

/// The App, as GitHub knows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AppRecord {
    /// GitHub's id.
    pub id: AppId,
    /// The name within addresses; its bot's login is this with `[bot]` behind it.
    #[serde(default)]
    pub slug: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Whose it is.
    pub owner: Option<Account>,
    /// What it asks for, by name: `read` or `write`.
    #[serde(default)]
    pub permissions: BTreeMap<String, String>,
    /// The events it is told of.
    #[serde(default)]
    pub events: Vec<String>,
}

/// How one resource stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Rate {
    /// Requests an hour, or a minute for searches.
    #[serde(default)]
    pub limit: u64,
    /// How many are left.
    #[serde(default)]
    pub remaining: u64,
    /// When they are counted anew, in seconds since 1970.
    #[serde(default)]
    pub reset: i64,
}

#[derive(Deserialize)]
struct Rates {
    #[serde(default)]
    resources: BTreeMap<String, Rate>,
}

impl AppRecord {
    /// Returns the login of the App's bot.
    pub fn bot_login(&self) -> String {
        format!("{}[bot]", self.slug)
    }
}

impl Client {
    /// Reads the App; the first thing to ask, since it proves id, key and clock.
    ///
    /// # Errors
    /// When the key is another App's (401), or GitHub cannot be asked.
    pub async fn app_record(&self) -> Result<AppRecord, GitHubError> {
        self.read(Call::get("read the App", Auth::App, "/app".to_owned())).await
    }

    /// Reads where the App is installed.
    ///
    /// # Errors
    /// When GitHub cannot be asked.
    pub async fn installations(&self) -> Result<Vec<InstallationRecord>, GitHubError> {
        self.list(Call::get("read the installations", Auth::App, "/app/installations".to_owned())).await
    }

    /// Reads an installation.
    ///
    /// # Errors
    /// When it is gone, or GitHub cannot be asked.
    pub async fn installation(&self, id: InstallationId) -> Result<InstallationRecord, GitHubError> {
        self.read(Call::get("read an installation", Auth::App, format!("/app/installations/{id}"))).await
    }

    /// Finds the installation that has a repository, or `None` if none has.
    ///
    /// # Errors
    /// When GitHub cannot be asked.
    pub async fn installation_of(&self, repo: &RepoName) -> Result<Option<InstallationRecord>, GitHubError> {
        let path = format!("/repos/{}/{}/installation", segment(repo.owner()), segment(repo.name()));
        match self.read(Call::get("find the installation of a repository", Auth::App, path)).await {
            Err(error) if error.is_missing() => Ok(None),
            other => other.map(Some),
        }
    }

    /// Reads the repositories of an installation, with a token that may see their names and nothing else.
    ///
    /// # Errors
    /// When the installation is suspended, or GitHub cannot be asked.
    pub async fn installation_repositories(&self, id: InstallationId) -> Result<Vec<Repository>, GitHubError> {
        let key = TokenKey { installation: id, reach: Reach::Names };
        self.tokens().join(key);
        let path = "/installation/repositories".to_owned();
        let call = Call::get("read the repositories of an installation", Auth::Installation(key), path);
        let all = self.list_below(call, "repositories").await;
        if let Some(minted) = self.tokens().leave(key).await
            && let Err(error) = self.revoke(id, &minted).await
        {
            tracing::debug!(%error, "a token is left to expire");
        }
        all
    }

    /// Reads how the App stands with the limits, by resource.
    ///
    /// # Errors
    /// When GitHub cannot be asked; a server with limits off answers 404.
    pub async fn rate_limit(&self) -> Result<BTreeMap<String, Rate>, GitHubError> {
        let rates: Rates = self.read(Call::get("read the limits", Auth::App, "/rate_limit".to_owned())).await?;
        Ok(rates.resources)
    }
}
