//! Rust: Cargo.toml, Cargo.lock, toolchain files, and the libraries that well-known crates link.

use toml::{Table, Value};

use super::candidate::{Candidate, nearest};
use super::tree::Tree;
use super::version::Allowed;
use super::workflow::Ci;
use super::{Found, Language};

/// Crates that need a library of the system.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("openssl-sys", &["libssl-dev", "pkg-config"]),
    ("openssl", &["libssl-dev", "pkg-config"]),
    ("native-tls", &["libssl-dev", "pkg-config"]),
    ("libz-sys", &["zlib1g-dev", "pkg-config"]),
    ("libsqlite3-sys", &["libsqlite3-dev", "pkg-config"]),
    ("pq-sys", &["libpq-dev"]),
    ("libdbus-sys", &["libdbus-1-dev", "pkg-config"]),
    ("libudev-sys", &["libudev-dev", "pkg-config"]),
    ("alsa-sys", &["libasound2-dev", "pkg-config"]),
    ("bindgen", &["libclang-dev", "clang"]),
    ("cmake", &["cmake"]),
    ("prost-build", &["protobuf-compiler"]),
    ("pyo3", &["python3-dev"]),
];

pub(super) fn look(tree: &Tree<'_>, ci: &Ci) -> Option<Candidate> {
    let (root, name) = nearest(tree, &["Cargo.toml"])?;
    let file = super::tree::join(&root, &name);
    let mut it = Candidate::new(Language::Rust, root, tree.present(&file));
    let table: Table = tree.text(&file).and_then(|text| toml::from_str(&text).ok()).unwrap_or_default();
    toolchain(tree, &mut it);
    let package = table.get("package").and_then(Value::as_table);
    if let Some(least) = package.and_then(|it| it.get("rust-version")).and_then(Value::as_str) {
        it.allowed.push(Allowed::parse(&format!(">={least}"), tree.says(&file, "rust-version")));
    }
    let lock = it.at("Cargo.lock");
    let locked = if tree.has(&lock) { " --locked" } else { "" };
    let vendored = tree.has_folder(&it.at("vendor")) && tree.text(&it.at(".cargo/config.toml")).is_some();
    if !vendored {
        let evidence = if locked.is_empty() { tree.present(&file) } else { tree.present(&lock) };
        it.setup.push(Found::stated(it.step(format!("cargo fetch{locked}")), evidence));
    }
    libraries(tree, &mut it, &file, &lock);
    let workspace = if table.contains_key("workspace") && package.is_some() { " --workspace" } else { "" };
    let options = options_of_ci(ci);
    let options = options.as_deref().unwrap_or(workspace);
    let evidence = match ci.test(Language::Rust) {
        Some((_, evidence)) => evidence.clone(),
        None => tree.present(&file),
    };
    it.build.push(Found::likely(it.step(format!("cargo test --offline --no-run{options}")), evidence.clone()));
    it.tests.push(Found::stated(format!("cargo test --offline{options}"), evidence));
    Some(it)
}

fn toolchain(tree: &Tree<'_>, it: &mut Candidate) {
    it.pin(tree, "rust-toolchain");
    let file = it.at("rust-toolchain.toml");
    let table: Table = tree.text(&file).and_then(|text| toml::from_str(&text).ok()).unwrap_or_default();
    let channel = table.get("toolchain").and_then(|it| it.get("channel")).and_then(Value::as_str).unwrap_or_default();
    if let Some(version) = super::version::clean(channel) {
        let evidence = tree.says(&file, "channel");
        it.named.push(super::version::Named { rank: super::version::Rank::Pin, versions: vec![version], evidence });
    } else if channel.contains("nightly") {
        it.warnings.push(format!("{file} asks for a nightly toolchain; a stable one is used"));
    }
}

fn libraries(tree: &Tree<'_>, it: &mut Candidate, manifest: &str, lock: &str) {
    let (text, file) = match tree.text(lock) {
        Some(text) => (text, lock),
        None => (tree.text(manifest).unwrap_or_default(), manifest),
    };
    for (krate, packages) in LIBRARIES {
        let (locked, written) = (format!("name = \"{krate}\""), format!("{krate} = "));
        let Some(words) =
            [&locked, &written].into_iter().find(|words| text.lines().any(|line| line.starts_with(words.as_str())))
        else {
            continue;
        };
        for package in *packages {
            it.package(package, tree.says(file, words));
        }
    }
}

/// Options that CI gives to `cargo test`, as far as they choose what is tested.
fn options_of_ci(ci: &Ci) -> Option<String> {
    let (command, _) = ci.test(Language::Rust).filter(|(command, _)| !command.is_open())?;
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    let after = words.iter().skip_while(|word| **word != "test").skip(1).take_while(|word| **word != "--");
    let mut options = String::new();
    let mut takes_value = false;
    for word in after {
        let choosing =
            ["--all-features", "--no-default-features", "--workspace", "--all", "--all-targets", "--lib", "--tests"];
        let valued = ["--features", "-F", "-p", "--package", "--exclude"];
        if takes_value || choosing.contains(word) || word.starts_with("--features=") || valued.contains(word) {
            options.push(' ');
            options.push_str(&super::shell::quoted(word));
        }
        takes_value = valued.contains(word);
    }
    Some(options)
}
