//! Finds a Python interpreter of this machine, and which folders it needs to run.

use std::path::{Component, Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::error::SandboxError;

const PATIENCE: Duration = Duration::from_secs(20);

/// The names tried when nobody names an interpreter.
const USUAL: [&str; 2] = ["python3", "python"];

/// Asks the interpreter itself, because only it knows how a virtual environment, a version manager's shim or a relocated
/// installation finds its library. `-I` keeps the current folder and the user's own packages out.
const QUESTION: &str = "import json, sys; print(json.dumps({'executable': sys.executable, \
    'prefixes': [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix], 'path': sys.path, \
    'version': '.'.join(map(str, sys.version_info[:3]))}))";

/// An interpreter and what it consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interpreter {
    /// The path by which it is started.
    pub(super) executable: PathBuf,
    /// `3.11.7`.
    pub(super) version: String,
    /// Folders it reads, without those that lie in another of them.
    pub(super) folders: Vec<PathBuf>,
    /// Symbolic links outside the folders on the way from the executable to the program, with their targets.
    pub(super) links: Vec<(PathBuf, PathBuf)>,
}

impl Interpreter {
    /// Returns no interpreter, for a box whose program needs none.
    pub(super) fn none() -> Self {
        Self { executable: PathBuf::new(), version: String::new(), folders: Vec::new(), links: Vec::new() }
    }
}

#[derive(serde::Deserialize)]
struct Answer {
    executable: PathBuf,
    prefixes: Vec<PathBuf>,
    path: Vec<PathBuf>,
    version: String,
}

/// Finds the interpreter of this name or path; `None` is the usual one.
pub(super) async fn find(python: Option<&str>) -> Result<Interpreter, SandboxError> {
    let names = python.map_or_else(|| USUAL.to_vec(), |name| vec![name]);
    let mut reasons = Vec::new();
    for name in &names {
        match ask(name).await {
            Ok(answer) => return describe(answer).map_err(|reason| refused(name, reason)),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(refused(names[0], reasons.join("; ")))
}

fn refused(python: &str, reason: String) -> SandboxError {
    SandboxError::Interpreter { python: python.to_owned(), reason }
}

async fn ask(name: &str) -> Result<Answer, String> {
    let mut command = Command::new(name);
    command.args(["-I", "-c", QUESTION]).stdin(Stdio::null()).kill_on_drop(true).env_clear().current_dir("/");
    // What a version manager's shim needs to find its interpreters.
    for name in ["PATH", "HOME", "PYENV_ROOT", "PYENV_VERSION", "LD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    let output = tokio::time::timeout(PATIENCE, command.output())
        .await
        .map_err(|_| format!("{name} gave no answer within {} s", PATIENCE.as_secs()))?
        .map_err(|error| format!("{name}: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{name} ended with {}: {}", output.status, said.lines().last().unwrap_or_default()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("{name} does not answer like Python: {error}"))
}

fn describe(answer: Answer) -> Result<Interpreter, String> {
    let packages = answer.path.into_iter().filter(|path| is_package_folder(path));
    let mut folders = Vec::new();
    for path in answer.prefixes.into_iter().chain(packages) {
        if !path.is_absolute() || !path.is_dir() {
            continue;
        }
        refuse_private(&path)?;
        if let Ok(real) = path.canonicalize() {
            refuse_private(&real)?;
            add(&mut folders, real);
        }
        add(&mut folders, path);
    }
    let is_environment = folders.iter().any(|folder| folder.join("pyvenv.cfg").is_file());
    let executable = if is_environment {
        answer.executable
    } else {
        answer.executable.canonicalize().map_err(|error| format!("{}: {error}", answer.executable.display()))?
    };
    let links = links_outside(&executable, &mut folders)?;
    folders.sort();
    Ok(Interpreter { executable, version: answer.version, folders, links })
}

/// Folders outside the prefixes are seen only if they are certainly packages: an editable installation puts whole projects on
/// the path.
fn is_package_folder(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "site-packages" || name == "dist-packages")
}

/// A prefix that holds a whole home folder would show everything in it.
fn refuse_private(folder: &Path) -> Result<(), String> {
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let holds_home = home.is_some_and(|home| home != Path::new("/") && home.starts_with(folder));
    if folder == Path::new("/") || holds_home {
        return Err(format!("its prefix {} holds a home folder; install it in a folder of its own", folder.display()));
    }
    Ok(())
}

fn add(folders: &mut Vec<PathBuf>, folder: PathBuf) {
    if !folders.iter().any(|present| folder.starts_with(present)) {
        folders.retain(|present| !present.starts_with(&folder));
        folders.push(folder);
    }
}

fn links_outside(executable: &Path, folders: &mut Vec<PathBuf>) -> Result<Vec<(PathBuf, PathBuf)>, String> {
    let mut links = Vec::new();
    let mut path = executable.to_owned();
    for _ in 0..16 {
        let covered = folders.iter().any(|folder| path.starts_with(folder));
        match std::fs::read_link(&path) {
            Ok(target) => {
                let next = normalized(&path.parent().unwrap_or(Path::new("/")).join(&target));
                if !covered {
                    links.push((path, target));
                }
                path = next;
            }
            Err(_) if covered => return Ok(links),
            Err(_) => {
                // A program outside its prefixes, such as one started through a wrapper: its own folder is needed as well.
                let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
                refuse_private(&folder)?;
                add(folders, folder);
                return Ok(links);
            }
        }
    }
    Err(format!("{} is a chain of more than 16 symbolic links", executable.display()))
}

fn normalized(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                result.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => result.push(component),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_usual_interpreter_is_found_with_its_library() {
        let python = find(None).await.unwrap();
        assert!(python.executable.is_absolute(), "{python:?}");
        assert!(python.version.starts_with("3."), "{python:?}");
        assert!(python.folders.iter().any(|folder| folder.join("lib").is_dir()), "{python:?}");
    }

    #[tokio::test]
    async fn a_virtual_environment_needs_its_base_too() {
        let folder = tempfile::tempdir().unwrap();
        let made = std::process::Command::new("python3")
            .args(["-m", "venv", "--without-pip", "--symlinks"])
            .arg(folder.path().join("v"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let name = folder.path().join("v/bin/python");
        let python = find(name.to_str()).await.unwrap();
        assert_eq!(python.executable, name);
        assert!(python.folders.iter().any(|it| name.starts_with(it)), "{python:?}");
        assert!(python.folders.len() > 1, "{python:?}");
    }

    #[tokio::test]
    async fn what_is_not_python_is_refused_with_a_reason() {
        for (name, part) in
            [("no-such-python", "No such file"), ("true", "does not answer like Python"), ("false", "1")]
        {
            let error = find(Some(name)).await.unwrap_err().to_string();
            assert!(error.contains(part) && error.contains(name), "{error}");
        }
    }

    #[test]
    fn a_prefix_that_holds_home_is_refused() {
        refuse_private(Path::new("/")).unwrap_err();
        refuse_private(Path::new(&std::env::var("HOME").unwrap())).unwrap_err();
        refuse_private(Path::new("/usr")).unwrap();
    }

    #[test]
    fn folders_inside_folders_are_not_repeated() {
        let mut folders = Vec::new();
        for folder in ["/a/b", "/a/bc", "/a/b/c", "/a"] {
            add(&mut folders, folder.into());
        }
        assert_eq!(folders, [PathBuf::from("/a")]);
    }
}
