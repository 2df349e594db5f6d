//! Rules about what is added to a file. All of them only call for a person, since each has honest uses.

use std::sync::LazyLock;

use bstr::{BStr, ByteSlice};
use regex::bytes::Regex;

use super::Findings;
use super::paths::is_invisible;

/// Lines longer than this are written by programs, and no reviewer reads them.
const MAX_LINE_BYTES: usize = 500;

/// git looks for a NUL in this many bytes to tell binary files.
const BINARY_WINDOW: usize = 8000;

/// Returns whether git would call the content binary.
pub(crate) fn is_binary(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(BINARY_WINDOW)].contains(&0)
}

/// The patterns are literals, and a test compiles each.
struct Patterns {
    url: Regex,
    install_script: Regex,
    eval: Regex,
    decoder: Regex,
    encoded: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    Some(Patterns {
        url: Regex::new(r"(?i-u)\b(?:https?|ftp|wss?|git|ssh)://([a-z0-9._~%@:\[\]-]+)").ok()?,
        install_script: Regex::new(r#""(?:pre|post)?(?:install|prepare|pack|publish)"\s*:"#).ok()?,
        eval: Regex::new(r"(?-u)\b(?:eval|exec|Function|compile|__import__|system|popen|loads)\s*\(").ok()?,
        decoder: Regex::new(
            r"(?i-u)b(?:ase)?64|\batob\b|fromhex|unhexlify|decompress|marshal|\bchr\(|fromCharCode|rot.?13|urlopen",
        )
        .ok()?,
        encoded: Regex::new(r"(?-u)[A-Za-z0-9+/_-]{120,}={0,2}|(?:\\x[0-9a-fA-F]{2}){24,}").ok()?,
    })
});

/// Judges the added lines of one file; `old` is its whole content before, where known.
pub(super) fn check_added(path: &BStr, added: &[&[u8]], old: &[u8], found: &mut Findings) {
    let Some(patterns) = &*PATTERNS else { return };
    let name = path.rsplit_str("/").next().unwrap_or_default().to_ascii_lowercase();
    let mut once = Once::default();
    if is_manifest(&name) && !added.is_empty() {
        found.flag("content/dependency", path, "the file names dependencies".to_owned());
    }
    for line in added {
        if line.len() > MAX_LINE_BYTES && once.first("content/long-line") {
            found.flag("content/long-line", path, format!("a line has {} bytes", line.len()));
        }
        for host in patterns.url.captures_iter(line).filter_map(|found| found.get(1)) {
            if !old.contains_str(host.as_bytes()) && once.first("content/url") {
                found.flag("content/url", path, format!("new address at {:?}", host.as_bytes().as_bstr()));
            }
        }
        if name == b"package.json" && patterns.install_script.is_match(line) && once.first("content/install-script") {
            found.flag("content/install-script", path, "a script runs on installation".to_owned());
        }
        if patterns.eval.is_match(line) && patterns.decoder.is_match(line) && once.first("content/eval") {
            found.flag("content/eval", path, "decoded text is run".to_owned());
        }
        if patterns.encoded.is_match(line) && once.first("content/encoded") {
            found.flag("content/encoded", path, "a long run of encoded text".to_owned());
        }
        if line.chars().any(is_invisible) && !line.starts_with(b"\xef\xbb\xbf") && once.first("content/invisible") {
            found.flag("content/invisible", path, "characters that are not shown or turn the text around".to_owned());
        }
    }
}

/// Remembers which rules a file has broken, as one finding of each is enough.
#[derive(Default)]
struct Once(Vec<&'static str>);

impl Once {
    fn first(&mut self, rule: &'static str) -> bool {
        let first = !self.0.contains(&rule);
        if first {
            self.0.push(rule);
        }
        first
    }
}

/// Returns whether a file of this lower-case name lists what a project depends on.
fn is_manifest(name: &[u8]) -> bool {
    const NAMES: [&str; 20] = [
        "build.gradle",
        "build.gradle.kts",
        "build.sbt",
        "cargo.toml",
        "composer.json",
        "deno.json",
        "environment.yml",
        "gemfile",
        "go.mod",
        "mix.exs",
        "package.json",
        "package.swift",
        "pipfile",
        "pom.xml",
        "pubspec.yaml",
        "pyproject.toml",
        "setup.cfg",
        "setup.py",
        "vcpkg.json",
        "conanfile.txt",
    ];
    let requirements = name.starts_with(b"requirements") && (name.ends_with(b".txt") || name.ends_with(b".in"));
    requirements || NAMES.iter().any(|it| it.as_bytes() == name) || name.ends_with(b".csproj")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert!(PATTERNS.is_some());
    }

    fn check(path: &str, old: &str, added: &str, expected: &[&str]) {
        let mut found = Findings::default();
        let lines: Vec<&[u8]> = added.as_bytes().split_inclusive(|byte| *byte == b'\n').collect();
        check_added(path.into(), &lines, old.as_bytes(), &mut found);
        let rules: Vec<&str> = found.0.iter().map(|it| it.rule).collect();
        assert_eq!(rules, expected, "{path}: {added}");
        assert!(found.0.iter().all(|it| !it.is_refusal()));
    }

    #[test]
    fn added_lines_are_flagged() {
        check("a.py", "", "x = 1\nreturn eval(text)\n", &[]);
        check("a.py", "", "see https://evil.example/x\nand http://evil.example/y\n", &["content/url"]);
        check("a.py", "# https://docs.python.org/3\n", "see https://docs.python.org/3/library\n", &[]);
        check("a.py", "", "exec(base64.b64decode(data))\n", &["content/eval"]);
        check("a.js", "", "eval(atob('eA=='))\n", &["content/eval"]);
        check("a.py", "", &format!("x = '{}'\n", "QUJD".repeat(40)), &["content/encoded"]);
        check("a.py", "", &format!("x = b'{}'\n", "\\x90".repeat(30)), &["content/encoded"]);
        check("a.py", "", &format!("x = [{}]\n", "1, ".repeat(300)), &["content/long-line"]);
        check("a.py", "", "if level != '\u{202e}admin':\n", &["content/invisible"]);
        check("a.py", "", "\u{feff}first\n", &[]);
        check("requirements-dev.txt", "", "evil==1.0\n", &["content/dependency"]);
        check("pkg/package.json", "", "\"postinstall\": \"x\"\n", &["content/dependency", "content/install-script"]);
        check("setup.py", "", "", &[]);
    }
}
