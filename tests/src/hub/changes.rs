//! What can be done to branches, pull requests, reviews and checks, by a person or by the app.

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};

use super::acts::{By, new_issue};
use super::answers::Detail;
use super::call::Refusal;
use super::clock::iso;
use super::history::Change;
use super::objects::Signature;
use super::state::{Check, Pull, Review, ReviewComment, State, Suite};

const NOTHING: &str = "0000000000000000000000000000000000000000";

/// A pull request that is to be opened.
#[derive(Debug, Clone)]
pub(crate) struct NewPull<'a> {
    pub(crate) title: &'a str,
    pub(crate) body: Option<&'a str>,
    pub(crate) head: &'a str,
    pub(crate) base: &'a str,
    pub(crate) draft: bool,
}

impl State {
    /// The app's own signature, or a person's.
    pub(crate) fn signature_of(&self, login: &str) -> Signature {
        let account = self.account(login);
        let email = format!("{}+{}@users.noreply.github.com", account.id, account.login);
        Signature { name: account.login, email, when: self.clock.now() }
    }

    /// Moves a reference, as a push does: pull requests follow, and the app is told.
    pub(crate) fn set_reference(&mut self, by: By<'_>, repository: u64, name: &str, to: Option<&str>) -> Result<()> {
        let objects = self.repository(repository)?.objects.clone();
        let from = objects.reference(name);
        objects.set_reference(name, to)?;
        let change = Change::Reference { name: name.to_owned(), from: from.clone(), to: to.map(str::to_owned) };
        self.note(by, repository, change);
        self.tell_push(by, repository, name, from.as_deref(), to)?;
        let (Some(branch), Some(to)) = (name.strip_prefix("refs/heads/"), to) else { return Ok(()) };
        let followers: Vec<u64> = {
            let issues = &self.repository(repository)?.issues;
            let follows =
                |it: &&super::state::Issue| it.open && it.pull.as_ref().is_some_and(|pull| pull.head == branch);
            issues.values().filter(follows).map(|it| it.number).collect()
        };
        for number in followers {
            let before = {
                let pull = self.repository_mut(repository)?.issue_mut(number)?.pull_mut()?;
                std::mem::replace(&mut pull.head_sha, to.to_owned())
            };
            let more = json!({ "before": before, "after": to });
            self.tell_pull(by, repository, number, "synchronize", more)?;
        }
        Ok(())
    }

    fn tell_push(
        &mut self,
        by: By<'_>,
        repository: u64,
        name: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<()> {
        let place = self.repository(repository)?;
        let mut commits = Vec::new();
        if let Some(to) = to {
            // Of a new branch, what the default branch has not.
            let default =
                place.objects.reference(&format!("refs/heads/{}", place.default_branch)).filter(|it| it != to);
            let range = from.map(str::to_owned).or(default).map_or_else(|| to.to_owned(), |old| format!("{old}..{to}"));
            for sha in place.objects.log(&range, 20)?.iter().rev() {
                commits.push(self.push_commit(repository, sha)?);
            }
        }
        let forced = match (from, to) {
            (Some(from), Some(to)) => !place.objects.is_ancestor(from, to),
            _ => false,
        };
        let compare = format!(
            "{}/{}/compare/{}...{}",
            self.origin,
            place.full_name(),
            from.unwrap_or(NOTHING),
            to.unwrap_or(NOTHING)
        );
        let email = self.signature_of(by.login).email;
        let fields = json!({
            "ref": name, "before": from.unwrap_or(NOTHING), "after": to.unwrap_or(NOTHING), "created": from.is_none(),
            "deleted": to.is_none(), "forced": forced, "base_ref": null, "compare": compare, "head_commit": commits.last(),
            "commits": commits, "pusher": { "name": by.login, "email": email },
        });
        self.emit("push", None, Some(repository), by.login, fields)
    }

    fn push_commit(&self, repository: u64, sha: &str) -> Result<Value> {
        let place = self.repository(repository)?;
        let commit = place.objects.read_commit(sha)?;
        let changes = match commit.parents.first() {
            Some(parent) => place.objects.changes(parent, sha)?,
            None => Vec::new(),
        };
        let of = |letter: char| changes.iter().filter(|it| it.0 == letter).map(|it| it.1.clone()).collect::<Vec<_>>();
        Ok(json!({
            "id": sha, "tree_id": commit.tree, "distinct": true, "message": commit.message, "timestamp": iso(commit.committer.when),
            "url": format!("{}/{}/commit/{sha}", self.origin, place.full_name()),
            "author": { "name": commit.author.name, "email": commit.author.email },
            "committer": { "name": commit.committer.name, "email": commit.committer.email },
            "added": of('A'), "removed": of('D'), "modified": of('M'),
        }))
    }

    pub(crate) fn tell_pull(
        &mut self,
        by: By<'_>,
        repository: u64,
        number: u64,
        action: &str,
        more: Value,
    ) -> Result<()> {
        let place = self.repository(repository)?;
        let pull = self.pull_json(place, place.issue(number)?, Detail::Whole)?;
        let fields = super::answers::with(json!({ "action": action, "number": number, "pull_request": pull }), more);
        self.emit("pull_request", Some(action), Some(repository), by.login, fields)
    }

    pub(crate) fn open_pull(&mut self, by: By<'_>, repository: u64, new: &NewPull<'_>) -> Result<u64, Refusal> {
        let place = self.repository(repository)?;
        let tip = |name: &str| place.objects.reference(&format!("refs/heads/{name}"));
        let head = new.head.split_once(':').map_or(new.head, |it| it.1);
        let (Some(head_sha), Some(base_sha)) = (tip(head), tip(new.base)) else {
            let field = if tip(head).is_none() { "head" } else { "base" };
            return Err(Refusal::Invalid("PullRequest", field, "invalid", String::new()));
        };
        let same = |it: &&super::state::Issue| {
            it.open && it.pull.as_ref().is_some_and(|pull| pull.head == head && pull.base == new.base)
        };
        if place.issues.values().any(|it| same(&it)) {
            let words = format!("A pull request already exists for {}:{head}.", place.owner);
            return Err(Refusal::Invalid("PullRequest", "head", "custom", words));
        }
        if place.objects.is_ancestor(&head_sha, &base_sha) {
            let words = format!("No commits between {} and {head}", new.base);
            return Err(Refusal::Invalid("PullRequest", "head", "custom", words));
        }
        let (id, pull_id, now) = (self.next_id(), self.next_id(), self.clock.now());
        let place = self.repository_mut(repository)?;
        place.last_number += 1;
        let number = place.last_number;
        let mut issue = new_issue(id, number, new.title, new.body, by.login, now);
        issue.pull = Some(Pull {
            id: pull_id,
            head: head.to_owned(),
            head_sha,
            base: new.base.to_owned(),
            base_sha,
            draft: new.draft,
            merged: None,
            merged_by: None,
            merge_sha: None,
        });
        place.issues.insert(number, issue);
        let body = new.body.unwrap_or_default().to_owned();
        self.note(by, repository, Change::Pull { number, head: head.to_owned(), base: new.base.to_owned(), body });
        self.tell_pull(by, repository, number, "opened", json!({}))?;
        Ok(number)
    }

    /// Makes a pull request a draft, or ready.
    pub(crate) fn set_draft(&mut self, by: By<'_>, repository: u64, number: u64, draft: bool) -> Result<()> {
        self.repository_mut(repository)?.issue_mut(number)?.pull_mut()?.draft = draft;
        let action = if draft { "converted_to_draft" } else { "ready_for_review" };
        self.note(by, repository, Change::IssueEdited { issue: number, what: action.to_owned() });
        self.tell_pull(by, repository, number, action, json!({}))
    }

    /// Merges one branch's commit into another branch, and returns the merge.
    fn merge_into(&mut self, by: By<'_>, repository: u64, branch: &str, other: &str, message: &str) -> Result<String> {
        let objects = self.repository(repository)?.objects.clone();
        let name = format!("refs/heads/{branch}");
        let ours = objects.reference(&name).with_context(|| format!("there is no branch {branch}"))?;
        let tree = objects.merge_tree(&ours, other).with_context(|| format!("{other} conflicts with {branch}"))?;
        let signature = self.signature_of(by.login);
        let merge = objects.write_commit(&tree, &[ours, other.to_owned()], message, &signature, &signature)?;
        self.repository_mut(repository)?.signed.insert(merge.clone());
        self.set_reference(by, repository, &name, Some(&merge))?;
        Ok(merge)
    }

    pub(crate) fn merge_pull(&mut self, by: By<'_>, repository: u64, number: u64) -> Result<String> {
        let issue = self.repository(repository)?.issue(number)?;
        let pull = issue.pull.clone().with_context(|| format!("{number} is no pull request"))?;
        let message = format!("Merge pull request #{number} from {}\n\n{}", pull.head, issue.title);
        let merge = self.merge_into(by, repository, &pull.base, &pull.head_sha, &message)?;
        let now = self.clock.now();
        let issue = self.repository_mut(repository)?.issue_mut(number)?;
        let pull = issue.pull_mut()?;
        (pull.merged, pull.merged_by, pull.merge_sha) = (Some(now), Some(by.login.to_owned()), Some(merge.clone()));
        (issue.open, issue.closed, issue.updated) = (false, Some(now), now);
        self.note(by, repository, Change::Merged { number });
        self.tell_pull(by, repository, number, "closed", json!({}))?;
        Ok(merge)
    }

    /// Brings the base into a pull request's branch.
    pub(crate) fn update_branch(&mut self, by: By<'_>, repository: u64, number: u64) -> Result<()> {
        let place = self.repository(repository)?;
        let pull = place.issue(number)?.pull.clone().with_context(|| format!("{number} is no pull request"))?;
        let base = place.objects.reference(&format!("refs/heads/{}", pull.base)).context("the base is there")?;
        let message = format!("Merge branch '{}' into {}", pull.base, pull.head);
        self.merge_into(by, repository, &pull.head, &base, &message).map(drop)
    }

    pub(crate) fn review(
        &mut self,
        by: By<'_>,
        repository: u64,
        number: u64,
        verdict: &str,
        body: &str,
        lines: &[(&str, u64, &str)],
    ) -> Result<(u64, Vec<u64>)> {
        let (id, now) = (self.next_id(), self.clock.now());
        let commit = self.repository_mut(repository)?.issue_mut(number)?.pull_mut()?.head_sha.clone();
        let review = Review {
            id,
            pull: number,
            author: by.login.to_owned(),
            body: body.to_owned(),
            state: verdict.to_owned(),
            commit,
            submitted: now,
        };
        self.repository_mut(repository)?.reviews.insert(id, review.clone());
        let mut comments = Vec::new();
        for (path, line, text) in lines {
            comments.push(self.add_review_comment(by, repository, number, id, path, *line, None, text)?);
        }
        let place = self.repository(repository)?;
        let pull = self.pull_json(place, place.issue(number)?, Detail::Listed)?;
        let mut json = self.review_json(place, &review)?;
        json["state"] = json!(verdict.to_lowercase());
        let fields = json!({ "action": "submitted", "review": json, "pull_request": pull });
        self.emit("pull_request_review", Some("submitted"), Some(repository), by.login, fields)?;
        Ok((id, comments))
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one comment")]
    pub(crate) fn add_review_comment(
        &mut self,
        by: By<'_>,
        repository: u64,
        pull: u64,
        review: u64,
        path: &str,
        line: u64,
        reply_to: Option<u64>,
        body: &str,
    ) -> Result<u64> {
        let (id, now) = (self.next_id(), self.clock.now());
        let commit = self.repository_mut(repository)?.issue_mut(pull)?.pull_mut()?.head_sha.clone();
        let comment = ReviewComment {
            id,
            pull,
            review,
            path: path.to_owned(),
            line,
            commit,
            reply_to,
            body: body.to_owned(),
            author: by.login.to_owned(),
            created: now,
            updated: now,
            resolved: false,
            reactions: Vec::new(),
        };
        self.repository_mut(repository)?.review_comments.insert(id, comment.clone());
        self.note(by, repository, Change::ReviewComment { pull, id, reply_to, body: body.to_owned() });
        let place = self.repository(repository)?;
        let pull = self.pull_json(place, place.issue(pull)?, Detail::Listed)?;
        let mut json = self.review_comment_json(place, &comment)?;
        for (name, value) in [("position", json!(1)), ("original_position", json!(1))] {
            json[name] = value;
        }
        for name in ["start_line", "original_start_line", "start_side"] {
            json[name] = Value::Null;
        }
        let fields = json!({ "action": "created", "comment": json, "pull_request": pull });
        self.emit("pull_request_review_comment", Some("created"), Some(repository), by.login, fields)?;
        Ok(id)
    }

    /// The suite of a commit's checks, ours or another CI's, made if need be.
    pub(crate) fn suite_of(&mut self, repository: u64, head_sha: &str, ours: bool) -> Result<u64> {
        let (id, created) = (self.next_id(), self.clock.now());
        let place = self.repository_mut(repository)?;
        if let Some(suite) = place.suites.values().find(|it| it.head_sha == head_sha && it.ours == ours) {
            return Ok(suite.id);
        }
        let branches = place.objects.references("refs/heads/")?;
        let head_branch = branches.iter().find(|it| it.1 == head_sha).and_then(|it| it.0.strip_prefix("refs/heads/"));
        let suite =
            Suite { id, head_sha: head_sha.to_owned(), head_branch: head_branch.map(str::to_owned), ours, created };
        place.suites.insert(id, suite);
        Ok(id)
    }

    pub(crate) fn add_check(&mut self, by: By<'_>, repository: u64, check: Check) -> Result<u64> {
        let id = check.id;
        let change = Change::Check {
            id,
            name: check.name.clone(),
            head_sha: check.head_sha.clone(),
            external_id: check.external_id.clone(),
        };
        self.repository_mut(repository)?.checks.insert(id, check);
        self.note(by, repository, change);
        self.tell_check(by, repository, id, "created")?;
        Ok(id)
    }

    /// Tells of a check run.
    pub(crate) fn tell_check(&mut self, by: By<'_>, repository: u64, id: u64, action: &str) -> Result<()> {
        let place = self.repository(repository)?;
        let check = place.checks.get(&id).ok_or_else(|| anyhow!("there is no check {id}"))?;
        let mut json = self.check_json(place, check)?;
        if let Some(suite) = place.suites.get(&check.suite) {
            json["check_suite"] = self.suite_json(place, suite)?;
        }
        let fields = json!({ "action": action, "check_run": json });
        self.emit("check_run", Some(action), Some(repository), by.login, fields)
    }

    /// Tells that all checks of a suite are done.
    pub(crate) fn tell_suite(&mut self, by: By<'_>, repository: u64, id: u64) -> Result<()> {
        let place = self.repository(repository)?;
        let suite = place.suites.get(&id).ok_or_else(|| anyhow!("there is no check suite {id}"))?;
        let json = self.suite_json(place, suite)?;
        self.emit(
            "check_suite",
            Some("completed"),
            Some(repository),
            by.login,
            json!({ "action": "completed", "check_suite": json }),
        )
    }
}
