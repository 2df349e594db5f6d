//! The app, its installations, its deliveries, and what belongs to no repository.

use serde_json::{Value, json};

use crate::hub::answers::{Detail, node, with};
use crate::hub::auth;
use crate::hub::call::{Answer, Call, Refusal, Reply};
use crate::hub::clock::iso;
use crate::hub::history::{Change, Credential};
use crate::hub::state::{AccountKind, Installation, State};
use crate::hub::webhooks::{Handling, Waiting};

pub(super) fn serve(state: &mut State, call: &Call) -> Reply {
    match call.operation.as_str() {
        "apps/get-authenticated" => {
            let count = state.installations.len();
            Ok(Answer::json(200, with(state.app_json()?, json!({ "installations_count": count }))))
        }
        "apps/create-from-manifest" => from_manifest(state, call),
        "apps/get-webhook-config-for-app" => Ok(Answer::json(200, hook_config(state))),
        "apps/update-webhook-config-for-app" => {
            if let Some(url) = call.text("url") {
                state.app.hook_url = Some(url.to_owned());
            }
            if let Some(secret) = call.text("secret") {
                state.app.hook_secret = secret.to_owned();
            }
            Ok(Answer::json(200, hook_config(state)))
        }
        "apps/list-webhook-deliveries" => deliveries(state, call),
        "apps/get-webhook-delivery" => {
            let id = call.number("delivery_id")?;
            let sent = state.deliveries.iter().find(|it| it.id == id).ok_or_else(Refusal::not_found)?;
            Ok(Answer::json(200, state.delivery_detail_json(sent)))
        }
        "apps/redeliver-webhook-delivery" => redeliver(state, call),
        "apps/list-installations" => {
            let all: Result<Vec<Value>, _> =
                state.installations.values().map(|it| state.installation_json(it)).collect();
            Ok(call.list(state, all?))
        }
        "apps/get-installation" => {
            let id = call.number("installation_id")?;
            let installation = state.installations.get(&id).ok_or_else(Refusal::not_found)?;
            Ok(Answer::json(200, state.installation_json(installation)?))
        }
        "apps/get-org-installation" | "apps/get-user-installation" => {
            let name = if call.operation.contains("org") { call.value("org") } else { call.value("username") };
            let found = state.installations.values().find(|it| it.account.eq_ignore_ascii_case(name));
            Ok(Answer::json(200, state.installation_json(found.ok_or_else(Refusal::not_found)?)?))
        }
        "apps/delete-installation" => {
            let id = call.number("installation_id")?;
            state.installations.remove(&id).ok_or_else(Refusal::not_found)?;
            Ok(Answer::empty(204))
        }
        "apps/suspend-installation" | "apps/unsuspend-installation" => {
            let (id, now) = (call.number("installation_id")?, state.clock.now());
            let installation = state.installations.get_mut(&id).ok_or_else(Refusal::not_found)?;
            installation.suspended_at = (call.method == "PUT").then_some(now);
            Ok(Answer::empty(204))
        }
        "apps/create-installation-access-token" => auth::mint(state, call),
        "apps/revoke-installation-access-token" => auth::revoke(state, call),
        "apps/list-repos-accessible-to-installation" => accessible(state, call),
        "meta/get" => Ok(Answer::json(200, meta(state)?)),
        "rate-limit/get" => rate_limit(state, call),
        "users/get-by-username" => user(state, call),
        "search/issues-and-pull-requests" => search(state, call),
        _ => Err(super::unserved(call)),
    }
}

/// What the app asks of a repository.
pub(super) fn serve_for(state: &State, call: &Call, repository: u64) -> Reply {
    let installation = state.installation_of(repository).ok_or_else(Refusal::not_found)?;
    match call.operation.as_str() {
        "apps/get-repo-installation" => Ok(Answer::json(200, state.installation_json(installation)?)),
        _ => Err(super::unserved(call)),
    }
}

impl State {
    pub(crate) fn installation_json(&self, it: &Installation) -> anyhow::Result<Value> {
        let template = self.template("apps/get-installation", None)?;
        let account = self.account(&it.account);
        let kind = if account.kind == AccountKind::Organization { "Organization" } else { "User" };
        let suspended_by = it.suspended_at.map(|_| self.user_json(&it.account));
        Ok(with(
            template,
            json!({
                "id": it.id, "account": self.user_json(&it.account), "app_id": self.app.id, "app_slug": self.app.slug,
                "target_id": account.id, "target_type": kind, "permissions": it.permissions, "events": self.app.events,
                "repository_selection": "selected", "suspended_at": it.suspended_at.map(iso), "suspended_by": suspended_by,
                "access_tokens_url": format!("{}/app/installations/{}/access_tokens", self.rest(), it.id),
                "repositories_url": format!("{}/installation/repositories", self.rest()), "single_file_name": null,
                "has_multiple_single_files": false, "single_file_paths": [],
                "html_url": format!("{}/settings/installations/{}", self.origin, it.id),
            }),
        ))
    }
}

fn from_manifest(state: &mut State, call: &Call) -> Reply {
    let manifest = state.manifest_codes.remove(call.value("code")).ok_or_else(Refusal::not_found)?;
    let name = manifest["name"].as_str().unwrap_or(&state.app.name).to_owned();
    let template = state.template("apps/create-from-manifest", None)?;
    let fields = json!({
        "id": state.app.id, "slug": state.app.slug, "node_id": node("App", state.app.id), "name": name,
        "owner": state.user_json(&state.app.owner), "html_url": format!("{}/apps/{}", state.origin, state.app.slug),
        "external_url": manifest["url"], "webhook_secret": state.app.hook_secret, "pem": auth::PRIVATE_KEY,
        "permissions": manifest["default_permissions"], "events": manifest["default_events"],
    });
    Ok(Answer::json(201, with(template, fields)))
}

fn hook_config(state: &State) -> Value {
    json!({ "url": state.app.hook_url.clone().unwrap_or_default(), "content_type": "json", "insecure_ssl": "0", "secret": "********" })
}

/// Lists attempts, newest first; a cursor names the first attempt of the next page.
fn deliveries(state: &State, call: &Call) -> Reply {
    let size: usize = call.query("per_page").and_then(|it| it.parse().ok()).unwrap_or(30).clamp(1, 100);
    let from = match call.query("cursor") {
        Some(cursor) => {
            let id = cursor.strip_prefix("v1_").and_then(|it| it.parse::<u64>().ok());
            Some(id.ok_or_else(|| Refusal::Status(400, "Invalid cursor".to_owned()))?)
        }
        None => None,
    };
    let wanted = |status: u16| match call.query("status") {
        Some("success") => (200..300).contains(&status),
        Some("failure") => !(200..300).contains(&status),
        _ => true,
    };
    let mut rest = state.deliveries.iter().rev().filter(|it| wanted(it.status) && from.is_none_or(|id| it.id <= id));
    let page: Vec<Value> = rest.by_ref().take(size).map(|it| state.delivery_json(it)).collect();
    let answer = Answer::json(200, Value::Array(page));
    Ok(match rest.next() {
        Some(next) => {
            let status = call.query("status").map_or_else(String::new, |it| format!("&status={it}"));
            let address = format!("{}/app/hook/deliveries?per_page={size}&cursor=v1_{}{status}", state.rest(), next.id);
            answer.header("link", format!("<{address}>; rel=\"next\""))
        }
        None => answer,
    })
}

fn redeliver(state: &mut State, call: &Call) -> Reply {
    let id = call.number("delivery_id")?;
    let sent = state.deliveries.iter().find(|it| it.id == id).cloned().ok_or_else(Refusal::not_found)?;
    let actor = state.bot();
    state.effect(Some(call), &actor, 0, Change::Redelivery { guid: sent.guid.clone() });
    state.waiting.push_back(Waiting {
        guid: sent.guid,
        event: sent.event,
        action: sent.action,
        body: sent.body,
        installation: sent.installation,
        repository: sent.repository,
        again: true,
        handling: Handling::Send,
    });
    Ok(Answer::json(202, json!({})))
}

fn accessible(state: &State, call: &Call) -> Reply {
    let Credential::Installation { repositories, .. } = &call.credential else { return Err(Refusal::not_found()) };
    let mut all = Vec::new();
    for id in repositories {
        all.push(state.repository_json(state.repository(*id)?, Detail::Listed)?);
    }
    Ok(call.counted(state, "repositories", all))
}

fn meta(state: &State) -> anyhow::Result<Value> {
    let mut it = state.template("meta/get", None)?;
    // The example has numbers for them, against its own schema.
    it["ssh_key_fingerprints"] = json!({ "SHA256_ED25519": "fake", "SHA256_RSA": "fake" });
    it["hooks"] = json!(["127.0.0.0/8"]);
    if state.edition == crate::hub::Edition::Enterprise {
        it["installed_version"] = json!(crate::hub::server::ENTERPRISE_VERSION);
    }
    Ok(it)
}

fn rate_limit(state: &State, call: &Call) -> Reply {
    if !state.limit.told {
        return Err(Refusal::Status(404, "Rate limiting is not enabled.".to_owned()));
    }
    let (limit, left, reset) = state.limit_of(&call.credential);
    let core = json!({ "limit": limit, "used": limit.saturating_sub(left), "remaining": left, "reset": reset });
    let mut it = state.template("rate-limit/get", None)?;
    it["rate"] = core.clone();
    it["resources"]["core"] = core;
    Ok(Answer::json(200, it))
}

fn user(state: &State, call: &Call) -> Reply {
    let login = call.value("username");
    let account = state.accounts.get(&login.to_lowercase()).ok_or_else(Refusal::not_found)?;
    let template = state.template("users/get-by-username", None)?;
    let plain = state.user_json(&account.login);
    Ok(Answer::json(200, with(with(template, plain), json!({ "name": null, "email": null, "company": null }))))
}

/// Searches the titles and texts of issues for all words; knows the qualifiers `repo:`, `is:`, `state:`, `type:`, `label:`, `in:`.
fn search(state: &State, call: &Call) -> Reply {
    let Credential::Installation { repositories, .. } = &call.credential else { return Err(Refusal::not_found()) };
    let query = call.query("q").unwrap_or_default();
    let mut found = Vec::new();
    for id in repositories {
        let place = state.repository(*id)?;
        for issue in place.issues.values() {
            let text = format!("{} {}", issue.title, issue.body.as_deref().unwrap_or_default()).to_lowercase();
            let holds = |term: &str| match term.split_once(':') {
                Some(("repo", name)) => place.full_name().eq_ignore_ascii_case(name),
                Some(("is" | "state", "open")) => issue.open,
                Some(("is" | "state", "closed")) => !issue.open,
                Some(("is" | "type", "issue")) => issue.pull.is_none(),
                Some(("is" | "type", "pr" | "pull-request")) => issue.pull.is_some(),
                Some(("label", name)) => issue.labels.contains(name.trim_matches('"')),
                Some(("in", _)) => true,
                Some(("head", name)) => issue.pull.as_ref().is_some_and(|it| it.head == name),
                _ => text.contains(&term.trim_matches('"').to_lowercase()),
            };
            if query.split_whitespace().all(holds) {
                found.push(with(state.issue_json(place, issue)?, json!({ "score": 1.0 })));
            }
        }
    }
    let total = found.len();
    let (items, link) = call.page(&state.rest(), found);
    let body = json!({ "total_count": total, "incomplete_results": false, "search_type": "lexical", "items": items });
    let answer = Answer::json(200, body);
    Ok(link.into_iter().fold(answer, |answer, link| answer.header("link", link)))
}
