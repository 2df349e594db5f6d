//! PHP: composer.json and PHPUnit's configuration.

use serde_json::Value;

use super::candidate::{Candidate, nearest};
use super::tree::Tree;
use super::version::Allowed;
use super::workflow::Ci;
use super::{Found, Language};

pub(super) fn look(tree: &Tree<'_>, ci: &Ci) -> Option<Candidate> {
    let (root, name) = nearest(tree, &["composer.json", "phpunit.xml", "phpunit.xml.dist"])?;
    let file = super::tree::join(&root, &name);
    let mut it = Candidate::new(Language::Php, root, tree.present(&file));
    let composer = it.at("composer.json");
    let package: Value = tree.text(&composer).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null);
    let requires: Vec<(&String, &Value)> =
        ["require", "require-dev"].iter().filter_map(|key| package.get(*key)?.as_object()).flatten().collect();
    for (name, wish) in &requires {
        if *name == "php" {
            let wish = wish.as_str().unwrap_or_default().replace('|', "||").replace("||||", "||");
            it.allowed.push(Allowed::parse(&wish, tree.says(&composer, "\"php\"")));
        } else if let Some(extension) = name.strip_prefix("ext-").filter(|name| super::shell::is_package(name)) {
            // These are part of every build of PHP.
            if ![
                "json",
                "ctype",
                "tokenizer",
                "iconv",
                "pcre",
                "spl",
                "hash",
                "reflection",
                "filter",
                "date",
                "phar",
                "fileinfo",
                "session",
                "openssl",
                "pcntl",
                "posix",
                "sockets",
                "zlib",
            ]
            .contains(&extension)
            {
                let package = match extension {
                    "dom" | "simplexml" | "xmlreader" | "xmlwriter" | "libxml" => "xml",
                    "pdo" | "pdo_sqlite" | "sqlite3" => "sqlite3",
                    other => other,
                };
                it.package(&format!("php-{package}"), tree.says(&composer, name));
            }
        }
    }
    let installs = requires.iter().any(|(name, _)| name.contains('/'));
    if installs {
        let evidence = if tree.has(&it.at("composer.lock")) {
            tree.present(&it.at("composer.lock"))
        } else {
            tree.present(&composer)
        };
        it.setup
            .push(Found::stated(it.step("composer install --no-interaction --no-progress --prefer-dist"), evidence));
    }
    let own = requires.iter().any(|(name, _)| *name == "phpunit/phpunit");
    let program = if own { "vendor/bin/phpunit" } else { "phpunit" };
    let configuration = ["phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"]
        .map(|name| it.at(name))
        .into_iter()
        .find(|file| tree.has(file));
    if !own {
        it.package("phpunit", tree.present(configuration.as_deref().unwrap_or(&composer)));
    }
    for (command, evidence) in ci.tests(Language::Php).filter(|(command, _)| !command.is_open()) {
        it.tests.push(Found::stated(command.text(), evidence.clone()));
    }
    match configuration {
        Some(file) => it.tests.insert(0, Found::likely(program.to_owned(), tree.present(&file))),
        None => {
            let folder = ["tests", "test"].into_iter().find(|folder| tree.has_folder(&it.at(folder)));
            it.tests.extend(
                folder.map(|folder| Found::likely(format!("{program} {folder}"), tree.present(&it.at(folder)))),
            );
        }
    }
    Some(it)
}
