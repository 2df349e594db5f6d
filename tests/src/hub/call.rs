//! A request as the operations see it, and what they answer.

use serde_json::{Value, json};

use super::description::PathValues;
use super::history::{Change, Credential, Effect};
use super::state::State;

/// A request whose operation is known.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) id: u64,
    pub(crate) method: String,
    /// Below the base URL, without the query.
    pub(crate) path: String,
    pub(crate) operation: String,
    pub(crate) path_values: PathValues,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Value,
    pub(crate) credential: Credential,
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Value>,
    /// Bytes that are no JSON, instead of the body.
    pub(crate) raw: Option<Vec<u8>>,
}

/// What is not done.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// With a status and the words of GitHub.
    Status(u16, String),
    /// 422 with one error in it: resource, field, code, message.
    Invalid(&'static str, &'static str, &'static str, String),
    /// The repository with this id is somewhere else.
    Moved(u64),
    /// The fake itself cannot go on.
    Broken(anyhow::Error),
}

/// What an operation comes to.
pub(crate) type Reply = Result<Answer, Refusal>;

impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Refusal {
        Refusal::Broken(error)
    }
}

impl Refusal {
    pub(crate) fn not_found() -> Refusal {
        Refusal::Status(404, "Not Found".to_owned())
    }

    /// The answer that tells of it, and what the fake has to complain about itself.
    pub(crate) fn answer(self, rest: &str, call: &Call) -> (Answer, Option<String>) {
        let documentation = "https://docs.github.com/rest";
        match self {
            Refusal::Status(status, message) => {
                let body =
                    json!({ "message": message, "documentation_url": documentation, "status": status.to_string() });
                (Answer::json(status, body), None)
            }
            Refusal::Invalid(resource, field, code, message) => {
                let error = json!({ "resource": resource, "field": field, "code": code, "message": message });
                let body = json!({ "message": "Validation Failed", "errors": [error], "documentation_url": documentation, "status": "422" });
                (Answer::json(422, body), None)
            }
            Refusal::Moved(id) => {
                let tail: Vec<&str> = call.path.split('/').skip(4).collect();
                let tail = if tail.is_empty() { String::new() } else { format!("/{}", tail.join("/")) };
                let url = format!("{rest}/repositories/{id}{tail}");
                let status = if call.method == "GET" { 301 } else { 307 };
                let body = json!({ "message": "Moved Permanently", "url": url, "documentation_url": documentation });
                (Answer::json(status, body).header("location", url), None)
            }
            Refusal::Broken(error) => {
                let body = json!({ "message": "Server Error", "documentation_url": documentation });
                (Answer::json(500, body), Some(format!("the fake itself failed: {error:#}")))
            }
        }
    }
}

impl Answer {
    pub(crate) fn json(status: u16, body: Value) -> Answer {
        Answer { status, headers: Vec::new(), body: Some(body), raw: None }
    }

    pub(crate) fn empty(status: u16) -> Answer {
        Answer { status, headers: Vec::new(), body: None, raw: None }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Answer {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

impl Call {
    /// A number of the path.
    pub(crate) fn number(&self, name: &str) -> Result<u64, Refusal> {
        self.path_values.get(name).and_then(|it| it.parse().ok()).ok_or_else(Refusal::not_found)
    }

    /// A text of the path.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.path_values.get(name).map_or("", String::as_str)
    }

    /// A text of the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|it| it.0 == name).map(|it| it.1.as_str())
    }

    /// A text of the body.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.body[name].as_str()
    }

    /// One page of a list, by `per_page` (30, at most 100) and `page`, with the `Link` header.
    pub(crate) fn page(&self, base: &str, items: Vec<Value>) -> (Vec<Value>, Option<String>) {
        let number =
            |name: &str, otherwise: usize| self.query(name).and_then(|it| it.parse().ok()).unwrap_or(otherwise);
        let (size, page) = (number("per_page", 30).clamp(1, 100), number("page", 1).max(1));
        let total = items.len();
        let last = total.div_ceil(size).max(1);
        let address = |page: usize| {
            let mut parts: Vec<String> =
                self.query.iter().filter(|it| it.0 != "page").map(|it| format!("{}={}", it.0, it.1)).collect();
            parts.push(format!("page={page}"));
            format!("{base}{}?{}", self.path, parts.join("&"))
        };
        let mut links = Vec::new();
        if page > 1 {
            links.push(format!("<{}>; rel=\"prev\"", address(page - 1)));
            links.push(format!("<{}>; rel=\"first\"", address(1)));
        }
        if page < last {
            links.push(format!("<{}>; rel=\"next\"", address(page + 1)));
            links.push(format!("<{}>; rel=\"last\"", address(last)));
        }
        let shown = items.into_iter().skip((page - 1) * size).take(size).collect();
        (shown, (!links.is_empty()).then(|| links.join(", ")))
    }

    /// Answers with one page of a list.
    pub(crate) fn list(&self, state: &State, items: Vec<Value>) -> Answer {
        let (items, link) = self.page(&state.rest(), items);
        let answer = Answer::json(200, Value::Array(items));
        match link {
            Some(link) => answer.header("link", link),
            None => answer,
        }
    }

    /// Answers with one page of a list in an object that also tells the whole count.
    pub(crate) fn counted(&self, state: &State, name: &str, items: Vec<Value>) -> Answer {
        let total = items.len();
        let (items, link) = self.page(&state.rest(), items);
        let answer = Answer::json(200, json!({ "total_count": total, name: items }));
        match link {
            Some(link) => answer.header("link", link),
            None => answer,
        }
    }
}

impl State {
    /// Records a change.
    pub(crate) fn effect(&mut self, call: Option<&Call>, actor: &str, repository: u64, change: Change) {
        let at = self.clock.milliseconds();
        self.effects.push(Effect { at, request: call.map(|it| it.id), actor: actor.to_owned(), repository, change });
    }
}
