//! The Git Data API: objects and references of the repository on disk.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::hub::acts::By;
use crate::hub::call::{Answer, Call, Refusal, Reply};
use crate::hub::history::Change;
use crate::hub::objects::{Signature, TreeEdit};
use crate::hub::state::State;

pub(super) fn serve(state: &mut State, call: &Call, id: u64, by: By<'_>) -> Reply {
    let objects = &state.repository(id)?.objects;
    if objects.references("refs/")?.is_empty() {
        return Err(Refusal::Status(409, "Git Repository is empty.".to_owned()));
    }
    match call.operation.as_str() {
        "git/create-blob" => create_blob(state, call, id),
        "git/get-blob" => blob(state, call, id),
        "git/create-tree" => create_tree(state, call, id),
        "git/get-tree" => tree(state, call, id),
        "git/create-commit" => create_commit(state, call, id, by),
        "git/get-commit" => {
            let sha = call.value("commit_sha");
            let place = state.repository(id)?;
            if place.objects.kind(sha).as_deref() != Some("commit") {
                return Err(Refusal::not_found());
            }
            Ok(Answer::json(200, state.git_commit_json(place, sha)?))
        }
        "git/get-ref" => {
            let name = format!("refs/{}", call.value("ref"));
            let place = state.repository(id)?;
            let sha = place.objects.reference(&name).ok_or_else(Refusal::not_found)?;
            Ok(Answer::json(200, state.reference_json(place, &name, &sha)))
        }
        "git/list-matching-refs" => {
            let place = state.repository(id)?;
            let all = place.objects.references(&format!("refs/{}", call.value("ref")))?;
            let all = all.iter().map(|(name, sha)| state.reference_json(place, name, sha)).collect();
            Ok(Answer::json(200, Value::Array(all)))
        }
        "git/create-ref" => create_reference(state, call, id, by),
        "git/update-ref" => update_reference(state, call, id, by),
        "git/delete-ref" => {
            let name = format!("refs/{}", call.value("ref"));
            if state.repository(id)?.objects.reference(&name).is_none() {
                return Err(Refusal::Status(422, "Reference does not exist".to_owned()));
            }
            state.set_reference(by, id, &name, None)?;
            Ok(Answer::empty(204))
        }
        _ => Err(super::unserved(call)),
    }
}

fn url(state: &State, id: u64, kind: &str, sha: &str) -> Result<String, Refusal> {
    Ok(format!("{}/repos/{}/git/{kind}/{sha}", state.rest(), state.repository(id)?.full_name()))
}

fn create_blob(state: &State, call: &Call, id: u64) -> Reply {
    let content = call.text("content").unwrap_or_default();
    let bytes = match call.text("encoding") {
        Some("base64") => {
            let plain: String = content.split_whitespace().collect();
            STANDARD.decode(plain).map_err(|_| Refusal::Status(422, "content is not valid Base64".to_owned()))?
        }
        _ => content.as_bytes().to_vec(),
    };
    let sha = state.repository(id)?.objects.write_blob(&bytes)?;
    Ok(Answer::json(201, json!({ "sha": sha, "url": url(state, id, "blobs", &sha)? })))
}

fn blob(state: &State, call: &Call, id: u64) -> Reply {
    let sha = call.value("file_sha");
    let objects = &state.repository(id)?.objects;
    if objects.kind(sha).as_deref() != Some("blob") {
        return Err(Refusal::not_found());
    }
    let bytes = objects.read_blob(sha)?;
    Ok(Answer::json(
        200,
        json!({
            "sha": sha, "node_id": STANDARD.encode(sha), "size": bytes.len(), "url": url(state, id, "blobs", sha)?,
            "content": STANDARD.encode(&bytes), "encoding": "base64",
        }),
    ))
}

fn create_tree(state: &State, call: &Call, id: u64) -> Reply {
    let objects = &state.repository(id)?.objects;
    let mut edits = Vec::new();
    for entry in call.body["tree"].as_array().into_iter().flatten() {
        let text = |name: &str| entry[name].as_str();
        let path = text("path").unwrap_or_default();
        let malformed = path.is_empty() || path.split('/').any(|it| matches!(it, "" | "." | ".." | ".git"));
        if malformed {
            return Err(Refusal::Status(422, "tree.path contains a malformed path component".to_owned()));
        }
        let put = match (text("sha"), text("content")) {
            (Some(sha), None) => {
                if objects.kind(sha).is_none() && text("mode") != Some("160000") {
                    return Err(Refusal::Status(422, format!("tree.sha {sha} is not a valid blob")));
                }
                Some((text("mode").unwrap_or("100644").to_owned(), sha.to_owned()))
            }
            (None, Some(content)) => {
                let sha = objects.write_blob(content.as_bytes())?;
                Some((text("mode").unwrap_or("100644").to_owned(), sha))
            }
            (None, None) if entry["sha"].is_null() => None,
            _ => return Err(Refusal::Status(422, "Must supply either tree.sha or tree.content, not both.".to_owned())),
        };
        edits.push(TreeEdit { path: path.to_owned(), put });
    }
    let base = match call.text("base_tree") {
        Some(base) if objects.kind(base).is_none() => {
            return Err(Refusal::Status(404, "Not Found".to_owned()));
        }
        base => base,
    };
    let sha = objects.write_tree(base, &edits)?;
    Ok(Answer::json(201, tree_json(state, id, &sha, false)?))
}

fn tree(state: &State, call: &Call, id: u64) -> Reply {
    let objects = &state.repository(id)?.objects;
    let name = call.value("tree_sha");
    let sha = match objects.kind(name).as_deref() {
        Some("tree") => name.to_owned(),
        _ => {
            let commit = objects.commit_of(name).ok_or_else(Refusal::not_found)?;
            objects.read_commit(&commit)?.tree
        }
    };
    Ok(Answer::json(200, tree_json(state, id, &sha, call.query("recursive").is_some())?))
}

fn tree_json(state: &State, id: u64, sha: &str, all: bool) -> Result<Value, Refusal> {
    let mut entries = Vec::new();
    for entry in state.repository(id)?.objects.read_tree(sha, all)? {
        let kind = match entry.kind.as_str() {
            "tree" => "trees",
            "commit" => "commits",
            _ => "blobs",
        };
        let mut json = json!({ "path": entry.path, "mode": entry.mode, "type": entry.kind, "sha": entry.sha });
        json["url"] = json!(url(state, id, kind, &entry.sha)?);
        if let Some(size) = entry.size {
            json["size"] = json!(size);
        }
        entries.push(json);
    }
    Ok(json!({ "sha": sha, "url": url(state, id, "trees", sha)?, "tree": entries, "truncated": false }))
}

fn create_commit(state: &mut State, call: &Call, id: u64, by: By<'_>) -> Reply {
    let objects = state.repository(id)?.objects.clone();
    let tree = call.text("tree").unwrap_or_default();
    if objects.kind(tree).as_deref() != Some("tree") {
        return Err(Refusal::Status(422, "Tree SHA does not exist".to_owned()));
    }
    let parents: Vec<String> =
        call.body["parents"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if parents.iter().any(|it| objects.kind(it).as_deref() != Some("commit")) {
        return Err(Refusal::Status(422, "Parent SHA does not exist or is not a commit object".to_owned()));
    }
    let own = state.signature_of(by.login);
    let given = |name: &str| {
        let person = &call.body[name];
        let text = |key: &str| person[key].as_str().map(str::to_owned);
        let when = text("date").and_then(|it| it.parse::<jiff::Timestamp>().ok()).map_or(own.when, |it| it.as_second());
        Some(Signature { name: text("name")?, email: text("email")?, when })
    };
    let author = given("author");
    let committer = given("committer");
    // What names nobody is GitHub's own to sign.
    let signed = author.is_none() && committer.is_none() && call.text("signature").is_none();
    let author = author.unwrap_or_else(|| own.clone());
    let committer = committer.unwrap_or_else(|| if signed { own.clone() } else { author.clone() });
    let message = call.text("message").unwrap_or_default();
    let sha = objects.write_commit(tree, &parents, message, &author, &committer)?;
    if signed {
        state.repository_mut(id)?.signed.insert(sha.clone());
    }
    state.note(by, id, Change::Commit { sha: sha.clone(), tree: tree.to_owned(), parents });
    Ok(Answer::json(201, state.git_commit_json(state.repository(id)?, &sha)?))
}

fn create_reference(state: &mut State, call: &Call, id: u64, by: By<'_>) -> Reply {
    let (name, sha) = (call.text("ref").unwrap_or_default(), call.text("sha").unwrap_or_default());
    let place = state.repository(id)?;
    if !name.starts_with("refs/") || name.matches('/').count() < 2 || !place.objects.is_reference_name(name) {
        return Err(Refusal::Status(422, format!("Reference name is not well-formed: {name}")));
    }
    if place.objects.kind(sha).is_none() {
        return Err(Refusal::Status(422, "Object does not exist".to_owned()));
    }
    if place.objects.reference(name).is_some() {
        return Err(Refusal::Status(422, "Reference already exists".to_owned()));
    }
    forbidden(state, id, name)?;
    state.set_reference(by, id, name, Some(sha))?;
    Ok(Answer::json(201, state.reference_json(state.repository(id)?, name, sha)))
}

fn update_reference(state: &mut State, call: &Call, id: u64, by: By<'_>) -> Reply {
    let (name, sha) = (format!("refs/{}", call.value("ref")), call.text("sha").unwrap_or_default().to_owned());
    let objects = state.repository(id)?.objects.clone();
    let Some(old) = objects.reference(&name) else {
        return Err(Refusal::Status(422, "Reference does not exist".to_owned()));
    };
    if objects.kind(&sha).is_none() {
        return Err(Refusal::Status(422, "Object does not exist".to_owned()));
    }
    if call.body["force"] != Value::Bool(true) && !objects.is_ancestor(&old, &sha) {
        return Err(Refusal::Status(422, "Update is not a fast forward".to_owned()));
    }
    forbidden(state, id, &name)?;
    state.set_reference(by, id, &name, Some(&sha))?;
    Ok(Answer::json(200, state.reference_json(state.repository(id)?, &name, &sha)))
}

/// Refuses what the rules of a branch forbid: a rule of type `creation` or `update` forbids names that start with its `pattern`.
fn forbidden(state: &State, id: u64, name: &str) -> Result<(), Refusal> {
    let branch = name.trim_start_matches("refs/heads/");
    let place = state.repository(id)?;
    if super::repositories::rules_of(place, branch).iter().any(|it| it["type"] == "creation" || it["type"] == "update")
    {
        let words = "Repository rule violations found\n\nCannot create ref due to creations being restricted.";
        return Err(Refusal::Status(422, words.to_owned()));
    }
    Ok(())
}
