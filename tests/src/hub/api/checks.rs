//! Check runs and suites, and the runs of another CI.

use serde_json::{Value, json};

use crate::hub::acts::By;
use crate::hub::answers::with;
use crate::hub::call::{Answer, Call, Refusal, Reply};
use crate::hub::clock::iso;
use crate::hub::history::Change;
use crate::hub::state::{Check, State};

/// Annotations that a request may bring.
const AT_ONCE: usize = 50;

pub(super) fn serve(state: &mut State, call: &Call, id: u64, by: By<'_>) -> Reply {
    match call.operation.as_str() {
        "checks/create" => create(state, call, id, by),
        "checks/update" => update(state, call, id, by),
        "checks/get" => one(state, call.number("check_run_id")?, id, 200),
        "checks/list-annotations" => {
            let check =
                state.repository(id)?.checks.get(&call.number("check_run_id")?).ok_or_else(Refusal::not_found)?;
            let blank = json!({
                "path": "", "start_line": 1, "end_line": 1, "start_column": null, "end_column": null, "annotation_level": "notice",
                "title": null, "message": "", "raw_details": null, "blob_href": "",
            });
            let all = check.annotations.iter().map(|it| with(blank.clone(), it.clone())).collect();
            Ok(call.list(state, all))
        }
        "checks/get-suite" => {
            let place = state.repository(id)?;
            let suite = place.suites.get(&call.number("check_suite_id")?).ok_or_else(Refusal::not_found)?;
            Ok(Answer::json(200, state.suite_json(place, suite)?))
        }
        "checks/list-for-suite" => {
            let suite = call.number("check_suite_id")?;
            list(state, call, id, |it| it.suite == suite)
        }
        "checks/list-for-ref" => {
            let sha = commit(state, call, id)?;
            list(state, call, id, |it| it.head_sha == sha)
        }
        "checks/list-suites-for-ref" => {
            let (sha, place) = (commit(state, call, id)?, state.repository(id)?);
            let suites = place.suites.values().filter(|it| it.head_sha == sha);
            let all: Result<Vec<Value>, _> = suites.map(|it| state.suite_json(place, it)).collect();
            Ok(call.counted(state, "check_suites", all?))
        }
        "actions/list-workflow-runs-for-repo" => Ok(call.counted(state, "workflow_runs", Vec::new())),
        "actions/list-jobs-for-workflow-run" | "actions/download-job-logs-for-workflow-run" => {
            Err(Refusal::not_found())
        }
        _ => Err(super::unserved(call)),
    }
}

fn commit(state: &State, call: &Call, id: u64) -> Result<String, Refusal> {
    let name = call.value("ref");
    let name = name.strip_prefix("heads/").unwrap_or(name);
    let words = format!("No commit found for SHA: {name}");
    state.repository(id)?.objects.commit_of(name).ok_or(Refusal::Status(422, words))
}

fn list(state: &State, call: &Call, id: u64, of: impl Fn(&Check) -> bool) -> Reply {
    let place = state.repository(id)?;
    let wanted = |it: &&Check| {
        let app = call.query("app_id").is_none_or(|app| it.ours == (app == state.app.id.to_string()));
        let name = call.query("check_name").is_none_or(|name| it.name == name);
        of(it) && app && name && call.query("status").is_none_or(|status| it.status == status)
    };
    let mut all = Vec::new();
    for check in place.checks.values().filter(wanted) {
        all.push(state.check_json(place, check)?);
    }
    Ok(call.counted(state, "check_runs", all))
}

fn one(state: &State, check: u64, id: u64, status: u16) -> Reply {
    let place = state.repository(id)?;
    let check = place.checks.get(&check).ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(status, state.check_json(place, check)?))
}

fn create(state: &mut State, call: &Call, id: u64, by: By<'_>) -> Reply {
    let head_sha = call.text("head_sha").unwrap_or_default().to_owned();
    if state.repository(id)?.objects.kind(&head_sha).as_deref() != Some("commit") {
        return Err(Refusal::Status(422, format!("No commit found for SHA: {head_sha}")));
    }
    let suite = state.suite_of(id, &head_sha, true)?;
    let (check, now) = (state.next_id(), iso(state.clock.now()));
    let mut it = Check {
        id: check,
        suite,
        name: call.text("name").unwrap_or_default().to_owned(),
        head_sha,
        external_id: String::new(),
        details_url: None,
        status: "queued".to_owned(),
        conclusion: None,
        started: Some(now),
        completed: None,
        title: None,
        summary: None,
        text: None,
        annotations: Vec::new(),
        ours: true,
    };
    fill(state, call, &mut it)?;
    state.add_check(by, id, it)?;
    one(state, check, id, 201)
}

fn update(state: &mut State, call: &Call, id: u64, by: By<'_>) -> Reply {
    let check = call.number("check_run_id")?;
    let mut it = state.repository(id)?.checks.get(&check).cloned().ok_or_else(Refusal::not_found)?;
    if !it.ours {
        return Err(Refusal::Status(
            403,
            "Invalid app_id - check run can only be modified by the GitHub App that created it.".to_owned(),
        ));
    }
    let done = it.status == "completed";
    fill(state, call, &mut it)?;
    let completes = !done && it.status == "completed";
    state.repository_mut(id)?.checks.insert(check, it);
    state.note(by, id, Change::CheckEdited { id: check });
    if completes {
        state.tell_check(by, id, check, "completed")?;
    }
    one(state, check, id, 200)
}

/// Puts the fields of a request into a check run; annotations are added to those that are there.
fn fill(state: &State, call: &Call, it: &mut Check) -> Result<(), Refusal> {
    let text = |name: &str| call.text(name).map(str::to_owned);
    if let Some(name) = text("name") {
        it.name = name;
    }
    if let Some(external) = text("external_id") {
        it.external_id = external;
    }
    it.details_url = text("details_url").or(it.details_url.take());
    if let Some(status) = text("status") {
        it.status = status;
    }
    if let Some(conclusion) = text("conclusion") {
        it.conclusion = Some(conclusion);
        it.status = "completed".to_owned();
        it.completed = it.completed.take().or_else(|| Some(iso(state.clock.now())));
    }
    it.started = text("started_at").or(it.started.take());
    it.completed = text("completed_at").or(it.completed.take());
    if it.status == "completed" && it.conclusion.is_none() {
        return Err(Refusal::Invalid("CheckRun", "conclusion", "missing_field", "conclusion is missing".to_owned()));
    }
    let output = &call.body["output"];
    let part = |name: &str| output[name].as_str().map(str::to_owned);
    it.title = part("title").or(it.title.take());
    it.summary = part("summary").or(it.summary.take());
    it.text = part("text").or(it.text.take());
    let annotations = output["annotations"].as_array().cloned().unwrap_or_default();
    if annotations.len() > AT_ONCE {
        let words = format!("No more than {AT_ONCE} items are allowed; {} were supplied.", annotations.len());
        return Err(Refusal::Status(422, format!("Invalid request.\n\n{words}")));
    }
    it.annotations.extend(annotations);
    Ok(())
}
