use super::*;
use crate::Source;
use crate::fixture::{Fixture, git_in};

fn store(fixture: &Fixture, dir: &std::path::Path) -> (Store, CommitId) {
    let source = Source::open(dir).unwrap();
    let tip = source.resolve("HEAD").unwrap().commit.unwrap();
    (Store::create(&fixture.beside("store"), &source).unwrap(), tip)
}

fn link(store: &Store) -> impl FnMut(CommitId) -> Result<Option<Link>, RepoError> {
    |id| Ok(store.commit(id)?.map(|it| Link { parents: it.parents, time: it.time }))
}

/// Two lines of work, one merged into the other.
fn merged() -> Fixture {
    let fixture = Fixture::new();
    fixture.write("a", "1\n").commit("first");
    fixture.git(["checkout", "-q", "-b", "side"]);
    fixture.write("b", "1\n").commit("on the side");
    fixture.git(["checkout", "-q", "main"]);
    fixture.write("a", "2\n").commit("second");
    fixture.git(["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    fixture.write("a", "3\n").commit("third");
    fixture
}

#[test]
fn walks_list_what_git_lists() {
    let fixture = merged();
    let (store, tip) = store(&fixture, &fixture.work());
    let listed = |args: &[&str]| {
        let mut lines: Vec<String> = fixture.git(args).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    for (parents, args) in
        [(Parents::All, &["rev-list", "HEAD"][..]), (Parents::First, &["rev-list", "--first-parent", "HEAD"])]
    {
        let found = walk(tip, parents, usize::MAX, link(&store)).unwrap();
        let mut names: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found[0], tip);
        names.sort();
        assert_eq!(names, listed(args));
    }
    assert_eq!(walk(tip, Parents::All, 2, link(&store)).unwrap().len(), 2);
}

#[test]
fn a_commit_is_what_git_shows() {
    let fixture = merged();
    let (store, tip) = store(&fixture, &fixture.work());
    let commit = store.commit(tip).unwrap().unwrap();
    assert_eq!(commit.tree.to_string(), fixture.git(["rev-parse", "HEAD^{tree}"]));
    assert_eq!(commit.parents[0].to_string(), fixture.git(["rev-parse", "HEAD~1"]));
    assert_eq!(commit.time.to_string(), fixture.git(["log", "-1", "--format=%ct"]));
    assert_eq!(commit.message, "third\n");
    assert_eq!(store.commit(CommitId::from_bytes([7; 20])).unwrap(), None);
    // A tree is no commit.
    let tree = CommitId::from_bytes(*commit.tree.as_bytes());
    assert!(matches!(store.commit(tree), Err(RepoError::MissingObject { .. })));
}

#[test]
fn odd_commits_are_read_or_refused() {
    let id = CommitId::from_bytes([1; 20]);
    let tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    let check = |text: &[u8]| parse_commit(id, text);
    assert_eq!(check(b"").unwrap_err(), "it names no tree");
    assert!(check(format!("tree {tree}\nparent x\n\nm").as_bytes()).is_err());
    let plain = check(format!("tree {tree}\ncommitter A <a@b> 12 +0000\n\nm").as_bytes()).unwrap();
    assert_eq!((plain.time, plain.message.as_str(), plain.parents.len()), (12, "m", 0));
    let signed = format!("tree {tree}\ngpgsig -----BEGIN\n parent 5\n tree 3\n\nm\n\nn");
    assert_eq!(check(signed.as_bytes()).unwrap().message, "m\n\nn");
    let mut latin = format!("tree {tree}\nencoding ISO-8859-1\n\n").into_bytes();
    latin.extend_from_slice(b"caf\xe9");
    assert_eq!(check(&latin).unwrap().message, "caf\u{e9}");
}

#[test]
fn differences_are_those_of_git() {
    let fixture = Fixture::new();
    fixture.write("kept", "1").write("gone", "1").write("dir/changed", "1").write("script", "1").commit("first");
    std::fs::remove_file(fixture.work().join("gone")).unwrap();
    fixture.write("dir/changed", "2").write("new/deep", "1").executable("script", true).commit("second");
    let (store, tip) = store(&fixture, &fixture.work());
    let commit = store.commit(tip).unwrap().unwrap();
    let parent = store.commit(commit.parents[0]).unwrap().unwrap();
    let found = store.differences(parent.tree, commit.tree).unwrap();
    let shown: Vec<String> = found
        .iter()
        .map(|it| match (it.old, it.new) {
            (None, _) => format!("A\t{}", it.path),
            (_, None) => format!("D\t{}", it.path),
            _ => format!("M\t{}", it.path),
        })
        .collect();
    assert_eq!(shown.join("\n"), fixture.git(["diff-tree", "-r", "--name-status", "HEAD~1", "HEAD"]));
    let first = store.differences(TreeId::EMPTY, parent.tree).unwrap();
    assert_eq!(first.len(), 4);
}

#[test]
fn changed_lines_are_those_of_git() {
    let check = |old: &str, new: &str, expected: &[(u32, u32, u32, u32)]| {
        let found = changed_lines(old.as_bytes(), new.as_bytes()).unwrap();
        let found: Vec<_> = found.iter().map(|it| (it.old_start, it.old_count, it.new_start, it.new_count)).collect();
        assert_eq!(found, expected);
    };
    check("", "", &[]);
    check("a\n", "a\n", &[]);
    check("", "a\nb\n", &[(0, 0, 1, 2)]);
    check("a\nb\nc\n", "a\nc\n", &[(2, 1, 1, 0)]);
    check("a\nb\nc\nd\n", "a\nx\nc\nd\ny\n", &[(2, 1, 2, 1), (4, 0, 5, 1)]);
}

#[test]
fn a_shallow_clone_ends_without_an_error() {
    let fixture = merged();
    let shallow = fixture.beside("shallow");
    let url = format!("file://{}", fixture.work().display());
    git_in(&fixture.work(), ["clone", "-q", "--depth=1", &url, shallow.to_str().unwrap()], b"");
    let (store, tip) = store(&fixture, &shallow);
    let found = walk(tip, Parents::All, 10, link(&store)).unwrap();
    assert_eq!(found, [tip]);
    assert_eq!(store.commit(tip).unwrap().unwrap().parents.len(), 1);
}
