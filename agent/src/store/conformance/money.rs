//! The ledger, replies, the audit log, and what is known of GitHub.

use super::*;

fn usd(micro_usd: u64) -> Spend {
    Spend { micro_usd, ..Spend::default() }
}

fn cap(scope: Scope, micro_usd: u64) -> Cap {
    Cap { scope, since: 0, cap: SpendCap { micro_usd: Some(micro_usd), ..SpendCap::default() } }
}

/// Four workers spend until they are stopped; each call costs three times what was set aside for it.
pub(super) async fn caps_hold_with_many_workers(bench: Bench) {
    bench.jobs(1, 4).await;
    let caps = [cap(Scope::Repository(RepositoryId(1)), 1000), cap(Scope::Installation(INSTALLATION), 5000)];
    let workers: Vec<_> = (0..4)
        .map(|number| {
            let bench = bench.clone();
            tokio::spawn(async move {
                let claim = bench.store.claim(&worker(&format!("w{number}"))).await.unwrap().unwrap();
                loop {
                    match bench.store.reserve(&claim.lease, usd(10), &caps).await.unwrap() {
                        Reserved::Yes(id) => bench.store.settle_spend(id, usd(30)).await.unwrap(),
                        Reserved::CapReached { cap, .. } => return cap,
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        assert_eq!(worker.await.unwrap().scope, Scope::Repository(RepositoryId(1)));
    }
    let spent = bench.store.totals(Scope::Everything, 0).await.unwrap().micro_usd;
    assert!((971..=1000 + 4 * 30).contains(&spent), "{spent}");
}

pub(super) async fn what_is_never_settled_counts(bench: Bench) {
    let id = bench.jobs(1, 1).await[0];
    let lease = bench.claim().await.lease;
    let caps = [cap(Scope::Job(id), 100)];
    assert!(matches!(bench.store.reserve(&lease, usd(60), &caps).await.unwrap(), Reserved::Yes(_)));
    let refused = bench.store.reserve(&lease, usd(41), &caps).await.unwrap();
    assert_eq!(refused, Reserved::CapReached { cap: caps[0], spent: usd(60) });
    let Reserved::Yes(second) = bench.store.reserve(&lease, usd(40), &caps).await.unwrap() else { panic!() };
    // What is settled twice counts once.
    bench.store.settle_spend(second, usd(10)).await.unwrap();
    bench.store.settle_spend(second, usd(90)).await.unwrap();
    assert_eq!(bench.store.totals(Scope::Job(id), 0).await.unwrap(), usd(70));
    // A price that is unknown is stopped by tokens, and by a cap that was reached.
    let tokens = Cap { cap: SpendCap { tokens: Some(500), ..SpendCap::default() }, ..caps[0] };
    let free = Spend { tokens: 400, ..Spend::default() };
    assert!(matches!(bench.store.reserve(&lease, free, &[tokens]).await.unwrap(), Reserved::Yes(_)));
    assert!(matches!(bench.store.reserve(&lease, free, &[tokens]).await.unwrap(), Reserved::CapReached { .. }));
    let reached = [cap(Scope::Job(id), 70)];
    assert!(matches!(bench.store.reserve(&lease, usd(0), &reached).await.unwrap(), Reserved::CapReached { .. }));
    // What is older than the cap's beginning is not counted.
    let later = bench.store.now().await.unwrap() + 1000;
    let since = [Cap { since: later, ..reached[0] }];
    assert!(matches!(bench.store.reserve(&lease, usd(70), &since).await.unwrap(), Reserved::Yes(_)));
}

pub(super) async fn a_reply_is_paid_once(bench: Bench) {
    let id = bench.jobs(1, 1).await[0];
    let lease = bench.claim().await.lease;
    let Reserved::Yes(first) = bench.store.reserve(&lease, usd(50), &[]).await.unwrap() else { panic!() };
    let call = ModelCall { request: "h1".to_owned(), reply: json!({"text": "patch"}), usage: usd(20) };
    bench.store.save_model_call(&lease, call.clone(), Some(first)).await.unwrap();
    assert_eq!(bench.store.model_call(id, "h1").await.unwrap(), Some(call.clone()));
    assert_eq!(bench.store.model_call(id, "h2").await.unwrap(), None);
    assert_eq!(bench.store.totals(Scope::Job(id), 0).await.unwrap(), usd(20));
    let other = ModelCall { reply: json!("another"), ..call.clone() };
    bench.store.save_model_call(&lease, other, Some(first)).await.unwrap();
    assert_eq!(bench.store.model_call(id, "h1").await.unwrap(), Some(call), "the first reply stays");
}

pub(super) async fn the_audit_log_only_grows(bench: Bench) {
    let job = bench.jobs(1, 1).await[0];
    for number in 0..3 {
        let line = AuditLine { job: (number == 1).then_some(job), ..super::intake::line(&format!("a{number}")) };
        bench.store.audit(line).await.unwrap();
    }
    let all = AuditFilter { job: None, repository: None, after: 0, limit: 10 };
    let lines = bench.store.audit_lines(&all).await.unwrap();
    assert_eq!(lines.iter().map(|entry| entry.line.action.as_str()).collect::<Vec<_>>(), ["a0", "a1", "a2"]);
    let rest = bench.store.audit_lines(&AuditFilter { after: lines[1].seq, ..all }).await.unwrap();
    assert_eq!(rest, lines[2..]);
    assert_eq!(bench.store.audit_lines(&AuditFilter { job: Some(job), ..all }).await.unwrap(), lines[1..2]);
    let elsewhere = AuditFilter { repository: Some(RepositoryId(9)), ..all };
    assert_eq!(bench.store.audit_lines(&elsewhere).await.unwrap(), []);
}

pub(super) async fn what_is_known_is_kept_and_renewed(bench: Bench) {
    let store = &bench.store;
    let job = bench.jobs(1, 1).await[0];
    let (id, now) = (RepositoryId(1), store.now().await.unwrap());
    let text = |text: &str| text.to_owned();
    let pull = Pull {
        repository: id,
        number: 4,
        issue: 1,
        job,
        branch: text("patchwright/1"),
        head: text("a"),
        state: PullState::Open,
    };
    store.record_pull(pull.clone()).await.unwrap();
    store.record_pull(Pull { head: text("b"), ..pull.clone() }).await.unwrap();
    assert_eq!(store.pulls_in(PullState::Open).await.unwrap()[0].head, "b");
    assert!(store.record_outcome(id, 4, PullState::Merged).await.unwrap());
    assert!(!store.record_outcome(id, 5, PullState::Merged).await.unwrap());
    assert_eq!(store.pull(id, 4).await.unwrap().unwrap().state, PullState::Merged);
    assert_eq!(store.pulls_of_issue(id, 1).await.unwrap().len(), 1);
    assert_eq!(store.pulls_in(PullState::Open).await.unwrap(), []);

    for comment in [10, 11] {
        let it = Comment { repository: id, issue: 1, purpose: text("progress"), comment, job: Some(job) };
        store.record_comment(it).await.unwrap();
    }
    assert_eq!(store.comment(id, 1, "progress").await.unwrap().unwrap().comment, 11);
    assert_eq!(store.comment(id, 1, "diagnosis").await.unwrap(), None);

    let repository = Repository {
        id,
        installation: INSTALLATION,
        full_name: text("ada/engine"),
        default_branch: text("main"),
        private: true,
        archived: false,
        disabled: false,
        settings: Some((text("[fix]"), text("abc"))),
        updated_at: 0,
    };
    store.record_repository(repository.clone()).await.unwrap();
    store.record_repository(Repository { full_name: text("ada/motor"), ..repository.clone() }).await.unwrap();
    assert_eq!(store.repository(id).await.unwrap().unwrap().full_name, "ada/motor");
    assert_eq!(store.repositories(Some(INSTALLATION)).await.unwrap().len(), 1);
    assert_eq!(store.repositories(Some(InstallationId(99))).await.unwrap(), []);
    let account = |account: &str| Installation {
        id: INSTALLATION,
        account: text(account),
        suspended: false,
        permissions: json!({"contents": "write"}),
        updated_at: 0,
    };
    store.record_installation(account("ada")).await.unwrap();
    assert_eq!(store.installation(INSTALLATION).await.unwrap().unwrap().account, "ada");
    assert_eq!(store.installations().await.unwrap().len(), 1);

    let permission = Permission { repository: id, user: 5, level: text("write"), asked_at: now };
    store.record_permission(permission.clone()).await.unwrap();
    assert_eq!(store.permission(id, 5, now - 1).await.unwrap(), Some(permission.clone()));
    assert_eq!(store.permission(id, 5, now).await.unwrap(), None, "it is too old");
    store.forget_permissions(Some(RepositoryId(2))).await.unwrap();
    assert!(store.permission(id, 5, 0).await.unwrap().is_some());
    store.forget_permissions(None).await.unwrap();
    assert_eq!(store.permission(id, 5, 0).await.unwrap(), None);

    assert_eq!(store.cursor("sweep").await.unwrap(), None);
    store.set_cursor("sweep", "v1").await.unwrap();
    store.set_cursor("sweep", "v2").await.unwrap();
    assert_eq!(store.cursor("sweep").await.unwrap().as_deref(), Some("v2"));
}
