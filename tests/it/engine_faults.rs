//! Engines that are away, die, hang, fill up or lose things while they are needed: always said in a sentence, never a verdict on the code,
//! never waited for without end, and nothing left once the engine is back.
//!
//! Each test has an engine of its own, so that the machine's stays whole.

use std::path::Path;
use std::time::{Duration, Instant};

use e2e::engine::private::{PrivateEngine, Setup};
use e2e::program::{Ended, Running};
use e2e::repository::Repository;
use sandbox::{
    Backend, BackendKind, BoxEnding, ConnectOptions, ImageRef, Labels, Launched, SandboxError, SandboxSpec, connect,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::samples::{fix_args_in, hostile, issue};
use crate::{docker, patchwright};

/// What any single step may take with an engine that hangs; the limits in the code are far below.
const BOUND: Duration = Duration::from_secs(40);

fn options(engine: &PrivateEngine) -> ConnectOptions {
    ConnectOptions { docker_host: Some(engine.host()), timeout: Duration::from_secs(3), ..ConnectOptions::default() }
}

fn spec(image: &str) -> SandboxSpec {
    SandboxSpec { image: Some(ImageRef::new(image)), ..SandboxSpec::new(Labels::for_job("faults")) }
}

/// A box that repeats what it is told, and has done so once.
async fn echo(backend: &dyn Backend, image: &str) -> Box<dyn Launched> {
    let mut launched = backend.launch(&spec(image), &["cat".to_owned()]).await.unwrap();
    let (mut stdin, mut stdout) = launched.stdio().unwrap();
    stdin.write_all(b"up\n").await.unwrap();
    stdin.flush().await.unwrap();
    let mut heard = [0; 3];
    stdout.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"up\n");
    // Both ends stay open: a box that loses its stdin would end by itself.
    std::mem::forget((stdin, stdout));
    launched
}

async fn within<T>(what: &str, step: impl Future<Output = T>) -> T {
    timeout(BOUND, step).await.unwrap_or_else(|_| panic!("{what} goes on and on"))
}

fn is_machines_fault(error: &SandboxError) {
    assert!(error.is_infrastructure(), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_an_engine_is_told_in_time() {
    let Some(mut engine) = PrivateEngine::start(Setup { room: 256 << 20, ..Setup::default() }).unwrap() else { return };
    let Some(image) = engine.busybox().unwrap() else { return };
    let backend = connect(BackendKind::Docker, &options(&engine)).await.unwrap();
    let backend = backend.as_ref();

    removed_box(&engine, backend, &image).await;
    removed_image(&engine, backend, &image).await;
    full_disk(&engine, backend, &image).await;
    hanging(&engine, backend, &image).await;
    killed(&mut engine, backend, &image).await;
    stopped(&mut engine, backend, &image).await;
}

async fn removed_box(engine: &PrivateEngine, backend: &dyn Backend, image: &str) {
    let mut launched = echo(backend, image).await;
    let [name] = engine.containers().unwrap().try_into().unwrap();
    engine.docker(&["rm", "--force", &name]).unwrap();
    let error = within("noticing a removed box", launched.wait()).await.unwrap_err();
    assert!(matches!(error, SandboxError::BoxVanished { .. }), "{error:?}");
    is_machines_fault(&error);
    within("closing a removed box", launched.close()).await.unwrap();
}

async fn removed_image(engine: &PrivateEngine, backend: &dyn Backend, image: &str) {
    let wanted = ImageRef::new(image);
    backend.prepare(Some(&wanted), &|_| {}).await.unwrap();
    engine.docker(&["tag", image, "e2e/spare:1"]).unwrap();
    engine.docker(&["rmi", image]).unwrap();
    engine.docker(&["save", "--output", &engine.folder().join("spare.tar").to_string_lossy(), "e2e/spare:1"]).unwrap();
    engine.docker(&["rmi", "e2e/spare:1"]).unwrap();
    let Err(error) = within("starting without an image", backend.launch(&spec(image), &["cat".to_owned()])).await
    else {
        panic!("a box came out of nothing")
    };
    assert!(matches!(&error, SandboxError::ImageMissing { image: named, .. } if named == image), "{error:?}");
    is_machines_fault(&error);
    engine.docker(&["load", "--input", &engine.folder().join("spare.tar").to_string_lossy()]).unwrap();
    engine.docker(&["tag", "e2e/spare:1", image]).unwrap();
    echo(backend, image).await.close().await.unwrap();
}

async fn full_disk(engine: &PrivateEngine, backend: &dyn Backend, image: &str) {
    let ballast = engine.folder().join("ballast");
    fill(&ballast);
    let Err(error) = within("starting on a full disk", backend.launch(&spec(image), &["cat".to_owned()])).await else {
        panic!("there was room")
    };
    assert!(matches!(error, SandboxError::EngineFull { .. }), "{error:?}");
    is_machines_fault(&error);
    std::fs::remove_file(ballast).unwrap();
    echo(backend, image).await.close().await.unwrap();
    assert_eq!(engine.containers().unwrap(), [] as [&str; 0]);
}

/// Takes all the room that is left.
fn fill(path: &Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).unwrap();
    let block = vec![0; 1 << 16];
    while file.write_all(&block).is_ok() {}
}

async fn hanging(engine: &PrivateEngine, backend: &dyn Backend, image: &str) {
    let mut launched = echo(backend, image).await;
    engine.hang().unwrap();
    let error = within("noticing that the engine hangs", launched.trouble()).await;
    assert!(matches!(error, SandboxError::EngineTimeout { .. }), "{error:?}");
    is_machines_fault(&error);
    let Err(error) = within("starting a box meanwhile", backend.launch(&spec(image), &["cat".to_owned()])).await else {
        panic!("a hanging engine made a box")
    };
    is_machines_fault(&error);
    is_machines_fault(&within("killing a box meanwhile", launched.kill()).await.unwrap_err());
    is_machines_fault(&within("closing a box meanwhile", launched.close()).await.unwrap_err());
    is_machines_fault(&within("waiting for it", backend.recover(Duration::from_secs(3))).await.unwrap_err());
    engine.wake().unwrap();
    within("having it back", backend.recover(BOUND)).await.unwrap();
    assert_eq!(engine.containers().unwrap(), [] as [&str; 0]);
}

async fn killed(engine: &mut PrivateEngine, backend: &dyn Backend, image: &str) {
    let mut launched = echo(backend, image).await;
    engine.kill().unwrap();
    is_machines_fault(&within("noticing that the engine died", launched.trouble()).await);
    is_machines_fault(&within("asking how a box ended", launched.wait()).await.unwrap_err());
    engine.launch().unwrap();
    // The engine is back, and knows of the box again: what became of it in between, nobody saw.
    is_machines_fault(&launched.wait().await.unwrap_err());
    within("closing a box of before", launched.close()).await.unwrap();
    within("having it back", backend.recover(BOUND)).await.unwrap();
    assert_eq!(engine.containers().unwrap(), [] as [&str; 0]);
    let mut launched = echo(backend, image).await;
    launched.kill().await.unwrap();
    // Before it is killed it loses its stdin, and this program ends with that.
    assert!(matches!(launched.wait().await.unwrap(), BoxEnding::Exited(0) | BoxEnding::Signalled(9)));
    launched.close().await.unwrap();
}

async fn stopped(engine: &mut PrivateEngine, backend: &dyn Backend, image: &str) {
    engine.stop().unwrap();
    let Err(error) =
        within("starting a box without an engine", backend.launch(&spec(image), &["cat".to_owned()])).await
    else {
        panic!("no engine made a box")
    };
    assert!(matches!(error, SandboxError::EngineUnreachable { .. }), "{error:?}");
    let Err(error) = connect(BackendKind::Docker, &options(engine)).await else { panic!("nobody answered") };
    assert!(error.to_string().contains("start it"), "{error}");
    is_machines_fault(&within("waiting for it", backend.recover(Duration::from_secs(1))).await.unwrap_err());
}

#[test]
fn without_an_engine_the_program_says_so() {
    let repository = endless();
    let ended = patchwright(fix_args_in("docker", 60, &repository.path(), &issue(&repository)))
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .args(["--json"])
        .run()
        .unwrap();
    let ended = ended.expect_code(6).unwrap().expect_said("no container engine answers").unwrap();
    assert_eq!(ended.json().unwrap()["error"]["code"], "infrastructure");
}

/// A search that cannot succeed and goes on for all of its time.
fn endless() -> Repository {
    let repository = hostile("import time; time.sleep(0.05)");
    repository.commit("first").unwrap();
    repository
}

/// A search in boxes of this engine, in its middle.
fn searching(engine: &PrivateEngine, repository: &Repository, seconds: u32) -> Running {
    let mut running = patchwright(fix_args_in("docker", seconds, &repository.path(), &issue(repository)))
        .env("DOCKER_HOST", engine.host())
        .args(["--json", "--jobs", "1"])
        .start()
        .unwrap();
    running.wait_for_line(|line| line.to_lowercase().contains("search")).unwrap();
    running
}

fn finished(running: Running, codes: &[i32]) -> Ended {
    let ended = running.finish().unwrap();
    let code = ended.code;
    assert!(codes.contains(&code), "{}", ended.transcript());
    let ended = ended.expect_code(code).unwrap();
    assert!(!ended.stderr.contains("panicked"), "{}", ended.transcript());
    assert_eq!(ended.json().unwrap()["patch"], "", "{}", ended.transcript());
    ended
}

#[test]
fn a_search_outlives_faults_that_pass_and_ends_with_those_that_stay() {
    if !docker() {
        return;
    }
    let Some(mut engine) = PrivateEngine::start(Setup::default()).unwrap() else { return };
    let own = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let own = connect(BackendKind::Docker, &ConnectOptions::default()).await.unwrap();
        own.prepare(None, &|_| {}).await.unwrap().unwrap()
    });
    engine.copy_image(own.as_str()).unwrap();
    let repository = endless();

    // A box is taken away, then the whole engine for a moment: the search goes on to the end of its time.
    let running = searching(&engine, &repository, 20);
    let boxes = engine.containers().unwrap();
    engine
        .docker(&[&["rm", "--force"], boxes.iter().map(String::as_str).collect::<Vec<_>>().as_slice()].concat())
        .unwrap();
    engine.kill().unwrap();
    engine.launch().unwrap();
    let ended = finished(running, &[1, 5]);
    assert!(ended.stderr.contains("trying again"), "{}", ended.transcript());
    assert_eq!(engine.containers().unwrap(), [] as [&str; 0], "{}", ended.transcript());

    // It hangs: the job ends long before its time would be over, and says why.
    let running = searching(&engine, &repository, 150);
    let begin = Instant::now();
    engine.hang().unwrap();
    let ended = finished(running, &[6]).expect_said("container engine").unwrap();
    assert!(begin.elapsed() < Duration::from_secs(90), "{}", ended.transcript());
    engine.wake().unwrap();
    // The next run of any kind removes what had to be left.
    patchwright(["doctor"]).env("DOCKER_HOST", engine.host()).run().unwrap().expect_code(0).unwrap();
    assert_eq!(engine.containers().unwrap(), [] as [&str; 0]);

    // It goes and does not come back.
    let running = searching(&engine, &repository, 150);
    let begin = Instant::now();
    engine.kill().unwrap();
    let ended = finished(running, &[6]).expect_said("container engine").unwrap();
    assert!(begin.elapsed() < Duration::from_secs(90), "{}", ended.transcript());
}
