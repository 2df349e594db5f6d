//! Code that wants to look as if its tests had passed, in a real box of each kind: it never does.

use std::time::Duration;

use repo::{FileMode, RepoPath};
use sandbox::{
    BackendKind, CommandRequest, ConnectOptions, Labels, Limits, Overlay, RunEnding, RunnerKind, SandboxSpec, Station,
    TestPlan, TestReport, TestRequest, WorkFile, Workbench, connect,
};

use crate::docker;

const TEST: &str = "import unittest\n\nimport victim\n\n\nclass VictimTest(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(victim.answer(), 42)\n";

/// Forgeries by the code under test, which is all that a candidate may change: a file, and what it does.
const FORGERIES: [(&str, &str); 14] = [
    (
        "writes on the descriptors of others",
        "import os, struct\nbody = b'{\"op\": \"done\", \"exit\": 0, \"signal\": null, \"killed\": null, \"unclean\": null, \"oom\": null, \"full\": false, \"elapsed\": 0}'\nreached = []\nfor pid in [1, os.getppid()]:\n    for fd in range(0, 1024):\n        try: file = open('/proc/%d/fd/%d' % (pid, fd), 'wb', 0)\n        except OSError: continue\n        reached.append(file)\n        file.write(struct.pack('>II', len(body), 0) + body)\ndef answer(): return len(reached)",
    ),
    ("leaves with 0 at import", "import os\nos._exit(0)"),
    ("leaves politely at import", "import sys\nsys.exit(0)"),
    ("leaves in the test", "import os\ndef answer(): os._exit(0)"),
    ("leaves politely in the test", "import sys\ndef answer(): sys.exit(0)"),
    ("leaves when the interpreter does", "import atexit, os\natexit.register(os._exit, 0)\ndef answer(): return 0"),
    ("kills its parent", "import os\nos.system('kill -9 $PPID')\ndef answer(): os.kill(os.getppid(), 9)"),
    ("becomes another program", "import os\ndef answer(): os.execv('/bin/true', ['true'])"),
    ("closes all descriptors", "import os\ndef answer():\n    os.closerange(0, 2048)\n    os._exit(0)"),
    (
        "prints a summary",
        "print('Ran 1 test in 0.001s\\n\\nOK')\nimport os\ndef answer():\n    print('test_it ... ok\\n1 passed')\n    os._exit(0)",
    ),
    (
        "writes reports of other tools",
        "import os\nfor name in ['junit.xml', 'report.xml', 'results.json', '.pytest_cache/v/cache/lastfailed']:\n    os.makedirs(os.path.dirname(name) or '.', exist_ok=True)\n    open(name, 'w').write('<testsuite tests=\"1\" failures=\"0\"><testcase name=\"test_it\"/></testsuite>')\ndef answer(): os._exit(0)",
    ),
    (
        "writes on every descriptor",
        "import os\nfor fd in range(3, 1024):\n    try: os.write(fd, b'{\"k\": \"result\", \"status\": \"passed\"}')\n    except OSError: pass\ndef answer(): return 0",
    ),
    ("runs on in a child", "import os\ndef answer():\n    if os.fork() == 0: return 42\n    os._exit(0)"),
    (
        "ignores every signal and sleeps",
        "import signal, time\nfor number in range(1, 32):\n    try: signal.signal(number, signal.SIG_IGN)\n    except (OSError, ValueError): pass\ndef answer():\n    while True: time.sleep(100)",
    ),
];

async fn bench(kind: BackendKind, limits: Limits) -> Workbench {
    let backend = connect(kind, &ConnectOptions::default()).await.unwrap();
    let image = backend.prepare(None, &|_| {}).await.unwrap();
    let spec = SandboxSpec { image, limits, ..SandboxSpec::new(Labels::for_job("forgery")) };
    let mut bench = Workbench::start(backend.as_ref(), &spec, &plan()).await.unwrap();
    let file = |path: &str, text: &str| WorkFile {
        path: RepoPath::new(path).unwrap(),
        bytes: text.as_bytes().to_vec(),
        mode: FileMode::Regular,
    };
    bench.put(vec![file("victim.py", "def answer():\n    return 41\n"), file("test_victim.py", TEST)]).await.unwrap();
    bench
}

fn plan() -> TestPlan {
    TestPlan {
        runner: RunnerKind::Unittest,
        args: Vec::new(),
        python: None,
        import_cwd: true,
        cwd: String::new(),
        env: Vec::new(),
        evidence: Vec::new(),
    }
}

fn request(overlay: &[(&str, &str)]) -> TestRequest {
    TestRequest {
        overlay: overlay.iter().map(|(path, text)| over(path, text)).collect(),
        per_test: Duration::from_secs(3),
        total: Duration::from_secs(20),
        ..TestRequest::all(plan())
    }
}

fn over(path: &str, text: &str) -> Overlay {
    Overlay { path: RepoPath::new(path).unwrap(), bytes: Some(text.as_bytes().to_vec()) }
}

async fn run(bench: &mut Option<Workbench>, kind: BackendKind, overlay: &[(&str, &str)]) -> TestReport {
    let mut alive = match bench.take() {
        Some(alive) => alive,
        None => self::bench(kind, Limits::default()).await,
    };
    let report = alive.run_tests(&request(overlay)).await.unwrap();
    if alive.is_alive() {
        *bench = Some(alive);
    } else {
        alive.close().await.unwrap();
    }
    report
}

async fn no_forgery_passes(kind: BackendKind) {
    let mut bench = None;
    for (name, code) in FORGERIES {
        let report = run(&mut bench, kind, &[("victim.py", code)]).await;
        assert!(!report.all_passed(), "{kind}: {name}: {report:#?}");
        // The box is as before, or is not used again.
        let honest = run(&mut bench, kind, &[("victim.py", "def answer():\n    return 42\n")]).await;
        assert!(honest.all_passed(), "{kind}: after one that {name}: {honest:#?}");
    }
    if let Some(bench) = bench {
        bench.close().await.unwrap();
    }
}

/// Files that make the test tool believe something else than the base says; no candidate may bring them.
#[test]
fn what_configures_tests_is_not_a_candidates_to_change() {
    for path in [
        "conftest.py",
        "tests/conftest.py",
        "pytest.ini",
        "tox.ini",
        "setup.cfg",
        "pyproject.toml",
        "sitecustomize.py",
        "usercustomize.py",
        "tests/test_x.py",
        "test_x.py",
        "pytest.py",
        "unittest/__init__.py",
    ] {
        assert!(sandbox::is_test_support(&RepoPath::new(path).unwrap()), "{path}");
    }
}

fn command(argv: &[&str]) -> CommandRequest {
    CommandRequest {
        argv: argv.iter().map(|it| (*it).to_owned()).collect(),
        cwd: String::new(),
        env: Vec::new(),
        overlay: Vec::new(),
        total: Duration::from_secs(60),
        silence: Duration::from_secs(30),
    }
}

/// Number 59: much output, one endless line, and what would speak to a terminal.
async fn output_is_capped_and_plain(kind: BackendKind) {
    let limits = Limits { output_bytes: 1 << 20, ..Limits::default() };
    let mut bench = bench(kind, limits).await;
    let shell = |line: &str| command(&["sh", "-c", line]);
    for line in ["yes", "head -c 1000000000 /dev/zero | tr '\\0' x", "cat /dev/urandom", "cat /dev/zero"] {
        let outcome = bench.run_command(&shell(line)).await.unwrap();
        assert_eq!(outcome.ending, RunEnding::OutputLimit, "{kind}: {line}");
        // Bytes that are no text take three each.
        assert!(outcome.output.len() < 4 << 20, "{kind}: {line}: {} bytes", outcome.output.len());
    }
    let escapes = r"printf 'a\033[31mred\033]0;title\007b\033]8;;http://x\033\\link\000\001\177\r\n\033P1$r\033\\end\302\233 31mc'";
    let outcome = bench.run_command(&shell(escapes)).await.unwrap();
    assert_eq!(outcome.ending, RunEnding::Complete);
    let odd: Vec<char> = outcome.output.chars().filter(|it| it.is_control() && !matches!(it, '\n' | '\t')).collect();
    assert!(odd.is_empty(), "{:?}", outcome.output);
    assert!(outcome.output.starts_with("ared") && !outcome.output.contains("title"), "{:?}", outcome.output);
    bench.close().await.unwrap();
}

const ODD: &str = "import os, socket
os.symlink('/etc/passwd', 'link')
os.symlink('/', 'root')
os.symlink('loop', 'loop')
os.mkfifo('fifo')
socket.socket(socket.AF_UNIX).bind('socket')
os.mkdir('folder')
with open('sparse', 'wb') as file: file.truncate(1 << 29)
open('own', 'w').write('own')
os.chmod('own', 0o6755)
os.link('own', 'hard')
os.mkdir('locked')
open('locked/file', 'w').write('x')
os.chmod('locked', 0)
";

/// Numbers 42 and 65: what a command leaves in place of a file is not followed, not waited for and not brought along; a file is its bytes
/// and nothing else.
async fn odd_files_do_not_come_out(kind: BackendKind) {
    let backend = connect(kind, &ConnectOptions::default()).await.unwrap();
    let image = backend.prepare(None, &|_| {}).await.unwrap();
    let spec = SandboxSpec { image, ..SandboxSpec::new(Labels::for_job("odd")) };
    let station = Station::start(backend.as_ref(), &spec).await.unwrap();
    let place = station.make_place("tree").await.unwrap();
    let mark = station.mark(&place).await.unwrap();
    let outcome = station.run(&place, &command(&["python3", "-c", ODD])).await.unwrap();
    assert_eq!((outcome.ending, outcome.exit_code), (RunEnding::Complete, Some(0)), "{}", outcome.output);
    for path in ["link", "root/etc/passwd", "root", "loop", "fifo", "socket", "folder", "sparse"] {
        let path = RepoPath::new(path).unwrap();
        let read = tokio::time::timeout(Duration::from_secs(10), station.read(&place, &path, 1 << 20)).await.unwrap();
        assert!(read.is_err(), "{kind}: {path} came out: {} bytes", read.map_or(0, |it| it.len()));
    }
    let changes = station.changes(&place, &mark, 100).await.unwrap();
    for change in &changes.files {
        match change.path.to_string().as_str() {
            "own" | "hard" => assert_eq!(change.mode, FileMode::Executable),
            // A link is what it says, for the policy gate to refuse; nothing was read through it.
            "link" | "root" | "loop" => assert_eq!(change.mode, FileMode::Symlink),
            "locked/file" => {}
            other => panic!("{kind}: {other} came out"),
        }
    }
    assert_eq!((changes.special, changes.too_large), (2, 1), "{kind}: {changes:?}");
    station.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgeries_do_not_pass_in_containers() {
    if tokio::task::spawn_blocking(docker).await.unwrap() {
        no_forgery_passes(BackendKind::Docker).await;
        output_is_capped_and_plain(BackendKind::Docker).await;
        odd_files_do_not_come_out(BackendKind::Docker).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgeries_do_not_pass_in_confined_processes() {
    no_forgery_passes(BackendKind::Process).await;
    output_is_capped_and_plain(BackendKind::Process).await;
    odd_files_do_not_come_out(BackendKind::Process).await;
}
