//! Pull requests, reviews and comments on lines.

use anyhow::anyhow;
use serde_json::{Value, json};

use crate::hub::acts::{By, fits};
use crate::hub::answers::Detail;
use crate::hub::call::{Answer, Call, Refusal, Reply};
use crate::hub::changes::NewPull;
use crate::hub::state::{Issue, Pull, State};

pub(super) fn serve(state: &mut State, call: &Call, id: u64, by: By<'_>) -> Reply {
    match call.operation.as_str() {
        "pulls/list" => list(state, call, id),
        "pulls/create" => create(state, call, id, by),
        "pulls/update" => update(state, call, id, by),
        "pulls/update-branch" => update_branch(state, call, id, by),
        "pulls/list-review-comments-for-repo" => {
            let place = state.repository(id)?;
            let all: Result<Vec<Value>, _> =
                place.review_comments.values().map(|it| state.review_comment_json(place, it)).collect();
            Ok(call.list(state, all?))
        }
        "pulls/get-review-comment" => review_comment(state, call.number("comment_id")?, id, 200),
        "pulls/update-review-comment" => {
            let (comment, now) = (call.number("comment_id")?, state.clock.now());
            let it = state.repository_mut(id)?.review_comments.get_mut(&comment).ok_or_else(Refusal::not_found)?;
            if it.author != by.login {
                return Err(Refusal::Status(403, "Resource not accessible by integration".to_owned()));
            }
            it.body = call.text("body").unwrap_or_default().to_owned();
            it.updated = now;
            review_comment(state, comment, id, 200)
        }
        "pulls/create-reply-for-review-comment" => reply(state, call, id, by),
        _ => of_one(state, call, id),
    }
}

/// What is asked about one pull request.
fn of_one(state: &State, call: &Call, id: u64) -> Reply {
    let place = state.repository(id)?;
    let (issue, pull) = found(state, call, id)?;
    let number = issue.number;
    match call.operation.as_str() {
        "pulls/get" => Ok(Answer::json(200, state.pull_json(place, issue, Detail::Whole)?)),
        "pulls/check-if-merged" if pull.merged.is_some() => Ok(Answer::empty(204)),
        "pulls/check-if-merged" => Err(Refusal::not_found()),
        "pulls/list-commits" => {
            let commits = place.objects.log(&format!("{}..{}", pull.base_sha, pull.head_sha), 250)?;
            let all: Result<Vec<Value>, _> = commits.iter().rev().map(|it| state.commit_json(place, it)).collect();
            Ok(call.list(state, all?))
        }
        "pulls/list-files" => {
            let base =
                place.objects.merge_base(&pull.base_sha, &pull.head_sha).unwrap_or_else(|| pull.base_sha.clone());
            Ok(call.list(state, state.files_json(id, &base, &pull.head_sha)?))
        }
        "pulls/list-review-comments" => {
            let all = place.review_comments.values().filter(|it| it.pull == number);
            let all: Result<Vec<Value>, _> = all.map(|it| state.review_comment_json(place, it)).collect();
            Ok(call.list(state, all?))
        }
        "pulls/list-reviews" => {
            let all = place.reviews.values().filter(|it| it.pull == number);
            let all: Result<Vec<Value>, _> = all.map(|it| state.review_json(place, it)).collect();
            Ok(call.list(state, all?))
        }
        "pulls/get-review" => {
            let review = place.reviews.get(&call.number("review_id")?).ok_or_else(Refusal::not_found)?;
            Ok(Answer::json(200, state.review_json(place, review)?))
        }
        "pulls/list-comments-for-review" => {
            let review = call.number("review_id")?;
            let all = place.review_comments.values().filter(|it| it.review == review);
            let all: Result<Vec<Value>, _> = all.map(|it| state.review_comment_json(place, it)).collect();
            Ok(call.list(state, all?))
        }
        _ => Err(super::unserved(call)),
    }
}

fn found<'a>(state: &'a State, call: &Call, id: u64) -> Result<(&'a Issue, &'a Pull), Refusal> {
    let issue = state.repository(id)?.issues.get(&call.number("pull_number")?).ok_or_else(Refusal::not_found)?;
    Ok((issue, issue.pull.as_ref().ok_or_else(Refusal::not_found)?))
}

fn list(state: &State, call: &Call, id: u64) -> Reply {
    let place = state.repository(id)?;
    let wanted = |issue: &&Issue| {
        let Some(pull) = &issue.pull else { return false };
        let open = match call.query("state") {
            Some("all") => true,
            Some("closed") => !issue.open,
            _ => issue.open,
        };
        let head =
            call.query("head").is_none_or(|it| it.eq_ignore_ascii_case(&format!("{}:{}", place.owner, pull.head)));
        open && head && call.query("base").is_none_or(|it| it == pull.base)
    };
    let mut all = Vec::new();
    for issue in place.issues.values().filter(wanted) {
        all.push(state.pull_json(place, issue, Detail::Listed)?);
    }
    if call.query("direction") != Some("asc") {
        all.reverse();
    }
    Ok(call.list(state, all))
}

fn create(state: &mut State, call: &Call, id: u64, by: By<'_>) -> Reply {
    fits("PullRequest", call.text("body").unwrap_or_default())?;
    let Some(title) = call.text("title").filter(|it| !it.trim().is_empty()) else {
        return Err(Refusal::Invalid("PullRequest", "title", "missing_field", String::new()));
    };
    let new = NewPull {
        title,
        body: call.text("body"),
        head: call.text("head").unwrap_or_default(),
        base: call.text("base").unwrap_or_default(),
        draft: call.body["draft"] == Value::Bool(true),
    };
    let number = state.open_pull(by, id, &new)?;
    let place = state.repository(id)?;
    let json = state.pull_json(place, place.issue(number)?, Detail::Whole)?;
    let url = json["url"].as_str().unwrap_or_default().to_owned();
    Ok(Answer::json(201, json).header("location", url))
}

fn update(state: &mut State, call: &Call, id: u64, by: By<'_>) -> Reply {
    let number = found(state, call, id)?.0.number;
    fits("PullRequest", call.text("body").unwrap_or_default())?;
    if call.text("title").is_some() || call.text("body").is_some() {
        state.edit_issue(by, id, number, call.text("title"), call.text("body"))?;
    }
    if let Some(base) = call.text("base") {
        let name = format!("refs/heads/{base}");
        let Some(sha) = state.repository(id)?.objects.reference(&name) else {
            let words = format!("Proposed base branch '{base}' was not found");
            return Err(Refusal::Invalid("PullRequest", "base", "invalid", words));
        };
        let pull = state.repository_mut(id)?.issue_mut(number)?.pull_mut()?;
        (pull.base, pull.base_sha) = (base.to_owned(), sha);
    }
    if let Some(word) = call.text("state") {
        let (_, pull) = found(state, call, id)?;
        if word == "open" && pull.merged.is_some() {
            return Err(Refusal::Invalid(
                "PullRequest",
                "state",
                "invalid",
                "state cannot be changed. The pull request cannot be reopened.".to_owned(),
            ));
        }
        state.set_open(by, id, number, word == "open", None)?;
    }
    let place = state.repository(id)?;
    Ok(Answer::json(200, state.pull_json(place, place.issue(number)?, Detail::Whole)?))
}

fn update_branch(state: &mut State, call: &Call, id: u64, by: By<'_>) -> Reply {
    let (issue, pull) = found(state, call, id)?;
    let number = issue.number;
    if call.text("expected_head_sha").is_some_and(|it| it != pull.head_sha) {
        let words = "expected head sha didn’t match current head ref.";
        return Err(Refusal::Status(422, words.to_owned()));
    }
    state.update_branch(by, id, number).map_err(|error| Refusal::Status(422, format!("{error:#}")))?;
    let url = format!("{}/repos/{}/pulls/{number}", state.rest(), state.repository(id)?.full_name());
    Ok(Answer::json(202, json!({ "message": "Updating pull request branch.", "url": url })))
}

fn reply(state: &mut State, call: &Call, id: u64, by: By<'_>) -> Reply {
    let number = found(state, call, id)?.0.number;
    let first = call.number("comment_id")?;
    let it = state.repository(id)?.review_comments.get(&first).filter(|it| it.pull == number).cloned();
    let it = it.ok_or_else(Refusal::not_found)?;
    let body = call.text("body").unwrap_or_default();
    fits("PullRequestReviewComment", body)?;
    // GitHub hangs every reply on the first comment of its thread.
    let top = it.reply_to.unwrap_or(first);
    let comment = state.add_review_comment(by, id, number, it.review, &it.path, it.line, Some(top), body)?;
    review_comment(state, comment, id, 201)
}

fn review_comment(state: &State, comment: u64, id: u64, status: u16) -> Reply {
    let place = state.repository(id)?;
    let comment = place.review_comments.get(&comment).ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(status, state.review_comment_json(place, comment)?))
}

impl State {
    /// The files that differ between two commits.
    pub(crate) fn files_json(&self, id: u64, old: &str, new: &str) -> Result<Vec<Value>, Refusal> {
        let place = self.repository(id)?;
        let name = place.full_name();
        let mut all = Vec::new();
        for (letter, path, added, removed) in place.objects.changes(old, new)? {
            let status = match letter {
                'A' => "added",
                'D' => "removed",
                'M' | 'T' => "modified",
                other => return Err(Refusal::Broken(anyhow!("git says `{other}` of {path}"))),
            };
            let blob = place.objects.read_tree(new, true)?.into_iter().find(|it| it.path == path).map(|it| it.sha);
            all.push(json!({
                "sha": blob, "filename": path, "status": status, "additions": added, "deletions": removed,
                "changes": added + removed, "blob_url": format!("{}/{name}/blob/{new}/{path}", self.origin),
                "raw_url": format!("{}/{name}/raw/{new}/{path}", self.origin),
                "contents_url": format!("{}/repos/{name}/contents/{path}?ref={new}", self.rest()),
            }));
        }
        Ok(all)
    }
}
