//! What can be done to issues and comments, by a person or by the app: the state changes, the history gains a line, the app is told.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Value, json};

use super::call::{Call, Refusal};
use super::history::Change;
use super::state::{Comment, Edit, Issue, Reaction, State};

/// Who does something, and by which request; none: a person at the web page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By<'a> {
    pub(crate) login: &'a str,
    pub(crate) call: Option<&'a Call>,
}

/// What a reaction is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Issue(u64),
    Comment(u64),
    ReviewComment(u64),
}

impl Subject {
    fn named(self) -> String {
        match self {
            Subject::Issue(number) => format!("issue {number}"),
            Subject::Comment(id) => format!("comment {id}"),
            Subject::ReviewComment(id) => format!("review comment {id}"),
        }
    }
}

/// The longest text of a comment or an issue, in characters.
const LONGEST: usize = 65_536;

pub(crate) fn fits(resource: &'static str, body: &str) -> Result<(), Refusal> {
    if body.chars().count() > LONGEST {
        let words = format!("body is too long (maximum is {LONGEST} characters)");
        return Err(Refusal::Invalid(resource, "body", "custom", words));
    }
    Ok(())
}

impl State {
    pub(crate) fn note(&mut self, by: By<'_>, repository: u64, change: Change) {
        self.effect(by.call, by.login, repository, change);
    }

    /// Tells of an issue, or of a pull request as one.
    fn tell_issue(&mut self, by: By<'_>, repository: u64, number: u64, action: &str, more: Value) -> Result<()> {
        let place = self.repository(repository)?;
        let issue = place.issue(number)?;
        let (event, name, json) = match issue.pull {
            None => ("issues", "issue", self.issue_json(place, issue)?),
            Some(_) => ("pull_request", "pull_request", self.pull_json(place, issue, super::answers::Detail::Whole)?),
        };
        let mut fields = super::answers::with(json!({ "action": action, "number": number }), more);
        fields[name] = json;
        if event == "pull_request" && matches!(action, "labeled" | "unlabeled" | "assigned" | "locked" | "unlocked") {
            return Ok(());
        }
        self.emit(event, Some(action), Some(repository), by.login, fields)
    }

    pub(crate) fn open_issue(&mut self, by: By<'_>, repository: u64, title: &str, body: Option<&str>) -> Result<u64> {
        let (id, now) = (self.next_id(), self.clock.now());
        let place = self.repository_mut(repository)?;
        place.last_number += 1;
        let number = place.last_number;
        place.issues.insert(number, new_issue(id, number, title, body, by.login, now));
        self.note(by, repository, Change::IssueEdited { issue: number, what: "opened".to_owned() });
        self.tell_issue(by, repository, number, "opened", json!({}))?;
        Ok(number)
    }

    /// Changes the title or the text of an issue.
    pub(crate) fn edit_issue(
        &mut self,
        by: By<'_>,
        repository: u64,
        number: u64,
        title: Option<&str>,
        body: Option<&str>,
    ) -> Result<()> {
        let now = self.clock.now();
        let issue = self.repository_mut(repository)?.issue_mut(number)?;
        let mut changes = json!({});
        if let Some(title) = title.filter(|it| **it != issue.title) {
            changes["title"] = json!({ "from": issue.title });
            issue.title = title.to_owned();
            issue.renamed = Some(now);
        }
        if let Some(body) = body.filter(|it| issue.body.as_deref() != Some(*it)) {
            let before = issue.body.replace(body.to_owned()).unwrap_or_default();
            changes["body"] = json!({ "from": before });
            issue.edits.push(Edit { when: now, before });
        }
        issue.updated = now;
        self.note(by, repository, Change::IssueEdited { issue: number, what: "edited".to_owned() });
        self.tell_issue(by, repository, number, "edited", json!({ "changes": changes }))
    }

    /// Opens or closes an issue or a pull request.
    pub(crate) fn set_open(
        &mut self,
        by: By<'_>,
        repository: u64,
        number: u64,
        open: bool,
        reason: Option<&str>,
    ) -> Result<()> {
        let now = self.clock.now();
        let issue = self.repository_mut(repository)?.issue_mut(number)?;
        if issue.open == open {
            return Ok(());
        }
        issue.open = open;
        issue.updated = now;
        issue.closed = (!open).then_some(now);
        issue.closed_by = (!open).then(|| by.login.to_owned());
        issue.state_reason = match (issue.pull.is_some(), open) {
            (true, _) => None,
            (false, true) => Some("reopened".to_owned()),
            (false, false) => Some(reason.unwrap_or("completed").to_owned()),
        };
        let action = if open { "reopened" } else { "closed" };
        self.note(by, repository, Change::IssueEdited { issue: number, what: action.to_owned() });
        self.tell_issue(by, repository, number, action, json!({}))
    }

    pub(crate) fn lock(&mut self, by: By<'_>, repository: u64, number: u64) -> Result<()> {
        self.repository_mut(repository)?.issue_mut(number)?.locked = true;
        self.note(by, repository, Change::IssueEdited { issue: number, what: "locked".to_owned() });
        self.tell_issue(by, repository, number, "locked", json!({}))
    }

    pub(crate) fn assign(&mut self, by: By<'_>, repository: u64, number: u64, login: &str) -> Result<()> {
        self.repository_mut(repository)?.issue_mut(number)?.assignees.push(login.to_owned());
        self.note(by, repository, Change::IssueEdited { issue: number, what: "assigned".to_owned() });
        let assignee = self.user_json(login);
        self.tell_issue(by, repository, number, "assigned", json!({ "assignee": assignee }))
    }

    /// Takes an issue away.
    pub(crate) fn delete_issue(&mut self, by: By<'_>, repository: u64, number: u64) -> Result<()> {
        self.tell_issue(by, repository, number, "deleted", json!({}))?;
        self.repository_mut(repository)?.issues.remove(&number);
        self.note(by, repository, Change::IssueEdited { issue: number, what: "deleted".to_owned() });
        Ok(())
    }

    /// Makes a label known to a repository.
    pub(crate) fn define_label(&mut self, repository: u64, name: &str) -> Result<()> {
        let id = self.next_id();
        self.repository_mut(repository)?.labels.entry(name.to_owned()).or_insert(id);
        Ok(())
    }

    pub(crate) fn add_label(&mut self, by: By<'_>, repository: u64, number: u64, name: &str) -> Result<()> {
        self.define_label(repository, name)?;
        let now = self.clock.now();
        let issue = self.repository_mut(repository)?.issue_mut(number)?;
        if !issue.labels.insert(name.to_owned()) {
            return Ok(());
        }
        issue.updated = now;
        self.note(by, repository, Change::Label { issue: number, name: name.to_owned() });
        let label = self.label_json(self.repository(repository)?, name);
        self.tell_issue(by, repository, number, "labeled", json!({ "label": label }))
    }

    pub(crate) fn remove_label(&mut self, by: By<'_>, repository: u64, number: u64, name: &str) -> Result<()> {
        let issue = self.repository_mut(repository)?.issue_mut(number)?;
        if !issue.labels.remove(name) {
            return Ok(());
        }
        self.note(by, repository, Change::LabelRemoved { issue: number, name: name.to_owned() });
        let label = self.label_json(self.repository(repository)?, name);
        self.tell_issue(by, repository, number, "unlabeled", json!({ "label": label }))
    }

    fn tell_comment(
        &mut self,
        by: By<'_>,
        repository: u64,
        comment: &Comment,
        action: &str,
        more: Value,
    ) -> Result<()> {
        let place = self.repository(repository)?;
        let issue = self.issue_json(place, place.issue(comment.issue)?)?;
        let mut json = self.comment_json(place, comment)?;
        // Payloads describe the app without this field, the REST interface with it.
        if let Some(app) = json["performed_via_github_app"].as_object_mut() {
            app.remove("client_id");
        }
        let fields = super::answers::with(json!({ "action": action, "issue": issue, "comment": json }), more);
        self.emit("issue_comment", Some(action), Some(repository), by.login, fields)
    }

    pub(crate) fn add_comment(&mut self, by: By<'_>, repository: u64, number: u64, body: &str) -> Result<u64> {
        let (id, now) = (self.next_id(), self.clock.now());
        let comment = Comment {
            id,
            issue: number,
            body: body.to_owned(),
            author: by.login.to_owned(),
            created: now,
            updated: now,
            minimized: None,
            reactions: Vec::new(),
            edits: Vec::new(),
        };
        let place = self.repository_mut(repository)?;
        place.issue_mut(number)?.updated = now;
        place.comments.insert(id, comment.clone());
        self.note(by, repository, Change::Comment { issue: number, id, body: body.to_owned() });
        self.tell_comment(by, repository, &comment, "created", json!({}))?;
        Ok(id)
    }

    pub(crate) fn edit_comment(&mut self, by: By<'_>, repository: u64, id: u64, body: &str) -> Result<(), Refusal> {
        let now = self.clock.now();
        let comment = self.repository_mut(repository)?.comments.get_mut(&id).ok_or_else(Refusal::not_found)?;
        let before = std::mem::replace(&mut comment.body, body.to_owned());
        comment.updated = now;
        comment.edits.push(Edit { when: now, before: before.clone() });
        let comment = comment.clone();
        self.note(by, repository, Change::CommentEdited { issue: comment.issue, id, body: body.to_owned() });
        let changes = json!({ "changes": { "body": { "from": before } } });
        Ok(self.tell_comment(by, repository, &comment, "edited", changes)?)
    }

    pub(crate) fn delete_comment(&mut self, by: By<'_>, repository: u64, id: u64) -> Result<(), Refusal> {
        let comment = self.repository(repository)?.comments.get(&id).cloned().ok_or_else(Refusal::not_found)?;
        self.tell_comment(by, repository, &comment, "deleted", json!({}))?;
        self.repository_mut(repository)?.comments.remove(&id);
        self.note(by, repository, Change::CommentDeleted { issue: comment.issue, id });
        Ok(())
    }

    fn reactions_mut(&mut self, repository: u64, subject: Subject) -> Result<&mut Vec<Reaction>, Refusal> {
        let place = self.repository_mut(repository)?;
        let found = match subject {
            Subject::Issue(number) => place.issues.get_mut(&number).map(|it| &mut it.reactions),
            Subject::Comment(id) => place.comments.get_mut(&id).map(|it| &mut it.reactions),
            Subject::ReviewComment(id) => place.review_comments.get_mut(&id).map(|it| &mut it.reactions),
        };
        found.ok_or_else(Refusal::not_found)
    }

    /// Lists the reactions on something.
    pub(crate) fn reactions(&mut self, repository: u64, subject: Subject) -> Result<Vec<Reaction>, Refusal> {
        Ok(self.reactions_mut(repository, subject)?.clone())
    }

    /// Adds a reaction; tells whether it is new. One account has each reaction at most once.
    pub(crate) fn react(
        &mut self,
        by: By<'_>,
        repository: u64,
        subject: Subject,
        content: &str,
    ) -> Result<(Reaction, bool), Refusal> {
        let (id, created) = (self.next_id(), self.clock.now());
        let all = self.reactions_mut(repository, subject)?;
        if let Some(there) = all.iter().find(|it| it.author == by.login && it.content == content) {
            return Ok((there.clone(), false));
        }
        let reaction = Reaction { id, content: content.to_owned(), author: by.login.to_owned(), created };
        all.push(reaction.clone());
        self.note(by, repository, Change::Reaction { subject: subject.named(), content: content.to_owned() });
        Ok((reaction, true))
    }

    pub(crate) fn unreact(&mut self, by: By<'_>, repository: u64, subject: Subject, id: u64) -> Result<(), Refusal> {
        let all = self.reactions_mut(repository, subject)?;
        let index = all.iter().position(|it| it.id == id).ok_or_else(Refusal::not_found)?;
        let reaction = all.remove(index);
        self.note(by, repository, Change::ReactionDeleted { subject: subject.named(), content: reaction.content });
        Ok(())
    }
}

pub(crate) fn new_issue(id: u64, number: u64, title: &str, body: Option<&str>, author: &str, now: i64) -> Issue {
    Issue {
        id,
        number,
        title: title.to_owned(),
        body: body.map(str::to_owned),
        author: author.to_owned(),
        open: true,
        state_reason: None,
        locked: false,
        labels: BTreeSet::new(),
        assignees: Vec::new(),
        created: now,
        updated: now,
        closed: None,
        closed_by: None,
        reactions: Vec::new(),
        edits: Vec::new(),
        renamed: None,
        pull: None,
    }
}
