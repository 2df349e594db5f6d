//! Small repositories made on the spot.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// A folder with files in a temporary directory, removed with the value; `commit` makes a git repository of it.
pub struct Repository {
    root: TempDir,
}

impl Repository {
    /// An empty folder.
    pub fn new() -> Result<Repository> {
        let root = tempfile::Builder::new().prefix("e2e-repository").tempdir()?;
        std::fs::create_dir(root.path().join("repo"))?;
        Ok(Repository { root })
    }

    /// A folder with these files.
    pub fn with(files: &[(&str, &str)]) -> Result<Repository> {
        let repository = Repository::new()?;
        for (path, text) in files {
            repository.write(path, text)?;
        }
        Ok(repository)
    }

    /// Writes a file, making the folders above it.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) -> Result<()> {
        let file = self.path().join(path);
        std::fs::create_dir_all(file.parent().context("a file lies in a folder")?)?;
        std::fs::write(&file, text).with_context(|| format!("write {}", file.display()))
    }

    /// Returns the folder.
    pub fn path(&self) -> PathBuf {
        self.root.path().join("repo")
    }

    /// Writes a file beside the folder, and returns its path: an issue, for example.
    pub fn beside(&self, name: &str, text: &str) -> Result<PathBuf> {
        let file = self.root.path().join(name);
        std::fs::write(&file, text)?;
        Ok(file)
    }

    /// Makes the folder a git repository, or adds a commit with all that changed, and returns the commit's id.
    pub fn commit(&self, message: &str) -> Result<String> {
        if !self.path().join(".git").exists() {
            self.git(&["init", "--quiet", "--initial-branch=main"])?;
        }
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", message])?;
        Ok(self.git(&["rev-parse", "HEAD"])?.trim().to_owned())
    }

    /// Returns a bare clone beside the folder.
    pub fn bare(&self) -> Result<PathBuf> {
        let bare = self.root.path().join("bare.git");
        git(self.root.path(), &["clone", "--quiet", "--bare", "repo", "bare.git"])?;
        Ok(bare)
    }

    /// Runs git in the folder and returns what it prints.
    pub fn git(&self, args: &[&str]) -> Result<String> {
        git(&self.path(), args)
    }
}

/// Runs git in a directory, with nobody's settings, and returns what it prints.
pub fn git(dir: &Path, args: &[&str]) -> Result<String> {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=E",
            "-c",
            "user.email=e@example.com",
            "-c",
            "commit.gpgsign=false",
            "-c",
            "safe.directory=*",
        ])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_AUTHOR_DATE", "2024-01-01T00:00:00Z")
        .env("GIT_COMMITTER_DATE", "2024-01-01T00:00:00Z")
        .stdin(Stdio::null())
        .output()
        .context("start git")?;
    ensure!(output.status.success(), "git {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Copies a folder into another that exists.
pub fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    for entry in std::fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir_all(&target)?;
            copy_tree(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
