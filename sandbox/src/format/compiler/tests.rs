use super::*;

const PLACE: Place<'_> = Place { root: "/work", cwd: "" };

#[track_caller]
fn check(printed: &str, expected: &str) {
    let shown = errors(printed.as_bytes(), PLACE).into_iter().map(|error| match error.place {
        Some((path, line)) => format!("{path}:{line} {}\n", error.message),
        None => format!("? {}\n", error.message),
    });
    assert_eq!(shown.collect::<String>(), expected, "{printed}");
}

#[test]
fn gcc_12_through_make() {
    check(
        "[ 50%] Building CXX object CMakeFiles/wrong.dir/src/wrong.cpp.o
/work/src/wrong.cpp: In function ‘int total(int)’:
/work/src/wrong.cpp:3:12: error: ‘amout’ was not declared in this scope
    3 |     return amout;
      |            ^~~~~
/work/src/wrong.cpp:7:12: warning: unused variable ‘x’ [-Wunused-variable]
gmake[3]: *** [CMakeFiles/wrong.dir/build.make:76: CMakeFiles/wrong.dir/src/wrong.cpp.o] Error 1
gmake: *** [Makefile:124: wrong] Error 2
",
        "src/wrong.cpp:3 ‘amout’ was not declared in this scope\n",
    );
    check(
        "/work/src/wrong.cpp:1:10: fatal error: lost.hpp: No such file or directory\ncompilation terminated.\n",
        "src/wrong.cpp:1 lost.hpp: No such file or directory\n",
    );
    check("cc1plus: fatal error: x.cpp: No such file or directory\n", "? x.cpp: No such file or directory\n");
    check("/usr/include/c++/12/bits/x.h:9:2: error: no match\n", "? no match\n");
}

#[test]
fn paths_are_relative_to_where_make_is() {
    check(
        "make[1]: Entering directory '/work/lib'
./a.c:3:5: error: expected ';'
make[1]: Leaving directory '/work/lib'
b.c:4: error: unknown type
",
        "lib/a.c:3 expected ';'\nb.c:4 unknown type\n",
    );
    check("ninja: Entering directory `build'\n../src/a.c:3:5: error: no\n", "src/a.c:3 no\n");
}

#[test]
fn gnu_ld() {
    check(
        "[100%] Linking CXX executable unlinked
/usr/bin/ld: CMakeFiles/unlinked.dir/src/unlinked.cpp.o: in function `main':
unlinked.cpp:(.text+0xa): undefined reference to `missing(int)'
collect2: error: ld returned 1 exit status
gmake[3]: *** [CMakeFiles/unlinked.dir/build.make:97: unlinked] Error 1
",
        "? undefined reference to `missing(int)'\n",
    );
    check(
        "/usr/bin/ld: x.o: in function `main':\n/work/src/unlinked.cpp:4: undefined reference to `missing(int)'\n",
        "src/unlinked.cpp:4 undefined reference to `missing(int)'\n",
    );
    check(
        "/usr/bin/ld: cannot find -lgtest: No such file or directory\n",
        "? cannot find -lgtest: No such file or directory\n",
    );
}

#[test]
fn javac_17() {
    check(
        "Till.java:10: error: cannot find symbol
        cents += amout;
                 ^
  symbol:   variable amout
  location: class Till
Till.java:14: error: incompatible types: String cannot be converted to int
        return \"cents\";
               ^
2 errors
",
        "Till.java:10 cannot find symbol; symbol: variable amout; location: class Till\n\
         Till.java:14 incompatible types: String cannot be converted to int\n",
    );
}

#[test]
fn maven_3_says_everything_twice() {
    check(
        "[INFO] -------------------------------------------------------------
[ERROR] COMPILATION ERROR : 
[INFO] -------------------------------------------------------------
[ERROR] /work/src/main/java/com/acme/Till.java:[10,18] cannot find symbol
  symbol:   variable amout
  location: class com.acme.Till
[ERROR] /work/src/main/java/com/acme/Till.java:[14,16] incompatible types: java.lang.String cannot be converted to int
[INFO] 2 errors 
[INFO] BUILD FAILURE
[ERROR] Failed to execute goal org.apache.maven.plugins:maven-compiler-plugin:3.10.1:compile: Compilation failure: 
[ERROR] /work/src/main/java/com/acme/Till.java:[10,18] cannot find symbol
[ERROR]   symbol:   variable amout
[ERROR]   location: class com.acme.Till
[ERROR] /work/src/main/java/com/acme/Till.java:[14,16] incompatible types: java.lang.String cannot be converted to int
[ERROR] -> [Help 1]
",
        "src/main/java/com/acme/Till.java:10 cannot find symbol; symbol: variable amout; location: class com.acme.Till\n\
         src/main/java/com/acme/Till.java:14 incompatible types: java.lang.String cannot be converted to int\n",
    );
}

#[test]
fn cmake_3_25() {
    check(
        "-- Detecting CXX compile features - done
CMake Error at CMakeLists.txt:5 (find_package):
  By not providing \"FindNoSuch.cmake\" in CMAKE_MODULE_PATH this project has
  asked CMake to find a package configuration file provided by \"NoSuch\", but
  CMake did not find one.

  Could not find a package configuration file provided by \"NoSuch\" with any
",
        "CMakeLists.txt:5 find_package; By not providing \"FindNoSuch.cmake\" in CMAKE_MODULE_PATH this project has; \
         asked CMake to find a package configuration file provided by \"NoSuch\", but; CMake did not find one.\n",
    );
    check(
        "CMake Error: The source directory \"/x\" does not exist.\n",
        "? The source directory \"/x\" does not exist.\n",
    );
}

#[test]
fn gnu_make_4_3() {
    check("Makefile:2: *** missing separator.  Stop.\n", "Makefile:2 missing separator.\n");
    check(
        "make: *** No rule to make target 'x.o', needed by 'all'.  Stop.\n",
        "? No rule to make target 'x.o', needed by 'all'.\n",
    );
    check("make: *** [Makefile:2: all] Error 1\n", "");
}

#[test]
fn others_by_their_documented_forms() {
    check("src/A.cs(3,5): error CS1002: ; expected [/work/A.csproj]\n", "src/A.cs:3 CS1002: ; expected\n");
    check(
        "src/a.ts(3,5): error TS2322: Type 'x' is not assignable.\n",
        "src/a.ts:3 TS2322: Type 'x' is not assignable.\n",
    );
    check("e: file:///work/A.kt:3:5 Unresolved reference: x\n", "A.kt:3 Unresolved reference: x\n");
    check("e: /work/A.kt: (3, 5): Unresolved reference: x\n", "A.kt:3 Unresolved reference: x\n");
    check("error[E0425]: cannot find value `x`\n  --> src/lib.rs:3:5\n", "src/lib.rs:3 cannot find value `x`\n");
}

#[test]
fn what_only_mentions_errors_is_none() {
    for line in
        ["0 errors", "error: ", "an error: no", "12: error", "a(b): error", "e: x", "[ERROR] ", "  --> a:1:1", ""]
    {
        check(line, "");
    }
}

#[test]
fn a_failed_build_says_what_and_where() {
    let ending = build_failed(b"a.c:3:5: error: no\nb.c:0: error: x\n", PLACE);
    let place = Frame { path: "a.c".to_owned(), line: 3, function: String::new() };
    assert_eq!(ending, RunEnding::BuildFailed { message: "a.c:3: no\nx".to_owned(), places: vec![place] });
    let unknown = build_failed(b"\x1b[31msomething\x1b[0m\n\n went wrong\n", PLACE);
    assert_eq!(unknown, RunEnding::BuildFailed { message: "something\n went wrong".to_owned(), places: Vec::new() });
}

#[test]
fn a_flood_of_errors_is_capped() {
    let flood = (1..10_000).map(|line| format!("a.c:{line}:1: error: no\n")).collect::<String>();
    assert_eq!(errors(flood.as_bytes(), PLACE).len(), MOST_ERRORS);
    let long = format!("a.c:1:1: error: {}\n", "x".repeat(1 << 20));
    assert!(errors(long.as_bytes(), PLACE)[0].message.len() <= LONGEST_LINE);
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let _ = build_failed(&bytes, PLACE);
    }

    #[test]
    fn pieces_of_errors_never_panic(text in "(a\\.c|:|: |3|5|error|fatal error|\\*\\*\\*|\\[|\\]|\\(|\\)|,|-->|CMake Error| at | in |e: |\\[ERROR\\]|\n|  |ö|undefined reference to |\\.\\./){0,30}") {
        let _ = errors(text.as_bytes(), PLACE);
    }
}
