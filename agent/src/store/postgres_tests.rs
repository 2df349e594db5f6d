//! What PostgreSQL alone must show: the server of the tests, many processes, versions, and an outage.

use super::conformance::{new_job, wish, worker};
use super::*;

// One file starts PostgreSQL for this crate's tests and for the end-to-end ones.
#[path = "../../../tests/src/postgres.rs"]
#[expect(clippy::disallowed_methods, unreachable_pub, reason = "the end-to-end tests' own rules hold in it")]
mod own_server;

/// Starts a server, or says that `what` is left out.
pub(super) fn server(what: &str) -> Option<own_server::Postgres> {
    own_server::Postgres::start(what)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_a_database_and_none_trusts_a_newer_one() {
    let Some(server) = server("PostgreSQL's own tests of the store") else { return };
    let url = server.database("shared");
    let open = || PostgresStore::connect(&url, StoreOptions::default());
    // Several processes may start at once on an empty database.
    let (first, second) = tokio::join!(open(), open());
    let (first, second) = (first.unwrap(), second.unwrap());
    let job = first.wish(wish(1, 1, "c1"), vec![]).await.unwrap().job();
    let claim = second.claim(&worker("elsewhere")).await.unwrap().unwrap();
    assert_eq!((claim.job.id, claim.job.spec.clone()), (job, new_job(1, 1)));
    assert!(first.claim(&worker("here")).await.unwrap().is_none());
    // Another start voids nobody's lease.
    let third = open().await.unwrap();
    second.heartbeat(&claim.lease).await.unwrap();
    assert!(matches!(third.backup(std::path::Path::new("/nowhere")).await, Err(StoreError::Unsupported(_))));

    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99, 'x', true, '', 0)";
    sqlx::query(newer).execute(third.engine().pool()).await.unwrap();
    let refused = open().await.err().unwrap();
    assert!(matches!(refused, StoreError::Newer { found: 99, known: 2 }), "{refused}");

    for statement in
        ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit", "TRUNCATE audit", "UPDATE events SET body = ''"]
    {
        first.audit(super::conformance::intake::line("a")).await.unwrap();
        second.append(&claim.lease, &["{}".to_owned()]).await.unwrap();
        let error = sqlx::query(statement).execute(third.engine().pool()).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{statement}: {error}");
    }
    drop(server);
    let gone = first.accept(super::conformance::delivery("g")).await.unwrap_err();
    assert!(gone.is_temporary(), "{gone}");
    for store in [&first, &second, &third] {
        store.close().await.unwrap();
    }
    assert!(matches!(first.counts().await, Err(StoreError::Closed)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_of_earlier_versions_is_kept() {
    let Some(server) = server("migrations of PostgreSQL") else { return };
    let url = server.database("old");
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    schema::migrator(schema::Dialect::Postgres, 1).run(&pool).await.unwrap();
    sqlx::raw_sql(super::sqlite_tests::VERSION_1).execute(&pool).await.unwrap();
    pool.close().await;
    let store = PostgresStore::connect(&url, StoreOptions::default()).await.unwrap();
    super::sqlite_tests::version_1_is_all_there(&store).await;
    store.close().await.unwrap();
}
