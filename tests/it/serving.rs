//! The daemon as an operator meets it: what it refuses to start with, what it keeps, and that a kill loses nothing.

use std::path::Path;
use std::time::Duration;

use e2e::hub::signed_headers;
use e2e::postgres::Postgres;
use e2e::program::{Run, Running};

use crate::hub_by_hand::client;
use crate::patchwright;

const SECRET: &str = "a secret for tests";
const BODY: &str = r#"{"action":"labeled","installation":{"id":7},"repository":{"id":9}}"#;

/// A daemon's settings: a state folder of its own and ports that the system chooses.
fn serve(state: &Path) -> Run {
    let run = patchwright(["serve"]).env("PATCHWRIGHT_SERVER__STATE_DIR", state);
    let run =
        run.env("PATCHWRIGHT_SERVER__LISTEN", "127.0.0.1:0").env("PATCHWRIGHT_SERVER__ADMIN_LISTEN", "127.0.0.1:0");
    run.env("PATCHWRIGHT_GITHUB__PRIVATE_KEY", "unused here").env("PATCHWRIGHT_GITHUB__WEBHOOK_SECRET", SECRET)
}

/// Waits for the addresses that a daemon says it listens on: of webhooks, and of health and metrics.
fn addresses(daemon: &mut Running) -> (String, String) {
    let mut address = |words: &str| {
        let line = daemon.wait_for_line(|line| line.contains(words)).unwrap();
        line.rsplit(' ').next().unwrap().trim().to_owned()
    };
    (address("webhooks at http://"), address("health and metrics at http://"))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), future).await.unwrap() })
}

fn deliver(webhook: &str, guid: &str, secret: &str) -> u16 {
    let mut request = client().post(webhook).body(BODY);
    for (name, value) in signed_headers(secret, 1, guid, "issues", BODY.as_bytes()) {
        request = request.header(name, value);
    }
    block_on(async { request.send().await.unwrap().status().as_u16() })
}

fn get(url: &str) -> (u16, String) {
    block_on(async {
        let answer = client().get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    })
}

#[test]
fn a_delivery_survives_a_kill_and_is_known_again() {
    let state = tempfile::tempdir().unwrap();
    let mut first = serve(state.path()).start().unwrap();
    let (webhook, admin) = addresses(&mut first);
    assert_eq!(get(&format!("{admin}/readyz")), (200, "ready\n".to_owned()));
    assert_eq!(deliver(&webhook, "g-1", SECRET), 202);
    assert_eq!(deliver(&webhook, "g-1", SECRET), 200);
    assert_eq!(deliver(&webhook, "g-2", "another secret"), 401);
    let (status, figures) = get(&format!("{admin}/metrics"));
    assert_eq!(status, 200);
    for line in [
        "patchwright_deliveries_pending 1",
        "patchwright_deliveries_total{result=\"stored\"} 1",
        "patchwright_deliveries_refused_total{reason=\"signature\"} 1",
        "patchwright_jobs{state=\"queued\"} 0",
    ] {
        assert!(figures.contains(line), "`{line}` is not in\n{figures}");
    }
    first.kill_program().unwrap();
    first.finish().unwrap();

    let mut second = serve(state.path()).start().unwrap();
    let (webhook, _) = addresses(&mut second);
    assert_eq!(deliver(&webhook, "g-1", SECRET), 200, "what was acknowledged is on disk");
    let listed = patchwright(["jobs", "ls", "--json"]).env("PATCHWRIGHT_SERVER__STATE_DIR", state.path());
    let listed = listed.run().unwrap().expect_code(0).unwrap().json().unwrap();
    assert_eq!(listed, serde_json::json!({"schema": 1, "jobs": []}));
    second.interrupt().unwrap();
    second.finish().unwrap().expect_code(0).unwrap();
}

#[test]
fn one_state_folder_has_one_daemon() {
    let state = tempfile::tempdir().unwrap();
    let mut first = serve(state.path()).start().unwrap();
    addresses(&mut first);
    let second = serve(state.path()).run().unwrap().expect_code(2).unwrap();
    second.expect_said("is in use by process").unwrap();
    first.interrupt().unwrap();
    first.finish().unwrap().expect_code(0).unwrap();
}

#[test]
fn nothing_starts_without_a_secret_or_with_a_setting_that_is_none() {
    let state = tempfile::tempdir().unwrap();
    let open = serve(state.path()).env("PATCHWRIGHT_GITHUB__WEBHOOK_SECRET", " ").run().unwrap();
    open.expect_code(78).unwrap().expect_said("PATCHWRIGHT_GITHUB__WEBHOOK_SECRET is empty").unwrap();
    let file = state.path().join("patchwright.toml");
    std::fs::write(&file, "[server]\nlisten = '127.0.0.1:0'\n\n[limits]\njob = 3\n").unwrap();
    let wrong = serve(state.path()).args([Path::new("--config"), &file]).run().unwrap();
    let wrong = wrong.expect_code(2).unwrap();
    wrong.expect_said("patchwright.toml:5: unknown setting `limits.job`; did you mean `jobs`?").unwrap();
    let link = state.path().join("link");
    std::os::unix::fs::symlink(state.path(), &link).unwrap();
    serve(&link).run().unwrap().expect_code(78).unwrap().expect_said("is a symbolic link").unwrap();
}

#[test]
fn a_database_server_keeps_deliveries_as_well() {
    let Some(server) = Postgres::start("a daemon on PostgreSQL") else { return };
    let url = server.database("daemon");
    let state = tempfile::tempdir().unwrap();
    let mut daemon = serve(state.path()).env("PATCHWRIGHT_STORE__URL", &url).start().unwrap();
    let (webhook, admin) = addresses(&mut daemon);
    assert_eq!(deliver(&webhook, "g-1", SECRET), 202);
    assert_eq!(deliver(&webhook, "g-1", SECRET), 200);
    assert!(get(&format!("{admin}/metrics")).1.contains("patchwright_deliveries_pending 1"));
    let listed = patchwright(["jobs", "ls"]).env("PATCHWRIGHT_STORE__URL", &url);
    assert_eq!(listed.run().unwrap().expect_code(0).unwrap().stdout, "");
    daemon.interrupt().unwrap();
    daemon.finish().unwrap().expect_code(0).unwrap();
}

#[test]
fn settings_can_be_shown_checked_and_described() {
    let reference = patchwright(["config", "show", "--reference"]).run().unwrap().expect_code(0).unwrap();
    assert!(reference.stdout.contains("# Where the daemon listens."));
    let shown = patchwright(["config", "show"]).env("PATCHWRIGHT_LIMITS__JOBS", "7").run().unwrap();
    assert!(shown.expect_code(0).unwrap().stdout.contains("jobs = 7\n"));
    let schema = patchwright(["config", "schema"]).run().unwrap().expect_code(0).unwrap().json().unwrap();
    assert_eq!(schema["properties"]["limits"]["$ref"], "#/$defs/Limits");
    let state = tempfile::tempdir().unwrap();
    let secret = state.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let check = patchwright(["config", "check"]).env("PATCHWRIGHT_GITHUB__PRIVATE_KEY", "unused here");
    let check = check.env("PATCHWRIGHT_GITHUB__WEBHOOK_SECRET_FILE", &secret).run().unwrap().expect_code(0).unwrap();
    check.expect_said("others can read").unwrap();
}
