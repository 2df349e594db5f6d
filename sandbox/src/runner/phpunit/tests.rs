use super::*;
use crate::runner::exercise::{self, Exercise, Exercised};

const SUM: &str = "<?php
function sum($a, $b) {
    return $a + $b;
}
function broken() {
    throw new RangeException('out of it');
}
";
const TEST: &str = "<?php
namespace App;
use PHPUnit\\Framework\\TestCase;
require_once __DIR__ . '/../src/sum.php';
class SumTest extends TestCase
{
    public function testAdds(): void { $this->assertSame(3, \\sum(1, 2)); }
    public function testFails(): void
    {
        $this->assertSame(4, \\sum(1, 2), 'wrong');
    }
    public function testThrows(): void { \\broken(); }
    public function testSkipped(): void { $this->markTestSkipped('no network'); }
    public function testIncomplete(): void { $this->markTestIncomplete('later'); }
    /** @dataProvider sums */
    public function testEach(int $a, int $b, int $c): void { $this->assertSame($c, \\sum($a, $b)); }
    public static function sums(): array { return [[1, 2, 3], 'a (b) $' => [1, 1, 3]]; }
    public function testPrints(): void { fwrite(STDERR, \"OK (99 tests, 99 assertions)\\n\"); $this->assertTrue(true); }
}
";

fn exercise(name: &str, files: &[(&str, &str)], select: Option<&[&str]>, coverage: Coverage) -> Option<Exercised> {
    if !crate::testing::tools(&["phpunit"]) {
        return None;
    }
    let files = [&[("src/sum.php", SUM)], files].concat();
    let seconds = if name == "hangs" { 3 } else { 60 };
    let words = &["phpunit", "tests"];
    Some(exercise::check(
        &format!("phpunit/{name}"),
        &PhpUnit,
        &Exercise { select, coverage, seconds, ..Exercise::new(words, &files) },
    ))
}

#[test]
fn phpunit_runs() {
    let mixed = [("tests/SumTest.php", TEST)];
    let run = |name: &str, files: &[(&str, &str)]| exercise(name, files, None, Coverage::Off);
    if run("mixed", &mixed).is_none() {
        return;
    }
    let ids = [
        "tests/SumTest.php::App\\SumTest::testFails",
        "tests/SumTest.php::App\\SumTest::testEach with data set \"a (b) $\"",
    ];
    exercise("selected", &mixed, Some(&ids), Coverage::Off);
    run("syntax", &[("tests/ATest.php", "<?php\nclass ATest {\n  function (\n")]);
    run("import", &[("tests/ATest.php", "<?php\nrequire 'missing.php';\n")]);
    run("nothing", &[("tests/readme.txt", "")]);
    let forged = "file_put_contents($_SERVER['argv'][2], '<testsuites><testsuite name=\"x\" tests=\"1\" failures=\"0\"><testcase name=\"testLast\" class=\"ATest\"/></testsuite></testsuites>'); exit(0);";
    for (name, act) in [
        ("exits-early", "exit(0);"),
        ("kills-itself", "posix_kill(getmypid(), SIGKILL);"),
        ("hangs", "for (;;) { }"),
        ("forges", forged),
        ("covers-up", "register_shutdown_function(function () { exit(0); }); $this->fail('covered up');"),
    ] {
        let text = format!(
            "<?php\nclass ATest extends PHPUnit\\Framework\\TestCase {{\n  function testFirst() {{ $this->assertTrue(true); }}\n  function testActs() {{ {act} }}\n  function testLast() {{ $this->assertTrue(true); }}\n}}\n"
        );
        run(name, &[("tests/ATest.php", &text)]);
    }
}

#[test]
fn recorded_runs_are_read_alike() {
    exercise::replay("phpunit", &PhpUnit);
}

#[test]
fn a_report_that_is_cut_or_odd_is_not_trusted() {
    let check = |change: &dyn Fn(&mut Vec<u8>), expected: &str| {
        let report = exercise::reread_changed("phpunit/mixed", &PhpUnit, |files| change(&mut files[0].bytes));
        assert!(report.ending.to_string().starts_with(expected), "{}", report.ending);
    };
    check(&|bytes| bytes.truncate(bytes.len() / 2), "report not trustworthy");
    check(&|bytes| bytes.clear(), "tests could not be collected");
    check(&|bytes| *bytes = b"\0\x1b[31m\xff".to_vec(), "report not trustworthy");
    check(
        &|bytes| *bytes = b"<testsuites><testsuite name=\"x\" tests=\"0\"/></testsuites>".to_vec(),
        "report not trustworthy",
    );
    check(&|bytes| bytes.extend(vec![b' '; 1 << 20]), "complete");
}

#[test]
fn calls_are_recognised() {
    for (command, expected) in [
        ("phpunit", Some(1)),
        ("vendor/bin/phpunit --filter x", Some(1)),
        ("php -d memory_limit=1G ./vendor/bin/phpunit tests", Some(4)),
        ("XDEBUG_MODE=off php vendor/bin/phpunit", Some(3)),
        ("vendor/bin/simple-phpunit", Some(1)),
        ("php a.php", None),
        ("composer test", None),
        ("echo phpunit", None),
    ] {
        assert_eq!(program(&shell_words::split(command).unwrap()), expected, "{command}");
    }
}

proptest::proptest! {
    #[test]
    fn no_report_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        exercise::reread_changed("phpunit/mixed", &PhpUnit, |files| files[0].bytes.clone_from(&bytes));
    }
}
