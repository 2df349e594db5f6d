//! What is read as a patch and what is not. The store's tests compare with git itself.

use proptest::prelude::*;

use super::*;

const CHANGE: &str = "@@ -1 +1 @@\n-a\n+b\n";

fn paths(text: &str) -> Vec<String> {
    let patch = Patch::parse(text.as_bytes()).unwrap();
    patch.files().iter().map(|file| format!("{:?} {} {}", file.kind, file.old_path, file.new_path)).collect()
}

#[test]
fn names_are_found() {
    let check = |text: String, expected: &str| assert_eq!(paths(&text), [expected], "{text}");
    check(format!("--- a/x.py\n+++ b/x.py\n{CHANGE}"), "Modify x.py x.py");
    check(format!("--- x.py\n+++ x.py\n{CHANGE}"), "Modify x.py x.py");
    check(format!("--- a/x.py\n+++ a/x.py\n{CHANGE}"), "Modify a/x.py a/x.py");
    check(format!("--- x.py.orig\t2026-01-01 00:00:00\n+++ x.py\t2026-01-02\n{CHANGE}"), "Modify x.py x.py");
    check(format!("--- a/x y\t\n+++ b/x y\t\n{CHANGE}"), "Modify x y x y");
    check(format!("--- a/x\r\n+++ b/x\r\n{CHANGE}"), "Modify x x");
    check("--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n".to_owned(), "Create x x");
    check("--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n".to_owned(), "Delete x x");
    check("diff --git a/x b/x\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n".to_owned(), "Create x x");
    check("diff --git a/x b/y b/x b/y\nnew file mode 100644\n".to_owned(), "Create x b/y x b/y");
    check("diff --git x x\nnew file mode 100644\n".to_owned(), "Create x x");
    check("diff --git i/x w/x\nold mode 100644\nnew mode 100755\n".to_owned(), "Modify x x");
    check("diff --git \"a/t\\tx\" \"b/t\\tx\"\ndeleted file mode 100644\n".to_owned(), "Delete t\tx t\tx");
    check("diff --git a/x b/y z\nsimilarity index 100%\nrename from x\nrename to y z\n".to_owned(), "Rename x y z");
    check("diff --git a/x b/y\ncopy from x\ncopy to y\n".to_owned(), "Copy x y");
    check(format!("Subject: hello\n\n---\n x | 2 +-\n\n--- a/x\n+++ b/x\n{CHANGE}-- \n2.47\n"), "Modify x x");
}

#[test]
fn lines_keep_their_bytes() {
    let text = b"--- a/x\n+++ b/x\n@@ -1,4 +1,3 @@ f()\n \xe9\r\n-\n-a\n+b\r\n c\n\\ No newline at end of file\n";
    let patch = Patch::parse(text).unwrap();
    let lines: Vec<&[u8]> = patch.files()[0].hunks[0].lines.iter().map(|it| &**it.bytes).collect();
    assert_eq!(lines, [&b"\xe9\r\n"[..], b"\n", b"a\n", b"b\r\n", b"c"]);
    assert_eq!(patch.to_bytes(), text);
    assert_eq!((patch.files()[0].added_lines(), patch.files()[0].removed_lines(), patch.changed_lines()), (1, 2, 3));
}

#[test]
fn small_damage_is_forgiven() {
    let context_without_space = "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n-a\n+b\n\n c";
    let lines = &Patch::parse(context_without_space.as_bytes()).unwrap().files[0].hunks[0].lines;
    assert_eq!(lines[2], Line { side: LineSide::Context, bytes: "\n".into() });
    assert_eq!(lines[3], Line { side: LineSide::Context, bytes: "c\n".into() });
}

#[test]
fn damaged_patches_are_refused() {
    let check = |text: &str, expected: &str| {
        assert_eq!(Patch::parse(text.as_bytes()).unwrap_err().to_string(), expected, "{text}");
    };
    check("", "no file header (`diff --git` or `---`) in the patch");
    check("hello\n", "no file header (`diff --git` or `---`) in the patch");
    check(CHANGE, "line 1 of the patch: a hunk stands outside a file");
    check("--- a/x\n+++ b/x\n", "line 2 of the patch: the file has no hunk");
    check("--- /dev/null\n+++ /dev/null\n", "line 2 of the patch: both names are /dev/null");
    check("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n", "line 4 of the patch: the patch ends inside a hunk");
    check(
        "--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n-a\n+b\n+c\n",
        "line 6 of the patch: the hunk has other lines than its header promises",
    );
    check(
        "--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n-a\n+b\nx\n",
        "line 6 of the patch: the line belongs to no hunk, but the hunk header promises more lines",
    );
    check("--- a/x\n+++ b/x\n@@ -1 +1\n-a\n+b\n", "line 3 of the patch: the hunk header cannot be read");
    check("--- a/x\n+++ b/x\n@@ -0 +1 @@\n-a\n+b\n", "line 3 of the patch: the hunk header cannot be read");
    check("--- a/x\n+++ b/x\n@@ -99999999999999999999 +1 @@\n", "line 3 of the patch: the hunk header cannot be read");
    check(
        "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n\\ No newline at end of file\n b\n",
        "line 6 of the patch: a line follows one that ends the file without newline",
    );
    check("diff --git a/x b/x\nnew file mode 99\n", "line 2 of the patch: the mode is unknown");
    check("diff --git a/x b/x\nindex zz..yy\n", "line 2 of the patch: the index line cannot be read");
    check("diff --git a/x b/y\n", "line 1 of the patch: the two names of the file differ, but it is not renamed");
    let endless = format!("diff --git {}\n", " x".repeat(100_000));
    check(&endless, "line 1 of the patch: the file has no name that can be read");
    check("diff --git \n", "line 1 of the patch: the file has no name that can be read");
    let binary = "`x` is a binary file; patches hold text only";
    check("diff --git a/x b/x\nindex 1234567..89abcde 100644\nBinary files a/x and b/x differ\n", binary);
    check("diff --git a/x b/x\nindex 1234567..89abcde 100644\nGIT binary patch\nliteral 3\nKcmZ\n", binary);
}

#[test]
fn hunks_are_found_nearby_but_never_guessed() {
    let apply = |content: &str, hunks: &str| {
        let patch = Patch::parse(format!("--- a/x\n+++ b/x\n{hunks}").as_bytes()).unwrap();
        crate::patch::apply_hunks(content.as_bytes(), &patch.files[0].hunks)
            .map(|it| String::from_utf8(it).unwrap())
            .map_err(|it| it.to_string())
    };
    let middle = "@@ -2,3 +2,3 @@\n a\n-b\n+B\n c\n";
    assert_eq!(apply("0\na\nb\nc\n", middle).unwrap(), "0\na\nB\nc\n");
    assert_eq!(apply("0\n1\n2\na\nb\nc\n", middle).unwrap(), "0\n1\n2\na\nB\nc\n");
    assert_eq!(apply("a\nb\nc\n", middle).unwrap(), "a\nB\nc\n");
    assert_eq!(apply("a\nb\nx\nc\n", middle).unwrap_err(), "hunk 1 does not match at line 2 or near it");
    assert_eq!(apply("a\r\nb\r\nc\r\n", middle).unwrap_err(), "hunk 1 does not match at line 2 or near it");
    let far = format!("{}a\nb\nc\n", "0\n".repeat(2000));
    assert_eq!(apply(&far, middle).unwrap_err(), "hunk 1 does not match at line 2 or near it");
    // The nearest of several places counts.
    assert_eq!(
        apply("a\nb\nc\n0\n0\n0\n0\na\nb\nc\n", "@@ -9,3 +9,3 @@\n a\n-b\n+B\n c\n").unwrap(),
        "a\nb\nc\n0\n0\n0\n0\na\nB\nc\n"
    );
    // Without context there is nothing to look for; context on one side binds to an end of the file.
    assert_eq!(apply("0\nb\n", "@@ -1 +1 @@\n-b\n+B\n").unwrap_err(), "hunk 1 does not match at line 1 or near it");
    assert_eq!(apply("0\na\nb\n", "@@ -1,2 +1,2 @@\n a\n-b\n+B\n").unwrap(), "0\na\nB\n");
    assert_eq!(
        apply("0\na\nb\n1\n", "@@ -1,2 +1,2 @@\n a\n-b\n+B\n").unwrap_err(),
        "hunk 1 does not match at line 1 or near it"
    );
    // The second hunk follows the first one's shift.
    let two = "@@ -1,2 +1,2 @@\n-a\n+A\n b\n@@ -4,2 +4,3 @@\n d\n+D\n e\n";
    assert_eq!(apply("a\nb\nc\nd\ne\n", two).unwrap(), "A\nb\nc\nd\nD\ne\n");
    let unordered = "@@ -4,2 +4,2 @@\n d\n-e\n+E\n@@ -1 +1 @@\n-a\n+A\n";
    assert_eq!(apply("a\nb\nc\nd\ne\n", unordered).unwrap_err(), "hunk 2 at line 1 overlaps the hunk in front");
    let joined = "@@ -1,1 +1,1 @@\n-a\n+A\n\\ No newline at end of file\n";
    assert_eq!(apply("a\nb\n", joined).unwrap_err(), "hunk 1 ends the file at line 1, but more lines follow");
    assert_eq!(apply("a\n", "@@ -9,0 +10 @@\n+x\n").unwrap_err(), "hunk 1 does not match at line 9 or near it");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Patch::parse(&bytes);
    }

    #[test]
    fn no_shuffle_of_patch_lines_panics_and_what_is_read_is_written_alike(
        lines in prop::collection::vec(prop::sample::select(vec![
            "diff --git a/x b/x\n", "diff --git \"a/\\t\" b/x y\n", "--- a/x\n", "+++ b/x\n", "+++ /dev/null\n", "--- /dev/null\n",
            "@@ -1 +1 @@\n", "@@ -1,2 +1,0 @@ f\n", "@@ -0,0 +1,3 @@\n", "+a\n", "-a\n", " a\n", "\n", "\\ No newline\n", "rename from x\n",
            "rename to y\n", "new file mode 100644\n", "old mode 100755\n", "index 12..34 100644\n", "similarity index 50%\n", "-- \n",
        ]), 0..14)
    ) {
        let text = lines.concat();
        if let Ok(patch) = Patch::parse(text.as_bytes()) {
            let written = patch.to_bytes();
            let again = Patch::parse(&written);
            if let Ok(again) = again {
                prop_assert_eq!(again.to_bytes(), written);
            }
            for file in patch.files() {
                let _ = crate::patch::apply_hunks(b"a\na\n", &file.hunks);
            }
            crate::policy::Policy::default().check_patch(&patch);
        }
    }
}
