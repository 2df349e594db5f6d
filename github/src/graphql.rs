//! The few things that only GraphQL can do.
//!
//! Requests carry variables and never text pasted into a query, so that nothing in a title or a name can change what is asked.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::{Auth, Call, Client, unreadable};
use crate::error::GitHubError;
use crate::limits::Kind;
use crate::redact::{cut, redact};

/// A query or a mutation, its name being that of the operation in its text.
pub(crate) struct Operation {
    pub(crate) what: &'static str,
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    pub(crate) kind: Kind,
}

#[derive(Deserialize)]
struct Reply {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<ReplyError>,
}

#[derive(Deserialize)]
struct ReplyError {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    message: String,
}

impl Client {
    /// Asks GraphQL and reads what stands below `data`.
    pub(crate) async fn graphql<T: serde::de::DeserializeOwned>(
        &self,
        auth: Auth,
        operation: &Operation,
        variables: Value,
    ) -> Result<T, GitHubError> {
        let what = operation.what;
        let body = json!({ "query": operation.text, "operationName": operation.name, "variables": variables });
        let answer = self.call(Call::graphql(what, auth, operation.kind, body)).await?;
        let reply: Reply = answer.json(what)?;
        if let Some(error) = reply.errors.first() {
            let kind = error.kind.clone().unwrap_or_default();
            let limited = kind == "RATE_LIMITED" || error.message.contains("secondary rate limit");
            if limited {
                return Err(self.graphql_limited(what, auth, &answer));
            }
            return Err(GitHubError::GraphQl { what, kind, message: cut(&redact(&error.message), 400).into_owned() });
        }
        serde_json::from_value(reply.data.unwrap_or_default()).map_err(|error| unreadable(what, &error))
    }
}
