//! The fake GitHub: webhooks are complete, signed, and go astray when they are told to.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use e2e::hub::{Handling, Hub, Permission, SECRET, signed_headers};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::hub_by_hand::ByHand;

type Seen = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// Listens for webhooks, answers with a status, and keeps what came.
async fn listener(status: u16) -> (String, Seen) {
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    let app = Router::new().fallback(move |headers: HeaderMap, body: Bytes| {
        kept.lock().unwrap().push((headers, body));
        async move { StatusCode::from_u16(status).unwrap() }
    });
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhook", socket.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(socket, app).await });
    (url, seen)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).unwrap().to_str().unwrap()
}

fn events(seen: &Seen) -> Vec<String> {
    let name = |(headers, body): &(HeaderMap, Bytes)| {
        let body: Value = serde_json::from_slice(body).unwrap();
        format!("{}.{}", header(headers, "x-github-event"), body["action"].as_str().unwrap_or("-"))
    };
    seen.lock().unwrap().iter().map(name).collect()
}

/// Waits for deliveries without standing in the listener's way.
async fn settle(hub: &Arc<Hub>) {
    let hub = Arc::clone(hub);
    tokio::task::spawn_blocking(move || hub.settle().unwrap()).await.unwrap();
}

async fn finish(hub: Arc<Hub>) {
    tokio::task::spawn_blocking(move || Arc::into_inner(hub).unwrap().finish().unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_people_do_is_told() {
    let (url, seen) = listener(202).await;
    let hub = Arc::new(Hub::start().unwrap());
    hub.deliver_to(&url);
    hub.repository("octo/demo").file("a.py", "x = 1\n").of_organization().create().unwrap();
    let installation = hub.install("octo", &["octo/demo"]).unwrap();
    hub.ping().unwrap();
    hub.grant("octo/demo", "ann", Permission::Read).unwrap();
    hub.grant("octo/demo", "ann", Permission::Write).unwrap();
    let ann = hub.user("ann");
    let issue = ann.opens("octo/demo", "It breaks", "Always").unwrap();
    ann.labels(issue, "patchwright:fix").unwrap();
    ann.unlabels(issue, "patchwright:fix").unwrap();
    ann.edits(issue, Some("It breaks often"), Some("Often")).unwrap();
    ann.assigns(issue, "ann").unwrap();
    let comment = ann.comments(issue, "/patchwright fix").unwrap();
    ann.edits_comment(issue.repository, comment, "/patchwright fix now").unwrap();
    ann.deletes_comment(issue.repository, comment).unwrap();
    ann.locks(issue).unwrap();
    ann.closes(issue).unwrap();
    ann.reopens(issue).unwrap();
    ann.deletes(issue).unwrap();
    let head = ann.pushes("octo/demo", "topic", &[("a.py", Some("x = 2\n")), ("b.py", Some("y\n"))], "two").unwrap();
    let pull = ann.opens_pull("octo/demo", "topic", "main", "Two").unwrap();
    ann.pushes("octo/demo", "topic", &[("b.py", None)], "less").unwrap();
    ann.sets_draft(pull, true).unwrap();
    ann.sets_draft(pull, false).unwrap();
    let (_, comments) = ann.reviews(pull, "COMMENTED", "Hm.", &[("a.py", 1, "Why?")]).unwrap();
    ann.replies(pull, comments[0], "Because.").unwrap();
    hub.ci().checks("octo/demo", &head, "build", "failure").unwrap();
    ann.closes(pull).unwrap();
    ann.reopens(pull).unwrap();
    ann.merges(pull).unwrap();
    ann.stars("octo/demo").unwrap();
    hub.revoke("octo/demo", "ann").unwrap();
    hub.rename("octo/demo", "sample").unwrap();
    hub.transfer("octo/sample", "ann").unwrap();
    hub.privatize("ann/sample").unwrap();
    hub.archive("ann/sample").unwrap();
    hub.delete_repository("ann/sample").unwrap();
    hub.suspend(installation, true).unwrap();
    hub.suspend(installation, false).unwrap();
    settle(&hub).await;
    let told = events(&seen);
    let wanted = "installation.created ping.- member.added member.edited issues.opened issues.labeled issues.unlabeled \
        issues.edited issues.assigned issue_comment.created issue_comment.edited issue_comment.deleted issues.locked issues.closed \
        issues.reopened issues.deleted push.- pull_request.opened push.- pull_request.synchronize pull_request.converted_to_draft \
        pull_request.ready_for_review pull_request_review_comment.created pull_request_review.submitted \
        pull_request_review_comment.created check_run.created check_run.completed check_suite.completed pull_request.closed \
        pull_request.reopened push.- pull_request.closed star.created member.removed repository.renamed repository.transferred \
        repository.privatized repository.archived repository.deleted installation.suspend installation.unsuspend";
    assert_eq!(told, wanted.split_whitespace().collect::<Vec<_>>());
    // No violation: every payload fits GitHub's schema for it.
    assert_eq!(hub.take_violations(), Vec::<String>::new());
    let labeled: Value = serde_json::from_slice(&seen.lock().unwrap()[5].1).unwrap();
    assert_eq!((&labeled["label"]["name"], &labeled["sender"]["login"]), (&json!("patchwright:fix"), &json!("ann")));
    assert_eq!(
        (&labeled["installation"]["id"], &labeled["repository"]["full_name"]),
        (&json!(installation), &json!("octo/demo"))
    );
    assert_eq!((&labeled["issue"]["title"], &labeled["organization"]["login"]), (&json!("It breaks"), &json!("octo")));
    let push: Value = serde_json::from_slice(&seen.lock().unwrap()[16].1).unwrap();
    assert_eq!((&push["after"], &push["commits"][0]["added"]), (&json!(head), &json!(["b.py"])));
    finish(hub).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_signed_and_go_astray_when_told_to() {
    let (url, seen) = listener(200).await;
    let hub = Arc::new(Hub::start().unwrap());
    hub.repository("octo/demo").file("a.py", "x = 1\n").create().unwrap();
    hub.install("octo", &["octo/demo"]).unwrap();
    hub.deliver_to(&url);
    let ann = hub.user("ann");
    let open = |title: &str| ann.opens("octo/demo", title, "b").unwrap();
    open("sent");
    hub.handle(Handling::Twice);
    open("twice");
    hub.handle(Handling::Forge);
    open("forged");
    hub.handle(Handling::Lose);
    open("lost");
    hub.handle(Handling::Hold);
    open("held 1");
    open("held 2");
    settle(&hub).await;
    let titles = || {
        let title = |(_, body): &(HeaderMap, Bytes)| {
            let body: Value = serde_json::from_slice(body).unwrap();
            body["issue"]["title"].as_str().unwrap().to_owned()
        };
        seen.lock().unwrap().iter().map(title).collect::<Vec<_>>()
    };
    assert_eq!(titles(), ["sent", "twice", "twice", "forged"]);
    hub.release(true);
    settle(&hub).await;
    assert_eq!(titles()[4..], ["held 2", "held 1"]);
    {
        let seen = seen.lock().unwrap();
        let guid = |n: usize| header(&seen[n].0, "x-github-delivery").to_owned();
        assert!(guid(1) == guid(2) && guid(0) != guid(1));
        for (n, (headers, body)) in seen.iter().enumerate() {
            let ours = signed_headers(SECRET, 4242, &guid(n), "issues", body);
            let right = ours.iter().all(|(name, value)| header(headers, name) == value);
            assert_eq!(right, n != 3, "{n}");
        }
    }
    let app = ByHand::app(&hub);
    let failed = app.get("/app/hook/deliveries?status=failure", 200).await.body;
    assert_eq!(failed.as_array().unwrap().len(), 1);
    assert_eq!(failed[0]["status"], "failed to connect to host");
    let path = format!("/app/hook/deliveries/{}/attempts", failed[0]["id"]);
    app.sent("POST", &path, None, 202).await;
    settle(&hub).await;
    assert_eq!(titles()[6..], ["lost"]);
    hub.set_secret("the second");
    hub.handle(Handling::OldSecret);
    open("old");
    hub.handle(Handling::Send);
    open("new");
    settle(&hub).await;
    for (n, secret) in [(7, SECRET), (8, "the second")] {
        let (headers, body) = &seen.lock().unwrap()[n];
        let ours = signed_headers(secret, 4242, header(headers, "x-github-delivery"), "issues", body);
        assert!(ours.iter().all(|(name, value)| header(headers, name) == value), "{n}");
    }
    let mut pages = 0;
    let mut next = Some("/app/hook/deliveries?per_page=3".to_owned());
    let mut ids = Vec::new();
    while let Some(path) = next.take() {
        let page = app.get(&path, 200).await;
        ids.extend(page.body.as_array().unwrap().iter().map(|it| it["id"].as_u64().unwrap()));
        next = page.header("link").map(|it| it.split('>').next().unwrap().trim_start_matches('<').to_owned());
        pages += 1;
    }
    assert_eq!((pages, ids.len()), (hub.deliveries().len().div_ceil(3), hub.deliveries().len()));
    assert!(ids.is_sorted_by(|a, b| a > b), "newest first: {ids:?}");
    app.get("/app/hook/deliveries?cursor=x", 400).await;
    drop(app);
    drop(ann);
    finish(hub).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_app_does_comes_back_to_it() {
    let (url, seen) = listener(503).await;
    let hub = Arc::new(Hub::start().unwrap());
    let repository = hub.repository("octo/demo").file("a.py", "x = 1\n").create().unwrap();
    let installation = hub.install("octo", &["octo/demo"]).unwrap();
    let issue = hub.user("ann").opens("octo/demo", "t", "b").unwrap();
    hub.deliver_to(&url);
    let api = ByHand::installed(&hub, installation, &[repository], json!({ "issues": "write" })).await;
    api.send("POST", &format!("/repos/octo/demo/issues/{}/comments", issue.number), json!({ "body": "b" }), 201).await;
    settle(&hub).await;
    assert_eq!(events(&seen), ["issue_comment.created"]);
    let body: Value = serde_json::from_slice(&seen.lock().unwrap()[0].1).unwrap();
    assert_eq!((&body["sender"]["type"], &body["sender"]["login"]), (&json!("Bot"), &json!("patchwright[bot]")));
    assert_eq!(hub.deliveries()[0].status, 503);
    drop(api);
    finish(hub).await;
}
