//! The wire: reads a request, applies faults, checks both directions, writes history, answers.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

use super::Shared;
use super::api;
use super::auth;
use super::call::{Answer, Call, Refusal};
use super::clock::{http_date, parse_http_date};
use super::description::{Description, Edition, decode};
use super::faults::{self, Fault};
use super::graphql;
use super::history::{Credential, Request};
use super::recording;
use super::smart_http;
use super::state::{Budget, State};

/// What an enterprise server says of itself.
pub(crate) const ENTERPRISE_VERSION: &str = "3.19.0";
/// The longest body of a request, in bytes.
const LONGEST: usize = 64 * 1024 * 1024;

/// A request as it came, before anything is known of it.
pub(crate) struct Arrived {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Arrived {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|it| it.to_str().ok())
    }
}

/// The fake's answer is to close the connection.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed on purpose")]
struct Closed;

/// Accepts connections until the runtime ends.
pub(crate) async fn run(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| handle(Arc::clone(&shared), request));
            // Some recordings have no `Date`: it is ours to send.
            let connection = hyper::server::conn::http1::Builder::new()
                .auto_date_header(false)
                .serve_connection(TokioIo::new(stream), service);
            // A connection that ends badly was closed by the client, or by a fault.
            drop(connection.await);
        });
    }
}

async fn handle(shared: Arc<Shared>, request: http::Request<hyper::body::Incoming>) -> Result<Response<Body>, Closed> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), LONGEST).await.map_err(|_| Closed)?;
    let arrived = Arrived {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
    };
    let arrived = Arc::new(arrived);
    let operation = name_of(&shared, &arrived);
    let fault =
        shared.act(|state| faults::take(&mut state.faults, &arrived.method, &operation, &arrived.path, &arrived.body));
    match &fault {
        Some((Fault::ResetBeforeEffect, _)) => {
            refused(&shared, &arrived, &operation, 0, None);
            return Err(Closed);
        }
        Some((Fault::Status(status), _)) => {
            refused(&shared, &arrived, &operation, *status, None);
            return Ok(plain(&shared, *status));
        }
        Some((Fault::Recording(name), used)) => return Ok(replayed(&shared, &arrived, &operation, name, *used)),
        Some((Fault::Stall(gate), _)) => gate.pass().await,
        _ => {}
    }
    let answer = {
        let (shared, arrived) = (Arc::clone(&shared), Arc::clone(&arrived));
        tokio::task::spawn_blocking(move || served(&shared, &arrived, &operation)).await.map_err(|_| Closed)?
    };
    match fault {
        Some((Fault::ResetAfterEffect, _)) => Err(Closed),
        Some((Fault::StatusAfterEffect(status), _)) => Ok(plain(&shared, status)),
        Some((Fault::Undecodable, _)) => Ok(undecodable(&shared)),
        Some((Fault::StallAfterEffect(gate), _)) => {
            gate.pass().await;
            Ok(written(answer, None))
        }
        Some((Fault::Drip(pause), _)) => Ok(written(answer, Some(pause))),
        _ => Ok(written(answer, None)),
    }
}

/// The name of the operation that a request is for; its path where it is none.
fn name_of(shared: &Shared, arrived: &Arrived) -> String {
    if let Some(service) = smart_http::service(arrived) {
        return service;
    }
    if is_graphql(arrived) {
        return graphql::name(&arrived.body);
    }
    let state = shared.state.lock();
    let described = Description::of(state.edition).ok();
    let path = rest_path(&state, &arrived.path);
    let found =
        path.and_then(|path| described.and_then(|it| it.find(&arrived.method, &path)).map(|it| it.0.id.clone()));
    found.unwrap_or_else(|| arrived.path.clone())
}

fn is_graphql(arrived: &Arrived) -> bool {
    matches!(arrived.path.as_str(), "/graphql" | "/api/graphql")
}

/// The path below the base URL. `/repositories/ID/...` is where redirects lead: it stands for the repository's present name.
fn rest_path(state: &State, path: &str) -> Option<String> {
    let path = match state.edition {
        Edition::Cloud => path,
        Edition::Enterprise => path.strip_prefix("/api/v3")?,
    };
    let Some(rest) = path.strip_prefix("/repositories/") else { return Some(path.to_owned()) };
    let (id, tail) = rest.split_once('/').map_or((rest, String::new()), |(id, tail)| (id, format!("/{tail}")));
    let repository = state.repository(id.parse().ok()?).ok()?;
    Some(format!("/repos/{}{tail}", repository.full_name()))
}

/// Serves a request and writes it into the history.
fn served(shared: &Shared, arrived: &Arrived, operation: &str) -> Answer {
    if smart_http::service(arrived).is_some() {
        return smart_http::serve(shared, arrived, operation);
    }
    shared.act(|state| {
        let credential = auth::credential(state, arrived.header("authorization"));
        let id = state.requests.len() as u64 + 1;
        let at = state.clock.milliseconds();
        state.requests.push(Request {
            id,
            at,
            method: arrived.method.clone(),
            path: whole_path(arrived),
            operation: operation.to_owned(),
            credential: credential.clone(),
            status: 0,
            wait_until: None,
        });
        let answer = answer(state, arrived, id, operation, credential);
        let wait_until = wait_until(state, &answer);
        if let Some(request) = state.requests.iter_mut().find(|it| it.id == id) {
            (request.status, request.wait_until) = (answer.status, wait_until);
        }
        answer
    })
}

pub(crate) fn whole_path(arrived: &Arrived) -> String {
    if arrived.query.is_empty() { arrived.path.clone() } else { format!("{}?{}", arrived.path, arrived.query) }
}

fn answer(state: &mut State, arrived: &Arrived, id: u64, operation: &str, credential: Credential) -> Answer {
    if arrived.header("user-agent").is_none_or(str::is_empty) {
        state.violations.push(format!("{} {}: no User-Agent, which GitHub refuses", arrived.method, arrived.path));
    }
    if let Some(refused) = spend(state, &credential, operation) {
        return with_headers(state, &credential, refused);
    }
    let answer = if is_graphql(arrived) {
        graphql::serve(state, arrived, id, credential.clone())
    } else {
        rest(state, arrived, id, credential.clone())
    };
    let answer = unchanged(state, arrived, &credential, answer);
    with_headers(state, &credential, as_asked(arrived, answer))
}

/// The bytes of a file alone, where they are asked for instead of the record around them.
fn as_asked(arrived: &Arrived, answer: Answer) -> Answer {
    const RAW: &str = "application/vnd.github.raw+json";
    let content = answer.body.as_ref().filter(|it| it["encoding"] == "base64").and_then(|it| it["content"].as_str());
    let bytes = content.and_then(|it| STANDARD.decode(it).ok()).filter(|_| arrived.header("accept") == Some(RAW));
    match bytes {
        Some(bytes) => Answer { body: None, raw: Some(bytes), ..answer }.header("content-type", RAW),
        None => answer,
    }
}

/// Serves a request of the REST interface; checks it and its answer.
fn rest(state: &mut State, arrived: &Arrived, id: u64, credential: Credential) -> Answer {
    let described = match Description::of(state.edition) {
        Ok(described) => described,
        Err(error) => return broken(state, &error),
    };
    let path = rest_path(state, &arrived.path);
    let Some((path, (operation, path_values))) =
        path.and_then(|path| described.find(&arrived.method, &path).map(|found| (path, found)))
    else {
        state
            .violations
            .push(format!("{} {}: GitHub's description has no such operation", arrived.method, arrived.path));
        return Refusal::not_found().answer("", &blank(arrived)).0;
    };
    let query = pairs(&arrived.query);
    let wrong = described.check_request(operation, &path_values, &query, &arrived.body);
    let line = |it: &String| format!("request {} {}: {it}", arrived.method, whole_path(arrived));
    state.violations.extend(wrong.iter().map(line));
    let body = serde_json::from_slice(&arrived.body).unwrap_or(Value::Null);
    let call = Call {
        id,
        method: arrived.method.clone(),
        path,
        operation: operation.id.clone(),
        path_values,
        query,
        body,
        credential,
    };
    let result = if wrong.is_empty() {
        api::serve(state, &call)
    } else {
        Err(Refusal::Status(422, format!("Invalid request.\n\n{}", wrong.join("\n"))))
    };
    let answer = match result {
        Ok(answer) => answer,
        Err(refusal) => {
            let (answer, complaint) = refusal.answer(&state.rest(), &call);
            state.violations.extend(complaint.map(|it| format!("{} {}: {it}", arrived.method, arrived.path)));
            answer
        }
    };
    let wrong = described.check_answer(operation, answer.status, answer.body.as_ref());
    let line = |it: String| format!("answer {} to {} {}: {it}", answer.status, arrived.method, whole_path(arrived));
    state.violations.extend(wrong.into_iter().map(line));
    answer
}

fn blank(arrived: &Arrived) -> Call {
    Call {
        id: 0,
        method: arrived.method.clone(),
        path: arrived.path.clone(),
        operation: String::new(),
        path_values: Default::default(),
        query: Vec::new(),
        body: Value::Null,
        credential: Credential::Nobody,
    }
}

fn broken(state: &mut State, error: &anyhow::Error) -> Answer {
    state.violations.push(format!("the fake itself failed: {error:#}"));
    Answer::json(500, serde_json::json!({ "message": "Server Error" }))
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let pair = |it: &str| {
        let (name, value) = it.split_once('=').unwrap_or((it, ""));
        (decode(&name.replace('+', " ")), decode(&value.replace('+', " ")))
    };
    query.split('&').filter(|it| !it.is_empty()).map(pair).collect()
}

impl State {
    /// The limit of a credential: how many an hour, how many are left, until when.
    pub(crate) fn limit_of(&self, credential: &Credential) -> (u64, u64, i64) {
        let limit = self.limit.an_hour;
        let budget = match credential {
            Credential::Installation { installation, .. } => {
                self.installations.get(installation).and_then(|it| it.budget)
            }
            _ => None,
        };
        budget.map_or((limit, limit, self.clock.now() + 3600), |it| (limit, it.remaining, it.reset))
    }
}

/// Takes one request off what an installation has left; refuses where nothing is left. Asking for the limit costs nothing.
fn spend(state: &mut State, credential: &Credential, operation: &str) -> Option<Answer> {
    let Credential::Installation { installation, .. } = credential else { return None };
    if operation == "rate-limit/get" || !state.limit.told {
        return None;
    }
    let (now, limit) = (state.clock.now(), state.limit.an_hour);
    let it = state.installations.get_mut(installation)?;
    let mut budget = it.budget.filter(|it| it.reset > now).unwrap_or(Budget { remaining: limit, reset: now + 3600 });
    let empty = budget.remaining == 0;
    budget.remaining = budget.remaining.saturating_sub(1);
    it.budget = Some(budget);
    let words = format!("API rate limit exceeded for installation ID {installation}.");
    empty.then(|| Refusal::Status(403, words).answer("", &Call::nobody()).0)
}

impl Call {
    fn nobody() -> Call {
        Call {
            id: 0,
            method: String::new(),
            path: String::new(),
            operation: String::new(),
            path_values: Default::default(),
            query: Vec::new(),
            body: Value::Null,
            credential: Credential::Nobody,
        }
    }
}

/// Answers 304 where the client has this body already; that costs nothing of the limit.
fn unchanged(state: &mut State, arrived: &Arrived, credential: &Credential, answer: Answer) -> Answer {
    if arrived.method != "GET" || answer.status != 200 {
        return answer;
    }
    let Some(body) = &answer.body else { return answer };
    let digest = ring::digest::digest(&ring::digest::SHA256, body.to_string().as_bytes());
    let tag = format!("W/\"{}\"", hex::encode(&digest.as_ref()[..16]));
    if arrived.header("if-none-match") != Some(tag.as_str()) {
        return answer.header("etag", tag);
    }
    if let Credential::Installation { installation, .. } = credential
        && let Some(budget) = state.installations.get_mut(installation).and_then(|it| it.budget.as_mut())
    {
        budget.remaining += 1;
    }
    Answer::empty(304).header("etag", tag)
}

/// Adds the headers that every answer has.
fn with_headers(state: &State, credential: &Credential, answer: Answer) -> Answer {
    let now = state.clock.now();
    let mut answer = answer
        .header("date", http_date(now))
        .header("server", "github.com")
        .header("x-github-media-type", "github.v3; format=json")
        .header("x-github-request-id", format!("FAKE:{}", state.requests.len()));
    if state.edition == Edition::Enterprise {
        answer = answer.header("x-github-enterprise-version", ENTERPRISE_VERSION);
    }
    if !state.limit.told {
        return answer;
    }
    let (limit, left, reset) = state.limit_of(credential);
    answer
        .header("x-ratelimit-limit", limit.to_string())
        .header("x-ratelimit-remaining", left.to_string())
        .header("x-ratelimit-used", limit.saturating_sub(left).to_string())
        .header("x-ratelimit-reset", reset.to_string())
        .header("x-ratelimit-resource", "core")
}

/// Until when an answer tells the caller to wait, in milliseconds: `retry-after` before `x-ratelimit-reset` before a minute.
fn wait_until(state: &State, answer: &Answer) -> Option<i64> {
    if !matches!(answer.status, 403 | 429) {
        return None;
    }
    let header = |name: &str| answer.headers.iter().find(|it| it.0.eq_ignore_ascii_case(name)).map(|it| it.1.as_str());
    let now = state.clock.milliseconds();
    if let Some(text) = header("retry-after") {
        return match text.trim().parse::<i64>() {
            Ok(seconds) => Some(now + seconds * 1000),
            Err(_) => parse_http_date(text).map(|it| it * 1000),
        };
    }
    if header("x-ratelimit-remaining") == Some("0") {
        return header("x-ratelimit-reset").and_then(|it| it.parse::<i64>().ok()).map(|it| it * 1000);
    }
    let body = answer
        .body
        .as_ref()
        .map(Value::to_string)
        .or(answer.raw.as_ref().map(|it| String::from_utf8_lossy(it).into_owned()));
    let body = body.unwrap_or_default().to_lowercase();
    (answer.status == 429 || body.contains("secondary rate limit") || body.contains("abuse")).then_some(now + 60_000)
}

/// Writes a request into the history that a fault answers.
fn refused(shared: &Shared, arrived: &Arrived, operation: &str, status: u16, answer: Option<&Answer>) {
    shared.act(|state| {
        let (id, at) = (state.requests.len() as u64 + 1, state.clock.milliseconds());
        let credential = auth::credential(state, arrived.header("authorization"));
        let wait_until = answer.and_then(|it| wait_until(state, it));
        let (method, path) = (arrived.method.clone(), whole_path(arrived));
        state.requests.push(Request {
            id,
            at,
            method,
            path,
            operation: operation.to_owned(),
            credential,
            status,
            wait_until,
        });
    });
}

fn replayed(shared: &Shared, arrived: &Arrived, operation: &str, name: &str, used: usize) -> Response<Body> {
    let clock = shared.state.lock().clock;
    let recorded = match recording::answer(name, used, &clock) {
        Ok(recorded) => recorded,
        Err(error) => {
            shared.act(|state| state.violations.push(format!("{error:#}")));
            return plain(shared, 500);
        }
    };
    // The length is that of the body as it is now.
    let headers = recorded.headers.into_iter().filter(|it| !it.0.eq_ignore_ascii_case("status")).collect();
    let answer = Answer { status: recorded.status, headers, body: None, raw: Some(recorded.body.into_bytes()) };
    refused(shared, arrived, operation, answer.status, Some(&answer));
    written(answer, None)
}

fn plain(shared: &Shared, status: u16) -> Response<Body> {
    let answer = Refusal::Status(status, format!("status {status} on purpose")).answer("", &Call::nobody()).0;
    written(with_headers(&shared.state.lock(), &Credential::Nobody, answer), None)
}

fn undecodable(shared: &Shared) -> Response<Body> {
    let answer = Answer { status: 200, headers: Vec::new(), body: None, raw: Some(b"<html>\xff{\"id\":".to_vec()) };
    written(with_headers(&shared.state.lock(), &Credential::Nobody, answer), None)
}

/// The answer on the wire; with a pause, a byte at a time.
fn written(answer: Answer, pause: Option<Duration>) -> Response<Body> {
    match response(answer, pause) {
        Ok(response) => response,
        Err(error) => {
            let mut response = Response::new(Body::from(format!("the fake cannot write its answer: {error:#}")));
            *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}

fn response(answer: Answer, pause: Option<Duration>) -> Result<Response<Body>> {
    let mut response = Response::builder().status(answer.status);
    let typed = answer.headers.iter().any(|it| it.0.eq_ignore_ascii_case("content-type"));
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let bytes = match (answer.raw, answer.body) {
        (Some(raw), _) => raw,
        (None, Some(body)) => serde_json::to_vec(&body)?,
        (None, None) => return response.body(Body::empty()).context("an answer without a body"),
    };
    if !typed {
        response = response.header("content-type", "application/json; charset=utf-8");
    }
    let body = match pause {
        Some(pause) => dripping(bytes, pause),
        None => Body::from(bytes),
    };
    response.body(body).map_err(|error| anyhow!("an answer with a body: {error}"))
}

fn dripping(bytes: Vec<u8>, pause: Duration) -> Body {
    let drops = stream::unfold(bytes.into_iter(), move |mut left| async move {
        let byte = left.next()?;
        tokio::time::sleep(pause).await;
        Some((Ok::<_, Infallible>(Bytes::copy_from_slice(&[byte])), left))
    });
    Body::from_stream(drops)
}
