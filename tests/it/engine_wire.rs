//! What lies between the program and its engine: connections that are cut or stall in the middle of a run, and the runtime and the control
//! group that people ask for.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use e2e::engine;
use e2e::engine::private::{PrivateEngine, Setup};
use e2e::engine::proxy::Proxy;
use e2e::program::{Ended, Running};
use e2e::repository::Repository;

use crate::samples::{clamp, fix_args_in, hostile, issue};
use crate::{docker, patchwright};

const SOCKET: &str = "/var/run/docker.sock";

fn fixing(proxy: &Proxy, repository: &Repository, seconds: u32) -> Running {
    let mut running = patchwright(fix_args_in("docker", seconds, &repository.path(), &issue(repository)))
        .env("DOCKER_HOST", proxy.host())
        .args(["--json", "--jobs", "1", "--no-cache"])
        .start()
        .unwrap();
    running.wait_for_line(|line| line.to_lowercase().contains("search")).unwrap();
    running
}

/// The next run of any kind removes what a run that could not reach its engine had to leave.
fn nothing_is_left(ended: &Ended) {
    patchwright(["doctor"]).run().unwrap().expect_code(0).unwrap();
    assert_eq!(engine::containers_of(ended.pid).unwrap(), [] as [&str; 0], "{}", ended.transcript());
}

#[test]
fn connections_that_are_cut_lose_nothing() {
    if !docker() {
        return;
    }
    let repository = clamp();
    repository.commit("first").unwrap();
    let proxy = Proxy::start(Path::new(SOCKET)).unwrap();
    let running = fixing(&proxy, &repository, 60);
    let before = proxy.passed();
    proxy.cut();
    let ended = running.finish().unwrap().expect_code(0).unwrap().expect_said("trying again").unwrap();
    assert!(proxy.passed() > before, "nothing passed after the cut");
    // The candidate on which it happened was tried again: the fix is found all the same.
    let object = ended.json().unwrap();
    assert_eq!(object["status"], "solved", "{}", ended.transcript());
    assert_eq!(object["fail_to_pass"].as_array().unwrap().len(), 3);
    assert_eq!(object["pass_to_pass"].as_array().unwrap().len(), 2);
    nothing_is_left(&ended);
}

#[test]
fn connections_that_stall_are_the_machines_fault() {
    if !docker() {
        return;
    }
    let repository = hostile("import time; time.sleep(0.05)");
    repository.commit("first").unwrap();
    let proxy = Proxy::start(Path::new(SOCKET)).unwrap();
    let running = fixing(&proxy, &repository, 150);
    let begin = Instant::now();
    proxy.stall();
    let ended = running.finish().unwrap().expect_code(6).unwrap().expect_said("container engine").unwrap();
    assert!(begin.elapsed() < Duration::from_secs(90), "{}", ended.transcript());
    let object = ended.json().unwrap();
    assert_eq!((&object["error"]["code"], &object["patch"]), (&"infrastructure".into(), &"".into()), "{object}");
    drop(proxy);
    nothing_is_left(&ended);
}

/// A runtime that writes down what it is asked for, and under which control group, and has the usual one do it.
fn telling_runtime(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("telling-runtime");
    let log = folder.join("told");
    let script = format!(
        "#!/bin/sh\nbundle=.\nfor word; do\n  [ \"$last\" != --bundle ] || bundle=$word\n  last=$word\ndone\n\
         case \" $* \" in *' create '*) grep -o '\"cgroupsPath\":\"[^\"]*' \"$bundle/config.json\" >>{log} ;; esac\nexec runc \"$@\"\n",
        log = log.display()
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    log
}

#[test]
fn the_runtime_and_the_control_group_that_are_asked_for_are_used() {
    if !docker() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let log = telling_runtime(folder.path());
    let options = vec![format!("--add-runtime=telling={}", folder.path().join("telling-runtime").display())];
    let Some(engine) = PrivateEngine::start(Setup { options, ..Setup::default() }).unwrap() else { return };
    engine.copy_image(&crate::environments::default_image()).unwrap();
    let repository = clamp();
    repository.commit("first").unwrap();
    let path = repository.path();
    let fix = || {
        let fix = patchwright(fix_args_in("docker", 60, &path, &issue(&repository)));
        fix.env("DOCKER_HOST", engine.host()).args(["--jobs", "1"])
    };
    fix().run().unwrap().expect_code(0).unwrap();
    assert!(!log.exists(), "the usual runtime is another");

    let group = "/e2e-group";
    fix().args(["--runtime", "telling", "--cgroup-parent", group]).run().unwrap().expect_code(0).unwrap();
    let told = std::fs::read_to_string(&log).unwrap();
    // The box of the search, and those of the validation.
    assert!(told.lines().count() >= 2, "{told}");
    assert!(told.lines().all(|line| line.contains(&format!("\"cgroupsPath\":\"{group}/"))), "{told}");

    let refused = fix().args(["--runtime", "runsc"]).run().unwrap();
    let refused = refused.expect_said("telling").unwrap();
    assert!(refused.code != 0 && refused.stderr.contains("runsc"), "{}", refused.transcript());

    // Environments are made and tried by the same.
    std::fs::remove_file(&log).unwrap();
    let env = patchwright([
        "env",
        "test",
        "--runtime",
        "telling",
        "--image",
        &crate::environments::default_image(),
        "--repo",
    ]);
    let env = env.args([&path]).env("DOCKER_HOST", engine.host()).run().unwrap();
    env.expect_code(1).unwrap();
    assert!(std::fs::read_to_string(&log).unwrap().lines().count() == 1);
    let doctor =
        patchwright(["doctor", "--runtime", "runsc", "--json"]).env("DOCKER_HOST", engine.host()).run().unwrap();
    let object = doctor.json().unwrap();
    let environments = object["sections"].as_array().unwrap().iter().find(|it| it["name"] == "environments").unwrap();
    assert_eq!(environments["usable"], false, "{environments}");
}
