//! The REST operations, by their names in GitHub's description.

mod app;
mod checks;
mod git;
mod issues;
mod pulls;
mod repositories;

use super::acts::By;
use super::auth;
use super::call::{Call, Refusal, Reply};
use super::state::State;

/// Does what a request asks for.
pub(crate) fn serve(state: &mut State, call: &Call) -> Reply {
    auth::admit(state, call)?;
    if !call.path_values.contains_key("repo") {
        return app::serve(state, call);
    }
    let id = repository_of(state, call)?;
    auth::admit_to(state, call, id)?;
    if call.operation.starts_with("apps/") {
        return app::serve_for(state, call, id);
    }
    if call.method != "GET" && state.repository(id)?.archived {
        let words = "Repository was archived so is read-only.";
        return Err(Refusal::Status(403, words.to_owned()));
    }
    let bot = state.bot();
    let by = By { login: &bot, call: Some(call) };
    match call.operation.split('/').next().unwrap_or_default() {
        "git" => git::serve(state, call, id, by),
        "issues" | "reactions" => issues::serve(state, call, id, by),
        "pulls" => pulls::serve(state, call, id, by),
        "checks" | "actions" => checks::serve(state, call, id, by),
        _ => repositories::serve(state, call, id),
    }
}

/// Finds the repository that a path names; of one that moved, its new place.
fn repository_of(state: &State, call: &Call) -> Result<u64, Refusal> {
    let full_name = format!("{}/{}", call.value("owner"), call.value("repo"));
    if let Some(repository) = state.repository_named(&full_name) {
        return Ok(repository.id);
    }
    match state.former_names.get(&full_name.to_lowercase()) {
        Some(id) => Err(Refusal::Moved(*id)),
        None => Err(Refusal::not_found()),
    }
}

/// An operation of the description that this file should serve and does not.
fn unserved(call: &Call) -> Refusal {
    Refusal::Broken(anyhow::anyhow!("{} is described but not served", call.operation))
}
