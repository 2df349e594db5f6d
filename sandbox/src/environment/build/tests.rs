//! Environments made by a real engine, without a network, from the image that Python tests run in anyway.

use bollard::query_parameters::{ListImagesOptionsBuilder, RemoveImageOptionsBuilder};
use repo::{RepoPath, Store};

use super::*;
use crate::backend::Backend as _;
use crate::environment::diagnose::{Cause, StepEnding};
use crate::environment::setup::SetupLimits;
use crate::plan::TestPlan;
use crate::runner::RunnerKind;
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
    Some(repository_in(backend, &image, setup, files))
}

fn repository_in(backend: DockerBackend, image: &ImageRef, setup: &str, files: &[(&str, &str)]) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("repo");
    let settings = format!("image = '{image}'\nnetwork = 'none'\nsetup = {setup}\n");
    for (path, text) in files.iter().chain([&(".github/patchwright.toml", settings.as_str())]) {
        let file = root.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let (store, tree) = Store::import(&folder.path().join("objects.git"), &root).unwrap();
    Made { backend, snapshot: store.snapshot(tree).unwrap(), _folder: folder }
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

    /// Runs the tests of the base and of a candidate in one box, and returns which passed.
    async fn outcomes(&self, prepared: &Prepared, plan: &TestPlan, edit: (&str, &str)) -> Vec<Vec<bool>> {
        let spec = prepared.spec(Labels::for_job("environment"));
        let mut bench = Workbench::start(&self.backend, &spec, plan).await.unwrap();
        let content = |entry: &repo::Entry| WorkFile {
            path: entry.path.clone(),
            bytes: self.snapshot.read_blob(entry.blob).unwrap(),
            mode: entry.mode,
        };
        bench.put(self.snapshot.entries().iter().map(content).collect()).await.unwrap();
        let (path, text) = edit;
        let edit = Overlay { path: RepoPath::new(path).unwrap(), bytes: Some(text.as_bytes().to_vec()) };
        let mut found = Vec::new();
        for overlay in [Vec::new(), vec![edit]] {
            let report = bench.run_tests(&TestRequest { overlay, ..TestRequest::all(plan.clone()) }).await.unwrap();
            println!("{report:?}");
            found.push(report.results.iter().map(|result| result.status.is_success()).collect());
        }
        bench.close().await.unwrap();
        found
    }

    /// Removes an environment and what stations made of it.
    async fn remove(&self, prepared: &Prepared) {
        let docker = &self.backend.engine().docker;
        let label = format!("patchwright.station.base={}", prepared.id);
        let filters = std::collections::HashMap::from([("label".to_owned(), vec![label])]);
        let options = ListImagesOptionsBuilder::new().all(true).filters(&filters).build();
        let derived = docker.list_images(Some(options)).await.unwrap().into_iter().map(|image| image.id);
        for image in derived.chain([prepared.image.to_string()]) {
            let options = RemoveImageOptionsBuilder::new().force(true).build();
            docker.remove_image(&image, Some(options), None).await.unwrap();
        }
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

    let plan = TestPlan::parse_command("python3 -m pytest").unwrap();
    let edit = ("src/demo.py", "VALUE = 2\n");
    assert_eq!(made.outcomes(&prepared, &plan, edit).await, [vec![false, true], vec![true, true]]);
    // The same path leads to the candidate where a tool runs by its command line.
    let line = "python3 -c 'import site; site.addsitedir(\"/patchwright/home/site\"); import demo; assert demo.VALUE == 2' && grep built product.txt";
    let plan = TestPlan { runner: RunnerKind::Command, args: vec![line.to_owned()], ..plan };
    assert_eq!(made.outcomes(&prepared, &plan, edit).await, [[false], [true]]);
    made.remove(&prepared).await;
}

/// A package in a folder of its own, as `pip` installs it in this way.
async fn an_installed_package_is_the_candidates(how: &str, expected_notes: usize) {
    let Some(backend) = crate::testing::docker().await else { return };
    let Some(image) = crate::testing::image_of_all_languages(&backend).await else { return };
    // Nothing can be fetched: the distribution's own `wheel` serves.
    let setup = format!(
        "['cp -r /usr/lib/python3/dist-packages/wheel* /patchwright/venv/lib/python3*/site-packages/', \
         'python -m pip install --no-index --no-build-isolation {how}']"
    );
    let project = "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n\
                   [project]\nname = 'demo'\nversion = '1'\n[tool.setuptools.packages.find]\nwhere = ['src']\n";
    let tests = "import unittest\nimport demo\nclass TestValue(unittest.TestCase):\n    def test_value(self):\n        self.assertEqual(demo.VALUE, 2)\n";
    let files = [("pyproject.toml", project), ("src/demo/__init__.py", MODULE), ("test_value.py", tests)];
    let made = repository_in(backend, &image, &setup, &files);
    let prepared = made.prepare(&SetupOptions::default()).await.unwrap();
    assert_eq!(prepared.notes.len(), expected_notes, "{:?}", prepared.notes);
    let driven = TestPlan::parse_command("python -m unittest").unwrap();
    assert_eq!(driven.runner, RunnerKind::Unittest);
    let line = vec!["python -m unittest test_value".to_owned()];
    let stationed = TestPlan { runner: RunnerKind::Command, args: line, ..driven.clone() };
    for plan in [driven, stationed] {
        let found = made.outcomes(&prepared, &plan, ("src/demo/__init__.py", "VALUE = 2\n")).await;
        assert_eq!(found, [[false], [true]], "{how}, {:?}", plan.runner);
    }
    made.remove(&prepared).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_editable_package_is_the_candidates() {
    an_installed_package_is_the_candidates("-e .", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copied_package_is_installed_again_by_its_path() {
    an_installed_package_is_the_candidates(".", 1).await;
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
