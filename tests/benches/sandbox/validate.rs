//! Candidates validated a second, in four ways.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use repo::{FileMode, RepoPath};
use sandbox::{
    BackendKind, ConnectOptions, ImageRef, Labels, Overlay, RunnerKind, SandboxSpec, TestPlan, TestRequest, WorkFile,
    Workbench, connect,
};

use crate::mutants::{FILE, PROGRAM, TEST, TEST_FILE};

/// How long one test may take, in every way alike.
const PER_TEST: Duration = Duration::from_secs(5);
const LEAST_AGAINST_RUN: f64 = 10.0;
const LEAST_AGAINST_EXEC: f64 = 4.0;

/// Which candidates passed, and how long all of them took.
struct Validated {
    name: &'static str,
    passed: Vec<bool>,
    seconds: f64,
}

impl Validated {
    fn rate(&self) -> f64 {
        self.passed.len() as f64 / self.seconds
    }
}

/// Validates all mutants in every way and compares both verdicts and speed.
pub(crate) async fn run(mutants: &[String], docker: bool) -> Result<()> {
    let mut ways = vec![with_workbench("workbench, process", BackendKind::Process, mutants).await?];
    if docker {
        ways.push(with_workbench("workbench, docker", BackendKind::Docker, mutants).await?);
        let image = image().await?;
        ways.push(with_exec(&image, mutants)?);
        ways.push(with_run(&image, mutants)?);
    }
    println!("candidates     seconds   a second   pass   way");
    for way in &ways {
        let passed = way.passed.iter().filter(|it| **it).count();
        println!("{:>10} {:>11.1} {:>10.1} {passed:>6}   {}", way.passed.len(), way.seconds, way.rate(), way.name);
    }
    let [first, others @ ..] = ways.as_slice() else { bail!("nothing was measured") };
    for way in others {
        let different: Vec<usize> = (0..mutants.len()).filter(|at| way.passed[*at] != first.passed[*at]).collect();
        if let Some(at) = different.first() {
            bail!("{} and {} differ on {different:?}; the first is\n{}", way.name, first.name, mutants[*at]);
        }
    }
    if let [_, docker, exec, run] = ways.as_slice() {
        for (way, other, least) in [(docker, run, LEAST_AGAINST_RUN), (docker, exec, LEAST_AGAINST_EXEC)] {
            let times = way.rate() / other.rate();
            let met = if times >= least { "met" } else { "MISSED" };
            println!("{} against {}: {times:.1}x (at least {least}x: {met})", way.name, other.name);
        }
    }
    Ok(())
}

/// Returns the image that the workbench uses too.
async fn image() -> Result<ImageRef> {
    let backend = connect(BackendKind::Docker, &ConnectOptions::default()).await?;
    backend.prepare(None, &|_| {}).await?.context("docker needs an image")
}

/// Starts a workbench with the program and its test.
pub(crate) async fn workbench(kind: BackendKind) -> Result<Workbench> {
    let backend = connect(kind, &ConnectOptions::default()).await?;
    let image = backend.prepare(None, &|_| {}).await?;
    let spec = SandboxSpec { image, ..SandboxSpec::new(Labels::for_job("bench")) };
    let mut bench = Workbench::start(backend.as_ref(), &spec, &plan()).await?;
    bench.put(files()?).await?;
    Ok(bench)
}

/// The program and its test.
pub(crate) fn files() -> Result<Vec<WorkFile>> {
    let file = |path: &str, text: &str| -> Result<WorkFile> {
        Ok(WorkFile { path: RepoPath::new(path)?, bytes: text.as_bytes().to_vec(), mode: FileMode::Regular })
    };
    Ok(vec![file(FILE, PROGRAM)?, file(TEST_FILE, TEST)?])
}

fn plan() -> TestPlan {
    TestPlan {
        runner: RunnerKind::Pytest,
        args: Vec::new(),
        python: None,
        import_cwd: true,
        cwd: String::new(),
        env: Vec::new(),
        evidence: Vec::new(),
    }
}

/// A run of the test on the program, changed to this.
pub(crate) fn request(program: Option<&str>) -> Result<TestRequest> {
    let overlay = program.map(|text| -> Result<Overlay> {
        Ok(Overlay { path: RepoPath::new(FILE)?, bytes: Some(text.as_bytes().to_vec()) })
    });
    let overlay = overlay.transpose()?.into_iter().collect();
    Ok(TestRequest { overlay, per_test: PER_TEST, ..TestRequest::all(plan()) })
}

async fn with_workbench(name: &'static str, kind: BackendKind, mutants: &[String]) -> Result<Validated> {
    let mut passed = Vec::new();
    let begin = Instant::now();
    let mut bench = workbench(kind).await?;
    let base = bench.run_tests(&request(None)?).await?;
    ensure!(base.all_passed(), "the program itself fails: {base:#?}");
    for mutant in mutants {
        if !bench.is_alive() {
            bench.close().await?;
            bench = workbench(kind).await?;
        }
        passed.push(bench.run_tests(&request(Some(mutant))?).await?.all_passed());
    }
    bench.close().await?;
    Ok(Validated { name, passed, seconds: begin.elapsed().as_secs_f64() })
}

/// What both usual ways run for one candidate, which comes by stdin. `timeout` is the limit that the workbench has.
fn script() -> String {
    format!("cat > {FILE} && timeout {} python3 -m pytest -q -p no:cacheprovider {TEST_FILE}", PER_TEST.as_secs())
}

fn prepared(image: &ImageRef, options: &[&str], argv: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command.args(["run", "--network", "none", "--user", "65534:65534", "--workdir", "/tmp"]);
    command.args(["--tmpfs", "/tmp:exec", "--env", "PYTHONDONTWRITEBYTECODE=1"]);
    command.args(options).arg(image.as_str()).args(argv);
    command
}

fn feed(mut command: Command, input: &str) -> Result<bool> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    child.stdin.take().context("stdin is piped")?.write_all(input.as_bytes())?;
    match child.wait()?.code() {
        Some(0) => Ok(true),
        // Docker's own failures; everything else is pytest's word, or `timeout`'s.
        Some(125..=127) => bail!("docker failed"),
        _ => Ok(false),
    }
}

fn with_run(image: &ImageRef, mutants: &[String]) -> Result<Validated> {
    let script = format!("cat > {TEST_FILE} <<'END_OF_TEST'\n{TEST}END_OF_TEST\n{}", script());
    let mut passed = Vec::new();
    let begin = Instant::now();
    for mutant in mutants {
        passed.push(feed(prepared(image, &["--rm", "--interactive"], &["sh", "-c", &script]), mutant)?);
    }
    Ok(Validated { name: "docker run for each", passed, seconds: begin.elapsed().as_secs_f64() })
}

/// A container that is removed however the measurement ends.
struct Kept(String);

impl Drop for Kept {
    fn drop(&mut self) {
        let _removed = Command::new("docker").args(["rm", "--force", &self.0]).stdout(Stdio::null()).status();
    }
}

fn with_exec(image: &ImageRef, mutants: &[String]) -> Result<Validated> {
    let mut passed = Vec::new();
    let begin = Instant::now();
    let started = prepared(image, &["--detach", "--init"], &["sleep", "infinity"]).output()?;
    ensure!(started.status.success(), "docker run: {}", String::from_utf8_lossy(&started.stderr));
    let kept = Kept(String::from_utf8_lossy(&started.stdout).trim().to_owned());
    let exec = |script: &str| {
        let mut command = Command::new("docker");
        command.args(["exec", "--interactive", &kept.0, "sh", "-c", script]);
        command
    };
    ensure!(feed(exec(&format!("cat > {TEST_FILE}")), TEST)?, "the test could not be put into the container");
    let script = script();
    for mutant in mutants {
        passed.push(feed(exec(&script), mutant)?);
    }
    Ok(Validated { name: "docker exec in a kept container", passed, seconds: begin.elapsed().as_secs_f64() })
}
