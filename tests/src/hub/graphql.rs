//! The few GraphQL mutations and queries that are served. Inputs of mutations are checked against GitHub's own types.
//!
//! No GraphQL language is read beyond the name of what is asked: answers hold all fields that the fake knows, more than were asked for.

use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};

use super::acts::By;
use super::answers::{node, of_node};
use super::call::{Answer, Call, Refusal};
use super::clock::iso;
use super::history::{Change, Credential};
use super::server::Arrived;
use super::state::State;

const TYPES: &str = include_str!("../../fixtures/github/graphql.json");

fn types() -> Result<&'static Value> {
    static TYPES_READ: OnceLock<Result<Value, String>> = OnceLock::new();
    TYPES_READ
        .get_or_init(|| serde_json::from_str(TYPES).map_err(|error| error.to_string()))
        .as_ref()
        .map_err(|error| anyhow!("the GraphQL types cannot be read: {error}"))
}

/// What a request asks for: `graphql/minimizeComment` for a mutation, `graphql/query` for a query.
pub(crate) fn name(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = body["query"].as_str().unwrap_or_default();
    format!("graphql/{}", mutation(text).unwrap_or_else(|| "query".to_owned()))
}

/// The name of the first field of a mutation.
fn mutation(text: &str) -> Option<String> {
    let rest = text.trim_start().strip_prefix("mutation")?;
    let field = rest.split_once('{')?.1.trim_start();
    let end = field.find(|it: char| !it.is_ascii_alphanumeric()).unwrap_or(field.len());
    Some(field[..end].to_owned())
}

/// The input of a mutation: a variable, or an object of variables and plain values written in the text.
fn input_of(text: &str, variables: &Value) -> Value {
    // Variables are declared before the first brace, and one of them is usually called `input`.
    let Some((_, rest)) = text.split_once('{').and_then(|(_, fields)| fields.split_once("input:")) else {
        return Value::Null;
    };
    let rest = rest.trim_start();
    let word = |it: &str| it.chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect::<String>();
    if let Some(name) = rest.strip_prefix('$') {
        return variables[word(name)].clone();
    }
    let Some(fields) = rest.strip_prefix('{').and_then(|it| it.split_once('}')).map(|it| it.0) else {
        return Value::Null;
    };
    let mut input = json!({});
    for field in fields.split([',', '\n']).filter(|it| !it.trim().is_empty()) {
        let (name, value) = field.split_once(':').unwrap_or((field, ""));
        let value = value.trim();
        input[name.trim()] = match value.strip_prefix('$') {
            Some(name) => variables[word(name)].clone(),
            // What is no JSON is a word of an enumeration.
            None => serde_json::from_str(value).unwrap_or_else(|_| json!(value)),
        };
    }
    input
}

/// Serves a request.
pub(crate) fn serve(state: &mut State, arrived: &Arrived, id: u64, credential: Credential) -> Answer {
    let body: Value = serde_json::from_slice(&arrived.body).unwrap_or_default();
    let Credential::Installation { repositories, permissions, .. } = &credential else {
        return Refusal::Status(401, "This endpoint requires you to be authenticated.".to_owned())
            .answer("", &call(id, &credential))
            .0;
    };
    let repositories: Vec<u64> = repositories.iter().copied().collect();
    let may_write = permissions.values().any(|it| it == "write");
    let text = body["query"].as_str().unwrap_or_default();
    let result = match mutation(text) {
        Some(name) => {
            let input = input_of(text, &body["variables"]);
            let wrong = wrong_input(&name, &input);
            state.violations.extend(wrong.iter().map(|it| format!("GraphQL {name}: {it}")));
            if !wrong.is_empty() {
                Err(("BAD_INPUT", wrong.join("; ")))
            } else if !may_write {
                Err(("FORBIDDEN", "Resource not accessible by integration".to_owned()))
            } else {
                let found = mutate(state, &name, &input, &repositories, &call(id, &credential));
                found.map(|it| json!({ name: it })).map_err(|error| ("NOT_FOUND", format!("{error:#}")))
            }
        }
        None => {
            query(state, text, &body["variables"], &repositories).map_err(|error| ("NOT_FOUND", format!("{error:#}")))
        }
    };
    match result {
        Ok(data) => Answer::json(200, json!({ "data": data })),
        Err((kind, message)) => {
            Answer::json(200, json!({ "data": null, "errors": [{ "type": kind, "message": message }] }))
        }
    }
}

fn call(id: u64, credential: &Credential) -> Call {
    Call {
        id,
        method: "POST".to_owned(),
        path: "/graphql".to_owned(),
        operation: "graphql".to_owned(),
        path_values: Default::default(),
        query: Vec::new(),
        body: Value::Null,
        credential: credential.clone(),
    }
}

/// Lists what is wrong with the input of a mutation.
fn wrong_input(name: &str, input: &Value) -> Vec<String> {
    let types = match types() {
        Ok(types) => types,
        Err(error) => return vec![format!("{error:#}")],
    };
    match types["mutations"].get(name) {
        Some(arguments) => wrong_value(types, &arguments["input"], input, "input"),
        None => vec!["this mutation is not served".to_owned()],
    }
}

fn wrong_value(types: &Value, kind: &Value, value: &Value, place: &str) -> Vec<String> {
    match kind["kind"].as_str().unwrap_or_default() {
        "NON_NULL" if value.is_null() => vec![format!("{place} is missing")],
        "NON_NULL" => wrong_value(types, &kind["ofType"], value, place),
        _ if value.is_null() => Vec::new(),
        "LIST" => match value.as_array() {
            Some(items) => items.iter().flat_map(|it| wrong_value(types, &kind["ofType"], it, place)).collect(),
            None => vec![format!("{place} is no list")],
        },
        "INPUT_OBJECT" => {
            wrong_object(&types["inputs"][kind["name"].as_str().unwrap_or_default()], types, value, place)
        }
        "ENUM" => {
            let values = &types["inputs"][kind["name"].as_str().unwrap_or_default()]["values"];
            let known = values.as_array().is_some_and(|it| it.contains(value));
            if known { Vec::new() } else { vec![format!("{place}: {value} is none of {values}")] }
        }
        _ => {
            let fits = match kind["name"].as_str() {
                Some("Boolean") => value.is_boolean(),
                Some("Int") => value.is_i64(),
                _ => value.is_string(),
            };
            if fits { Vec::new() } else { vec![format!("{place}: {value} is no {}", kind["name"])] }
        }
    }
}

fn wrong_object(described: &Value, types: &Value, value: &Value, place: &str) -> Vec<String> {
    let (Some(fields), Some(given)) = (described["fields"].as_object(), value.as_object()) else {
        return vec![format!("{place} is no object")];
    };
    let unknown =
        given.keys().filter(|it| !fields.contains_key(*it)).map(|it| format!("{place}.{it} is not described"));
    let mut wrong: Vec<String> = unknown.collect();
    for (name, kind) in fields {
        wrong.extend(wrong_value(types, kind, &value[name], &format!("{place}.{name}")));
    }
    wrong
}

/// Finds where something is that a node id names, within some repositories.
fn place_of(state: &State, repositories: &[u64], kind: &str, id: u64) -> Option<(u64, u64)> {
    let within = repositories.iter().filter_map(|it| state.repository(*it).ok());
    within.into_iter().find_map(|place| {
        let number = match kind {
            "IssueComment" => place.comments.get(&id).map(|it| it.id),
            "PullRequestReviewThread" | "PullRequestReviewComment" => place.review_comments.get(&id).map(|it| it.id),
            "Issue" => place.issues.values().find(|it| it.id == id).map(|it| it.number),
            "PullRequest" => {
                place.issues.values().find(|it| it.pull.as_ref().is_some_and(|it| it.id == id)).map(|it| it.number)
            }
            _ => None,
        };
        number.map(|it| (place.id, it))
    })
}

fn mutate(state: &mut State, name: &str, input: &Value, repositories: &[u64], call: &Call) -> Result<Value> {
    let bot = state.bot();
    let by = By { login: &bot, call: Some(call) };
    let subject = ["subjectId", "threadId", "pullRequestId", "issueId"].iter().find_map(|it| input[*it].as_str());
    let subject = subject.context("the input names something")?;
    let unresolved = || format!("Could not resolve to a node with the global id of '{subject}'");
    let (kind, id) = of_node(subject).with_context(unresolved)?;
    let (repository, found) = place_of(state, repositories, &kind, id).with_context(unresolved)?;
    match name {
        "minimizeComment" => {
            let reason = input["classifier"].as_str().unwrap_or_default().to_lowercase();
            let comment = state.repository_mut(repository)?.comments.get_mut(&found).with_context(unresolved)?;
            comment.minimized = Some(reason.clone());
            state.note(by, repository, Change::Minimized { comment: found, reason: reason.clone() });
            Ok(json!({ "minimizedComment": { "isMinimized": true, "minimizedReason": reason, "id": subject } }))
        }
        "resolveReviewThread" => {
            let comment = state.repository_mut(repository)?.review_comments.get_mut(&found).with_context(unresolved)?;
            comment.resolved = true;
            state.note(by, repository, Change::Resolved { comment: found });
            Ok(json!({ "thread": { "id": subject, "isResolved": true } }))
        }
        "convertPullRequestToDraft" | "markPullRequestReadyForReview" => {
            let draft = name.starts_with("convert");
            state.set_draft(by, repository, found, draft)?;
            Ok(json!({ "pullRequest": { "id": subject, "number": found, "isDraft": draft } }))
        }
        "createLinkedBranch" => link_branch(state, by, repository, found, input),
        other => Err(anyhow!("the fake does not serve {other}")),
    }
}

fn link_branch(state: &mut State, by: By<'_>, repository: u64, issue: u64, input: &Value) -> Result<Value> {
    let name = input["name"].as_str().map_or_else(|| format!("{issue}-branch"), str::to_owned);
    let oid = input["oid"].as_str().unwrap_or_default();
    let reference = format!("refs/heads/{name}");
    let objects = state.repository(repository)?.objects.clone();
    if objects.reference(&reference).is_some() {
        // GitHub answers null where the branch is there already.
        return Ok(json!({ "linkedBranch": null }));
    }
    anyhow::ensure!(objects.kind(oid).as_deref() == Some("commit"), "no commit {oid}");
    state.set_reference(by, repository, &reference, Some(oid))?;
    state.repository_mut(repository)?.linked_branches.entry(issue).or_default().push(name.clone());
    state.note(by, repository, Change::LinkedBranch { issue, name: name.clone() });
    let id = node("LinkedBranch", issue);
    Ok(
        json!({ "linkedBranch": { "id": id, "ref": { "id": id, "name": name, "prefix": "refs/heads/", "target": { "oid": oid } } } }),
    )
}

/// Answers a query about one issue or pull request, named by `owner`, `name` (or `repo`) and `number`.
fn query(state: &State, asked: &str, variables: &Value, repositories: &[u64]) -> Result<Value> {
    let text = |names: &[&str]| names.iter().find_map(|it| variables[*it].as_str()).unwrap_or_default().to_owned();
    let full_name = format!("{}/{}", text(&["owner"]), text(&["name", "repo", "repository"]));
    let unresolved = || format!("Could not resolve to a Repository with the name '{full_name}'.");
    let place =
        state.repository_named(&full_name).filter(|it| repositories.contains(&it.id)).with_context(unresolved)?;
    let number = ["number", "issue", "pull"].iter().find_map(|it| variables[*it].as_u64()).unwrap_or_default();
    let issue = place.issues.get(&number);
    let mut found =
        json!({ "id": node("Repository", place.id), "databaseId": place.id, "nameWithOwner": place.full_name() });
    found["issue"] = issue
        .filter(|it| it.pull.is_none())
        .map_or(Value::Null, |it| issue_json(state, place, it, asked.contains("includeClosedPrs: true")));
    found["pullRequest"] = issue.filter(|it| it.pull.is_some()).map_or(Value::Null, |it| threads(place, it));
    found["issueOrPullRequest"] =
        if found["issue"].is_null() { found["pullRequest"].clone() } else { found["issue"].clone() };
    Ok(json!({ "repository": found }))
}

fn page(nodes: Vec<Value>) -> Value {
    json!({ "totalCount": nodes.len(), "nodes": nodes, "pageInfo": { "hasNextPage": false, "endCursor": null } })
}

fn issue_json(state: &State, place: &super::state::Repository, issue: &super::state::Issue, closed_too: bool) -> Value {
    let comment = |it: &super::state::Comment| {
        json!({
            "id": node("IssueComment", it.id), "databaseId": it.id, "body": it.body, "createdAt": iso(it.created),
            "lastEditedAt": it.edits.last().map(|it| iso(it.when)), "author": { "login": it.author }, "isMinimized": it.minimized.is_some(),
        })
    };
    let closes = |it: &&super::state::Issue| {
        let words = it.body.as_deref().unwrap_or_default().to_lowercase();
        let named =
            ["fixes", "closes", "resolves"].iter().any(|word| words.contains(&format!("{word} #{}", issue.number)));
        it.pull.is_some() && named && (it.open || closed_too)
    };
    let pull = |it: &super::state::Issue| {
        let merged = it.pull.as_ref().is_some_and(|it| it.merged.is_some());
        let word = if merged {
            "MERGED"
        } else if it.open {
            "OPEN"
        } else {
            "CLOSED"
        };
        json!({
            "number": it.number, "state": word, "author": { "login": it.author }, "url": format!("{}/{}/pull/{}", state.origin, place.full_name(), it.number),
            "headRefName": it.pull.as_ref().map(|it| it.head.clone()),
        })
    };
    let branches =
        place.linked_branches.get(&issue.number).into_iter().flatten().map(|it| json!({ "ref": { "name": it } }));
    json!({
        "id": node("Issue", issue.id), "databaseId": issue.id, "number": issue.number, "title": issue.title, "body": issue.body,
        "state": if issue.open { "OPEN" } else { "CLOSED" }, "createdAt": iso(issue.created),
        "lastEditedAt": issue.edits.last().map(|it| iso(it.when)), "timelineItems": page(issue.renamed.iter().map(|it| json!({ "createdAt": iso(*it) })).collect()),
        "closedByPullRequestsReferences": page(place.issues.values().filter(closes).map(pull).collect()),
        "comments": page(place.comments_of(issue.number).map(comment).collect()), "linkedBranches": page(branches.collect()),
    })
}

fn threads(place: &super::state::Repository, issue: &super::state::Issue) -> Value {
    let of_pull = || place.review_comments.values().filter(|it| it.pull == issue.number);
    let thread = |first: &super::state::ReviewComment| {
        let within = of_pull().filter(|it| it.id == first.id || it.reply_to == Some(first.id));
        let comment = |it: &super::state::ReviewComment| {
            json!({
                "id": node("PullRequestReviewComment", it.id), "databaseId": it.id, "fullDatabaseId": it.id.to_string(),
                "body": it.body, "author": { "login": it.author },
            })
        };
        json!({
            "id": node("PullRequestReviewThread", first.id), "isResolved": first.resolved, "isOutdated": false, "path": first.path,
            "line": first.line, "comments": page(within.map(comment).collect()),
        })
    };
    let all = of_pull().filter(|it| it.reply_to.is_none()).map(thread).collect();
    let (id, draft) = issue.pull.as_ref().map_or((0, false), |it| (it.id, it.draft));
    json!({ "id": node("PullRequest", id), "number": issue.number, "isDraft": draft, "reviewThreads": page(all) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_mutation_is_read() {
        let body = |text: &str| serde_json::to_vec(&json!({ "query": text })).unwrap();
        assert_eq!(
            name(&body("mutation M($input: X!) {\n minimizeComment(input: $input) { a } }")),
            "graphql/minimizeComment"
        );
        assert_eq!(name(&body("query Q { repository { id } }")), "graphql/query");
        assert_eq!(name(b"no json"), "graphql/query");
    }

    #[test]
    fn an_input_is_a_variable_or_written_out() {
        let variables = json!({ "id": "x", "input": { "a": 1 } });
        let read = |text: &str| input_of(text, &variables);
        assert_eq!(read("mutation M($input: I!) { m(input: $input) { a } }"), json!({ "a": 1 }));
        let written =
            "mutation M($id: ID!) { m(input: { subjectId: $id, classifier: OUTDATED, n: 5, s: \"t\" }) { a } }";
        assert_eq!(read(written), json!({ "subjectId": "x", "classifier": "OUTDATED", "n": 5, "s": "t" }));
        assert_eq!(read("mutation { m { a } }"), Value::Null);
    }

    #[test]
    fn inputs_are_held_to_their_types() {
        let good = json!({ "subjectId": "x", "classifier": "OUTDATED" });
        assert_eq!(wrong_input("minimizeComment", &good), Vec::<String>::new());
        assert_eq!(wrong_input("minimizeComment", &json!({ "subjectId": "x" })), ["input.classifier is missing"]);
        let odd = json!({ "subjectId": 5, "classifier": "OLD", "more": 1 });
        assert_eq!(wrong_input("minimizeComment", &odd).len(), 3);
        assert_eq!(wrong_input("mergePullRequest", &json!({})), ["this mutation is not served"]);
    }
}
