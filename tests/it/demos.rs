//! The demonstration repositories themselves, and the verb that shows them.

use e2e::demo;
use e2e::repository::git;

use crate::{docker, patchwright};

/// The suites are strong enough to judge by: the fault breaks exactly the listed tests, and the fix of a person turns all green.
#[test]
fn each_fails_as_told_and_passes_when_fixed() {
    for demo in demo::ALL {
        if !demo.tests.available().unwrap() {
            continue;
        }
        let repository = demo.copy().unwrap();
        assert_eq!(demo.tests.failing(&repository.path()).unwrap(), demo.failing, "{}", demo.name);
        let patch = repository.beside("fix.patch", &demo.fix().unwrap()).unwrap();
        git(&repository.path(), &["apply", patch.to_str().unwrap()]).unwrap();
        assert_eq!(demo.tests.failing(&repository.path()).unwrap(), [] as [&str; 0], "{}", demo.name);
    }
}

#[test]
fn the_fix_is_not_in_the_repository() {
    for demo in demo::ALL {
        let fix = demo.fix().unwrap();
        let added: Vec<&str> =
            fix.lines().filter_map(|line| line.strip_prefix('+')).filter(|line| !line.starts_with("++")).collect();
        assert!(!added.is_empty());
        for file in files(&demo.folder()) {
            let text = std::fs::read_to_string(&file).unwrap();
            for line in &added {
                assert!(!text.contains(line.trim()), "{} gives the fix away", file.display());
            }
        }
    }
}

fn files(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

fn demo_runs(sandbox: &str) {
    let ended = patchwright(["demo", "--sandbox", sandbox]).run().unwrap().expect_code(0).unwrap();
    for demo in demo::ALL {
        let text = format!("{}{}", ended.stdout, ended.stderr);
        assert!(text.contains(demo.name), "{} is not told of\n{}", demo.name, ended.transcript());
    }
    let fixed = ended.stdout.matches("diff --git").count();
    let expected = demo::ALL.iter().filter(|demo| demo.tests.available().unwrap()).count();
    assert!(fixed >= expected, "{fixed} diffs shown\n{}", ended.transcript());
}

#[test]
fn demo_in_a_process_sandbox() {
    demo_runs("process");
}

#[test]
fn demo_in_docker() {
    if docker() {
        demo_runs("docker");
    }
}
