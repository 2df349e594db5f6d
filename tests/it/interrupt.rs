//! Ctrl-C in the middle of a search.

use e2e::engine;
use e2e::fingerprint;
use e2e::program::{Ended, Run};
use e2e::repository::Repository;
use regex::Regex;

use crate::samples::{fix_args, fix_args_in, hostile, issue};
use crate::{docker, patchwright};

/// A search that cannot succeed and would go on for the whole minute.
fn endless() -> Repository {
    let repository = hostile("pass");
    repository.commit("first").unwrap();
    repository
}

fn interrupt_during_search(run: Run) -> Ended {
    let searching = Regex::new(r"(?i)\b(search|searching|candidates?|nodes?)\b").unwrap();
    let mut running = run.start().unwrap();
    running.wait_for_line(|line| searching.is_match(line)).unwrap();
    running.interrupt().unwrap();
    running.finish().unwrap()
}

#[test]
fn leaves_nothing_behind() {
    let repository = endless();
    let before = fingerprint::of(&repository.path()).unwrap();
    let ended = interrupt_during_search(patchwright(fix_args(&repository.path(), &issue(&repository))));
    assert!(ended.seconds < 50.0, "the run went on\n{}", ended.transcript());
    ended.expect_code(130).unwrap().expect_said("interrupted").unwrap();
    assert_eq!(fingerprint::of(&repository.path()).unwrap(), before);
}

#[test]
fn while_a_test_hangs() {
    let repository = hostile("while True:\n    pass");
    let ended = interrupt_during_search(patchwright(fix_args(&repository.path(), &issue(&repository))));
    ended.expect_code(130).unwrap();
}

#[test]
fn leaves_no_container_behind() {
    if !docker() {
        return;
    }
    let repository = endless();
    let run = patchwright(fix_args_in("docker", 60, &repository.path(), &issue(&repository)));
    let ended = interrupt_during_search(run).expect_code(130).unwrap();
    assert_eq!(engine::containers_of(ended.pid).unwrap(), [] as [&str; 0], "{}", ended.transcript());
}
