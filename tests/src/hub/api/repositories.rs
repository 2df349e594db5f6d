//! Repositories themselves: who may do what, branches, commits, files.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::hub::answers::{Detail, with};
use crate::hub::call::{Answer, Call, Refusal, Reply};
use crate::hub::state::{Repository, State};

pub(super) fn serve(state: &State, call: &Call, id: u64) -> Reply {
    let place = state.repository(id)?;
    match call.operation.as_str() {
        "repos/get" => Ok(Answer::json(200, state.repository_json(place, Detail::Whole)?)),
        "repos/get-collaborator-permission-level" => {
            let login = call.value("username");
            if !state.accounts.contains_key(&login.to_lowercase()) {
                return Err(Refusal::Status(404, format!("{login} is not a user")));
            }
            Ok(Answer::json(200, state.permission_json(place, login)))
        }
        "repos/list-branches" => {
            let all = place.objects.references("refs/heads/")?;
            let json = |(name, sha): &(String, String)| {
                let url = format!("{}/repos/{}/commits/{sha}", state.rest(), place.full_name());
                json!({ "name": name.trim_start_matches("refs/heads/"), "commit": { "sha": sha, "url": url }, "protected": false })
            };
            Ok(call.list(state, all.iter().map(json).collect()))
        }
        "repos/get-branch" => branch(state, call, place),
        "repos/list-commits" => {
            let name = call.query("sha").unwrap_or(&place.default_branch);
            let tip = place.objects.commit_of(name).ok_or_else(Refusal::not_found)?;
            let all: Result<Vec<Value>, _> =
                place.objects.log(&tip, 200)?.iter().map(|it| state.commit_json(place, it)).collect();
            Ok(call.list(state, all?))
        }
        "repos/get-commit" => {
            let sha = commit(place, call.value("ref"))?;
            let old = place.objects.read_commit(&sha)?.parents.first().cloned();
            let files = old.map_or(Ok(Vec::new()), |old| state.files_json(id, &old, &sha))?;
            let total: u64 = files.iter().filter_map(|it| it["changes"].as_u64()).sum();
            let stats = json!({ "additions": total, "deletions": 0, "total": total });
            Ok(Answer::json(200, with(state.commit_json(place, &sha)?, json!({ "files": files, "stats": stats }))))
        }
        "repos/list-pull-requests-associated-with-commit" => {
            let sha = call.value("commit_sha");
            let mut all = Vec::new();
            for issue in place.issues.values() {
                if issue.pull.as_ref().is_some_and(|it| it.head_sha == sha || it.merge_sha.as_deref() == Some(sha)) {
                    all.push(state.pull_json(place, issue, Detail::Listed)?);
                }
            }
            Ok(call.list(state, all))
        }
        "repos/get-combined-status-for-ref" => {
            let sha = commit(place, call.value("ref"))?;
            let template = state.template(&call.operation, Some(place))?;
            let repository = state.repository_json(place, Detail::Listed)?;
            let fields =
                json!({ "state": "pending", "statuses": [], "sha": sha, "total_count": 0, "repository": repository });
            Ok(Answer::json(200, with(template, fields)))
        }
        "repos/compare-commits-with-basehead" => compare(state, call, place),
        "repos/get-content" => content(state, call, place),
        "repos/get-branch-rules" => Ok(call.list(state, rules_of(place, call.value("branch")))),
        _ => Err(super::unserved(call)),
    }
}

/// The rules that hold for a branch: those without a pattern, and those whose `pattern` starts its name.
pub(crate) fn rules_of(place: &Repository, branch: &str) -> Vec<Value> {
    let holds = |it: &&Value| it["pattern"].as_str().is_none_or(|start| branch.starts_with(start));
    place.rules.iter().filter(holds).map(|it| crate::hub::answers::without(it.clone(), &["pattern"])).collect()
}

fn commit(place: &Repository, name: &str) -> Result<String, Refusal> {
    let name = name.strip_prefix("heads/").unwrap_or(name);
    place.objects.commit_of(name).ok_or_else(|| Refusal::Status(422, format!("No commit found for SHA: {name}")))
}

fn branch(state: &State, call: &Call, place: &Repository) -> Reply {
    let name = call.value("branch");
    let sha = place.objects.reference(&format!("refs/heads/{name}"));
    let sha = sha.ok_or_else(|| Refusal::Status(404, "Branch not found".to_owned()))?;
    let url = format!("{}/repos/{}/branches/{name}", state.rest(), place.full_name());
    Ok(Answer::json(
        200,
        json!({
            "name": name, "commit": state.commit_json(place, &sha)?, "protected": false, "protection_url": format!("{url}/protection"),
            "protection": { "enabled": false, "required_status_checks": { "enforcement_level": "off", "contexts": [], "checks": [] } },
            "_links": { "self": url, "html": format!("{}/{}/tree/{name}", state.origin, place.full_name()) },
        }),
    ))
}

fn compare(state: &State, call: &Call, place: &Repository) -> Reply {
    let (base, head) = call.value("basehead").split_once("...").ok_or_else(Refusal::not_found)?;
    let tip = |name: &str| {
        place.objects.commit_of(name.split_once(':').map_or(name, |it| it.1)).ok_or_else(Refusal::not_found)
    };
    let (base, head) = (tip(base)?, tip(head)?);
    let merge_base = place.objects.merge_base(&base, &head).ok_or_else(Refusal::not_found)?;
    let ahead = place.objects.log(&format!("{base}..{head}"), 250)?;
    let behind = place.objects.log(&format!("{head}..{base}"), 10_000)?.len();
    let status = match (ahead.len(), behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let commits: Result<Vec<Value>, _> = ahead.iter().rev().map(|it| state.commit_json(place, it)).collect();
    let template = state.template(&call.operation, Some(place))?;
    Ok(Answer::json(
        200,
        with(
            template,
            json!({
                "base_commit": state.commit_json(place, &base)?, "merge_base_commit": state.commit_json(place, &merge_base)?,
                "status": status, "ahead_by": ahead.len(), "behind_by": behind, "total_commits": ahead.len(), "commits": commits?,
                "files": state.files_json(place.id, &merge_base, &head)?,
            }),
        ),
    ))
}

fn content(state: &State, call: &Call, place: &Repository) -> Reply {
    let name = call.query("ref").unwrap_or(&place.default_branch);
    let tip = place.objects.commit_of(name);
    let tip = tip.ok_or_else(|| Refusal::Status(404, format!("No commit found for the ref {name}")))?;
    let path = call.value("path").trim_matches('/');
    let found = place.objects.read_tree(&tip, true)?.into_iter().find(|it| it.path == path && it.kind == "blob");
    let entry = found.ok_or_else(Refusal::not_found)?;
    let bytes = place.objects.read_blob(&entry.sha)?;
    let url = format!("{}/repos/{}/contents/{path}?ref={name}", state.rest(), place.full_name());
    let git = format!("{}/repos/{}/git/blobs/{}", state.rest(), place.full_name(), entry.sha);
    let html = format!("{}/{}/blob/{name}/{path}", state.origin, place.full_name());
    Ok(Answer::json(
        200,
        json!({
            "type": "file", "encoding": "base64", "size": bytes.len(), "name": path.rsplit('/').next(), "path": path,
            "content": STANDARD.encode(&bytes), "sha": entry.sha, "url": url, "git_url": git, "html_url": html,
            "download_url": format!("{}/{}/raw/{name}/{path}", state.origin, place.full_name()),
            "_links": { "git": git, "self": url, "html": html },
        }),
    ))
}
