use serde_json::json;

use super::*;
use crate::testing::{Hub, Reply, recorded};

fn pull(number: u64, branch: &str, repo: u64) -> Value {
    let head = json!({ "ref": branch, "sha": "0", "repo": { "id": repo } });
    json!({ "id": number, "number": number, "title": "t", "state": "open", "head": head.clone(), "base": head })
}

fn new() -> NewPull {
    NewPull {
        head: "fix/7".parse().unwrap(),
        base: "main".parse().unwrap(),
        title: "t".repeat(300),
        body: "b".repeat(70_000),
        opening: Opening::Draft,
    }
}

#[tokio::test]
async fn a_draft_is_opened_within_the_sizes_that_github_takes() {
    let hub =
        Hub::start(|seen| (seen.line() == "POST /repos/a/b/pulls").then(|| Reply::Json(201, pull(9, "fix/7", 7))))
            .await;
    let repo = hub.repo().await;
    assert_eq!(new().make(&repo).await.unwrap().number, 9);
    let body = hub.seen().remove(0).body;
    assert_eq!((body["draft"].as_bool(), body["head"].as_str()), (Some(true), Some("fix/7")));
    assert_eq!(body["title"].as_str().unwrap().chars().count(), MAX_TITLE);
    assert!(body["body"].as_str().unwrap().len() <= MAX_BODY);
}

#[tokio::test]
async fn a_pull_request_that_exists_is_found_and_not_opened_twice() {
    let exists = recorded("testIssueReviewRequestedEvent").remove(0).exchanges;
    let exists = exists.into_iter().find(|it| it.status == 422).unwrap();
    let hub = Hub::start(move |seen| match seen.line().split('?').next().unwrap_or_default() {
        "POST /repos/a/b/pulls" => Some(exists.reply(jiff::Timestamp::now())),
        // The answer holds what was not asked for as well, as when a filter is not understood.
        "GET /repos/a/b/pulls" => {
            Some(Reply::Json(200, json!([pull(3, "fix/70", 7), pull(4, "fix/7", 8), pull(5, "fix/7", 7)])))
        }
        _ => None,
    })
    .await;
    let repo = hub.repo().await;
    assert_eq!(new().make(&repo).await.unwrap().number, 5);
    let seen = hub.seen();
    assert!(seen[1].path.contains("head=a%3Afix%2F7&state=open"), "{}", seen[1].path);
}

#[tokio::test]
async fn a_real_refusal_is_passed_on() {
    let missing = recorded("setBaseBranchNonExisting").remove(0).exchanges;
    let missing = missing.into_iter().find(|it| it.status == 422).unwrap();
    let hub =
        Hub::start(move |seen| (seen.method == Method::PATCH).then(|| missing.reply(jiff::Timestamp::now()))).await;
    let repo = hub.repo().await;
    let change = PullChange { title: Some("t".to_owned()), ..PullChange::default() };
    let error = repo.update_pull(1, &change).await.unwrap_err();
    assert_eq!(error.class(), Class::Never);
    assert!(error.to_string().contains("Proposed base branch 'non-existing' was not found"), "{error}");
    assert_eq!(hub.seen()[0].body, json!({ "title": "t" }));
}

#[tokio::test]
async fn threads_are_read_answered_and_resolved() {
    let hub = Hub::start(|seen| match seen.path.as_str() {
        "/graphql" if seen.body["operationName"] == "ReviewThreads" => Some(Reply::Json(
            200,
            json!({ "data": { "repository": { "pullRequest": { "reviewThreads": { "nodes": [
                { "id": "T1", "isResolved": false, "comments": { "nodes": [{ "databaseId": 11 }] } }, null
            ] } } } } }),
        )),
        "/graphql" if seen.body["variables"]["input"]["threadId"] == "T1" => {
            Some(Reply::Json(200, json!({ "data": { "resolveReviewThread": { "thread": { "isResolved": true } } } })))
        }
        "/graphql" => Some(Reply::Json(
            200,
            json!({ "data": null, "errors": [{ "type": "NOT_FOUND", "message": "Could not resolve to a node" }] }),
        )),
        "/repos/a/b/pulls/9/comments/11/replies" => Some(Reply::Json(
            201,
            json!({ "id": 12, "body": "done", "updated_at": "", "path": "a", "in_reply_to_id": 11 }),
        )),
        _ => None,
    })
    .await;
    let repo = hub.repo().await;
    let threads = repo.review_threads(9).await.unwrap();
    assert_eq!(threads, [ReviewThread { id: "T1".to_owned(), is_resolved: false, first_comment: Some(11) }]);
    assert_eq!(repo.reply(9, 11, "done").await.unwrap().in_reply_to_id, Some(11));
    repo.resolve_thread("T1").await.unwrap();
    let error = repo.resolve_thread("T2\" }) { x } }").await.unwrap_err();
    assert!(error.is_missing() && error.class() == Class::Never, "{error}");
    assert!(!hub.seen().pop().unwrap().body["query"].as_str().unwrap().contains("T2"));
}

#[test]
fn every_recorded_pull_request_is_read() {
    let mut count = 0;
    for scenario in recorded("GHPullRequestTest") {
        for exchange in scenario.exchanges.iter().filter(|it| it.status < 300) {
            if exchange.body.get("head").is_some() {
                let pull: Pull = serde_json::from_value(exchange.body.clone()).unwrap();
                assert!(pull.number > 0 && !pull.head.branch.is_empty());
                count += 1;
            }
            if exchange.path.ends_with("/comments") && exchange.body.is_array() {
                let comments: Vec<ReviewComment> = serde_json::from_value(exchange.body.clone()).unwrap();
                count += comments.len();
            }
        }
    }
    assert!(count > 5, "{count}");
}
