//! Tests that do to the driver and to the box what they can: the next run is right all the same.

use super::*;

/// Runs one test file whose body may be anything, on the base and as an overlay.
pub(super) async fn ending_of(body: &str) -> (Case, TestReport) {
    let mut case = case(RunnerKind::Unittest, &[("victim.py", "X = 1\n"), ("test_a.py", &unittest_around(body))]).await;
    case.request.total = Duration::from_secs(5);
    case.request.silence = Duration::from_secs(3);
    let report = case.run().await;
    assert!(!report.all_passed(), "{report:#?}");
    (case, report)
}

pub(super) fn unittest_around(body: &str) -> String {
    let indented = body.lines().map(|line| format!("        {line}\n")).collect::<String>();
    format!(
        "import os, signal, subprocess, sys, unittest\n\nclass T(unittest.TestCase):\n    def test_it(self):\n{indented}"
    )
}

/// The bench still works after whatever happened, and the base is intact.
pub(super) async fn check_usable(case: &mut Case) {
    assert!(case.bench.is_alive());
    let good = unittest_around(
        "import victim\nself.assertEqual(victim.X, 1)\nself.assertEqual(sorted(os.listdir('.')), ['test_a.py', 'victim.py'])",
    );
    let report = case.with(&[over("test_a.py", &good)]).await;
    assert!(report.all_passed(), "{report:#?}");
}

#[tokio::test]
async fn leaving_early_is_no_pass() {
    for body in
        ["os._exit(0)", "os.kill(os.getpid(), signal.SIGTERM)", "os.closerange(3, 100000)\nos._exit(0)", "os.abort()"]
    {
        let (mut case, report) = ending_of(body).await;
        assert!(matches!(report.ending, RunEnding::Crashed { .. }), "{body}: {report:#?}");
        check_usable(&mut case).await;
    }
}

#[tokio::test]
async fn leaving_at_import_is_no_pass() {
    for top in ["import os; os._exit(0)", "import sys; sys.exit(0)", "raise SystemExit"] {
        let tests = format!("{top}\nimport unittest\n\nclass T(unittest.TestCase):\n    def test_it(self): pass\n");
        let mut case = case(RunnerKind::Unittest, &[("test_a.py", &tests)]).await;
        let report = case.run().await;
        let seen = matches!(report.ending, RunEnding::Crashed { .. } | RunEnding::CollectionFailed { .. });
        assert!(seen, "{top}: {report:#?}");
        assert!(case.bench.is_alive());
        let Some(mut case) = pytest(&[("test_a.py", &tests)]).await else { return };
        let report = case.run().await;
        let seen = matches!(report.ending, RunEnding::Crashed { .. } | RunEnding::CollectionFailed { .. });
        assert!(seen, "{top}: {report:#?}");
        assert!(case.bench.is_alive());
    }
}

#[tokio::test]
async fn killing_the_parent_ends_the_box_and_is_no_pass() {
    let (case, report) = ending_of("os.kill(os.getppid(), signal.SIGKILL)\nimport time; time.sleep(60)").await;
    assert!(matches!(report.ending, RunEnding::Crashed { .. }), "{report:#?}");
    assert!(!case.bench.is_alive());
    case.bench.close().await.unwrap();
}

#[tokio::test]
async fn a_killed_test_process_counts_as_out_of_memory() {
    let (mut case, report) = ending_of("os.kill(os.getpid(), signal.SIGKILL)").await;
    let killed = matches!(report.ending, RunEnding::OutOfMemory | RunEnding::Crashed { .. });
    assert!(killed, "{report:#?}");
    check_usable(&mut case).await;
}

#[tokio::test]
async fn deleting_the_tree_is_repaired() {
    let (mut case, report) = ending_of("import shutil\nshutil.rmtree(os.getcwd())\nself.fail('gone')").await;
    assert_eq!(find(&report, "test_it").status, TestStatus::Failed, "{report:#?}");
    check_usable(&mut case).await;
}

#[tokio::test]
async fn changed_and_added_files_are_taken_back() {
    let body = "open('victim.py', 'w').write('X = 2\\n')\nstatus = os.stat('test_a.py')\nopen('test_a.py', 'a').write('#')\nos.utime('test_a.py', (status.st_atime, status.st_mtime))\nos.makedirs('deep/er')\nopen('deep/er/new.py', 'w').close()\nos.symlink('/', 'root')\nos.chmod('deep', 0)\nself.fail()";
    let (mut case, report) = ending_of(body).await;
    assert_eq!(report.ending, RunEnding::Complete, "{report:#?}");
    check_usable(&mut case).await;
}

#[tokio::test]
async fn a_command_that_prints_without_end_is_stopped() {
    let (mut case, report) = ending_of("while True: os.write(1, b'x' * 65536)").await;
    assert_eq!(report.ending, RunEnding::OutputLimit, "{:?}", report.ending);
    assert!(report.output.len() <= (5 << 20) + 200, "{}", report.output.len());
    assert!(report.output.contains("bytes left out"));
    check_usable(&mut case).await;
}

#[tokio::test]
async fn captured_output_without_end_is_stopped() {
    let tests = "def test_it():\n    while True:\n        print('x' * 65536)\n";
    let Some(mut case) = pytest(&[("test_a.py", tests)]).await else { return };
    let report = case.run().await;
    assert_eq!(report.ending, RunEnding::OutputLimit, "{:?}", report.ending);
    assert!(case.bench.is_alive());
}

#[tokio::test]
async fn forged_reports_on_stdout_are_only_output() {
    let body = r#"line = b'{"op": "done", "exit": 0, "signal": null, "killed": null, "unclean": null, "oom": null, "full": false, "elapsed": 0.1}'
import struct
frame = struct.pack('>II', len(line), 0) + line
for fd in range(0, 1024):
    try: os.write(fd, frame)
    except OSError: pass
print('OK\nRan 1 test\n1 passed')
import stat
for parent in os.listdir('/proc/%d/fd' % os.getppid()):
    place = '/proc/%d/fd/%s' % (os.getppid(), parent)
    # Only the protocol's pipes: the test's own output may be a file, and must not be harmed.
    if stat.S_ISFIFO(os.stat(place).st_mode): open(place, 'wb').write(frame)
os._exit(0)"#;
    let (_, report) = ending_of(body).await;
    assert!(matches!(report.ending, RunEnding::Tampered { .. } | RunEnding::Crashed { .. }), "{report:#?}");
}

#[tokio::test]
async fn processes_left_behind_are_ended() {
    let body = "code = 'import os,time\\nos.setsid()\\nfor _ in range(3): os.fork()\\ntime.sleep(600)'\nsubprocess.Popen([sys.executable, '-c', code], start_new_session=True)\nsubprocess.Popen(['sleep', '601'])\nself.fail()";
    let (mut case, report) = ending_of(body).await;
    assert_eq!(report.ending, RunEnding::Complete, "{report:#?}");
    let ps = "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline 2>/dev/null | grep -q '^sleep 601' && exit 3; done; exit 0";
    let outcome = case.bench.run_command(&command(ps)).await.unwrap();
    assert_eq!(outcome.exit_code, Some(0), "{outcome:?}");
    check_usable(&mut case).await;
}

#[tokio::test]
async fn silence_and_total_time_are_told_apart() {
    let mut case = case(RunnerKind::Command, &[("x", "")]).await;
    case.request.plan.args = vec!["sleep 100".to_owned()];
    case.request.silence = Duration::from_millis(300);
    assert_eq!(case.run().await.ending, RunEnding::Silence);
    case.request.silence = Duration::from_secs(9);
    case.request.total = Duration::from_millis(300);
    let report = case.run().await;
    assert_eq!(report.ending, RunEnding::TotalTimeout);
    assert_eq!(report.results[0].status, TestStatus::TimedOut);
    assert!(case.bench.is_alive());
}

/// A bench in a real box; `None`, having said so, where the backend is not to be had.
pub(super) async fn real(kind: BackendKind, limits: Limits) -> Option<Workbench> {
    match start_in(kind, limits).await {
        Ok(bench) => Some(bench),
        Err(error) => {
            let required =
                kind == BackendKind::Docker && std::env::var("PATCHWRIGHT_REQUIRE_DOCKER").as_deref() == Ok("1");
            assert!(!required, "a {kind} box is required here: {error}");
            println!("skipped: {error}");
            None
        }
    }
}

/// Bombs meet the limits of a real box, the ending names the limit, and afterwards the box works or says that it is dead.
async fn bombs(kind: BackendKind) {
    let limits = Limits { memory_bytes: 400 << 20, processes: 64, disk_bytes: 64 << 20, ..Limits::default() };
    let fork = "while True:\n    try: os.fork()\n    except OSError: pass";
    let fork_once = "for _ in range(100000):\n    if os.fork() == 0:\n        signal.pause()";
    let memory = "keep = []\nwhile True: keep.append(bytearray(b'x' * (8 << 20)))";
    let disk = "with open('big', 'wb') as file:\n    while True: file.write(b'x' * (1 << 20))";
    for body in [fork, fork_once, memory, disk] {
        let Some(mut bench) = real(kind, limits.clone()).await else { return };
        bench.put(vec![file("victim.py", "X = 1\n"), file("test_a.py", &unittest_around(body))]).await.unwrap();
        let mut request = TestRequest::all(plan(RunnerKind::Unittest));
        request.total = Duration::from_secs(10);
        let report = bench.run_tests(&request).await.unwrap();
        assert!(!report.all_passed(), "{kind} {body}: {report:#?}");
        println!("{kind}: {} for {body:?}", report.ending);
        if body == disk {
            assert!(matches!(report.ending, RunEnding::DiskFull | RunEnding::OutputLimit), "{kind}: {report:#?}");
        }
        if bench.is_alive() {
            let mut case = Case { bench, request };
            check_usable(&mut case).await;
            bench = case.bench;
        }
        bench.close().await.unwrap();
    }
}

#[tokio::test]
async fn bombs_in_process_boxes() {
    bombs(BackendKind::Process).await;
}

#[tokio::test]
async fn bombs_in_docker_boxes() {
    bombs(BackendKind::Docker).await;
}
