//! Webhooks: payloads made of GitHub's examples and the state, signed, and sent to the app's address by a thread of the fake.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use jsonschema::{Draft, Registry, Resource, Validator};
use parking_lot::Mutex;
use ring::hmac;
use serde_json::{Value, json};

use super::Shared;
use super::answers::Detail;
use super::clock::iso;
use super::description::shortened;
use super::state::{AccountKind, State};

const WEBHOOKS: &str = include_str!("../../fixtures/github/webhooks.json");
const BASE: &str = "json-schema:///webhooks/";
/// How long github.com waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are kept.
const KEPT: u64 = 64 * 1024;

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Handling {
    /// It is sent.
    #[default]
    Send,
    /// It is sent twice with the same id.
    Twice,
    /// It is lost on the way: recorded as failed, found by those who ask for failed deliveries.
    Lose,
    /// It waits until it is released.
    Hold,
    /// It is sent with a signature of another secret.
    Forge,
    /// It is signed with the secret before the present one.
    OldSecret,
}

/// A delivery that is to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) guid: String,
    pub(crate) event: String,
    pub(crate) action: Option<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) installation: Option<u64>,
    pub(crate) repository: Option<u64>,
    pub(crate) again: bool,
    pub(crate) handling: Handling,
}

/// A delivery that was sent, or was lost.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The number of this attempt.
    pub id: u64,
    /// The delivery's id, the same for every attempt.
    pub guid: String,
    /// The event's name.
    pub event: String,
    /// What happened.
    pub action: Option<String>,
    /// The status that came back; zero where none came.
    pub status: u16,
    /// How long that took.
    pub took: Duration,
    /// Whether it was asked for again.
    pub again: bool,
    /// Seconds since 1970.
    pub at: i64,
    pub(crate) installation: Option<u64>,
    pub(crate) repository: Option<u64>,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) answer: String,
}

struct Payloads {
    examples: HashMap<String, Value>,
    schemas: HashMap<String, Value>,
    registry: Registry,
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

fn payloads() -> Result<&'static Payloads> {
    static PAYLOADS: OnceLock<Result<Payloads, String>> = OnceLock::new();
    PAYLOADS
        .get_or_init(|| Payloads::load().map_err(|error| format!("{error:#}")))
        .as_ref()
        .map_err(|error| anyhow!("the payload examples cannot be used: {error}"))
}

impl Payloads {
    fn load() -> Result<Payloads> {
        let mut document: Value = serde_json::from_str(WEBHOOKS)?;
        let mut take = |name: &str| serde_json::from_value::<HashMap<String, Value>>(document[name].take());
        let (examples, schemas, shared) = (take("examples")?, take("schemas")?, take("common")?);
        let mut resources = Vec::new();
        for (name, mut schema) in shared {
            rebase(&mut schema);
            resources.push((format!("{BASE}{name}"), Resource::from_contents(schema)?));
        }
        let registry = Registry::options().draft(Draft::Draft7).build(resources)?;
        Ok(Payloads { examples, schemas, registry, compiled: Mutex::default() })
    }

    fn complaints(&self, key: &str, payload: &Value) -> Result<Vec<String>> {
        let known = self.compiled.lock().get(key).cloned();
        let validator = match known {
            Some(validator) => validator,
            None => {
                let mut schema = self.schemas.get(key).with_context(|| format!("no schema of {key}"))?.clone();
                rebase(&mut schema);
                let options = jsonschema::options().with_draft(Draft::Draft7).with_registry(self.registry.clone());
                // The library's own check of templates refuses `%5B`, which the addresses of apps' accounts have.
                let options = options.with_format("uri-template", |text: &str| !text.contains(char::is_whitespace));
                let validator = Arc::new(options.build(&schema).map_err(|error| anyhow!("{key}: {error}"))?);
                self.compiled.lock().insert(key.to_owned(), Arc::clone(&validator));
                validator
            }
        };
        let listed = |error: jsonschema::ValidationError<'_>| {
            format!("webhook {key}: {}: {}", error.instance_path, shortened(&error.to_string()))
        };
        Ok(validator.iter_errors(payload).take(8).map(listed).collect())
    }
}

/// Makes references to the shared schemas absolute; their own ids, which are relative, go.
fn rebase(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.get("$id").is_some_and(Value::is_string) {
                object.remove("$id");
            }
            if let Some(Value::String(reference)) = object.get_mut("$ref")
                && !reference.starts_with('#')
            {
                let name = reference.trim_start_matches("common/").to_owned();
                *reference = format!("{BASE}common/{name}");
            }
            object.values_mut().for_each(rebase);
        }
        Value::Array(items) => items.iter_mut().for_each(rebase),
        _ => {}
    }
}

/// Fills a template: every field that it has is taken from `ours` where that has it too. What the template lacks stays away.
fn filled(template: &Value, ours: &Value) -> Value {
    match (template, ours) {
        (Value::Object(template), Value::Object(ours)) => {
            let field = |(name, value): (&String, &Value)| {
                (name.clone(), ours.get(name).map_or_else(|| value.clone(), |mine| filled(value, mine)))
            };
            Value::Object(template.iter().map(field).collect())
        }
        (Value::Array(template), Value::Array(ours)) => match template.first() {
            Some(first) => Value::Array(ours.iter().map(|it| filled(first, it)).collect()),
            None => Value::Array(ours.clone()),
        },
        (_, ours) => ours.clone(),
    }
}

impl State {
    /// Tells the app of something that happened, where it listens for it.
    pub(crate) fn emit(
        &mut self,
        event: &str,
        action: Option<&str>,
        repository: Option<u64>,
        sender: &str,
        fields: Value,
    ) -> Result<()> {
        let installation = repository.and_then(|it| self.installation_of(it)).map(|it| it.id);
        self.emit_for(installation, event, action, repository, sender, fields)
    }

    /// The same, of something that happened to an installation.
    pub(crate) fn emit_for(
        &mut self,
        installation: Option<u64>,
        event: &str,
        action: Option<&str>,
        repository: Option<u64>,
        sender: &str,
        fields: Value,
    ) -> Result<()> {
        let always =
            matches!(event, "installation" | "installation_repositories" | "ping" | "github_app_authorization");
        let suspended =
            installation.and_then(|it| self.installations.get(&it)).is_some_and(|it| it.suspended_at.is_some());
        if self.app.hook_url.is_none()
            || !(always || self.app.events.contains(event))
            || (installation.is_none() && event != "ping")
            || (suspended && !always)
        {
            return Ok(());
        }
        let payload = self.payload(event, action, repository, installation, sender, fields)?;
        let key = action.map_or_else(|| event.to_owned(), |action| format!("{event}.{action}"));
        let complaints = payloads()?.complaints(&key, &payload)?;
        self.violations.extend(complaints);
        let waiting = Waiting {
            guid: self.guid(),
            event: event.to_owned(),
            action: action.map(str::to_owned),
            body: serde_json::to_vec(&payload)?,
            installation,
            repository,
            again: false,
            handling: self.handling,
        };
        self.waiting.push_back(waiting);
        Ok(())
    }

    fn guid(&mut self) -> String {
        let id = self.next_id();
        let now = self.clock.milliseconds();
        let digest = ring::digest::digest(&ring::digest::SHA256, format!("{id} {now} {}", self.origin).as_bytes());
        let hex = hex::encode(&digest.as_ref()[..16]);
        format!("{}-{}-11f0-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[16..28])
    }

    /// A complete payload.
    pub(crate) fn payload(
        &self,
        event: &str,
        action: Option<&str>,
        repository: Option<u64>,
        installation: Option<u64>,
        sender: &str,
        fields: Value,
    ) -> Result<Value> {
        let key = action.map_or_else(|| event.to_owned(), |action| format!("{event}.{action}"));
        let example = payloads()?.examples.get(&key).with_context(|| format!("no example of {key}"))?;
        let mut text = serde_json::to_string(example)?;
        let mut fields = fields;
        if let Some(id) = repository {
            let repository = self.repository(id)?;
            if let Some(name) = example["repository"]["full_name"].as_str() {
                text = text.replace(name, &repository.full_name());
            }
            fields["repository"] = self.repository_json(repository, Detail::Listed)?;
            // A push writes times as numbers.
            if example["repository"]["created_at"].is_number() {
                fields["repository"]["created_at"] = json!(repository.created);
                fields["repository"]["pushed_at"] = json!(self.clock.now());
            }
        }
        text = text.replace("https://api.github.com", &self.rest()).replace("https://github.com", &self.origin);
        fields["sender"] = self.user_json(sender);
        let changes = fields.get("changes").cloned();
        let template: Value = serde_json::from_str(&text)?;
        let mut payload = filled(&template, &fields);
        let object = payload.as_object_mut().context("a payload is an object")?;
        let organization = repository.and_then(|it| self.repository(it).ok()).map(|it| self.account(&it.owner));
        // The examples' organization is not ours, and a repository of a person has none.
        object.remove("organization");
        if let Some(owner) = organization.filter(|it| it.kind == AccountKind::Organization) {
            object.insert("organization".to_owned(), self.organization_json(&owner.login));
        }
        if let Some(changes) = changes {
            object.insert("changes".to_owned(), changes);
        }
        if let Some(id) = installation.filter(|_| event != "installation" && event != "installation_repositories") {
            let node = super::answers::node("IntegrationInstallation", id);
            object.insert("installation".to_owned(), json!({ "id": id, "node_id": node }));
        }
        Ok(payload)
    }

    fn organization_json(&self, login: &str) -> Value {
        let account = self.account(login);
        let url = format!("{}/orgs/{}", self.rest(), account.login);
        json!({
            "login": account.login, "id": account.id, "node_id": super::answers::node("Organization", account.id), "url": url,
            "repos_url": format!("{url}/repos"), "events_url": format!("{url}/events"), "hooks_url": format!("{url}/hooks"),
            "issues_url": format!("{url}/issues"), "members_url": format!("{url}/members{{/member}}"),
            "public_members_url": format!("{url}/public_members{{/member}}"),
            "avatar_url": format!("{}/avatars/{}", self.origin, account.id), "description": "",
        })
    }

    /// The record of an attempt, as the list of deliveries has it.
    pub(crate) fn delivery_json(&self, sent: &Sent) -> Value {
        let status = match sent.status {
            200..300 => "OK".to_owned(),
            0 => "failed to connect to host".to_owned(),
            status => format!("Invalid HTTP Response: {status}"),
        };
        json!({
            "id": sent.id, "guid": sent.guid, "delivered_at": iso(sent.at), "redelivery": sent.again,
            "duration": sent.took.as_secs_f64(), "status": status, "status_code": sent.status, "event": sent.event,
            "action": sent.action, "installation_id": sent.installation, "repository_id": sent.repository, "throttled_at": null,
        })
    }

    /// The same with what was sent and what came back.
    pub(crate) fn delivery_detail_json(&self, sent: &Sent) -> Value {
        let headers: serde_json::Map<String, Value> = sent.headers.iter().map(|(n, v)| (n.clone(), json!(v))).collect();
        let mut it = self.delivery_json(sent);
        it["url"] = json!(sent.url);
        it["request"] = json!({
            "headers": headers, "payload": serde_json::from_slice::<Value>(&sent.body).unwrap_or_default(),
        });
        it["response"] = json!({ "headers": {}, "payload": sent.answer });
        it
    }
}

/// The headers that GitHub sends with a body.
pub fn signed_headers(secret: &str, app: u64, guid: &str, event: &str, body: &[u8]) -> Vec<(String, String)> {
    let sign = |algorithm, name: &str| {
        let tag = hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), body);
        format!("{name}={}", hex::encode(tag.as_ref()))
    };
    [
        ("Accept", "*/*".to_owned()),
        ("Content-Type", "application/json".to_owned()),
        ("User-Agent", "GitHub-Hookshot/8729ea2".to_owned()),
        ("X-GitHub-Delivery", guid.to_owned()),
        ("X-GitHub-Event", event.to_owned()),
        ("X-GitHub-Hook-ID", "42".to_owned()),
        ("X-GitHub-Hook-Installation-Target-ID", app.to_string()),
        ("X-GitHub-Hook-Installation-Target-Type", "integration".to_owned()),
        ("X-Hub-Signature", sign(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, "sha1")),
        ("X-Hub-Signature-256", sign(hmac::HMAC_SHA256, "sha256")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Sends what waits, in order, until the fake ends.
pub(crate) fn run(shared: &Shared) {
    while let Some((waiting, url, secret, app)) = next(shared) {
        let secret = if waiting.handling == Handling::Forge { format!("not {secret}") } else { secret };
        let headers = signed_headers(&secret, app, &waiting.guid, &waiting.event, &waiting.body);
        let times = if waiting.handling == Handling::Twice { 2 } else { 1 };
        for _ in 0..times {
            let started = Instant::now();
            let (status, answer) = match waiting.handling {
                Handling::Lose => (0, String::new()),
                _ => post(&url, &headers, &waiting.body).unwrap_or((0, String::new())),
            };
            record(shared, &waiting, &url, &headers, status, answer, started.elapsed());
        }
        shared.act(|state| {
            state.sending -= 1;
        });
    }
}

fn next(shared: &Shared) -> Option<(Waiting, String, String, u64)> {
    let mut state = shared.state.lock();
    loop {
        if state.over {
            return None;
        }
        let found = state.waiting.iter().position(|it| it.handling != Handling::Hold);
        if let (Some(index), Some(url)) = (found, state.app.hook_url.clone())
            && let Some(waiting) = state.waiting.remove(index)
        {
            state.sending += 1;
            let old = waiting.handling == Handling::OldSecret;
            let secret = if old { &state.app.former_secret } else { &state.app.hook_secret };
            return Some((waiting, url, secret.clone(), state.app.id));
        }
        shared.changed.wait(&mut state);
    }
}

fn record(
    shared: &Shared,
    it: &Waiting,
    url: &str,
    headers: &[(String, String)],
    status: u16,
    answer: String,
    took: Duration,
) {
    shared.act(|state| {
        let (id, at) = (state.next_id(), state.clock.now());
        state.deliveries.push(Sent {
            id,
            guid: it.guid.clone(),
            event: it.event.clone(),
            action: it.action.clone(),
            status,
            took,
            again: it.again,
            at,
            installation: it.installation,
            repository: it.repository,
            url: url.to_owned(),
            headers: headers.to_vec(),
            body: it.body.clone(),
            answer,
        });
    });
}

/// Sends a request over a connection of its own and returns the status and the body.
fn post(url: &str, headers: &[(String, String)], body: &[u8]) -> Result<(u16, String)> {
    let rest = url.strip_prefix("http://").with_context(|| format!("{url} is no plain HTTP address"))?;
    let (host, path) = rest.split_once('/').map_or((rest, String::new()), |(host, path)| (host, path.to_owned()));
    let address = host.to_socket_addrs()?.next().with_context(|| format!("{host} has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut head =
        format!("POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.take(KEPT).read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    let status = text.split(' ').nth(1).and_then(|it| it.parse().ok()).context("the answer has a status")?;
    Ok((status, text.split_once("\r\n\r\n").map_or_else(String::new, |it| it.1.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_keep_their_fields_and_take_ours() {
        let template = json!({ "a": 1, "b": { "c": 2 }, "d": [{ "e": 1 }] });
        let ours = json!({ "a": null, "b": { "c": 3, "x": 1 }, "d": [{ "e": 5, "y": 1 }, { "e": 6 }], "z": 1 });
        assert_eq!(filled(&template, &ours), json!({ "a": null, "b": { "c": 3 }, "d": [{ "e": 5 }, { "e": 6 }] }));
    }

    #[test]
    fn signatures_are_those_of_githubs_own_example() {
        let headers = signed_headers("It's a Secret to Everybody", 1, "g", "ping", b"Hello, World!");
        let signature = &headers.iter().find(|it| it.0 == "X-Hub-Signature-256").unwrap().1;
        assert_eq!(signature, "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
    }

    /// Where GitHub's examples and GitHub's schemas, taken from one commit, contradict each other. What the fake sends is put right.
    const CONTRADICTIONS: [&str; 7] = [
        "webhook check_run.rerequested: /check_run/app/created_at: \"2018-04-25 20:42:10\" is not a \"date-time\"",
        "webhook check_run.rerequested: /check_run/app/updated_at: \"2018-04-25 20:42:10\" is not a \"date-time\"",
        "webhook check_run.rerequested: /check_run/check_suite/app/created_at: \"2018-04-25 20:42:10\" is not a \"date-time\"",
        "webhook check_run.rerequested: /check_run/check_suite/app/updated_at: \"2018-04-25 20:42:10\" is not a \"date-time\"",
        "webhook issues.closed: /issue/state: \"open\" is not one of \"closed\"",
        "webhook pull_request.edited: : \"changes\" is a required property",
        "webhook repository.archived: /repository/archived: false is not one of true",
    ];

    #[test]
    fn every_example_fits_its_schema_but_for_what_contradicts_itself() {
        let payloads = payloads().unwrap();
        let mut wrong = Vec::new();
        for (key, example) in &payloads.examples {
            wrong.extend(payloads.complaints(key, example).unwrap());
        }
        wrong.sort_unstable();
        assert_eq!(wrong, CONTRADICTIONS);
    }
}
