//! The client of crate `github` against the fake: the whole life of an issue, and a request whose answer is lost.

use std::time::Duration;

use e2e::hub::{APP_ID, Fault, Hub, Match, PRIVATE_KEY, Permission, history};
use github::{
    Annotation, AnnotationLevel, App, AppId, AppKey, BranchName, CheckState, Client, ClientOptions, Content, Endpoints,
    FileMode, InstallationId, LabelChange, LimitSettings, NewCheck, NewComment, NewCommit, NewPull, NewReaction, Oid,
    Opening, Phase, Reaction, Repo, RepositoryId, Target, TreeEdit,
};

const MARKER: &str = "<!-- patchwright:job:0190:v1 -->";

struct World {
    hub: Hub,
    client: Client,
    installation: InstallationId,
    repository: RepositoryId,
}

fn world() -> World {
    let hub = Hub::start().unwrap();
    let repository = hub.repository("octo/demo").private().file("count.py", "def count(xs):\n    return len(xs) + 1\n");
    let repository = RepositoryId(repository.create().unwrap());
    hub.grant("octo/demo", "ann", Permission::Write).unwrap();
    let installation = InstallationId(hub.install("octo", &["octo/demo"]).unwrap());
    let app = App::new(AppId(APP_ID), AppKey::parse(PRIVATE_KEY.as_bytes()).unwrap());
    let options = ClientOptions {
        endpoints: Endpoints::at(&hub.rest(), &hub.graphql(), &hub.origin()).unwrap(),
        limits: LimitSettings { write_gap: Duration::ZERO, ..LimitSettings::default() },
        ..ClientOptions::default()
    };
    World { client: Client::new(app, options).unwrap(), hub, installation, repository }
}

impl World {
    async fn open(&self, phase: Phase) -> Repo {
        self.client.repository(self.installation, self.repository, phase).await.unwrap()
    }
}

async fn commit(repo: &Repo, branch: &BranchName, text: &str) -> NewCommit {
    let main = BranchName::new("main").unwrap();
    let parent = match repo.head_of(branch).await.unwrap() {
        Some(head) => head,
        None => repo.head_of(&main).await.unwrap().unwrap(),
    };
    let file = |path: &str, bytes: &[u8], mode| TreeEdit {
        path: path.to_owned(),
        content: Content::File { mode, bytes: bytes.to_vec() },
    };
    let edits = vec![
        file("count.py", text.as_bytes(), FileMode::Regular),
        file("data/raw.bin", b"\x00\xff", FileMode::Executable),
    ];
    NewCommit { branch: branch.clone(), parent, edits, message: "Count right\n\nFixes #1".to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_life_of_an_issue() {
    let world = world();
    let hub = &world.hub;
    let ann = hub.user("ann");
    let issue = ann.opens("octo/demo", "It counts one too many", "`count([])` is 1.").unwrap();
    ann.labels(issue, "patchwright:fix").unwrap();

    let reading = world.open(Phase::Read).await;
    let found = reading.issue(issue.number).await.unwrap();
    assert_eq!(found.title, "It counts one too many");
    let history = reading.issue_history(issue.number).await.unwrap();
    assert_eq!((history.body_edited_at, history.linked_pulls), (None, Vec::new()));
    let by = found.user.unwrap();
    assert!(reading.authority(&by.login, by.id).await.is_granted());
    assert!(reading.comments(issue.number).await.unwrap().is_empty());
    let token = reading.git_token().await.unwrap();
    assert!(token.expose().starts_with("ghs_"));

    let repo = world.open(Phase::Publish).await;
    NewReaction { target: Target::Issue(issue.number), reaction: Reaction::Eyes }.make(&repo).await.unwrap();
    let comment = NewComment { number: issue.number, marker: MARKER.to_owned(), body: "Looking.".to_owned() };
    let made = comment.make(&repo).await.unwrap();
    assert_eq!(comment.look(&repo, AppId(APP_ID)).await.unwrap().unwrap().id, made.id);
    repo.edit_comment(made.id, MARKER, "Found it.").await.unwrap();

    let branch = BranchName::new("patchwright/issue-1-0190").unwrap();
    let change = commit(&repo, &branch, "def count(xs):\n    return len(xs)\n").await;
    assert!(change.look(&repo).await.unwrap().is_none());
    let committed = change.make(&repo).await.unwrap();
    assert_eq!(committed.verified, Some(true));
    assert_eq!(change.look(&repo).await.unwrap().unwrap().commit, committed.commit);
    let pull = NewPull {
        head: branch.clone(),
        base: BranchName::new("main").unwrap(),
        title: "Count right".to_owned(),
        body: format!("Fixes #{}", issue.number),
        opening: Opening::Draft,
    };
    let opened = pull.make(&repo).await.unwrap();
    assert!(opened.draft);
    assert_eq!(pull.look(&repo).await.unwrap().unwrap().number, opened.number);
    check(&repo, &committed.commit).await;
    let labels =
        LabelChange { number: issue.number, add: vec!["fixed".to_owned()], remove: vec!["patchwright:fix".to_owned()] };
    labels.make(&repo).await.unwrap();
    assert!(labels.look(&repo).await.unwrap());
    assert_eq!(reading.issue_history(issue.number).await.unwrap().linked_pulls, [opened.number]);

    let place = hub.pulls("octo/demo", true).unwrap()[0];
    ann.reviews(place, "CHANGES_REQUESTED", "Nearly.", &[("count.py", 2, "And None?")]).unwrap();
    let thread = repo.review_threads(opened.number).await.unwrap().remove(0);
    let first = repo.review_comments(opened.number).await.unwrap().remove(0);
    assert_eq!(thread.first_comment, Some(first.comment.id));
    let change = commit(&repo, &branch, "def count(xs):\n    return len(xs or [])\n").await;
    let second = change.make(&repo).await.unwrap();
    repo.reply(opened.number, first.comment.id, "Done.").await.unwrap();
    repo.resolve_thread(&thread.id).await.unwrap();
    assert!(repo.review_threads(opened.number).await.unwrap()[0].is_resolved);
    assert_eq!(repo.head_of(&branch).await.unwrap(), Some(second.commit));
    repo.minimise(&made.node_id).await.unwrap();
    ann.sets_draft(place, false).unwrap();
    ann.merges(place).unwrap();
    assert!(repo.pull(opened.number).await.unwrap().is_merged());
    assert_eq!(
        reading.file("count.py", 1000).await.unwrap().unwrap(),
        "def count(xs):\n    return len(xs or [])\n".as_bytes()
    );

    repo.close().await.unwrap();
    reading.close().await.unwrap();
    assert_eq!(history::check(hub), Ok(()));
    world.hub.finish().unwrap();
}

async fn check(repo: &Repo, head: &Oid) {
    let note = Annotation {
        path: "count.py".to_owned(),
        start_line: 2,
        end_line: 2,
        annotation_level: AnnotationLevel::Notice,
        message: "changed".to_owned(),
        title: None,
    };
    let check = NewCheck {
        name: "patchwright / validation".to_owned(),
        head: head.clone(),
        external_id: "0190".to_owned(),
        state: CheckState::Success,
        title: "Tests".to_owned(),
        summary: "3 of 3".to_owned(),
        text: "all".to_owned(),
        annotations: vec![note; 51],
        buttons: Vec::new(),
    };
    let made = check.make(repo).await.unwrap();
    assert_eq!(check.look(repo, AppId(APP_ID)).await.unwrap().unwrap().id, made.id);
    assert_eq!(repo.annotations(made.id).await.unwrap().len(), 51);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_whose_answer_is_lost_is_found_by_looking() {
    let world = world();
    let issue = world.hub.user("ann").opens("octo/demo", "t", "b").unwrap();
    let repo = world.open(Phase::Publish).await;
    let branch = BranchName::new("patchwright/issue-1-0190").unwrap();
    let lose = |operation: &str| world.hub.fail(Match::operation(operation), Fault::ResetAfterEffect);

    let change = commit(&repo, &branch, "x = 1\n").await;
    lose("git/create-ref");
    assert!(change.make(&repo).await.is_err());
    assert!(change.look(&repo).await.unwrap().is_some());
    let pull = NewPull {
        head: branch,
        base: BranchName::new("main").unwrap(),
        title: "t".to_owned(),
        body: "b".to_owned(),
        opening: Opening::Draft,
    };
    lose("pulls/create");
    assert!(pull.make(&repo).await.is_err());
    assert!(pull.look(&repo).await.unwrap().is_some());
    let comment = NewComment { number: issue.number, marker: MARKER.to_owned(), body: "b".to_owned() };
    lose("issues/create-comment");
    assert!(comment.make(&repo).await.is_err());
    assert!(comment.look(&repo, AppId(APP_ID)).await.unwrap().is_some());
    repo.close().await.unwrap();
    assert_eq!(history::check(&world.hub), Ok(()));
    world.hub.finish().unwrap();
}
