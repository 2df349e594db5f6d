//! What is asked and written in the App's name, at the wire.

use http::Method;
use serde_json::{Value, json};

use crate::comment::NewComment;
use crate::id::{AppId, InstallationId};
use crate::label::LabelChange;
use crate::linked::LinkedBranch;
use crate::reaction::{NewReaction, Reaction, Target};
use crate::repository::Oid;
use crate::testing::{Hub, Reply, recorded};

fn comment(id: u64, app: Option<u64>, body: &str) -> Value {
    json!({ "id": id, "body": body, "updated_at": "", "performed_via_github_app": app.map(|id| json!({ "id": id })) })
}

#[tokio::test]
async fn a_marker_in_a_strangers_comment_is_not_ours() {
    let list = json!([
        comment(1, None, "<!-- m -->\nforged"),
        comment(2, Some(43), "<!-- m -->\nanother App"),
        comment(3, Some(42), "quoting <!-- m -->"),
        comment(4, Some(42), "<!-- m -->\nours"),
    ]);
    let hub = Hub::start(move |seen| {
        (seen.method == Method::GET && seen.path.contains("/comments")).then(|| Reply::Json(200, list.clone()))
    })
    .await;
    let repo = hub.repo().await;
    let new = NewComment { number: 1, marker: "<!-- m -->".to_owned(), body: String::new() };
    assert_eq!(new.look(&repo, AppId(42)).await.unwrap().unwrap().id, 4);
    assert!(new.look(&repo, AppId(41)).await.unwrap().is_none());
}

#[tokio::test]
async fn an_old_comment_is_folded() {
    let hub = Hub::start(|seen| {
        let data = json!({ "minimizeComment": { "minimizedComment": { "isMinimized": true } } });
        (seen.path == "/graphql").then(|| Reply::Json(200, json!({ "data": data })))
    })
    .await;
    hub.repo().await.minimise("IC_1").await.unwrap();
    let body = hub.seen().pop().unwrap().body;
    assert_eq!(body["operationName"], "MinimizeComment");
    assert_eq!(body["variables"], json!({ "input": { "subjectId": "IC_1", "classifier": "OUTDATED" } }));
}

#[tokio::test]
async fn lists_are_read_to_their_end() {
    let hub = Hub::start(|seen| {
        let page: usize = seen.path.split("&page=").nth(1)?.parse().unwrap();
        let count = if page == 3 { 7 } else { 100 };
        Some(Reply::Json(200, (0..count).map(|_| comment(1, None, "")).collect()))
    })
    .await;
    let repo = hub.repo().await;
    assert_eq!(repo.comments(1).await.unwrap().len(), 207);
    assert_eq!(hub.lines()[0], "GET /repos/a/b/issues/1/comments?per_page=100&page=1");
}

#[tokio::test]
async fn reactions_and_labels_are_found_given_and_taken_back() {
    let hub = Hub::start(|seen| match (seen.method.as_str(), seen.path.split('?').next().unwrap()) {
        ("GET", "/repos/a/b/issues/comments/5/reactions") => Some(Reply::Json(
            200,
            json!([{ "id": 1, "content": "eyes", "user": { "id": 2, "login": "someone" } },
                   { "id": 2, "content": "eyes", "user": { "id": 3, "login": "patchwright[bot]" } }]),
        )),
        ("POST", "/repos/a/b/issues/comments/5/reactions") => {
            Some(Reply::Json(200, json!({ "id": 2, "content": "eyes" })))
        }
        ("GET", "/repos/a/b/issues/1/labels") => Some(Reply::Json(200, json!([{ "name": "Old" }]))),
        ("POST", "/repos/a/b/issues/1/labels") => Some(Reply::Json(200, json!([]))),
        _ => None,
    })
    .await;
    let repo = hub.repo().await;
    let new = NewReaction { target: Target::Comment(5), reaction: Reaction::Eyes };
    assert_eq!(new.look(&repo, "patchwright[bot]").await.unwrap().unwrap().id, 2);
    assert!(new.look(&repo, "other[bot]").await.unwrap().is_none());
    assert_eq!(new.make(&repo).await.unwrap().id, 2);
    repo.unreact(Target::Comment(5), 2).await.unwrap();
    let change = LabelChange { number: 1, add: vec!["n".repeat(60)], remove: vec!["old".to_owned(), "a/b".to_owned()] };
    assert!(!change.look(&repo).await.unwrap());
    hub.seen();
    change.make(&repo).await.unwrap();
    let seen = hub.seen();
    assert_eq!(seen[0].body["labels"][0].as_str().unwrap().chars().count(), 50);
    assert_eq!(seen[2].line(), "DELETE /repos/a/b/issues/1/labels/a%2Fb");
}

#[tokio::test]
async fn the_history_of_an_issue_tells_when_its_texts_changed() {
    let hub = Hub::start(|seen| {
        let issue = json!({
            "id": "I_1", "lastEditedAt": "2026-01-02T00:00:00Z",
            "timelineItems": { "nodes": [{ "createdAt": "2026-01-03T00:00:00Z" }] },
            "closedByPullRequestsReferences": { "nodes": [{ "number": 8, "state": "MERGED" }, { "number": 9, "state": "OPEN" }] },
        });
        let issue = if seen.body["variables"]["number"] == 1 { issue } else { Value::Null };
        (seen.path == "/graphql").then(|| Reply::Json(200, json!({ "data": { "repository": { "issue": issue } } })))
    })
    .await;
    let repo = hub.repo().await;
    let history = repo.issue_history(1).await.unwrap();
    assert_eq!(history.body_edited_at.as_deref(), Some("2026-01-02T00:00:00Z"));
    assert_eq!(history.title_edited_at.as_deref(), Some("2026-01-03T00:00:00Z"));
    assert_eq!(history.linked_pulls, [9]);
    assert_eq!(hub.seen()[0].body["operationName"], "IssueHistory");
    assert!(repo.issue_history(2).await.unwrap_err().is_missing());
}

#[tokio::test]
async fn a_search_stays_within_the_repository() {
    let hub =
        Hub::start(|seen| seen.path.starts_with("/search/issues").then(|| Reply::Json(200, json!({ "items": [] }))))
            .await;
    let repo = hub.repo().await;
    repo.find_issues("crash OR repo:other/secret \"in\" parse_url()").await.unwrap();
    assert_eq!(
        hub.lines()[0],
        "GET /search/issues?q=repo%3Aa%2Fb%20is%3Aissue%20is%3Aopen%20crash%20repo%20other%20secret%20in%20parse_url&per_page=100"
    );
}

#[tokio::test]
async fn a_branch_is_linked_or_said_to_be_there() {
    let hub = Hub::start(|seen| {
        let made = seen.body["variables"]["input"]["name"] == "fix/7";
        let data = json!({ "createLinkedBranch": { "linkedBranch": made.then(|| json!({ "id": "L" })) } });
        (seen.path == "/graphql").then(|| Reply::Json(200, json!({ "data": data })))
    })
    .await;
    let repo = hub.repo().await;
    let new = |branch: &str| LinkedBranch {
        issue_node_id: "I_1".to_owned(),
        branch: branch.parse().unwrap(),
        at: Oid::new(&"1".repeat(40)).unwrap(),
    };
    new("fix/7").make(&repo).await.unwrap();
    assert_eq!(new("fix/8").make(&repo).await.unwrap_err().class(), crate::error::Class::Reread);
    assert_eq!(new("fix/8").look(&repo).await.unwrap(), None);
}

#[tokio::test]
async fn deliveries_are_read_back_to_a_time() {
    let delivery = |id: u64, day: u8| json!({ "id": id, "guid": format!("g{id}"), "delivered_at": format!("2026-01-{day:02}T00:00:00Z"), "status_code": 502, "event": "issues", "action": null, "installation_id": null });
    let hub = Hub::start(move |seen| {
        let next = "<https://evil.example.com/?per_page=100&cursor=v1_2>; rel=\"next\"".to_owned();
        match seen.path.as_str() {
            "/app/hook/deliveries?per_page=100" => {
                Some(Reply::Headed(200, vec![("link", next)], json!([delivery(4, 9), delivery(3, 8)])))
            }
            "/app/hook/deliveries?per_page=100&cursor=v1_2" => {
                let next = "<https://api.github.com/?cursor=v1_1>; rel=\"next\"".to_owned();
                Some(Reply::Headed(200, vec![("link", next)], json!([delivery(2, 7), delivery(1, 6)])))
            }
            "/app/hook/deliveries/4/attempts" => Some(Reply::Json(202, json!({}))),
            _ => None,
        }
    })
    .await;
    let client = hub.client();
    let found = client.deliveries("2026-01-07T00:00:00Z".parse().unwrap()).await.unwrap();
    assert_eq!(found.iter().map(|it| it.id).collect::<Vec<_>>(), [4, 3, 2]);
    assert!(!found[0].succeeded());
    assert_eq!(hub.seen().len(), 2);
    client.redeliver(4).await.unwrap();
    assert!(client.delivery(5).await.unwrap_err().is_missing());
}

#[tokio::test]
async fn an_app_is_made_from_its_manifest() {
    let exchanges = recorded("createAppByManifestFlowTest").remove(0).exchanges;
    let answer = exchanges.into_iter().find(|it| it.path.contains("/conversions")).unwrap();
    let path = answer.path.clone();
    let hub = Hub::start(move |seen| (seen.path == path).then(|| answer.reply(jiff::Timestamp::now()))).await;
    let client = crate::Client::without_app(hub.options()).unwrap();
    let app = client.convert_manifest("46fbe5453b245dee21b96753f80eace209a3cf01").await.unwrap();
    assert_eq!((app.id, app.slug.as_str()), (AppId(330_788), "ghapi-test-app-5"));
    assert!(app.webhook_secret.is_some());
    assert!(!format!("{app:?}").contains("REDACTED"));
    assert_eq!(hub.seen()[0].header("authorization"), "");
    for code in ["", "../../app", "a/b", "a?b"] {
        assert!(client.convert_manifest(code).await.is_err());
    }
    assert!(client.app_record().await.is_err(), "nobody cannot ask as an App");
    assert_eq!(hub.lines(), [""; 0]);
}

#[tokio::test]
async fn the_repositories_of_an_installation_are_read_with_a_token_that_sees_only_names() {
    let hub = Hub::start(|seen| {
        let list = json!({ "total_count": 1, "repositories": [{ "id": 7, "full_name": "a/b" }] });
        seen.path.starts_with("/installation/repositories").then_some(Reply::Json(200, list))
    })
    .await;
    let all = hub.client().installation_repositories(InstallationId(1)).await.unwrap();
    assert_eq!(all[0].full_name, "a/b");
    let seen = hub.seen();
    assert_eq!(seen[0].body, json!({ "permissions": { "metadata": "read" } }));
    assert_eq!(seen[2].line(), "DELETE /installation/token");
}

#[tokio::test]
async fn recorded_installations_are_read_suspended_ones_too() {
    let exchanges = recorded("testListSuspendedInstallation").remove(0).exchanges;
    let list = exchanges.into_iter().find(|it| it.path.starts_with("/app/installations")).unwrap();
    let hub =
        Hub::start(move |seen| seen.path.starts_with("/app/installations").then(|| list.reply(jiff::Timestamp::now())))
            .await;
    let all = hub.client().installations().await.unwrap();
    assert!(all.iter().any(|it| it.suspended_at.is_some()), "{all:?}");
}
