//! The state as GitHub writes it: each record fills the example that the description has of it, so that no field is missing.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::clock::iso;
use super::description::Description;
use super::state::{
    AccountKind, Check, Comment, Issue, Permission, Reaction, Repository, Review, ReviewComment, State, Suite,
};

/// How much of a record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// As in a list.
    Listed,
    /// As when it is asked for alone.
    Whole,
}

/// Puts fields over those of a template.
pub(crate) fn with(template: Value, fields: Value) -> Value {
    let (Value::Object(mut object), Value::Object(fields)) = (template, fields) else { return Value::Null };
    object.extend(fields);
    Value::Object(object)
}

/// Takes fields away.
pub(crate) fn without(mut value: Value, names: &[&str]) -> Value {
    if let Some(object) = value.as_object_mut() {
        for name in names {
            object.remove(*name);
        }
    }
    value
}

/// A node id: GitHub's are opaque; these say what they are.
pub(crate) fn node(kind: &str, id: u64) -> String {
    STANDARD.encode(format!("{kind}:{id}"))
}

/// The kind and id that a node id names.
pub(crate) fn of_node(text: &str) -> Option<(String, u64)> {
    let decoded = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    let (kind, id) = decoded.split_once(':')?;
    Some((kind.to_owned(), id.parse().ok()?))
}

impl State {
    /// The example of an operation's answer, with this server's addresses and this repository's name in it. Of a list, its first item.
    pub(crate) fn template(&self, operation: &str, repository: Option<&Repository>) -> Result<Value> {
        let description = Description::of(self.edition)?;
        let example = description.operation(operation).and_then(|it| it.example());
        let example = example.with_context(|| format!("the description has no example of {operation}"))?;
        let item = match example {
            Value::Array(items) => items.first().cloned().unwrap_or_default(),
            other => other.clone(),
        };
        let mut text = serde_json::to_string(&item)?;
        if let Some(repository) = repository {
            let name = repository.full_name();
            for sample in ["octocat/Hello-World", "octocat/example", "github/hello-world", "octocat/hello-world"] {
                text = text.replace(sample, &name);
            }
        }
        text = text.replace("https://api.github.com", &self.rest()).replace("https://github.com", &self.origin);
        Ok(serde_json::from_str(&text)?)
    }

    /// An account, as it stands in other records.
    pub(crate) fn user_json(&self, login: &str) -> Value {
        let account = self.account(login);
        let encoded = account.login.replace('[', "%5B").replace(']', "%5D");
        let url = format!("{}/users/{encoded}", self.rest());
        let page = account.login.strip_suffix("[bot]").map_or(account.login.clone(), |app| format!("apps/{app}"));
        let kind = match account.kind {
            AccountKind::User => "User",
            AccountKind::Bot => "Bot",
            AccountKind::Organization => "Organization",
        };
        json!({
            "login": account.login, "id": account.id, "node_id": node("User", account.id),
            "avatar_url": format!("{}/avatars/{}", self.origin, account.id), "gravatar_id": "", "url": url,
            "html_url": format!("{}/{page}", self.origin),
            "followers_url": format!("{url}/followers"), "following_url": format!("{url}/following{{/other_user}}"),
            "gists_url": format!("{url}/gists{{/gist_id}}"), "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"),
            "subscriptions_url": format!("{url}/subscriptions"), "organizations_url": format!("{url}/orgs"),
            "repos_url": format!("{url}/repos"), "events_url": format!("{url}/events{{/privacy}}"),
            "received_events_url": format!("{url}/received_events"), "type": kind, "site_admin": false,
        })
    }

    /// How an account stands to a repository, as a payload hints it.
    pub(crate) fn association(&self, repository: &Repository, login: &str) -> &'static str {
        if repository.owner.eq_ignore_ascii_case(login) {
            return "OWNER";
        }
        if repository.permissions.keys().any(|it| it.eq_ignore_ascii_case(login)) { "COLLABORATOR" } else { "NONE" }
    }

    /// A repository. `Listed` is the form within other records.
    pub(crate) fn repository_json(&self, repository: &Repository, detail: Detail) -> Result<Value> {
        let template = match detail {
            Detail::Whole => self.template("repos/get", Some(repository))?,
            Detail::Listed => {
                let all = self.template("apps/list-repos-accessible-to-installation", Some(repository))?;
                all["repositories"][0].clone()
            }
        };
        let template =
            without(template, &["template_repository", "organization", "parent", "source", "temp_clone_token"]);
        let name = repository.full_name();
        let organization = self.account(&repository.owner).kind == AccountKind::Organization;
        let mut it = with(
            template,
            json!({
                "id": repository.id, "node_id": node("Repository", repository.id), "name": repository.name, "full_name": name,
                "owner": self.user_json(&repository.owner), "private": repository.private,
                "visibility": if repository.private { "private" } else { "public" },
                "archived": repository.archived, "disabled": false, "fork": repository.fork,
                "default_branch": repository.default_branch, "description": null, "homepage": null, "language": null,
                "has_issues": true, "is_template": false, "license": null, "topics": [], "mirror_url": null,
                "open_issues": repository.issues.values().filter(|it| it.open).count(),
                "open_issues_count": repository.issues.values().filter(|it| it.open).count(),
                "created_at": iso(repository.created), "updated_at": iso(repository.created), "pushed_at": iso(repository.created),
                "html_url": format!("{}/{name}", self.origin), "clone_url": format!("{}/{name}.git", self.origin),
                "git_url": format!("git://{}/{name}.git", self.origin.trim_start_matches("http://")),
                "ssh_url": format!("git@{}:{name}.git", self.origin.trim_start_matches("http://")),
                "svn_url": format!("{}/{name}", self.origin),
                "permissions": { "admin": false, "maintain": false, "push": false, "triage": false, "pull": true },
            }),
        );
        if organization && detail == Detail::Whole {
            it["organization"] = self.user_json(&repository.owner);
        }
        Ok(it)
    }

    pub(crate) fn label_json(&self, repository: &Repository, name: &str) -> Value {
        let id = repository.labels.get(name).copied().unwrap_or_default();
        let url = format!("{}/repos/{}/labels/{}", self.rest(), repository.full_name(), name.replace(' ', "%20"));
        json!({
            "id": id, "node_id": node("Label", id), "url": url, "name": name, "description": null, "color": "ededed",
            "default": false,
        })
    }

    pub(crate) fn reaction_json(&self, reaction: &Reaction) -> Value {
        json!({
            "id": reaction.id, "node_id": node("Reaction", reaction.id), "user": self.user_json(&reaction.author),
            "content": reaction.content, "created_at": iso(reaction.created),
        })
    }

    pub(crate) fn reactions_json(&self, url: &str, reactions: &[Reaction]) -> Value {
        let mut counts = Map::new();
        for content in ["+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"] {
            let count = reactions.iter().filter(|it| it.content == content).count();
            counts.insert(content.to_owned(), json!(count));
        }
        with(Value::Object(counts), json!({ "url": format!("{url}/reactions"), "total_count": reactions.len() }))
    }

    /// An issue, or the issue's side of a pull request.
    pub(crate) fn issue_json(&self, repository: &Repository, issue: &Issue) -> Result<Value> {
        let template = self.template("issues/get", Some(repository))?;
        let repository_url = format!("{}/repos/{}", self.rest(), repository.full_name());
        let url = format!("{repository_url}/issues/{}", issue.number);
        let place = if issue.pull.is_some() { "pull" } else { "issues" };
        let html = format!("{}/{}/{place}/{}", self.origin, repository.full_name(), issue.number);
        let labels: Vec<Value> = issue.labels.iter().map(|it| self.label_json(repository, it)).collect();
        let assignees: Vec<Value> = issue.assignees.iter().map(|it| self.user_json(it)).collect();
        let it = with(
            template,
            json!({
                "id": issue.id, "node_id": node("Issue", issue.id), "url": url, "repository_url": repository_url,
                "labels_url": format!("{url}/labels{{/name}}"), "comments_url": format!("{url}/comments"),
                "events_url": format!("{url}/events"), "html_url": html, "number": issue.number,
                "state": if issue.open { "open" } else { "closed" }, "state_reason": issue.state_reason,
                "title": issue.title, "body": issue.body, "user": self.user_json(&issue.author), "labels": labels,
                "assignee": assignees.first(), "assignees": assignees, "milestone": null, "locked": issue.locked,
                "active_lock_reason": null, "comments": repository.comments_of(issue.number).count(),
                "closed_at": issue.closed.map(iso), "created_at": iso(issue.created), "updated_at": iso(issue.updated),
                "closed_by": issue.closed_by.as_ref().map(|it| self.user_json(it)),
                "author_association": self.association(repository, &issue.author),
                "reactions": self.reactions_json(&url, &issue.reactions), "timeline_url": format!("{url}/timeline"),
                "performed_via_github_app": null, "pinned_comment": null,
            }),
        );
        let Some(pull) = &issue.pull else { return Ok(without(it, &["pull_request", "draft", "repository"])) };
        let pull_url = format!("{repository_url}/pulls/{}", issue.number);
        let fields = json!({
            "draft": pull.draft,
            "pull_request": {
                "url": pull_url, "html_url": html, "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"),
                "merged_at": pull.merged.map(iso),
            },
        });
        Ok(with(it, fields))
    }

    pub(crate) fn comment_json(&self, repository: &Repository, comment: &Comment) -> Result<Value> {
        let template = self.template("issues/list-comments", Some(repository))?;
        let base = format!("{}/repos/{}/issues", self.rest(), repository.full_name());
        let url = format!("{base}/comments/{}", comment.id);
        let kind =
            if repository.issues.get(&comment.issue).is_some_and(|it| it.pull.is_some()) { "pull" } else { "issues" };
        let html = format!("{}/{}/{kind}/{}", self.origin, repository.full_name(), comment.issue);
        let via = (comment.author == self.bot()).then(|| self.app_json()).transpose()?;
        Ok(with(
            template,
            json!({
                "id": comment.id, "node_id": node("IssueComment", comment.id), "url": url,
                "html_url": format!("{html}#issuecomment-{}", comment.id), "issue_url": format!("{base}/{}", comment.issue),
                "body": comment.body, "user": self.user_json(&comment.author), "created_at": iso(comment.created),
                "updated_at": iso(comment.updated), "author_association": self.association(repository, &comment.author),
                "reactions": self.reactions_json(&url, &comment.reactions), "performed_via_github_app": via,
                "minimized": comment.minimized.as_ref().map(|reason| json!({ "reason": reason })),
            }),
        ))
    }

    /// The app, as anyone sees it.
    pub(crate) fn app_json(&self) -> Result<Value> {
        let template = self.template("apps/get-authenticated", None)?;
        Ok(with(
            template,
            json!({
                "id": self.app.id, "slug": self.app.slug, "node_id": node("App", self.app.id), "name": self.app.name,
                "owner": self.user_json(&self.app.owner), "html_url": format!("{}/apps/{}", self.origin, self.app.slug),
                "permissions": self.app.permissions, "events": self.app.events, "description": "",
            }),
        ))
    }

    /// A pull request.
    pub(crate) fn pull_json(&self, repository: &Repository, issue: &Issue, detail: Detail) -> Result<Value> {
        let pull = issue.pull.as_ref().with_context(|| format!("{} is no pull request", issue.number))?;
        let (operation, dropped): (&str, &[&str]) = match detail {
            Detail::Listed => ("pulls/list", &[]),
            Detail::Whole => ("pulls/get", &[]),
        };
        let template = without(self.template(operation, Some(repository))?, dropped);
        let name = repository.full_name();
        let (rest, html) =
            (format!("{}/repos/{name}", self.rest()), format!("{}/{name}/pull/{}", self.origin, issue.number));
        let url = format!("{rest}/pulls/{}", issue.number);
        let as_issue = self.issue_json(repository, issue)?;
        let side = |branch: &str, sha: &str| -> Result<Value> {
            Ok(json!({
                "label": format!("{}:{branch}", repository.owner), "ref": branch, "sha": sha,
                "user": self.user_json(&repository.owner), "repo": self.repository_json(repository, Detail::Listed)?,
            }))
        };
        let it = with(
            template,
            json!({
                "url": url, "id": pull.id, "node_id": node("PullRequest", pull.id), "html_url": html,
                "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"),
                "issue_url": format!("{rest}/issues/{}", issue.number), "commits_url": format!("{url}/commits"),
                "review_comments_url": format!("{url}/comments"), "review_comment_url": format!("{rest}/pulls/comments{{/number}}"),
                "comments_url": format!("{rest}/issues/{}/comments", issue.number),
                "statuses_url": format!("{rest}/statuses/{}", pull.head_sha), "number": issue.number, "title": issue.title,
                "body": issue.body, "user": self.user_json(&issue.author), "state": as_issue["state"], "locked": issue.locked,
                "labels": as_issue["labels"], "milestone": null, "active_lock_reason": null, "draft": pull.draft,
                "created_at": iso(issue.created), "updated_at": iso(issue.updated), "closed_at": issue.closed.map(iso),
                "merged_at": pull.merged.map(iso), "merge_commit_sha": pull.merge_sha, "assignee": as_issue["assignee"],
                "assignees": as_issue["assignees"], "requested_reviewers": [], "requested_teams": [],
                "head": side(&pull.head, &pull.head_sha)?, "base": side(&pull.base, &pull.base_sha)?, "auto_merge": null,
                "author_association": as_issue["author_association"],
                "_links": {
                    "self": { "href": url }, "html": { "href": html },
                    "issue": { "href": format!("{rest}/issues/{}", issue.number) },
                    "comments": { "href": format!("{rest}/issues/{}/comments", issue.number) },
                    "review_comments": { "href": format!("{url}/comments") },
                    "review_comment": { "href": format!("{rest}/pulls/comments{{/number}}") },
                    "commits": { "href": format!("{url}/commits") },
                    "statuses": { "href": format!("{rest}/statuses/{}", pull.head_sha) },
                },
            }),
        );
        if detail == Detail::Listed {
            return Ok(it);
        }
        let objects = &repository.objects;
        let changes = objects
            .merge_base(&pull.base_sha, &pull.head_sha)
            .map_or(Ok(Vec::new()), |base| objects.changes(&base, &pull.head_sha))?;
        let base_now = objects.reference(&format!("refs/heads/{}", pull.base)).unwrap_or_else(|| pull.base_sha.clone());
        let mergeable = issue.open.then(|| objects.merge_tree(&base_now, &pull.head_sha).is_some());
        let behind = !objects.is_ancestor(&base_now, &pull.head_sha);
        let state = match mergeable {
            None => "unknown",
            Some(false) => "dirty",
            Some(true) if pull.draft => "draft",
            Some(true) if behind => "behind",
            Some(true) => "clean",
        };
        let commits = objects.log(&format!("{}..{}", pull.base_sha, pull.head_sha), 250)?.len();
        Ok(with(
            it,
            json!({
                "merged": pull.merged.is_some(), "mergeable": mergeable, "rebaseable": mergeable, "mergeable_state": state,
                "merged_by": pull.merged_by.as_ref().map(|it| self.user_json(it)),
                "comments": repository.comments_of(issue.number).count(),
                "review_comments": repository.review_comments.values().filter(|it| it.pull == issue.number).count(),
                "maintainer_can_modify": false, "commits": commits, "changed_files": changes.len(),
                "additions": changes.iter().map(|it| it.2).sum::<u64>(), "deletions": changes.iter().map(|it| it.3).sum::<u64>(),
            }),
        ))
    }

    pub(crate) fn review_comment_json(&self, repository: &Repository, comment: &ReviewComment) -> Result<Value> {
        let template = self.template("pulls/get-review-comment", Some(repository))?;
        let name = repository.full_name();
        let url = format!("{}/repos/{name}/pulls/comments/{}", self.rest(), comment.id);
        let html = format!("{}/{name}/pull/{}#discussion_r{}", self.origin, comment.pull, comment.id);
        let pull = format!("{}/repos/{name}/pulls/{}", self.rest(), comment.pull);
        let it = with(
            without(template, &["start_line", "original_start_line", "start_side", "in_reply_to_id"]),
            json!({
                "url": url, "pull_request_review_id": comment.review, "id": comment.id,
                "node_id": node("PullRequestReviewComment", comment.id), "diff_hunk": "@@ -1 +1 @@", "path": comment.path,
                "commit_id": comment.commit, "original_commit_id": comment.commit, "user": self.user_json(&comment.author),
                "body": comment.body, "created_at": iso(comment.created), "updated_at": iso(comment.updated), "html_url": html,
                "pull_request_url": pull, "author_association": self.association(repository, &comment.author),
                "_links": { "self": { "href": url }, "html": { "href": html }, "pull_request": { "href": pull } },
                "line": comment.line, "original_line": comment.line, "side": "RIGHT",
                "reactions": self.reactions_json(&url, &comment.reactions),
            }),
        );
        Ok(match comment.reply_to {
            Some(id) => with(it, json!({ "in_reply_to_id": id })),
            None => it,
        })
    }

    pub(crate) fn review_json(&self, repository: &Repository, review: &Review) -> Result<Value> {
        let template = self.template("pulls/list-reviews", Some(repository))?;
        let name = repository.full_name();
        let html = format!("{}/{name}/pull/{}#pullrequestreview-{}", self.origin, review.pull, review.id);
        let pull = format!("{}/repos/{name}/pulls/{}", self.rest(), review.pull);
        Ok(with(
            template,
            json!({
                "id": review.id, "node_id": node("PullRequestReview", review.id), "user": self.user_json(&review.author),
                "body": review.body, "state": review.state, "html_url": html, "pull_request_url": pull,
                "_links": { "html": { "href": html }, "pull_request": { "href": pull } },
                "submitted_at": iso(review.submitted), "commit_id": review.commit,
                "author_association": self.association(repository, &review.author),
            }),
        ))
    }

    pub(crate) fn check_json(&self, repository: &Repository, check: &Check) -> Result<Value> {
        let mut template = self.template("checks/get", Some(repository))?;
        if !check.ours {
            template["app"] =
                with(self.app_json()?, json!({ "id": 15_368, "slug": "github-actions", "name": "GitHub Actions" }));
        } else {
            template["app"] = self.app_json()?;
        }
        let url = format!("{}/repos/{}/check-runs/{}", self.rest(), repository.full_name(), check.id);
        let page = format!("{}/{}/runs/{}", self.origin, repository.full_name(), check.id);
        Ok(with(
            template,
            json!({
                "id": check.id, "node_id": node("CheckRun", check.id), "head_sha": check.head_sha, "name": check.name,
                "external_id": check.external_id, "url": url, "details_url": check.details_url.as_ref().unwrap_or(&page), "status": check.status,
                "html_url": page,
                "conclusion": check.conclusion, "started_at": check.started, "completed_at": check.completed,
                "check_suite": { "id": check.suite }, "pull_requests": [],
                "output": {
                    "title": check.title, "summary": check.summary, "text": check.text,
                    "annotations_count": check.annotations.len(), "annotations_url": format!("{url}/annotations"),
                },
            }),
        ))
    }

    pub(crate) fn suite_json(&self, repository: &Repository, suite: &Suite) -> Result<Value> {
        let template = self.template("checks/get-suite", Some(repository))?;
        let checks: Vec<&Check> = repository.checks.values().filter(|it| it.suite == suite.id).collect();
        let done = !checks.is_empty() && checks.iter().all(|it| it.status == "completed");
        let failed = checks.iter().any(|it| it.conclusion.as_deref() == Some("failure"));
        let conclusion = done.then_some(if failed { "failure" } else { "success" });
        let app = if suite.ours {
            self.app_json()?
        } else {
            with(self.app_json()?, json!({ "id": 15_368, "slug": "github-actions" }))
        };
        let url = format!("{}/repos/{}/check-suites/{}", self.rest(), repository.full_name(), suite.id);
        Ok(with(
            template,
            json!({
                "id": suite.id, "node_id": node("CheckSuite", suite.id), "head_branch": suite.head_branch, "head_sha": suite.head_sha,
                "status": if done { "completed" } else { "in_progress" }, "conclusion": conclusion, "url": url,
                "pull_requests": [], "app": app, "repository": self.repository_json(repository, Detail::Listed)?,
                "check_runs_url": format!("{url}/check-runs"), "latest_check_runs_count": checks.len(),
                "created_at": iso(suite.created), "updated_at": iso(suite.created), "before": null, "after": suite.head_sha,
            }),
        ))
    }

    /// A commit, as the Git Data API writes it.
    pub(crate) fn git_commit_json(&self, repository: &Repository, sha: &str) -> Result<Value> {
        let commit = repository.objects.read_commit(sha)?;
        let url = format!("{}/repos/{}", self.rest(), repository.full_name());
        let html = format!("{}/{}/commit", self.origin, repository.full_name());
        let person =
            |it: &super::objects::Signature| json!({ "name": it.name, "email": it.email, "date": iso(it.when) });
        let parents: Vec<Value> = commit
            .parents
            .iter()
            .map(
                |it| json!({ "sha": it, "url": format!("{url}/git/commits/{it}"), "html_url": format!("{html}/{it}") }),
            )
            .collect();
        Ok(json!({
            "sha": sha, "node_id": STANDARD.encode(format!("Commit:{sha}")), "url": format!("{url}/git/commits/{sha}"),
            "html_url": format!("{html}/{sha}"), "author": person(&commit.author), "committer": person(&commit.committer),
            "message": commit.message, "tree": { "sha": commit.tree, "url": format!("{url}/git/trees/{}", commit.tree) },
            "parents": parents, "verification": self.verification(repository, sha),
        }))
    }

    fn verification(&self, repository: &Repository, sha: &str) -> Value {
        let signed = repository.signed.contains(sha);
        let signature = signed.then_some("-----BEGIN PGP SIGNATURE-----\n\nfake\n-----END PGP SIGNATURE-----");
        json!({
            "verified": signed, "reason": if signed { "valid" } else { "unsigned" }, "signature": signature,
            "payload": signed.then(|| format!("commit {sha}")), "verified_at": null,
        })
    }

    /// A commit, as the rest of the interface writes it.
    pub(crate) fn commit_json(&self, repository: &Repository, sha: &str) -> Result<Value> {
        let git = self.git_commit_json(repository, sha)?;
        let url = format!("{}/repos/{}/commits/{sha}", self.rest(), repository.full_name());
        let author = self.accounts.values().find(|it| git["author"]["name"] == json!(it.login));
        let author = author.map(|it| self.user_json(&it.login));
        Ok(json!({
            "url": url, "sha": sha, "node_id": git["node_id"], "html_url": git["html_url"], "comments_url": format!("{url}/comments"),
            "commit": {
                "url": git["url"], "author": git["author"], "committer": git["committer"], "message": git["message"],
                "tree": git["tree"], "comment_count": 0, "verification": git["verification"],
            },
            "author": author, "committer": author, "parents": git["parents"],
        }))
    }

    pub(crate) fn reference_json(&self, repository: &Repository, name: &str, sha: &str) -> Value {
        let url = format!("{}/repos/{}/git", self.rest(), repository.full_name());
        let kind = repository.objects.kind(sha).unwrap_or_else(|| "commit".to_owned());
        json!({
            "ref": name, "node_id": STANDARD.encode(name), "url": format!("{url}/{name}"),
            "object": { "type": kind, "sha": sha, "url": format!("{url}/commits/{sha}") },
        })
    }

    /// What an account may do in a repository, as GitHub answers it.
    pub(crate) fn permission_json(&self, repository: &Repository, login: &str) -> Value {
        let permission = repository.permission_of(login);
        let mut user = self.user_json(login);
        user["role_name"] = json!(permission.role());
        user["permissions"] = json!({
            "admin": permission >= Permission::Admin, "maintain": permission >= Permission::Maintain,
            "push": permission >= Permission::Write, "triage": permission >= Permission::Triage,
            "pull": permission >= Permission::Read,
        });
        json!({ "permission": permission.coarse(), "role_name": permission.role(), "user": user })
    }
}
