//! Workspaces in real boxes: by every means on every backend.

mod single;

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::backend::BackendKind;
use crate::backend::process::ProcessBackend;
use crate::limits::Limits;
use crate::report::RunEnding;
use crate::spec::{ImageRef, Labels};
use crate::testing;

const MIB: u64 = 1 << 20;

fn spec(image: Option<ImageRef>) -> SandboxSpec {
    let limits = Limits { disk_bytes: 32 * MIB, ..Limits::default() };
    SandboxSpec { image, limits, ..SandboxSpec::new(Labels::for_job("workspaces")) }
}

fn file(path: &str, text: &str) -> WorkFile {
    WorkFile { path: RepoPath::new(path).unwrap(), bytes: text.into(), mode: FileMode::Regular }
}

fn edit(path: &str, text: Option<&str>) -> Overlay {
    Overlay { path: RepoPath::new(path).unwrap(), bytes: text.map(Into::into) }
}

fn shell(line: &str) -> CommandRequest {
    CommandRequest {
        argv: ["/bin/sh", "-c", line].map(str::to_owned).into(),
        cwd: String::new(),
        env: Vec::new(),
        overlay: Vec::new(),
        total: Duration::from_secs(60),
        silence: Duration::from_secs(60),
    }
}

async fn say(workspaces: &Workspaces, leaf: &mut Leaf, line: &str) -> String {
    let outcome = workspaces.run(leaf, &shell(line)).await.unwrap();
    assert_eq!(outcome.ending, RunEnding::Complete, "{outcome:?}");
    outcome.output.trim().to_owned()
}

/// Opens workspaces by every means that can be had here.
async fn every_means(backend: &dyn Backend, image: Option<ImageRef>) -> Vec<Workspaces> {
    let mut all = vec![Workspaces::open(backend, &spec(image.clone())).await.unwrap()];
    let mut means = vec![Vec::new()];
    if all[0].choice().means == Means::Overlay
        && let Some(program) = means::fuse_program()
    {
        means.push(vec![(Means::FuseOverlay, Joiner::Fuse(program))]);
    }
    for joiners in means {
        let expected = joiners.first().map_or(Means::Copy, |(means, _)| *means);
        let opened = Workspaces::open_by(backend, &spec(image.clone()), joiners, Vec::new()).await.unwrap();
        assert_eq!(opened.choice(), Choice { means: expected, refused: Vec::new() });
        all.push(opened);
    }
    all
}

/// Checks everything on one backend.
async fn check(backend: &dyn Backend, image: Option<ImageRef>) {
    for workspaces in every_means(backend, image).await {
        eprintln!("{}", workspaces.choice());
        if backend.kind() == BackendKind::Docker {
            what_is_alone_is_where_environments_are_made(&workspaces).await;
        }
        nodes_are_apart(&workspaces).await;
        products_survive(&workspaces).await;
        commands_change_files(&workspaces).await;
        many_at_once(&workspaces).await;
        workspaces.close().await.unwrap();
    }
}

/// What was installed by its path finds the files of the candidate there, whatever came before.
async fn what_is_alone_is_where_environments_are_made(workspaces: &Workspaces) {
    let mut layer = workspaces.fill(&[file("in", "1\n")], Commit::None).await.unwrap();
    for round in 0..3 {
        let mut leaf = workspaces.fork(&layer).await.unwrap();
        workspaces.apply(&mut leaf, &[edit("in", Some("edited\n"))]).await.unwrap();
        assert_eq!(
            say(workspaces, &mut leaf, "pwd; cat /workspace/repo/in").await,
            "/workspace/repo\nedited",
            "{round}"
        );
        layer = workspaces.freeze(leaf).await.unwrap();
    }
    let leaf = workspaces.fork(&layer).await.unwrap();
    workspaces.remove(leaf).await.unwrap();
    let mut leaf = workspaces.fork(&layer).await.unwrap();
    assert_eq!(say(workspaces, &mut leaf, "cat /workspace/repo/in").await, "edited");
    workspaces.remove(leaf).await.unwrap();
}

async fn nodes_are_apart(workspaces: &Workspaces) {
    let files = [file("src/a.txt", "a\n"), file("src/b.txt", "b\n")];
    let base = workspaces.fill(&files, Commit::None).await.unwrap();
    let (mut one, mut two) = (workspaces.fork(&base).await.unwrap(), workspaces.fork(&base).await.unwrap());
    let edits = [edit("src/a.txt", Some("changed\n")), edit("src/b.txt", None), edit("new/c.txt", Some("c\n"))];
    workspaces.apply(&mut one, &edits).await.unwrap();
    assert_eq!(say(workspaces, &mut one, "cat src/a.txt new/c.txt; ls src").await, "changed\nc\na.txt");
    assert_eq!(say(workspaces, &mut two, "cat src/*; ls").await, "a\nb\nsrc");
    let changed = workspaces.freeze(one).await.unwrap();
    let (mut child, mut other) = (workspaces.fork(&changed).await.unwrap(), workspaces.fork(&base).await.unwrap());
    assert_eq!(say(workspaces, &mut child, "cat src/*").await, "changed");
    assert_eq!(say(workspaces, &mut other, "cat src/*").await, "a\nb");
    for leaf in [two, child, other] {
        workspaces.remove(leaf).await.unwrap();
    }
    let path = workspaces.fork(&base).await.unwrap().place().clone();
    assert_eq!(workspaces.fork(&base).await.unwrap().place(), &path);
}

async fn products_survive(workspaces: &Workspaces) {
    let base = workspaces.fill(&[file("in", "1\n")], Commit::None).await.unwrap();
    let mut leaf = workspaces.fork(&base).await.unwrap();
    say(workspaces, &mut leaf, "mkdir build && cp in build/out").await;
    let built = workspaces.freeze(leaf).await.unwrap();
    assert!(built.newest() > base.newest());
    let mut child = workspaces.fork(&built).await.unwrap();
    // The product is not rebuilt by one who compares times, until its source is edited.
    let stale = "test in -nt build/out && echo stale || echo fresh";
    assert_eq!(say(workspaces, &mut child, stale).await, "fresh");
    let mut child = workspaces.fork(&built).await.unwrap();
    workspaces.apply(&mut child, &[edit("in", Some("2\n"))]).await.unwrap();
    assert_eq!(say(workspaces, &mut child, &format!("cat build/out; {stale}")).await, "1\nstale");
}

async fn commands_change_files(workspaces: &Workspaces) {
    let base = workspaces.fill(&[file("kept", "1\n"), file("gone", "1\n")], Commit::None).await.unwrap();
    let mut leaf = workspaces.fork(&base).await.unwrap();
    let line = shell("rm gone; echo 2 > made; echo 3 >> kept; mkfifo pipe; ln -s / link");
    let (outcome, changes) = workspaces.run_for_changes(&mut leaf, &line, 100).await.unwrap();
    assert_eq!(outcome.exit_code, Some(0), "{}", outcome.output);
    let said: Vec<String> = changes
        .files
        .iter()
        .map(|it| format!("{}={}", it.path, String::from_utf8_lossy(it.bytes.as_deref().unwrap_or(b"nothing"))))
        .collect();
    assert_eq!(said, ["kept=1\n3\n", "link=/", "made=2\n", "gone=nothing"]);
    assert_eq!((changes.special, changes.complete), (1, true));
    // The effect, as edits, makes the same of another workspace.
    let edits: Vec<Overlay> = changes
        .files
        .into_iter()
        .filter(|it| it.mode != FileMode::Symlink)
        .map(|it| Overlay { path: it.path, bytes: it.bytes })
        .collect();
    let mut other = workspaces.fork(&base).await.unwrap();
    workspaces.apply(&mut other, &edits).await.unwrap();
    assert_eq!(say(workspaces, &mut other, "cat *; ls").await, "1\n3\n2\nkept\nmade");
}

async fn many_at_once(workspaces: &Workspaces) {
    let base = workspaces.fill(&[file("in", "base\n")], Commit::None).await.unwrap();
    let one = async |number: usize| {
        let mut leaf = workspaces.fork(&base).await.unwrap();
        let text = format!("{number}\n");
        workspaces.apply(&mut leaf, &[edit("in", Some(&text))]).await.unwrap();
        let said = say(workspaces, &mut leaf, "cat in; ls").await;
        assert_eq!(said, format!("{number}\nin"));
    };
    futures_util::future::join_all((0..16).map(one)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_containers() {
    let Some(backend) = testing::docker().await else { return };
    let image = backend.prepare(None, &|_| {}).await.unwrap();
    check(&backend, image).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_processes() {
    let backend = ProcessBackend::connect().await.unwrap();
    check(&backend, None).await;
}

#[tokio::test]
async fn a_base_is_one_commit_where_there_is_git() {
    if !testing::tools(&["git"]) {
        return;
    }
    let backend = ProcessBackend::connect().await.unwrap();
    let workspaces = Workspaces::open(&backend, &spec(None)).await.unwrap();
    let base = workspaces.fill(&[file("in", "1\n")], Commit::One).await.unwrap();
    let mut leaf = workspaces.fork(&base).await.unwrap();
    assert_eq!(say(&workspaces, &mut leaf, "git rev-list --all | wc -l; git status --short").await, "1");
    workspaces.apply(&mut leaf, &[edit("in", Some("2\n"))]).await.unwrap();
    assert_eq!(say(&workspaces, &mut leaf, "git status --short").await, "M in");
    workspaces.close().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_mounted_is_said_and_done_by_copies() {
    let backend = ProcessBackend::connect().await.unwrap();
    let absent = Joiner::Fuse(PathBuf::from("/nonexistent/fuse-overlayfs"));
    let means = vec![(Means::FuseOverlay, absent)];
    let workspaces = Workspaces::open_by(&backend, &spec(None), means, Vec::new()).await.unwrap();
    assert_eq!(workspaces.choice().means, Means::Copy);
    let notice = workspaces.choice().notice().unwrap();
    let expected = if nix::unistd::geteuid().is_root() { "No such file" } else { "fuse-overlayfs: " };
    assert!(notice.contains("copy inside the box") && notice.contains(expected), "{notice}");
    workspaces.close().await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_the_boxs_own_fault() {
    let backend = ProcessBackend::connect().await.unwrap();
    let workspaces = Workspaces::open(&backend, &spec(None)).await.unwrap();
    let base = workspaces.fill(&[file("in", "1\n")], Commit::None).await.unwrap();
    let mut leaf = workspaces.fork(&base).await.unwrap();
    let said = say(&workspaces, &mut leaf, "head -c 100M /dev/zero > large; ls -s large | cut -d' ' -f1").await;
    assert!(said.contains("No space left"), "{said}");
    let mut other = workspaces.fork(&base).await.unwrap();
    let refused = workspaces.apply(&mut other, &[edit("in", Some("2\n"))]).await.unwrap_err();
    assert!(!refused.is_infrastructure(), "{refused}");
    workspaces.remove(leaf).await.unwrap();
    drop(other);
    workspaces.close().await.unwrap();
}

#[tokio::test]
async fn layers_of_another_box_are_refused() {
    let backend = ProcessBackend::connect().await.unwrap();
    let copies = Workspaces::open_by(&backend, &spec(None), Vec::new(), Vec::new()).await.unwrap();
    let first = Workspaces::open(&backend, &spec(None)).await.unwrap();
    let second = Workspaces::open(&backend, &spec(None)).await.unwrap();
    let layer = first.fill(&[file("in", "1\n")], Commit::None).await.unwrap();
    for other in [&second, &copies] {
        let refused = other.fork(&layer).await.unwrap_err();
        assert!(refused.to_string().contains("another box"), "{refused}");
    }
    for workspaces in [first, second, copies] {
        workspaces.close().await.unwrap();
    }
}
