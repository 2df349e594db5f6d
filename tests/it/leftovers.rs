//! What is left when a process dies, and who removes it: ours goes, at the next start and on a timer, and nobody else's is touched.

use std::sync::Arc;
use std::time::{Duration, Instant};

use e2e::engine;
use e2e::engine::private::{PrivateEngine, Setup};
use e2e::leftovers::Jobs;
use sandbox::{BackendKind, ConnectOptions, Reaper, connect, current_boot};

use crate::samples::{fix_args_in, hostile, issue};
use crate::{docker, patchwright};

const BOOT: &str = "patchwright.boot";

/// The label of a process that has this one's number and started at another time: it is dead.
fn dead() -> String {
    let boot = current_boot();
    let (rest, _started) = boot.rsplit_once('/').unwrap();
    format!("{rest}/1")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_left_overs_go_and_strangers_stay() {
    let Some(engine) = PrivateEngine::start(Setup::default()).unwrap() else { return };
    let Some(image) = engine.busybox().unwrap() else { return };
    let (dead, alive) = (dead(), current_boot());
    for count in 0..500 {
        engine.create(&format!("left-{count}"), &image, &[(BOOT, &dead), ("patchwright.job", "old")]).unwrap();
    }
    let strangers: [(&str, &[(&str, &str)]); 5] = [
        ("plain", &[]),
        ("labelled", &[("com.example.owner", "somebody")]),
        ("living", &[(BOOT, &alive)]),
        ("later-version", &[(BOOT, "a label of another shape")]),
        ("patchwright-by-name", &[("patchwright.job", "1")]),
    ];
    for (name, labels) in strangers {
        engine.create(name, &image, labels).unwrap();
    }
    let label = format!("{BOOT}={dead}");
    engine.docker(&["volume", "create", "--label", &label, "left-volume"]).unwrap();
    engine.docker(&["volume", "create", "foreign-volume"]).unwrap();
    engine.docker(&["network", "create", "--internal", "--label", &label, "left-network"]).unwrap();
    let derived = engine.docker(&["commit", "--change", &format!("LABEL {BOOT}={dead}"), "plain", "e2e/derived:1"]);
    derived.unwrap();

    let begin = Instant::now();
    let options = ConnectOptions { docker_host: Some(engine.host()), ..ConnectOptions::default() };
    let backend = connect(BackendKind::Docker, &options).await.unwrap();
    let seconds = begin.elapsed().as_secs_f64();
    println!("500 left-overs in {seconds:.1} s");
    assert!(seconds < 60.0, "{seconds} s");
    let mut names = engine.containers().unwrap();
    names.sort();
    assert_eq!(names, ["labelled", "later-version", "living", "patchwright-by-name", "plain"]);
    assert_eq!(engine.docker(&["volume", "ls", "--quiet"]).unwrap(), "foreign-volume");
    assert!(!engine.docker(&["network", "ls", "--format", "{{.Name}}"]).unwrap().contains("left-network"));
    assert_eq!(engine.docker(&["images", "--format", "{{.Repository}}"]).unwrap(), "e2e/busybox");

    // A process that lives long looks again and again.
    engine.create("left-later", &image, &[(BOOT, &dead)]).unwrap();
    let reaper = Reaper::new(Arc::from(backend), Duration::from_millis(1));
    let (told, tell) = std::sync::mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(reaper.run(async { drop(stopped.await) }, move |looked| told.send(looked).unwrap()));
    let report = tokio::task::spawn_blocking(move || tell.recv().unwrap()).await.unwrap().unwrap();
    assert_eq!((report.removed, report.failed), (vec!["left-later".to_owned()], Vec::new()));
    drop(stop);
    running.await.unwrap();
    assert_eq!(engine.containers().unwrap().len(), 5);
}

/// Kills a search in its middle as nothing can be that wants to clean up.
fn cut_off(sandbox: &str) -> u32 {
    let repository = hostile("import time; time.sleep(0.05)");
    repository.commit("first").unwrap();
    let mut running = patchwright(fix_args_in(sandbox, 60, &repository.path(), &issue(&repository))).start().unwrap();
    running.wait_for_line(|line| line.to_lowercase().contains("search")).unwrap();
    running.kill_program().unwrap();
    let ended = running.finish().unwrap();
    assert_eq!(ended.code, 137, "{}", ended.transcript());
    assert_eq!(ended.processes, [] as [&str; 0], "{}", ended.transcript());
    ended.pid
}

#[test]
fn a_killed_program_takes_its_processes_with_it() {
    cut_off("process");
    patchwright(["doctor"]).run().unwrap().expect_code(0).unwrap();
    let left = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!left.contains("patchwright-box"), "{left}");
}

#[test]
fn the_containers_of_a_killed_program_are_removed_by_the_next_run() {
    if !docker() {
        return;
    }
    let pid = cut_off("docker");
    patchwright(["doctor"]).run().unwrap().expect_code(0).unwrap();
    assert_eq!(engine::containers_of(pid).unwrap(), [] as [&str; 0]);
}

#[test]
fn jobs_leave_nothing_whether_or_not_they_come_to_their_end() {
    if !docker() {
        return;
    }
    // An engine of its own: other tests use the machine's meanwhile.
    let Some(engine) = PrivateEngine::start(Setup::default()).unwrap() else { return };
    engine.copy_image(&crate::environments::default_image()).unwrap();
    let host = engine.host();
    let program = e2e::program::patchwright().unwrap();
    let jobs = Jobs { program, sandboxes: &["docker"], engine: Some(&host), evaluations: 5 };
    assert_eq!(jobs.run(5).unwrap(), [] as [&str; 0]);
}
