//! The fake GitHub: faults before and after the effect, recorded refusals, limits.

use std::time::Duration;

use e2e::hub::{Change, Fault, Gate, Hub, Match, Place, history, recording};
use serde_json::json;

use crate::hub_by_hand::{ByHand, publishing};

struct World {
    hub: Hub,
    installation: u64,
    repository: u64,
    issue: Place,
}

fn world() -> World {
    let hub = Hub::start().unwrap();
    let repository = hub.repository("octo/demo").file("a.py", "x = 1\n").create().unwrap();
    let installation = hub.install("octo", &["octo/demo"]).unwrap();
    let issue = hub.user("ann").opens("octo/demo", "t", "b").unwrap();
    World { hub, installation, repository, issue }
}

impl World {
    async fn api(&self) -> ByHand<'_> {
        ByHand::installed(&self.hub, self.installation, &[self.repository], publishing()).await
    }

    fn comments(&self) -> String {
        format!("/repos/octo/demo/issues/{}/comments", self.issue.number)
    }

    fn made(&self) -> usize {
        self.hub.comments(self.issue).unwrap().len()
    }
}

#[tokio::test]
async fn a_reset_leaves_the_effect_out_or_in() {
    let world = world();
    let api = world.api().await;
    let post = async || api.try_send("POST", &world.comments(), Some(json!({ "body": "b" }))).await;
    let wanted = || Match::operation("issues/create-comment");
    world.hub.fail(wanted(), Fault::ResetBeforeEffect);
    assert!(post().await.is_err());
    assert_eq!(world.made(), 0);
    world.hub.fail(wanted(), Fault::ResetAfterEffect);
    assert!(post().await.is_err());
    assert_eq!(world.made(), 1);
    world.hub.fail(wanted(), Fault::Status(502));
    assert_eq!(post().await.unwrap().status, 502);
    assert_eq!(world.made(), 1);
    world.hub.fail(wanted().body("\"b\""), Fault::StatusAfterEffect(504));
    assert_eq!(post().await.unwrap().status, 504);
    assert_eq!(world.made(), 2);
    world.hub.fail(wanted(), Fault::Undecodable);
    let got = post().await.unwrap();
    assert!(got.status == 200 && got.body.is_string());
    assert_eq!(world.made(), 3);
    // A client that sends again without looking is found out.
    let found = history::check(&world.hub).unwrap_err();
    assert!(found.len() == 2 && found.iter().all(|it| it.promise == "P4"), "{found:?}");
    world.hub.finish().unwrap();
}

#[tokio::test]
async fn a_fault_takes_only_what_it_is_for() {
    let world = world();
    let api = world.api().await;
    world.hub.fail_times(Match::method("GET").path("/issues/").after(1), Fault::Status(500), 2);
    let at = format!("/repos/octo/demo/issues/{}", world.issue.number);
    for status in [200, 500, 500, 200] {
        api.get("/repos/octo/demo", 200).await;
        api.get(&at, status).await;
    }
    world.hub.fail(Match::operation("pulls/create"), Fault::Status(500));
    let error = world.hub.finish().unwrap_err().to_string();
    assert_eq!(error, "1 faults were never met");
}

#[tokio::test]
async fn a_stalled_answer_waits_for_its_gate() {
    let world = world();
    let api = world.api().await;
    let gates = [Gate::closed(), Gate::closed()];
    world.hub.fail(Match::writes(), Fault::Stall(gates[0].clone()));
    world.hub.fail(Match::writes(), Fault::StallAfterEffect(gates[1].clone()));
    for (index, gate) in gates.iter().enumerate() {
        let look = async {
            gate.reached().await;
            // Before the effect at first, behind it then.
            assert_eq!(world.made(), 2 * index);
            gate.open();
        };
        let comments = world.comments();
        let (got, ()) = tokio::join!(api.send("POST", &comments, json!({ "body": format!("{index}") }), 201), look);
        assert_eq!(got.body["body"], format!("{index}"));
    }
    assert_eq!(world.made(), 2);
    world.hub.finish().unwrap();
}

#[tokio::test]
async fn a_slow_answer_comes_whole() {
    let world = world();
    world.hub.fail(Match::operation("meta/get"), Fault::Drip(Duration::from_micros(10)));
    let got = ByHand::new(&world.hub).get("/meta", 200).await;
    assert!(got.body["hooks"].is_array());
    world.hub.finish().unwrap();
}

#[tokio::test]
async fn recorded_refusals_come_as_they_were() {
    let world = world();
    let api = world.api().await;
    for name in recording::names().unwrap() {
        world.hub.fail(Match::any(), Fault::Recording(name.to_owned()));
        let got = api.try_send("GET", "/repos/octo/demo", None).await.unwrap();
        assert!(got.status >= 400, "{name}: {}", got.status);
        assert!(!got.body.to_string().contains("{{"), "{name}: {}", got.body);
    }
    let once = async |name: &str| {
        world.hub.fail(Match::any(), Fault::Recording(format!("AbuseLimitHandlerTest/{name}")));
        api.try_send("GET", "/repos/octo/demo", None).await.unwrap()
    };
    let prefix = "testHandler_Wait_Secondary_Limits_Too_Many_Requests";
    let dated = once(&format!("{prefix}_Date_Retry_After")).await;
    assert_eq!(dated.status, 429);
    assert!(dated.header("retry-after").unwrap().ends_with("GMT"), "{:?}", dated.headers);
    let undated = once(&format!("{prefix}_Date_Retry_After_Missing_Date_Header")).await;
    assert_eq!(undated.header("date"), None);
    let body_only = once("testHandler_Wait_Secondary_Limits_Body_Marker_Only").await;
    assert_eq!((body_only.status, body_only.header("retry-after")), (403, None));
    world.hub.fail(Match::any(), Fault::Recording("no such recording".to_owned()));
    api.get("/repos/octo/demo", 500).await;
    assert!(world.hub.take_violations()[0].contains("no such recording"));
    world.hub.finish().unwrap();
}

#[tokio::test]
async fn who_does_not_wait_is_found_out() {
    let world = world();
    let api = world.api().await;
    world.hub.set_budget(world.installation, 1, 100).unwrap();
    let got = api.get("/repos/octo/demo", 200).await;
    assert_eq!(got.header("x-ratelimit-remaining"), Some("0"));
    let got = api.get("/repos/octo/demo", 403).await;
    assert!(got.body["message"].as_str().unwrap().starts_with("API rate limit exceeded"), "{}", got.body);
    assert_eq!(history::check(&world.hub), Ok(()));
    world.hub.move_clock(101);
    api.get("/repos/octo/demo", 200).await;
    assert_eq!(history::check(&world.hub), Ok(()));
    let name = "AbuseLimitHandlerTest/testHandler_Wait_Secondary_Limits".to_owned();
    world.hub.fail(Match::any(), Fault::Recording(name));
    api.get("/repos/octo/demo", 403).await;
    api.get("/repos/octo/demo", 200).await;
    let found = history::check(&world.hub).unwrap_err();
    assert!(found.len() == 1 && found[0].promise == "P8", "{found:?}");
    world.hub.tell_no_limits();
    assert_eq!(api.get("/repos/octo/demo", 200).await.header("x-ratelimit-limit"), None);
    api.get("/rate_limit", 404).await;
    world.hub.finish().unwrap();
}

#[tokio::test]
async fn history_tells_who_did_what() {
    let world = world();
    let api = world.api().await;
    world.hub.user("ann").labels(world.issue, "bug").unwrap();
    api.send("POST", &world.comments(), json!({ "body": "b" }), 201).await;
    let seen: Vec<(String, bool)> =
        world.hub.history().iter().map(|it| (it.actor.clone(), it.request.is_some())).collect();
    let bot = "patchwright[bot]".to_owned();
    // The issue, the token, the label, the comment.
    assert_eq!(seen, [("ann".to_owned(), false), (bot.clone(), true), ("ann".to_owned(), false), (bot, true)]);
    let comment = |it: &e2e::hub::Effect| matches!(&it.change, Change::Comment { body, .. } if body == "b");
    world.hub.wait_for(Duration::from_secs(1), |all| all.iter().any(comment)).unwrap();
    assert!(world.hub.wait_for(Duration::from_millis(1), |all| all.len() > 4).is_err());
    world.hub.finish().unwrap();
}
