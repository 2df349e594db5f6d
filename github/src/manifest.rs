//! Making an App from a manifest: GitHub's page sends people back with a code, which is given for the App's id and secrets.
//! <https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest>

use std::fmt;

use http::Method;
use serde::Deserialize;

use crate::client::{Auth, Call, Client};
use crate::error::GitHubError;
use crate::event::Account;
use crate::id::AppId;
use crate::token::Token;

/// The longest code that is sent; GitHub's have 40 digits.
const MAX_CODE: usize = 200;

/// An App that was just made. Its secrets are told this once.
#[derive(Deserialize)]
pub struct NewApp {
    /// GitHub's id.
    pub id: AppId,
    /// The name within addresses.
    #[serde(default)]
    pub slug: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Whose it is.
    pub owner: Option<Account>,
    /// The private key, PEM.
    pub pem: Token,
    /// The secret that its webhooks are signed with.
    pub webhook_secret: Option<Token>,
}

impl fmt::Debug for NewApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewApp").field("id", &self.id).field("slug", &self.slug).finish_non_exhaustive()
    }
}

impl Client {
    /// Gives a code for the App that was made from a manifest. A code counts for an hour, and once.
    ///
    /// # Errors
    /// When the code is none, has been used or is too old (404), or GitHub cannot be asked.
    pub async fn convert_manifest(&self, code: &str) -> Result<NewApp, GitHubError> {
        const WHAT: &str = "make the App from its manifest";
        let fits = (1..=MAX_CODE).contains(&code.len())
            && code.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_' || it == b'-');
        if !fits {
            return Err(GitHubError::refused(WHAT, "the code is none that GitHub gives out"));
        }
        let path = format!("/app-manifests/{code}/conversions");
        self.read(Call::change(WHAT, Method::POST, Auth::None, path)).await
    }
}
