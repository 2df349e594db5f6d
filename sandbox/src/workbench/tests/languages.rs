//! Every language's tool in containers of our own recipes: a base that fails, a candidate that mends it, one that breaks more.

use futures_util::StreamExt as _;

use super::tools::{Case, MINITEST, NODE, RSPEC, judge};
use super::*;

/// Cases at one time: each waits for its box for a while.
const AT_ONCE: usize = 2;

pub(super) const GO: Case = Case {
    runner: RunnerKind::GoTest,
    words: &["go", "test", "./..."],
    programs: &["go"],
    files: &[
        ("go.mod", "module example.org/sum\n\ngo 1.19\n"),
        ("sum.go", "package sum\n\nfunc Sum(a, b int) int { return a - b }\n"),
        (
            "sum_test.go",
            "package sum\n\nimport \"testing\"\n\nfunc TestAdds(t *testing.T) {\n\tif Sum(1, 2) != 3 {\n\t\tt.Fatal(\"wrong\")\n\t}\n}\n\n\
             func TestNothing(t *testing.T) {\n\tif Sum(1, 0) != 1 {\n\t\tt.Fatal(\"wrong\")\n\t}\n}\n",
        ),
    ],
    source: "sum.go",
    fixed: "package sum\n\nfunc Sum(a, b int) int { return a + b }\n",
    broken: "package sum\n\nfunc Sum(a, b int) int { return a + }\n",
    failing: ".::TestAdds",
    passing: ".::TestNothing",
};

const RUST: Case = Case {
    runner: RunnerKind::CargoTest,
    words: &["cargo", "test", "--offline"],
    programs: &["cargo"],
    files: &[
        ("Cargo.toml", "[package]\nname = \"sum\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[lib]\ndoctest = false\n"),
        ("src/lib.rs", "pub fn sum(a: i32, b: i32) -> i32 {\n    a - b\n}\n"),
        (
            "tests/sums.rs",
            "use sum::sum;\n#[test]\nfn adds() {\n    assert_eq!(sum(1, 2), 3);\n}\n#[test]\nfn adds_nothing() {\n    assert_eq!(sum(1, 0), 1);\n}\n",
        ),
    ],
    source: "src/lib.rs",
    fixed: "pub fn sum(a: i32, b: i32) -> i32 {\n    a + b\n}\n",
    broken: "pub fn sum(a: i32, b: i32) -> i32 {\n    a + \n}\n",
    failing: "tests/sums.rs::adds",
    passing: "tests/sums.rs::adds_nothing",
};

pub(super) const PHPUNIT: Case = Case {
    runner: RunnerKind::PhpUnit,
    words: &["phpunit", "tests"],
    programs: &["phpunit"],
    files: &[
        ("src/sum.php", "<?php\nfunction sum($a, $b) { return $a - $b; }\n"),
        (
            "tests/SumTest.php",
            "<?php\nrequire_once __DIR__ . '/../src/sum.php';\nclass SumTest extends PHPUnit\\Framework\\TestCase\n{\n\
             \x20   public function testAdds(): void { $this->assertSame(3, sum(1, 2)); }\n\
             \x20   public function testNothing(): void { $this->assertSame(1, sum(1, 0)); }\n}\n",
        ),
    ],
    source: "src/sum.php",
    fixed: "<?php\nfunction sum($a, $b) { return $a + $b; }\n",
    broken: "<?php\nfunction sum($a, $b { return $a; }\n",
    failing: "tests/SumTest.php::SumTest::testAdds",
    passing: "tests/SumTest.php::SumTest::testNothing",
};

const JUNIT: Case = Case {
    runner: RunnerKind::Maven,
    words: &["mvn", "-s", "/etc/maven/settings-debian.xml", "-q", "test"],
    programs: &["mvn"],
    files: &[
        (
            "pom.xml",
            "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId>\
             <artifactId>sum</artifactId><version>1</version><properties><maven.compiler.source>17</maven.compiler.source>\
             <maven.compiler.target>17</maven.compiler.target><project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>\
             <dependencies><dependency><groupId>junit</groupId><artifactId>junit</artifactId><version>4.x</version><scope>test</scope>\
             </dependency></dependencies></project>\n",
        ),
        (
            "src/main/java/org/example/Sum.java",
            "package org.example;\npublic class Sum {\n  public static int sum(int a, int b) { return a - b; }\n}\n",
        ),
        (
            "src/test/java/org/example/SumTest.java",
            "package org.example;\nimport static org.junit.Assert.assertEquals;\nimport org.junit.Test;\npublic class SumTest {\n\
             \x20 @Test public void adds() { assertEquals(3, Sum.sum(1, 2)); }\n\
             \x20 @Test public void addsNothing() { assertEquals(1, Sum.sum(1, 0)); }\n}\n",
        ),
    ],
    source: "src/main/java/org/example/Sum.java",
    fixed: "package org.example;\npublic class Sum {\n  public static int sum(int a, int b) { return a + b; }\n}\n",
    broken: "package org.example;\npublic class Sum {\n  public static int sum(int a, int b) { return a + ; }\n}\n",
    failing: "src/test/java/org/example/SumTest.java::SumTest::adds",
    passing: "src/test/java/org/example/SumTest.java::SumTest::addsNothing",
};

pub(super) const CTEST: Case = Case {
    runner: RunnerKind::Ctest,
    words: &["ctest", "--test-dir", "build"],
    programs: &["ctest", "cmake"],
    files: &[
        (
            "CMakeLists.txt",
            "cmake_minimum_required(VERSION 3.16)\nproject(sum CXX)\nenable_testing()\nadd_library(sum sum.cpp)\nadd_executable(check check.cpp)\n\
             target_link_libraries(check sum)\nadd_test(NAME adds COMMAND check 1 2 3)\nadd_test(NAME nothing COMMAND check 1 0 1)\n",
        ),
        ("sum.cpp", "int sum(int a, int b) { return a - b; }\n"),
        (
            "check.cpp",
            "#include <cstdlib>\nint sum(int a, int b);\nint main(int, char **word) { return sum(std::atoi(word[1]), std::atoi(word[2])) != std::atoi(word[3]); }\n",
        ),
    ],
    source: "sum.cpp",
    fixed: "int sum(int a, int b) { return a + b; }\n",
    broken: "int sum(int a, int b) { return a + ; }\n",
    failing: "adds",
    passing: "nothing",
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_language_judges_candidates_in_containers() {
    let Some(backend) = crate::testing::docker().await else { return };
    let Some(image) = crate::testing::image_of_all_languages(&backend).await else { return };
    let cases = [&JUNIT, &RUST, &CTEST, &GO, &PHPUNIT, &NODE, &RSPEC, &MINITEST];
    // Maven starts anew for each run, and does not live long enough for its better compiler to pay.
    let env = vec![("MAVEN_OPTS".to_owned(), "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC".to_owned())];
    let spec = SandboxSpec { image: Some(image), env, ..SandboxSpec::new(Labels::for_job("languages")) };
    futures_util::stream::iter(cases)
        .for_each_concurrent(AT_ONCE, |case| {
            let (backend, spec) = (&backend, &spec);
            async move {
                let begin = std::time::Instant::now();
                judge(case, backend, spec).await;
                println!("{:?} in {:.1} s", case.runner, begin.elapsed().as_secs_f64());
            }
        })
        .await;
}
