//! `patchwright env`: what a repository needs to have its tests run, and an image that has it.

use std::fmt::Write as _;
use std::time::Duration;

use sandbox::backend::docker::DockerBackend;
use sandbox::environment::{self, Found, PrepareError, Prepared, SetupFailure, Step};
use sandbox::{Detection, ImageProgress, Labels, TestPlan, TestReport, TestRequest, Workbench};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::exit::{self, Ending, Failure};
use super::settings::{self, Place, open_repository};
use super::setup::Setup;
use crate::pipeline::FixError;
use crate::pipeline::checkout::Checkout;

/// Arguments of `env`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Prints what was found and who says so. Nothing is executed.
    Show(Place),
    /// Makes the image in which the tests run, or finds it.
    Build {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        means: Means,
    },
    /// Makes the image, runs the tests in it without a network, and prints what came of each.
    Test {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        means: Means,
        /// The command that runs the tests [default: found from the repository].
        #[arg(long, value_name = "CMD")]
        test: Option<String>,
        /// Longest time the run may take, in seconds.
        #[arg(long, value_name = "N", default_value = "1800", value_parser = settings::seconds)]
        seconds: Duration,
    },
}

/// What the image is made with.
#[derive(Debug, clap::Args)]
struct Means {
    #[command(flatten)]
    engine: settings::Engine,
    #[command(flatten)]
    prebuilt: settings::Prebuilt,
    #[command(flatten)]
    setup: Setup,
}

impl Args {
    pub(super) fn json(&self) -> bool {
        match &self.verb {
            Verb::Show(place) | Verb::Build { place, .. } | Verb::Test { place, .. } => place.json,
        }
    }
}

pub(super) async fn run(args: Args, stop: CancellationToken) -> Result<Ending, Failure> {
    match args.verb {
        Verb::Show(place) => super::until_stopped(stop, move || show(&place)).await,
        Verb::Build { place, means } => tokio::select! {
            built = build(&place, &means) => built,
            () = stop.cancelled() => Ok(Ending::Interrupted),
        },
        Verb::Test { place, means, test, seconds } => tokio::select! {
            tested = run_tests(&place, &means, test.as_deref(), seconds) => tested,
            () = stop.cancelled() => Ok(Ending::Interrupted),
        },
    }
}

async fn run_tests(place: &Place, means: &Means, test: Option<&str>, seconds: Duration) -> Result<Ending, Failure> {
    let (checkout, _objects) = open_repository(place)?;
    let detection = Detection::detect(&checkout.snapshot);
    let named = test.map(TestPlan::parse_command).transpose().map_err(FixError::from)?;
    let plan = named.or_else(|| detection.test.as_ref().map(|found| found.value.clone()));
    let plan =
        plan.ok_or_else(|| Failure::usage("no tests were found; name the command that runs them with --test"))?;
    let backend = means.connect().await?;
    let prepared = match means.prepared(&backend, place, &checkout, &detection).await? {
        Ok(prepared) => prepared,
        Err(failure) => return failed(place, &checkout, &failure),
    };
    exit::talk(&format!("running {}", plan_text(&plan)));
    let limit = detection.test_seconds.map_or(seconds, |most| seconds.min(Duration::from_secs(most)));
    let report = tested(&backend, &checkout, &prepared, plan.clone(), limit).await?;
    let good = report.all_passed();
    if place.json {
        let object = json!({
            "schema": 1,
            "status": if good { "done" } else { "tests_failed" },
            "base": checkout.base(),
            "environment": prepared,
            "plan": plan,
            "results": report.results,
            "ending": report.ending,
            "seconds": report.duration.as_secs_f64(),
            "output": report.output,
        });
        exit::print(format!("{object}\n").as_bytes())?;
    } else {
        exit::print(report_text(&report).as_bytes())?;
    }
    Ok(if good { Ending::Done } else { Ending::NoFix })
}

/// Runs the tests of the base in a fresh box of the environment.
async fn tested(
    backend: &DockerBackend,
    checkout: &Checkout,
    prepared: &Prepared,
    plan: TestPlan,
    limit: Duration,
) -> Result<TestReport, Failure> {
    let mut spec = prepared.spec(Labels::for_job("env-test"));
    spec.limits.total = limit;
    let files = crate::pipeline::files_of(&checkout.snapshot)?;
    let mut bench = Workbench::start(backend, &spec, &plan).await.map_err(FixError::from)?;
    let ran = async {
        bench.put(files).await?;
        let request = TestRequest { total: limit, silence: limit, per_test: limit, ..TestRequest::all(plan) };
        bench.run_tests(&request).await
    };
    let report = ran.await;
    bench.close().await.map_err(FixError::from)?;
    Ok(report.map_err(FixError::from)?)
}

/// One line a test that did not pass, and a summary.
fn report_text(report: &TestReport) -> String {
    let mut text = String::new();
    let mut counts: Vec<(String, usize)> = Vec::new();
    for result in &report.results {
        let word = serde_json::to_value(result.status).ok().and_then(|it| it.as_str().map(str::to_owned));
        let word = word.unwrap_or_default();
        if !result.status.is_success() {
            let message = result.failure.as_ref().map(|it| it.message.lines().next().unwrap_or_default());
            let _ = writeln!(text, "{word:9} {}  {}", result.id, message.unwrap_or_default());
        }
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let counts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let summary = if counts.is_empty() { "no tests".to_owned() } else { counts.join(", ") };
    let _ = writeln!(
        text,
        "{} tests: {summary} in {:.1} s ({})",
        report.results.len(),
        report.duration.as_secs_f64(),
        report.ending
    );
    if report.results.is_empty() || !report.all_passed() && report.results.len() == 1 {
        text.push_str(&report.output);
    }
    text
}

async fn build(place: &Place, means: &Means) -> Result<Ending, Failure> {
    let (checkout, _objects) = open_repository(place)?;
    let detection = Detection::detect(&checkout.snapshot);
    let backend = means.connect().await?;
    let prepared = match means.prepared(&backend, place, &checkout, &detection).await? {
        Ok(prepared) => prepared,
        Err(failure) => return failed(place, &checkout, &failure),
    };
    if place.json {
        let object = json!({ "schema": 1, "status": "done", "base": checkout.base(), "environment": prepared });
        exit::print(format!("{object}\n").as_bytes())?;
    } else {
        exit::print(format!("{}\n", prepared.image).as_bytes())?;
    }
    Ok(Ending::Done)
}

impl Means {
    async fn connect(&self) -> Result<DockerBackend, Failure> {
        Ok(DockerBackend::connect(&self.engine.options()).await.map_err(FixError::from)?)
    }

    /// Makes the environment, or adopts the image that was named. A step that fails is the inner error: the repository's fault or the
    /// network's, and a result.
    async fn prepared(
        &self,
        backend: &DockerBackend,
        place: &Place,
        checkout: &Checkout,
        detection: &Detection,
    ) -> Result<Result<Prepared, Box<SetupFailure>>, Failure> {
        let options = self.setup.options()?;
        let progress = |step: ImageProgress| exit::talk(&step.to_string());
        let made = match self.prebuilt.resolve(&place.repo)? {
            Some(image) => environment::adopt(backend, &image, &checkout.snapshot, &progress).await,
            None => environment::prepare(backend, &checkout.snapshot, detection, &options, &progress).await,
        };
        match made {
            Ok(prepared) => {
                for note in &prepared.notes {
                    exit::talk(&format!("note: {note}"));
                }
                let how = if prepared.reused { "found" } else { "made" };
                exit::talk(&format!("environment {how} in {:.1} s", prepared.took.as_secs_f64()));
                Ok(Ok(prepared))
            }
            Err(PrepareError::Setup(failure)) => Ok(Err(failure)),
            Err(PrepareError::Sandbox(error)) => Err(FixError::Sandbox(error).into()),
            Err(PrepareError::Repo(error)) => Err(error.into()),
        }
    }
}

fn failed(place: &Place, checkout: &Checkout, failure: &SetupFailure) -> Result<Ending, Failure> {
    exit::talk(&failure.to_string());
    if place.json {
        let object = json!({ "schema": 1, "status": "setup_failed", "base": checkout.base(), "failure": failure });
        exit::print(format!("{object}\n").as_bytes())?;
    }
    Ok(Ending::NoFix)
}

fn show(place: &Place) -> Result<Ending, Failure> {
    let (checkout, _objects) = open_repository(place)?;
    let detection = Detection::detect(&checkout.snapshot);
    if place.json {
        let object = json!({ "schema": 1, "base": checkout.base(), "detection": detection });
        exit::print(format!("{object}\n").as_bytes())?;
    } else {
        exit::print(text_of(&detection).as_bytes())?;
    }
    Ok(Ending::Done)
}

/// The detection for people: what, and below it who says so.
fn text_of(detection: &Detection) -> String {
    let mut text = String::new();
    let mut line = |what: &str, value: &str, evidence: &dyn std::fmt::Display| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{what:9} {value}\n          {evidence}");
    };
    for found in &detection.languages {
        let place = if found.value.root.is_empty() { "." } else { &found.value.root };
        line("language", &format!("{} in {place}", found.value.language), &found.evidence);
    }
    let base = &detection.base.value;
    let wish = base.version.as_deref().unwrap_or("any version");
    let image = base.image.clone().unwrap_or_else(|| format!("{} {wish}", base.language));
    line("base", &image, &detection.base.evidence);
    for found in &detection.packages {
        line("package", &found.value.name, &found.evidence);
    }
    for found in &detection.variables {
        line("variable", &format!("{}={}", found.value.name, found.value.value), &found.evidence);
    }
    for (what, steps) in [("setup", &detection.setup), ("build", &detection.build)] {
        for found in steps {
            line(what, &step_text(found), &found.evidence);
        }
    }
    match &detection.test {
        Some(found) => line("test", &plan_text(&found.value), &found.evidence),
        None => line("test", "none found", &"name the command in .github/patchwright.toml"),
    }
    for conflict in &detection.conflicts {
        let _ = writeln!(text, "conflict  {conflict}");
    }
    for warning in &detection.warnings {
        let _ = writeln!(text, "warning   {warning}");
    }
    text
}

fn step_text(found: &Found<Step>) -> String {
    match found.value.cwd.as_str() {
        "" => found.value.line.clone(),
        cwd => format!("(in {cwd}) {}", found.value.line),
    }
}

fn plan_text(plan: &TestPlan) -> String {
    let runner =
        serde_json::to_value(plan.runner).ok().and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default();
    let cwd = if plan.cwd.is_empty() { String::new() } else { format!("(in {}) ", plan.cwd) };
    format!("{cwd}{runner}: {}", plan.args.join(" ")).trim_end_matches([':', ' ']).to_owned()
}
