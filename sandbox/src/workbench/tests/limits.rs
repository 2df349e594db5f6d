//! Every limit of a box has a verdict of its own, whether a test meets it or a command does.

use super::*;

/// What meets a limit, and the verdict that says so.
struct Excess {
    code: &'static str,
    verdict: RunEnding,
    /// Total time and silence, in seconds.
    times: [u64; 2],
}

const LONG: [u64; 2] = [60, 30];

fn excesses() -> Vec<Excess> {
    let excess = |code, verdict, times| Excess { code, verdict, times };
    vec![
        excess("hoard = []\nwhile True: hoard.append(b'x' * (8 << 20))", RunEnding::OutOfMemory, LONG),
        excess("while True: pass", RunEnding::CpuTime, LONG),
        // Each process alone stays below the limit.
        excess(
            "for _ in range(3):\n    if os.fork() == 0:\n        import time\n        while time.process_time() < 0.9: pass\n        os._exit(0)\n\
             while True: os.wait()",
            RunEnding::CpuTime,
            LONG,
        ),
        excess("for _ in range(1000):\n    if os.fork() == 0: signal.pause()", RunEnding::ProcessLimit, LONG),
        excess("held = []\nwhile True: held.append(open('/dev/null'))", RunEnding::FileLimit, LONG),
        excess("for count in range(10000): open('made-%d' % count, 'w').close()", RunEnding::FileLimit, LONG),
        excess(
            "with open('big', 'wb') as file:\n    while True: file.write(b'x' * (1 << 20))",
            RunEnding::DiskFull,
            LONG,
        ),
        excess("while True: os.write(1, b'x' * 4096)", RunEnding::OutputLimit, LONG),
        excess(
            "import time\nwhile True:\n    print('.', flush=True)\n    time.sleep(0.1)",
            RunEnding::TotalTimeout,
            [1, 30],
        ),
        excess("signal.pause()", RunEnding::Silence, [60, 1]),
    ]
}

fn tight() -> Limits {
    Limits {
        memory_bytes: 300 << 20,
        processes: 32,
        cpu_time: Duration::from_secs(2),
        disk_bytes: 32 << 20,
        files: 2000,
        open_files: 128,
        output_bytes: 64 << 10,
        ..Limits::default()
    }
}

async fn verdicts(kind: BackendKind) {
    let mut bench = None;
    for Excess { code, verdict, times: [total, silence] } in excesses() {
        let mut alive = match bench.take() {
            Some(bench) => bench,
            None => {
                let Some(bench) = real(kind, tight()).await else { return };
                bench
            }
        };
        alive.put(vec![file("test_a.py", &unittest_around(code))]).await.unwrap();
        let mut request = TestRequest::all(plan(RunnerKind::Unittest));
        (request.per_test, request.total) = (Duration::from_secs(40), Duration::from_secs(total));
        request.silence = Duration::from_secs(silence);
        let report = alive.run_tests(&request).await.unwrap();
        // A test that meets the limit of memory may be told so by Python itself.
        let refused = verdict == RunEnding::OutOfMemory
            && report.results.iter().any(|it| it.failure.as_ref().is_some_and(|it| it.class == FailureClass::Memory));
        assert!(report.ending == verdict || refused, "{kind}, a test: {code}\n{report:#?}");
        assert!(!report.all_passed());
        if alive.is_alive() {
            let outcome = alive.run_command(&command(code, request.total, request.silence)).await.unwrap();
            assert_eq!(outcome.ending, verdict, "{kind}, a command: {code}\n{outcome:#?}");
        }
        if alive.is_alive() {
            bench = Some(alive);
        } else {
            alive.close().await.unwrap();
        }
    }
    if let Some(bench) = bench {
        bench.close().await.unwrap();
    }
}

fn command(code: &str, total: Duration, silence: Duration) -> CommandRequest {
    CommandRequest {
        argv: ["python3", "-c", &format!("import os, signal\n{code}")].map(str::to_owned).into(),
        cwd: String::new(),
        env: Vec::new(),
        overlay: Vec::new(),
        total,
        silence,
    }
}

#[tokio::test]
async fn limits_of_process_boxes_have_their_verdicts() {
    verdicts(BackendKind::Process).await;
}

#[tokio::test]
async fn limits_of_docker_boxes_have_their_verdicts() {
    verdicts(BackendKind::Docker).await;
}

/// The same excesses in the boxes of the other engine, which know of commands only.
async fn stationed_verdicts(kind: BackendKind) {
    let Some(backend) = real_backend(kind).await else { return };
    let image = backend.prepare(None, &|_| {}).await.unwrap();
    let spec = SandboxSpec { image, limits: tight(), ..SandboxSpec::new(Labels::for_job("test")) };
    let mut bench = Workbench::start(backend.as_ref(), &spec, &plan(RunnerKind::Command)).await.unwrap();
    for Excess { code, verdict, times: [total, silence] } in excesses() {
        let (total, silence) = (Duration::from_secs(total), Duration::from_secs(silence));
        let outcome = bench.run_command(&command(code, total, silence)).await.unwrap();
        assert_eq!(outcome.ending, verdict, "{kind}, a command: {code}\n{outcome:#?}");
        assert!(bench.is_alive(), "{kind}: {code}");
    }
    bench.close().await.unwrap();
}

async fn real_backend(kind: BackendKind) -> Option<Box<dyn Backend>> {
    match kind {
        BackendKind::Docker => crate::testing::docker().await.map(|it| Box::new(it) as Box<dyn Backend>),
        BackendKind::Process => Some(connect(kind, &ConnectOptions::default()).await.unwrap()),
    }
}

#[tokio::test]
async fn limits_of_stations_in_processes_have_their_verdicts() {
    stationed_verdicts(BackendKind::Process).await;
}

#[tokio::test]
async fn limits_of_stations_in_docker_have_their_verdicts() {
    stationed_verdicts(BackendKind::Docker).await;
}
