//! What every station promises, on both backends. Each promise is one function over a running station; what ends its station starts
//! one of its own.

mod commands;
mod files;
mod hostile;
mod images;

use super::*;
use crate::backend::process::ProcessBackend;
use crate::spec::{ImageRef, Labels};
use crate::testing;

fn path(path: &str) -> RepoPath {
    RepoPath::new(path).unwrap()
}

fn file(name: &str, text: &str) -> WorkFile {
    WorkFile { path: path(name), bytes: text.as_bytes().to_vec(), mode: FileMode::Regular }
}

fn over(name: &str, text: &str) -> Overlay {
    Overlay { path: path(name), bytes: Some(text.as_bytes().to_vec()) }
}

fn command(argv: &[&str]) -> CommandRequest {
    CommandRequest {
        argv: argv.iter().map(|it| (*it).to_owned()).collect(),
        cwd: String::new(),
        env: Vec::new(),
        overlay: Vec::new(),
        total: Duration::from_secs(60),
        silence: Duration::from_secs(60),
    }
}

pub(super) fn shell(script: &str) -> CommandRequest {
    command(&["/bin/sh", "-c", script])
}

fn python(script: &str) -> CommandRequest {
    command(&["python3", "-c", script])
}

/// Runs a script that must go well, and returns what it printed.
async fn printed(station: &Station, at: &Place, request: &CommandRequest) -> String {
    let outcome = station.run(at, request).await.unwrap();
    assert_eq!((outcome.exit_code, &outcome.ending), (Some(0), &RunEnding::Complete), "{request:?}\n{outcome:?}");
    outcome.output
}

/// A backend under test, with the image to use.
struct Subject {
    backend: Box<dyn Backend>,
    image: Option<ImageRef>,
}

impl Subject {
    fn spec(&self, limits: Limits) -> SandboxSpec {
        SandboxSpec { image: self.image.clone(), limits, ..SandboxSpec::new(Labels::for_job("station")) }
    }

    async fn start(&self) -> Station {
        Station::start(self.backend.as_ref(), &self.spec(Limits::default())).await.unwrap()
    }
}

async fn docker() -> Option<Subject> {
    let backend = testing::docker().await?;
    let image = backend.prepare(None, &|_| {}).await.unwrap();
    Some(Subject { backend: Box::new(backend), image })
}

async fn process() -> Subject {
    Subject { backend: Box::new(ProcessBackend::connect().await.unwrap()), image: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_on_docker() {
    let Some(subject) = docker().await else { return };
    conformance(&subject).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_on_processes() {
    conformance(&process().await).await;
}

/// Checks everything.
async fn conformance(subject: &Subject) {
    let station = subject.start().await;
    files::go_in_and_come_back(&station).await;
    files::edits_are_newer_than_everything(&station).await;
    files::links_lead_nowhere(&station).await;
    files::nothing_blocks_a_reader(&station).await;
    files::changes_come_back_as_a_tree(&station).await;
    files::changes_are_capped(&station).await;
    files::copies_are_whole(&station).await;
    files::a_commit_has_no_history(&station).await;
    commands::run_where_they_should(&station).await;
    commands::keep_the_order_of_their_output(&station).await;
    commands::run_side_by_side(&station).await;
    commands::leave_no_process(&station).await;
    commands::end_when_nobody_waits(&station).await;
    commands::print_within_bounds(&station).await;
    hostile::nothing_of_this_machine_is_in_sight(&station).await;
    hostile::a_repository_of_its_own_is_not_looked_at(&station).await;
    assert!(station.is_alive());
    station.close().await.unwrap();
    hostile::killing_the_helper_is_no_result(subject).await;
    hostile::a_fork_bomb_is_ended(subject).await;
}
