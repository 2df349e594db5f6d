//! A bare repository on disk, read and written by the git program, as the Git Data API and clones see it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// A bare repository.
#[derive(Debug, Clone)]
pub struct Objects {
    dir: PathBuf,
}

/// What a tree holds at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// `100644` and the like.
    pub mode: String,
    /// `blob`, `tree` or `commit`.
    pub kind: String,
    /// The object's id.
    pub sha: String,
    /// Bytes, of a blob.
    pub size: Option<u64>,
    /// From the tree's root.
    pub path: String,
}

/// A change to a tree: the mode and id of a blob, or none to take the path away.
#[derive(Debug, Clone)]
pub struct TreeEdit {
    /// From the tree's root.
    pub path: String,
    /// Mode and object id.
    pub put: Option<(String, String)>,
}

/// Who did something and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Seconds since 1970.
    pub when: i64,
}

/// A commit as it is stored.
#[derive(Debug, Clone)]
pub struct CommitObject {
    /// Its id.
    pub sha: String,
    /// The id of its tree.
    pub tree: String,
    /// The ids of its parents.
    pub parents: Vec<String>,
    /// Who wrote it.
    pub author: Signature,
    /// Who stored it.
    pub committer: Signature,
    /// What it says.
    pub message: String,
}

impl Objects {
    /// Makes an empty bare repository whose default branch is `branch`.
    pub fn init(dir: &Path, branch: &str) -> Result<Objects> {
        std::fs::create_dir_all(dir)?;
        let objects = Objects { dir: dir.to_owned() };
        objects.git(&["init", "--quiet", "--bare", &format!("--initial-branch={branch}"), "."])?;
        for (key, value) in [
            ("http.receivepack", "false"),
            ("uploadpack.allowAnySHA1InWant", "true"),
            ("uploadpack.allowFilter", "true"),
        ] {
            objects.git(&["config", key, value])?;
        }
        Ok(objects)
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Runs git here and returns what it prints, without the last line's end.
    pub fn git(&self, args: &[&str]) -> Result<String> {
        let output = self.run(args, b"", &[])?;
        Ok(String::from_utf8_lossy(&output).trim_end_matches('\n').to_owned())
    }

    fn run(&self, args: &[&str], input: &[u8], environment: &[(&str, &str)]) -> Result<Vec<u8>> {
        let mut child = Command::new("git")
            .args(["-c", "user.name=hub", "-c", "user.email=hub@example.com", "-c", "safe.directory=*"])
            .args(args)
            .current_dir(&self.dir)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("start git")?;
        let mut stdin = child.stdin.take().context("git takes input")?;
        let input = input.to_owned();
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output()?;
        // A git that fails early closes its input: what it says is the better error.
        let written = writer.join();
        ensure!(output.status.success(), "git {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
        if let Ok(written) = written {
            written?;
        }
        Ok(output.stdout)
    }

    /// Stores bytes and returns their id.
    pub fn write_blob(&self, bytes: &[u8]) -> Result<String> {
        let out = self.run(&["hash-object", "-w", "--stdin"], bytes, &[])?;
        Ok(String::from_utf8_lossy(&out).trim().to_owned())
    }

    /// Returns the bytes of a blob.
    pub fn read_blob(&self, sha: &str) -> Result<Vec<u8>> {
        checked(sha)?;
        self.run(&["cat-file", "blob", sha], b"", &[])
    }

    /// Returns the kind of an object, or none where there is none.
    pub fn kind(&self, sha: &str) -> Option<String> {
        checked(sha).ok()?;
        self.git(&["cat-file", "-t", sha]).ok()
    }

    /// Stores the tree that edits make of another one, and returns its id.
    pub fn write_tree(&self, base: Option<&str>, edits: &[TreeEdit]) -> Result<String> {
        let scratch = tempfile::tempdir()?;
        let index = scratch.path().join("index");
        let environment = [("GIT_INDEX_FILE", index.to_str().context("the scratch folder has a plain name")?)];
        if let Some(base) = base {
            checked(base)?;
            self.run(&["read-tree", base], b"", &environment)?;
        }
        let mut lines = Vec::new();
        for edit in edits {
            let (mode, sha) = match &edit.put {
                Some((mode, sha)) => (mode.as_str(), sha.as_str()),
                None => ("0", "0000000000000000000000000000000000000000"),
            };
            lines.extend_from_slice(format!("{mode} {sha}\t{}\0", edit.path).as_bytes());
        }
        self.run(&["update-index", "-z", "--index-info"], &lines, &environment)?;
        let tree = self.run(&["write-tree"], b"", &environment)?;
        Ok(String::from_utf8_lossy(&tree).trim().to_owned())
    }

    /// Lists a tree, one level or all.
    pub fn read_tree(&self, sha: &str, all: bool) -> Result<Vec<TreeEntry>> {
        let mut args = vec!["ls-tree", "-z", "-l"];
        if all {
            args.extend(["-r", "-t"]);
        }
        args.push(sha);
        let out = self.run(&args, b"", &[])?;
        let text = String::from_utf8_lossy(&out);
        text.split('\0').filter(|line| !line.is_empty()).map(entry).collect()
    }

    /// Stores a commit and returns its id.
    pub fn write_commit(
        &self,
        tree: &str,
        parents: &[String],
        message: &str,
        author: &Signature,
        committer: &Signature,
    ) -> Result<String> {
        checked(tree)?;
        let mut args = vec!["commit-tree", tree, "-F", "-"];
        for parent in parents {
            checked(parent)?;
            args.extend(["-p", parent]);
        }
        let (authored, committed) = (format!("{} +0000", author.when), format!("{} +0000", committer.when));
        let environment = [
            ("GIT_AUTHOR_NAME", author.name.as_str()),
            ("GIT_AUTHOR_EMAIL", author.email.as_str()),
            ("GIT_AUTHOR_DATE", authored.as_str()),
            ("GIT_COMMITTER_NAME", committer.name.as_str()),
            ("GIT_COMMITTER_EMAIL", committer.email.as_str()),
            ("GIT_COMMITTER_DATE", committed.as_str()),
        ];
        let out = self.run(&args, message.as_bytes(), &environment)?;
        Ok(String::from_utf8_lossy(&out).trim().to_owned())
    }

    /// Reads a commit.
    pub fn read_commit(&self, sha: &str) -> Result<CommitObject> {
        checked(sha)?;
        let out = self.run(&["cat-file", "commit", sha], b"", &[])?;
        let text = String::from_utf8_lossy(&out);
        let (head, message) = text.split_once("\n\n").unwrap_or((text.trim_end(), ""));
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(CommitObject {
            sha: sha.to_owned(),
            tree: field("tree").context("a commit has a tree")?.to_owned(),
            parents: head.lines().filter_map(|line| line.strip_prefix("parent ")).map(str::to_owned).collect(),
            author: signature(field("author").context("a commit has an author")?)?,
            committer: signature(field("committer").context("a commit has a committer")?)?,
            message: message.trim_end_matches('\n').to_owned(),
        })
    }

    /// Returns what a full reference name points to.
    pub fn reference(&self, name: &str) -> Option<String> {
        self.git(&["rev-parse", "--verify", "--quiet", "--end-of-options", name])
            .ok()
            .filter(|_| name.starts_with("refs/"))
    }

    /// Returns the commit that a branch, tag or id names.
    pub fn commit_of(&self, name: &str) -> Option<String> {
        let candidates = [name.to_owned(), format!("refs/heads/{name}"), format!("refs/tags/{name}")];
        let named = |it: &String| checked(it).is_ok() || it.starts_with("refs/");
        candidates.iter().filter(|it| named(it)).find_map(|it| {
            self.git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{it}^{{commit}}")]).ok()
        })
    }

    /// Lists the references below a prefix: full name and what it points to.
    pub fn references(&self, prefix: &str) -> Result<Vec<(String, String)>> {
        let out = self.git(&["for-each-ref", "--format=%(refname) %(objectname)", "refs/"])?;
        let pairs = out.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs.filter(|(name, _)| name.starts_with(prefix)).map(|(n, s)| (n.to_owned(), s.to_owned())).collect())
    }

    /// Points a reference somewhere, making it if need be; with `None`, takes it away.
    pub fn set_reference(&self, name: &str, sha: Option<&str>) -> Result<()> {
        ensure!(name.starts_with("refs/"), "{name} is no full name of a reference");
        match sha {
            Some(sha) => self.git(&["update-ref", name, sha]).map(drop),
            None => self.git(&["update-ref", "-d", name]).map(drop),
        }
    }

    /// Tells whether git takes this name for a reference.
    pub fn is_reference_name(&self, name: &str) -> bool {
        self.git(&["check-ref-format", name]).is_ok()
    }

    /// Tells whether one commit is the other or comes before it.
    pub fn is_ancestor(&self, old: &str, new: &str) -> bool {
        self.git(&["merge-base", "--is-ancestor", old, new]).is_ok()
    }

    /// Returns the best common ancestor.
    pub fn merge_base(&self, a: &str, b: &str) -> Option<String> {
        self.git(&["merge-base", a, b]).ok()
    }

    /// Lists commit ids, newest first, of a range or everything before a commit.
    pub fn log(&self, range: &str, at_most: usize) -> Result<Vec<String>> {
        let out = self.git(&["rev-list", &format!("--max-count={at_most}"), "--end-of-options", range])?;
        Ok(out.lines().map(str::to_owned).collect())
    }

    /// Lists what changed between two commits: status letter, path, lines added, lines removed.
    pub fn changes(&self, old: &str, new: &str) -> Result<Vec<(char, String, u64, u64)>> {
        let status = self.git(&["diff-tree", "-r", "--no-renames", "--name-status", old, new])?;
        let counts = self.git(&["diff-tree", "-r", "--no-renames", "--numstat", old, new])?;
        let counted = |path: &str| {
            let line = counts.lines().find(|line| line.split('\t').nth(2) == Some(path))?;
            let mut fields = line.split('\t').map(|it| it.parse().unwrap_or(0));
            Some((fields.next()?, fields.next()?))
        };
        let mut found = Vec::new();
        for line in status.lines() {
            let (letter, path) = line.split_once('\t').context("git lists a status and a path")?;
            let (added, removed) = counted(path).unwrap_or((0, 0));
            found.push((letter.chars().next().unwrap_or('M'), path.to_owned(), added, removed));
        }
        Ok(found)
    }

    /// Makes the merge of two commits; none where they conflict.
    pub fn merge_tree(&self, ours: &str, theirs: &str) -> Option<String> {
        let out = self.git(&["merge-tree", "--write-tree", ours, theirs]).ok()?;
        out.lines().next().map(str::to_owned)
    }
}

/// Refuses what is no full object id: nothing else reaches git's command line as one.
fn checked(sha: &str) -> Result<()> {
    let plain = sha.len() == 40 && sha.bytes().all(|it| it.is_ascii_hexdigit());
    ensure!(plain, "`{sha}` is no object id");
    Ok(())
}

fn entry(line: &str) -> Result<TreeEntry> {
    let (head, path) = line.split_once('\t').context("git lists an entry and a path")?;
    let mut fields = head.split_ascii_whitespace();
    let mut next = || fields.next().map(str::to_owned);
    let (Some(mode), Some(kind), Some(sha), size) = (next(), next(), next(), next()) else {
        bail!("git listed `{line}`");
    };
    Ok(TreeEntry { mode, kind, sha, size: size.and_then(|it| it.parse().ok()), path: path.to_owned() })
}

fn signature(line: &str) -> Result<Signature> {
    let (name, rest) = line.split_once(" <").context("a signature has an address")?;
    let (email, rest) = rest.split_once("> ").context("a signature has a time")?;
    let when = rest.split(' ').next().and_then(|it| it.parse().ok()).context("a signature has a time")?;
    Ok(Signature { name: name.to_owned(), email: email.to_owned(), when })
}
