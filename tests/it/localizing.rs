//! `localize`: ranked places, as text and as JSON.

use e2e::demo;
use serde_json::Value;

use crate::patchwright;
use crate::samples::{CLAMP_ISSUE, clamp};

fn paths(object: &Value) -> Vec<String> {
    object["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap().to_owned()).collect()
}

fn check_ranking(list: &Value) {
    let scores: Vec<f64> = list.as_array().unwrap().iter().map(|it| it["score"].as_f64().unwrap()).collect();
    assert!(!scores.is_empty());
    assert!(scores.iter().all(|score| *score > 0.0 && *score <= 1.0), "{scores:?}");
    assert!(scores.windows(2).all(|pair| pair[0] >= pair[1]), "best first: {scores:?}");
    for entry in list.as_array().unwrap() {
        assert!(entry["evidence"].as_array().unwrap().iter().all(Value::is_string), "{entry}");
    }
}

#[test]
fn json_has_its_schema() {
    let repository = clamp();
    let commit = repository.commit("first").unwrap();
    let repo = repository.path();
    let ended = patchwright(["localize", "--json", "--issue", "-", "--repo", repo.to_str().unwrap()])
        .stdin(CLAMP_ISSUE)
        .run()
        .unwrap()
        .expect_code(0)
        .unwrap();
    let object = ended.json().unwrap();
    assert_eq!(object["schema"], 1);
    assert_eq!(object["base"], commit.as_str());
    assert!(object["took_ms"].as_f64().unwrap() > 0.0);
    check_ranking(&object["files"]);
    check_ranking(&object["symbols"]);
    assert_eq!(paths(&object)[0], "measure/limits.py");
    let symbol = &object["symbols"][0];
    assert_eq!((symbol["path"].as_str(), symbol["name"].as_str()), (Some("measure/limits.py"), Some("clamp")));
    let lines: Vec<u64> = symbol["lines"].as_array().unwrap().iter().map(|line| line.as_u64().unwrap()).collect();
    assert_eq!(lines, [4, 10]);
    assert!(symbol["kind"].is_string());
}

#[test]
fn every_demo_names_its_faulty_file() {
    for (name, file) in [
        ("tasktide", "tasktide/report.py"),
        ("shelfmark", "shelfmark/paging.py"),
        ("parcelrate", "src/parcelrate/zones.py"),
    ] {
        let repository = demo::named(name).unwrap().copy().unwrap();
        repository.commit("first").unwrap();
        let repo = repository.path();
        let issue = repo.join("issue.md");
        let ended =
            patchwright(["localize", "--json", "--repo", repo.to_str().unwrap(), "--issue", issue.to_str().unwrap()]);
        let ended = ended.run().unwrap().expect_code(0).unwrap();
        let ranked = paths(&ended.json().unwrap());
        assert!(ranked.iter().take(3).any(|path| path == file), "{name}: {ranked:?}");
    }
}

#[test]
fn a_bare_repository_and_an_older_revision() {
    let repository = clamp();
    let first = repository.commit("first").unwrap();
    repository.git(&["rm", "--quiet", "-r", "measure"]).unwrap();
    repository.commit("second").unwrap();
    let bare = repository.bare().unwrap();
    let localize = |base: &str| {
        patchwright(["localize", "--json", "--issue", "-", "--base", base, "--repo", bare.to_str().unwrap()])
            .stdin(CLAMP_ISSUE)
            .run()
            .unwrap()
            .expect_code(0)
            .unwrap()
            .json()
            .unwrap()
    };
    assert_eq!(paths(&localize("HEAD~1"))[0], "measure/limits.py");
    assert_eq!(localize("HEAD~1")["base"], first.as_str());
    assert!(!paths(&localize("main")).contains(&"measure/limits.py".to_owned()));
}

#[test]
fn the_number_of_places_is_bounded() {
    let repository = clamp();
    let repo = repository.path();
    let ended = patchwright(["localize", "--json", "-n", "1", "--issue", "-", "--repo", repo.to_str().unwrap()])
        .stdin(CLAMP_ISSUE)
        .run()
        .unwrap();
    let object = ended.expect_code(0).unwrap().json().unwrap();
    assert_eq!(object["files"].as_array().unwrap().len(), 1);
    assert_eq!(object["symbols"].as_array().unwrap().len(), 1);
}

#[test]
fn text_is_for_people() {
    let repository = clamp();
    let repo = repository.path();
    let ended =
        patchwright(["localize", "--issue", "-", "--repo", repo.to_str().unwrap()]).stdin(CLAMP_ISSUE).run().unwrap();
    let ended = ended.expect_code(0).unwrap();
    assert!(ended.stdout.contains("measure/limits.py"), "{}", ended.transcript());
    assert!(!ended.stdout.contains('\u{1b}'), "colour although NO_COLOR is set: {}", ended.transcript());
}

#[test]
fn a_broken_file_is_skipped_and_the_rest_is_ranked() {
    let repository = clamp();
    repository.write("measure/broken.py", "def clamp(value, low, high:\n    return ((\n").unwrap();
    repository.write("measure/latin.py", b"name = '\xe9\xff\x00'\n").unwrap();
    let repo = repository.path();
    let ended = patchwright(["localize", "--json", "--issue", "-", "--repo", repo.to_str().unwrap()])
        .stdin(CLAMP_ISSUE)
        .run()
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert_eq!(paths(&ended.json().unwrap())[0], "measure/limits.py");
}
