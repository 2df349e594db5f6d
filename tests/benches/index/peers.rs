//! Other tools that know something of a repository.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use crate::Ground;

/// Another tool, if it is there.
pub(crate) struct Peer {
    /// Its name.
    pub(crate) name: &'static str,
    /// How it is run.
    pub(crate) command: Option<Vec<String>>,
    /// Why it is not.
    pub(crate) missing: &'static str,
}

/// The map that aider makes of a repository for a model, with a budget of 4,096 tokens.
const AIDER: &str = "
import sys, os
from aider.repomap import RepoMap
from aider.io import InputOutput
class Model:
    def token_count(self, text): return len(text) // 4
root = sys.argv[1]
files = [os.path.join(at, name) for at, _, names in os.walk(root) for name in names]
shown = RepoMap(map_tokens=4096, root=root, main_model=Model(), io=InputOutput(yes=True)).get_repo_map([], files)
print(len(shown or ''))
";

/// Returns the tools; those that read files get a checkout below `place`.
pub(crate) fn all(ground: &Ground, place: &Path, aider: Option<&str>) -> Result<Vec<Peer>> {
    let tree = checkout(ground, place)?;
    let tree = tree.to_string_lossy().into_owned();
    let words = |words: &[&str]| Some(words.iter().map(|it| (*it).to_owned()).collect::<Vec<String>>());
    let tags = words(&["ctags", "-R", "-f", "-", "--fields=*", "--extras=+r", &tree]);
    let scan = words(&["rg", "--threads", "2", "--count-matches", "[A-Za-z]+Error", &tree]);
    Ok(vec![
        Peer { name: "universal-ctags", command: tags.filter(|_| has("ctags")), missing: "no ctags on the PATH" },
        Peer { name: "ripgrep", command: scan.filter(|_| has("rg")), missing: "no rg on the PATH" },
        Peer {
            name: "aider's map, cold",
            command: aider.and_then(|it| words(&[it, "-c", AIDER, &tree])),
            missing: "give --aider PYTHON, one that has aider-chat",
        },
        Peer {
            name: "aider's map, warm",
            command: aider.and_then(|it| words(&[it, "-c", AIDER, &tree])),
            missing: "give --aider PYTHON, one that has aider-chat",
        },
    ])
}

fn has(program: &str) -> bool {
    let mut asked = Command::new(program);
    asked.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    asked.status().is_ok_and(|it| it.success())
}

/// Writes the files of the revision; a folder stands for itself.
fn checkout(ground: &Ground, place: &Path) -> Result<std::path::PathBuf> {
    if !ground.repo.join("objects").exists() && !ground.repo.join(".git").exists() {
        return Ok(ground.repo.clone());
    }
    let tree = place.join("tree");
    std::fs::create_dir(&tree)?;
    let mut archive = Command::new("git");
    archive.arg("-C").arg(&ground.repo).args(["archive", &ground.revision]).stdout(Stdio::piped());
    let mut archive = archive.spawn()?;
    let mut extract = Command::new("tar");
    extract.arg("-x").arg("-C").arg(&tree).stdin(archive.stdout.take().map_or_else(Stdio::null, Stdio::from));
    ensure!(extract.status()?.success() && archive.wait()?.success(), "the revision cannot be checked out");
    Ok(tree)
}
