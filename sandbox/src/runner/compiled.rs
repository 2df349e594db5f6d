//! Which files of Java, C, C++ and .NET are tests, or decide how tests run.
//!
//! Build files (`pom.xml`, `build.gradle`, `CMakeLists.txt`, `Makefile`, `*.csproj` and their kin) are among them: they say which tests
//! are run, which are left out, and which are expected to fail (`skipTests`, `WILL_FAIL`, `DISABLED`), and nothing in them tells that
//! apart from the list of sources. The price is that a change which needs another build file, such as one that adds a source file to
//! a `CMakeLists.txt` without a glob, cannot be validated.

use repo::RepoPath;

/// Returns whether a path is a test, or a build file, of these languages.
pub(crate) fn is_test_support(path: &RepoPath) -> bool {
    let name = String::from_utf8_lossy(path.file_name());
    let parts = path.components().map(String::from_utf8_lossy).collect::<Vec<_>>();
    let folders = &parts[..parts.len().saturating_sub(1)];
    is_build_file(&name, folders.first().map_or("", |first| first.as_ref()))
        || is_test_folder(folders)
        || name.rsplit_once('.').is_some_and(|(stem, ending)| is_test_file(stem, ending, folders))
}

fn is_build_file(name: &str, top: &str) -> bool {
    let files = [
        "pom.xml",
        "testng.xml",
        "junit-platform.properties",
        "mvnw",
        "gradlew",
        "gradle.properties",
        "CMakeLists.txt",
        "CMakePresets.json",
        "meson.build",
        "Makefile",
        "makefile",
        "GNUmakefile",
        "Makefile.am",
        "Makefile.in",
        "configure.ac",
        "xunit.runner.json",
        "global.json",
    ];
    let endings =
        [".gradle", ".gradle.kts", ".cmake", ".csproj", ".fsproj", ".vbproj", ".sln", ".runsettings", ".testsettings"];
    // A header of this name would be used instead of the framework's own.
    let frameworks = ["catch.hpp", "catch_amalgamated.hpp", "catch_amalgamated.cpp", "doctest.h"];
    files.contains(&name)
        || frameworks.contains(&name)
        || endings.iter().any(|ending| name.ends_with(ending))
        || name.starts_with("Directory.Build.")
        || matches!(top, ".mvn" | "gradle")
}

/// `src/test/`, `src/integrationTest/`, `src/androidTest/`, `Acme.Tests/`.
fn is_test_folder(folders: &[std::borrow::Cow<'_, str>]) -> bool {
    let of_gradle = folders
        .windows(2)
        .any(|pair| pair[0] == "src" && (pair[1] == "test" || pair[1].ends_with("Test") || pair[1] == "testFixtures"));
    let endings = [".Tests", ".Test", ".UnitTests", ".IntegrationTests"];
    of_gradle || folders.iter().any(|folder| endings.iter().any(|ending| folder.ends_with(ending)))
}

fn is_test_file(stem: &str, ending: &str, folders: &[std::borrow::Cow<'_, str>]) -> bool {
    match ending {
        "java" | "kt" | "groovy" | "scala" => {
            let after =
                stem.strip_prefix("Test").is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_uppercase()));
            let main = folders.iter().any(|folder| folder == "main");
            ["Test", "Tests", "TestCase", "IT", "ITCase", "Spec"].iter().any(|end| stem.ends_with(end))
                || after && !main
        }
        "cs" | "fs" | "vb" => stem.ends_with("Tests") || stem.ends_with("Test"),
        "c" | "cc" | "cpp" | "cxx" | "h" | "hh" | "hpp" | "m" | "mm" => {
            let lower = stem.to_ascii_lowercase();
            ["_test", "_tests", "-test", "-tests", "_unittest", "_unittests"].iter().any(|end| lower.ends_with(end))
                || lower.starts_with("test_")
                || lower.starts_with("test-")
                || stem.ends_with("Test")
                || stem.ends_with("Tests")
                || lower == "test"
                || lower == "tests"
        }
        "t" => folders.iter().any(|folder| folder == "t"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_build_files_are_told_from_source() {
        for (path, expected) in [
            ("src/test/java/com/acme/Help.java", true),
            ("core/src/test/resources/data.json", true),
            ("app/src/integrationTest/kotlin/A.kt", true),
            ("src/main/java/com/acme/TillTest.java", true),
            ("src/main/java/com/acme/TestSupport.java", false),
            ("it/TestSupport.java", true),
            ("x/TillIT.java", true),
            ("src/main/java/com/acme/Latest.java", false),
            ("src/main/java/com/acme/Till.java", false),
            ("pom.xml", true),
            ("core/build.gradle.kts", true),
            (".mvn/jvm.config", true),
            ("gradle/wrapper/gradle-wrapper.properties", true),
            ("CMakeLists.txt", true),
            ("cmake/Modules.cmake", true),
            ("build/CTestTestfile.cmake", true),
            ("Makefile", true),
            ("src/till_test.cpp", true),
            ("src/test_till.c", true),
            ("src/TillTest.cpp", true),
            ("base/till_unittest.cc", true),
            ("lib/catch.hpp", true),
            ("src/contest.cpp", false),
            ("src/till.cpp", false),
            ("src/testing.h", false),
            ("Acme.Tests/Help.cs", true),
            ("Acme/TillTests.cs", true),
            ("Acme/Till.cs", false),
            ("Acme/Acme.csproj", true),
            ("Directory.Build.props", true),
            ("t/basic.t", true),
            ("basic.t", false),
            ("README.md", false),
        ] {
            assert_eq!(is_test_support(&RepoPath::new(path).unwrap()), expected, "{path}");
        }
    }
}
