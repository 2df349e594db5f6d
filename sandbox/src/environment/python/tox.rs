//! tox and nox: what they install before they run the tests.

use super::super::tree::{Tree, join};
use super::Wanted;
use super::project::quoted;
use crate::format::ini;

pub(super) fn read(tree: &Tree<'_>, root: &str, wanted: &mut Wanted) {
    let exists = |file: &str| tree.has(&join(root, file));
    for file in ["tox.ini", "setup.cfg"] {
        let file = join(root, file);
        let Some(text) = tree.text(&file) else { continue };
        for section in ["testenv", "testenv:py", "testenv:test", "testenv:tests", "testenv:unit"] {
            let Some(deps) = ini::value(&text, section, "deps") else { continue };
            let evidence = tree.says(&file, &format!("[{section}]"));
            for line in deps.lines() {
                wanted.take(&words(line), &evidence, &exists);
            }
            let extras = ini::value(&text, section, "extras").unwrap_or_default();
            let extras = extras.split([',', '\n', ' ']).filter(|name| super::is_name(name));
            wanted.extras.extend(extras.map(|name| (name.to_owned(), evidence.clone())));
            break;
        }
    }
    read_nox(tree, root, wanted);
}

/// Words of a line of `deps`; lines for particular factors are left out.
fn words(line: &str) -> Vec<String> {
    let line = line.trim().replace("{toxinidir}/", "").replace("{tox_root}/", "");
    let conditional = line
        .split_once(':')
        .is_some_and(|(factors, rest)| !factors.contains(['=', '<', '>', ';', '/', '@']) && !rest.starts_with("//"));
    if conditional || line.contains('{') {
        return Vec::new();
    }
    match line.split_once(char::is_whitespace) {
        Some((option, rest)) if option.starts_with('-') => vec![option.to_owned(), rest.trim().to_owned()],
        _ => vec![line.split(" #").next().unwrap_or_default().trim().to_owned()],
    }
}

/// `session.install("pytest", "-r", "x.txt")` of the sessions that test.
fn read_nox(tree: &Tree<'_>, root: &str, wanted: &mut Wanted) {
    let file = join(root, "noxfile.py");
    let Some(text) = tree.text(&file) else { return };
    let exists = |name: &str| tree.has(&join(root, name));
    let mut tests = false;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("def ") {
            tests = name.starts_with("test") || name.starts_with("unit") || name.starts_with("pytest");
        }
        if !tests || !line.contains("session.install(") {
            continue;
        }
        let mut whole = line.split("session.install(").nth(1).unwrap_or_default().to_owned();
        while !whole.contains(')') && whole.len() < 4096 {
            let Some(next) = lines.next() else { break };
            whole.push('\n');
            whole.push_str(next);
        }
        wanted.take(&quoted(&whole), &tree.says(&file, "session.install("), &exists);
    }
}
