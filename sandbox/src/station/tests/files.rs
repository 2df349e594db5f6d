//! Files in, files out.

use super::*;

pub(super) async fn go_in_and_come_back(station: &Station) {
    let at = station.make_place("files").await.unwrap();
    station.make_place("files").await.unwrap_err();
    for name in ["", "a/b", "..", ".hidden", "x\0"] {
        station.make_place(name).await.unwrap_err();
    }
    let script = WorkFile { mode: FileMode::Executable, ..file("bin/go", "#!/bin/sh\necho went") };
    let link = WorkFile { mode: FileMode::Symlink, ..file("link", "a/b.txt") };
    let module = WorkFile { mode: FileMode::Submodule, ..file("module", "") };
    let odd = WorkFile { path: RepoPath::new(b"odd \xff\n name").unwrap(), ..file("x", "odd") };
    station.put(&at, &[file("a/b.txt", "first"), script, link, module, odd.clone()]).await.unwrap();
    assert_eq!(station.read(&at, &path("a/b.txt"), 5).await.unwrap(), b"first");
    assert_eq!(station.read(&at, &odd.path, 5).await.unwrap(), b"odd");
    for (name, limit) in [("a/b.txt", 4), ("link", 100), ("absent", 100), ("a", 100), ("a/b.txt/c", 100)] {
        let error = station.read(&at, &path(name), limit).await.unwrap_err();
        assert!(matches!(error, SandboxError::Workspace { .. }), "{error}");
    }
    let seen = printed(station, &at, &shell("bin/go; cat link; ls -d module; stat -c %Y a/b.txt link")).await;
    assert_eq!(seen, "went\nfirstmodule\n1000000000\n1000000000\n");
    let gone = Overlay { path: path("module"), bytes: None };
    let never = Overlay { path: path("never/was"), bytes: None };
    let edits =
        [over("a/b.txt/c", "deeper"), gone, never, over("bin/go", "#!/bin/sh\necho again"), over("link", "file")];
    station.apply(&at, &edits).await.unwrap();
    // A file keeps its executable bit, and a link is replaced, not written through.
    let seen = printed(station, &at, &shell("cat a/b.txt/c; bin/go; test -L link || cat link; ls")).await;
    assert_eq!(seen, "deeperagain\nfilea\nbin\nlink\nodd \u{fffd}\n name\n");
    station.remove(&at).await.unwrap();
    station.read(&at, &path("a/b.txt"), 100).await.unwrap_err();
    station.remove(&at).await.unwrap();
}

pub(super) async fn edits_are_newer_than_everything(station: &Station) {
    let at = station.make_place("times").await.unwrap();
    station.put(&at, &[file("source", "1"), file("other", "1")]).await.unwrap();
    let newest = "import os, sys\n\
        times = {name: os.stat(name).st_mtime_ns for name in os.listdir('.')}\n\
        mine = times.pop('source')\n\
        print(all(mine > it for it in times.values()), mine // 10**9)";
    let mut seconds = Vec::new();
    for (round, build) in ["touch built", "touch -d '+1 hour' built", "true", "true"].iter().enumerate() {
        printed(station, &at, &shell(build)).await;
        station.apply(&at, &[over("source", &round.to_string())]).await.unwrap();
        let said = printed(station, &at, &python(newest)).await;
        let (first, second) = said.trim().split_once(' ').unwrap();
        assert_eq!(first, "True", "round {round}");
        seconds.push(second.parse::<u64>().unwrap());
    }
    // Python compares whole seconds.
    assert!(seconds.windows(2).all(|pair| pair[0] < pair[1]), "{seconds:?}");
    let stamp = station.newest(&at).await.unwrap();
    let next = station.apply_after(&at, &[over("fresh", "")], Some(stamp)).await.unwrap();
    assert!(next > stamp);
    station.remove(&at).await.unwrap();
}

pub(super) async fn links_lead_nowhere(station: &Station) {
    let at = station.make_place("links").await.unwrap();
    let other = station.make_place("other").await.unwrap();
    station.put(&other, &[file("precious", "precious")]).await.unwrap();
    let script = format!(
        "ln -s {} out; ln -s / root; ln -s ../.. up; ln -s loop loop; ln -s /etc/passwd passwd; mkdir sub; ln -s .. sub/back",
        other.path()
    );
    printed(station, &at, &shell(&script)).await;
    for name in ["out/precious", "root/etc/passwd", "up/other/precious", "loop", "loop/x", "passwd", "sub/back/passwd"]
    {
        station.read(&at, &path(name), 1000).await.unwrap_err();
        station.put(&at, &[file(&format!("{name}/new"), "x")]).await.unwrap_err();
        station.apply(&at, &[over(&format!("{name}/new"), "x")]).await.unwrap_err();
    }
    station.apply(&at, &[over("passwd", "mine")]).await.unwrap();
    assert_eq!(station.read(&at, &path("passwd"), 10).await.unwrap(), b"mine");
    // Removing goes no further than the links themselves.
    station.remove(&at).await.unwrap();
    assert_eq!(station.read(&other, &path("precious"), 10).await.unwrap(), b"precious");
    // A place that was replaced by a link is not the place.
    let script = format!("mv {0} {0}.moved && ln -s / {0}", other.path());
    let home = station.make_place("home").await.unwrap();
    printed(station, &home, &shell(&script)).await;
    station.read(&other, &path("etc/passwd"), 10_000).await.unwrap_err();
    station.put(&other, &[file("tmp/patchwright-test", "x")]).await.unwrap_err();
    station.mark(&other).await.unwrap_err();
    station.run(&other, &shell("true")).await.unwrap_err();
    station.remove(&other).await.unwrap();
    printed(station, &home, &shell("rm -r ../other.moved")).await;
    station.remove(&home).await.unwrap();
}

pub(super) async fn nothing_blocks_a_reader(station: &Station) {
    let at = station.make_place("special").await.unwrap();
    let mark = station.mark(&at).await.unwrap();
    let script = "import os, socket\nos.mkfifo('fifo')\nsocket.socket(socket.AF_UNIX).bind('socket')\nos.mkdir('deep')\n\
        os.symlink('../fifo', 'deep/link')\nopen('sparse', 'w').truncate(900 << 20)";
    printed(station, &at, &python(script)).await;
    for name in ["fifo", "socket", "sparse"] {
        station.read(&at, &path(name), 1 << 20).await.unwrap_err();
    }
    let changes = station.changes(&at, &mark, 100).await.unwrap();
    let link = Change { path: path("deep/link"), mode: FileMode::Symlink, bytes: Some(b"../fifo".to_vec()) };
    let expected = Changes { files: vec![link], special: 2, too_large: 1, left_out: 0, complete: true };
    assert_eq!(changes, expected);
    station.remove(&at).await.unwrap();
}

pub(super) async fn changes_come_back_as_a_tree(station: &Station) {
    let at = station.make_place("changes").await.unwrap();
    let base = ["same", "edited", "gone", "touched", "hidden", "dir/gone"].map(|name| file(name, "base"));
    station.put(&at, &base).await.unwrap();
    let mark = station.mark(&at).await.unwrap();
    assert_eq!(station.changes(&at, &mark, 100).await.unwrap(), Changes { complete: true, ..Changes::default() });
    let script = "import os\n\
        def write(name, text):\n\
        \x20   with open(name, 'w') as file: file.write(text)\n\
        write('edited', 'edited'); os.remove('gone'); os.remove('dir/gone'); os.rmdir('dir')\n\
        before = os.stat('hidden')\n\
        write('hidden', 'BASE'); os.utime('hidden', ns=(before.st_atime_ns, before.st_mtime_ns))\n\
        os.mkdir('new'); write('new/program', 'x'); os.chmod('new/program', 0o4755)\n\
        write('secret', 'y'); os.chmod('secret', 0o600); os.link('secret', 'hard')\n\
        os.makedirs('sub/.git'); write('sub/.git/config', 'evil'); os.mkdir('.git'); write('.git/config', 'evil')";
    printed(station, &at, &python(script)).await;
    let changes = station.changes(&at, &mark, 100).await.unwrap();
    let seen: Vec<(String, FileMode, Option<&[u8]>)> =
        changes.files.iter().map(|it| (it.path.to_string(), it.mode, it.bytes.as_deref())).collect();
    let regular = |name: &str, text: &'static str| (name.to_owned(), FileMode::Regular, Some(text.as_bytes()));
    assert_eq!(
        seen,
        [
            regular("edited", "edited"),
            regular("hard", "y"),
            regular("hidden", "BASE"),
            // Of its attributes only the executable bit is left.
            ("new/program".to_owned(), FileMode::Executable, Some(&b"x"[..])),
            regular("secret", "y"),
            ("dir/gone".to_owned(), FileMode::Regular, None),
            ("gone".to_owned(), FileMode::Regular, None),
        ]
    );
    assert_eq!((changes.special, changes.too_large, changes.left_out, changes.complete), (0, 0, 0, true));
    let edits = changes.edits();
    assert_eq!(edits[6], repo::Edit::Delete { path: path("gone") });
    assert!(matches!(&edits[3], repo::Edit::Write { mode: Some(FileMode::Executable), .. }));
    let huge = WorkFile { bytes: vec![0; 89 << 20], ..file("huge", "") };
    station.put(&at, &[huge]).await.unwrap_err();
    station.remove(&at).await.unwrap();
}

pub(super) async fn changes_are_capped(station: &Station) {
    let at = station.make_place("many").await.unwrap();
    let mark = station.mark(&at).await.unwrap();
    let script = "for i in range(8): open('big%d' % i, 'wb').write(b'x' * (4 << 20))\n\
        for i in range(50): open('small%d' % i, 'w').close()\nopen('huge', 'wb').write(b'x' * (6 << 20))";
    printed(station, &at, &python(script)).await;
    let changes = station.changes(&at, &mark, 30).await.unwrap();
    let bytes: usize = changes.files.iter().filter_map(|it| it.bytes.as_ref()).map(Vec::len).sum();
    assert!(bytes <= 20 << 20, "{bytes}");
    assert_eq!((changes.files.len(), changes.too_large), (30, 1));
    assert_eq!(changes.left_out, 8 + 50 - 30);
    station.remove(&at).await.unwrap();
}

pub(super) async fn copies_are_whole(station: &Station) {
    let [from, to] = [station.make_place("from").await.unwrap(), station.make_place("to").await.unwrap()];
    let link = WorkFile { mode: FileMode::Symlink, ..file("link", "a/b") };
    let program = WorkFile { mode: FileMode::Executable, ..file("a/run", "#!/bin/sh\necho ran") };
    station.put(&from, &[file("a/b", "text"), link, program]).await.unwrap();
    printed(
        station,
        &from,
        &shell("mkdir empty; mkfifo fifo; touch -d @1234567890 a/b a; mkdir .git; echo x > .git/HEAD"),
    )
    .await;
    station.copy(&from, &to).await.unwrap();
    let said =
        printed(station, &to, &shell("cat link; a/run; stat -c %Y a/b a; ls -A; cat .git/HEAD; echo no > a/b")).await;
    assert_eq!(said, "textran\n1234567890\n1234567890\n.git\na\nempty\nlink\nx\n");
    assert_eq!(station.read(&from, &path("a/b"), 10).await.unwrap(), b"text");
    // Into what is not empty nothing is copied.
    station.copy(&from, &to).await.unwrap_err();
    for place in [from, to] {
        station.remove(&place).await.unwrap();
    }
}

/// Returns whether there was a git to make one.
pub(super) async fn a_commit_has_no_history(station: &Station) -> bool {
    let at = station.make_place("commit").await.unwrap();
    let files = [file("kept", "text"), file(".gitignore", "ignored\n"), file("ignored", "but part of the tree")];
    station.put(&at, &files).await.unwrap();
    let has_git = station.run(&at, &command(&["git", "--version"])).await.unwrap().exit_code == Some(0);
    assert_eq!(station.commit(&at).await.unwrap(), has_git);
    if has_git {
        let script = "set -e; export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1; git rev-list --all | wc -l; \
            git cat-file --batch-all-objects --batch-check | cut -d' ' -f2 | sort | uniq -c | tr -s ' '; \
            git remote; git tag; git reflog; git stash list; ls .git/logs .git/hooks 2>/dev/null || true; git status --porcelain; \
            git log --format='%an %ae %at'; git show --stat --format= | tail -1";
        let said = printed(station, &at, &shell(script)).await;
        let expected = "1\n 3 blob\n 1 commit\n 1 tree\npatchwright patchwright@localhost 1000000000\n \
            3 files changed, 3 insertions(+)\n";
        assert_eq!(said, expected);
    }
    station.remove(&at).await.unwrap();
    has_git
}
