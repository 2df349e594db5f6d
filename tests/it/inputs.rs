//! Input that cannot be worked with: each ends in a message that names it, with the code for its kind.

use e2e::fingerprint;
use e2e::repository::Repository;

use crate::patchwright;
use crate::samples::{CLAMP_ISSUE, clamp, fix_args, fix_args_in, healthy, issue};

const USAGE: i32 = 2;

#[test]
fn no_such_repository() {
    let dir = tempfile::tempdir().unwrap();
    let issue = dir.path().join("issue.md");
    std::fs::write(&issue, CLAMP_ISSUE).unwrap();
    let missing = dir.path().join("nowhere");
    let fix = patchwright(fix_args(&missing, &issue)).run().unwrap();
    fix.expect_code(USAGE).unwrap().expect_said("nowhere").unwrap();
    let localize = patchwright(["localize", "--repo", missing.to_str().unwrap(), "--issue", issue.to_str().unwrap()]);
    localize.run().unwrap().expect_code(USAGE).unwrap().expect_said("nowhere").unwrap();
}

#[test]
fn a_file_is_no_repository() {
    let dir = tempfile::tempdir().unwrap();
    let issue = dir.path().join("issue.md");
    std::fs::write(&issue, CLAMP_ISSUE).unwrap();
    let ended = patchwright(fix_args(&issue, &issue)).run().unwrap();
    ended.expect_code(USAGE).unwrap().expect_said("issue.md").unwrap();
}

#[test]
fn no_such_revision() {
    let repository = clamp();
    repository.commit("first").unwrap();
    let issue = issue(&repository);
    for revision in ["no-such-branch", "HEAD~7", "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"] {
        let ended = patchwright(fix_args(&repository.path(), &issue)).args(["--base", revision]).run().unwrap();
        ended.expect_code(USAGE).unwrap().expect_said(revision).unwrap();
    }
}

#[test]
fn a_repository_without_a_commit() {
    let repository = clamp();
    repository.git(&["init", "--quiet"]).unwrap();
    let ended = patchwright(fix_args(&repository.path(), &issue(&repository))).run().unwrap();
    ended.expect_code(USAGE).unwrap().expect_said("commit").unwrap();
}

#[test]
fn no_such_issue_file() {
    let repository = clamp();
    let missing = repository.path().with_file_name("missing-issue.md");
    let ended = patchwright(fix_args(&repository.path(), &missing)).run().unwrap();
    ended.expect_code(USAGE).unwrap().expect_said("missing-issue.md").unwrap();
}

#[test]
fn an_empty_issue() {
    let repository = clamp();
    for text in ["", " \n\t\n"] {
        let empty = repository.beside("empty.md", text).unwrap();
        let ended = patchwright(fix_args(&repository.path(), &empty)).run().unwrap();
        ended.expect_code(USAGE).unwrap().expect_said("empty").unwrap();
    }
    let repo = repository.path();
    let ended = patchwright(["localize", "--issue", "-", "--repo", repo.to_str().unwrap()]).stdin("").run().unwrap();
    ended.expect_code(USAGE).unwrap().expect_said("empty").unwrap();
}

#[test]
fn arguments_that_make_no_sense() {
    for args in [&["fix"][..], &["fix", "--sandbox", "cellar"], &["mend"], &["localize", "--repo"]] {
        patchwright(args).run().unwrap().expect_code(USAGE).unwrap().expect_said("--help").unwrap();
    }
}

#[test]
fn a_repository_with_no_tests() {
    let repository = Repository::with(&[("measure/__init__.py", ""), ("measure/limits.py", "LOW = 0\n")]).unwrap();
    repository.commit("first").unwrap();
    let before = fingerprint::of(&repository.path()).unwrap();
    let ended = patchwright(fix_args(&repository.path(), &issue(&repository))).run().unwrap();
    ended.expect_code(USAGE).unwrap().expect_said("--test").unwrap();
    assert_eq!(fingerprint::of(&repository.path()).unwrap(), before);
}

#[test]
fn a_repository_whose_tests_all_pass() {
    let repository = healthy();
    repository.commit("first").unwrap();
    let ended = patchwright(fix_args(&repository.path(), &issue(&repository))).args(["--json"]).run().unwrap();
    let ended = ended.expect_code(1).unwrap().expect_said("pass").unwrap();
    let object = ended.json().unwrap();
    assert_eq!(object["status"], "no_fix");
    assert_eq!(object["patch"], "");
}

#[test]
fn a_test_that_does_not_exist() {
    let repository = clamp();
    let ended = patchwright(fix_args(&repository.path(), &issue(&repository)))
        .args(["--fail-to-pass", "tests.test_limits.ClampTest.test_invented"])
        .run()
        .unwrap();
    ended.expect_code(USAGE).unwrap().expect_said("test_invented").unwrap();
}

#[test]
fn docker_that_does_not_run() {
    let repository = clamp();
    let ended = patchwright(fix_args_in("docker", 60, &repository.path(), &issue(&repository)))
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .run()
        .unwrap();
    ended.expect_code(6).unwrap().expect_said("docker").unwrap();
}

#[test]
fn an_output_file_that_cannot_be_written() {
    let repository = clamp();
    let out = repository.path().with_file_name("no-such-folder").join("fix.patch");
    let ended = patchwright(fix_args(&repository.path(), &issue(&repository)))
        .args(["--out", out.to_str().unwrap()])
        .run()
        .unwrap();
    ended.expect_code(USAGE).unwrap().expect_said("no-such-folder").unwrap();
}
