//! `patchwright env` as scripts use it, and images that somebody prepared.

use std::process::{Command, Stdio};

use e2e::repository::Repository;
use serde_json::Value;

use crate::samples::{CLAMP_FAILING, clamp, fix_args_in, issue};
use crate::{docker, patchwright};

/// Returns the image of Python's tests, which is there where Docker is.
pub(crate) fn default_image() -> String {
    let doctor = patchwright(["doctor", "--json"]).run().unwrap().expect_code(0).unwrap();
    let object = doctor.json().unwrap();
    let mut checks = object["sections"].as_array().unwrap().iter().flat_map(|it| it["checks"].as_array().unwrap());
    let image = checks.find(|check| check["name"] == "python image").unwrap();
    image["detail"].as_str().unwrap().to_owned()
}

fn engine(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// An image of this test's own, removed with all that was derived from it.
struct Image(String);

impl Drop for Image {
    fn drop(&mut self) {
        for id in engine(&[
            "images",
            "--no-trunc",
            "--quiet",
            "--filter",
            &format!("label=patchwright.station.base={}", self.0),
        ])
        .lines()
        {
            engine(&["rmi", "--force", id]);
        }
        engine(&["rmi", "--force", &self.0]);
    }
}

fn env(args: &[&str], repository: &Repository) -> Value {
    let path = repository.path();
    let ended = patchwright(["env"]).args(args).args(["--json", "--repo", path.to_str().unwrap()]).run().unwrap();
    let code = ended.code;
    assert!(code < 2, "{}", ended.transcript());
    ended.expect_code(code).unwrap().json().unwrap()
}

#[test]
fn what_is_found_is_told_with_its_evidence() {
    let repository = clamp();
    repository
        .write(
            "setup.cfg",
            "[metadata]\nname = measure\n[options]\npython_requires = >=3.9\ninstall_requires = attrs\n",
        )
        .unwrap();
    repository.write(".python-version", "3.11\n").unwrap();
    let commit = repository.commit("first").unwrap();
    let found = env(&["show"], &repository);
    assert_eq!((&found["schema"], &found["base"]), (&1.into(), &commit.into()));
    let detection = &found["detection"];
    assert_eq!(detection["languages"][0]["language"], "python");
    assert_eq!(detection["base"]["version"], "3.11");
    assert_eq!(detection["base"]["evidence"]["file"], ".python-version");
    assert_eq!(detection["base"]["confidence"], "stated");
    let step = &detection["setup"][0];
    assert!(step["line"].as_str().unwrap().starts_with("python -m pip install -e"), "{step}");
    assert_eq!(step["evidence"]["file"], "setup.cfg");
    for key in ["packages", "build", "variables", "conflicts", "warnings"] {
        assert!(detection[key].is_array(), "{key}: {detection}");
    }
    assert_eq!(detection["test"]["runner"], "unittest", "{detection}");
}

#[test]
fn environments_are_made_tried_and_refused_as_data() {
    if !docker() {
        return;
    }
    let repository = clamp();
    let settings = |setup: &str| format!("image = '{}'\nnetwork = 'none'\nsetup = {setup}\n", default_image());
    repository.write(".github/patchwright.toml", settings("['echo made > measure/product.txt']")).unwrap();
    let commit = repository.commit("first").unwrap();

    let built = env(&["build"], &repository);
    let environment = &built["environment"];
    assert_eq!((&built["status"], &built["base"]), (&"done".into(), &commit.into()));
    let image = Image(environment["id"].as_str().unwrap().to_owned());
    assert!(environment["image"].as_str().unwrap().starts_with("patchwright/env:"), "{environment}");
    assert_eq!(engine(&["image", "inspect", "--format", "{{.Id}}", environment["image"].as_str().unwrap()]), image.0);

    let tested = env(&["test"], &repository);
    assert_eq!((&tested["status"], &tested["environment"]["reused"]), (&"tests_failed".into(), &true.into()));
    let results = tested["results"].as_array().unwrap();
    let failed: Vec<&str> =
        results.iter().filter(|it| it["status"] == "failed").map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!((results.len(), failed), (5, CLAMP_FAILING.to_vec()));
    let tried = env(&["test", "--test", "grep -q made measure/product.txt"], &repository);
    assert_eq!(tried["status"], "done", "{tried}");

    repository.write(".github/patchwright.toml", settings("['true', 'echo broken >&2; exit 3']")).unwrap();
    repository.commit("second").unwrap();
    let refused = env(&["test"], &repository);
    assert_eq!(refused["status"], "setup_failed");
    let failure = &refused["failure"];
    assert_eq!(
        (&failure["step"], &failure["last_lines"]),
        (&serde_json::json!([2, 2]), &serde_json::json!(["broken"]))
    );
    assert_eq!(failure["evidence"]["file"], ".github/patchwright.toml");
}

/// The repository of [`clamp`] with its package in a folder of its own.
fn with_src() -> Repository {
    let flat = clamp();
    let read = |path: &str| std::fs::read_to_string(flat.path().join(path)).unwrap();
    let repository = Repository::with(&[
        ("src/measure/__init__.py", ""),
        ("src/measure/limits.py", &read("measure/limits.py")),
        ("tests/__init__.py", ""),
        ("tests/test_limits.py", &read("tests/test_limits.py")),
        (
            "tests/test_built.py",
            "import os\nimport unittest\nimport measure.built\n\n\nclass BuiltTest(unittest.TestCase):\n    def test_built(self):\n\
             \x20       self.assertEqual(measure.built.VALUE, 'compiled')\n        self.assertEqual(os.environ['VIRTUAL_ENV'], '/opt/tools')\n\
             \x20       self.assertFalse(os.path.exists('/testbed/.git/fix'))\n",
        ),
    ]);
    let repository = repository.unwrap();
    repository.commit("first").unwrap();
    repository
}

/// An image as benchmarks publish them: everything installed by its path, with what was built, a history and a login.
fn prepared_image(repository: &Repository, name: &str) -> Image {
    let script = "mkdir -p /testbed/.git && touch /testbed/.git/fix && echo \"VALUE = 'compiled'\" > /testbed/src/measure/built.py && \
                  echo /testbed/src > \"$(python3 -c 'import site; print(site.getsitepackages()[0])')/measure.pth\" && \
                  echo 'export VIRTUAL_ENV=/opt/tools' >> /root/.bashrc";
    let container = engine(&["create", "--network", "none", &default_image(), "sh", "-c", script]);
    engine(&["cp", &format!("{}/.", repository.path().display()), &format!("{container}:/testbed")]);
    engine(&["start", "--attach", &container]);
    let id = engine(&["commit", "--change", "WORKDIR /testbed", "--change", "ENV HOME=/root", &container, name]);
    engine(&["rm", "--force", &container]);
    Image(id)
}

#[test]
fn a_prepared_image_is_found_by_a_template_and_shows_the_candidates_code() {
    if !docker() {
        return;
    }
    let repository = with_src();
    let image = prepared_image(&repository, "e2e.local/sweb.eval.x86_64.acme_1776_measure-7:latest");
    let template = ["--image", "e2e.local/sweb.eval.x86_64.{id_1776}:latest", "--instance", "Acme__measure-7"];

    let tested = env(&[&["test"], &template[..]].concat(), &repository);
    let adopted = Image(tested["environment"]["id"].as_str().unwrap().to_owned());
    assert_ne!(adopted.0, image.0);
    let statuses = tested["results"].as_array().unwrap().iter();
    let failed: Vec<&str> =
        statuses.filter(|it| it["status"] != "passed").map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(failed, CLAMP_FAILING, "{tested}");
    let line =
        "cd tests && python3 -c 'import measure.limits, measure.built; assert measure.limits.clamp(0, 0, 9) == 9'";
    let by_command = env(&[&["test", "--test", line], &template[..]].concat(), &repository);
    assert_eq!(
        (&by_command["status"], &by_command["environment"]["reused"]),
        (&"done".into(), &true.into()),
        "{by_command}"
    );

    let path = repository.path();
    let fixed = patchwright(fix_args_in("docker", 60, &path, &issue(&repository))).args(["--json"]).args(template);
    let fixed = fixed.run().unwrap().expect_code(0).unwrap();
    let object = fixed.json().unwrap();
    assert!(object["patch"].as_str().unwrap().contains("src/measure/limits.py"), "{}", fixed.transcript());
    drop(adopted);
    drop(image);

    for (args, said) in [
        (&["--image", "mine/{who}"][..], "{id}"),
        (&["--image", "mine/{id}", "--instance", "a b"], "mine/a b"),
        (&["--image", "Not A Name"], "Not A Name"),
    ] {
        let refused = patchwright(["env", "test", "--repo", path.to_str().unwrap()]).args(args).run().unwrap();
        refused.expect_code(2).unwrap().expect_said(said).unwrap();
    }
}

#[test]
fn doctor_tells_what_environments_are_made_with_and_no_secret() {
    if !docker() {
        return;
    }
    let doctor =
        patchwright(["doctor", "--json", "--network", "none", "--pip-index", "https://who:hunter22@index.invalid/"]);
    let ended = doctor.run().unwrap().expect_code(0).unwrap();
    assert!(!ended.transcript().replace(":hunter22@index", "").contains("hunter22"), "{}", ended.transcript());
    let object = ended.json().unwrap();
    let section = object["sections"].as_array().unwrap().iter().find(|it| it["name"] == "environments").unwrap();
    let checks: Vec<(&str, &Value)> =
        section["checks"].as_array().unwrap().iter().map(|it| (it["name"].as_str().unwrap(), &it["ok"])).collect();
    assert_eq!(checks, ["language images", "setup network", "mirrors"].map(|name| (name, &Value::Bool(true))));
    assert_eq!(section["checks"][2]["detail"], "pip");
    let other = patchwright(["doctor", "--network", "no such"]).run().unwrap();
    other.expect_code(2).unwrap().expect_said("no network").unwrap();
}
