//! Dockerfiles: the image they start from and the packages they install. They are never built.

use super::shell;
use super::tree::{Tree, number, short};
use super::version::{Named, Rank, clean};
use super::{Evidence, Language};

const MOST_FILES: usize = 20;

/// What Dockerfiles and development containers say.
#[derive(Debug, Default)]
pub(super) struct Containers {
    pub(super) versions: Vec<(Language, Named)>,
    pub(super) packages: Vec<(String, Evidence)>,
    /// Commands that a development container runs after it is made.
    pub(super) commands: Vec<(shell::Command, Evidence)>,
}

pub(super) fn read(tree: &Tree<'_>, found: &mut Containers) {
    let is_dockerfile = |path: &&repo::RepoPath| {
        let name = path.file_name();
        (name.starts_with(b"Dockerfile") || name.ends_with(b".Dockerfile") || name == b"Containerfile")
            && path.components().count() <= 3
            && !super::candidate::is_not_ours(path)
    };
    let mut files: Vec<_> = tree.paths().filter(is_dockerfile).collect();
    files.sort_by_key(|path| path.components().count());
    for path in files.into_iter().take(MOST_FILES) {
        let file = path.to_str_lossy().into_owned();
        if let Some(text) = tree.text(&file) {
            read_file(&file, &text, found);
        }
    }
}

fn read_file(file: &str, text: &str, found: &mut Containers) {
    let evidence =
        |line: usize, words: &str| Evidence { file: file.to_owned(), line: Some(number(line)), words: short(words) };
    let lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let start = at;
        let mut whole = (*line).to_owned();
        let mut comment = false;
        // A comment between continued lines does not end them.
        while (comment || whole.trim_end().ends_with('\\')) && at + 1 < lines.len() {
            at += 1;
            comment = lines[at].trim_start().starts_with('#');
            whole.push('\n');
            whole.push_str(lines[at]);
        }
        at += 1;
        let (keyword, rest) = whole.trim().split_once(char::is_whitespace).unwrap_or((whole.trim(), ""));
        match keyword.to_ascii_uppercase().as_str() {
            "FROM" => {
                let image = rest.split_whitespace().find(|word| !word.starts_with("--")).unwrap_or_default();
                found.versions.extend(version_of(image, evidence(start, &whole)));
            }
            "RUN" => {
                for command in shell::commands(rest) {
                    let evidence = evidence(start + command.line as usize, &command.text());
                    let packages = shell::apt_packages(&command.words);
                    found.packages.extend(packages.into_iter().map(|name| (name, evidence.clone())));
                }
            }
            _ => {}
        }
    }
}

/// Returns the language and version of a well-known image: `python:3.11-slim`, `…/devcontainers/go:1-1.22-bookworm`.
pub(super) fn version_of(image: &str, evidence: Evidence) -> Option<(Language, Named)> {
    let (name, tag) = shell::base_name(image).split_once(':')?;
    let language = match name {
        "python" => Language::Python,
        "node" | "javascript-node" | "typescript-node" => Language::JavaScript,
        "rust" => Language::Rust,
        "golang" | "go" => Language::Go,
        "openjdk" | "eclipse-temurin" | "amazoncorretto" | "java" => Language::Java,
        "maven" | "gradle" => Language::Java,
        "ruby" => Language::Ruby,
        "php" => Language::Php,
        _ => return None,
    };
    let mut parts: Vec<&str> = tag.split('-').collect();
    // Development containers put their own version in front: `1-3.12-bookworm`.
    if image.contains("devcontainers/") && parts.len() > 1 && clean(parts[1]).is_some() {
        parts.remove(0);
    }
    let tool = matches!(name, "maven" | "gradle");
    let version = parts.iter().skip(usize::from(tool)).find_map(|part| clean(part.trim_start_matches("jdk")))?;
    Some((language, Named { rank: Rank::Container, versions: vec![version], evidence }))
}
