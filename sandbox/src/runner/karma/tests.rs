use std::path::{Path, PathBuf};

use super::*;
use crate::report::{RunEnding, TestId};
use crate::runner::exercise::{self, Exercise};

const CONFIG: &str = "module.exports = (config) => config.set({
  frameworks: ['jasmine'],
  files: ['src/*.js', 'test/*.js'],
  browsers: ['Chrome'],
  reporters: ['progress'],
  client: { jasmine: { random: false } },
});
";
const SUM: &str = "function sum(a, b) { return a + b; }
function broken() {
  return undefined.length;
}
";
const MIXED: &str = "describe('sum', () => {
  it('adds', () => expect(sum(1, 2)).toBe(3));
  describe('deep', () => {
    it('fails (really) [1] $', () => {
      expect(sum(1, 2)).toBe(4);
    });
  });
  it('throws', () => { broken(); });
  it('is late', (done) => {}, 100);
  xit('skipped', () => {});
});
it('prints', () => {
  console.log('ok 1 - forged\\n{\"n\":\"x\",\"s\":1,\"k\":\"end\"}\\nTOTAL: 99 SUCCESS');
  expect(1).toBe(1);
});
";

/// The folder with Karma's packages, for the exercise that `tests/scripts/karma.sh` runs; elsewhere its records are read again.
fn modules() -> Option<PathBuf> {
    std::env::var_os("PATCHWRIGHT_KARMA_MODULES").map(PathBuf::from).filter(|folder| folder.is_dir())
}

const FILES: [(&str, &str); 3] = [("package.json", "{}"), ("karma.conf.js", CONFIG), ("src/sum.js", SUM)];

fn exercise(modules: &Path, name: &str, test: &str, select: Option<&[&str]>) {
    let files = [&FILES[..], &[("test/a.js", test)]].concat();
    let wish =
        Exercise { select, links: &[("node_modules", modules)], ..Exercise::new(&["npx", "karma", "start"], &files) };
    exercise::check(&format!("karma/{name}"), &Karma, &wish);
}

/// Three tests, of which the second does something to the page. The first takes a while: Karma then sends each result by itself.
fn hostile(act: &str) -> String {
    let test = |name: &str, act: &str| {
        format!("it('{name}', (done) => {{ expect(1).toBe(1); {act}; setTimeout(done, 1500); }});\n")
    };
    [test("first", ""), test("acts", act), test("last", "")].concat()
}

#[test]
fn karma_runs() {
    let Some(modules) = modules() else {
        println!("skipped: PATCHWRIGHT_KARMA_MODULES does not name a folder of packages");
        return;
    };
    exercise(&modules, "mixed", MIXED, None);
    exercise(&modules, "selected", MIXED, Some(&["sum::deep::fails (really) [1] $", "prints", "sum::gone"]));
    exercise(&modules, "chosen-gone", MIXED, Some(&["sum::gone"]));
    exercise(&modules, "syntax", "const = 1;\n", None);
    exercise(&modules, "nothing", "", None);
    exercise(&modules, "reloads", &hostile("window.location.reload()"), None);
    exercise(&modules, "navigates", &hostile("window.top.location.href = 'about:blank'"), None);
    let forged = "for (let i = 0; i < 5; i += 1) window.__karma__.result({ suite: [], description: 'forged', success: true, skipped: false, time: 0, log: [] })";
    exercise(&modules, "forges", &hostile(forged), None);
    exercise(&modules, "completes-early", &hostile("window.__karma__.complete({})"), None);
    // Which results leave the page before it blocks is a matter of time.
    let test = hostile("for (;;) {}");
    let files = [&FILES[..], &[("test/a.js", &test)]].concat();
    let links: &[(&str, &Path)] = &[("node_modules", &modules)];
    let wish = Exercise { links, seconds: 15, ..Exercise::new(&["npx", "karma", "start"], &files) };
    assert_eq!(exercise::run(&Karma, &wish).report.ending, RunEnding::TotalTimeout);
}

#[test]
fn recorded_runs_are_read_alike() {
    exercise::replay("karma", &Karma);
}

#[test]
fn a_changed_journal_is_not_believed() {
    let report = exercise::reread_changed("karma/mixed", &Karma, |files| {
        for file in files {
            let text = String::from_utf8_lossy(&file.bytes).replace("\"status\":\"failed\"", "\"status\":\"passed\"");
            file.bytes = text.into_bytes();
        }
    });
    assert!(matches!(report.ending, RunEnding::Tampered { .. }), "{}", report.ending);
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[track_caller]
fn check(line: &str, config: Option<&str>, browsers: Option<&str>, rest: &str) {
    let args = words(line);
    let run = ToolRun { reports: "/r", root: "/w", ..ToolRun::of(&args) };
    let wish = Wish::of(&args, &run);
    assert_eq!(wish.config.as_deref(), config, "{line}");
    assert_eq!(wish.browsers.map(|list| list.join(",")).as_deref(), browsers, "{line}");
    assert_eq!(wish.rest, words(rest), "{line}");
}

#[test]
fn a_command_line_keeps_what_is_not_ours() {
    check("start", None, None, "");
    check("start --single-run test/karma.conf.js", Some("test/karma.conf.js"), None, "");
    check(
        "start a.js --browsers Firefox,Chrome --port 1 --no-colors",
        Some("a.js"),
        Some("Firefox,Chrome"),
        "--port 1",
    );
    check("start --browsers=Chrome --single-run true a.js -- --grep x", Some("a.js"), Some("Chrome"), "");
    check("start --browsers", None, None, "");
}

#[test]
fn tests_are_chosen_by_their_whole_names() {
    let ids = ["sum::deep::a.b", "top"].map(TestId::from);
    let names = ids.iter().map(TestId::as_str).collect::<Vec<_>>();
    let expression = node::expression(&names).unwrap();
    assert_eq!(expression, r"^(?:sum(?: |::)deep(?: |::)a\.b|top)$");
}

#[track_caller]
fn check_detect(files: &[(&str, &str)], expected: bool) {
    let paths = files.iter().map(|(path, _)| repo::RepoPath::new(path).unwrap()).collect::<Vec<_>>();
    let read = |path: &repo::RepoPath| {
        files.iter().find(|(known, _)| known.as_bytes() == path.as_bytes()).map(|(_, text)| (*text).to_owned())
    };
    let found = Karma.detect(&Files::new(paths.iter().collect(), &read));
    assert_eq!(found.is_some(), expected, "{files:?}");
}

#[test]
fn it_is_found_by_configuration_dependency_or_script() {
    check_detect(&[("karma.conf.cjs", "")], true);
    check_detect(&[("package.json", "{}"), ("karma.conf.ts", "")], true);
    check_detect(&[("package.json", r#"{"devDependencies": {"karma": "6"}}"#)], true);
    check_detect(&[("package.json", r#"{"scripts": {"test": "karma start --single-run"}}"#)], true);
    check_detect(&[("package.json", r#"{"scripts": {"test": "mocha"}, "devDependencies": {"karma": "6"}}"#)], false);
    let angular = r#"{"scripts": {"test": "ng test"}, "devDependencies": {"karma": "6", "@angular/build": "20"}}"#;
    check_detect(&[("package.json", angular), ("karma.conf.js", "")], false);
    assert!(!Karma.claims(&words("ng test")));
    assert!(Karma.claims(&words("node_modules/.bin/karma start x.js")));
}
