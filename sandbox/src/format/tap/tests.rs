use super::*;

#[track_caller]
fn check(stream: &str, expected: &str) {
    assert_eq!(show(&parse(stream.as_bytes())), expected, "{stream}");
}

fn show(tap: &Tap) -> String {
    let mut lines = Vec::new();
    for point in &tap.points {
        let directive = point.directive.as_ref().map(|(kind, reason)| format!(" {kind:?}({reason})"));
        let subtests = if point.subtests == Subtests::None { "" } else { " +subtests" };
        let ok = if point.ok { "ok" } else { "not ok" };
        lines.push(format!("{ok} {}{}{subtests}", point.path.join(" > "), directive.unwrap_or_default()));
    }
    lines.extend(tap.bail.iter().map(|reason| format!("bail: {reason}")));
    lines.extend(tap.skipped.iter().map(|reason| format!("all skipped: {reason}")));
    lines.extend(tap.faults.iter().map(|fault| format!("fault: {fault}")));
    lines.join("\n")
}

#[test]
fn points_have_numbers_names_and_directives() {
    check("1..2\nok 1 - first\nnot ok 2 second\n", "ok first\nnot ok second");
    check("ok\nnot ok\n1..2\n", "ok test 1\nnot ok test 2");
    check("1..1\nok 1 - a # SKIP no net\n", "ok a Skip(no net)");
    check("1..1\nok 1 # skipped: no net\n", "ok test 1 Skip(no net)");
    check("1..1\nnot ok 1 - a # todo later\n", "not ok a Todo(later)");
    check("1..1\nok 1 - a # time=3ms\n", "ok a");
    check("1..1\nok 1 - a \\# SKIP \\\\ b\n", "ok a # SKIP \\ b");
    check("1..1\nok 1 - issue #12 stays\n", "ok issue #12 stays");
    check("TAP version 14\n1..0 # SKIP not here\n", "all skipped: not here");
    check("1..1\nokay then\nnot okay\nok 1 - 2 files\n", "ok 2 files");
}

#[test]
fn subtests_belong_to_the_point_behind_or_before_them() {
    let indented = "1..1\n# Subtest: outer\n    ok 1 - a\n    # Subtest: b\n        not ok 1 - c\n        1..1\n    not ok 2 - b\n    1..2\nnot ok 1 - outer\n";
    let expected = "ok outer > a\nnot ok outer > b > c\nnot ok outer > b +subtests\nnot ok outer +subtests";
    check(indented, expected);
    check("1..1\nok 1 - outer {\n    ok 1 - a\n    1..1\n}\n", "ok outer > a\nok outer +subtests");
    check("1..1\n    # Subtest: x\n    ok 1 - a\n    1..1\nok 1 - x\n", "ok x > a\nok x +subtests");
}

#[test]
fn what_does_not_fit_is_a_fault() {
    check("1..3\nok 1 - a\n", "ok a\nfault: the plan is 3 tests, and there are 1");
    check("ok 1 - a\n", "ok a\nfault: the plan is missing");
    check("", "fault: the plan is missing");
    check("1..2\nok 1 - a\nok 1 - a\n", "ok a\nok a\nfault: test 1 came where test 2 was due");
    check("1..1\n1..2\nok 1 - a\nok 2 - b\n", "ok a\nok b\nfault: there are two plans");
    check(
        "1..1\n# Subtest: x\n    ok 1 - a\n    1..2\nok 1 - x\n",
        "ok x > a\nok x +subtests\nfault: the plan of `x` is 2 tests, and there are 1",
    );
    check(
        "1..0\n# Subtest: x\n    ok 1 - a\n    1..1\n",
        "ok x > a\nnot ok x +subtests\nfault: the subtests of `x` have no test point of their own\nfault: the plan is 0 tests, and there are 1",
    );
    check(
        "1..9\nok 1 - a\nBail out! no database\nok 2\n",
        "ok a\nbail: no database\nfault: the plan is 9 tests, and there are 1",
    );
    check("1..1\nok 1 - a {\n    ok 1 - b\n    1..1\n", "ok a\nfault: the braces of `a` are not closed");
}

#[test]
fn diagnostics_are_read_with_their_point() {
    let stream = "1..2\nnot ok 1 - a\n  ---\n  message: \"it's \\\"x\\\"\"\n  at: 'file:///w/a.js:3:4'\n  stack: |-\n    one\n      two\n  duration_ms: 1.5\n  ...\nok 2 - b\n# said later\n";
    let tap = parse(stream.as_bytes());
    let yaml = &tap.points[0].yaml;
    let value = |key| yaml_value(yaml, key);
    assert_eq!(value("message").as_deref(), Some("it's \"x\""));
    assert_eq!(value("at").as_deref(), Some("file:///w/a.js:3:4"));
    assert_eq!(value("stack").as_deref(), Some("one\n  two"));
    assert_eq!(value("duration_ms").as_deref(), Some("1.5"));
    assert_eq!(value("absent"), None);
    assert_eq!(tap.points[1].comments, "said later\n");
    // Tape indents once more.
    let tap = parse(include_bytes!("../../runner/fixtures/tap/tape-5.tap"));
    let failed = &tap.points[1];
    assert_eq!(failed.group.as_deref(), Some("adds numbers"));
    assert_eq!(yaml_value(&failed.yaml, "at").as_deref(), Some("Test.<anonymous> (/work/tape.test.js:7:5)"));
    // A test point inside diagnostics is none.
    check("1..1\nnot ok 1 - a\n  ---\n  ok 2 - forged\n  not ok 3\n  ...\n", "not ok a");
    check("1..1\nnot ok 1 - a\n  ---\n  x: 1\n", "not ok a\nfault: a block of diagnostics is not closed");
}

#[test]
fn real_streams() {
    for (stream, expected) in [
        (&include_bytes!("../../runner/fixtures/tap/tape-5.tap")[..], TAPE),
        (include_bytes!("../../runner/fixtures/tap/node-20.tap"), NODE),
        (include_bytes!("../../runner/fixtures/tap/perl-test-more.tap"), PERL),
    ] {
        assert_eq!(show(&parse(stream)), expected);
    }
}

const TAPE: &str = "ok one and two\nnot ok two and two\nok should be strictly equal\nok holds\nnot ok later Todo()";
const NODE: &str = "ok math > adds
not ok math > deep > multiplies
ok math > deep > has a # in its name
not ok math > deep +subtests
not ok math +subtests
ok skipped Skip(no network)
not ok later Todo(write it)
ok with subtests > first
not ok with subtests > second
not ok with subtests +subtests";
const PERL: &str = "ok first
not ok sum
ok inner things > a
ok inner things > b
ok inner things +subtests
ok test 4 Skip(no database)
not ok unfinished Todo(later)";

#[test]
fn a_huge_line_and_deep_indentation_are_text() {
    let mut stream = format!("1..1\nok 1 - {}\n", "x".repeat(10 << 20)).into_bytes();
    stream.extend(format!("{}ok 1 - deep\n\0\x1b[31mok 2\n", " ".repeat(4000)).bytes());
    let tap = parse(&stream);
    assert_eq!((tap.points.len(), tap.points[0].path[0].len(), tap.faults.len()), (1, MAX_ID, 0));
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        parse(&bytes);
    }

    #[test]
    fn no_stream_panics(lines in proptest::collection::vec("( {0,9}|    )(ok|not ok|1\\.\\.2|\\}|---|\\.\\.\\.|Bail out!|# Subtest: x|# y)( [0-9]{1,25})?( - a)?( \\{| # SKIP x| # TODO)?", 0..30)) {
        let tap = parse(lines.join("\n").as_bytes());
        for point in &tap.points {
            yaml_value(&point.yaml, "message");
        }
    }
}
