//! One small input per rule and per way around it.

use bstr::BString;

use super::*;
use crate::fixture::Fixture;
use crate::{Edit, Source};

/// The rules that a new file of this name breaks, judged by its name alone.
fn rules_of(path: &[u8]) -> Vec<(&'static str, Severity)> {
    let mut found = Findings::default();
    paths::check(path.as_bstr(), Presence::Created, LockFiles::Refuse, &mut found);
    found.0.iter().map(|it| (it.rule, it.severity)).collect()
}

fn refused(rule: &str, names: &[&str]) {
    for name in names {
        let rules = rules_of(name.as_bytes());
        assert!(rules.contains(&(rules_name(rule), Severity::Refuse)), "{name:?} breaks {rules:?}, not {rule}");
    }
}

/// The rule's name as the static text that the table holds.
fn rules_name(rule: &str) -> &'static str {
    const ALL: [&str; 22] = [
        "path/escape",
        "path/drive",
        "path/backslash",
        "path/length",
        "path/control",
        "path/invisible",
        "path/git-dir",
        "path/trailing",
        "path/windows-name",
        "path/short-name",
        "path/encoding",
        "path/case",
        "path/ci",
        "path/owners",
        "path/git-config",
        "path/hooks",
        "path/editor",
        "path/agent",
        "path/package-config",
        "path/own-config",
        "path/licence",
        "path/lock-file",
    ];
    ALL.into_iter().find(|it| *it == rule).unwrap()
}

fn allowed(names: &[&str]) {
    for name in names {
        assert_eq!(rules_of(name.as_bytes()), [], "{name:?}");
    }
}

#[test]
fn ordinary_names_pass() {
    allowed(&["a.py", "src/deep/x_y-z.rs", "README.md", "Makefile", "gr\u{fc}n/\u{65e5}\u{672c}.py", "with space.txt"]);
    allowed(&[".gitignore", ".github/ISSUE_TEMPLATE/bug.md", "docs/.github.md", "tests/test_license.py", "license.py"]);
    allowed(&[
        "git/x",
        "agit.py",
        "x.git/y",
        ".gitx",
        "git~x",
        "com.py",
        "console.py",
        "com0.py",
        "lpt.py",
        "auxiliary.py",
    ]);
    allowed(&["lock.py", "uv_lock.py", "claude.py", "agents.py", "cursor/x.py", "workflows/x.py", "codeowners.py"]);
    allowed(&["a~b.py", "very-long-name~1.py", "noticeboard.py", "copying.py", "a..b", "...a"]);
}

#[test]
fn names_that_leave_the_repository_are_refused() {
    refused(
        "path/escape",
        &["../x", "a/../../x", "a/..", "/etc/passwd", "./x", "a//b", "", "a/", "..\\x", "a\\..\\..\\x"],
    );
    refused("path/drive", &["C:/x", "c:x", "C:\\x"]);
    refused("path/backslash", &["a\\b", "\\\\server\\share"]);
    refused("path/control", &["a\nb", "a\0b", "a\x1bb", "a\x7fb", "a\tb", "a\rb", "a\u{85}b"]);
    refused(
        "path/invisible",
        &["a\u{202e}yp.b", "a\u{200b}b", "a\u{2066}b", "a\u{feff}b", "a\u{ad}b", "a\u{e0041}", "a\u{2028}b"],
    );
    refused("path/length", &[&"x".repeat(256), &format!("a/{}/b", "x".repeat(300)), &"a/".repeat(2001)]);
    refused("path/trailing", &["a.", "a ", "dir./x", "dir /x", "a. ", "x..."]);
    refused(
        "path/windows-name",
        &["CON", "con.txt", "a/NUL", "aux.c", "Prn", "com1", "COM9.log", "lpt1.x", "nul .txt", "conin$"],
    );
    refused("path/windows-name", &["a<b", "a>b", "a:b", "a\"b", "a|b", "a?b", "a*b", "x::$DATA"]);
    refused("path/short-name", &["GITMOD~1", "gi7eba~1", "LICENS~1.MD", "a/PROGR~12/x"]);
}

#[test]
fn git_directories_are_refused_in_every_disguise() {
    refused(
        "path/git-dir",
        &[".git/config", "a/.git/hooks/x", ".git", ".GIT/x", ".Git/x", "git~1/x", "GIT~1/config", "git~2"],
    );
    refused(
        "path/git-dir",
        &[".git./x", ".git /x", ".git . ./x", ".git::$INDEX_ALLOCATION/x", ".git:x", ".git\\config", "a\\.git\\x"],
    );
    for ignorable in
        ["\u{200c}", "\u{200d}", "\u{200e}", "\u{200f}", "\u{202a}", "\u{202e}", "\u{206a}", "\u{206f}", "\u{feff}"]
    {
        refused(
            "path/git-dir",
            &[&format!(".g{ignorable}it/x"), &format!("{ignorable}.git"), &format!(".GIT{ignorable}/x")],
        );
    }
}

#[test]
fn protected_files_are_refused() {
    refused(
        "path/ci",
        &[
            ".github/workflows/ci.yml",
            ".GitHub/Workflows/x.yaml",
            ".github/actions/a/action.yml",
            "sub/.github/workflows/x",
        ],
    );
    refused(
        "path/ci",
        &[".gitlab-ci.yml", ".circleci/config.yml", ".travis.yml", "azure-pipelines.yml", "azure-pipelines-pr.yml"],
    );
    refused(
        "path/ci",
        &["Jenkinsfile", "Jenkinsfile.deploy", "ci/Jenkinsfile", ".drone.yml", ".buildkite/p.yml", ".cirrus.star"],
    );
    refused(
        "path/ci",
        &["appveyor.yml", "bitbucket-pipelines.yml", ".woodpecker/x.yml", ".github/dependabot.yml", "buildspec.yml"],
    );
    refused("path/owners", &["CODEOWNERS", ".github/CODEOWNERS", "docs/codeowners"]);
    refused(
        "path/git-config",
        &[".gitmodules", ".gitattributes", "sub/.gitattributes", ".GITMODULES", ".lfsconfig", ".gitmodules."],
    );
    refused(
        "path/hooks",
        &[".husky/pre-commit", ".pre-commit-config.yaml", ".githooks/x", "lefthook.yml", ".lintstagedrc.json"],
    );
    refused(
        "path/editor",
        &[".devcontainer/devcontainer.json", ".devcontainer.json", ".vscode/tasks.json", ".idea/x.xml", ".envrc"],
    );
    refused(
        "path/agent",
        &["CLAUDE.md", "sub/AGENTS.md", "agents.md", ".cursor/rules/x.mdc", ".cursorrules", ".claude/settings.json"],
    );
    refused(
        "path/agent",
        &[".mcp.json", "GEMINI.md", ".github/copilot-instructions.md", ".windsurfrules", ".aider.conf.yml"],
    );
    refused(
        "path/package-config",
        &[".npmrc", "pip.conf", "sub/.npmrc", ".cargo/config.toml", ".yarnrc.yml", ".pypirc", ".netrc"],
    );
    refused("path/own-config", &[".github/patchwright.toml", "patchwright.toml", "PATCHWRIGHT.TOML"]);
    refused(
        "path/licence",
        &["LICENSE", "LICENCE.md", "license.txt", "COPYING", "COPYING.LESSER", "LICENSE-MIT", "sub/LICENSE", "NOTICE"],
    );
    refused("path/licence", &["LICENSES/MIT.txt", "LICENSE-APACHE.txt", "UNLICENSE"]);
    refused(
        "path/lock-file",
        &["Cargo.lock", "package-lock.json", "sub/yarn.lock", "poetry.lock", "uv.lock", "go.sum", "Pipfile.lock"],
    );
    // A disguise that some file system undoes does not help.
    refused("path/ci", &[".github/\u{200c}workflows/x.yml", ".github./workflows/x.yml", ".github\\workflows\\x.yml"]);
    refused("path/agent", &["\u{ff23}LAUDE.md", "CLAUDE.md ", "cl\u{feff}aude.md"]);
}

#[test]
fn bytes_that_are_no_text_are_flagged() {
    assert_eq!(rules_of(b"caf\xe9.py"), [("path/encoding", Severity::Flag)]);
}

#[test]
fn lock_files_pass_when_asked_for() {
    let mut found = Findings::default();
    paths::check("Cargo.lock".into(), Presence::Changed, LockFiles::Allow, &mut found);
    assert!(found.0.is_empty());
}

#[test]
fn windows_names_that_are_there_already_are_flagged_only() {
    let mut found = Findings::default();
    paths::check("aux.c".into(), Presence::Changed, LockFiles::Refuse, &mut found);
    assert_eq!(
        found.0.iter().map(|it| (it.rule, it.severity)).collect::<Vec<_>>(),
        [("path/windows-name", Severity::Flag)]
    );
}

// Whole changes, between trees and as patches.

struct Gate {
    _fixture: Fixture,
    store: Store,
    base: TreeId,
}

impl Gate {
    fn new(files: &[(&str, &[u8])]) -> Gate {
        let fixture = Fixture::new();
        fixture.commit("first");
        let source = Source::open(&fixture.work()).unwrap();
        let store = Store::create(&fixture.beside("store"), &source).unwrap();
        let edits: Vec<Edit> = files.iter().map(|(at, bytes)| edit(at, bytes, None)).collect();
        let base = store.write_tree(TreeId::EMPTY, &edits).unwrap();
        Gate { _fixture: fixture, store, base }
    }

    fn check(&self, policy: &Policy, edits: &[Edit], expected: &[&str]) {
        let new = self.store.write_tree(self.base, edits).unwrap();
        let found = policy.check(&self.store, self.base, new).unwrap();
        assert_eq!(shown(&found), expected);
        // What can be written as a patch is judged alike, but for what only the trees show.
        let Ok(patch) = self.store.diff(self.base, new) else { return };
        let in_trees_only = ["size/file-bytes", "path/case"];
        let tree_rules = |it: &&String| !in_trees_only.iter().any(|rule| it.starts_with(rule));
        let by_patch = shown(&policy.check_patch(&patch));
        let mut expected: Vec<&String> = by_patch.iter().collect();
        let by_trees = shown(&found);
        let mut found: Vec<&String> = by_trees.iter().filter(tree_rules).collect();
        expected.retain(tree_rules);
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "the patch is judged differently");
    }
}

fn edit(at: &str, bytes: &[u8], mode: Option<FileMode>) -> Edit {
    Edit::Write { path: RepoPath::new(at).unwrap(), bytes: bytes.to_vec(), mode }
}

fn write(at: &str, text: &str) -> Edit {
    edit(at, text.as_bytes(), None)
}

fn delete(at: &str) -> Edit {
    Edit::Delete { path: RepoPath::new(at).unwrap() }
}

fn shown(found: &[Violation]) -> Vec<String> {
    let mark = |it: &Violation| if it.is_refusal() { "" } else { "?" };
    let path = |it: &Violation| it.path.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
    found.iter().map(|it| format!("{}{}{}", it.rule, mark(it), path(it))).collect()
}

#[test]
fn modes_are_judged() {
    let gate = Gate::new(&[("a.py", b"1\n"), ("b.py", b"2\n")]);
    let policy = Policy::default();
    gate.check(&policy, &[write("a.py", "2\n")], &[]);
    gate.check(&policy, &[edit("l", b"/etc/passwd", Some(FileMode::Symlink))], &["mode/symlink l"]);
    gate.check(&policy, &[edit("a.py", b"1\n", Some(FileMode::Executable))], &["mode/executable? a.py"]);
    gate.check(&policy, &[edit("new", b"1\n", Some(FileMode::Executable))], &["mode/executable? new"]);
    gate.check(&policy, &[delete("a.py")], &[]);
    let linked = Gate::new(&[("a.py", b"1\n")]);
    let base = linked.store.write_tree(linked.base, &[edit("l", b"a.py", Some(FileMode::Symlink))]).unwrap();
    let removed = policy.check(&linked.store, base, linked.base).unwrap();
    assert_eq!(shown(&removed), ["mode/symlink l"]);
}

#[test]
fn raw_trees_are_judged() {
    let gate = Gate::new(&[("a.py", b"1\n")]);
    let blob = gate.store.write_blob(b"x\n").unwrap().to_oid().unwrap();
    let check = |name: &str, mode: u32, expected: &[&str]| {
        let raw = tree::RawTree::from([(BString::from(name), RawEntry { mode, id: blob })]);
        let new = gate.store.with_odb(|odb| tree::store_tree(odb, &raw)).unwrap();
        let found = Policy::default().check(&gate.store, TreeId::EMPTY, TreeId::from_oid(new)).unwrap();
        assert_eq!(shown(&found), expected, "{name} {mode:o}");
    };
    check("ok", 0o100_644, &[]);
    check("sub", 0o160_000, &["mode/submodule sub"]);
    check("group", 0o100_664, &["mode/unusual group"]);
    check("setuid", 0o104_755, &["mode/unusual setuid", "mode/executable? setuid"]);
    check("pipe", 0o010_644, &["mode/unusual pipe"]);
    check("..", 0o100_644, &["path/escape"]);
    check(".git", 0o100_644, &["path/git-dir .git"]);
    check("a\\b", 0o100_644, &["path/backslash a\\b"]);
}

#[test]
fn size_is_limited() {
    let policy = Policy { max_changed_lines: 4, max_files: 2, max_file_bytes: 100, ..Policy::default() };
    let gate = Gate::new(&[("a.py", b"1\n2\n3\n"), ("big", &[b'x'; 200])]);
    gate.check(&policy, &[write("a.py", "4\n5\n3\n")], &[]);
    gate.check(&policy, &[write("a.py", "4\n5\n6\n")], &["size/lines"]);
    gate.check(&policy, &[delete("a.py"), write("b", ""), write("c", "")], &["size/files"]);
    gate.check(&policy, &[write("b", &"y".repeat(101))], &["size/file-bytes b"]);
    gate.check(&policy, &[delete("big")], &["size/file-bytes big"]);
}

#[test]
fn content_is_judged() {
    let gate = Gate::new(&[("a.py", b"# https://known.example/\n"), ("pic.png", b"\0\0")]);
    let policy = Policy::default();
    gate.check(&policy, &[edit("new.bin", b"a\0b", None)], &["content/binary new.bin"]);
    gate.check(&policy, &[delete("pic.png")], &["content/binary pic.png"]);
    gate.check(&policy, &[write("a.py", "# https://other.example/\n")], &["content/url? a.py"]);
    let known = gate.store.write_tree(gate.base, &[write("a.py", "x\n# https://known.example/more\n")]).unwrap();
    assert_eq!(shown(&policy.check(&gate.store, gate.base, known).unwrap()), [""; 0]);
    gate.check(&policy, &[write("pyproject.toml", "[project]\n")], &["content/dependency? pyproject.toml"]);
    gate.check(&policy, &[edit("utf16", b"\xff\xfea\0\n\0", None)], &["content/binary utf16"]);
}

#[test]
fn twins_are_refused() {
    let gate = Gate::new(&[("README.md", b"1\n"), ("Dir/x", b"1\n"), ("caf\u{e9}.py", b"1\n")]);
    let policy = Policy::default();
    gate.check(&policy, &[write("readme.md", "2\n")], &["path/case readme.md"]);
    gate.check(&policy, &[write("dir/y", "2\n")], &["path/case dir/y"]);
    gate.check(&policy, &[write("cafe\u{301}.py", "2\n")], &["path/case cafe\u{301}.py"]);
    gate.check(&policy, &[write("Dir/y", "2\n"), write("README.rst", "2\n")], &[]);
    // A rename to another case leaves one file.
    gate.check(&policy, &[delete("README.md"), write("readme.md", "1\n")], &[]);
    gate.check(&policy, &[write("new/A", "2\n"), write("new/a", "2\n")], &["path/case new/A", "path/case new/a"]);
}

#[test]
fn patches_are_judged_before_they_are_applied() {
    let create = |path: &str| format!("--- /dev/null\n+++ {path}\n@@ -0,0 +1 @@\n+x\n");
    let check = |text: &str, expected: &[&str]| {
        let patch = Patch::parse(text.as_bytes()).unwrap();
        assert_eq!(shown(&Policy::default().check_patch(&patch)), expected, "{text}");
    };
    check(&create("b/src/x.py"), &[]);
    check(&create("b/../x"), &["path/escape"]);
    check(&create("/etc/passwd"), &["path/escape"]);
    check(&create("b/.git/hooks/pre-commit"), &["path/git-dir .git/hooks/pre-commit"]);
    check(&create("\"b/a\\nb\""), &["path/control a\nb"]);
    check(&format!("{}{}", create("b/x/A"), create("b/X/b")), &["path/case X/b"]);
    check("diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/\n", &["mode/symlink l"]);
    check(
        "diff --git a/m b/m\nindex 1234567..89abcde 160000\n--- a/m\n+++ b/m\n@@ -1 +1 @@\n-a\n+b\n",
        &["mode/submodule m"],
    );
    check("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n", &["mode/executable? x"]);
    check("diff --git a/LICENSE b/x\nrename from LICENSE\nrename to x\n", &["path/licence LICENSE"]);
    let many: String = (0..11).map(|number| create(&format!("b/{number}.py"))).collect();
    check(&many, &["size/files"]);
    let long = format!("--- a/x\n+++ b/x\n@@ -1,0 +2,401 @@\n{}", "+x\n".repeat(401));
    check(&long, &["size/lines"]);
}
