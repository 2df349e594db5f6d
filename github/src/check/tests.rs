use serde_json::json;

use super::*;
use crate::testing::{Hub, Reply, recorded};

fn new(annotations: u64) -> NewCheck {
    let remark = |line| Annotation {
        path: "a.py".to_owned(),
        start_line: line,
        end_line: 0,
        annotation_level: AnnotationLevel::Warning,
        message: "m".to_owned(),
        title: None,
    };
    NewCheck {
        name: "patchwright / validation".to_owned(),
        head: Oid::new("89a9ae301e35e667756034fdc933b1fc94f63fc1").unwrap(),
        external_id: "job-1".to_owned(),
        state: CheckState::Success,
        title: "t".to_owned(),
        summary: "\u{e9}".repeat(40_000),
        text: String::new(),
        annotations: (0..annotations).map(remark).collect(),
        buttons: vec![Button { label: "x".repeat(30), description: "y".repeat(50), identifier: "z".repeat(30) }; 4],
    }
}

#[tokio::test]
async fn a_hundred_and_one_remarks_are_sent_in_three_pieces() {
    let exchanges = recorded("createCheckRunManyAnnotations").remove(0).exchanges;
    let answer = exchanges.into_iter().find(|it| it.path.ends_with("/check-runs")).unwrap();
    let hub =
        Hub::start(move |seen| seen.path.contains("/check-runs").then(|| answer.reply(jiff::Timestamp::now()))).await;
    let repo = hub.repo().await;
    assert_eq!(new(101).make(&repo).await.unwrap().id, 1_424_883_599);
    let seen = hub.seen();
    let counts: Vec<_> = seen.iter().map(|it| it.body["output"]["annotations"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [50, 50, 1]);
    assert_eq!(seen[2].line(), "PATCH /repos/a/b/check-runs/1424883599");
    let first = &seen[0].body;
    assert_eq!((first["status"].as_str(), first["conclusion"].as_str()), (Some("completed"), Some("success")));
    assert!(first["output"]["summary"].as_str().unwrap().len() <= MAX_TEXT);
    assert!(first["output"].get("text").is_none());
    assert_eq!(first["output"]["annotations"][0]["start_line"], 1);
    assert_eq!(first["output"]["annotations"][0]["end_line"], 1);
    assert_eq!(first["actions"].as_array().unwrap().len(), 3);
    assert_eq!(first["actions"][0]["label"].as_str().unwrap().chars().count(), 20);
    assert_eq!(first["actions"][0]["identifier"].as_str().unwrap().chars().count(), 20);
}

#[tokio::test]
async fn a_check_that_broke_off_is_found_and_finished() {
    let check = |id: u64, app: u64, external: &str| json!({ "id": id, "external_id": external, "app": { "id": app } });
    let found = json!({ "total_count": 3, "check_runs": [check(1, 99, "job-1"), check(2, 42, "job-2"), check(3, 42, "job-1")] });
    let hub = Hub::start(move |seen| match seen.method {
        Method::GET if seen.path.contains("/check-runs?") => Some(Reply::Json(200, found.clone())),
        Method::PATCH => Some(Reply::Json(200, json!({ "id": 3, "output": { "annotations_count": 51 } }))),
        _ => None,
    })
    .await;
    let repo = hub.repo().await;
    let mut found = new(51).look(&repo, AppId(42)).await.unwrap().unwrap();
    assert_eq!(found.id, 3, "not another App's, and not another job's");
    found.output = Some(crate::event::CheckRunOutput { annotations_count: 50, ..Default::default() });
    hub.seen();
    new(51).update(&repo, &found).await.unwrap();
    let seen = hub.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].body["output"]["annotations"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_check_that_github_refuses_is_not_tried_again() {
    let exchanges = recorded("createCheckRunErrMissingConclusion").remove(0).exchanges;
    let refusal = exchanges.into_iter().find(|it| it.status == 422).unwrap();
    let hub = Hub::start(move |seen| {
        (seen.method == Method::POST && seen.path.contains("/check-runs"))
            .then(|| refusal.reply(jiff::Timestamp::now()))
    })
    .await;
    let repo = hub.repo().await;
    let error = new(0).make(&repo).await.unwrap_err();
    assert_eq!(error.class(), crate::error::Class::Never);
    assert!(error.to_string().contains("wasn't supplied"), "{error}");
}

#[tokio::test]
async fn the_checks_of_a_commit_are_read() {
    let exchanges = recorded("GHRepositoryTest/getCheckRuns").remove(0).exchanges;
    let list = exchanges.into_iter().find(|it| it.path.contains("/check-runs")).unwrap();
    let expected = list.body["check_runs"].as_array().unwrap().len();
    let hub =
        Hub::start(move |seen| seen.path.contains("/check-runs").then(|| list.reply(jiff::Timestamp::now()))).await;
    let repo = hub.repo().await;
    let head = Oid::new("89a9ae301e35e667756034fdc933b1fc94f63fc1").unwrap();
    let checks = repo.check_runs(&head).await.unwrap();
    assert_eq!(checks.len(), expected);
    assert!(checks.iter().all(|it| !it.status.is_empty() && it.id > 0));
}
