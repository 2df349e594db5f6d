//! Rules about the names of changed files.
//!
//! Names are compared as the most forgiving file system would: without case, with composed characters, without characters that HFS+
//! ignores and without the dots and spaces at the end that Windows drops.

use bstr::{BStr, ByteSlice};
use icu_normalizer::ComposingNormalizerBorrowed;

use super::{Findings, LockFiles, Presence, Severity};

const MAX_NAME_BYTES: usize = 255;
const MAX_PATH_BYTES: usize = 4000;

/// Files that decide what runs, who decides, or under which terms; none of them is where a fault in the code is.
///
/// A pattern with `/` at its end is a directory at any depth, one with `*` at its end the beginning of a file name, any other the end
/// of a path. All are in lower case.
const PROTECTED: [(&str, &str, &[&str]); 10] = [
    (
        "path/ci",
        "configures continuous integration",
        &[
            ".github/workflows/",
            ".github/actions/",
            ".github/dependabot.yml",
            ".github/dependabot.yaml",
            ".gitea/workflows/",
            ".forgejo/workflows/",
            ".gitlab-ci*",
            ".gitlab/ci/",
            ".circleci/",
            ".buildkite/",
            ".woodpecker/",
            ".woodpecker.yml",
            ".woodpecker.yaml",
            ".teamcity/",
            ".semaphore/",
            ".tekton/",
            ".builds/",
            ".build.yml",
            ".travis.yml",
            ".travis.yaml",
            ".drone.yml",
            ".drone.jsonnet",
            ".drone.star",
            ".cirrus*",
            ".appveyor.yml",
            "appveyor.yml",
            "azure-pipelines*",
            ".azure-pipelines/",
            ".azuredevops/",
            "bitbucket-pipelines.yml",
            "buildspec.yml",
            "buildspec.yaml",
            "cloudbuild.yaml",
            "cloudbuild.yml",
            "codefresh.yml",
            "jenkinsfile*",
            "wercker.yml",
            ".zuul.yaml",
            ".zuul.d/",
            ".prow.yaml",
            ".ci/",
            "renovate.json",
            "renovate.json5",
            ".renovaterc*",
        ],
    ),
    ("path/owners", "decides who must review", &["codeowners"]),
    ("path/git-config", "configures git", &[".gitmodules", ".gitattributes", ".gitconfig", ".lfsconfig"]),
    (
        "path/hooks",
        "runs on a developer's machine when git is used",
        &[
            ".husky/",
            ".githooks/",
            ".hooks/",
            ".pre-commit-config.yaml",
            ".pre-commit-config.yml",
            ".pre-commit-hooks.yaml",
            ".huskyrc*",
            ".lintstagedrc*",
            "lint-staged.config*",
            "lefthook*",
            ".lefthook*",
            ".overcommit.yml",
        ],
    ),
    (
        "path/editor",
        "runs or configures an editor or a development container",
        &[
            ".devcontainer/",
            ".devcontainer.json",
            ".vscode/",
            ".idea/",
            ".vs/",
            ".zed/",
            ".fleet/",
            ".gitpod*",
            ".dir-locals.el",
            ".exrc",
            ".nvim.lua",
            ".nvimrc",
            ".vimrc",
            ".lvimrc",
            ".envrc",
            ".theia/",
        ],
    ),
    (
        "path/agent",
        "instructs coding agents",
        &[
            "claude.md",
            "claude.local.md",
            "agents.md",
            "agents.override.md",
            "gemini.md",
            "conventions.md",
            ".claude/",
            ".cursor/",
            ".cursorrules",
            ".cursorignore",
            ".mcp.json",
            "mcp.json",
            ".windsurf/",
            ".windsurfrules",
            ".clinerules",
            ".clinerules/",
            ".cline/",
            ".roo/",
            ".roomodes",
            ".roorules",
            ".aider*",
            ".codex/",
            ".gemini/",
            ".continue/",
            ".junie/",
            ".kiro/",
            ".agents/",
            ".agent/",
            ".openhands/",
            ".goosehints",
            ".amazonq/",
            ".augment/",
            ".github/copilot*",
            ".github/instructions/",
            ".github/prompts/",
            ".github/agents/",
            ".github/chatmodes/",
            "copilot-instructions.md",
        ],
    ),
    (
        "path/package-config",
        "decides where packages come from",
        &[
            ".npmrc",
            ".yarnrc",
            ".yarnrc.yml",
            ".yarn/",
            ".pnpmfile.cjs",
            "pip.conf",
            "pip.ini",
            ".pip/",
            ".pypirc",
            "uv.toml",
            "bunfig.toml",
            ".cargo/",
            ".gemrc",
            ".bundle/",
            ".condarc",
            "nuget.config",
            ".netrc",
            "_netrc",
            ".mvn/",
            "gradle/wrapper/",
            ".m2/",
        ],
    ),
    ("path/own-config", "configures this tool", &["patchwright.toml", ".patchwright.toml", ".patchwright/"]),
    (
        "path/licence",
        "states the licence",
        &["licenses/", "licences/", "copyright", "patents", "notice", "notice.md", "notice.txt"],
    ),
    (
        LOCK_FILE,
        "pins dependencies",
        &[
            "cargo.lock",
            "package-lock.json",
            "npm-shrinkwrap.json",
            "yarn.lock",
            "pnpm-lock.yaml",
            "bun.lock",
            "bun.lockb",
            "deno.lock",
            "poetry.lock",
            "pipfile.lock",
            "uv.lock",
            "pdm.lock",
            "pixi.lock",
            "conda-lock.yml",
            "gemfile.lock",
            "composer.lock",
            "go.sum",
            "go.work.sum",
            "mix.lock",
            "pubspec.lock",
            "flake.lock",
            "packages.lock.json",
            "gradle.lockfile",
            "podfile.lock",
            "package.resolved",
            "cabal.project.freeze",
            "manifest.toml.lock",
        ],
    ),
];

const LOCK_FILE: &str = "path/lock-file";

/// Judges one name.
pub(super) fn check(path: &BStr, presence: Presence, lock_files: LockFiles, found: &mut Findings) {
    check_shape(path, found);
    for name in names(path) {
        check_name(path, name, presence, found);
    }
    check_protected(path, lock_files, found);
}

/// Splits a path at every byte that some system takes for a separator.
fn names(path: &BStr) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| matches!(byte, b'/' | b'\\')).filter(|name| !name.is_empty())
}

/// Rules about the path as a whole.
fn check_shape(path: &BStr, found: &mut Findings) {
    let mut refuse = |rule, detail: &str| found.refuse(rule, path, detail.to_owned());
    let climbs = names(path).any(|name| matches!(name, b"." | b".."));
    let gaps = path.is_empty() || path.split_str("/").any(<[u8]>::is_empty);
    if climbs || gaps {
        refuse("path/escape", "the path is absolute, climbs, or has an empty part");
    }
    if matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic()) {
        refuse("path/drive", "the path starts with a drive letter");
    }
    if path.contains(&b'\\') {
        refuse("path/backslash", "the path has a backslash");
    }
    if path.len() > MAX_PATH_BYTES {
        refuse("path/length", "the path has more than 4000 bytes");
    }
    if path.chars().any(char::is_control) {
        refuse("path/control", "the path has a control character");
    }
    if path.chars().any(is_invisible) {
        refuse("path/invisible", "the path has characters that are not shown or turn the text around");
    }
}

/// Rules about one part of the path.
fn check_name(path: &BStr, name: &[u8], presence: Presence, found: &mut Findings) {
    if is_git_dir(name) {
        found.refuse("path/git-dir", path, "the path leads into a git directory".to_owned());
    }
    if name.len() > MAX_NAME_BYTES {
        found.refuse("path/length", path, "a name has more than 255 bytes".to_owned());
    }
    if name.ends_with(b".") && !matches!(name, b"." | b"..") || name.ends_with(b" ") {
        found.refuse("path/trailing", path, "a name ends with a dot or a space, which Windows drops".to_owned());
    }
    // What is there already can be read where it is used; only a person can know whether that matters.
    let severity = if presence == Presence::Created { Severity::Refuse } else { Severity::Flag };
    if is_windows_device(name) || name.iter().any(|byte| b"<>:\"|?*".contains(byte)) {
        found.add("path/windows-name", path, "a name is not possible on Windows".to_owned(), severity);
    }
    if is_short_name(name) {
        found.add("path/short-name", path, "a name looks like the short form of another one".to_owned(), severity);
    }
    if name.to_str().is_err() {
        found.flag("path/encoding", path, "a name is no UTF-8".to_owned());
    }
}

fn check_protected(path: &BStr, lock_files: LockFiles, found: &mut Findings) {
    let parts: Vec<String> = names(path).map(fold).collect();
    let folded = format!("/{}", parts.join("/"));
    let name = parts.last().map_or("", String::as_str);
    let matches = |pattern: &str| match (pattern.strip_suffix('*'), pattern.ends_with('/')) {
        (Some(start), _) => {
            folded.rfind(&format!("/{start}")).is_some_and(|at| !folded[at + 1 + start.len()..].contains('/'))
        }
        (None, true) => folded.contains(&format!("/{pattern}")),
        (None, false) => folded.ends_with(&format!("/{pattern}")),
    };
    for (rule, meaning, patterns) in PROTECTED {
        if rule == LOCK_FILE && lock_files == LockFiles::Allow {
            continue;
        }
        if patterns.iter().any(|pattern| matches(pattern)) || (rule == "path/licence" && is_licence(name)) {
            found.refuse(rule, path, format!("the file {meaning}"));
        }
    }
}

/// Returns whether the lower-case name is `LICENSE`, `COPYING.md`, `LICENSE-MIT` or the like, but not `license.py`.
fn is_licence(name: &str) -> bool {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let text =
        matches!(extension, "" | "md" | "txt" | "rst" | "html" | "adoc" | "mit" | "apache" | "bsd" | "gpl" | "lesser");
    let word = ["license", "licence", "copying", "unlicense"];
    let starts =
        |word: &&str| stem.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_', '.']));
    text && word.iter().any(starts)
}

/// Returns whether the name stands for a git directory on some file system.
///
/// The forms are those of git's own `is_hfs_dotgit` and `is_ntfs_dotgit`.
pub(crate) fn is_git_dir(name: &[u8]) -> bool {
    let visible: String = name.chars().filter(|it| !is_ignored_by_hfs(*it)).collect();
    let lower = visible.to_lowercase();
    // `.git::$INDEX_ALLOCATION` is the directory `.git` to Windows.
    let stem = lower.split([':', '\\']).next().unwrap_or_default().trim_end_matches([' ', '.']);
    let short = stem
        .strip_prefix("git~")
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit()));
    stem == ".git" || short
}

/// Returns the name as the most forgiving file system compares it.
pub(super) fn fold(name: impl AsRef<[u8]>) -> String {
    let visible: String = name.as_ref().chars().filter(|it| !is_ignored_by_hfs(*it)).collect();
    let composer = ComposingNormalizerBorrowed::new_nfkc();
    // Lower case can take a name out of its composed form again.
    let lower = composer.normalize(&visible).to_lowercase();
    let composed = composer.normalize(&lower);
    composed.trim_end_matches([' ', '.']).to_owned()
}

/// The characters that HFS+ leaves out when it compares names.
fn is_ignored_by_hfs(it: char) -> bool {
    matches!(it, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

/// Characters that change how a text looks without being seen: directions, joiners, tags and separators.
pub(super) fn is_invisible(it: char) -> bool {
    is_ignored_by_hfs(it)
        || matches!(
            it,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}' | '\u{2028}' | '\u{2029}'
        )
        || matches!(it, '\u{2060}'..='\u{2069}' | '\u{3164}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns whether Windows opens a device by that name, whatever the extension.
fn is_windows_device(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    let stem = lower.split_str(".").next().unwrap_or_default().trim_end_with(|it| it == ' ');
    match stem {
        b"con" | b"prn" | b"aux" | b"nul" | b"conin$" | b"conout$" => true,
        [b'c', b'o', b'm', digit] | [b'l', b'p', b't', digit] => (b'1'..=b'9').contains(digit),
        _ => false,
    }
}

/// Returns whether the name has the form of an 8.3 alias, such as `GITMOD~1`, which may be a protected file.
fn is_short_name(name: &[u8]) -> bool {
    let (stem, extension) = name.rsplit_once_str(".").unwrap_or((name, b""));
    let Some((start, number)) = stem.rsplit_once_str("~") else { return false };
    let digits = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    digits && !start.is_empty() && stem.len() <= 8 && extension.len() <= 3
}
