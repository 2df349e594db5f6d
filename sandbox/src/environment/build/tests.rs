//! Environments made by a real engine, without a network, from the image that Python tests run in anyway.

use bollard::query_parameters::RemoveImageOptionsBuilder;
use repo::{RepoPath, Store};

use super::*;
use crate::backend::Backend as _;
use crate::environment::diagnose::{Cause, StepEnding};
use crate::environment::setup::SetupLimits;
use crate::plan::TestPlan;
use crate::workbench::{Overlay, TestRequest, WorkFile, Workbench};

struct Made {
    backend: DockerBackend,
    snapshot: Snapshot,
    _folder: tempfile::TempDir,
}

/// A repository whose own settings name the default image, no network, and these lines.
async fn repository(setup: &str, files: &[(&str, &str)]) -> Option<Made> {
    let backend = crate::testing::docker().await?;
    let image = backend.prepare(None, &|_| {}).await.unwrap().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("repo");
    let settings = format!("image = '{image}'\nnetwork = 'none'\nsetup = {setup}\n");
    for (path, text) in files.iter().chain([&(".github/patchwright.toml", settings.as_str())]) {
        let file = root.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let (store, tree) = Store::import(&folder.path().join("objects.git"), &root).unwrap();
    Some(Made { backend, snapshot: store.snapshot(tree).unwrap(), _folder: folder })
}

impl Made {
    async fn prepare(&self, options: &SetupOptions) -> Result<Prepared, PrepareError> {
        let detection = Detection::detect(&self.snapshot);
        prepare(&self.backend, &self.snapshot, &detection, options, &|_| {}).await
    }

    async fn failure(&self, options: &SetupOptions) -> SetupFailure {
        match self.prepare(options).await {
            Err(PrepareError::Setup(failure)) => *failure,
            other => panic!("{other:?}"),
        }
    }

    async fn remove(&self, prepared: &Prepared) {
        let options = RemoveImageOptionsBuilder::new().force(true).build();
        let docker = &self.backend.engine().docker;
        docker.remove_image(prepared.image.as_str(), Some(options), None).await.unwrap();
    }
}

const MODULE: &str = "VALUE = 1\n";
const TESTS: &str = "import pytest, site\nsite.addsitedir('/patchwright/home/site')\nimport demo\n\ndef test_value():\n    assert demo.VALUE == 2\n\n\
                     def test_built():\n    assert open('product.txt').read() == 'built\\n'\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_built_is_there_and_what_a_candidate_changes_is_seen() {
    // As an editable installation does it: the folder of the code, by its absolute path.
    let setup = "['echo built > product.txt', 'mkdir -p /patchwright/home/site', 'echo \"$PWD/src\" > /patchwright/home/site/demo.pth', \
                 'test \"$(id -u)\" = 65534', 'if touch /etc/x 2>/dev/null; then exit 9; fi']";
    let files = [("src/demo.py", MODULE), ("test_demo.py", TESTS)];
    let Some(made) = repository(setup, &files).await else { return };
    let secret = "http://who:hunter22@proxy.invalid:1";
    let options =
        SetupOptions { https_proxy: Some(secret.into()), ca_bundle: Some("PEM".into()), ..SetupOptions::default() };
    let prepared = made.prepare(&options).await.unwrap();
    assert!(!prepared.reused);
    let again = made.prepare(&options).await.unwrap();
    assert!(again.reused && again.id == prepared.id, "{again:?}");

    let found = made.backend.engine().docker.inspect_image(&prepared.id).await.unwrap();
    let shown = format!("{found:?}");
    assert!(!shown.contains("hunter22") && !shown.contains("ca.pem"), "{shown}");
    let labels = found.config.unwrap().labels.unwrap();
    assert_eq!(labels.get("patchwright.recipe"), Some(&prepared.recipe));
    assert_eq!(labels.get("patchwright.boot").map(String::as_str), Some(""));

    let spec = prepared.spec(Labels::for_job("environment"));
    let plan = TestPlan::parse_command("python3 -m pytest").unwrap();
    let mut bench = Workbench::start(&made.backend, &spec, &plan).await.unwrap();
    let content = |entry: &repo::Entry| WorkFile {
        path: entry.path.clone(),
        bytes: made.snapshot.read_blob(entry.blob).unwrap(),
        mode: entry.mode,
    };
    bench.put(made.snapshot.entries().iter().map(content).collect()).await.unwrap();
    let outcome = |report: &crate::report::TestReport| -> Vec<bool> {
        report.results.iter().map(|result| result.status.is_success()).collect()
    };
    let base = bench.run_tests(&TestRequest::all(plan.clone())).await.unwrap();
    assert_eq!(outcome(&base), [false, true], "{base:?}");
    let fixed = Overlay { path: RepoPath::new("src/demo.py").unwrap(), bytes: Some(b"VALUE = 2\n".to_vec()) };
    let request = TestRequest { overlay: vec![fixed], ..TestRequest::all(plan) };
    let report = bench.run_tests(&request).await.unwrap();
    assert_eq!(outcome(&report), [true, true], "{report:?}");
    bench.close().await.unwrap();
    made.remove(&prepared).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_fails_is_named() {
    let setup = "['true', 'echo one; echo \"x.c:1: fatal error: zlib.h: No such file or directory\" >&2; exit 3']";
    let Some(made) = repository(setup, &[("test_x.py", "")]).await else { return };
    let failure = made.failure(&SetupOptions::default()).await;
    assert_eq!((failure.step, &failure.ending, failure.cause), ((2, 2), &StepEnding::Exited(3), Cause::MissingLibrary));
    assert_eq!(failure.last_lines.len(), 2);
    assert_eq!(failure.evidence.file, ".github/patchwright.toml");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_without_a_network_or_an_end_is_stopped() {
    let Some(made) = repository("'sleep 60'", &[("test_x.py", "")]).await else { return };
    let limits = SetupLimits { total: Duration::from_secs(1), ..SetupLimits::default() };
    let failure = made.failure(&SetupOptions { limits: limits.clone(), ..SetupOptions::default() }).await;
    assert_eq!((failure.ending, failure.cause), (StepEnding::TotalTimeout(limits.total), Cause::Timeout));
    let limits = SetupLimits { silence: Duration::from_secs(1), ..SetupLimits::default() };
    let failure = made.failure(&SetupOptions { limits: limits.clone(), ..SetupOptions::default() }).await;
    assert_eq!(failure.ending, StepEnding::Silence(limits.silence));
    // The repository does without a network, whatever the operator allows.
    let line = "['python3 get.py']";
    let get = "import urllib.request\nurllib.request.urlopen('http://example.invalid')\n";
    let Some(made) = repository(line, &[("get.py", get), ("test_x.py", "")]).await else { return };
    let failure = made.failure(&SetupOptions { network: SetupNetwork::Host, ..SetupOptions::default() }).await;
    assert_eq!(failure.cause, Cause::NoNetwork, "{failure}");
}
