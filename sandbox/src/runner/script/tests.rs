use std::collections::BTreeMap;

use repo::RepoPath;

use super::*;

fn with<T>(files: &[(&str, &str)], then: impl Fn(&Files<'_>) -> T) -> T {
    let texts = files.iter().map(|(path, text)| (RepoPath::new(path).unwrap(), (*text).to_owned()));
    let texts = texts.collect::<BTreeMap<_, _>>();
    let read = |path: &RepoPath| texts.get(path).cloned();
    then(&Files::new(texts.keys().collect(), &read))
}

fn manifest(scripts: &[(&str, &str)]) -> String {
    serde_json::json!({ "scripts": scripts.iter().copied().collect::<BTreeMap<_, _>>() }).to_string()
}

#[track_caller]
fn check(command: &str, scripts: &[(&str, &str)], expected: Option<&str>) {
    let manifest = manifest(scripts);
    let found = with(&[("package.json", &manifest)], |files| {
        resolve(&shell_words::split(command).unwrap(), "", files).map(|found| found.words.join(" "))
    });
    assert_eq!(found.as_deref(), expected, "{command} {scripts:?}");
}

#[test]
fn a_script_is_the_tool_that_it_calls() {
    let jest = &[("test", "jest --coverage")];
    for command in [
        "npm test",
        "npm t",
        "npm run test",
        "yarn test",
        "yarn run test",
        "pnpm test",
        "npm -s run test",
        "node --run test",
    ] {
        check(command, jest, Some("jest --coverage"));
    }
    check("npm test -- -t adds", jest, Some("jest --coverage -t adds"));
    check("yarn test -t adds", jest, Some("jest --coverage -t adds"));
    check("TZ=UTC npm test", jest, Some("TZ=UTC jest --coverage"));
    check(
        "npm run test:unit",
        &[("test:unit", "cross-env NODE_ENV=test mocha 'test/**/*.js'")],
        Some("cross-env NODE_ENV=test mocha test/**/*.js"),
    );
    check(
        "npm test",
        &[("test", "npm run unit"), ("unit", "nyc --reporter=lcov mocha test/*.js")],
        Some("nyc --reporter=lcov mocha test/*.js"),
    );
    check(
        "npm test",
        &[("test", "run-s lint test:*"), ("lint", "eslint ."), ("test:a", "vitest run")],
        Some("vitest run"),
    );
    check("npm test", &[("test", "node --test test/*.js")], Some("node --test test/*.js"));
    check("npm run gone", jest, None);
    check("npm install", jest, None);
    check("npm test", &[("test", "echo \"Error: no test specified\" && exit 1")], None);
    check("npm test", &[("test", "npm test")], None);
    check("npm test", &[("test", "node run-tests.js | tee log")], None);
}

#[test]
fn checks_are_left_out_and_builds_are_kept() {
    check("npm test", &[("test", "eslint . && standard && npm run lint && ava")], Some("ava"));
    let built = Some("sh -c PATH=\"$PWD/node_modules/.bin:$PATH\"; tsc -p . && mocha dist/test");
    check("npm test", &[("test", "tsc -p . && mocha dist/test && codecov")], built);
    check("npm test", &[("pretest", "tsc -p ."), ("test", "mocha dist/test")], built);
    check("npm test", &[("pretest", "npm run lint"), ("test", "mocha dist/test")], Some("mocha dist/test"));
    let words = ["sh", "-c", "x", "&&", "A=1", "mocha"].map(str::to_owned);
    assert_eq!(super::super::claimed(&words), Some(RunnerKind::Mocha));
}

#[test]
fn scripts_of_a_folder_and_of_composer() {
    let manifest = manifest(&[("test", "jest")]);
    with(&[("web/package.json", &manifest)], |files| {
        let words = ["npm", "test"].map(str::to_owned);
        assert_eq!(resolve(&words, "web", files).unwrap().words, ["jest"]);
        assert_eq!(resolve(&words, "", files), None);
    });
}

#[track_caller]
fn check_detect(files: &[(&str, &str)], expected: Option<(RunnerKind, &str)>) {
    let found = with(files, |files| any(files).map(|(kind, detected)| (kind, detected.args.join(" "))));
    assert_eq!(found.as_ref().map(|(kind, words)| (*kind, words.as_str())), expected, "{files:?}");
}

#[test]
fn tools_are_found_by_script_dependency_configuration_or_import() {
    use RunnerKind::{Ava, Jest, Mocha, NodeTest, Vitest};
    check_detect(&[("package.json", &manifest(&[("test", "jest")]))], Some((Jest, "jest")));
    check_detect(
        &[("package.json", &manifest(&[("test", "make check"), ("test:unit", "mocha")]))],
        Some((Mocha, "mocha")),
    );
    let depends = |name: &str| format!("{{\"devDependencies\": {{\"{name}\": \"1\"}}}}");
    check_detect(&[("package.json", &depends("vitest"))], Some((Vitest, "npx vitest run")));
    check_detect(&[("package.json", &depends("ava"))], Some((Ava, "npx ava")));
    check_detect(&[("package.json", "{}"), (".mocharc.yml", "")], Some((Mocha, "npx mocha")));
    let test = ("test/a.test.mjs", "import test from 'node:test';\n");
    check_detect(&[("package.json", "{}"), test], Some((NodeTest, "node --test")));
    check_detect(&[("package.json", "{}"), ("src/a.js", "require('node:test')")], None);
    check_detect(&[("package.json", "not json"), test], None);
    check_detect(&[test], None);
}

proptest::proptest! {
    #[test]
    fn no_script_panics(text in "[ a-z'\"=$&|;/.*\\\\-]{0,40}") {
        check_no_panic(&text);
    }
}

fn check_no_panic(text: &str) {
    let manifest = manifest(&[("test", text), ("pretest", text)]);
    with(&[("package.json", &manifest)], |files| {
        resolve(&["npm".to_owned(), "test".to_owned()], "", files);
        any(files).map(|_| ())
    });
}
