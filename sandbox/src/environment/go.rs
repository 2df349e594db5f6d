//! Go: go.mod, vendored modules, and the older way without modules.

use super::candidate::{Candidate, nearest};
use super::tree::Tree;
use super::version::{Allowed, Named, Rank, clean};
use super::workflow::Ci;
use super::{Found, Language};

pub(super) fn look(tree: &Tree<'_>, ci: &Ci) -> Option<Candidate> {
    let mut it = match nearest(tree, &["go.mod"]) {
        Some((root, name)) => {
            let file = super::tree::join(&root, &name);
            let mut it = Candidate::new(Language::Go, root, tree.present(&file));
            module(tree, &mut it, &file);
            it
        }
        None => {
            let file = tree.paths().find(|path| path.extension() == Some(b"go") && path.components().count() == 1)?;
            let mut it = Candidate::new(Language::Go, String::new(), tree.present(&file.to_str_lossy()));
            it.declared = false;
            it.variable("GO111MODULE", "auto", tree.present(&file.to_str_lossy()));
            it
        }
    };
    it.pin(tree, ".go-version");
    let evidence = match ci.test(Language::Go) {
        Some((_, evidence)) => evidence.clone(),
        None => it.manifest.clone(),
    };
    let tags = tags(ci);
    // What is compiled now is found in the build cache later.
    it.build.push(Found::likely(it.step(format!("go test{tags} -count=1 -run '^$' ./...")), evidence.clone()));
    it.tests.push(Found::stated(format!("go test{tags} ./..."), evidence));
    Some(it)
}

fn module(tree: &Tree<'_>, it: &mut Candidate, file: &str) {
    let text = tree.text(file).unwrap_or_default();
    let mut requires = false;
    for line in text.lines().map(str::trim) {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("go"), Some(least)) if clean(least).is_some() => {
                it.allowed.push(Allowed::parse(&format!(">={least}"), tree.says(file, line)));
            }
            (Some("toolchain"), Some(name)) => {
                if let Some(version) = clean(name.trim_start_matches("go")) {
                    it.named.push(Named {
                        rank: Rank::Manifest,
                        versions: vec![version],
                        evidence: tree.says(file, line),
                    });
                }
            }
            (Some("require"), _) => requires = true,
            _ => {}
        }
    }
    if tree.has(&it.at("vendor/modules.txt")) {
        let evidence = tree.present(&it.at("vendor/modules.txt"));
        it.variable("GOFLAGS", "-mod=vendor", evidence);
    } else if requires {
        it.setup.push(Found::stated(it.step("go mod download"), tree.says(file, "require")));
    }
}

fn tags(ci: &Ci) -> String {
    let Some((command, _)) = ci.test(Language::Go) else { return String::new() };
    let tags = command.words.iter().position(|word| word == "-tags").and_then(|at| command.words.get(at + 1));
    let joined = command.words.iter().find_map(|word| word.strip_prefix("-tags="));
    let tags = joined.or(tags.map(String::as_str)).filter(|tags| !tags.contains('$'));
    tags.map(|tags| format!(" -tags={}", shell_words::quote(tags))).unwrap_or_default()
}
