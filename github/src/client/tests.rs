use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::*;
use crate::app::AppKey;
use crate::error::Limit;
use crate::id::{AppId, RepositoryId};
use crate::testing::{Hub, Reply, recorded};
use crate::token::Phase;

const ONE: InstallationId = InstallationId(1);
const SEVEN: RepositoryId = RepositoryId(7);

fn second(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// Answers the first requests of a kind as given, and the others as usual.
fn at_first(line: &'static str, mut replies: Vec<Reply>) -> impl FnMut(&crate::testing::Seen) -> Option<Reply> + Send {
    replies.reverse();
    move |seen| if seen.line() == line { replies.pop() } else { None }
}

#[tokio::test]
async fn a_repository_is_opened_with_a_token_of_its_own_and_closed_without_one() {
    let hub = Hub::start(|_| None).await;
    let client = hub.client();
    let first = client.repository(ONE, SEVEN, Phase::Read).await.unwrap();
    let second = client.repository(ONE, SEVEN, Phase::Read).await.unwrap();
    assert_eq!(first.name().to_string(), "a/b");
    let seen = hub.seen();
    let lines: Vec<_> = seen.iter().map(crate::testing::Seen::line).collect();
    assert_eq!(lines, ["POST /app/installations/1/access_tokens", "GET /repositories/7", "GET /repositories/7"]);
    assert_eq!(seen[0].body["repository_ids"], json!([7]));
    assert_eq!(seen[0].body["permissions"]["contents"], "read");
    assert!(seen[0].header("authorization").starts_with("Bearer eyJ"));
    assert_eq!(seen[1].header("authorization"), "Bearer ghs_1");
    assert_eq!(seen[1].header("accept"), "application/vnd.github+json");
    assert_eq!(seen[1].header("x-github-api-version"), "2022-11-28");
    assert!(seen[1].header("user-agent").starts_with("patchwright/"));
    first.close().await.unwrap();
    assert_eq!(hub.lines(), [""; 0], "somebody else still uses the token");
    second.close().await.unwrap();
    let seen = hub.seen();
    assert_eq!(
        (seen[0].line().as_str(), seen[0].header("authorization")),
        ("DELETE /installation/token", "Bearer ghs_1")
    );
    // Another phase has another token.
    let publish = client.repository(ONE, SEVEN, Phase::Publish).await.unwrap();
    assert_eq!(hub.seen()[0].body["permissions"]["contents"], "write");
    publish.close().await.unwrap();
}

#[tokio::test]
async fn a_token_is_renewed_after_fifty_minutes() {
    let hub = Hub::start(|_| None).await;
    let mut repo = hub.repo().await;
    hub.clock.pass(second(49 * 60));
    repo.reload().await.unwrap();
    assert_eq!(hub.lines(), ["GET /repositories/7"]);
    hub.clock.pass(second(61));
    repo.reload().await.unwrap();
    let seen = hub.seen();
    assert_eq!(seen[0].line(), "POST /app/installations/1/access_tokens");
    assert_eq!(seen[1].header("authorization"), "Bearer ghs_2");
}

#[tokio::test]
async fn a_token_that_is_not_known_yet_is_tried_again() {
    let refusals = || vec![Reply::Json(401, json!({ "message": "Bad credentials" })), Reply::Json(401, json!({}))];
    let hub = Hub::start(at_first("GET /repositories/7", refusals())).await;
    hub.client().repository(ONE, SEVEN, Phase::Read).await.unwrap();
    let seen = hub.seen();
    assert_eq!(seen.len(), 4);
    assert!(seen[1..].iter().all(|it| it.header("authorization") == "Bearer ghs_1"));
    assert_eq!(hub.clock.naps(), [second(1), second(1)]);
}

#[tokio::test]
async fn a_token_that_ends_early_is_made_anew_once() {
    let hub = Hub::start(at_first("GET /repos/a/b/issues/1", vec![Reply::Json(401, json!({}))])).await;
    let repo = hub.repo().await;
    hub.clock.pass(second(600));
    assert!(repo.issue(1).await.unwrap_err().is_missing(), "the second answer is the usual 404");
    let seen = hub.seen();
    assert_eq!(seen[1].line(), "POST /app/installations/1/access_tokens");
    assert_eq!(seen[2].header("authorization"), "Bearer ghs_2");
    let always = Hub::start(|seen| seen.path.contains("/issues/").then(|| Reply::Json(401, json!({})))).await;
    let repo = always.repo().await;
    always.clock.pass(second(600));
    let error = repo.issue(1).await.unwrap_err();
    assert_eq!((error.status(), error.class()), (Some(401), Class::Never));
    let mints = always.lines().iter().filter(|it| it.contains("access_tokens")).count();
    assert_eq!(mints, 1);
}

fn issued_at(seen: &crate::testing::Seen) -> i64 {
    let claims = seen.header("authorization").split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    serde_json::from_slice::<Value>(&claims).unwrap()["iat"].as_i64().unwrap()
}

#[tokio::test]
async fn a_wrong_clock_is_set_once_by_the_date_of_the_refusal() {
    let skewed = recorded("testIssuedAtSkew").remove(0).exchanges.remove(0);
    let theirs = http_date(&skewed.headers["date"]).unwrap();
    let app = json!({ "id": 42, "slug": "patchwright" });
    let refused = skewed.clone();
    let hub = Hub::start(at_first("GET /app", vec![refused.reply(theirs), Reply::Json(200, app)])).await;
    assert_eq!(hub.client().app_record().await.unwrap().bot_login(), "patchwright[bot]");
    let seen = hub.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(issued_at(&seen[1]), theirs.as_second() - 60);
    // A refusal that goes on is not asked a third time.
    let hub = Hub::start(move |_| Some(skewed.reply(theirs))).await;
    assert_eq!(hub.client().app_record().await.unwrap_err().status(), Some(401));
    assert_eq!(hub.seen().len(), 2);
}

#[tokio::test]
async fn another_apps_key_is_refused_without_a_second_try() {
    let bad = recorded("invalidJWTTokenRaisesException").remove(0).exchanges;
    let refusal = bad.into_iter().find(|it| it.path == "/app").unwrap();
    let hub = Hub::start(move |_| Some(refusal.reply(jiff::Timestamp::now()))).await;
    let error = hub.client().app_record().await.unwrap_err();
    assert_eq!(error.to_string(), "read the App: GitHub answered 401: A JSON web token could not be decoded");
    assert_eq!(hub.seen().len(), 1);
}

#[tokio::test]
async fn a_renamed_repository_is_followed_on_the_same_host_only() {
    let target = |to: String, status| {
        move |seen: &crate::testing::Seen| {
            let moved = seen.path.starts_with("/repos/a/b/");
            moved.then(|| {
                Reply::Headed(status, vec![("location", to.clone())], json!({ "message": "Moved Permanently" }))
            })
        }
    };
    let issue = json!({ "id": 1, "number": 1, "title": "t", "updated_at": "2026-01-01T00:00:00Z" });
    let moved = target("/repositories/7/issues/1".to_owned(), 301);
    let answered = issue.clone();
    let hub = Hub::start(move |seen| match seen.path.as_str() {
        "/repositories/7/issues/1" => Some(Reply::Json(200, answered.clone())),
        _ => moved(seen),
    })
    .await;
    let repo = hub.repo().await;
    assert_eq!(repo.issue(1).await.unwrap().title, "t");
    assert_eq!(hub.seen()[1].header("authorization"), "Bearer ghs_1");
    for (to, status) in [
        ("http://169.254.169.254/latest/meta-data", 301),
        ("https://evil.example.com/repositories/7/issues/1", 307),
        ("file:///etc/passwd", 302),
        ("//evil.example.com/x", 301),
    ] {
        let hub = Hub::start(target(to.to_owned(), status)).await;
        let repo = hub.repo().await;
        let error = repo.issue(1).await.unwrap_err();
        assert!(matches!(error, GitHubError::Redirected { .. }), "{to}: {error}");
        assert_eq!((error.class(), hub.seen().len()), (Class::Never, 1));
    }
    let hub = Hub::start(target("/repos/a/b/issues/1".to_owned(), 301)).await;
    let repo = hub.repo().await;
    assert!(matches!(repo.issue(1).await.unwrap_err(), GitHubError::Redirected { .. }), "a circle ends");
}

#[tokio::test]
async fn a_change_is_redirected_with_its_body_or_not_at_all() {
    let comment = json!({ "id": 5, "body": "b", "updated_at": "" });
    let hub = Hub::start(move |seen| match seen.path.as_str() {
        "/repos/a/b/issues/comments/5" => {
            Some(Reply::Headed(307, vec![("location", "/repositories/7/issues/comments/5".to_owned())], json!({})))
        }
        "/repositories/7/issues/comments/5" => Some(Reply::Json(200, comment.clone())),
        "/repos/a/b/issues/1/comments" => {
            Some(Reply::Headed(301, vec![("location", "/repositories/7/issues/1/comments".to_owned())], json!({})))
        }
        _ => None,
    })
    .await;
    let repo = hub.repo().await;
    repo.edit_comment(5, "<!-- m -->", "b").await.unwrap();
    let seen = hub.seen();
    assert_eq!(seen[1].line(), "PATCH /repositories/7/issues/comments/5");
    assert_eq!(seen[1].body, json!({ "body": "<!-- m -->\nb" }));
    let new = crate::comment::NewComment { number: 1, marker: "m".to_owned(), body: "b".to_owned() };
    assert_eq!(new.make(&repo).await.unwrap_err().status(), Some(301), "a POST never becomes a GET");
}

#[tokio::test]
async fn an_answer_has_a_size_and_a_time() {
    let hub = Hub::start(|seen| match seen.path.as_str() {
        "/repos/a/b/contents/big" => Some(Reply::Raw(200, vec![b'x'; 3000])),
        "/repos/a/b/issues/1" => Some(Reply::Stall),
        _ => None,
    })
    .await;
    let client = hub.client_with(ClientOptions { answer_time: Duration::from_millis(500), ..hub.options() });
    let repo = client.repository(ONE, SEVEN, Phase::Read).await.unwrap();
    let error = repo.file("big", 2999).await.unwrap_err();
    assert!(matches!(error, GitHubError::TooLarge { limit: 2999, .. }), "{error}");
    assert_eq!(repo.file("big", 3000).await.unwrap().unwrap().len(), 3000);
    assert_eq!(repo.file("none", 10).await.unwrap(), None);
    hub.seen();
    let error = repo.issue(1).await.unwrap_err();
    assert!(matches!(error, GitHubError::Transport { problem: Transport::TimedOut(_), .. }), "{error}");
    assert_eq!((error.class(), hub.seen().len()), (Class::Retry, 3));
    assert_eq!(hub.clock.naps(), [Duration::from_millis(250), Duration::from_millis(500)]);
}

#[tokio::test]
async fn a_read_is_repeated_and_a_change_is_not() {
    let hub = Hub::start(|seen| match seen.path.as_str() {
        "/repos/a/b/issues/1" => Some(Reply::Reset),
        "/repos/a/b/issues/1/comments" => Some(Reply::Json(502, Value::Null)),
        "/repos/a/b/issues/2" => Some(Reply::Raw(200, b"<html>".to_vec())),
        _ => None,
    })
    .await;
    let repo = hub.repo().await;
    let error = repo.issue(1).await.unwrap_err();
    assert!(matches!(error, GitHubError::Transport { problem: Transport::Broken(_), .. }), "{error}");
    assert_eq!((error.class(), hub.seen().len()), (Class::Retry, 3));
    let new = crate::comment::NewComment { number: 1, marker: "m".to_owned(), body: "b".to_owned() };
    let error = new.make(&repo).await.unwrap_err();
    assert_eq!((error.class(), error.status(), hub.seen().len()), (Class::Retry, Some(502), 1));
    let error = repo.issue(2).await.unwrap_err();
    assert_eq!(error.to_string(), "read an issue: the answer cannot be read: it is no JSON, at line 1 column 1");
    assert_eq!(error.class(), Class::Retry);
}

#[tokio::test]
async fn nobody_there_is_a_clear_error_without_an_address() {
    let hub = Hub::start(|_| None).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let endpoints = Endpoints::at(&base, &base, &base).unwrap();
    let client = hub.client_with(ClientOptions { endpoints, ..hub.options() });
    let error = client.app_record().await.unwrap_err();
    assert!(matches!(error, GitHubError::Transport { problem: Transport::Connect(_), .. }), "{error}");
    let text = format!("{error} {error:?}");
    assert!(!text.contains("127.0.0.1") && !text.contains("eyJ"), "{text}");
}

#[tokio::test]
async fn what_did_not_change_is_not_read_again() {
    let hub = Hub::start(|seen| match (seen.path.as_str(), seen.header("if-none-match")) {
        ("/repos/a/b/issues/1", "\"tag\"") => Some(Reply::Headed(304, Vec::new(), Value::Null)),
        ("/repos/a/b/issues/1", _) => {
            let issue = json!({ "id": 1, "number": 1, "title": "t", "updated_at": "" });
            Some(Reply::Headed(200, vec![("etag", "\"tag\"".to_owned())], issue))
        }
        _ => None,
    })
    .await;
    let repo = hub.repo().await;
    for _ in 0..3 {
        assert_eq!(repo.issue(1).await.unwrap().title, "t");
    }
    let tags: Vec<_> = hub.seen().iter().map(|it| it.header("if-none-match").to_owned()).collect();
    assert_eq!(tags, ["", "\"tag\"", "\"tag\""]);
}

/// What the recordings of limits must lead to: the limit, and the seconds until its end.
fn expected_wait(name: &str) -> (Limit, i64) {
    match name.split('/').next_back().unwrap() {
        _ if name.starts_with("RateLimitHandlerTest") => (Limit::Primary, 3),
        "testHandler_Fail" | "testHandler_HttpStatus_Fail" => (Limit::Secondary, 30),
        "testHandler_Wait" => (Limit::Secondary, 2),
        "testHandler_WaitStuck" => (Limit::Secondary, 3),
        name if name.contains("Date_Retry_After") || name.ends_with("Too_Many_Requests") => (Limit::Secondary, 8),
        _ => (Limit::Secondary, 60),
    }
}

#[tokio::test]
async fn the_recorded_limits_are_kept() {
    let mut count = 0;
    for scenario in recorded("LimitHandlerTest") {
        let limited = scenario.exchanges.into_iter().find(|it| matches!(it.status, 403 | 429)).unwrap();
        let (limit, wait) = expected_wait(&scenario.scenario);
        let now = jiff::Timestamp::now();
        let calls = AtomicU32::new(0);
        let hub = Hub::start(move |seen| {
            let first = seen.path == "/repos/a/b/issues/1" && calls.fetch_add(1, Ordering::Relaxed) == 0;
            first.then(|| limited.reply(now))
        })
        .await;
        let settings = LimitSettings { longest_nap: Duration::ZERO, ..LimitSettings::default() };
        let client = hub.client_with(ClientOptions { limits: settings, ..hub.options() });
        let repo = client.repository(ONE, SEVEN, Phase::Read).await.unwrap();
        let until = |error: GitHubError| match error {
            GitHubError::Limited { limit: met, until, .. } if met == limit => until.duration_since(hub.clock.now()),
            other => panic!("{}: {other}", scenario.scenario),
        };
        let error = repo.issue(1).await.unwrap_err();
        assert!(matches!(error.class(), Class::WaitUntil(_)));
        let announced = until(error);
        let off = (announced - SignedDuration::from_secs(wait)).abs();
        assert!(off <= SignedDuration::from_secs(1), "{}: {announced}", scenario.scenario);
        hub.seen();
        until(repo.issue(1).await.unwrap_err());
        assert_eq!(hub.lines(), [""; 0], "{}: nothing is sent before the time", scenario.scenario);
        hub.clock.pass(Duration::try_from(announced).unwrap() + Duration::from_millis(1));
        assert!(repo.issue(1).await.unwrap_err().is_missing(), "{}: the usual answer again", scenario.scenario);
        assert_eq!(hub.seen().len(), 1);
        count += 1;
    }
    assert_eq!(count, 15);
}

#[tokio::test]
async fn changes_go_one_at_a_time() {
    let hub = Hub::start(|seen| seen.path.ends_with("/labels").then(|| Reply::Json(200, json!([])))).await;
    let repo = hub.repo().await;
    let change = crate::label::LabelChange { number: 1, add: vec!["x".to_owned()], remove: Vec::new() };
    let (a, b, c) = tokio::join!(change.make(&repo), change.make(&repo), change.make(&repo));
    a.and(b).and(c).unwrap();
    assert_eq!(hub.clock.naps(), [second(1), second(1)]);
}

#[tokio::test]
async fn the_hourly_limit_of_graphql_comes_with_a_success() {
    let hub = Hub::start(|seen| {
        let limited = json!({ "errors": [{ "type": "RATE_LIMITED", "message": "API rate limit exceeded" }] });
        let reset = (jiff::Timestamp::now().as_second() + 600).to_string();
        let headers = vec![("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", reset)];
        (seen.path == "/graphql").then_some(Reply::Headed(200, headers, limited))
    })
    .await;
    let repo = hub.repo().await;
    for _ in 0..2 {
        let error = repo.issue_history(1).await.unwrap_err();
        assert!(matches!(error.class(), Class::WaitUntil(_)), "{error}");
    }
    assert_eq!(hub.lines(), ["POST /graphql"]);
    assert!(repo.issue(1).await.unwrap_err().is_missing(), "the REST API is not limited");
}

#[tokio::test]
async fn a_token_for_other_repositories_is_not_used() {
    let hub = Hub::start(|seen| {
        let wide = json!({ "token": "ghs_wide", "repositories": [{ "id": 7 }, { "id": 8 }] });
        seen.path.ends_with("/access_tokens").then_some(Reply::Json(201, wide))
    })
    .await;
    let error = hub.client().repository(ONE, SEVEN, Phase::Read).await.unwrap_err();
    assert!(error.to_string().contains("other repositories"), "{error}");
    assert_eq!(hub.seen().len(), 1);
}

#[tokio::test]
async fn a_suspended_installation_and_a_gone_repository_end_the_job() {
    let hub = Hub::start(|seen| {
        let suspended = json!({ "message": "This installation has been suspended" });
        seen.path.ends_with("/access_tokens").then_some(Reply::Json(403, suspended))
    })
    .await;
    let error = hub.client().repository(ONE, SEVEN, Phase::Read).await.unwrap_err();
    assert_eq!(error.class(), Class::Never);
    assert!(error.to_string().contains("suspended"), "{error}");
    let hub = Hub::start(|_| None).await;
    let error = hub.client().repository(ONE, RepositoryId(8), Phase::Read).await.unwrap_err();
    assert!(error.class() == Class::Never, "{error}");
}

#[tokio::test]
async fn settings_of_the_network_are_checked() {
    let hub = Hub::start(|_| None).await;
    let check = |transport: TransportOptions, expected: &str| {
        let key = AppKey::parse(include_bytes!("../../fixtures/keys/pkcs8.pem")).unwrap();
        let options = ClientOptions { transport, ..hub.options() };
        let error = Client::new(App::new(AppId(1), key), options).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let proxy = Some("http://user:hunter2@ bad".to_owned());
    check(TransportOptions { proxy, ..TransportOptions::default() }, "the proxy's address");
    let extra_ca = Some(b"no certificate".to_vec());
    check(TransportOptions { extra_ca, ..TransportOptions::default() }, "must hold certificates");
    let client = hub.client();
    assert!(!format!("{client:?}").contains("PRIVATE"));
}

#[tokio::test]
async fn a_proxy_gets_every_request() {
    // The proxy answers itself: what a client sends to a proxy has the whole address in its first line.
    let proxy = Hub::start(|seen| {
        seen.path.contains("app").then(|| Reply::Json(200, json!({ "id": 42, "slug": "through-the-proxy" })))
    })
    .await;
    let endpoints = Endpoints::at("http://localhost:1", "http://localhost:1", "http://localhost:1").unwrap();
    let transport = TransportOptions { proxy: Some(proxy.base.clone()), ..TransportOptions::default() };
    let client = proxy.client_with(ClientOptions { endpoints, transport, ..proxy.options() });
    assert_eq!(client.app_record().await.unwrap().slug, "through-the-proxy");
}
