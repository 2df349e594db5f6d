use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::json;

use super::*;
use crate::testing::{Hub, Reply, Seen};

const PARENT: &str = "1111111111111111111111111111111111111111";
const TREE: &str = "2222222222222222222222222222222222222222";
const COMMIT: &str = "3333333333333333333333333333333333333333";
const OTHER: &str = "4444444444444444444444444444444444444444";

fn oid(text: &str) -> Oid {
    Oid::new(text).unwrap()
}

/// The branch, and what the making of a reference answers before it is made (`false`) or after (`true`).
#[derive(Default)]
struct State {
    head: Option<&'static str>,
    fault: Option<(bool, u16, &'static str)>,
}

fn answer(state: &Mutex<State>, seen: &Seen) -> Option<Reply> {
    let found =
        |sha: &str, parent: &str| json!({ "sha": sha, "tree": { "sha": TREE }, "parents": [{ "sha": parent }] });
    let mut state = state.lock();
    let pointed = |state: &mut State| {
        if let Some((after, status, message)) = state.fault.take() {
            if after {
                state.head = Some(COMMIT);
            }
            return Reply::Json(status, json!({ "message": message }));
        }
        state.head = Some(COMMIT);
        Reply::Json(201, json!({ "ref": "refs/heads/fix/7", "object": { "sha": COMMIT } }))
    };
    Some(match seen.line().as_str() {
        "GET /repos/a/b/git/ref/heads/fix/7" => match state.head {
            None => return None,
            Some(sha) => Reply::Json(200, json!({ "ref": "refs/heads/fix/7", "object": { "sha": sha } })),
        },
        "POST /repos/a/b/git/blobs" => Reply::Json(201, json!({ "sha": OTHER })),
        "POST /repos/a/b/git/trees" => Reply::Json(201, json!({ "sha": TREE })),
        "POST /repos/a/b/git/commits" => Reply::Json(201, found(COMMIT, PARENT)),
        "POST /repos/a/b/git/refs" | "PATCH /repos/a/b/git/refs/heads/fix/7" => pointed(&mut state),
        line if line.ends_with(COMMIT) => Reply::Json(200, found(COMMIT, PARENT)),
        line if line.ends_with(OTHER) => Reply::Json(200, found(OTHER, OTHER)),
        _ => return None,
    })
}

async fn hub(state: State) -> Hub {
    let state = Arc::new(Mutex::new(state));
    Hub::start(move |seen| answer(&state, seen)).await
}

fn file(path: &str, bytes: &[u8]) -> TreeEdit {
    TreeEdit { path: path.to_owned(), content: Content::File { mode: FileMode::Regular, bytes: bytes.to_vec() } }
}

fn new(edits: Vec<TreeEdit>) -> NewCommit {
    NewCommit { branch: "fix/7".parse().unwrap(), parent: oid(PARENT), edits, message: "Fix it".to_owned() }
}

#[tokio::test]
async fn a_commit_is_a_tree_without_an_author_on_a_new_branch() {
    let hub = hub(State::default()).await;
    let repo = hub.repo().await;
    let run = Content::File { mode: FileMode::Executable, bytes: vec![0xff, 0] };
    let edits = vec![
        file("src/a.py", b"x = 1\n"),
        TreeEdit { path: "run".to_owned(), content: run },
        TreeEdit { path: "old".to_owned(), content: Content::Gone },
    ];
    let commit = new(edits);
    assert_eq!(commit.look(&repo).await.unwrap(), None);
    hub.seen();
    let made = commit.make(&repo).await.unwrap();
    assert_eq!((made.commit.as_str(), made.tree.as_str()), (COMMIT, TREE));
    let seen = hub.seen();
    assert_eq!(seen[0].body, json!({ "content": "/wA=", "encoding": "base64" }));
    let expected = json!({ "base_tree": PARENT, "tree": [
        { "path": "src/a.py", "mode": "100644", "type": "blob", "content": "x = 1\n" },
        { "path": "run", "mode": "100755", "type": "blob", "sha": OTHER },
        { "path": "old", "mode": "100644", "type": "blob", "sha": null },
    ]});
    assert_eq!(seen[1].body, expected);
    assert_eq!(seen[3].body, json!({ "message": "Fix it", "tree": TREE, "parents": [PARENT] }));
    assert_eq!(seen[4].body, json!({ "ref": "refs/heads/fix/7", "sha": COMMIT }));
    // The attempt after a crash finds it, and makes nothing that anybody sees.
    assert_eq!(commit.look(&repo).await.unwrap().unwrap().commit, made.commit);
    hub.seen();
    assert_eq!(commit.make(&repo).await.unwrap().commit, made.commit);
    assert!(!hub.lines().iter().any(|line| line.contains("git/commits ") || line.contains("git/refs")));
}

#[tokio::test]
async fn a_branch_that_is_there_is_only_moved_forward() {
    let hub = hub(State { head: Some(PARENT), ..State::default() }).await;
    let repo = hub.repo().await;
    let commit = new(vec![file("a", b"")]);
    assert_eq!(commit.look(&repo).await.unwrap(), None);
    commit.make(&repo).await.unwrap();
    let moved = hub.seen().pop().unwrap();
    assert_eq!(moved.line(), "PATCH /repos/a/b/git/refs/heads/fix/7");
    assert_eq!(moved.body, json!({ "sha": COMMIT, "force": false }));
}

#[tokio::test]
async fn a_branch_with_foreign_commits_is_left_alone() {
    let hub = hub(State { head: Some(OTHER), ..State::default() }).await;
    let repo = hub.repo().await;
    let error = new(vec![file("a", b"")]).make(&repo).await.unwrap_err();
    assert_eq!(error.class(), Class::Reread);
    assert!(error.to_string().contains("which is not ours"), "{error}");
    assert!(!hub.lines().iter().any(|line| line.contains("/git/refs")));
    let error = repo.delete_branch(&"fix/7".parse().unwrap(), &oid(COMMIT)).await.unwrap_err();
    assert_eq!(error.class(), Class::Reread);
}

#[tokio::test]
async fn a_branch_that_an_earlier_attempt_made_is_found() {
    let exists = "Reference already exists";
    let hub = hub(State { head: None, fault: Some((true, 422, exists)) }).await;
    let repo = hub.repo().await;
    assert_eq!(new(vec![file("a", b"")]).make(&repo).await.unwrap().commit.as_str(), COMMIT);
    // The answer was lost although the branch was made: the error says to look, and looking finds it.
    let hub = self::hub(State { head: None, fault: Some((true, 502, "")) }).await;
    let repo = hub.repo().await;
    let commit = new(vec![file("a", b"")]);
    assert_eq!(commit.make(&repo).await.unwrap_err().class(), Class::Retry);
    assert_eq!(commit.look(&repo).await.unwrap().unwrap().commit.as_str(), COMMIT);
    // A refusal that is none of this is passed on.
    let hub = self::hub(State { head: None, fault: Some((false, 422, exists)) }).await;
    let repo = hub.repo().await;
    assert_eq!(commit.make(&repo).await.unwrap_err().status(), Some(422));
}

#[tokio::test]
async fn odd_commits_are_refused_before_anything_is_sent() {
    let hub = hub(State::default()).await;
    let repo = hub.repo().await;
    for path in ["", "/etc/passwd", "../x", "a/../b", "a//b", ".git/config", "a/.GIT/hooks/x", "a\\b", "a\0b", "."] {
        let error = new(vec![file(path, b"")]).make(&repo).await.unwrap_err();
        assert!(matches!(error, GitHubError::Refused { .. }), "{path}: {error}");
    }
    assert!(new(Vec::new()).make(&repo).await.is_err());
    let silent = NewCommit { message: " ".to_owned(), ..new(vec![file("a", b"")]) };
    assert!(silent.make(&repo).await.is_err());
    assert_eq!(hub.lines(), [""; 0]);
}

#[tokio::test]
async fn large_files_are_blobs() {
    let hub = hub(State::default()).await;
    let repo = hub.repo().await;
    new(vec![file("a", &vec![b'x'; MAX_INLINE]), file("b", &vec![b'x'; MAX_INLINE + 1])]).make(&repo).await.unwrap();
    let lines = hub.lines();
    assert_eq!(lines.iter().filter(|line| line.contains("/git/blobs")).count(), 1);
}

#[tokio::test]
async fn a_prefix_of_a_branch_is_no_branch() {
    let answers = crate::testing::recorded("GHRepositoryTest/getRef").remove(0).exchanges;
    let list = answers.into_iter().find(|it| it.body.is_array()).unwrap();
    let hub =
        Hub::start(move |seen| seen.path.contains("/git/ref/heads/gh").then(|| list.reply(jiff::Timestamp::now())))
            .await;
    let repo = hub.repo().await;
    assert_eq!(repo.head_of(&"gh".parse().unwrap()).await.unwrap(), None);
    assert_eq!(repo.head_of(&"other".parse().unwrap()).await.unwrap(), None);
}
