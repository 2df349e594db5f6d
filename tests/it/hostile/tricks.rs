//! Repositories that are laid out to make git, or a careless reader, run or follow something. Nothing of it happens on this machine, and the
//! fault in the same repository is mended all the same.

use std::path::Path;
use std::process::{Command, Stdio};

use e2e::fingerprint;
use e2e::program::Ended;
use e2e::repository::{Repository, git};

use crate::samples::{CLAMP_FAILING, clamp, fix_args_in, issue};
use crate::{docker, patchwright};

/// A program that leaves a mark where it was run, and the mark.
struct Trap {
    folder: tempfile::TempDir,
}

impl Trap {
    fn new() -> Trap {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("#!/bin/sh\necho \"$0 $*\" >> {0}/sprung\ncat\n", folder.path().display());
        let trap = Trap { folder };
        std::fs::write(trap.program(), script).unwrap();
        make_executable(&trap.program());
        trap
    }

    fn program(&self) -> std::path::PathBuf {
        self.folder.path().join("trap")
    }

    fn command(&self) -> String {
        self.program().display().to_string()
    }

    fn sprung(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("sprung")).unwrap_or_default()
    }
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn fix(sandbox: &str, repository: &Repository) -> Ended {
    let before = fingerprint::of(&repository.path()).unwrap();
    let targets = CLAMP_FAILING.iter().flat_map(|id| ["--fail-to-pass", id]);
    let fix = patchwright(fix_args_in(sandbox, 60, &repository.path(), &issue(repository)));
    let ended = fix.args(targets).args(["--json", "--no-cache"]).run().unwrap();
    assert!(!ended.stderr.contains("panicked"), "{}", ended.transcript());
    assert_eq!(fingerprint::of(&repository.path()).unwrap(), before, "the user's repository changed");
    ended
}

/// The fix is found in boxes of both kinds.
fn mended(repository: &Repository) {
    for sandbox in ["process", "docker"].iter().filter(|name| **name == "process" || docker()) {
        let ended = fix(sandbox, repository).expect_code(0).unwrap();
        let object = ended.json().unwrap();
        assert!(object["patch"].as_str().unwrap().contains("+    if value > high:"), "{}", ended.transcript());
    }
}

/// Number 38 of the checklist: everything by which a repository's own settings and attributes can name a program.
#[test]
fn settings_and_attributes_run_nothing() {
    let trap = Trap::new();
    let repository = clamp();
    repository.commit("first").unwrap();
    for (path, text) in [
        (".gitattributes", "*.py filter=trap diff=trap merge=trap\n*.bin filter=lfs diff=lfs merge=lfs -text\n"),
        ("big.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5000000000\n"),
        (
            ".gitmodules",
            "[submodule \"a\"]\n\tpath = a\n\turl = ext::sh -c touch% /tmp/x\n[submodule \"b\"]\n\tpath = ../b\n\turl = -u./x\n\
            [submodule \"c\"]\n\tpath = c\n\turl = file:///etc\n",
        ),
        (".lfsconfig", "[lfs]\n\turl = https://example.invalid/\n"),
    ] {
        repository.write(path, text).unwrap();
    }
    repository.commit("attributes").unwrap();
    let dir = repository.path();
    let command = trap.command();
    for name in [
        "filter.trap.clean",
        "filter.trap.smudge",
        "filter.trap.process",
        "filter.lfs.smudge",
        "filter.lfs.process",
        "diff.trap.textconv",
        "diff.trap.command",
        "diff.external",
        "merge.trap.driver",
        "core.fsmonitor",
        "core.sshCommand",
        "core.askPass",
        "core.pager",
        "core.editor",
        "core.gitProxy",
        "credential.helper",
        "gpg.program",
        "alias.log",
        "uploadpack.packObjectsHook",
        "protocol.ext.allow",
    ] {
        git(&dir, &["config", name, &command]).unwrap();
    }
    git(&dir, &["config", "include.path", "../.gitmodules"]).unwrap();
    for hook in [
        "post-checkout",
        "reference-transaction",
        "pre-commit",
        "post-index-change",
        "fsmonitor-watchman",
        "pre-auto-gc",
    ] {
        let path = dir.join(".git/hooks").join(hook);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(trap.program(), &path).unwrap();
        make_executable(&path);
    }
    mended(&repository);
    assert_eq!(trap.sprung(), "");
    // The traps are real: git itself runs into them.
    let status = Command::new("git")
        .args(["-c", "safe.directory=*", "status"])
        .current_dir(&dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.unwrap();
    assert_ne!(trap.sprung(), "");
}

/// Number 39: repositories inside the repository, with settings of their own.
#[test]
fn repositories_inside_run_nothing() {
    let trap = Trap::new();
    let repository = clamp();
    let inner = Repository::with(&[("file", "text\n")]).unwrap();
    inner.commit("inner").unwrap();
    let bare = inner.bare().unwrap();
    git(&bare, &["config", "core.fsmonitor", &trap.command()]).unwrap();
    git(&bare, &["config", "core.bare", "false"]).unwrap();
    git(&bare, &["config", "core.worktree", "."]).unwrap();
    for name in ["HEAD", "config"] {
        repository.write(&format!("embedded/{name}"), std::fs::read(bare.join(name)).unwrap()).unwrap();
    }
    for folder in ["objects", "refs"] {
        repository.write(&format!("embedded/{folder}/keep"), "").unwrap();
    }
    repository.commit("first").unwrap();
    repository.write("elsewhere/.git", format!("gitdir: {}\n", bare.display())).unwrap();
    mended(&repository);
    assert_eq!(trap.sprung(), "");
}

/// Number 40: what tests write into a `.git` of their own is not read by anybody.
#[test]
fn a_git_folder_made_by_tests_runs_nothing() {
    let trap = Trap::new();
    let repository = clamp();
    let code = format!(
        "import os, unittest\n\n\nclass ZTest(unittest.TestCase):\n    def test_z(self):\n        os.makedirs('.git/hooks', exist_ok=True)\n        \
         os.makedirs('.git/objects', exist_ok=True)\n        os.makedirs('.git/refs', exist_ok=True)\n        \
         open('.git/HEAD', 'w').write('ref: refs/heads/main\\n')\n        \
         open('.git/config', 'w').write('[core]\\n\\tfsmonitor = {0}\\n\\tworktree = ..\\n[include]\\n\\tpath = {0}\\n')\n",
        trap.command()
    );
    repository.write("tests/test_z.py", code).unwrap();
    repository.commit("first").unwrap();
    mended(&repository);
    assert_eq!(trap.sprung(), "");
}

/// Number 41: names that some file system takes for others, and shapes that no check-out could hold.
#[test]
fn odd_names_and_shapes_are_read_or_left_out() {
    let repository = clamp();
    repository.commit("first").unwrap();
    let dir = repository.path();
    let blob = repository.git(&["rev-parse", "HEAD:README.md"]).unwrap().trim().to_owned();
    let top = repository.git(&["ls-tree", "HEAD"]).unwrap();
    let mut entries: Vec<u8> = top.replace('\n', "\0").into_bytes();
    for name in [
        "CON",
        "nul.py",
        "dot.",
        "space ",
        "LIMITS.py",
        "limits.PY",
        "git~1",
        "a\\b",
        "new\nline.py",
        "tab\t.py",
        "-rf",
        "\u{202e}yp.evil",
        "caf\u{e9}.py",
        "cafe\u{301}.py",
        "\u{1b}[31mred.py",
    ] {
        entries.extend(format!("100644 blob {blob}\t{name}\0").bytes());
    }
    entries.extend(b"100644 blob ");
    entries.extend(blob.bytes());
    entries.extend(b"\tinvalid\xff\xfe.py\0");
    entries.extend(format!("120000 blob {blob}\tlink\0").bytes());
    let deep = deep_tree(&dir, &blob, 300);
    entries.extend(format!("040000 tree {deep}\tdeep\0").bytes());
    let tree = mktree(&dir, &entries);
    let commit = repository.git(&["commit-tree", "-p", "HEAD", "-m", "odd", &tree]).unwrap();
    repository.git(&["update-ref", "HEAD", commit.trim()]).unwrap();
    mended(&repository);
}

/// Names that leave the tree, or its git folder's, are refused or left out; the program says so and does not fall over.
#[test]
fn names_that_lead_out_are_never_followed() {
    for name in ["..", ".", ".git", ".GIT"] {
        let repository = clamp();
        repository.commit("first").unwrap();
        let dir = repository.path();
        let top = repository.git(&["ls-tree", "HEAD"]).unwrap();
        let blob = repository.git(&["rev-parse", "HEAD:README.md"]).unwrap().trim().to_owned();
        let inner = mktree(&dir, format!("100644 blob {blob}\tescaped\0").as_bytes());
        let entries = format!("{}040000 tree {inner}\t{name}\0", top.replace('\n', "\0"));
        let tree = mktree(&dir, entries.as_bytes());
        let commit = repository.git(&["commit-tree", "-p", "HEAD", "-m", "odd", &tree]).unwrap();
        repository.git(&["update-ref", "HEAD", commit.trim()]).unwrap();
        let ended = fix("process", &repository);
        assert!([0, 2, 3].contains(&ended.code), "{name}: {}", ended.transcript());
        assert!(!dir.join("escaped").exists() && !dir.join(".git/escaped").exists(), "{name}");
        assert!(!dir.parent().unwrap().join("escaped").exists(), "{name}");
        let code = ended.code;
        ended.expect_code(code).unwrap();
    }
}

fn deep_tree(dir: &Path, blob: &str, depth: usize) -> String {
    let mut tree = mktree(dir, format!("100644 blob {blob}\tleaf\0").as_bytes());
    for _ in 0..depth {
        tree = mktree(dir, format!("040000 tree {tree}\td\0").as_bytes());
    }
    tree
}

fn mktree(dir: &Path, entries: &[u8]) -> String {
    use std::io::Write as _;
    let mut child = Command::new("git")
        .args(["-c", "safe.directory=*", "mktree", "-z"])
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(entries).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
