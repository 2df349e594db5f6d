//! A GitHub of a few lines on loopback, for the tests of this crate: each test says how it answers, and reads what was asked.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, Uri};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::{App, AppKey};
use crate::client::{Client, ClientOptions};
use crate::clock::tests::TestClock;
use crate::clock::{Clock, later};
use crate::endpoints::Endpoints;
use crate::id::{AppId, InstallationId, RepositoryId};
use crate::repository::Repo;
use crate::token::Phase;

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// How it is answered.
pub(crate) enum Reply {
    Json(u16, Value),
    Headed(u16, Vec<(&'static str, String)>, Value),
    Raw(u16, Vec<u8>),
    /// Never.
    Stall,
    /// The connection ends in the middle of the answer.
    Reset,
}

type Answering = Box<dyn FnMut(&Seen) -> Option<Reply> + Send>;

struct World {
    clock: Arc<TestClock>,
    tokens: Mutex<u32>,
    answering: Mutex<Answering>,
    seen: Mutex<Vec<Seen>>,
}

/// The server, and a client of it.
pub(crate) struct Hub {
    world: Arc<World>,
    pub(crate) base: String,
    pub(crate) clock: Arc<TestClock>,
    task: tokio::task::JoinHandle<()>,
}

impl Seen {
    /// Returns the method and the path, as in `GET /app`.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
    }
}

impl Hub {
    /// Starts; what `answering` does not answer is a token, repository 7 named `a/b`, or a 404.
    pub(crate) async fn start(answering: impl FnMut(&Seen) -> Option<Reply> + Send + 'static) -> Hub {
        let clock = Arc::new(TestClock::today());
        let world = Arc::new(World {
            clock: clock.clone(),
            tokens: Mutex::default(),
            answering: Mutex::new(Box::new(answering)),
            seen: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(answer).with_state(world.clone());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Hub { world, base, clock, task }
    }

    pub(crate) fn options(&self) -> ClientOptions {
        ClientOptions {
            endpoints: Endpoints::at(&self.base, &format!("{}/graphql", self.base), &self.base).unwrap(),
            clock: self.clock.clone(),
            ..ClientOptions::default()
        }
    }

    pub(crate) fn client(&self) -> Client {
        self.client_with(self.options())
    }

    pub(crate) fn client_with(&self, options: ClientOptions) -> Client {
        let key = AppKey::parse(include_bytes!("../fixtures/keys/pkcs8.pem")).unwrap();
        Client::new(App::new(AppId(42), key), options).unwrap()
    }

    /// Opens repository 7 of installation 1 for publishing, and forgets the requests for it.
    pub(crate) async fn repo(&self) -> Repo {
        let repo = self.client().repository(InstallationId(1), RepositoryId(7), Phase::Publish).await.unwrap();
        self.seen();
        repo
    }

    /// Returns the requests since the last time it was asked.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.world.seen.lock())
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    State(world): State<Arc<World>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path_and_query().unwrap().as_str().to_owned();
    let seen = Seen { method, path, headers, body: serde_json::from_slice(&body).unwrap_or_default() };
    world.seen.lock().push(seen.clone());
    let reply = (world.answering.lock())(&seen).unwrap_or_else(|| usual(&world, &seen));
    match reply {
        Reply::Json(status, body) => (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response(),
        Reply::Headed(status, headers, body) => {
            let mut response = (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
        Reply::Raw(status, bytes) => (StatusCode::from_u16(status).unwrap(), bytes).into_response(),
        Reply::Stall => std::future::pending().await,
        Reply::Reset => {
            let pieces = futures_util::stream::iter([Ok(Bytes::from("{")), Err(std::io::Error::other("gone"))]);
            Body::from_stream(pieces).into_response()
        }
    }
}

fn usual(world: &World, seen: &Seen) -> Reply {
    match seen.line().as_str() {
        "POST /app/installations/1/access_tokens" => {
            let mut made = world.tokens.lock();
            *made += 1;
            let expires = later(world.clock.now(), Duration::from_secs(3600));
            Reply::Json(
                201,
                json!({ "token": format!("ghs_{made}"), "expires_at": expires.to_string(), "repositories": [{ "id": 7 }] }),
            )
        }
        "GET /repositories/7" => Reply::Json(200, json!({ "id": 7, "full_name": "a/b", "default_branch": "main" })),
        "DELETE /installation/token" => Reply::Raw(204, Vec::new()),
        _ => Reply::Json(404, json!({ "message": "Not Found" })),
    }
}

/// A recorded scenario of the fixtures.
#[derive(Debug, Deserialize)]
pub(crate) struct Scenario {
    pub(crate) scenario: String,
    pub(crate) exchanges: Vec<Exchange>,
}

/// A recorded answer.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Exchange {
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) headers: std::collections::BTreeMap<String, String>,
    pub(crate) body: Value,
}

/// Returns the recorded scenarios whose names have this in them.
pub(crate) fn recorded(name: &str) -> Vec<Scenario> {
    let all = include_str!("../fixtures/recordings.jsonl").lines();
    let found: Vec<Scenario> =
        all.map(|it| serde_json::from_str(it).unwrap()).filter(|it: &Scenario| it.scenario.contains(name)).collect();
    assert!(!found.is_empty(), "no recording is named {name}");
    found
}

impl Exchange {
    /// Returns the answer, with the times that its authors left open counted from `now`.
    pub(crate) fn reply(&self, now: jiff::Timestamp) -> Reply {
        let names =
            ["date", "retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "gh-limited-by"];
        let value = |name: &&'static str| Some((*name, filled(self.headers.get(*name)?, now)));
        Reply::Headed(self.status, names.iter().filter_map(value).collect(), self.body.clone())
    }
}

/// Fills a template such as `{{now offset='8 seconds' format='unix'}}`.
fn filled(text: &str, now: jiff::Timestamp) -> String {
    if !text.starts_with("{{") {
        return text.to_owned();
    }
    let seconds = text.split("offset='").nth(1).and_then(|it| it.split(' ').next()?.parse().ok()).unwrap_or(0);
    let moment = later(now, Duration::from_secs(seconds));
    match text.contains("'unix'") {
        true => moment.as_second().to_string(),
        false => jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&moment).unwrap(),
    }
}
