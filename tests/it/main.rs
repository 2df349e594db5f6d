//! The one integration binary: the program as a person meets it, and the rules that hold between the crates.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says why by panicking")]

mod demos;
mod engine_faults;
mod engine_wire;
mod environments;
mod fixing;
mod hostile;
mod hub_auth;
mod hub_by_hand;
mod hub_client;
mod hub_faults;
mod hub_operations;
mod hub_webhooks;
mod indexing;
mod inputs;
mod interrupt;
mod keeping;
mod layering;
mod leftovers;
mod localizing;
mod patches;
mod samples;
mod serving;
mod verbs;

use std::ffi::OsStr;
use std::sync::OnceLock;
use std::time::Duration;

use e2e::engine;
use e2e::program::Run;

/// A run of the program with these arguments.
fn patchwright<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Run {
    Run::new(env!("CARGO_BIN_EXE_e2e-reaper"), args).unwrap()
}

/// Tells whether Docker sandboxes can be used here, after preparing their base image once, which may take minutes on a new machine.
fn docker() -> bool {
    static READY: OnceLock<bool> = OnceLock::new();
    *READY.get_or_init(|| {
        let answers = engine::available().unwrap();
        if answers {
            let doctor = patchwright(["doctor", "--fix"]).deadline(Duration::from_secs(1200));
            doctor.run().unwrap().expect_code(0).unwrap();
        }
        answers
    })
}

#[test]
fn the_reaper_tells_what_outlives_a_command() {
    let dir = tempfile::tempdir().unwrap();
    let reap = |script: &str| {
        let report = dir.path().join("left");
        let status = std::process::Command::new(env!("CARGO_BIN_EXE_e2e-reaper"))
            .arg(&report)
            .args(["sh", "-c", script])
            .stdin(std::process::Stdio::null())
            .status()
            .unwrap();
        let report = std::fs::read_to_string(report).unwrap();
        let (pid, left) = report.split_once('\n').unwrap();
        pid.parse::<u32>().unwrap();
        (status.code(), left.to_owned())
    };
    assert_eq!(reap("exit 7"), (Some(7), String::new()));
    assert_eq!(reap("true & exit 0"), (Some(0), String::new()));
    assert_eq!(reap("kill -9 $$"), (Some(137), String::new()));
    let (code, left) = reap("setsid sh -c 'exec tail -f /dev/null' >/dev/null 2>&1 & exit 0");
    assert_eq!(code, Some(0));
    assert!(left.contains("tail -f /dev/null"), "{left:?}");
}
