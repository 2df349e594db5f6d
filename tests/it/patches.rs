//! Patches that try to leave the repository: the gate names them, applying refuses them, and nothing is written anywhere.

use e2e::fingerprint;
use e2e::repository::Repository;
use repo::policy::{Policy, Violation};
use repo::{Patch, Source, Store};

use crate::samples::clamp;

/// A patch that makes a file with this path and mode.
fn creating(path: &str, mode: &str) -> String {
    format!(
        "diff --git a/{path} b/{path}\nnew file mode {mode}\nindex 0000000..1111111\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+owned\n"
    )
}

struct Opened {
    repository: Repository,
    _dir: tempfile::TempDir,
    store: Store,
    base: repo::TreeId,
}

fn opened() -> Opened {
    let repository = clamp();
    repository.commit("first").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let source = Source::open(&repository.path()).unwrap();
    let store = Store::create(&dir.path().join("store"), &source).unwrap();
    let base = source.resolve("HEAD").unwrap().tree;
    Opened { repository, _dir: dir, store, base }
}

#[test]
fn outside_the_repository() {
    let opened = opened();
    let around = opened.repository.path().parent().unwrap().to_owned();
    let before = fingerprint::of(&around).unwrap();
    for path in [
        "../escaped",
        "measure/../../escaped",
        "/tmp/escaped",
        ".git/hooks/pre-commit",
        "measure/.git/config",
        ".GIT/config",
        "a/./b",
    ] {
        // A reader may refuse the text outright; one that takes it must be stopped by the gate.
        let Ok(patch) = Patch::parse(creating(path, "100644").as_bytes()) else { continue };
        assert!(Policy::default().check_patch(&patch).iter().any(Violation::is_refusal), "{path} passes the gate");
        // A tree in our store does no harm by itself, but the gate must see it there too.
        if let Ok(tree) = opened.store.apply(opened.base, &patch) {
            let violations = Policy::default().check(&opened.store, opened.base, tree).unwrap();
            assert!(violations.iter().any(Violation::is_refusal), "{path} can be applied");
        }
    }
    assert_eq!(fingerprint::of(&around).unwrap(), before);
}

#[test]
fn modes_that_are_no_plain_file() {
    let opened = opened();
    for mode in ["120000", "160000"] {
        let Ok(patch) = Patch::parse(creating("measure/link", mode).as_bytes()) else { continue };
        let violations = Policy::default().check_patch(&patch);
        assert!(violations.iter().any(Violation::is_refusal), "mode {mode} passes the gate: {violations:?}");
    }
    let ordinary = Patch::parse(creating("measure/more.py", "100644").as_bytes()).unwrap();
    let violations = Policy::default().check_patch(&ordinary);
    assert!(!violations.iter().any(Violation::is_refusal), "{violations:?}");
    let tree = opened.store.apply(opened.base, &ordinary).unwrap();
    assert_eq!(Policy::default().check(&opened.store, opened.base, tree).unwrap(), []);
}

#[test]
fn what_decides_what_runs() {
    let opened = opened();
    for path in [".github/workflows/ci.yml", ".gitattributes", ".pre-commit-config.yaml", "CODEOWNERS"] {
        let patch = Patch::parse(creating(path, "100644").as_bytes()).unwrap();
        let tree = opened.store.apply(opened.base, &patch).unwrap();
        let violations = Policy::default().check(&opened.store, opened.base, tree).unwrap();
        assert!(violations.iter().any(Violation::is_refusal), "{path} passes the gate");
    }
}
