//! Issues, comments, labels, reactions.

use serde_json::{Value, json};

use crate::hub::acts::{By, Subject, fits};
use crate::hub::call::{Answer, Call, Refusal, Reply};
use crate::hub::clock::iso;
use crate::hub::state::{Issue, State};

pub(super) fn serve(state: &mut State, call: &Call, id: u64, by: By<'_>) -> Reply {
    match call.operation.as_str() {
        "issues/list-for-repo" => list(state, call, id),
        "issues/get" => {
            let place = state.repository(id)?;
            Ok(Answer::json(200, state.issue_json(place, found(state, call, id)?)?))
        }
        "issues/update" => update(state, call, id, by),
        "issues/list-comments" => {
            let (number, place) = (found(state, call, id)?.number, state.repository(id)?);
            let since = call.query("since").unwrap_or_default().to_owned();
            let comments = place.comments_of(number).filter(|it| iso(it.updated) >= since);
            let all: Result<Vec<Value>, _> = comments.map(|it| state.comment_json(place, it)).collect();
            Ok(call.list(state, all?))
        }
        "issues/list-comments-for-repo" => {
            let place = state.repository(id)?;
            let since = call.query("since").unwrap_or_default().to_owned();
            let comments = place.comments.values().filter(|it| iso(it.updated) >= since);
            let all: Result<Vec<Value>, _> = comments.map(|it| state.comment_json(place, it)).collect();
            Ok(call.list(state, all?))
        }
        "issues/create-comment" => create_comment(state, call, id, by),
        "issues/get-comment" => comment(state, call, id, 200),
        "issues/update-comment" => {
            own(state, call, id, by)?;
            let body = call.text("body").unwrap_or_default();
            fits("IssueComment", body)?;
            state.edit_comment(by, id, call.number("comment_id")?, body)?;
            comment(state, call, id, 200)
        }
        "issues/delete-comment" => {
            own(state, call, id, by)?;
            state.delete_comment(by, id, call.number("comment_id")?)?;
            Ok(Answer::empty(204))
        }
        "issues/list-events-for-timeline" => {
            found(state, call, id)?;
            Ok(Answer::json(200, json!([])))
        }
        "issues/list-assignees" => {
            let place = state.repository(id)?;
            let all = place.permissions.keys().map(|it| state.user_json(it)).collect();
            Ok(call.list(state, all))
        }
        "issues/list-labels-for-repo" => {
            let place = state.repository(id)?;
            let all = place.labels.keys().map(|it| state.label_json(place, it)).collect();
            Ok(call.list(state, all))
        }
        "issues/get-label" => {
            let (place, name) = (state.repository(id)?, call.value("name"));
            place.labels.get(name).ok_or_else(Refusal::not_found)?;
            Ok(Answer::json(200, state.label_json(place, name)))
        }
        "issues/create-label" => {
            let name = call.text("name").unwrap_or_default();
            if state.repository(id)?.labels.contains_key(name) {
                return Err(Refusal::Invalid("Label", "name", "already_exists", String::new()));
            }
            state.define_label(id, name)?;
            Ok(Answer::json(201, state.label_json(state.repository(id)?, name)))
        }
        name if name.starts_with("reactions/") => reactions(state, call, id, by),
        name if name.contains("label") => labels(state, call, id, by),
        _ => Err(super::unserved(call)),
    }
}

fn found<'a>(state: &'a State, call: &Call, id: u64) -> Result<&'a Issue, Refusal> {
    let number = call.number("issue_number")?;
    let place = state.repository(id)?;
    place.issues.get(&number).ok_or_else(|| {
        if number <= place.last_number {
            Refusal::Status(410, "This issue was deleted".to_owned())
        } else {
            Refusal::not_found()
        }
    })
}

fn list(state: &State, call: &Call, id: u64) -> Reply {
    let place = state.repository(id)?;
    let wanted = |it: &&Issue| {
        let open = match call.query("state") {
            Some("all") => true,
            Some("closed") => !it.open,
            _ => it.open,
        };
        let since = call.query("since").is_none_or(|since| iso(it.updated).as_str() >= since);
        let labels = call.query("labels").is_none_or(|names| names.split(',').all(|name| it.labels.contains(name)));
        let creator = call.query("creator").is_none_or(|login| it.author == login);
        open && since && labels && creator
    };
    let mut issues: Vec<&Issue> = place.issues.values().filter(wanted).collect();
    if call.query("sort") == Some("updated") {
        issues.sort_by_key(|it| it.updated);
    }
    if call.query("direction") != Some("asc") {
        issues.reverse();
    }
    let all: Result<Vec<Value>, _> = issues.into_iter().map(|it| state.issue_json(place, it)).collect();
    Ok(call.list(state, all?))
}

fn update(state: &mut State, call: &Call, id: u64, by: By<'_>) -> Reply {
    let number = found(state, call, id)?.number;
    if call.text("title").is_some() || call.text("body").is_some() {
        state.edit_issue(by, id, number, call.text("title"), call.text("body"))?;
    }
    if let Some(word) = call.text("state") {
        state.set_open(by, id, number, word == "open", call.text("state_reason"))?;
    }
    let place = state.repository(id)?;
    Ok(Answer::json(200, state.issue_json(place, place.issue(number)?)?))
}

fn create_comment(state: &mut State, call: &Call, id: u64, by: By<'_>) -> Reply {
    let issue = found(state, call, id)?;
    let (number, locked) = (issue.number, issue.locked);
    if locked {
        return Err(Refusal::Status(403, "Unable to create comment because issue is locked.".to_owned()));
    }
    let body = call.text("body").unwrap_or_default();
    if body.trim().is_empty() {
        return Err(Refusal::Invalid("IssueComment", "body", "missing_field", "Body cannot be blank".to_owned()));
    }
    fits("IssueComment", body)?;
    let comment = state.add_comment(by, id, number, body)?;
    let place = state.repository(id)?;
    let comment = place.comments.get(&comment).ok_or_else(Refusal::not_found)?;
    let json = state.comment_json(place, comment)?;
    let url = json["url"].as_str().unwrap_or_default().to_owned();
    Ok(Answer::json(201, json).header("location", url))
}

fn comment(state: &State, call: &Call, id: u64, status: u16) -> Reply {
    let place = state.repository(id)?;
    let comment = place.comments.get(&call.number("comment_id")?).ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(status, state.comment_json(place, comment)?))
}

/// Refuses to touch what somebody else wrote.
fn own(state: &State, call: &Call, id: u64, by: By<'_>) -> Result<(), Refusal> {
    let comment = state.repository(id)?.comments.get(&call.number("comment_id")?).ok_or_else(Refusal::not_found)?;
    if comment.author != by.login {
        return Err(Refusal::Status(403, "Resource not accessible by integration".to_owned()));
    }
    Ok(())
}

fn labels(state: &mut State, call: &Call, id: u64, by: By<'_>) -> Reply {
    let issue = found(state, call, id)?;
    let (number, had) = (issue.number, issue.labels.clone());
    let name = |it: &Value| it.as_str().or(it["name"].as_str()).map(str::to_owned);
    let given: Vec<String> = call.body["labels"].as_array().into_iter().flatten().filter_map(name).collect();
    match call.operation.as_str() {
        "issues/list-labels-on-issue" => {}
        "issues/add-labels" => {
            for name in &given {
                state.add_label(by, id, number, name)?;
            }
        }
        "issues/set-labels" => {
            for name in had.iter().filter(|it| !given.contains(it)) {
                state.remove_label(by, id, number, name)?;
            }
            for name in &given {
                state.add_label(by, id, number, name)?;
            }
        }
        "issues/remove-all-labels" => {
            for name in &had {
                state.remove_label(by, id, number, name)?;
            }
            return Ok(Answer::empty(204));
        }
        "issues/remove-label" => {
            if !had.contains(call.value("name")) {
                return Err(Refusal::Status(404, "Label does not exist".to_owned()));
            }
            state.remove_label(by, id, number, call.value("name"))?;
        }
        _ => return Err(super::unserved(call)),
    }
    let place = state.repository(id)?;
    let all = place.issue(number)?.labels.iter().map(|it| state.label_json(place, it)).collect();
    Ok(Answer::json(200, Value::Array(all)))
}

fn reactions(state: &mut State, call: &Call, id: u64, by: By<'_>) -> Reply {
    let subject = if call.path_values.contains_key("issue_number") {
        Subject::Issue(found(state, call, id)?.number)
    } else if call.operation.contains("pull-request") {
        Subject::ReviewComment(call.number("comment_id")?)
    } else {
        Subject::Comment(call.number("comment_id")?)
    };
    match call.method.as_str() {
        "GET" => {
            let all = state.reactions(id, subject)?;
            let wanted = |content: &str| call.query("content").is_none_or(|it| it == content);
            let all = all.iter().filter(|it| wanted(&it.content)).map(|it| state.reaction_json(it)).collect();
            Ok(call.list(state, all))
        }
        "POST" => {
            let (reaction, new) = state.react(by, id, subject, call.text("content").unwrap_or_default())?;
            Ok(Answer::json(if new { 201 } else { 200 }, state.reaction_json(&reaction)))
        }
        _ => {
            state.unreact(by, id, subject, call.number("reaction_id")?)?;
            Ok(Answer::empty(204))
        }
    }
}
