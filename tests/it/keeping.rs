//! What is kept between runs: the history of a repository, the index of a working copy under watch, and what `gc` takes away.

use serde_json::{Value, json};

use crate::patchwright;
use crate::samples::{clamp, fix_args_in, issue};

#[test]
fn a_history_is_told() {
    let repository = clamp();
    repository.commit("first").unwrap();
    repository.write("measure/limits.py", "def clamp(low, high, value):\n    return value\n").unwrap();
    let second = repository.commit("limits: clamp forgets its bounds\n\nSigned-off-by: A <a@example.com>").unwrap();
    let path = repository.path();
    let ask = |more: &[&str]| -> Value {
        let args = [&["index", "history", "--json", "--repo", path.to_str().unwrap()], more].concat();
        patchwright(&args).run().unwrap().expect_code(0).unwrap().json().unwrap()
    };
    let all = ask(&[]);
    assert_eq!((&all["schema"], &all["base"], &all["stats"]["commits"]), (&json!(1), &json!(second), &json!(2)));
    assert_eq!(all["changed"][0]["path"], "measure/limits.py");
    let one = ask(&["--path", "measure/limits.py", "--symbol", "clamp"]);
    assert_eq!(one["churn"]["changes"], 2);
    assert_eq!(one["commits"][0]["message"], "limits: clamp forgets its bounds");
    let found = ask(&["--search", "forgotten bounds"]);
    assert_eq!(found["commits"][0]["id"], json!(second));
    let text = patchwright(["index", "history", "--repo", path.to_str().unwrap(), "--path", "measure/limits.py"]);
    let text = text.run().unwrap().expect_code(0).unwrap();
    assert!(text.stdout.contains("clamp forgets its bounds"), "{}", text.transcript());
    let tree = patchwright(["index", "history", "--repo", path.to_str().unwrap(), "--base", "HEAD^{tree}"]);
    tree.run().unwrap().expect_code(2).unwrap().expect_said("has no history").unwrap();
}

#[test]
fn a_working_copy_is_watched_until_interrupted() {
    let repository = clamp();
    repository.commit("first").unwrap();
    let path = repository.path();
    let mut running =
        patchwright(["index", "build", "--watch", "--json", "--repo", path.to_str().unwrap()]).start().unwrap();
    running.wait_for_line(|line| line.contains("watching")).unwrap();
    repository.write("measure/more.py", "def widen(x): return x\n").unwrap();
    running.wait_for_line(|line| line.contains("measure/more.py")).unwrap();
    running.interrupt().unwrap();
    let ended = running.finish().unwrap().expect_code(130).unwrap();
    let events: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["event"], "ready");
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["changed"]), (&json!("refresh"), &json!(["measure/more.py"])));
    // Nothing of it lies about.
    assert_eq!(std::fs::read_dir(ended.home().join("tmp")).unwrap().count(), 0, "{}", ended.transcript());
    let base = patchwright(["index", "build", "--watch", "--base", "HEAD", "--repo", path.to_str().unwrap()]);
    base.run().unwrap().expect_code(2).unwrap().expect_said("--base").unwrap();
}

#[test]
fn results_of_tests_are_remembered_between_jobs() {
    let repository = clamp();
    repository.commit("first").unwrap();
    let cache = tempfile::tempdir().unwrap();
    let fix = |more: &[&str]| -> Value {
        let fix = patchwright(fix_args_in("process", 60, &repository.path(), &issue(&repository)));
        let fix = fix.env("XDG_CACHE_HOME", cache.path()).args(["--json", "--jobs", "1"]).args(more);
        fix.run().unwrap().expect_code(0).unwrap().json().unwrap()
    };
    let count = |object: &Value, name: &str| object["remembered"][name].as_u64().unwrap();
    let first = fix(&[]);
    assert!(count(&first, "misses") > 0, "{first}");
    // The same search asks the same of the same trees: everything is known.
    let second = fix(&[]);
    assert_eq!(count(&second, "misses"), 0, "{second}");
    assert!(count(&second, "hits") >= count(&first, "misses"), "{second}");
    assert_eq!(second["remembered"]["rate"], 1.0, "{second}");
    let anew = fix(&["--no-cache"]);
    assert_eq!(anew["remembered"], Value::Null, "{anew}");
    for object in [&second, &anew] {
        assert_eq!((&object["patch"], &object["nodes"]), (&first["patch"], &first["nodes"]), "{object}");
    }
}

#[test]
fn what_is_old_is_collected() {
    let repository = clamp();
    repository.commit("first").unwrap();
    let path = repository.path();
    let cache = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let run = patchwright(args).env("XDG_CACHE_HOME", cache.path());
        run.run().unwrap().expect_code(0).unwrap()
    };
    let gc = |more: &[&str]| -> Value { run(&[&["gc", "--no-images", "--json"], more].concat()).json().unwrap() };
    let build = || run(&["index", "build", "--json", "--repo", path.to_str().unwrap()]).json().unwrap();
    assert_eq!(gc(&[])["collected"]["index"]["views"], 0);
    build();
    let results = cache.path().join("patchwright/results/v1/ab");
    std::fs::create_dir_all(&results).unwrap();
    std::fs::write(results.join("old"), b"x").unwrap();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(40 * 24 * 3600);
    std::fs::File::options().write(true).open(results.join("old")).unwrap().set_modified(old).unwrap();
    // A dry run counts and leaves; what is young stays.
    let dry = gc(&["--dry-run"]);
    assert_eq!((&dry["dry_run"], &dry["collected"]["results"]["files"]), (&json!(true), &json!(1)));
    assert!(results.join("old").exists());
    let real = gc(&[]);
    assert_eq!((&real["collected"]["index"]["views"], &real["collected"]["results"]["files"]), (&json!(0), &json!(1)));
    assert!(!results.join("old").exists());
    assert_eq!(build()["stats"]["view_reused"], true);
    let dry = gc(&["--dry-run", "--older-than", "0"]);
    assert_eq!(dry["collected"]["index"]["views"], 1);
    assert_eq!(build()["stats"]["view_reused"], true);
    assert_eq!(gc(&["--older-than", "0"])["collected"]["index"]["views"], 1);
    assert_eq!(build()["stats"]["view_reused"], false);
}
