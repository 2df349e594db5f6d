//! `fix` on repositories that can be fixed: what it returns is true, and the user's repository stays as it was.

use std::path::Path;

use e2e::demo::Demo;
use e2e::python::Tests;
use e2e::repository::{Repository, git};
use e2e::{demo, fingerprint};
use serde_json::Value;

use crate::samples::{CLAMP_FAILING, CLAMP_ISSUE, clamp, fix_args, fix_args_in, issue};
use crate::{docker, patchwright};

/// Applies a patch to a copy of the repository with git itself, and returns the tests that fail then.
fn failing_after(repository: &Repository, patch: &str, tests: Tests) -> Vec<String> {
    let copy = Repository::new().unwrap();
    e2e::repository::copy_tree(&repository.path(), &copy.path()).unwrap();
    let file = copy.beside("fix.patch", patch).unwrap();
    git(&copy.path(), &["apply", "--whitespace=nowarn", file.to_str().unwrap()]).unwrap();
    tests.failing(&copy.path()).unwrap()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
}

#[test]
fn json_has_its_schema_and_the_patch_is_true() {
    let repository = clamp();
    let commit = repository.commit("first").unwrap();
    assert_eq!(Tests::Unittest.failing(&repository.path()).unwrap(), CLAMP_FAILING);
    let before = fingerprint::of(&repository.path()).unwrap();

    let ended = patchwright(fix_args(&repository.path(), &issue(&repository))).args(["--json"]).run().unwrap();
    let ended = ended.expect_code(0).unwrap();
    assert_eq!(fingerprint::of(&repository.path()).unwrap(), before, "the user's repository changed");

    let object = ended.json().unwrap();
    assert_eq!(object["schema"], 1);
    assert_eq!(object["status"], "solved");
    assert_eq!(object["base"], commit.as_str());
    assert_eq!(object["tree"].as_str().unwrap().len(), 40);
    assert_eq!(strings(&object["fail_to_pass"]), CLAMP_FAILING);
    assert_eq!(object["pass_to_pass"].as_array().unwrap().len(), 2);
    assert!(object["evaluations"].as_u64().unwrap() >= 1);
    assert!(object["nodes"].as_u64().unwrap() >= 1);
    assert!(object["seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(object["usd"].as_f64(), Some(0.0));
    assert!(object["tokens"].is_object());
    assert!(object["job"].is_string());
    assert_eq!(failing_after(&repository, object["patch"].as_str().unwrap(), Tests::Unittest), [] as [&str; 0]);
}

#[test]
fn the_summary_is_for_people_and_the_diff_is_data() {
    let repository = clamp();
    let ended = patchwright(fix_args(&repository.path(), &issue(&repository))).run().unwrap().expect_code(0).unwrap();
    assert!(ended.stdout.contains("diff --git a/measure/limits.py b/measure/limits.py"), "{}", ended.transcript());
    assert!(!ended.stderr.contains('\u{1b}'), "colour or cursor movement in a pipe: {}", ended.transcript());
}

#[test]
fn out_writes_the_diff_to_a_file() {
    let repository = clamp();
    repository.commit("first").unwrap();
    let out = repository.path().with_file_name("fix.patch");
    let ended = patchwright(fix_args(&repository.path(), &issue(&repository)))
        .args(["--out", out.to_str().unwrap()])
        .run()
        .unwrap();
    ended.expect_code(0).unwrap();
    let patch = std::fs::read_to_string(&out).unwrap();
    assert_eq!(failing_after(&repository, &patch, Tests::Unittest), [] as [&str; 0]);
}

#[test]
fn a_folder_that_is_no_git_repository() {
    let repository = clamp();
    let before = fingerprint::of(&repository.path()).unwrap();
    let ended = patchwright(fix_args(&repository.path(), &issue(&repository))).args(["--json"]).run().unwrap();
    let object = ended.expect_code(0).unwrap().json().unwrap();
    assert_eq!(failing_after(&repository, object["patch"].as_str().unwrap(), Tests::Unittest), [] as [&str; 0]);
    assert_eq!(fingerprint::of(&repository.path()).unwrap(), before, "the user's folder changed");
}

#[test]
fn a_bare_repository_and_an_older_revision() {
    let repository = clamp();
    let first = repository.commit("first").unwrap();
    let patched = repository.path();
    repository.write("measure/limits.py", "").unwrap();
    repository.commit("second").unwrap();
    let bare = repository.bare().unwrap();
    let before = fingerprint::of(&bare).unwrap();
    let ended = patchwright(fix_args(&bare, &issue(&repository))).args(["--json", "--base", "main~1"]).run().unwrap();
    let object = ended.expect_code(0).unwrap().json().unwrap();
    assert_eq!(fingerprint::of(&bare).unwrap(), before, "the user's repository changed");
    assert_eq!(object["base"], first.as_str());
    git(&patched, &["checkout", "--quiet", &first]).unwrap();
    assert_eq!(failing_after(&repository, object["patch"].as_str().unwrap(), Tests::Unittest), [] as [&str; 0]);
}

#[test]
fn the_issue_is_read_from_standard_input() {
    let repository = clamp();
    let ended = patchwright(fix_args(&repository.path(), Path::new("-"))).stdin(CLAMP_ISSUE).run().unwrap();
    ended.expect_code(0).unwrap();
}

#[test]
fn uncommitted_changes_are_no_part_of_the_base() {
    let repository = clamp();
    repository.commit("first").unwrap();
    repository.write("measure/limits.py", "raise SystemExit('work in progress')\n").unwrap();
    let before = fingerprint::of(&repository.path()).unwrap();
    let ended = patchwright(fix_args(&repository.path(), &issue(&repository))).args(["--json"]).run().unwrap();
    let object = ended.expect_code(0).unwrap().json().unwrap();
    assert_eq!(fingerprint::of(&repository.path()).unwrap(), before, "the user's work in progress changed");
    git(&repository.path(), &["checkout", "--quiet", "measure/limits.py"]).unwrap();
    assert_eq!(failing_after(&repository, object["patch"].as_str().unwrap(), Tests::Unittest), [] as [&str; 0]);
}

#[test]
fn a_broken_file_beside_the_fault() {
    let repository = clamp();
    repository.write("measure/broken.py", "def clamp(value, low, high:\n    return ((\n").unwrap();
    repository.commit("first").unwrap();
    let ended = patchwright(fix_args(&repository.path(), &issue(&repository))).args(["--json"]).run().unwrap();
    let object = ended.expect_code(0).unwrap().json().unwrap();
    let patch = object["patch"].as_str().unwrap();
    assert!(!patch.contains("broken.py"), "{patch}");
    assert_eq!(failing_after(&repository, patch, Tests::Unittest), [] as [&str; 0]);
}

#[test]
fn line_ends_and_a_missing_last_newline_survive() {
    let repository = clamp();
    let file = repository.path().join("measure/limits.py");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.trim_end().replace('\n', "\r\n")).unwrap();
    repository.git(&["init", "--quiet", "--initial-branch=main"]).unwrap();
    repository.git(&["config", "core.autocrlf", "false"]).unwrap();
    repository.commit("first").unwrap();
    let ended = patchwright(fix_args(&repository.path(), &issue(&repository))).args(["--json"]).run().unwrap();
    let object = ended.expect_code(0).unwrap().json().unwrap();
    let patch = object["patch"].as_str().unwrap();
    let changed: Vec<&str> = patch
        .split('\n')
        .filter(|line| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---"))
        .collect();
    assert!(changed.len() <= 4, "more than the fault changed:\n{patch}");
    assert!(changed.iter().all(|line| line.ends_with('\r')), "line ends changed:\n{patch:?}");
    assert_eq!(failing_after(&repository, patch, Tests::Unittest), [] as [&str; 0]);
}

/// The journal's evaluations in order: which node, made from which, and the tree it stands for.
fn evaluations(job_dir: &Path) -> Vec<(String, String, String, String)> {
    let mut journals = Vec::new();
    find_journals(job_dir, &mut journals);
    assert_eq!(journals.len(), 1, "one job, one journal: {journals:?}");
    let text = std::fs::read_to_string(&journals[0]).unwrap();
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["event"] == "evaluated")
        .map(|event| {
            let field = |name: &str| event[name].to_string();
            (field("node"), field("parent"), field("tree"), field("template"))
        })
        .collect()
}

fn find_journals(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find_journals(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            found.push(path);
        }
    }
}

#[test]
fn the_same_seed_repeats_the_search() {
    let repository = clamp();
    repository.commit("first").unwrap();
    let issue = issue(&repository);
    let run = |name: &str| {
        let job_dir = repository.path().with_file_name(name);
        let ended = patchwright(fix_args(&repository.path(), &issue))
            .args(["--json", "--job-dir", job_dir.to_str().unwrap()])
            .run()
            .unwrap()
            .expect_code(0)
            .unwrap();
        (ended.json().unwrap()["patch"].clone(), evaluations(&job_dir))
    };
    let (patch, nodes) = run("job-a");
    let (again, nodes_again) = run("job-b");
    assert_eq!(patch, again);
    assert!(!nodes.is_empty());
    assert_eq!(nodes, nodes_again);
}

#[test]
fn a_test_command_decides_what_runs() {
    let repository = clamp();
    repository.write("checks/test_wrong.py", "raise RuntimeError('never imported')\n").unwrap();
    repository.commit("first").unwrap();
    let ended = patchwright(fix_args(&repository.path(), &issue(&repository)))
        .args(["--json", "--test", "python3 -m unittest tests.test_limits"])
        .run()
        .unwrap();
    let object = ended.expect_code(0).unwrap().json().unwrap();
    assert_eq!(failing_after(&repository, object["patch"].as_str().unwrap(), Tests::Unittest), [] as [&str; 0]);
}

#[test]
fn a_budget_of_no_candidates_is_reached() {
    let repository = clamp();
    let ended = patchwright(fix_args(&repository.path(), &issue(&repository)))
        .args(["--evaluations", "0", "--json"])
        .run()
        .unwrap();
    let object = ended.expect_code(5).unwrap().json().unwrap();
    assert_eq!(object["status"], "budget");
    assert_eq!(object["evaluations"], 0);
}

/// Fixes a demonstration as a repository of the user's, and judges the patch with tests outside the sandbox.
fn fixes(demo: &Demo, sandbox: &str) {
    if !demo.tests.available().unwrap() {
        return;
    }
    let repository = demo.copy().unwrap();
    repository.commit("first").unwrap();
    assert_eq!(demo.tests.failing(&repository.path()).unwrap(), demo.failing);
    let issue = repository.path().join("issue.md");
    let ended = patchwright(fix_args_in(sandbox, 120, &repository.path(), &issue)).args(["--json"]).run().unwrap();
    let object = ended.expect_code(0).unwrap().json().unwrap();
    assert_eq!(strings(&object["fail_to_pass"]), demo.failing);
    let patch = object["patch"].as_str().unwrap();
    assert_eq!(failing_after(&repository, patch, demo.tests), [] as [&str; 0], "{patch}");
}

#[test]
fn tasktide_in_a_process_sandbox() {
    fixes(demo::named("tasktide").unwrap(), "process");
}

#[test]
fn shelfmark_in_a_process_sandbox() {
    fixes(demo::named("shelfmark").unwrap(), "process");
}

#[test]
fn parcelrate_in_a_process_sandbox() {
    fixes(demo::named("parcelrate").unwrap(), "process");
}

#[test]
fn tasktide_in_docker() {
    if docker() {
        fixes(demo::named("tasktide").unwrap(), "docker");
    }
}

#[test]
fn parcelrate_in_docker() {
    if docker() {
        fixes(demo::named("parcelrate").unwrap(), "docker");
    }
}
