//! Which packages of the distribution hold the libraries that build files look for.

use super::super::candidate::Candidate;
use super::super::tree::Tree;

/// What CMake, pkg-config and headers call a library, and the Debian package that has it.
const LIBRARIES: &[(&str, &str)] = &[
    ("zlib", "zlib1g-dev"),
    ("openssl", "libssl-dev"),
    ("libssl", "libssl-dev"),
    ("libcrypto", "libssl-dev"),
    ("curl", "libcurl4-openssl-dev"),
    ("libcurl", "libcurl4-openssl-dev"),
    ("libxml2", "libxml2-dev"),
    ("libxml-2.0", "libxml2-dev"),
    ("expat", "libexpat1-dev"),
    ("sqlite3", "libsqlite3-dev"),
    ("gtest", "libgtest-dev"),
    ("googletest", "libgtest-dev"),
    ("gmock", "libgmock-dev"),
    ("catch2", "catch2"),
    ("doctest", "doctest-dev"),
    ("boost", "libboost-all-dev"),
    ("png", "libpng-dev"),
    ("libpng", "libpng-dev"),
    ("jpeg", "libjpeg-dev"),
    ("bzip2", "libbz2-dev"),
    ("liblzma", "liblzma-dev"),
    ("lz4", "liblz4-dev"),
    ("liblz4", "liblz4-dev"),
    ("zstd", "libzstd-dev"),
    ("libzstd", "libzstd-dev"),
    ("readline", "libreadline-dev"),
    ("curses", "libncurses-dev"),
    ("ncurses", "libncurses-dev"),
    ("pcre", "libpcre3-dev"),
    ("libpcre2-8", "libpcre2-dev"),
    ("pcre2", "libpcre2-dev"),
    ("glib-2.0", "libglib2.0-dev"),
    ("glib", "libglib2.0-dev"),
    ("check", "check"),
    ("cmocka", "libcmocka-dev"),
    ("cunit", "libcunit1-dev"),
    ("criterion", "libcriterion-dev"),
    ("uuid", "uuid-dev"),
    ("libuv", "libuv1-dev"),
    ("libevent", "libevent-dev"),
    ("yaml-0.1", "libyaml-dev"),
    ("jansson", "libjansson-dev"),
    ("json-c", "libjson-c-dev"),
    ("nlohmann_json", "nlohmann-json3-dev"),
    ("fmt", "libfmt-dev"),
    ("spdlog", "libspdlog-dev"),
    ("eigen3", "libeigen3-dev"),
    ("protobuf", "libprotobuf-dev"),
    ("freetype2", "libfreetype-dev"),
    ("freetype", "libfreetype-dev"),
    ("bison", "bison"),
    ("flex", "flex"),
    ("doxygen", "doxygen"),
    ("python3", "python3"),
    ("perl", "perl"),
    ("pythoninterp", "python3"),
    ("libsystemd", "libsystemd-dev"),
    ("dbus-1", "libdbus-1-dev"),
    ("gnutls", "libgnutls28-dev"),
    ("libidn2", "libidn2-dev"),
];

/// Build files that are read for libraries.
const MOST_FILES: usize = 60;

pub(super) fn add(tree: &Tree<'_>, it: &mut Candidate) {
    let root = it.root.clone();
    let is_build_file = |path: &&repo::RepoPath| {
        let name = path.file_name();
        [&b"CMakeLists.txt"[..], b"configure.ac", b"configure.in", b"meson.build"].contains(&name)
            || path.extension() == Some(b"cmake") && path.components().count() < 3
    };
    let files: Vec<String> =
        tree.below(&root).filter(is_build_file).take(MOST_FILES).map(|path| path.to_str_lossy().into_owned()).collect();
    for file in files {
        let text = tree.text(&file).unwrap_or_default();
        for line in text.lines() {
            for name in wishes(line) {
                let name = name.to_ascii_lowercase();
                if let Some((_, package)) = LIBRARIES.iter().find(|(library, _)| *library == name) {
                    it.package(package, tree.says(&file, line));
                }
            }
        }
    }
}

/// Returns what a line of a build file looks for.
fn wishes(line: &str) -> Vec<&str> {
    let line = line.trim();
    if line.starts_with('#') || line.starts_with("dnl") {
        return Vec::new();
    }
    let lower = line.to_ascii_lowercase();
    let (at, all) = ["find_package(", "find_package (", "dependency("]
        .iter()
        .find_map(|call| lower.find(call).map(|at| (at + call.len(), false)))
        .or_else(|| {
            let calls = ["pkg_check_modules(", "pkg_check_modules(["];
            calls.iter().find_map(|call| lower.find(call).map(|at| (at + call.len(), true)))
        })
        .unwrap_or((lower.len(), false));
    // Lowering the case of ASCII keeps every offset.
    let rest = line.get(at..).unwrap_or_default();
    let words =
        rest.split(|char: char| char.is_whitespace() || "()[],'\"".contains(char)).filter(|word| !word.is_empty());
    if all { words.skip(1).take(8).collect() } else { words.take(1).collect() }
}
