//! What an environment's image is made from, as one value with one digest.

use repo::Snapshot;

use super::{Detection, Found, Step};

/// Changes whenever the same recipe would make another image.
const VERSION: u32 = 4;

/// Files that say what is to be installed; where nothing is built, only they decide.
const READ_BY_SETUP: &[&[u8]] = &[
    b"pyproject.toml",
    b"setup.py",
    b"setup.cfg",
    b"Pipfile",
    b"Pipfile.lock",
    b"poetry.lock",
    b"package.json",
    b"package-lock.json",
    b"npm-shrinkwrap.json",
    b"yarn.lock",
    b"pnpm-lock.yaml",
    b".npmrc",
    b".yarnrc",
    b".yarnrc.yml",
    b"Gemfile",
    b"Gemfile.lock",
    b"composer.json",
    b"composer.lock",
];

/// Everything that decides what is in an environment's image.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Recipe {
    version: u32,
    /// The image to start from, by its id, with the packages in it.
    pub base: String,
    /// The lines that are run, each with its folder.
    pub steps: Vec<Step>,
    /// The variables they see, apart from the operator's own.
    pub variables: Vec<(String, String)>,
    /// What the lines read: the whole tree, or the files that say what to install.
    pub inputs: Vec<(String, String)>,
}

impl Recipe {
    /// Returns the recipe of a detection on an image.
    pub(super) fn new(base: &str, detection: &Detection, steps: &[Found<Step>], snapshot: &Snapshot) -> Recipe {
        let variables = detection.variables.iter().map(|it| (it.value.name.clone(), it.value.value.clone())).collect();
        Recipe {
            version: VERSION,
            base: base.to_owned(),
            steps: steps.iter().map(|found| found.value.clone()).collect(),
            variables,
            inputs: inputs(detection, snapshot),
        }
    }

    /// Returns the digest that names the image.
    pub fn hash(&self) -> String {
        // A struct of strings cannot fail to become JSON.
        let text = serde_json::to_vec(self).unwrap_or_default();
        blake3::hash(&text).to_hex()[..20].to_owned()
    }
}

/// Installing a project may run its code, which may read anything; a list of requirements reads only itself.
fn inputs(detection: &Detection, snapshot: &Snapshot) -> Vec<(String, String)> {
    let only_lists = |step: &Found<Step>| {
        let line = &step.value.line;
        let pip = line.starts_with("python -m pip install") && !line.contains(" -e ");
        pip || line.starts_with("npm ")
            || line.starts_with("npx ")
            || line.starts_with("bundle ")
            || line.starts_with("python3 -m venv")
    };
    if !detection.build.is_empty() || !detection.setup.iter().all(only_lists) {
        return vec![("tree".to_owned(), snapshot.tree().to_string())];
    }
    let read = snapshot.entries().iter().filter(|entry| {
        let name = entry.path.file_name();
        READ_BY_SETUP.contains(&name) || name.ends_with(b".txt") || name.ends_with(b".gemspec")
    });
    read.map(|entry| (entry.path.to_string(), entry.blob.to_string())).collect()
}
