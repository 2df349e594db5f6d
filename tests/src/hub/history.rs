//! Everything that was asked and done, and a small checker of what must never show in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Hub;

/// Permissions that the publisher's token may have, and the most it may have of each.
const PUBLISHING: &[(&str, &str)] = &[
    ("metadata", "read"),
    ("contents", "write"),
    ("issues", "write"),
    ("pull_requests", "write"),
    ("checks", "write"),
    ("actions", "read"),
];

/// Whose request it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nobody's.
    Nobody,
    /// The app's, by a JWT.
    App,
    /// An installation's, by a token.
    Installation {
        /// Which token, counted from one.
        token: u64,
        /// The installation.
        installation: u64,
        /// The repositories it is for.
        repositories: BTreeSet<u64>,
        /// Whether it was asked for named repositories.
        narrowed: bool,
        /// What it may do.
        permissions: BTreeMap<String, String>,
    },
    /// Refused: forged, expired or revoked.
    Refused(String),
}

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// Counted from one.
    pub id: u64,
    /// Milliseconds since 1970, by the fake's clock.
    pub at: i64,
    /// In capitals.
    pub method: String,
    /// With the query.
    pub path: String,
    /// GitHub's name of the operation; `git/upload-pack` for clones, `graphql/minimizeComment` for a mutation.
    pub operation: String,
    /// Whose it is.
    pub credential: Credential,
    /// What was answered, or would have been had the connection held.
    pub status: u16,
    /// Until when its answer told the caller to wait, in milliseconds.
    pub wait_until: Option<i64>,
}

/// One change that people can see.
#[derive(Debug, Clone)]
pub struct Effect {
    /// Milliseconds since 1970, by the fake's clock.
    pub at: i64,
    /// The request that caused it; none: a person did it.
    pub request: Option<u64>,
    /// Whose it is.
    pub actor: String,
    /// The repository's id; zero where it concerns none.
    pub repository: u64,
    /// What it is.
    pub change: Change,
}

/// What was changed.
#[expect(
    missing_docs,
    reason = "the fields are what their names say: numbers and ids as GitHub gives them, texts as they were sent"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A comment came.
    Comment { issue: u64, id: u64, body: String },
    /// A comment got another text.
    CommentEdited { issue: u64, id: u64, body: String },
    /// A comment went.
    CommentDeleted { issue: u64, id: u64 },
    /// A reaction came; `subject` names what it is on (`issue 3`, `comment 12`).
    Reaction { subject: String, content: String },
    /// A reaction went.
    ReactionDeleted { subject: String, content: String },
    /// A label came to an issue.
    Label { issue: u64, name: String },
    /// A label went from an issue.
    LabelRemoved { issue: u64, name: String },
    /// An issue or pull request changed otherwise.
    IssueEdited { issue: u64, what: String },
    /// A pull request came.
    Pull { number: u64, head: String, base: String, body: String },
    /// A pull request was merged.
    Merged { number: u64 },
    /// A reference came, moved, or (no `to`) went.
    Reference { name: String, from: Option<String>, to: Option<String> },
    /// A commit was stored.
    Commit { sha: String, tree: String, parents: Vec<String> },
    /// A check run came.
    Check { id: u64, name: String, head_sha: String, external_id: String },
    /// A check run changed.
    CheckEdited { id: u64 },
    /// A comment on a line came.
    ReviewComment { pull: u64, id: u64, reply_to: Option<u64>, body: String },
    /// A comment was hidden.
    Minimized { comment: u64, reason: String },
    /// A thread of review comments was resolved.
    Resolved { comment: u64 },
    /// A branch was linked to an issue.
    LinkedBranch { issue: u64, name: String },
    /// A token was made.
    Token { number: u64, installation: u64 },
    /// A token was given back.
    TokenRevoked { number: u64 },
    /// A delivery was asked for again.
    Redelivery { guid: String },
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which promise it breaks: `P3`, `P4`, `P8`, `R4` (tokens).
    pub promise: &'static str,
    /// What happened.
    pub what: String,
}

/// Checks the promises on all that a fake saw so far: nothing twice, no request while told to wait, no write with a token that is too wide.
///
/// # Errors
/// All that is wrong.
pub fn check(hub: &Hub) -> Result<(), Vec<Violation>> {
    let (bot, requests, effects) = hub.read(|state| (state.bot(), state.requests.clone(), state.effects.clone()));
    let ours: Vec<&Effect> = effects.iter().filter(|it| it.actor == bot).collect();
    let mut found = doubled(&ours);
    found.extend(too_many_open(&effects, &bot));
    found.extend(too_early(&requests));
    found.extend(requests.iter().filter_map(wrong_token));
    if found.is_empty() { Ok(()) } else { Err(found) }
}

/// What would be doubled if an effect with the same key came again while the first one is still there.
fn key(effect: &Effect) -> Option<String> {
    let repository = effect.repository;
    match &effect.change {
        Change::Comment { issue, body, .. } => {
            let named = marker(body).map_or_else(|| format!("text {body}"), |it| format!("marker {it}"));
            Some(format!("comment on {repository}#{issue} with {named}"))
        }
        Change::ReviewComment { pull, reply_to, body, .. } => {
            Some(format!("review comment on {repository}#{pull} in reply to {reply_to:?}: {body}"))
        }
        Change::Reaction { subject, content } => Some(format!("reaction {content} on {subject} of {repository}")),
        Change::Label { issue, name } => Some(format!("label {name} on {repository}#{issue}")),
        Change::Pull { head, .. } => Some(format!("pull request of {head} in {repository}")),
        Change::Check { name, head_sha, external_id, .. } => {
            Some(format!("check {name} ({external_id}) on {head_sha} of {repository}"))
        }
        Change::LinkedBranch { issue, name } => Some(format!("branch {name} linked to {repository}#{issue}")),
        _ => None,
    }
}

/// The key that an effect makes free again.
fn freed(effect: &Effect) -> Option<String> {
    let again = |change| key(&Effect { change, ..effect.clone() });
    match &effect.change {
        Change::ReactionDeleted { subject, content } => {
            again(Change::Reaction { subject: subject.clone(), content: content.clone() })
        }
        Change::LabelRemoved { issue, name } => again(Change::Label { issue: *issue, name: name.clone() }),
        _ => None,
    }
}

/// The hidden marker of a job's comment: `<!-- NAME:job:ID:v1 -->`.
fn marker(body: &str) -> Option<&str> {
    body.split("<!--")
        .skip(1)
        .filter_map(|it| it.split_once("-->"))
        .map(|it| it.0.trim())
        .find(|it| it.contains(":job:"))
}

fn doubled(ours: &[&Effect]) -> Vec<Violation> {
    let mut seen: BTreeMap<String, Option<u64>> = BTreeMap::new();
    let mut found = Vec::new();
    for effect in ours {
        if let Some(key) = freed(effect) {
            seen.remove(&key);
        }
        let Some(key) = key(effect) else { continue };
        if let Some(first) = seen.insert(key.clone(), effect.request) {
            let what = format!("{key}: made by request {first:?} and again by request {:?}", effect.request);
            found.push(Violation { promise: "P4", what });
        }
    }
    found
}

/// At most one pull request of ours is open for an issue at any time. The issue is the one that the branch names.
fn too_many_open(effects: &[Effect], bot: &str) -> Vec<Violation> {
    let mut open: BTreeMap<(u64, String), u64> = BTreeMap::new();
    let mut found = Vec::new();
    for effect in effects {
        match &effect.change {
            Change::Pull { number, head, .. } if effect.actor == bot => {
                let Some(issue) = issue_of_branch(head) else { continue };
                let place = (effect.repository, issue.to_owned());
                if let Some(first) = open.insert(place, *number) {
                    let what = format!("pull requests {first} and {number} were open at once for issue {issue}");
                    found.push(Violation { promise: "P3", what });
                }
            }
            Change::Merged { number } => open.retain(|_, it| it != number),
            Change::IssueEdited { issue, what } if what == "closed" => open.retain(|_, it| it != issue),
            _ => {}
        }
    }
    found
}

/// The number in `NAME/issue-NUMBER-...`.
fn issue_of_branch(head: &str) -> Option<&str> {
    let rest = head.split_once("/issue-")?.1;
    let end = rest.find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len());
    (end > 0).then(|| &rest[..end])
}

fn too_early(requests: &[Request]) -> Vec<Violation> {
    let mut until: HashMap<u64, (i64, u64)> = HashMap::new();
    let mut found = Vec::new();
    for request in requests {
        let scope = match &request.credential {
            Credential::Installation { installation, .. } => *installation,
            _ => 0,
        };
        if let Some((end, first)) = until.get(&scope).filter(|it| request.at < it.0) {
            let early = end - request.at;
            let what = format!(
                "request {} ({}) came {early} ms before the time that request {first} was told",
                request.id, request.path
            );
            found.push(Violation { promise: "P8", what });
        }
        if let Some(end) = request.wait_until {
            let kept = until.entry(scope).or_insert((end, request.id));
            if end > kept.0 {
                *kept = (end, request.id);
            }
        }
    }
    found
}

fn wrong_token(request: &Request) -> Option<Violation> {
    let Credential::Installation { token, repositories, narrowed, permissions, .. } = &request.credential else {
        return None;
    };
    // Questions are asked by POST as well: of GraphQL, and by git.
    let asks = request.operation == "graphql/query" || request.operation.starts_with("git/upload");
    let writes = request.method != "GET" && !asks && !request.operation.starts_with("apps/");
    let may_write = permissions.values().any(|it| it == "write");
    let wrong = if writes && !may_write {
        Some("writes with a token for reading")
    } else if writes && (!narrowed || repositories.len() != 1) {
        Some("writes with a token that is not for exactly one repository")
    } else if writes && !permissions.iter().all(|(name, level)| publishing(name, level)) {
        Some("writes with a token that may do more than publish")
    } else if request.operation == "git/upload-pack" && may_write {
        Some("clones with a token that may write")
    } else {
        None
    };
    let described = |why| {
        format!("request {} ({} {}) {why}: token {token}, {permissions:?}", request.id, request.method, request.path)
    };
    wrong.map(|why| Violation { promise: "R4", what: described(why) })
}

fn publishing(name: &str, level: &str) -> bool {
    PUBLISHING.iter().any(|(allowed, most)| *allowed == name && (level == *most || level == "read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(change: Change) -> Effect {
        Effect { at: 0, request: Some(1), actor: "p[bot]".to_owned(), repository: 1, change }
    }

    fn reaction() -> Change {
        Change::Reaction { subject: "issue 1".to_owned(), content: "eyes".to_owned() }
    }

    #[test]
    fn a_second_comment_with_the_marker_is_found() {
        let comment = |id, body: &str| effect(Change::Comment { issue: 1, id, body: body.to_owned() });
        let (a, b) = (comment(1, "<!-- p:job:7:v1 --> a"), comment(2, "<!-- p:job:7:v1 --> b"));
        assert_eq!(doubled(&[&a, &b]).len(), 1);
        let other = comment(2, "<!-- p:job:8:v1 --> b");
        assert!(doubled(&[&a, &other]).is_empty());
    }

    #[test]
    fn what_went_away_may_come_again() {
        let (first, again) = (effect(reaction()), effect(reaction()));
        let gone = effect(Change::ReactionDeleted { subject: "issue 1".to_owned(), content: "eyes".to_owned() });
        assert_eq!(doubled(&[&first, &again]).len(), 1);
        assert!(doubled(&[&first, &gone, &again]).is_empty());
    }

    #[test]
    fn two_open_pull_requests_of_an_issue_are_found() {
        let pull = |number, head: &str| {
            effect(Change::Pull { number, head: head.to_owned(), base: "main".to_owned(), body: String::new() })
        };
        let closed = effect(Change::IssueEdited { issue: 5, what: "closed".to_owned() });
        let (a, b) = (pull(5, "p/issue-12-abc"), pull(6, "p/issue-12-def"));
        assert_eq!(too_many_open(&[a.clone(), b.clone()], "p[bot]").len(), 1);
        assert!(too_many_open(&[a.clone(), closed, b], "p[bot]").is_empty());
        assert!(too_many_open(&[a, pull(6, "p/issue-1-def")], "p[bot]").is_empty());
    }

    #[test]
    fn a_request_before_the_announced_time_is_found() {
        let request = |id, at, wait_until| Request {
            id,
            at,
            method: "GET".to_owned(),
            path: "/app".to_owned(),
            operation: "apps/get-authenticated".to_owned(),
            credential: Credential::App,
            status: 200,
            wait_until,
        };
        assert_eq!(too_early(&[request(1, 0, Some(1000)), request(2, 999, None)]).len(), 1);
        assert!(too_early(&[request(1, 0, Some(1000)), request(2, 1000, None)]).is_empty());
    }
}
