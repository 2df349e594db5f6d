//! The store against the real git: same trees, same patches, nothing written where it should not be.

use std::os::unix::fs::symlink;
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::fixture::{Fixture, fingerprint, git_in, try_git_in};

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).unwrap()
}

fn write(at: &str, bytes: impl AsRef<[u8]>) -> Edit {
    Edit::Write { path: path(at), bytes: bytes.as_ref().to_vec(), mode: None }
}

fn delete(at: &str) -> Edit {
    Edit::Delete { path: path(at) }
}

fn open(fixture: &Fixture) -> (Source, Store, TreeId) {
    let source = Source::open(&fixture.work()).unwrap();
    let store = Store::create(&fixture.beside("store"), &source).unwrap();
    let tree = source.resolve("HEAD").unwrap().tree;
    (source, store, tree)
}

fn listing(store: &Store, tree: TreeId) -> Vec<String> {
    let snapshot = store.snapshot(tree).unwrap();
    snapshot.entries().iter().map(|it| format!("{:06o} {}", it.mode.bits(), it.path)).collect()
}

/// What git lists for the tree, in the same form.
fn git_listing(dir: &Path, tree: TreeId) -> Vec<String> {
    let out = git_in(dir, ["ls-tree", "-r", "-z", &tree.to_string()], b"");
    let lines = out.split(|byte| *byte == 0).filter(|line| !line.is_empty());
    let mut lines: Vec<String> = lines
        .map(|line| {
            let (head, name) = line.split_once_str("\t").unwrap();
            format!("{} {}", String::from_utf8_lossy(&head[..6]), String::from_utf8_lossy(name))
        })
        .collect();
    lines.sort_by(|a, b| a[7..].cmp(&b[7..]));
    lines
}

fn sample() -> Fixture {
    let fixture = Fixture::new();
    fixture.write("a.py", "print(1)\n").write("lib/deep/b.py", "x = 1\r\ny = 2").write("lib.txt", "z\n");
    fixture.write("run.sh", "#!/bin/sh\n").executable("run.sh", true).write("latin.txt", b"caf\xe9\n");
    symlink("a.py", fixture.work().join("link")).unwrap();
    fixture.commit("first");
    fixture
}

#[test]
fn snapshots_list_what_git_lists() {
    let fixture = sample();
    let (_, store, tree) = open(&fixture);
    assert_eq!(listing(&store, tree), git_listing(&fixture.work(), tree));
    let snapshot = store.snapshot(tree).unwrap();
    assert_eq!(snapshot.read(&path("lib/deep/b.py")).unwrap(), b"x = 1\r\ny = 2");
    assert_eq!(snapshot.read(&path("link")).unwrap(), b"a.py");
    assert_eq!(snapshot.find(&path("run.sh")).unwrap().mode, FileMode::Executable);
    assert_eq!(snapshot.find(&path("lib")), None);
    assert!(matches!(snapshot.read(&path("nope")), Err(RepoError::NoSuchFile { .. })));
    assert_eq!(snapshot.omitted(), []);
}

#[test]
fn edits_make_the_tree_git_makes() {
    let fixture = sample();
    let (_, store, tree) = open(&fixture);
    let edits = [
        write("a.py", "print(2)\r\n"),
        write("new/dir/c.py", ""),
        delete("lib/deep/b.py"),
        write("run.sh", "#!/bin/bash\n"),
        write("lib-x/y", b"\xff\x00"),
    ];
    let edited = store.write_tree(tree, &edits).unwrap();
    fixture.write("a.py", "print(2)\r\n").write("new/dir/c.py", "").write("lib-x/y", b"\xff\x00");
    fixture.write("run.sh", "#!/bin/bash\n");
    std::fs::remove_file(fixture.work().join("lib/deep/b.py")).unwrap();
    fixture.commit("second");
    assert_eq!(edited.to_string(), fixture.git(["rev-parse", "HEAD^{tree}"]));
    assert_eq!(listing(&store, edited), git_listing(store.dir(), edited));
    git_in(store.dir(), ["fsck", "--strict", &edited.to_string()], b"");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_snapshot_made_from_a_near_one_equals_a_fresh_one(
        steps in prop::collection::vec((0usize..10, 0u8..4), 1..40),
    ) {
        const PATHS: [&str; 10] = ["a", "a.b/c", "a-b/c", "b/c/d", "b/c/e", "b/d", "b.d", "c/d/e/f", "c/d/e/g", "c0/d"];
        let fixture = Fixture::new();
        fixture.write("kept/x", "1").commit("first");
        let (_, store, mut tree) = open(&fixture);
        let mut near = store.snapshot(tree).unwrap();
        for (at, content) in steps {
            let edit = if content == 0 { delete(PATHS[at]) } else { write(PATHS[at], [content]) };
            let Ok(next) = store.write_tree(tree, &[edit]) else { continue };
            tree = next;
            let snapshot = store.snapshot_near(&near, tree).unwrap();
            prop_assert_eq!(snapshot.tree(), tree);
            let fresh = store.snapshot(tree).unwrap();
            prop_assert_eq!(snapshot.entries(), fresh.entries());
            // Now and then several steps lie between the two.
            if at % 3 > 0 {
                near = snapshot;
            }
        }
    }
}

#[test]
fn a_snapshot_made_from_a_near_one_leaves_out_the_same() {
    let fixture = sample();
    let (_, store, tree) = open(&fixture);
    let blob = store.write_blob(b"x").unwrap();
    let entry = RawEntry { mode: 0o100_644, id: blob.to_oid().unwrap() };
    let raw = tree::RawTree::from([(BString::from(".."), entry), (BString::from("fine"), entry)]);
    let unsafe_tree = TreeId::from_oid(store.with_odb(|odb| tree::store_tree(odb, &raw)).unwrap());
    let (safe, odd) = (store.snapshot(tree).unwrap(), store.snapshot(unsafe_tree).unwrap());
    for (near, fresh) in [(&safe, &odd), (&odd, &safe), (&odd, &odd)] {
        let made = store.snapshot_near(near, fresh.tree()).unwrap();
        assert_eq!((made.entries(), made.omitted()), (fresh.entries(), fresh.omitted()));
    }
}

#[test]
fn removing_everything_leaves_the_empty_tree() {
    let fixture = Fixture::new();
    fixture.write("x/y/z", "1").commit("first");
    let (_, store, tree) = open(&fixture);
    let empty = store.write_tree(tree, &[delete("x/y/z")]).unwrap();
    assert_eq!(empty, TreeId::EMPTY);
    assert_eq!(store.snapshot(empty).unwrap().entries(), []);
    assert_eq!(store.write_tree(empty, &[write("x/y/z", "1")]).unwrap(), tree);
}

#[test]
fn files_and_directories_change_places_only_when_asked() {
    let fixture = Fixture::new();
    fixture.write("dir/one", "1").write("dir/two", "2").write("file", "3").commit("first");
    let (_, store, tree) = open(&fixture);
    let attempt = |edits: &[Edit]| store.write_tree(tree, edits);
    assert!(matches!(attempt(&[write("dir", "x")]), Err(RepoError::IsADirectory { .. })));
    assert!(matches!(attempt(&[write("dir", "x"), delete("dir/one")]), Err(RepoError::IsADirectory { .. })));
    assert!(matches!(attempt(&[delete("dir")]), Err(RepoError::IsADirectory { .. })));
    assert!(matches!(attempt(&[write("file/x", "x")]), Err(RepoError::ParentIsAFile { .. })));
    assert!(matches!(attempt(&[delete("absent")]), Err(RepoError::NoSuchFile { .. })));
    assert!(matches!(attempt(&[delete("dir/absent")]), Err(RepoError::NoSuchFile { .. })));
    let swapped = attempt(&[delete("dir/one"), delete("dir/two"), write("dir", "x")]).unwrap();
    assert_eq!(listing(&store, swapped), ["100644 dir", "100644 file"]);
    let swapped = attempt(&[delete("file"), write("file/x", "x")]).unwrap();
    assert_eq!(listing(&store, swapped), ["100644 dir/one", "100644 dir/two", "100644 file/x"]);
}

#[test]
fn links_are_not_edited_as_files() {
    let fixture = sample();
    let (_, store, tree) = open(&fixture);
    assert!(matches!(store.write_tree(tree, &[write("link", "x")]), Err(RepoError::NotARegularFile { .. })));
    assert!(matches!(store.write_tree(tree, &[write("link/x", "x")]), Err(RepoError::ParentIsAFile { .. })));
}

#[test]
fn nothing_is_written_to_the_source() {
    let fixture = sample();
    fixture.git(["gc", "-q"]);
    fixture.write("a.py", "changed in the work tree\n");
    let before = fingerprint(&fixture.work());
    let (source, store, tree) = open(&fixture);
    for revision in ["HEAD", "main", "HEAD~0", "HEAD^{tree}", "nope"] {
        let _ = source.resolve(revision);
    }
    let snapshot = store.snapshot(tree).unwrap();
    for entry in snapshot.entries() {
        snapshot.read(&entry.path).unwrap();
    }
    let edited = store.write_tree(tree, &[write("a.py", "new\n")]).unwrap();
    let patch = store.diff(tree, edited).unwrap();
    assert_eq!(store.apply(tree, &patch).unwrap(), edited);
    assert_eq!(fingerprint(&fixture.work()), before);
}

#[test]
fn a_store_opens_again_and_follows_packs_and_alternates() {
    let fixture = sample();
    let (_, store, tree) = open(&fixture);
    let edited = store.write_tree(tree, &[write("a.py", "new\n")]).unwrap();
    fixture.git(["gc", "-q", "--prune=now"]);
    let borrower = fixture.beside("borrower");
    fixture.git(["clone", "-q", "--shared", "--bare", ".", borrower.to_str().unwrap()]);
    // The same alternate, written relative to the objects directory.
    std::fs::write(borrower.join("objects/info/alternates"), "../../work/.git/objects\n").unwrap();
    let source = Source::open(&borrower).unwrap();
    assert_eq!(source.resolve("HEAD").unwrap().tree, tree);
    let again = Store::create(&fixture.beside("store"), &source).unwrap();
    assert_eq!(again.snapshot(edited).unwrap().read(&path("a.py")).unwrap(), b"new\n");
    assert_eq!(listing(&again, tree).len(), 6);
    assert_eq!(listing(&store, edited).len(), 6);
}

#[test]
fn many_threads_share_a_store() {
    let fixture = sample();
    let (_, store, tree) = open(&fixture);
    let trees: Vec<TreeId> = std::thread::scope(|scope| {
        let work = |number: u32| {
            let store = store.clone();
            scope.spawn(move || {
                let edits = [write("shared.py", "same\n"), write(&format!("own/{number}.py"), number.to_string())];
                let tree = store.write_tree(tree, &edits).unwrap();
                store.snapshot(tree).unwrap().read(&path("shared.py")).unwrap();
                tree
            })
        };
        let threads: Vec<_> = (0..16).map(work).collect();
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    for tree in trees {
        assert_eq!(listing(&store, tree).len(), 8);
    }
}

#[test]
fn a_missing_object_is_named() {
    let fixture = sample();
    let (_, store, _) = open(&fixture);
    let id: BlobId = "00000000000000000000000000000000000000aa".parse().unwrap();
    assert!(matches!(store.blob_size(id), Err(RepoError::MissingObject { kind: "blob", .. })));
    let present = store.write_blob(b"four").unwrap();
    assert_eq!((store.blob_size(present).unwrap(), store.blob(present).unwrap()), (4, b"four".to_vec()));
    let error = store.blob(id).unwrap_err();
    assert!(error.to_string().starts_with(&format!("blob {id} is missing")), "{error}");
    let commit: TreeId = fixture.git(["rev-parse", "HEAD"]).parse().unwrap();
    assert!(matches!(store.snapshot(commit), Err(RepoError::MissingObject { kind: "tree", .. })));
}

#[test]
fn unsafe_names_are_left_out_of_snapshots() {
    let fixture = sample();
    let (_, store, tree) = open(&fixture);
    let blob = store.write_blob(b"x").unwrap();
    let named = |name: &[u8]| (BString::from(name), RawEntry { mode: 0o100_644, id: blob.to_oid().unwrap() });
    let mut raw = tree::RawTree::from([named(b".."), named(b".GIT"), named(b"git~1"), named(b"fine")]);
    raw.insert("loop".into(), RawEntry { mode: tree::DIRECTORY, id: oid(tree).unwrap() });
    raw.insert("odd".into(), RawEntry { mode: 0o010_644, id: blob.to_oid().unwrap() });
    let id = TreeId::from_oid(store.with_odb(|odb| tree::store_tree(odb, &raw)).unwrap());
    let snapshot = store.snapshot(id).unwrap();
    assert_eq!(snapshot.entries().len(), 7);
    let omitted: Vec<&str> = snapshot.omitted().iter().map(|it| &*it.path).collect();
    assert_eq!(omitted, ["..", ".GIT", "git~1", "odd"]);
}

#[test]
fn a_tree_bomb_and_a_deep_tree_end() {
    let fixture = sample();
    let (_, store, _) = open(&fixture);
    let blob = store.write_blob(b"x").unwrap().to_oid().unwrap();
    let nested = |levels: u32, width: u32| {
        store.with_odb(|odb| {
            let mut entry = RawEntry { mode: 0o100_644, id: blob };
            for _ in 0..levels {
                let raw = (0..width).map(|number| (BString::from(format!("{number}")), entry)).collect();
                entry = RawEntry { mode: tree::DIRECTORY, id: tree::store_tree(odb, &raw)? };
            }
            Ok(TreeId::from_oid(entry.id))
        })
    };
    let bomb = nested(10, 16).unwrap();
    assert!(matches!(store.snapshot(bomb), Err(RepoError::TooLarge { .. })));
    let deep = store.snapshot(nested(3000, 1).unwrap()).unwrap();
    assert_eq!((deep.entries().len(), deep.omitted().len()), (0, 1));
}

// Importing a plain folder.

#[test]
fn a_folder_is_imported_as_git_would_add_it() {
    let fixture = Fixture::new();
    fixture.write("a.py", "1\r\n").write("keep/b.py", "2").write("keep/c.log", "noise").write("build/x.o", "noise");
    fixture.write(".gitignore", "*.log\n/build/\n").write("sub/.gitignore", "secret\n").write("sub/secret", "noise");
    fixture.write("sub/.hidden", "seen").write("tool", "x").executable("tool", true);
    symlink("/etc/passwd", fixture.work().join("link")).unwrap();
    fixture.commit("first");
    let expected = fixture.git(["rev-parse", "HEAD^{tree}"]);
    std::fs::remove_dir_all(fixture.work().join(".git")).unwrap();
    nix_fifo(&fixture.work().join("pipe"));
    let before = fingerprint(&fixture.work());
    let (store, tree) = Store::import(&fixture.work().join("../store"), &fixture.work()).unwrap();
    assert_eq!(tree.to_string(), expected, "{:?}", listing(&store, tree));
    assert_eq!(fingerprint(&fixture.work()), before);
}

fn nix_fifo(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn an_import_leaves_out_a_store_inside_the_folder() {
    let home = TempDir::new().unwrap();
    std::fs::write(home.path().join("a.py"), "1").unwrap();
    let (store, tree) = Store::import(&home.path().join(".cache/store"), home.path()).unwrap();
    assert_eq!(listing(&store, tree), ["100644 a.py"]);
    let (_, again) = Store::import(&home.path().join(".cache/store"), home.path()).unwrap();
    assert_eq!(again, tree);
}

#[test]
fn an_import_says_what_is_wrong_with_the_folder() {
    let home = TempDir::new().unwrap();
    let store = home.path().join("store");
    std::fs::write(home.path().join("file"), "1").unwrap();
    let missing = Store::import(&store, &home.path().join("nope")).unwrap_err();
    assert!(matches!(missing, RepoError::NoSuchDirectory { .. }), "{missing}");
    let file = Store::import(&store, &home.path().join("file")).unwrap_err();
    assert!(matches!(file, RepoError::NotADirectory { .. }), "{file}");
    std::fs::create_dir(home.path().join("empty")).unwrap();
    assert_eq!(Store::import(&store, &home.path().join("empty")).unwrap().1, TreeId::EMPTY);
}

// Patches between trees.

/// Diffs two sets of files, lets git and us apply the patch, and compares it with git's own.
fn check_patch(old: &[(&str, &[u8])], new: &[(&str, &[u8])]) -> Vec<u8> {
    let fixture = Fixture::new();
    fixture.commit("first");
    let (_, store, _) = open(&fixture);
    let tree = |files: &[(&str, &[u8])]| {
        let edits: Vec<Edit> = files.iter().map(|(at, bytes)| write(at, bytes)).collect();
        store.write_tree(TreeId::EMPTY, &edits).unwrap()
    };
    check_trees(&store, tree(old), tree(new))
}

fn check_trees(store: &Store, old: TreeId, new: TreeId) -> Vec<u8> {
    let patch = store.diff(old, new).unwrap();
    let bytes = patch.to_bytes();
    let args = ["diff-tree", "-p", "--full-index", "--no-renames", &old.to_string(), &new.to_string()];
    let by_git = git_in(store.dir(), args, b"");
    assert_eq!(BString::from(&*bytes), BString::from(by_git), "the patch differs from git's");
    if !patch.is_empty() {
        assert_eq!(Patch::parse(&bytes).unwrap(), patch);
    }
    assert_eq!(store.apply(old, &patch).unwrap(), new);
    assert_eq!(git_apply(store, old, &bytes).unwrap(), new);
    bytes
}

/// Applies a patch with git, in an index of its own.
fn git_apply(store: &Store, base: TreeId, patch: &[u8]) -> Result<TreeId, String> {
    if patch.is_empty() {
        return Ok(base);
    }
    let index = store.dir().join("index");
    let _ = std::fs::remove_file(&index);
    git_in(store.dir(), ["read-tree", &base.to_string()], b"");
    let args = ["apply", "--cached", "--whitespace=nowarn", "-"];
    let (ok, _, complaint) = try_git_in(store.dir(), args, patch);
    if !ok {
        return Err(String::from_utf8_lossy(&complaint).into_owned());
    }
    let tree = git_in(store.dir(), ["write-tree"], b"");
    Ok(String::from_utf8_lossy(&tree).trim().parse().unwrap())
}

#[test]
fn patches_are_those_of_git() {
    let long: String = (1..60).map(|number| format!("line {number}\n")).collect();
    let changed = long.replace("line 5\n", "line five\n").replace("line 50\n", "").replace("line 30\n", "a\nline 30\n");
    check_patch(&[("f.py", long.as_bytes())], &[("f.py", changed.as_bytes())]);
    check_patch(&[], &[("new.py", b"a\nb\n"), ("empty", b""), ("one", b"x"), ("dir/two", b"\n")]);
    check_patch(&[("new.py", b"a\nb\n"), ("empty", b""), ("one", b"x")], &[]);
    check_patch(&[("crlf", b"a\r\nb\r\nc\r\n")], &[("crlf", b"a\r\nB\r\nc\r\n")]);
    check_patch(&[("mix", b"a\r\nb\nc\rd\n")], &[("mix", b"a\nb\r\nc\rd\n")]);
    check_patch(&[("end", b"a\nb")], &[("end", b"a\nb\n")]);
    check_patch(&[("end", b"a\nb\n")], &[("end", b"a\nb")]);
    check_patch(&[("end", b"a\nb")], &[("end", b"a\nc")]);
    check_patch(&[("end", b"x\na\nb")], &[("end", b"y\na\nb")]);
    check_patch(&[("latin", b"caf\xe9\n\xff\xfe\n")], &[("latin", b"caf\xe8\n\xff\xfe\n")]);
    check_patch(&[("bom", b"\xef\xbb\xbfa\n")], &[("bom", b"a\n")]);
    check_patch(&[("space", b" \t\n\n \n")], &[("space", b"\t\n\n\n")]);
    check_patch(&[("full", b"a\n")], &[("full", b"")]);
    check_patch(&[("full", b"")], &[("full", b"a")]);
}

#[test]
fn patches_quote_unusual_paths_as_git_does() {
    let names =
        ["with space.py", "tab\tname", "new\nline", "quo\"te", "back\\slash", "gr\u{fc}n.py", "dir x/a b", "a", "b/a"];
    for name in names {
        check_patch(&[(name, b"1\n")], &[(name, b"2\n")]);
        check_patch(&[], &[(name, b"")]);
        check_patch(&[(name, b"1\n")], &[]);
    }
}

#[test]
fn patches_carry_modes() {
    let fixture = sample();
    let (_, store, tree) = open(&fixture);
    let mode = |at: &str, bytes: &[u8], mode: FileMode| Edit::Write {
        path: path(at),
        bytes: bytes.to_vec(),
        mode: Some(mode),
    };
    let edit = |edits: &[Edit]| store.write_tree(tree, edits).unwrap();
    let text = check_trees(&store, tree, edit(&[mode("a.py", b"print(1)\n", FileMode::Executable)]));
    assert_eq!(text.to_str().unwrap(), "diff --git a/a.py b/a.py\nold mode 100644\nnew mode 100755\n");
    check_trees(&store, tree, edit(&[mode("a.py", b"print(2)\n", FileMode::Executable)]));
    check_trees(&store, tree, edit(&[mode("run.sh", b"#!/bin/sh\n", FileMode::Regular)]));
    check_trees(&store, tree, edit(&[mode("new", b"x\n", FileMode::Executable)]));
    check_trees(&store, tree, edit(&[mode("link", b"lib.txt", FileMode::Symlink)]));
    check_trees(&store, tree, edit(&[mode("link", b"a file now\n", FileMode::Regular)]));
    check_trees(&store, tree, edit(&[mode("a.py", b"lib.txt", FileMode::Symlink)]));
    check_trees(&store, tree, edit(&[delete("link"), delete("a.py")]));
    check_trees(&store, tree, edit(&[delete("lib.txt"), write("lib.txt/x", "now a directory\n")]));
}

#[test]
fn binary_files_have_no_patch() {
    let fixture = sample();
    let (_, store, tree) = open(&fixture);
    let edited = store.write_tree(tree, &[write("pic.png", b"\x89PNG\0\n")]).unwrap();
    let error = store.diff(tree, edited).unwrap_err();
    assert_eq!(error.to_string(), "`pic.png` is a binary file; patches hold text only");
}

#[test]
fn gits_own_patches_come_back_byte_for_byte() {
    let fixture = sample();
    let body: String = (1..40).map(|number| format!("def f{number}():\n    return {number}\n")).collect();
    fixture
        .write("old name.py", &body)
        .write("gone", "x\n")
        .write("mode", "m\n")
        .write("copy.py", body.replace("f1", "g1"));
    let first = fixture.commit("second");
    fixture.git(["mv", "old name.py", "n\u{e9}w.py"]);
    fixture.write("n\u{e9}w.py", body.replace("return 7\n", "return 8")).executable("mode", true).write("empty", "");
    fixture.write("copied.py", body.replace("f1", "g1")).write("copy.py", body.replace("f1", "g1") + "# end\n");
    std::fs::remove_file(fixture.work().join("gone")).unwrap();
    fixture.commit("third");
    let (source, store, tree) = open(&fixture);
    let base = source.resolve(&first).unwrap().tree;
    for options in
        [&["-M"][..], &["-C", "-C"], &["-M", "-U0"], &["-U10", "--full-index"], &["--no-renames"], &["-B", "-M"]]
    {
        let fixed = ["diff-tree", "-p", &first, "HEAD"];
        let text = git_in(&fixture.work(), fixed.iter().copied().chain(options.iter().copied()), b"");
        let patch = Patch::parse(&text).unwrap();
        assert_eq!(BString::from(patch.to_bytes()), BString::from(text.clone()), "{options:?}");
        assert_eq!(store.apply(base, &patch).unwrap(), tree, "{options:?}");
    }
    // A mail has text around the patch.
    let mail = git_in(&fixture.work(), ["format-patch", "-1", "--stdout"], b"");
    assert_eq!(store.apply(base, &Patch::parse(&mail).unwrap()).unwrap(), tree);
    for prefix in [&["--no-prefix"][..], &["--src-prefix=i/", "--dst-prefix=w/"]] {
        let fixed = ["diff-tree", "-p", "-M", &first, "HEAD"];
        let text = git_in(&fixture.work(), fixed.iter().copied().chain(prefix.iter().copied()), b"");
        assert_eq!(store.apply(base, &Patch::parse(&text).unwrap()).unwrap(), tree, "{prefix:?}");
    }
}

#[test]
fn patches_that_do_not_fit_are_refused_by_name() {
    let fixture = sample();
    let (_, store, tree) = open(&fixture);
    let check = |text: &str, expected: &str| {
        let error = store.apply(tree, &Patch::parse(text.as_bytes()).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let change = "@@ -1 +1 @@\n-print(1)\n+print(2)\n";
    check(&format!("--- a/no.py\n+++ b/no.py\n{change}"), "no file `no.py` in the tree the patch is for");
    check(&format!("--- a/lib.txt\n+++ b/lib.txt\n{change}"), "`lib.txt`: hunk 1 does not match at line 1 or near it");
    check("--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+x\n", "file `a.py` exists already in the tree the patch is for");
    check("--- a/a.py\n+++ /dev/null\n@@ -1,0 +0,0 @@\n", "`a.py` is deleted by the patch but has content left");
    check(
        &format!("--- a/a.py\n+++ b/a.py\n{change}--- a/a.py\n+++ b/a.py\n{change}"),
        "`a.py` appears twice in the patch",
    );
    check(
        &format!("--- a/../a.py\n+++ b/../a.py\n{change}"),
        "path `../a.py` leaves the repository or has a `.` component",
    );
    check(
        "--- /dev/null\n+++ /etc/cron.d/x\n@@ -0,0 +1 @@\n+x\n",
        "path `/etc/cron.d/x` is absolute; give it relative to the repository's root",
    );
    check(
        "--- /dev/null\n+++ b/link/x\n@@ -0,0 +1 @@\n+x\n",
        "`link` is a file in the tree, so nothing can be written below it",
    );
    check(
        "diff --git a/m b/m\nnew file mode 160000\n--- /dev/null\n+++ b/m\n@@ -0,0 +1 @@\n+Subproject commit 1\n",
        "`m` is a submodule; patches leave those alone",
    );
    check(
        "diff --git a/link b/link\nold mode 100644\nnew mode 100755\n",
        "`link` is Symlink in the tree, the patch expects Regular",
    );
}

#[test]
fn files_swap_names() {
    let fixture = sample();
    let (_, store, tree) = open(&fixture);
    let swap = "diff --git a/a.py b/lib.txt\nrename from a.py\nrename to lib.txt\n\
                diff --git a/lib.txt b/a.py\nrename from lib.txt\nrename to a.py\n";
    let swapped = store.apply(tree, &Patch::parse(swap.as_bytes()).unwrap()).unwrap();
    assert_eq!(git_apply(&store, tree, swap.as_bytes()).unwrap(), swapped);
    assert_eq!(store.snapshot(swapped).unwrap().read(&path("a.py")).unwrap(), b"z\n");
}

/// Text of a few different lines, so that two of them share some.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        4 => prop::sample::select(vec![&b"a\n"[..], b"b\n", b"c\n", b"\n", b"a\r\n", b" a\n", b"\xff\xe9\n", b"-- \n", b"++ b\n"])
            .prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(1_u8.., 0..6).prop_map(|mut it| { it.push(b'\n'); it }),
    ];
    let end = prop::collection::vec(1_u8.., 0..3);
    (prop::collection::vec(line, 0..40), end).prop_map(|(lines, end)| [lines.concat(), end].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn applying_a_diff_gives_the_other_side(old in content(), new in content()) {
        let hunks = crate::diff::diff_lines(&old, &new).unwrap();
        prop_assert_eq!(crate::patch::apply_hunks(&old, &hunks).unwrap(), new);
    }
}

proptest! {
    // Each case starts a dozen git processes.
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn git_agrees_on_random_changes(old in content(), new in content(), added in content()) {
        check_patch(&[("same", &old), ("gone dir/x", &new)], &[("same", &new), ("n\u{e9}w", &added)]);
    }
}
