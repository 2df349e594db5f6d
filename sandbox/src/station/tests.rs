//! What every station promises, on both backends; each promise is one function over a running station.

use std::time::Instant;

use super::*;
use crate::backend::process::ProcessBackend;
use crate::spec::{ImageRef, Labels};
use crate::testing;

fn path(path: &str) -> RepoPath {
    RepoPath::new(path).unwrap()
}

fn file(name: &str, text: &str) -> WorkFile {
    WorkFile { path: path(name), bytes: text.as_bytes().to_vec(), mode: FileMode::Regular }
}

fn over(name: &str, text: &str) -> Overlay {
    Overlay { path: path(name), bytes: Some(text.as_bytes().to_vec()) }
}

fn command(argv: &[&str]) -> CommandRequest {
    CommandRequest {
        argv: argv.iter().map(|it| (*it).to_owned()).collect(),
        cwd: String::new(),
        env: Vec::new(),
        overlay: Vec::new(),
        total: Duration::from_secs(60),
        silence: Duration::from_secs(60),
    }
}

fn shell(script: &str) -> CommandRequest {
    command(&["/bin/sh", "-c", script])
}

fn python(script: &str) -> CommandRequest {
    command(&["python3", "-c", script])
}

/// A backend under test, with the image to use.
struct Subject {
    backend: Box<dyn Backend>,
    image: Option<ImageRef>,
}

impl Subject {
    fn spec(&self, limits: Limits) -> SandboxSpec {
        SandboxSpec { image: self.image.clone(), limits, ..SandboxSpec::new(Labels::for_job("station")) }
    }

    async fn start(&self, limits: Limits) -> Station {
        Station::start(self.backend.as_ref(), &self.spec(limits)).await.unwrap()
    }
}

async fn docker() -> Option<Subject> {
    let backend = testing::docker().await?;
    let image = backend.prepare(None, &|_| {}).await.unwrap();
    Some(Subject { backend: Box::new(backend), image })
}

async fn process() -> Subject {
    Subject { backend: Box::new(ProcessBackend::connect().await.unwrap()), image: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_on_docker() {
    let Some(subject) = docker().await else { return };
    conformance(&subject).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_on_processes() {
    conformance(&process().await).await;
}

/// Checks everything that one station can show.
async fn conformance(subject: &Subject) {
    let station = subject.start(Limits::default()).await;
    files_go_in_and_come_back(&station).await;
    commands_run_where_they_should(&station).await;
    output_keeps_its_order(&station).await;
    station.close().await.unwrap();
}

async fn files_go_in_and_come_back(station: &Station) {
    let at = station.make_place("files").await.unwrap();
    station.make_place("files").await.unwrap_err();
    for name in ["", "a/b", "..", ".hidden", "x\0"] {
        station.make_place(name).await.unwrap_err();
    }
    let script = WorkFile { mode: FileMode::Executable, ..file("bin/go", "#!/bin/sh\necho went") };
    let link = WorkFile { mode: FileMode::Symlink, ..file("link", "a/b.txt") };
    let module = WorkFile { mode: FileMode::Submodule, ..file("module", "") };
    station.put(&at, &[file("a/b.txt", "first"), script, link, module]).await.unwrap();
    assert_eq!(station.read(&at, &path("a/b.txt"), 5).await.unwrap(), b"first");
    station.read(&at, &path("a/b.txt"), 4).await.unwrap_err();
    station.read(&at, &path("link"), 100).await.unwrap_err();
    station.read(&at, &path("absent"), 100).await.unwrap_err();
    let outcome = station.run(&at, &shell("bin/go; cat link; ls -d module; stat -c %Y a/b.txt link")).await.unwrap();
    assert_eq!(outcome.output, "went\nfirstmodule\n1000000000\n1000000000\n");
    let gone = Overlay { path: path("bin"), bytes: None };
    station.apply(&at, &[over("a/b.txt/c", "deeper"), gone, over("bin/go", "text")]).await.unwrap();
    let outcome = station.run(&at, &shell("cat a/b.txt/c bin/go; test -x bin/go || echo plain")).await.unwrap();
    assert_eq!(outcome.output, "deepertextplain\n");
    station.remove(&at).await.unwrap();
    station.read(&at, &path("a/b.txt"), 100).await.unwrap_err();
    assert!(station.is_alive());
}

async fn commands_run_where_they_should(station: &Station) {
    let at = station.make_place("commands").await.unwrap();
    station.put(&at, &[file("sub/file", "here")]).await.unwrap();
    let request = CommandRequest {
        cwd: "sub".to_owned(),
        env: vec![("NAME".to_owned(), "value".to_owned())],
        ..shell("pwd; cat file; echo $NAME; echo $HOME $TMPDIR | grep -c run-; cat; exit 3")
    };
    let outcome = station.run(&at, &request).await.unwrap();
    assert_eq!((outcome.exit_code, &outcome.ending), (Some(3), &RunEnding::Complete));
    assert_eq!(outcome.output, format!("{}/sub\nherevalue\n1\n", at.path()));
    let missing = station.run(&at, &command(&["no-such-program"])).await.unwrap();
    assert_eq!(missing.exit_code, Some(127), "{missing:?}");
    assert!(missing.output.contains("no-such-program: No such file"), "{missing:?}");
    let request = CommandRequest { cwd: "absent".to_owned(), ..shell("true") };
    station.run(&at, &request).await.unwrap_err();
    let killed = station.run(&at, &shell("kill -15 $$")).await.unwrap();
    assert!(matches!(&killed.ending, RunEnding::Crashed { detail } if detail.contains("15")), "{killed:?}");
    station.remove(&at).await.unwrap();
}

async fn output_keeps_its_order(station: &Station) {
    let at = station.make_place("order").await.unwrap();
    let script = "import os\nfor i in range(300): os.write(1 + i % 2, b'%d ' % i)";
    let outcome = station.run(&at, &python(script)).await.unwrap();
    let expected: String = (0..300).map(|number| format!("{number} ")).collect();
    assert_eq!(outcome.output, expected);
    station.remove(&at).await.unwrap();
}

#[tokio::test]
async fn latency() {
    for subject in [Some(process().await), docker().await].into_iter().flatten() {
        let station = subject.start(Limits::default()).await;
        let at = station.make_place("x").await.unwrap();
        let mut times = Vec::new();
        for _ in 0..100 {
            let began = Instant::now();
            station.run(&at, &command(&["true"])).await.unwrap();
            times.push(began.elapsed());
        }
        times.sort();
        eprintln!("{:?} p50 {:?} p95 {:?}", subject.backend.kind(), times[50], times[95]);
        station.close().await.unwrap();
    }
}
