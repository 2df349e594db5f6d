//! People, and what they do at the web page; other apps; and the making of repositories.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::json;

use super::Hub;
use super::acts::{By, Subject};
use super::answers::Detail;
use super::call::Refusal;
use super::changes::NewPull;
use super::objects::{Objects, TreeEdit};
use super::state::{AccountKind, Check, Edit, Permission, Repository, State};

/// An issue or a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The repository's id.
    pub repository: u64,
    /// The number within it.
    pub number: u64,
}

/// A repository that is to be made.
#[derive(Debug, Clone)]
pub struct NewRepository<'a> {
    hub: &'a Hub,
    full_name: String,
    branch: String,
    private: bool,
    organization: bool,
    files: Vec<(String, Vec<u8>)>,
}

impl NewRepository<'_> {
    /// Puts a file into the first commit.
    pub fn file(mut self, path: &str, text: impl AsRef<[u8]>) -> Self {
        self.files.push((path.to_owned(), text.as_ref().to_vec()));
        self
    }

    /// Only those with a permission see it.
    pub fn private(mut self) -> Self {
        self.private = true;
        self
    }

    /// Its owner is an organization.
    pub fn of_organization(mut self) -> Self {
        self.organization = true;
        self
    }

    /// Names its default branch otherwise than `main`.
    pub fn branch(mut self, name: &str) -> Self {
        self.branch = name.to_owned();
        self
    }

    /// Makes it, and returns its id. Without files it has no commit.
    ///
    /// # Errors
    /// Git cannot make it, or the name is taken.
    pub fn create(self) -> Result<u64> {
        let (owner, name) = self.full_name.split_once('/').context("a repository's name has an owner")?;
        self.hub.act(|state| {
            ensure!(state.repository_named(&self.full_name).is_none(), "{} is there already", self.full_name);
            let kind = if self.organization { AccountKind::Organization } else { AccountKind::User };
            state.add_account(owner, kind);
            let id = state.next_id();
            let objects = Objects::init(&state.folder.join(format!("{id}.git")), &self.branch)?;
            if !self.files.is_empty() {
                first_commit(state, &objects, owner, &self.branch, &self.files)?;
            }
            let repository = Repository {
                id,
                owner: owner.to_owned(),
                name: name.to_owned(),
                private: self.private,
                archived: false,
                fork: false,
                default_branch: self.branch.clone(),
                created: state.clock.now(),
                objects,
                permissions: BTreeMap::new(),
                labels: BTreeMap::new(),
                last_number: 0,
                issues: BTreeMap::new(),
                comments: BTreeMap::new(),
                review_comments: BTreeMap::new(),
                reviews: BTreeMap::new(),
                checks: BTreeMap::new(),
                suites: BTreeMap::new(),
                rules: Vec::new(),
                signed: Default::default(),
                linked_branches: BTreeMap::new(),
            };
            state.repositories.insert(id, repository);
            Ok(id)
        })
    }
}

fn first_commit(
    state: &State,
    objects: &Objects,
    owner: &str,
    branch: &str,
    files: &[(String, Vec<u8>)],
) -> Result<()> {
    let mut edits = Vec::new();
    for (path, bytes) in files {
        edits.push(TreeEdit { path: path.clone(), put: Some(("100644".to_owned(), objects.write_blob(bytes)?)) });
    }
    let tree = objects.write_tree(None, &edits)?;
    let signature = state.signature_of(owner);
    let commit = objects.write_commit(&tree, &[], "first commit", &signature, &signature)?;
    objects.set_reference(&format!("refs/heads/{branch}"), Some(&commit))
}

/// Somebody who acts at the web page.
#[derive(Debug, Clone)]
pub struct Person<'a> {
    hub: &'a Hub,
    login: String,
}

/// Another app than ours, which checks commits.
#[derive(Debug, Clone)]
pub struct Robot<'a> {
    hub: &'a Hub,
    login: String,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hub({})", self.origin())
    }
}

impl Hub {
    /// Returns somebody, known from now on.
    pub fn user(&self, login: &str) -> Person<'_> {
        self.act(|state| state.add_account(login, AccountKind::User));
        Person { hub: self, login: login.to_owned() }
    }

    /// Returns a bot that acts like a person.
    pub fn bot(&self, login: &str) -> Person<'_> {
        self.act(|state| state.add_account(login, AccountKind::Bot));
        Person { hub: self, login: login.to_owned() }
    }

    /// Returns another CI.
    pub fn ci(&self) -> Robot<'_> {
        self.act(|state| state.add_account("github-actions[bot]", AccountKind::Bot));
        Robot { hub: self, login: "github-actions[bot]".to_owned() }
    }

    /// Takes an account away: what it wrote is the ghost's from now on.
    pub fn delete_account(&self, login: &str) {
        self.act(|state| state.accounts.remove(&login.to_lowercase()));
    }

    /// Begins a repository, `owner/name`.
    pub fn repository(&self, full_name: &str) -> NewRepository<'_> {
        NewRepository {
            hub: self,
            full_name: full_name.to_owned(),
            branch: "main".to_owned(),
            private: false,
            organization: false,
            files: Vec::new(),
        }
    }

    fn id_of(&self, full_name: &str) -> Result<u64> {
        self.read(|state| state.repository_named(full_name).map(|it| it.id))
            .with_context(|| format!("there is no {full_name}"))
    }

    /// Returns the id of a repository.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn repository_id(&self, full_name: &str) -> Result<u64> {
        self.id_of(full_name)
    }

    /// Returns the bare repository on disk.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn objects(&self, full_name: &str) -> Result<Objects> {
        let id = self.id_of(full_name)?;
        self.read(|state| Ok(state.repository(id)?.objects.clone()))
    }

    /// Says what somebody may do in a repository, and tells the app.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn grant(&self, full_name: &str, login: &str, permission: Permission) -> Result<()> {
        let id = self.id_of(full_name)?;
        self.act(|state| {
            state.add_account(login, AccountKind::User);
            let owner = state.repository(id)?.owner.clone();
            let before = state.repository_mut(id)?.permissions.insert(login.to_owned(), permission);
            let member = state.user_json(login);
            let mut fields = json!({ "action": "added", "member": member });
            match before {
                Some(before) => {
                    fields["action"] = json!("edited");
                    fields["changes"] = json!({ "old_permission": { "from": before.coarse() } });
                }
                None if permission >= Permission::Write => {
                    fields["changes"] = json!({ "permission": { "to": permission.coarse() } });
                }
                None => {}
            }
            let action = if before.is_some() { "edited" } else { "added" };
            state.emit("member", Some(action), Some(id), &owner, fields)
        })
    }

    /// Takes somebody's permission away.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn revoke(&self, full_name: &str, login: &str) -> Result<()> {
        let id = self.id_of(full_name)?;
        self.act(|state| {
            let owner = state.repository(id)?.owner.clone();
            state.repository_mut(id)?.permissions.remove(login);
            let fields = json!({ "action": "removed", "member": state.user_json(login) });
            state.emit("member", Some("removed"), Some(id), &owner, fields)
        })
    }

    /// Gives a repository another name; the old one leads there.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn rename(&self, full_name: &str, name: &str) -> Result<()> {
        let id = self.id_of(full_name)?;
        self.act(|state| {
            let repository = state.repository_mut(id)?;
            let (owner, before) = (repository.owner.clone(), std::mem::replace(&mut repository.name, name.to_owned()));
            state.former_names.insert(full_name.to_lowercase(), id);
            let changes = json!({ "repository": { "name": { "from": before } } });
            state.emit(
                "repository",
                Some("renamed"),
                Some(id),
                &owner,
                json!({ "action": "renamed", "changes": changes }),
            )
        })
    }

    /// Gives a repository to another owner; the old name leads there.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn transfer(&self, full_name: &str, owner: &str) -> Result<()> {
        let id = self.id_of(full_name)?;
        self.act(|state| {
            state.add_account(owner, AccountKind::User);
            let before = std::mem::replace(&mut state.repository_mut(id)?.owner, owner.to_owned());
            state.former_names.insert(full_name.to_lowercase(), id);
            let changes = json!({ "owner": { "from": { "user": state.user_json(&before) } } });
            state.emit(
                "repository",
                Some("transferred"),
                Some(id),
                owner,
                json!({ "action": "transferred", "changes": changes }),
            )
        })
    }

    /// Archives a repository: it can only be read from now on.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn archive(&self, full_name: &str) -> Result<()> {
        let id = self.id_of(full_name)?;
        self.act(|state| {
            state.repository_mut(id)?.archived = true;
            let owner = state.repository(id)?.owner.clone();
            state.emit("repository", Some("archived"), Some(id), &owner, json!({ "action": "archived" }))
        })
    }

    /// Makes a repository private.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn privatize(&self, full_name: &str) -> Result<()> {
        let id = self.id_of(full_name)?;
        self.act(|state| {
            state.repository_mut(id)?.private = true;
            let owner = state.repository(id)?.owner.clone();
            state.emit("repository", Some("privatized"), Some(id), &owner, json!({ "action": "privatized" }))
        })
    }

    /// Deletes a repository.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn delete_repository(&self, full_name: &str) -> Result<()> {
        let id = self.id_of(full_name)?;
        self.act(|state| {
            let owner = state.repository(id)?.owner.clone();
            state.emit("repository", Some("deleted"), Some(id), &owner, json!({ "action": "deleted" }))?;
            state.repositories.remove(&id);
            Ok(())
        })
    }

    /// Sets the rules of a repository's branches, as `GET rules/branches` answers them; the extra field `pattern` limits a rule to names
    /// that start with it. Rules of type `creation` and `update` are enforced.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn set_rules(&self, full_name: &str, rules: Vec<serde_json::Value>) -> Result<()> {
        let id = self.id_of(full_name)?;
        self.act(|state| {
            state.repository_mut(id)?.rules = rules;
            Ok(())
        })
    }

    /// Returns an issue or pull request as the REST interface writes it; a pull request in its own form.
    ///
    /// # Errors
    /// There is none.
    pub fn issue(&self, place: Place) -> Result<serde_json::Value> {
        self.read(|state| {
            let repository = state.repository(place.repository)?;
            let issue = repository.issue(place.number)?;
            if issue.pull.is_some() {
                state.pull_json(repository, issue, Detail::Whole)
            } else {
                state.issue_json(repository, issue)
            }
        })
    }

    /// Returns the comments of an issue or pull request: id, author, text.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn comments(&self, place: Place) -> Result<Vec<(u64, String, String)>> {
        self.read(|state| {
            let all = state.repository(place.repository)?.comments_of(place.number);
            Ok(all.map(|it| (it.id, it.author.clone(), it.body.clone())).collect())
        })
    }

    /// Returns what the text of a comment was before, and when it changed.
    ///
    /// # Errors
    /// There is no such comment.
    pub fn comment_edits(&self, repository: u64, comment: u64) -> Result<Vec<Edit>> {
        self.read(|state| {
            let it = state.repository(repository)?.comments.get(&comment);
            Ok(it.with_context(|| format!("there is no comment {comment}"))?.edits.clone())
        })
    }

    /// Returns the numbers of the pull requests of a repository that are open, or all.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn pulls(&self, full_name: &str, open_only: bool) -> Result<Vec<Place>> {
        let repository = self.id_of(full_name)?;
        self.read(|state| {
            let all =
                state.repository(repository)?.issues.values().filter(|it| it.pull.is_some() && (it.open || !open_only));
            Ok(all.map(|it| Place { repository, number: it.number }).collect())
        })
    }
}

impl Person<'_> {
    fn act<T>(&self, act: impl FnOnce(&mut State, By<'_>) -> Result<T>) -> Result<T> {
        self.hub.act(|state| act(state, By { login: &self.login, call: None }))
    }

    /// Opens an issue.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn opens(&self, full_name: &str, title: &str, body: &str) -> Result<Place> {
        let repository = self.hub.id_of(full_name)?;
        let number = self.act(|state, by| state.open_issue(by, repository, title, Some(body)))?;
        Ok(Place { repository, number })
    }

    /// Changes the title or the text of an issue.
    ///
    /// # Errors
    /// There is no such issue; so for all that follow.
    pub fn edits(&self, it: Place, title: Option<&str>, body: Option<&str>) -> Result<()> {
        self.act(|state, by| state.edit_issue(by, it.repository, it.number, title, body))
    }

    /// Puts a label on an issue.
    ///
    /// # Errors
    /// There is no such issue.
    pub fn labels(&self, it: Place, name: &str) -> Result<()> {
        self.act(|state, by| state.add_label(by, it.repository, it.number, name))
    }

    /// Takes a label off an issue.
    ///
    /// # Errors
    /// There is no such issue.
    pub fn unlabels(&self, it: Place, name: &str) -> Result<()> {
        self.act(|state, by| state.remove_label(by, it.repository, it.number, name))
    }

    /// Comments, and returns the comment's id.
    ///
    /// # Errors
    /// There is no such issue.
    pub fn comments(&self, it: Place, body: &str) -> Result<u64> {
        self.act(|state, by| state.add_comment(by, it.repository, it.number, body))
    }

    /// Changes a comment.
    ///
    /// # Errors
    /// There is no such comment.
    pub fn edits_comment(&self, repository: u64, comment: u64, body: &str) -> Result<()> {
        self.act(|state, by| state.edit_comment(by, repository, comment, body).map_err(plain))
    }

    /// Deletes a comment.
    ///
    /// # Errors
    /// There is no such comment.
    pub fn deletes_comment(&self, repository: u64, comment: u64) -> Result<()> {
        self.act(|state, by| state.delete_comment(by, repository, comment).map_err(plain))
    }

    /// Reacts to an issue.
    ///
    /// # Errors
    /// There is no such issue.
    pub fn reacts(&self, it: Place, content: &str) -> Result<()> {
        self.act(|state, by| {
            state.react(by, it.repository, Subject::Issue(it.number), content).map(drop).map_err(plain)
        })
    }

    /// Closes an issue or a pull request.
    ///
    /// # Errors
    /// There is none.
    pub fn closes(&self, it: Place) -> Result<()> {
        self.act(|state, by| state.set_open(by, it.repository, it.number, false, None))
    }

    /// Opens an issue or a pull request again.
    ///
    /// # Errors
    /// There is none.
    pub fn reopens(&self, it: Place) -> Result<()> {
        self.act(|state, by| state.set_open(by, it.repository, it.number, true, None))
    }

    /// Assigns an issue to somebody.
    ///
    /// # Errors
    /// There is no such issue.
    pub fn assigns(&self, it: Place, login: &str) -> Result<()> {
        self.act(|state, by| state.assign(by, it.repository, it.number, login))
    }

    /// Locks an issue.
    ///
    /// # Errors
    /// There is no such issue.
    pub fn locks(&self, it: Place) -> Result<()> {
        self.act(|state, by| state.lock(by, it.repository, it.number))
    }

    /// Deletes an issue.
    ///
    /// # Errors
    /// There is no such issue.
    pub fn deletes(&self, it: Place) -> Result<()> {
        self.act(|state, by| state.delete_issue(by, it.repository, it.number))
    }

    /// Commits files to a branch (made of the default branch if need be) and pushes it; returns the commit. No text: the file goes.
    ///
    /// # Errors
    /// Git cannot.
    pub fn pushes(
        &self,
        full_name: &str,
        branch: &str,
        files: &[(&str, Option<&str>)],
        message: &str,
    ) -> Result<String> {
        let repository = self.hub.id_of(full_name)?;
        self.act(|state, by| {
            let place = state.repository(repository)?;
            let (objects, default) = (place.objects.clone(), place.default_branch.clone());
            let name = format!("refs/heads/{branch}");
            let parent = objects.reference(&name).or_else(|| objects.reference(&format!("refs/heads/{default}")));
            let mut edits = Vec::new();
            for (path, text) in files {
                let put = text.map(|it| objects.write_blob(it.as_bytes())).transpose()?;
                edits.push(TreeEdit { path: (*path).to_owned(), put: put.map(|sha| ("100644".to_owned(), sha)) });
            }
            let base = parent.as_ref().map(|it| objects.read_commit(it)).transpose()?.map(|it| it.tree);
            let tree = objects.write_tree(base.as_deref(), &edits)?;
            let signature = state.signature_of(by.login);
            let parents: Vec<String> = parent.into_iter().collect();
            let commit = objects.write_commit(&tree, &parents, message, &signature, &signature)?;
            state.set_reference(by, repository, &name, Some(&commit))?;
            Ok(commit)
        })
    }

    /// Opens a pull request.
    ///
    /// # Errors
    /// GitHub refuses it.
    pub fn opens_pull(&self, full_name: &str, head: &str, base: &str, title: &str) -> Result<Place> {
        let repository = self.hub.id_of(full_name)?;
        let new = NewPull { title, body: None, head, base, draft: false };
        let number = self.act(|state, by| state.open_pull(by, repository, &new).map_err(plain))?;
        Ok(Place { repository, number })
    }

    /// Merges a pull request, and returns the merge commit.
    ///
    /// # Errors
    /// It conflicts.
    pub fn merges(&self, it: Place) -> Result<String> {
        self.act(|state, by| state.merge_pull(by, it.repository, it.number))
    }

    /// Makes a pull request a draft, or ready.
    ///
    /// # Errors
    /// There is no such pull request.
    pub fn sets_draft(&self, it: Place, draft: bool) -> Result<()> {
        self.act(|state, by| state.set_draft(by, it.repository, it.number, draft))
    }

    /// Reviews a pull request (`APPROVED`, `CHANGES_REQUESTED`, `COMMENTED`) with comments on lines; returns the review and the comments.
    ///
    /// # Errors
    /// There is no such pull request.
    pub fn reviews(
        &self,
        it: Place,
        verdict: &str,
        body: &str,
        lines: &[(&str, u64, &str)],
    ) -> Result<(u64, Vec<u64>)> {
        self.act(|state, by| state.review(by, it.repository, it.number, verdict, body, lines))
    }

    /// Answers a comment on a line; returns the reply's id.
    ///
    /// # Errors
    /// There is no such comment.
    pub fn replies(&self, it: Place, comment: u64, body: &str) -> Result<u64> {
        self.act(|state, by| {
            let found = state.repository(it.repository)?.review_comments.get(&comment).cloned();
            let to = found.with_context(|| format!("there is no review comment {comment}"))?;
            state.add_review_comment(
                by,
                it.repository,
                it.number,
                to.review,
                &to.path,
                to.line,
                Some(to.reply_to.unwrap_or(comment)),
                body,
            )
        })
    }

    /// Stars a repository: something that the app has no business with.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn stars(&self, full_name: &str) -> Result<()> {
        let repository = self.hub.id_of(full_name)?;
        self.act(|state, by| {
            state.emit("star", Some("created"), Some(repository), by.login, json!({ "action": "created" }))
        })
    }

    /// Presses `Re-run` on one of the app's checks.
    ///
    /// # Errors
    /// There is no such check.
    pub fn reruns(&self, repository: u64, check: u64) -> Result<()> {
        self.act(|state, by| state.tell_check(by, repository, check, "rerequested"))
    }
}

impl Robot<'_> {
    /// Checks a commit: the run is complete, and so is the suite. Returns the run's id.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn checks(&self, full_name: &str, sha: &str, name: &str, conclusion: &str) -> Result<u64> {
        let repository = self.hub.id_of(full_name)?;
        self.hub.act(|state| {
            let by = By { login: &self.login, call: None };
            let suite = state.suite_of(repository, sha, false)?;
            let (id, now) = (state.next_id(), super::clock::iso(state.clock.now()));
            let check = Check {
                id,
                suite,
                name: name.to_owned(),
                head_sha: sha.to_owned(),
                external_id: format!("ci-{id}"),
                details_url: Some(format!("{}/runs/{id}", state.origin)),
                status: "completed".to_owned(),
                conclusion: Some(conclusion.to_owned()),
                started: Some(now.clone()),
                completed: Some(now),
                title: Some(format!("{name}: {conclusion}")),
                summary: Some(String::new()),
                text: None,
                annotations: Vec::new(),
                ours: false,
            };
            state.add_check(by, repository, check)?;
            state.tell_check(by, repository, id, "completed")?;
            state.tell_suite(by, repository, suite)?;
            Ok(id)
        })
    }
}

/// What GitHub refuses, told to a test.
fn plain(refusal: Refusal) -> anyhow::Error {
    match refusal {
        Refusal::Status(status, words) => anyhow!("{status}: {words}"),
        Refusal::Invalid(resource, field, code, words) => anyhow!("422: {resource}.{field} is {code}: {words}"),
        Refusal::Moved(id) => anyhow!("301: the repository {id} moved"),
        Refusal::Broken(error) => error,
    }
}
