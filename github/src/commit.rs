//! Commits through the Git Data API: blobs, a tree, a commit, and the branch.
//!
//! Author, committer and signature are left out, so that GitHub signs in the App's name. Only regular and executable files are written; links
//! and submodules are refused. Objects that nothing points to are seen by nobody, so only the last step has an effect, and an earlier
//! attempt is known by its branch, its parent and its tree.
//! <https://docs.github.com/en/rest/git/commits#create-a-commit>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::branch::BranchName;
use crate::endpoints::segments;
use crate::error::{Class, GitHubError};
use crate::repository::{Oid, Repo};

/// The largest text that stands in the tree itself; a larger file, or one that is no text, is a blob first.
const MAX_INLINE: usize = 128 * 1024;
/// The most text that stands in one tree.
const MAX_INLINE_IN_ALL: usize = 2 * 1024 * 1024;
/// The most files of one commit.
const MAX_EDITS: usize = 1000;

/// A commit to be made on a branch, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommit {
    /// The branch; made if it is not there.
    pub branch: BranchName,
    /// The commit that it follows. An existing branch must be there, or the commit is refused.
    pub parent: Oid,
    /// What it changes against its parent.
    pub edits: Vec<TreeEdit>,
    /// Subject, body and trailers.
    pub message: String,
}

/// A change of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEdit {
    /// The path from the repository's root, its parts joined by `/`.
    pub path: String,
    /// What is there afterwards.
    pub content: Content,
}

/// What is at a path after a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A file.
    File {
        /// Whether it may be run.
        mode: FileMode,
        /// What is in it.
        bytes: Vec<u8>,
    },
    /// Nothing.
    Gone,
}

/// The modes of files that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileMode {
    /// `100644`.
    Regular,
    /// `100755`.
    Executable,
}

/// A commit that is on its branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The commit.
    pub commit: Oid,
    /// Its tree.
    pub tree: Oid,
    /// Whether GitHub's signature of it is valid; `None` if it does not say.
    pub verified: Option<bool>,
}

#[derive(Deserialize)]
struct Made {
    sha: String,
}

#[derive(Deserialize)]
struct CommitAnswer {
    sha: String,
    tree: Made,
    #[serde(default)]
    parents: Vec<Made>,
    verification: Option<Verification>,
}

#[derive(Deserialize)]
struct Verification {
    verified: Option<bool>,
}

impl FileMode {
    /// Returns git's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            FileMode::Regular => "100644",
            FileMode::Executable => "100755",
        }
    }
}

impl NewCommit {
    /// Finds the commit that an earlier attempt put on the branch: same parent, same tree.
    ///
    /// # Errors
    /// When GitHub cannot be asked, or the branch is neither at the parent nor at such a commit ([`GitHubError::Stale`]).
    pub async fn look(&self, repo: &Repo) -> Result<Option<Committed>, GitHubError> {
        match repo.head_of(&self.branch).await? {
            None => Ok(None),
            Some(head) if head == self.parent => Ok(None),
            Some(head) => {
                let tree = self.tree(repo).await?;
                self.same(repo, &head, &tree).await.map(Some)
            }
        }
    }

    /// Makes the commit and points the branch to it; a branch that is there already is only ever moved forward.
    ///
    /// # Errors
    /// When an edit is refused, the branch is somewhere else ([`GitHubError::Stale`]), or GitHub cannot be asked.
    pub async fn make(&self, repo: &Repo) -> Result<Committed, GitHubError> {
        let tree = self.tree(repo).await?;
        let head = repo.head_of(&self.branch).await?;
        if let Some(head) = head.as_ref().filter(|head| **head != self.parent) {
            return self.same(repo, head, &tree).await;
        }
        let made = self.commit(repo, &tree).await?;
        let pointed = match head {
            None => self.create_branch(repo, &made.commit).await,
            Some(_) => self.move_branch(repo, &made.commit).await,
        };
        match pointed {
            Ok(()) => Ok(made),
            // Somebody was faster, perhaps an earlier attempt of our own whose answer was lost.
            Err(error) if error.class() == Class::Reread => match repo.head_of(&self.branch).await? {
                Some(head) if head == made.commit => Ok(made),
                Some(head) if head != self.parent => self.same(repo, &head, &tree).await,
                _ => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// Returns the commit at the head if it is this one.
    async fn same(&self, repo: &Repo, head: &Oid, tree: &Oid) -> Result<Committed, GitHubError> {
        const WHAT: &str = "look for our commit";
        let found: CommitAnswer = repo.client().read(repo.get(WHAT, &format!("/git/commits/{head}"))).await?;
        let follows = matches!(found.parents.as_slice(), [only] if only.sha == self.parent.as_str());
        if follows && found.tree.sha == tree.as_str() {
            return committed(WHAT, &found);
        }
        let found = format!("branch `{}` is at {head}, which is not ours", self.branch);
        Err(GitHubError::Stale { what: "write the branch", found })
    }

    /// Makes the tree, which nobody sees yet.
    async fn tree(&self, repo: &Repo) -> Result<Oid, GitHubError> {
        const WHAT: &str = "make a tree";
        self.check()?;
        let mut room = MAX_INLINE_IN_ALL;
        let mut entries = Vec::with_capacity(self.edits.len());
        for edit in &self.edits {
            entries.push(entry(repo, edit, &mut room).await?);
        }
        // The API wants the tree of the parent, and takes the commit itself for it.
        let body = json!({ "base_tree": self.parent.as_str(), "tree": entries });
        let made: Made = repo.client().read(repo.post(WHAT, "/git/trees", body)).await?;
        Oid::read(WHAT, &made.sha)
    }

    fn check(&self) -> Result<(), GitHubError> {
        const WHAT: &str = "make a commit";
        if self.edits.is_empty() || self.edits.len() > MAX_EDITS {
            let count = self.edits.len();
            return Err(GitHubError::refused(
                WHAT,
                format!("it changes {count} files, and 1 to {MAX_EDITS} are allowed"),
            ));
        }
        if self.message.trim().is_empty() {
            return Err(GitHubError::refused(WHAT, "it has no message"));
        }
        let bad = |path: &str| {
            let odd = |part: &str| part.is_empty() || part == "." || part == ".." || part.eq_ignore_ascii_case(".git");
            path.len() > 4096 || path.contains(['\0', '\\']) || path.split('/').any(odd)
        };
        match self.edits.iter().find(|edit| bad(&edit.path)) {
            Some(edit) => Err(GitHubError::refused(WHAT, format!("path {:?} is none that may be written", edit.path))),
            None => Ok(()),
        }
    }

    async fn commit(&self, repo: &Repo, tree: &Oid) -> Result<Committed, GitHubError> {
        const WHAT: &str = "make a commit";
        let body = json!({ "message": self.message, "tree": tree.as_str(), "parents": [self.parent.as_str()] });
        let made: CommitAnswer = repo.client().read(repo.post(WHAT, "/git/commits", body)).await?;
        committed(WHAT, &made)
    }

    async fn create_branch(&self, repo: &Repo, commit: &Oid) -> Result<(), GitHubError> {
        let body = json!({ "ref": format!("refs/heads/{}", self.branch), "sha": commit.as_str() });
        repo.client().call(repo.post("make a branch", "/git/refs", body)).await.map(drop)
    }

    async fn move_branch(&self, repo: &Repo, commit: &Oid) -> Result<(), GitHubError> {
        let path = format!("/git/refs/heads/{}", segments(self.branch.as_str()));
        let call = repo.change("move a branch forward", Method::PATCH, &path);
        let call = call.body(json!({ "sha": commit.as_str(), "force": false }));
        repo.client().call(call).await.map(drop)
    }
}

/// Returns the tree's entry of an edit, having made the blob where it needs one.
async fn entry(repo: &Repo, edit: &TreeEdit, room: &mut usize) -> Result<Value, GitHubError> {
    let Content::File { mode, bytes } = &edit.content else {
        return Ok(json!({ "path": edit.path, "mode": "100644", "type": "blob", "sha": null }));
    };
    let text = std::str::from_utf8(bytes).ok().filter(|it| it.len() <= MAX_INLINE && it.len() <= *room);
    if let Some(text) = text {
        *room -= text.len();
        return Ok(json!({ "path": edit.path, "mode": mode.as_str(), "type": "blob", "content": text }));
    }
    let body = json!({ "content": STANDARD.encode(bytes), "encoding": "base64" });
    let made: Made = repo.client().read(repo.post("make a blob", "/git/blobs", body)).await?;
    let blob = Oid::read("make a blob", &made.sha)?;
    Ok(json!({ "path": edit.path, "mode": mode.as_str(), "type": "blob", "sha": blob.as_str() }))
}

fn committed(what: &'static str, answer: &CommitAnswer) -> Result<Committed, GitHubError> {
    Ok(Committed {
        commit: Oid::read(what, &answer.sha)?,
        tree: Oid::read(what, &answer.tree.sha)?,
        verified: answer.verification.as_ref().and_then(|it| it.verified),
    })
}

impl Repo {
    /// Removes a branch that is still where we left it; one that is gone is removed already.
    ///
    /// # Errors
    /// When the branch is somewhere else by now ([`GitHubError::Stale`]), or GitHub cannot be asked.
    pub async fn delete_branch(&self, branch: &BranchName, at: &Oid) -> Result<(), GitHubError> {
        match self.head_of(branch).await? {
            None => return Ok(()),
            Some(head) if head == *at => {}
            Some(head) => {
                let found = format!("branch `{branch}` is at {head}, which is not ours");
                return Err(GitHubError::Stale { what: "remove a branch", found });
            }
        }
        let path = format!("/git/refs/heads/{}", segments(branch.as_str()));
        let answer = self.client().call(self.change("remove a branch", Method::DELETE, &path)).await;
        match answer {
            // GitHub says 422 for a reference that does not exist.
            Err(error) if error.status() == Some(422) => Ok(()),
            other => crate::reaction::gone_is_done(other),
        }
    }
}

#[cfg(test)]
mod tests;
