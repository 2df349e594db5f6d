use super::*;
use crate::runner::exercise::{self, Exercise};
use crate::testing;

const TILL: &[(&str, &str)] = &[
    ("CMakeLists.txt", include_str!("../fixtures/gtest/CMakeLists.txt")),
    ("src/till.cpp", include_str!("../fixtures/gtest/src/till.cpp")),
    ("src/till.hpp", include_str!("../fixtures/gtest/src/till.hpp")),
    ("tests/till_test.cpp", include_str!("../fixtures/gtest/tests/till_test.cpp")),
];

fn has_gtest() -> bool {
    testing::tools(&["cmake", "ninja", "g++"]) && testing::file("/usr/include/gtest/gtest.h")
}

#[test]
fn a_googletest_program_is_built_and_run() {
    if !has_gtest() {
        return;
    }
    let wish = Exercise::new(&["./build/till_tests"], TILL);
    let found = exercise::run(&Native, &wish);
    assert_eq!(
        found.lines(),
        "Passed tests/till_test.cpp::Till::StartsEmpty
Failed tests/till_test.cpp::Till::AddsUp
  Assertion: Expected equality of these values:
  tests/till_test.cpp:14 AddsUp
Failed tests/till_test.cpp::Till::RefusesNegative
  Exception { name: \"C++ exception\" }: C++ exception with description \"a negative amount\" thrown in the test body.
Skipped tests/till_test.cpp::Till::Skips
  Assertion: no card reader
  tests/till_test.cpp:24 Skips
Skipped tests/till_test.cpp::Till::DISABLED_Later
Passed tests/till_test.cpp::Till::Forges
Failed tests/till_test.cpp::Typed/0::IsSmall
  Assertion: Expected: (sizeof(TypeParam)) <= (1u), actual: 4 vs 1
  tests/till_test.cpp:48 IsSmall
Passed tests/till_test.cpp::Typed/1::IsSmall
Passed tests/till_test.cpp::Small/Amounts::Odd/0
Failed tests/till_test.cpp::Small/Amounts::Odd/1
  Assertion: Expected equality of these values:
  tests/till_test.cpp:36 Odd/1
complete",
        "{}",
        found.printed()
    );
}
