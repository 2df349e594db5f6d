//! Which language a file is written in: by its name, and for C headers by how it begins.

use repo::RepoPath;

use crate::syntax::LanguageId;

/// How much of a header is looked at.
const HEAD: usize = 16 * 1024;

/// Returns the language that a path names; a header counts as C.
pub(crate) fn of_path(path: &RepoPath) -> Option<LanguageId> {
    match path.file_name() {
        b"Rakefile" | b"Gemfile" | b"Guardfile" | b"Capfile" => Some(LanguageId::Ruby),
        _ => of_extension(path.extension()?),
    }
}

/// Returns the language of a file by its path and, for a header, its first bytes.
pub(crate) fn of_file(path: &RepoPath, bytes: &[u8]) -> Option<LanguageId> {
    let named = of_path(path)?;
    let is_header = named == LanguageId::C && path.extension() == Some(b"h");
    Some(if is_header && says_cpp(&bytes[..bytes.len().min(HEAD)]) { LanguageId::Cpp } else { named })
}

fn of_extension(extension: &[u8]) -> Option<LanguageId> {
    Some(match extension {
        b"py" | b"pyi" => LanguageId::Python,
        b"js" | b"mjs" | b"cjs" | b"jsx" => LanguageId::JavaScript,
        b"ts" | b"mts" | b"cts" => LanguageId::TypeScript,
        b"tsx" => LanguageId::Tsx,
        b"java" => LanguageId::Java,
        b"kt" | b"kts" => LanguageId::Kotlin,
        b"cs" => LanguageId::CSharp,
        b"go" => LanguageId::Go,
        b"rs" => LanguageId::Rust,
        b"c" | b"h" => LanguageId::C,
        b"cc" | b"cpp" | b"cxx" | b"c++" | b"C" | b"hh" | b"hpp" | b"hxx" | b"h++" | b"H" | b"ipp" | b"inl"
        | b"tpp" | b"txx" | b"cu" | b"cuh" => LanguageId::Cpp,
        b"rb" | b"rake" | b"gemspec" | b"ru" => LanguageId::Ruby,
        b"php" | b"php5" | b"phtml" => LanguageId::Php,
        _ => return None,
    })
}

/// Looks for lines that C has no words for. `extern "C"` says nothing: headers of C have it for the sake of C++.
fn says_cpp(head: &[u8]) -> bool {
    const BEGINS: &[&[u8]] = &[
        b"namespace ",
        b"template<",
        b"template <",
        b"class ",
        b"using ",
        b"public:",
        b"private:",
        b"protected:",
        b"inline namespace ",
        b"constexpr ",
        b"friend ",
        b"virtual ",
        b"explicit ",
    ];
    // What only a C++ compiler is shown is no sign of C++.
    let mut in_guard = false;
    head.split(|it| *it == b'\n').any(|line| {
        let line = line.trim_ascii();
        let squeezed: Vec<u8> = line.iter().copied().filter(|it| !it.is_ascii_whitespace()).collect();
        if squeezed.starts_with(b"#ifdef__cplusplus") || squeezed.starts_with(b"#ifdefined(__cplusplus)") {
            in_guard = true;
        } else if squeezed.starts_with(b"#endif") || squeezed.starts_with(b"#else") {
            in_guard = false;
        }
        !in_guard && (BEGINS.iter().any(|it| line.starts_with(it)) || is_cpp_include(line))
    })
}

/// The headers of C++'s own library have no extension.
fn is_cpp_include(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"#include") else { return false };
    let rest = rest.trim_ascii_start();
    rest.starts_with(b"<")
        && rest.contains(&b'>')
        && !rest.iter().take_while(|it| **it != b'>').any(|it| matches!(it, b'.' | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_told_by_what_only_cpp_has() {
        let table: &[(&str, bool)] = &[
            ("#ifndef A_H\n#define A_H\n#include <stdio.h>\nstruct a { int class_; };\nint f(void);\n#endif\n", false),
            ("#ifdef __cplusplus\nextern \"C\" {\nnamespace a {\n#endif\nint f(void);\n", false),
            ("#pragma once\n#include <vector>\n", true),
            ("#pragma once\nnamespace fmt {\n", true),
            ("  template <typename T> T f(T);\n", true),
            ("#include <sys/types.h>\n#include \"vector\"\n", false),
            ("/* a class of things: using them is public: */\nint x;\n", false),
            ("", false),
        ];
        for (header, expected) in table {
            assert_eq!(says_cpp(header.as_bytes()), *expected, "{header}");
        }
    }

    #[test]
    fn extensions_are_all_told() {
        let table = [("py", LanguageId::Python), ("tsx", LanguageId::Tsx), ("kts", LanguageId::Kotlin)];
        for (extension, expected) in table {
            assert_eq!(of_extension(extension.as_bytes()), Some(expected));
        }
        assert_eq!(of_extension(b"txt"), None);
        assert_eq!(of_path(&RepoPath::new("a/b.py").unwrap()), Some(LanguageId::Python));
    }
}
