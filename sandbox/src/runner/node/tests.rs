use std::path::Path;

use super::*;
use crate::runner::exercise::{self, Exercise, Exercised};
use crate::runner::{ava::Ava, jest::Jest, mocha::Mocha, node_test::NodeTest, vitest::Vitest};
use crate::tool::Tool;

const SUM: &str = "'use strict';
exports.sum = (a, b) => a + b;
exports.broken = () => {
  return undefined.length;
};
exports.never = () => {
  return 1;
};
";

/// A suite in the words that jest, mocha, vitest and node share, after a head that defines them.
fn suite(head: &str, check: &str) -> String {
    let check = |wanted: &str| check.replace("$", wanted);
    format!(
        "{head}
describe('sum', () => {{
  it('adds', () => {});
  describe('deep', () => {{
    it('fails (really) [1] $', () => {{
      {};
    }});
  }});
  it('throws', () => {{ broken(); }});
  it.skip('skipped', () => {{}});
  it('twice', () => {{}});
  it('twice', () => {{ throw new RangeError('second'); }});
}});
it('prints', () => {{ console.log('ok 1 - forged\\n{{\"n\":\"x\",\"s\":1,\"k\":\"end\"}}\\nTests: 99 passed'); }});
",
        check("3"),
        check("4"),
    )
}

struct Kind {
    name: &'static str,
    tool: &'static dyn Tool,
    words: &'static [&'static str],
    head: &'static str,
    check: &'static str,
    file: &'static str,
    manifest: &'static str,
}

const EXPECT: &str = "expect(sum(1, 2)).toBe($)";
const ASSERT: &str = "require('assert').strictEqual(sum(1, 2), $)";

const JEST: Kind = Kind {
    name: "jest",
    tool: &Jest,
    words: &["npx", "jest"],
    head: "const { sum, broken } = require('../src/sum.js');",
    check: EXPECT,
    file: "test/a.test.js",
    manifest: "{}",
};
const MOCHA: Kind = Kind {
    name: "mocha",
    tool: &Mocha,
    words: &["npx", "mocha"],
    head: "const { sum, broken } = require('../src/sum.js');",
    check: ASSERT,
    file: "test/a.test.js",
    manifest: "{}",
};
const VITEST: Kind = Kind {
    name: "vitest",
    tool: &Vitest,
    words: &["npx", "vitest", "run"],
    head: "import { it, describe, expect } from 'vitest';\nimport { sum, broken } from '../src/sum.js';",
    check: EXPECT,
    file: "test/a.test.js",
    manifest: "{}",
};
const NODE: Kind = Kind {
    name: "node-test",
    tool: &NodeTest,
    words: &["node", "--test"],
    head: "const { it, describe } = require('node:test');\nconst { sum, broken } = require('../src/sum.js');",
    check: ASSERT,
    file: "test/a.test.js",
    manifest: "{}",
};
const AVA: Kind = Kind {
    name: "ava",
    tool: &Ava,
    words: &["npx", "ava"],
    head: "const test = require('ava');\nconst { sum, broken } = require('../src/sum.js');",
    check: "",
    file: "test/a.test.js",
    manifest: "{}",
};

/// What an exercise asks for.
#[derive(Clone, Copy)]
struct More<'a> {
    select: Option<&'a [&'a str]>,
    coverage: Coverage,
    seconds: u32,
}

const PLAIN: More<'static> = More { select: None, coverage: Coverage::Off, seconds: 60 };

fn exercise(kind: &Kind, name: &str, files: &[(&str, &str)], more: More<'_>) -> Option<Exercised> {
    // To save time these are run when they are recorded, and otherwise read again as they were.
    if ["nothing", "import", "chosen-broken", "one-broken", "kills-itself", "covers-up"].contains(&name)
        && !exercise::is_recording()
    {
        return None;
    }
    let modules = exercise::node_modules()?;
    let More { select, coverage, seconds } = more;
    let files = [&[("package.json", kind.manifest), ("src/sum.js", SUM)], files].concat();
    let links: &[(&str, &Path)] = &[("node_modules", &modules)];
    let wish = Exercise { select, coverage, links, seconds, ..Exercise::new(kind.words, &files) };
    Some(exercise::check(&format!("{}/{name}", kind.name), kind.tool, &wish))
}

fn mixed(kind: &Kind) -> String {
    if kind.name != "ava" {
        return suite(kind.head, kind.check);
    }
    format!(
        "{}
test('adds', t => t.is(sum(1, 2), 3));
test('fails (really) [1] $', t => {{
  t.is(sum(1, 2), 4);
}});
test('throws', t => {{ broken(); }});
test.skip('skipped', t => {{}});
test.todo('later');
test.failing('known', t => t.fail());
test('prints', t => {{ console.log('ok 1 - forged\\n1..1'); t.pass(); }});
",
        kind.head
    )
}

fn check_mixed(kind: &Kind) {
    let text = mixed(kind);
    let other = if kind.name == "ava" {
        "const test = require('ava');\ntest('adds', t => t.pass());\n".to_owned()
    } else {
        format!("{}\nit('adds', () => {{}});\n", kind.head)
    };
    let files = [(kind.file, text.as_str()), ("test/b.test.js", other.as_str())];
    let Some(all) = exercise(kind, "mixed", &files, PLAIN) else { return };
    // A selected test has the result that it has among all others.
    let id = all.report.results.iter().find(|result| result.id.as_str().contains("really")).unwrap().id.clone();
    let chosen = [id.as_str(), "test/b.test.js::adds", "test/a.test.js::gone", "test/c.test.js::gone"];
    exercise(kind, "selected", &files, More { select: Some(&chosen), ..PLAIN });
    let covered = exercise(kind, "covered", &files, More { coverage: Coverage::PerTest, ..PLAIN }).unwrap();
    {
        let lines = covered.report.lines.iter().find(|(path, _)| path.to_str_lossy() == "src/sum.js");
        let lines = &lines.unwrap_or_else(|| panic!("{} covers nothing: {}", kind.name, covered.printed())).1;
        assert!(lines.contains(&2) && lines.contains(&4) && !lines.contains(&7), "{}: {lines:?}", kind.name);
    }
}

fn check_broken(kind: &Kind) {
    let fine = mixed(kind);
    let import =
        if kind.name == "vitest" { "import { x } from './missing.js';\n" } else { "require('./missing.js');\n" };
    exercise(kind, "syntax", &[("test/b.test.js", "const = 1;\n")], PLAIN);
    let ids = ["test/b.test.js::x", "test/c.test.js::y"];
    exercise(kind, "chosen-broken", &[("test/b.test.js", "const = 1;\n")], More { select: Some(&ids), ..PLAIN });
    exercise(kind, "import", &[("test/b.test.js", &format!("{}\n{import}", kind.head))], PLAIN);
    exercise(kind, "one-broken", &[(kind.file, &fine), ("test/b.test.js", "const = 1;\n")], PLAIN);
    exercise(kind, "nothing", &[], PLAIN);
}

/// Code that does something to the tool's own process, or to the report, in the middle of three tests.
fn hostile(kind: &Kind, act: &str) -> String {
    if kind.name == "ava" {
        return format!(
            "{}\ntest.serial('first', t => t.pass());\ntest.serial('acts', t => {{ {act}; t.pass(); }});\ntest.serial('last', t => t.pass());\n",
            kind.head
        );
    }
    format!("{}\nit('first', () => {{}});\nit('acts', () => {{ {act} }});\nit('last', () => {{}});\n", kind.head)
}

const REQUIRE: &str = "const { readdirSync, appendFileSync, truncateSync } = process.getBuiltinModule('fs'); const folder = [...process.argv, ...process.execArgv, ...Object.values(process.env)].join(' ').match(/\\/\\S*reports-5f1c/)?.[0]; const journals = folder ? readdirSync(folder).filter(it => it.startsWith('events-')).map(it => folder + '/' + it) : [];";

fn check_hostile(kind: &Kind) {
    let exit = hostile(kind, "process.exit(0)");
    exercise(kind, "exits-early", &[(kind.file, &exit)], PLAIN);
    let killed = hostile(kind, "process.kill(process.pid, 'SIGKILL')");
    exercise(kind, "kills-itself", &[(kind.file, &killed)], PLAIN);
    let hangs = hostile(kind, "for (;;) {}");
    exercise(kind, "hangs", &[(kind.file, &hangs)], More { seconds: 3, ..PLAIN });
    let writes = format!(
        "{REQUIRE} for (const it of journals) appendFileSync(it, '{{\"k\":\"test\"}}\\n'); if (!journals.length) throw new Error('no journal in sight');"
    );
    exercise(kind, "writes", &[(kind.file, &hostile(kind, &writes))], PLAIN);
    let covers_up = "process.on('exit', () => { process.exitCode = 0; process.reallyExit && process.reallyExit(0); }); throw new Error('covered up')";
    exercise(kind, "covers-up", &[(kind.file, &hostile(kind, covers_up))], PLAIN);
}

#[test]
fn jest_runs() {
    check_mixed(&JEST);
    check_broken(&JEST);
    check_hostile(&JEST);
}

#[test]
fn mocha_runs() {
    check_mixed(&MOCHA);
    check_broken(&MOCHA);
    check_hostile(&MOCHA);
}

#[test]
fn vitest_runs() {
    check_mixed(&VITEST);
    check_broken(&VITEST);
    check_hostile(&VITEST);
}

#[test]
fn node_test_runs() {
    check_mixed(&NODE);
    check_broken(&NODE);
    check_hostile(&NODE);
}

#[test]
fn ava_runs() {
    check_mixed(&AVA);
    check_broken(&AVA);
    check_hostile(&AVA);
}

#[test]
fn recorded_runs_are_read_alike() {
    for kind in [JEST, MOCHA, VITEST, NODE, AVA] {
        exercise::replay(kind.name, kind.tool);
    }
}

#[track_caller]
fn check_call(command: &str, expected: &str) {
    let words = shell_words::split(command).unwrap();
    let call = Invocation::read(&words);
    let shown = call.map(|call| format!("{:?} {:?} {:?} {:?}", call.tool, call.env, call.node, call.args));
    assert_eq!(shown.unwrap_or_default(), expected, "{command}");
}

#[test]
fn calls_are_recognised_however_they_start() {
    let plain = r#"Jest [] [] ["-t", "x"]"#;
    for start in [
        "jest",
        "npx jest",
        "npx --no-install jest",
        "yarn jest",
        "yarn run jest",
        "pnpm exec jest",
        "npm exec -- jest",
        "node_modules/.bin/jest",
        "./node_modules/.bin/jest",
        "node node_modules/.bin/jest",
        "node ./node_modules/jest/bin/jest.js",
        "nyc jest",
        "c8 --reporter lcov jest",
    ] {
        check_call(&format!("{start} -t x"), plain);
    }
    check_call("NODE_ENV=test cross-env A=1 jest", r#"Jest [("NODE_ENV", "test"), ("A", "1")] [] []"#);
    check_call(
        "node --experimental-vm-modules node_modules/jest/bin/jest.js",
        r#"Jest [] ["--experimental-vm-modules"] []"#,
    );
    check_call(
        "node -r ts-node/register node_modules/.bin/mocha test",
        r#"Mocha [] ["-r", "ts-node/register"] ["test"]"#,
    );
    check_call("react-scripts test --watchAll=false", r#"Jest [] [] ["test", "--watchAll=false"]"#);
    check_call("node --test", "NodeTest [] [] []");
    check_call(
        "node --import tsx --test --test-reporter spec test/*.ts",
        r#"NodeTest [] ["--import", "tsx"] ["test/*.ts"]"#,
    );
    check_call("tsx --test a.ts", r#"NodeTest [] ["--import", "tsx"] ["a.ts"]"#);
    check_call("karma start karma.conf.js --single-run", r#"Karma [] [] ["start", "karma.conf.js", "--single-run"]"#);
    for other in [
        "",
        "node",
        "node test.js",
        "npm install jest",
        "npx",
        "./bin/jest",
        "react-scripts build",
        "karma init",
        "nyc report",
        "eslint jest",
        "node -r",
    ] {
        check_call(other, "");
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[test]
fn options_of_ours_are_taken_out_with_their_values() {
    let (ours, values) = (&["--reporter", "-R", "--watch*", "--color"], &["--reporter", "-R", "--require"]);
    for (args, expected) in [
        ("--reporter dot --require x a", "--require x a"),
        ("--reporter=dot -R nyan --watchAll --no-color a --bail", "a --bail"),
        ("--require --reporter", "--require --reporter"),
        ("--reporter", ""),
    ] {
        assert_eq!(without(&words(args), ours, values), words(expected), "{args}");
    }
    assert_eq!(options(&words("a --require x b --bail c"), values), words("--require x --bail"));
}

#[test]
fn tests_are_chosen_by_file_and_escaped_name() {
    let ids = ["pkg/a.test.js::x > y::z (1.5$)", "pkg/b.test.js::twice (2)"].map(TestId::from);
    assert_eq!(names(&ids).unwrap(), r"^(?:twice|twice \(2\)|x > y(?: |::)z \(1\.5\$\))$");
    assert_eq!(file_of(&ids[0], "pkg").as_deref(), Some("a.test.js"));
    assert_eq!(file_of(&ids[0], "pk"), None);
    assert_eq!(file_of(&TestId::from("-x::y"), ""), None);
    assert_eq!(names(&["a.js".into()]), None);
    assert_eq!(names(&vec![TestId::from("a::b"); MOST_NAMED + 1]), None);
}
