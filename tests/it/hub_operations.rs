//! The fake GitHub: every operation answers as GitHub's description says, and what does not fit is found.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::hub::{Hub, Permission};
use serde_json::{Value, json};

use crate::hub_by_hand::{ByHand, publishing};

const REPO: &str = "/repos/octo/demo";

struct World {
    hub: Hub,
    installation: u64,
    repository: u64,
}

fn world(hub: Hub) -> World {
    let repository =
        hub.repository("octo/demo").file("a.py", "x = 1\n").file(".github/patchwright.yml", "enabled: true\n");
    let repository = repository.create().unwrap();
    hub.grant("octo/demo", "ann", Permission::Write).unwrap();
    let installation = hub.install("octo", &["octo/demo"]).unwrap();
    World { hub, installation, repository }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_operation_answers_as_described() {
    walk(world(Hub::start().unwrap())).await;
}

#[tokio::test]
async fn an_enterprise_server_does_too() {
    let hub = Hub::enterprise().unwrap();
    let got = ByHand::new(&hub).get("/meta", 200).await;
    assert_eq!(got.header("x-github-enterprise-version"), Some("3.19.0"));
    assert!(hub.rest().ends_with("/api/v3"));
    walk(world(hub)).await;
}

async fn walk(world: World) {
    let hub = &world.hub;
    app(&world).await;
    let mut granted = publishing();
    granted["actions"] = json!("read");
    let api = ByHand::installed(hub, world.installation, &[world.repository], granted).await;
    repository(&api).await;
    issues(hub, &api).await;
    let (commit, main) = git(&api).await;
    let pull = pulls(hub, &api, &main).await;
    checks(hub, &api, &commit).await;
    graphql(hub, &api, pull).await;
    api.sent("DELETE", "/installation/token", None, 204).await;
    api.get(REPO, 401).await;
    ByHand::app(hub).sent("DELETE", &format!("/app/installations/{}", world.installation), None, 204).await;

    let served: BTreeSet<String> =
        hub.requests().into_iter().filter(|it| it.status < 400).map(|it| it.operation).collect();
    // What belongs to another CI's runs is refused: there are none. Statuses are not asked for.
    let refused = [
        "actions/list-jobs-for-workflow-run",
        "actions/download-job-logs-for-workflow-run",
        "repos/get-combined-status-for-ref",
    ];
    let missing: Vec<String> = hub
        .operations()
        .unwrap()
        .into_iter()
        .filter(|it| !served.contains(it) && !refused.contains(&it.as_str()))
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "not walked");
    world.hub.finish().unwrap();
}

async fn app(world: &World) {
    let (hub, id) = (&world.hub, world.installation);
    let app = ByHand::app(hub);
    assert_eq!(app.get("/app", 200).await.body["slug"], "patchwright");
    app.get("/app/installations", 200).await;
    app.get(&format!("/app/installations/{id}"), 200).await;
    app.get(&format!("{REPO}/installation"), 200).await;
    app.get("/users/octo/installation", 200).await;
    app.get("/orgs/octo/installation", 200).await;
    app.sent("PUT", &format!("/app/installations/{id}/suspended"), None, 204).await;
    app.sent("DELETE", &format!("/app/installations/{id}/suspended"), None, 204).await;
    app.send("PATCH", "/app/hook/config", json!({ "url": "http://127.0.0.1:9/hook", "secret": "s" }), 200).await;
    app.get("/app/hook/config", 200).await;
    // Nobody listens there: the delivery fails, and can be asked for again.
    hub.ping().unwrap();
    hub.settle().unwrap();
    let listed = app.get("/app/hook/deliveries", 200).await.body;
    assert_eq!(listed[0]["event"], "ping");
    let delivery = listed[0]["id"].as_u64().unwrap();
    app.get(&format!("/app/hook/deliveries/{delivery}"), 200).await;
    app.sent("POST", &format!("/app/hook/deliveries/{delivery}/attempts"), None, 202).await;
    hub.settle().unwrap();
    hub.offer_manifest(
        "code1",
        json!({ "name": "Mine", "url": "https://example.com", "default_permissions": {}, "default_events": [] }),
    );
    let made = ByHand::new(hub).sent("POST", "/app-manifests/code1/conversions", None, 201).await.body;
    assert!(text(&made["pem"]).starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    ByHand::new(hub).sent("POST", "/app-manifests/code1/conversions", None, 404).await;
    ByHand::new(hub).get("/meta", 200).await;
}

async fn repository(api: &ByHand<'_>) {
    let whole = api.get(REPO, 200).await.body;
    let by_id = api.get(&format!("/repositories/{}", whole["id"]), 200).await.body;
    assert_eq!(whole, by_id);
    assert_eq!(api.get("/rate_limit", 200).await.body["rate"]["limit"], 5000);
    assert_eq!(api.get("/installation/repositories", 200).await.body["total_count"], 1);
    let permission = api.get(&format!("{REPO}/collaborators/ann/permission"), 200).await.body;
    assert_eq!((&permission["permission"], &permission["role_name"]), (&json!("write"), &json!("write")));
    api.get(&format!("{REPO}/collaborators/nobody/permission"), 404).await;
    api.get("/users/ann", 200).await;
    api.get(&format!("{REPO}/assignees"), 200).await;
    api.get(&format!("{REPO}/branches"), 200).await;
    api.get(&format!("{REPO}/branches/main"), 200).await;
    api.get(&format!("{REPO}/branches/none"), 404).await;
    api.get(&format!("{REPO}/commits"), 200).await;
    api.get(&format!("{REPO}/commits/main"), 200).await;
    api.get(&format!("{REPO}/rules/branches/patchwright%2Fissue-1-x"), 200).await;
    api.get(&format!("{REPO}/actions/runs"), 200).await;
    api.get(&format!("{REPO}/commits/main/status"), 403).await;
    let file = api.get(&format!("{REPO}/contents/.github/patchwright.yml"), 200).await.body;
    assert_eq!(STANDARD.decode(text(&file["content"])).unwrap(), b"enabled: true\n");
    api.get(&format!("{REPO}/contents/none"), 404).await;
}

async fn issues(hub: &Hub, api: &ByHand<'_>) {
    let ann = hub.user("ann");
    let issue = ann.opens("octo/demo", "It breaks", "Always, with `x`.").unwrap();
    ann.labels(issue, "patchwright:fix").unwrap();
    let place = format!("{REPO}/issues/{}", issue.number);
    assert_eq!(api.get(&place, 200).await.body["labels"][0]["name"], "patchwright:fix");
    api.get(&format!("{REPO}/issues?state=all&per_page=5"), 200).await;
    api.get("/search/issues?q=breaks+repo%3Aocto%2Fdemo+is%3Aopen", 200).await;
    let comment = api.send("POST", &format!("{place}/comments"), json!({ "body": "Working on it" }), 201).await.body;
    assert_eq!(comment["user"]["login"], "patchwright[bot]");
    let at = format!("{REPO}/issues/comments/{}", comment["id"]);
    api.send("PATCH", &at, json!({ "body": "Done" }), 200).await;
    assert_eq!(api.get(&at, 200).await.body["body"], "Done");
    api.get(&format!("{place}/comments"), 200).await;
    api.get(&format!("{REPO}/issues/comments"), 200).await;
    api.get(&format!("{place}/timeline"), 200).await;
    for place in [&place, &at] {
        let path = format!("{place}/reactions");
        let reaction = api.send("POST", &path, json!({ "content": "eyes" }), 201).await.body;
        api.send("POST", &path, json!({ "content": "eyes" }), 200).await;
        assert_eq!(api.get(&path, 200).await.body.as_array().unwrap().len(), 1);
        api.sent("DELETE", &format!("{path}/{}", reaction["id"]), None, 204).await;
    }
    api.sent("DELETE", &at, None, 204).await;
    api.get(&at, 404).await;
    let labels = format!("{place}/labels");
    api.send("POST", &labels, json!({ "labels": ["a", "b"] }), 200).await;
    api.sent("DELETE", &format!("{labels}/a"), None, 200).await;
    api.sent("DELETE", &format!("{labels}/a"), None, 404).await;
    api.send("PUT", &labels, json!({ "labels": ["c"] }), 200).await;
    assert_eq!(api.get(&labels, 200).await.body.as_array().unwrap().len(), 1);
    api.sent("DELETE", &labels, None, 204).await;
    api.send("POST", &format!("{REPO}/labels"), json!({ "name": "new one" }), 201).await;
    api.send("POST", &format!("{REPO}/labels"), json!({ "name": "new one" }), 422).await;
    api.get(&format!("{REPO}/labels/new%20one"), 200).await;
    api.get(&format!("{REPO}/labels"), 200).await;
    api.send("PATCH", &place, json!({ "state": "closed", "state_reason": "not_planned" }), 200).await;
    assert_eq!(hub.issue(issue).unwrap()["state"], "closed");
    let other = ann.opens("octo/demo", "Another", "text").unwrap();
    ann.deletes(other).unwrap();
    api.get(&format!("{REPO}/issues/{}", other.number), 410).await;
}

/// Writes a commit by the Git Data API, and returns it and what `main` was.
async fn git(api: &ByHand<'_>) -> (String, String) {
    let git = format!("{REPO}/git");
    let main = text(&api.get(&format!("{git}/ref/heads/main"), 200).await.body["object"]["sha"]);
    let base = text(&api.get(&format!("{git}/commits/{main}"), 200).await.body["tree"]["sha"]);
    let blob = json!({ "content": STANDARD.encode(b"\x00\xff"), "encoding": "base64" });
    let blob = text(&api.send("POST", &format!("{git}/blobs"), blob, 201).await.body["sha"]);
    assert_eq!(api.get(&format!("{git}/blobs/{blob}"), 200).await.body["size"], 2);
    let entries = json!([
        { "path": "bin/run", "mode": "100755", "type": "blob", "sha": blob },
        { "path": "a.py", "mode": "100644", "type": "blob", "content": "x = 2\n" },
    ]);
    let tree = json!({ "base_tree": base, "tree": entries });
    let tree = text(&api.send("POST", &format!("{git}/trees"), tree, 201).await.body["sha"]);
    let listed = api.get(&format!("{git}/trees/{tree}?recursive=1"), 200).await.body;
    let run = listed["tree"].as_array().unwrap().iter().find(|it| it["path"] == "bin/run").unwrap().clone();
    assert_eq!(run["mode"], "100755");
    let commit = json!({ "message": "Count right\n\nFixes #1", "tree": tree, "parents": [main] });
    let commit = api.send("POST", &format!("{git}/commits"), commit, 201).await.body;
    assert_eq!(
        (&commit["verification"]["verified"], &commit["author"]["name"]),
        (&json!(true), &json!("patchwright[bot]"))
    );
    let commit = text(&commit["sha"]);
    let branch = "patchwright/issue-1-abc";
    let new = json!({ "ref": format!("refs/heads/{branch}"), "sha": commit });
    api.send("POST", &format!("{git}/refs"), new.clone(), 201).await;
    api.send("POST", &format!("{git}/refs"), new, 422).await;
    api.get(&format!("{git}/ref/heads/{branch}"), 200).await;
    assert_eq!(
        api.get(&format!("{git}/matching-refs/heads/patchwright/"), 200).await.body.as_array().unwrap().len(),
        1
    );
    let back = json!({ "sha": main, "force": false });
    api.send("PATCH", &format!("{git}/refs/heads/{branch}"), back, 422).await;
    let again = json!({ "message": "Again", "tree": tree, "parents": [commit] });
    let again = text(&api.send("POST", &format!("{git}/commits"), again, 201).await.body["sha"]);
    api.send("PATCH", &format!("{git}/refs/heads/{branch}"), json!({ "sha": again, "force": false }), 200).await;
    api.send("POST", &format!("{git}/refs"), json!({ "ref": "refs/heads/passing", "sha": commit }), 201).await;
    api.sent("DELETE", &format!("{git}/refs/heads/passing"), None, 204).await;
    let compared = api.get(&format!("{REPO}/compare/main...{}", branch.replace('/', "%2F")), 200).await.body;
    assert_eq!((&compared["status"], &compared["ahead_by"]), (&json!("ahead"), &json!(2)));
    (again, main)
}

async fn pulls(hub: &Hub, api: &ByHand<'_>, main: &str) -> u64 {
    let head = "patchwright/issue-1-abc";
    let new = json!({ "title": "Count right", "head": head, "base": "main", "body": "Fixes #1", "draft": true });
    let made = api.send("POST", &format!("{REPO}/pulls"), new.clone(), 201).await.body;
    assert_eq!((&made["draft"], &made["base"]["sha"]), (&json!(true), &json!(main)));
    let again = api.send("POST", &format!("{REPO}/pulls"), new, 422).await.body;
    assert_eq!(again["errors"][0]["message"], format!("A pull request already exists for octo:{head}."));
    let number = made["number"].as_u64().unwrap();
    let at = format!("{REPO}/pulls/{number}");
    let pull = hub.pulls("octo/demo", true).unwrap()[0];
    let listed = api.get(&format!("{REPO}/pulls?state=open&head=octo:{head}"), 200).await.body;
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(api.get(&at, 200).await.body["mergeable_state"], "draft");
    api.get(&format!("{at}/commits"), 200).await;
    assert_eq!(api.get(&format!("{at}/files"), 200).await.body.as_array().unwrap().len(), 2);
    api.get(&format!("{REPO}/commits/{main}/pulls"), 200).await;
    let ann = hub.user("ann");
    let (review, comments) = ann.reviews(pull, "CHANGES_REQUESTED", "Nearly.", &[("a.py", 1, "Why two?")]).unwrap();
    api.get(&format!("{at}/reviews"), 200).await;
    api.get(&format!("{at}/reviews/{review}"), 200).await;
    api.get(&format!("{at}/reviews/{review}/comments"), 200).await;
    api.get(&format!("{at}/comments"), 200).await;
    api.get(&format!("{REPO}/pulls/comments"), 200).await;
    let reply = format!("{at}/comments/{}/replies", comments[0]);
    let reply = api.send("POST", &reply, json!({ "body": "Because." }), 201).await.body;
    assert_eq!(reply["in_reply_to_id"], comments[0]);
    let reply = format!("{REPO}/pulls/comments/{}", reply["id"]);
    api.get(&reply, 200).await;
    api.send("PATCH", &reply, json!({ "body": "Because of x." }), 200).await;
    let reaction = api.send("POST", &format!("{reply}/reactions"), json!({ "content": "+1" }), 201).await.body;
    api.get(&format!("{reply}/reactions"), 200).await;
    api.sent("DELETE", &format!("{reply}/reactions/{}", reaction["id"]), None, 204).await;
    api.send("PATCH", &at, json!({ "title": "Count it right", "body": "Fixes #1." }), 200).await;
    api.send("PATCH", &at, json!({ "base": "none" }), 422).await;
    ann.pushes("octo/demo", "main", &[("b.py", Some("y = 1\n"))], "b").unwrap();
    ann.sets_draft(pull, false).unwrap();
    assert_eq!(api.get(&at, 200).await.body["mergeable_state"], "behind");
    api.send("PUT", &format!("{at}/update-branch"), json!({ "expected_head_sha": main }), 422).await;
    api.send("PUT", &format!("{at}/update-branch"), json!({}), 202).await;
    assert_eq!(api.get(&at, 200).await.body["mergeable_state"], "clean");
    api.get(&format!("{at}/merge"), 404).await;
    ann.merges(pull).unwrap();
    api.get(&format!("{at}/merge"), 204).await;
    assert_eq!(api.get(&at, 200).await.body["merged_by"]["login"], "ann");
    number
}

async fn checks(hub: &Hub, api: &ByHand<'_>, commit: &str) {
    let note = |n: usize| json!({ "path": "a.py", "start_line": n, "end_line": n, "annotation_level": "notice", "message": "m" });
    let notes: Vec<Value> = (1..=50).map(note).collect();
    let output = json!({ "title": "Tests", "summary": "3 of 3", "annotations": notes });
    let check = json!({ "name": "patchwright / validation", "head_sha": commit, "external_id": "job-1", "status": "in_progress", "output": output });
    let made = api.send("POST", &format!("{REPO}/check-runs"), check, 201).await.body;
    let at = format!("{REPO}/check-runs/{}", made["id"]);
    let more = json!({ "title": "Tests", "summary": "3 of 3", "annotations": [note(51)] });
    let done = json!({ "status": "completed", "conclusion": "success", "output": more });
    assert_eq!(api.send("PATCH", &at, done, 200).await.body["output"]["annotations_count"], 51);
    api.send("PATCH", &at, json!({ "details_url": "https://example.com/1" }), 200).await;
    assert_eq!(api.get(&format!("{at}/annotations?per_page=100"), 200).await.body.as_array().unwrap().len(), 51);
    api.get(&at, 200).await;
    hub.ci().checks("octo/demo", commit, "build", "failure").unwrap();
    let suites = api.get(&format!("{REPO}/commits/{commit}/check-suites"), 200).await.body;
    assert_eq!(suites["total_count"], 2);
    let suite = suites["check_suites"][0]["id"].as_u64().unwrap();
    api.get(&format!("{REPO}/check-suites/{suite}"), 200).await;
    api.get(&format!("{REPO}/check-suites/{suite}/check-runs"), 200).await;
    assert_eq!(api.get(&format!("{REPO}/commits/{commit}/check-runs"), 200).await.body["total_count"], 2);
    let ours = api.get(&format!("{REPO}/commits/{commit}/check-runs?app_id=4242"), 200).await.body;
    assert_eq!((&ours["total_count"], &ours["check_runs"][0]["external_id"]), (&json!(1), &json!("job-1")));
}

async fn graphql(hub: &Hub, api: &ByHand<'_>, pull: u64) {
    let issue = hub.user("ann").opens("octo/demo", "Third", "text").unwrap();
    let comment =
        api.send("POST", &format!("{REPO}/issues/{}/comments", issue.number), json!({ "body": "old" }), 201).await.body;
    let ask = async |name: &str, query: &str, variables: Value| {
        let body = json!({ "query": query, "operationName": name, "variables": variables });
        api.send("POST", &hub.graphql(), body, 200).await.body
    };
    let minimize = "mutation M($input: MinimizeCommentInput!) { minimizeComment(input: $input) { minimizedComment { isMinimized } } }";
    let input = json!({ "input": { "subjectId": comment["node_id"], "classifier": "OUTDATED" } });
    let got = ask("M", minimize, input).await;
    assert_eq!(got["data"]["minimizeComment"]["minimizedComment"]["isMinimized"], true);
    let got = ask("M", minimize, json!({ "input": { "subjectId": "bm9uZTox", "classifier": "OUTDATED" } })).await;
    assert_eq!(got["errors"][0]["type"], "NOT_FOUND");
    let threads = ask(
        "ReviewThreads",
        "query ReviewThreads($owner: String!, $name: String!, $number: Int!) { repository { pullRequest { reviewThreads } } }",
        json!({ "owner": "octo", "name": "demo", "number": pull }),
    )
    .await;
    let thread = &threads["data"]["repository"]["pullRequest"]["reviewThreads"]["nodes"][0];
    assert_eq!((&thread["isResolved"], &thread["comments"]["totalCount"]), (&json!(false), &json!(2)));
    let resolve = "mutation R($id: ID!) { resolveReviewThread(input: { threadId: $id }) { thread { isResolved } } }";
    let got = ask("R", resolve, json!({ "id": thread["id"] })).await;
    assert_eq!(got["data"]["resolveReviewThread"]["thread"]["isResolved"], true);
    let main = text(&api.get(&format!("{REPO}/git/ref/heads/main"), 200).await.body["object"]["sha"]);
    let node = api.get(&format!("{REPO}/issues/{}", issue.number), 200).await.body["node_id"].clone();
    let link =
        "mutation L($input: CreateLinkedBranchInput!) { createLinkedBranch(input: $input) { linkedBranch { id } } }";
    let input = json!({ "input": { "issueId": node, "oid": main, "name": "patchwright/issue-9-x" } });
    let got = ask("L", link, input).await;
    hub.user("ann").edits(issue, Some("Third time"), None).unwrap();
    let query =
        "query IssueHistory($owner: String!, $name: String!, $number: Int!) { repository { issue { lastEditedAt } } }";
    let seen = ask("IssueHistory", query, json!({ "owner": "octo", "name": "demo", "number": issue.number })).await;
    let seen = &seen["data"]["repository"]["issue"];
    assert_eq!((&seen["lastEditedAt"], &seen["timelineItems"]["totalCount"]), (&Value::Null, &json!(1)));
    assert_eq!(got["data"]["createLinkedBranch"]["linkedBranch"]["ref"]["name"], "patchwright/issue-9-x");
}

#[tokio::test]
async fn what_does_not_fit_the_description_is_found() {
    let World { hub, installation, repository } = world(Hub::start().unwrap());
    let api = ByHand::installed(&hub, installation, &[repository], publishing()).await;
    let issue = hub.user("ann").opens("octo/demo", "t", "b").unwrap();
    let comments = format!("{REPO}/issues/{}/comments", issue.number);
    assert_eq!(hub.take_violations(), Vec::<String>::new());
    let found = |needle: &str| {
        let found = hub.take_violations();
        assert!(found.len() == 1 && found[0].contains(needle), "{needle}: {found:?}");
    };
    api.send("POST", &comments, json!({ "body": "b", "colour": "red" }), 422).await;
    found("colour");
    api.send("POST", &comments, json!({ "text": 1 }), 422).await;
    assert_eq!(hub.take_violations().len(), 2);
    api.send("POST", &comments, json!({ "body": 5 }), 422).await;
    found("5 is not of type");
    api.get(&format!("{REPO}/issues?page=x"), 422).await;
    found("page");
    api.get(&format!("{REPO}/issues?pages=1"), 422).await;
    found("`pages` is not described");
    api.get(&format!("{REPO}/issues/one"), 422).await;
    found("issue_number");
    api.sent("PUT", &format!("{REPO}/pulls/1/merge"), None, 404).await;
    found("no such operation");
    let output = json!({ "title": "t", "summary": "s".repeat(65_536) });
    api.send("POST", &format!("{REPO}/check-runs"), json!({ "name": "n", "head_sha": "0", "output": output }), 422)
        .await;
    found("is longer than");
    let wrong = json!({ "tree": [{ "path": "a", "mode": "100664", "type": "blob", "content": "" }] });
    api.send("POST", &format!("{REPO}/git/trees"), wrong, 422).await;
    found("100664");
    api.send("POST", &hub.graphql(), json!({ "query": "mutation { mergePullRequest(input: $input) { id } }" }), 200)
        .await;
    found("not served");
    api.get("/nothing/here", 404).await;
    let error = hub.finish().unwrap_err().to_string();
    assert!(error.contains("/nothing/here"), "{error}");
}

#[tokio::test]
async fn names_move_and_archives_are_read_only() {
    let World { hub, installation, repository } = world(Hub::start().unwrap());
    let api = ByHand::installed(&hub, installation, &[repository], publishing()).await;
    hub.rename("octo/demo", "sample").unwrap();
    let moved = api.get(&format!("{REPO}/branches/main"), 301).await;
    let place = moved.header("location").unwrap().to_owned();
    assert_eq!(place, format!("{}/repositories/{repository}/branches/main", hub.rest()));
    api.get(&place, 200).await;
    let body = json!({ "content": "", "encoding": "utf-8" });
    api.send("POST", &format!("{REPO}/git/blobs"), body.clone(), 307).await;
    hub.archive("octo/sample").unwrap();
    assert_eq!(api.get("/repos/octo/sample", 200).await.body["archived"], true);
    api.send("POST", "/repos/octo/sample/git/blobs", body, 403).await;
    hub.delete_repository("octo/sample").unwrap();
    api.get("/repos/octo/sample", 404).await;
    hub.finish().unwrap();
}

#[tokio::test]
async fn pages_and_etags_are_those_of_github() {
    let World { hub, installation, repository } = world(Hub::start().unwrap());
    let api = ByHand::installed(&hub, installation, &[repository], json!({ "issues": "read" })).await;
    let ann = hub.user("ann");
    for n in 0..5 {
        ann.opens("octo/demo", &format!("issue {n}"), "b").unwrap();
    }
    let first = api.get(&format!("{REPO}/issues?per_page=2"), 200).await;
    assert_eq!(first.body.as_array().unwrap().len(), 2);
    assert!(first.header("link").unwrap().contains("per_page=2&page=2>; rel=\"next\""), "{:?}", first.header("link"));
    let last = api.get(&format!("{REPO}/issues?per_page=2&page=3"), 200).await;
    assert_eq!(last.body.as_array().unwrap().len(), 1);
    assert!(!last.header("link").unwrap().contains("next"));
    let tag = first.header("etag").unwrap();
    let left = |got: &crate::hub_by_hand::Got| got.header("x-ratelimit-remaining").unwrap().parse::<u64>().unwrap();
    let before = left(&api.get("/rate_limit", 200).await);
    let same =
        api.send_with("GET", &format!("{REPO}/issues?per_page=2"), None, &[("if-none-match", tag)]).await.unwrap();
    assert_eq!((same.status, left(&same)), (304, before));
    ann.labels(hub_place(repository), "new").unwrap();
    let changed = api
        .send_with("GET", &format!("{REPO}/issues?per_page=2&page=3"), None, &[("if-none-match", tag)])
        .await
        .unwrap();
    assert_eq!((changed.status, left(&changed)), (200, before - 1));
    hub.finish().unwrap();
}

fn hub_place(repository: u64) -> e2e::hub::Place {
    e2e::hub::Place { repository, number: 1 }
}
