use super::*;
use crate::runner::exercise::{self, Exercise};
use crate::testing;

const BASIC: &str = "use strict;
use warnings;
use Test::More tests => 6;

ok(1, 'adds up');
is(1 + 1, 3, 'the sum');
subtest 'inner things' => sub {
    plan tests => 2;
    ok(1, 'a');
    ok(0, 'b');
};
SKIP: {
    skip 'no card reader', 1;
}
TODO: {
    local $TODO = 'not yet';
    ok(0, 'later');
}
ok(1);
";
const FINE: &str = "use Test::More; ok(1, 'fine'); done_testing;\n";

#[test]
fn prove_runs_and_saves_every_stream() {
    if !testing::tools(&["prove", "perl"]) {
        return;
    }
    let files = [("t/basic.t", BASIC), ("t/fine.t", FINE)];
    let found = exercise::run(&Prove, &Exercise::new(&["prove", "-v", "t"], &files));
    let expected = "Passed t/basic.t::adds up
Failed t/basic.t::the sum
  Assertion: Failed test 'the sum'
  t/basic.t:6 
Passed t/basic.t::inner things::a
Failed t/basic.t::inner things::b
  Assertion: Failed test 'b'
  t/basic.t:10 
Skipped t/basic.t::test 4
  Assertion: no card reader
XFailed t/basic.t::later
  Assertion: not yet
Passed t/basic.t::test 6
Passed t/fine.t::fine
complete";
    assert_eq!(found.lines(), expected, "{}", found.printed());
    let mut wish = Exercise::new(&["prove", "-v", "t"], &files);
    wish.select = Some(&["t/fine.t::fine"]);
    assert_eq!(exercise::run(&Prove, &wish).lines(), "Passed t/fine.t::fine\ncomplete");
}

#[track_caller]
fn check_ending(program: &str, expected: &str) {
    let found = exercise::run(&Prove, &Exercise::new(&["prove", "--exec", "sh", "t"], &[("t/x.t", program)]));
    let ending = found.report.ending.to_string();
    assert!(ending.starts_with(expected), "{program}: {}", found.lines());
}

#[test]
fn programs_that_forge_leave_early_or_kill_are_no_complete_run() {
    if !testing::tools(&["prove"]) {
        return;
    }
    check_ending("printf '1..2\\nok 1\\nok 2\\n'", "complete");
    check_ending("printf '1..2\\nok 1\\n'; exit 0", "report not trustworthy: t/x.t: ");
    check_ending("printf '1..2\\nok 1\\nok 2\\nok 3\\n'", "report not trustworthy: t/x.t: ");
    check_ending("printf '1..2\\nok 1\\nok 1\\n'", "report not trustworthy: t/x.t: ");
    check_ending("printf 'ok 1\\nok 2\\n'", "report not trustworthy: t/x.t: ");
    check_ending("printf '1..1\\nok 1\\n'; exit 3", "report not trustworthy: the exit code 1 contradicts");
    check_ending("printf '1..1\\nnot ok 1\\n'; exit 0", "complete");
    check_ending("printf '1..1\\nok 1\\n'; kill -9 $$", "report not trustworthy: the exit code 1 contradicts");
    check_ending("printf 'Bail out! no server\\n'; exit 1", "report not trustworthy: t/x.t gave up: no server");
    check_ending("exit 0", "report not trustworthy: t/x.t: ");
}

proptest::proptest! {
    #[test]
    fn arbitrary_streams_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let mut results = Results::default();
        let place = Place { root: "/work", cwd: "" };
        let _ = add("t/x.t", &tap::parse(&bytes), place, &mut results);
        assert!(results.into_vec().iter().all(|it| it.id.as_str().starts_with("t/x.t")));
        let _ = frames(&String::from_utf8_lossy(&bytes), place);
    }
}
