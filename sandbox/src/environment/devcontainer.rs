//! Development containers: the image or the features they name, and the commands they run once.

use serde_json::Value;

use super::Language;
use super::dockerfile::{Containers, version_of};
use super::jsonc;
use super::shell;
use super::tree::Tree;
use super::version::{Named, Rank, clean};

pub(super) fn read(tree: &Tree<'_>, found: &mut Containers) {
    for file in [".devcontainer/devcontainer.json", ".devcontainer.json"] {
        let Some(value) = tree.text(file).and_then(|text| jsonc::parse(&text)) else { continue };
        if let Some(image) = value.get("image").and_then(Value::as_str) {
            found.versions.extend(version_of(image, tree.says(file, image)));
        }
        for (feature, options) in value.get("features").and_then(Value::as_object).into_iter().flatten() {
            read_feature(tree, file, feature, options, found);
        }
        for key in ["onCreateCommand", "updateContentCommand", "postCreateCommand"] {
            for line in command_lines(value.get(key)) {
                let evidence = tree.says(file, key);
                found.commands.extend(shell::commands(&line).into_iter().map(|command| (command, evidence.clone())));
            }
        }
        return;
    }
}

/// A command is a line, a list of words, or several of either by name.
fn command_lines(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(line)) => vec![line.clone()],
        Some(Value::Array(words)) => vec![shell_words::join(words.iter().filter_map(Value::as_str))],
        Some(Value::Object(named)) => {
            named.values().filter(|it| !it.is_object()).flat_map(|it| command_lines(Some(it))).collect()
        }
        _ => Vec::new(),
    }
}

fn read_feature(tree: &Tree<'_>, file: &str, feature: &str, options: &Value, found: &mut Containers) {
    let name = feature.split(['@', ':']).next().unwrap_or(feature);
    let language = match shell::base_name(name) {
        "python" => Language::Python,
        "node" => Language::JavaScript,
        "rust" => Language::Rust,
        "go" => Language::Go,
        "java" => Language::Java,
        "ruby" => Language::Ruby,
        "php" => Language::Php,
        "apt-packages" | "apt-get-packages" => {
            let names = options.get("packages").and_then(Value::as_str).unwrap_or_default();
            let names = names.split([',', ' ']).filter(|name| shell::is_package(name));
            found.packages.extend(names.map(|name| (name.to_owned(), tree.says(file, feature))));
            return;
        }
        _ => return,
    };
    let version = options.as_str().or_else(|| options.get("version").and_then(Value::as_str));
    if let Some(version) = version.and_then(clean) {
        let evidence = tree.says(file, feature);
        found.versions.push((language, Named { rank: Rank::Container, versions: vec![version], evidence }));
    }
}
