//! Repositories whose tests do harm: the run ends by itself with a message, nothing stays running, and nothing of the user's is lost.

mod forgery;
mod probe;
mod tricks;

use std::time::Duration;

use e2e::engine;
use e2e::fingerprint;
use e2e::program::Ended;

use crate::samples::{CLAMP_FAILING, clamp, fix_args, fix_args_in, hostile, issue};
use crate::{docker, patchwright};

const LOOP: &str = "while True:\n    pass";
const WAIT: &str = "import time\ntime.sleep(100000)";
const FORKS: &str = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass";
const GIGABYTES: &str =
    "import os\nblock = b'x' * (1 << 20)\nfor _ in range(4096):\n    os.write(1, block)\n    os.write(2, block)";
const MEMORY: &str = "hoard = []\nwhile True:\n    hoard.append(bytearray(1 << 26))";
const DELETES: &str = "import os, shutil\nshutil.rmtree(os.getcwd(), ignore_errors=True)\n\
    shutil.rmtree(os.path.expanduser('~'), ignore_errors=True)";
const STAYS: &str = "import os, subprocess, sys\n\
    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100000)'], start_new_session=True)";
const LEAVES: &str = "import os\nos._exit(0)";
const KILLS: &str = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nos.kill(os.getpid(), signal.SIGKILL)";

/// Runs `fix` on a repository whose only test does this, and checks that it ends without a fix, cleanly and in bounded time.
fn survives(code: &str) -> Ended {
    let repository = hostile(code);
    repository.commit("first").unwrap();
    let before = fingerprint::of(&repository.path()).unwrap();
    let issue = issue(&repository);
    let ended = patchwright(fix_args_in("process", 8, &repository.path(), &issue))
        .args(["--evaluations", "12", "--json"])
        .run()
        .unwrap();
    assert_eq!(fingerprint::of(&repository.path()).unwrap(), before, "the user's repository changed");
    assert!(ended.seconds < Duration::from_secs(90).as_secs_f64(), "took too long\n{}", ended.transcript());
    let code = if ended.code == 5 { 5 } else { 1 };
    let ended = ended.expect_code(code).unwrap();
    assert!(!ended.stderr.contains("panicked"), "{}", ended.transcript());
    let object = ended.json().unwrap();
    assert_eq!(object["status"], if code == 5 { "budget" } else { "no_fix" });
    assert_eq!(object["patch"], "");
    ended
}

#[test]
fn tests_that_loop() {
    survives(LOOP);
}

#[test]
fn tests_that_wait_for_ever() {
    survives(WAIT);
}

#[test]
fn tests_that_fork_without_end() {
    survives(FORKS);
}

#[test]
fn tests_that_print_gigabytes() {
    survives(GIGABYTES);
}

#[test]
fn tests_that_hoard_memory() {
    survives(MEMORY);
}

#[test]
fn tests_that_delete_the_tree() {
    survives(DELETES);
}

#[test]
fn tests_that_leave_a_process_behind() {
    survives(STAYS);
}

#[test]
fn tests_that_end_the_interpreter() {
    survives(LEAVES);
}

#[test]
fn tests_that_kill_their_runner() {
    survives(KILLS);
}

/// The hostile test is none of the issue's business: it fails before and after, and the fix is found all the same.
#[test]
fn harm_beside_the_fault_does_not_hide_the_fix() {
    let repository = clamp();
    for (name, code) in [("loop", LOOP), ("deletes", DELETES), ("stays", STAYS)] {
        let body: String = code.lines().map(|line| format!("        {line}\n")).collect();
        let test = format!("import unittest\n\n\nclass HarmTest(unittest.TestCase):\n    def test_harm(self):\n{body}");
        repository.write(&format!("tests/test_z_{name}.py"), test).unwrap();
    }
    repository.commit("first").unwrap();
    let targets = CLAMP_FAILING.iter().flat_map(|id| ["--fail-to-pass", id]);
    let ended =
        patchwright(fix_args(&repository.path(), &issue(&repository))).args(targets).args(["--json"]).run().unwrap();
    let ended = ended.expect_code(0).unwrap();
    assert!(
        ended.json().unwrap()["patch"].as_str().unwrap().contains("+    if value > high:"),
        "{}",
        ended.transcript()
    );
}

#[test]
fn docker_contains_the_same_harm() {
    if !docker() {
        return;
    }
    for code in [FORKS, GIGABYTES, MEMORY, DELETES, STAYS, LEAVES, KILLS] {
        let repository = hostile(code);
        let before = fingerprint::of(&repository.path()).unwrap();
        let ended = patchwright(fix_args_in("docker", 8, &repository.path(), &issue(&repository)))
            .args(["--evaluations", "6"])
            .run()
            .unwrap();
        let code = if ended.code == 5 { 5 } else { 1 };
        let ended = ended.expect_code(code).unwrap();
        assert_eq!(fingerprint::of(&repository.path()).unwrap(), before, "the user's repository changed");
        assert_eq!(engine::containers_of(ended.pid).unwrap(), [] as [&str; 0], "{}", ended.transcript());
    }
}
