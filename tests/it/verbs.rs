//! The verbs beside `fix`, `localize` and `demo`.

use serde_json::Value;

use crate::patchwright;
use crate::samples::clamp;

fn json(args: &[&str]) -> Value {
    patchwright(args).run().unwrap().expect_code(0).unwrap().json().unwrap()
}

#[test]
fn help_and_version_are_data() {
    for verb in [&[][..], &["fix"], &["localize"], &["index", "search"], &["demo"], &["doctor"], &["completions"]] {
        let help = patchwright(verb).args(["--help"]).run().unwrap().expect_code(0).unwrap();
        assert!(help.stdout.contains("Usage: patchwright"), "{}", help.transcript());
    }
    let version = patchwright(["--version"]).run().unwrap().expect_code(0).unwrap();
    assert_eq!(version.stdout.trim(), format!("patchwright {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let script = patchwright(["completions", shell]).run().unwrap().expect_code(0).unwrap();
        assert!(script.stdout.contains("localize"), "{shell}");
    }
    patchwright(["completions", "abacus"]).run().unwrap().expect_code(2).unwrap();
}

#[test]
fn an_index_is_built_once_and_asked() {
    let repository = clamp();
    let commit = repository.commit("first").unwrap();
    let repo = repository.path();
    let repo = repo.to_str().unwrap();
    assert_eq!(json(&["index", "build", "--json", "--repo", repo])["base"], commit.as_str());

    let symbols = json(&["index", "symbols", "--json", "--repo", repo, "--path", "measure/limits.py"]);
    let names: Vec<&str> =
        symbols["symbols"].as_array().unwrap().iter().map(|symbol| symbol["qualified"].as_str().unwrap()).collect();
    assert_eq!(names, ["clamp", "spread"]);

    let found =
        patchwright(["index", "search", "--repo", repo, "spread of values"]).run().unwrap().expect_code(0).unwrap();
    assert!(found.stdout.contains("measure/limits.py"), "{}", found.transcript());

    let missing = patchwright(["index", "symbols", "--repo", repo, "--path", "measure/nowhere.py"]).run().unwrap();
    missing.expect_code(2).unwrap().expect_said("measure/nowhere.py").unwrap();
}

#[test]
fn doctor_says_what_is_there() {
    // Docker may be missing, the process sandbox and storage may not.
    let object = json(&["doctor", "--json"]);
    assert_eq!(object["schema"], 1);
    assert_eq!(object["good"], true);
    assert!(object["sections"].as_array().unwrap().len() >= 2);
    let talk = patchwright(["doctor"]).run().unwrap().expect_code(0).unwrap();
    assert!(talk.stdout.contains("process"), "{}", talk.transcript());
}

#[test]
fn doctor_without_docker_says_what_to_do() {
    let doctor = patchwright(["doctor"]).env("DOCKER_HOST", "unix:///nonexistent/docker.sock").run().unwrap();
    let doctor = doctor.expect_code(0).unwrap();
    assert!(doctor.stdout.to_lowercase().contains("docker"), "{}", doctor.transcript());
}
