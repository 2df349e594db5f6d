//! What every store must do. Each case runs on a SQLite file of its own, and all of them on databases of one PostgreSQL server.

mod effects;
pub(super) mod intake;
mod money;
mod work;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use github::{InstallationId, RepositoryId};
use serde_json::json;

use super::*;

/// A store and the hand on its clock.
#[derive(Clone)]
pub(super) struct Bench {
    pub(super) store: Arc<dyn Store>,
    pub(super) shift: ClockShift,
}

type Case = fn(Bench) -> BoxFuture<'static, ()>;

macro_rules! cases {
    ($($module:ident::$name:ident,)*) => {
        fn all() -> Vec<(&'static str, Case)> {
            vec![$((stringify!($name), |bench| Box::pin($module::$name(bench)))),*]
        }

        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::on_sqlite(|bench| Box::pin(super::$module::$name(bench))).await;
            })*
        }
    };
}

cases! {
    intake::the_same_delivery_from_fifty_connections_is_one_row_and_one_job,
    intake::an_old_payload_under_a_new_id_finds_the_old_job,
    intake::a_second_wish_for_the_same_thing_joins_the_job_at_work,
    intake::any_wish_for_an_issue_joins_its_job_where_that_is_asked,
    intake::wishes_for_an_index_fall_together_while_the_job_waits,
    intake::a_redelivery_whose_job_failed_runs_it_again,
    intake::a_redelivery_whose_handling_failed_is_handled_again,
    intake::a_delivery_is_settled_once_and_whole,
    intake::hostile_text_is_kept_as_text,
    intake::bodies_are_forgotten_and_ids_are_not,
    work::many_workers_never_get_one_job_twice,
    work::limits_of_concurrency_are_exact,
    work::higher_priority_goes_first_and_not_before_is_kept,
    work::a_worker_takes_only_what_it_can_do,
    work::a_late_worker_can_write_nothing,
    work::a_job_that_loses_every_worker_fails,
    work::journals_are_read_from_anywhere_and_have_no_gaps,
    work::states_follow_the_table,
    work::jobs_are_cancelled_at_once_or_by_their_worker,
    work::jobs_are_paused_resumed_and_retried,
    work::a_parked_job_goes_on_by_itself,
    work::jobs_are_listed_by_what_is_asked,
    effects::effects_of_a_job_are_made_in_order,
    effects::an_installation_has_one_writer,
    effects::a_late_publisher_can_write_nothing,
    effects::the_last_effect_ends_the_job,
    effects::a_fatal_effect_fails_the_job_and_drops_the_rest,
    effects::only_the_newest_progress_is_made,
    effects::a_retried_effect_waits_for_its_time,
    effects::a_key_is_planned_once,
    effects::cancelling_drops_what_nobody_has_begun,
    money::caps_hold_with_many_workers,
    money::what_is_never_settled_counts,
    money::a_reply_is_paid_once,
    money::the_audit_log_only_grows,
    money::what_is_known_is_kept_and_renewed,
}

async fn on_sqlite(case: Case) {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions::default();
    let shift = options.shift.clone();
    let path = dir.path().join("store.db");
    let store = Arc::new(SqliteStore::open(&path, options.clone()).await.unwrap());
    case(Bench { store: store.clone(), shift }).await;
    store.close().await.unwrap();
    // A store that went through the case is still sound.
    SqliteStore::open(&path, options).await.unwrap().close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_does_all_of_it() {
    let Some(server) = super::postgres_tests::server("the conformance suite of the store") else { return };
    for (name, case) in all() {
        let options = StoreOptions::default();
        let shift = options.shift.clone();
        let store = Arc::new(PostgresStore::connect(&server.database(name), options).await.unwrap());
        println!("case {name}");
        case(Bench { store: store.clone(), shift }).await;
        store.close().await.unwrap();
    }
}

// What the cases have in common.

pub(super) const INSTALLATION: InstallationId = InstallationId(7);

pub(super) fn delivery(guid: &str) -> NewDelivery {
    NewDelivery {
        guid: guid.to_owned(),
        event: "issues".to_owned(),
        action: Some("labeled".to_owned()),
        installation: Some(INSTALLATION),
        repository: Some(RepositoryId(1)),
        body: format!("{{\"guid\":\"{guid}\"}}").into_bytes(),
    }
}

pub(super) fn new_job(repository: u64, issue: u64) -> NewJob {
    NewJob {
        installation: INSTALLATION,
        repository: RepositoryId(repository),
        issue,
        kind: JobKind::Fix,
        priority: 0,
        not_before: 0,
        request: Request { login: "ada".to_owned(), user: 5, text: json!({"title": "it breaks"}), options: json!({}) },
        base: None,
        budget: SpendCap { micro_usd: Some(2_000_000), ..SpendCap::default() },
    }
}

pub(super) fn wish(repository: u64, issue: u64, object: &str) -> NewWish {
    NewWish {
        key: WishKey {
            repository: RepositoryId(repository),
            issue,
            trigger: "comment".to_owned(),
            object: object.to_owned(),
            occurrence: String::new(),
        },
        overlap: Overlap::Trigger,
        job: new_job(repository, issue),
    }
}

pub(super) fn handled(wishes: Vec<NewWish>) -> Settled {
    Settled { wishes, ..Settled::plain(DeliveryState::Handled, None) }
}

pub(super) fn effect(key: &str, job: Option<JobId>) -> NewEffect {
    NewEffect {
        key: key.to_owned(),
        kind: "comment".to_owned(),
        payload: json!({"body": key}),
        installation: INSTALLATION,
        repository: RepositoryId(1),
        job,
        on_failure: OnFailure::GoOn,
        stacking: Stacking::Keep,
        not_before: 0,
    }
}

pub(super) fn outcome(state: JobState) -> Outcome {
    Outcome { state, summary: "so it went".to_owned(), detail: json!({"tree": "abc"}) }
}

pub(super) fn worker(name: &str) -> ClaimRequest {
    ClaimRequest { worker: name.to_owned(), kinds: JobKind::ALL.to_vec(), per_repository: 100, per_installation: 100 }
}

pub(super) fn fenced<T: std::fmt::Debug>(result: Result<T>) {
    assert!(matches!(result, Err(StoreError::Fenced { .. })), "{result:?}");
}

pub(super) fn refused<T: std::fmt::Debug>(result: Result<T>) {
    assert!(matches!(result, Err(StoreError::Transition { .. })), "{result:?}");
}

impl Bench {
    /// Makes jobs for issues 1 to `count` of a repository.
    pub(super) async fn jobs(&self, repository: u64, count: u64) -> Vec<JobId> {
        let mut ids = Vec::new();
        for issue in 1..=count {
            let wished = self.store.wish(wish(repository, issue, &format!("c{issue}")), vec![]).await.unwrap();
            ids.push(wished.job());
        }
        ids
    }

    pub(super) async fn claim(&self) -> Claim {
        self.store.claim(&worker("w1")).await.unwrap().expect("a job to claim")
    }

    pub(super) async fn state(&self, id: JobId) -> JobState {
        self.store.job(id).await.unwrap().unwrap().state
    }

    /// Lets every lease run out.
    pub(super) fn leases_run_out(&self) {
        self.shift.advance(Duration::from_secs(3600));
    }
}
