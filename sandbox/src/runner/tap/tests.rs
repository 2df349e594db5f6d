use std::path::Path;

use super::*;
use crate::runner::exercise::{self, Exercise};

const TAPE: &str = "const test = require('tape');
const { sum } = require('../src/sum.js');
test('adds', (t) => { t.equal(sum(1, 2), 3); t.equal(sum(2, 2), 4, 'again'); t.end(); });
test('fails', (t) => {
  t.equal(sum(1, 2), 3);
  t.equal(sum(1, 2), 4, 'wrong');
  t.end();
});
test('adds', (t) => { t.ok(true); t.end(); });
";
const SUM: &str = "exports.sum = (a, b) => a + b;\n";
const PERL: &str = "use strict; use warnings; use Test::More;
ok(1, 'first');
is(1 + 1, 3, 'sum');
subtest 'inner' => sub { plan tests => 2; ok(1, 'a'); ok(1, 'b'); };
SKIP: { skip 'no database', 1; ok(0, 'never'); }
TODO: { local $TODO = 'later'; ok(0, 'unfinished'); }
done_testing();
";

#[test]
fn tape_runs() {
    let Some(modules) = exercise::node_modules() else { return };
    let links: &[(&str, &Path)] = &[("node_modules", &modules)];
    let words = &["npx", "tape", "test/*.js"];
    let files = [("package.json", "{}"), ("src/sum.js", SUM), ("test/a.js", TAPE)];
    let wish = Exercise { links, coverage: crate::workbench::Coverage::PerTest, ..Exercise::new(words, &files) };
    let done = exercise::check("tap/tape", &Tap, &wish);
    assert!(done.report.lines.iter().any(|(path, lines)| path.to_str_lossy() == "src/sum.js" && lines == &[1]));
    let exits = "const test = require('tape');\ntest('first', (t) => { t.ok(1); process.exit(0); });\ntest('last', (t) => { t.ok(1); t.end(); });\n";
    let files = [("package.json", "{}"), ("test/a.js", exits)];
    exercise::check("tap/tape-exits", &Tap, &Exercise { links, ..Exercise::new(words, &files) });
    let files = [("package.json", "{}"), ("test/a.js", "const = 1;\n")];
    exercise::check("tap/tape-syntax", &Tap, &Exercise { links, ..Exercise::new(words, &files) });
}

#[test]
fn perl_runs() {
    if !crate::testing::tools(&["perl"]) {
        return;
    }
    let words = &["perl", "t/basic.t"];
    exercise::check("tap/perl", &Tap, &Exercise::new(words, &[("t/basic.t", PERL)]));
    let exits = "use Test::More; ok(1, 'first'); exit(0); ok(1, 'last'); done_testing();\n";
    exercise::check("tap/perl-exits", &Tap, &Exercise::new(words, &[("t/basic.t", exits)]));
    let bails = "use Test::More; ok(1, 'first'); BAIL_OUT('no disk');\n";
    exercise::check("tap/perl-bails", &Tap, &Exercise::new(words, &[("t/basic.t", bails)]));
    let dies = "use Test::More; ok(1, 'first'); die 'no';\n";
    exercise::check("tap/perl-dies", &Tap, &Exercise::new(words, &[("t/basic.t", dies)]));
}

#[test]
fn recorded_runs_are_read_alike() {
    exercise::replay("tap", &Tap);
}
