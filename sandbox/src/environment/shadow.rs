//! The repository's own packages among what was installed: a copy of the base's in front of a candidate's files would have every
//! candidate judged by the base's code.
//!
//! `pip install .` copies, a requirement may bring an older release of the very project, and `setup.py install` leaves no note of where
//! it came from. So what is looked for is what an import would find: a package of the tree, by its name, in the interpreter's own folder.

use std::collections::BTreeMap;

use repo::Snapshot;

use super::phase::Phase;
use super::tree::join;
use crate::backend::docker::repository;
use crate::error::SandboxError;

/// Top-level names that belong to nobody in particular.
const COMMON: &[&str] = &[
    "setup", "conftest", "noxfile", "tasks", "test", "tests", "testing", "docs", "doc", "examples", "example", "tools",
    "scripts", "src",
];
/// Names that are looked for at most.
const MOST: usize = 500;

/// Prints which of its arguments are modules or packages in the folders where the interpreter keeps what is installed.
const LOOK: &str = "import os, site, sys, sysconfig\n\
    places = {sysconfig.get_paths()[key] for key in ('purelib', 'platlib')} | set(site.getsitepackages() if hasattr(site, 'getsitepackages') else ())\n\
    for name in sys.argv[1:]:\n\
    \x20   if any(os.path.isfile(os.path.join(place, *tail)) for place in places for tail in [(name, '__init__.py'), (name + '.py',)]):\n\
    \x20       print('copy of ' + name)\n";

/// Has the repository's own packages found in the tree where they were installed as copies. Returns what people should know.
pub(super) async fn link_copies(
    phase: &Phase<'_>,
    snapshot: &Snapshot,
    variables: &[(String, String)],
) -> Result<Vec<String>, SandboxError> {
    let own = own_packages(snapshot);
    let mut notes = Vec::new();
    for (name, folder) in copies(phase, &own, variables).await? {
        let cwd = join(&repository(), folder);
        let install = "python -m pip install --no-deps";
        let line = format!("{install} --no-build-isolation -e . || {install} -e .");
        let linked = phase.run(cwd.trim_end_matches('/'), &line, variables).await?.is_good();
        let only = BTreeMap::from([(name.clone(), folder.clone())]);
        let is_gone = linked && copies(phase, &only, variables).await?.is_empty();
        notes.push(match is_gone {
            true => format!("`{name}` had been installed as a copy of the repository's own; it was installed again by its path, so that tests see a candidate's changes"),
            false => format!("`{name}` is installed as a copy of the repository's own, and tests may see that copy instead of a candidate's changes; install it by `pip install -e`"),
        });
    }
    Ok(notes)
}

/// Returns those of the packages that an import finds in the interpreter's own folders.
async fn copies<'a>(
    phase: &Phase<'_>,
    own: &'a BTreeMap<String, String>,
    variables: &[(String, String)],
) -> Result<Vec<(&'a String, &'a String)>, SandboxError> {
    if own.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<_> = own.keys().take(MOST).map(|name| shell_words::quote(name)).collect();
    let look = shell_words::quote(LOOK);
    let line = format!(
        "program=\"$(command -v python || command -v python3)\" || exit 0; \"$program\" -I -c {look} {}",
        names.join(" ")
    );
    let said = phase.run("/", &line, variables).await?.output;
    let found = said.lines().filter_map(|line| own.get_key_value(line.strip_prefix("copy of ")?));
    Ok(found.collect())
}

/// Returns the top-level packages and modules of every project in the tree, with the project's folder.
fn own_packages(snapshot: &Snapshot) -> BTreeMap<String, String> {
    let paths: Vec<String> = snapshot.entries().iter().map(|entry| entry.path.to_str_lossy().into_owned()).collect();
    let projects: std::collections::BTreeSet<&str> = paths
        .iter()
        .filter_map(|path| ["pyproject.toml", "setup.py"].iter().find_map(|name| path.strip_suffix(name)))
        .filter(|folder| folder.is_empty() || folder.ends_with('/'))
        .map(|folder| folder.trim_end_matches('/'))
        .collect();
    let mut own = BTreeMap::new();
    for path in &paths {
        let module = path.strip_suffix("/__init__.py").or_else(|| path.strip_suffix(".py"));
        let Some((folder, name)) = module.map(|it| it.rsplit_once('/').unwrap_or(("", it))) else { continue };
        let root = if folder == "src" { "" } else { folder.strip_suffix("/src").unwrap_or(folder) };
        if projects.contains(root) && is_name(name) {
            own.entry(name.to_owned()).or_insert_with(|| root.to_owned());
        }
    }
    own
}

fn is_name(name: &str) -> bool {
    let plain = |char: char| char.is_ascii_alphanumeric() || char == '_';
    !name.is_empty() && name.chars().all(plain) && !name.starts_with('_') && !COMMON.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_and_modules_of_every_project_are_own() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("repo");
        for path in [
            "pyproject.toml",
            "src/alpha/__init__.py",
            "src/alpha/inner/__init__.py",
            "beta.py",
            "setup.py",
            "tests/__init__.py",
            "libs/gamma/setup.py",
            "libs/gamma/gamma/__init__.py",
            "libs/loose/__init__.py",
            "my-setup.py",
        ] {
            std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            std::fs::write(root.join(path), "").unwrap();
        }
        let (store, tree) = repo::Store::import(&folder.path().join("objects.git"), &root).unwrap();
        let own = own_packages(&store.snapshot(tree).unwrap());
        let own: Vec<_> = own.iter().map(|(name, root)| (name.as_str(), root.as_str())).collect();
        assert_eq!(own, [("alpha", ""), ("beta", ""), ("gamma", "libs/gamma")]);
    }
}
