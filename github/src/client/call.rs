//! What is asked of GitHub in one request.

use http::Method;
use serde_json::Value;

use crate::endpoints::segment;
use crate::id::InstallationId;
use crate::limits::{Kind, Scope};
use crate::token::TokenKey;

/// The type of GitHub's ordinary answers.
const JSON: &str = "application/vnd.github+json";
/// The largest ordinary answer.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// Whose name a request is made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Auth {
    /// Nobody's.
    None,
    /// The App's.
    App,
    /// An installation's.
    Installation(TokenKey),
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// What it does, for errors: `create pull request`.
    pub(crate) what: &'static str,
    pub(crate) method: Method,
    /// The path below the REST API, with its parts escaped; `None` asks GraphQL.
    pub(crate) path: Option<String>,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
    pub(crate) auth: Auth,
    pub(crate) kind: Kind,
    pub(crate) accept: &'static str,
    /// The largest answer that is read, in bytes.
    pub(crate) limit: usize,
}

impl Auth {
    /// Returns whom GitHub counts the request for.
    pub(crate) fn scope(self) -> Scope {
        match self {
            Auth::None | Auth::App => Scope::App,
            Auth::Installation(key) => Scope::Installation(key.installation),
        }
    }
}

impl Call {
    fn new(what: &'static str, method: Method, path: Option<String>, auth: Auth, kind: Kind) -> Call {
        let (query, body) = (Vec::new(), None);
        Call { what, method, path, query, body, auth, kind, accept: JSON, limit: MAX_ANSWER }
    }

    /// Reads something.
    pub(crate) fn get(what: &'static str, auth: Auth, path: String) -> Call {
        Call::new(what, Method::GET, Some(path), auth, Kind::Read)
    }

    /// Searches for something.
    pub(crate) fn search(what: &'static str, auth: Auth, path: String) -> Call {
        Call::new(what, Method::GET, Some(path), auth, Kind::Search)
    }

    /// Changes something.
    pub(crate) fn change(what: &'static str, method: Method, auth: Auth, path: String) -> Call {
        Call::new(what, method, Some(path), auth, Kind::Write)
    }

    /// Asks GraphQL; `kind` is [`Kind::Query`] or [`Kind::Mutation`].
    pub(crate) fn graphql(what: &'static str, auth: Auth, kind: Kind, body: Value) -> Call {
        Call::new(what, Method::POST, None, auth, kind).body(body)
    }

    /// Makes a token.
    pub(crate) fn mint(installation: InstallationId, body: Value) -> Call {
        let path = format!("/app/installations/{installation}/access_tokens");
        Call::new("make a token", Method::POST, Some(path), Auth::App, Kind::Mint).body(body)
    }

    /// Makes GitHub forget a token; it changes nothing that anybody sees, so it waits for no turn.
    pub(crate) fn revoke(installation: InstallationId) -> Call {
        let key = TokenKey { installation, reach: crate::token::Reach::Names };
        Call::new("revoke a token", Method::DELETE, None, Auth::Installation(key), Kind::Read)
    }

    pub(crate) fn query(mut self, name: &'static str, value: impl ToString) -> Call {
        self.query.push((name, value.to_string()));
        self
    }

    pub(crate) fn body(mut self, body: Value) -> Call {
        self.body = Some(body);
        self
    }

    /// Asks for a file's bytes, at most so many.
    pub(crate) fn raw(mut self, limit: usize) -> Call {
        self.accept = "application/vnd.github.raw+json";
        self.limit = limit;
        self
    }

    /// Returns whether asking twice does no harm.
    pub(crate) fn repeatable(&self) -> bool {
        matches!(self.kind, Kind::Read | Kind::Search | Kind::Query | Kind::Mint)
    }

    /// Returns whether an earlier answer may still hold.
    pub(crate) fn cached(&self) -> bool {
        self.method == Method::GET && self.kind == Kind::Read
    }

    pub(crate) fn with_query(&self, path: &str) -> String {
        let mut out = path.to_owned();
        for (at, (name, value)) in self.query.iter().enumerate() {
            out.push(if at == 0 { '?' } else { '&' });
            out.push_str(&format!("{name}={}", segment(value)));
        }
        out
    }
}
