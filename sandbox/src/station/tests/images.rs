//! The helper in images, and the price of a command.

use std::time::Instant;

use bollard::Docker;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::query_parameters::{
    CreateImageOptionsBuilder, ListContainersOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptionsBuilder,
};
use futures_util::StreamExt as _;

use super::*;
use crate::backend::docker::DockerBackend;

fn engine() -> Docker {
    match testing::docker_options().docker_host {
        Some(host) => Docker::connect_with_unix(&host, 120, bollard::API_DEFAULT_VERSION).unwrap(),
        None => Docker::connect_with_unix_defaults().unwrap(),
    }
}

/// Imports an image that holds one empty folder, under a name nobody else uses.
async fn scratch_image(engine: &Docker) -> String {
    let name = format!("patchwright/test-{}", uuid::Uuid::new_v4().simple());
    let mut header = [0_u8; 512];
    header[..6].copy_from_slice(b"empty/");
    header[100..108].copy_from_slice(b"0000755\0");
    header[124..136].copy_from_slice(b"00000000000\0");
    header[148..156].copy_from_slice(b"        ");
    header[156] = b'5';
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let archive = [header.to_vec(), vec![0; 1024]].concat();
    let options = CreateImageOptionsBuilder::new().from_src("-").repo(&name).tag("1").build();
    let mut importing = engine.create_image(Some(options), Some(bollard::body_full(archive.into())), None);
    while let Some(step) = importing.next().await {
        step.unwrap();
    }
    format!("{name}:1")
}

async fn derived(engine: &Docker, image: &str) -> Vec<String> {
    let base = engine.inspect_image(image).await.unwrap().id.unwrap();
    let filters = std::collections::HashMap::from([("label", vec![format!("patchwright.station.base={base}")])]);
    let options = ListImagesOptionsBuilder::new().all(true).filters(&filters).build();
    engine.list_images(Some(options)).await.unwrap().into_iter().map(|image| image.id).collect()
}

async fn remove(engine: &Docker, image: &str) {
    let options = RemoveImageOptionsBuilder::new().force(true).build();
    engine.remove_image(image, Some(options), None).await.unwrap();
}

/// Nothing is in the image: no C library, no shell, no `/tmp`. Two processes that want it at the same time both get it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_station_needs_nothing_of_its_image() {
    let Some(backend) = testing::docker().await else { return };
    if !helper::is_static() {
        testing::Promise::Docker.missing(&"the helper could not be linked statically");
        return;
    }
    let engine = engine();
    let image = scratch_image(&engine).await;
    let spec =
        SandboxSpec { image: Some(ImageRef::new(&image)), ..SandboxSpec::new(Labels::for_job("station-scratch")) };
    let other: DockerBackend = testing::docker().await.unwrap();
    let (first, second) = tokio::join!(Station::start(&backend, &spec), Station::start(&other, &spec));
    let (station, second) = (first.unwrap(), second.unwrap());
    second.close().await.unwrap();

    let at = station.make_place("x").await.unwrap();
    // The helper is the only program there is: without input it says who it is, and leaves.
    let program = WorkFile { bytes: helper::PROGRAM.to_vec(), mode: FileMode::Executable, ..file("program", "") };
    station.put(&at, &[program, file("text", "in")]).await.unwrap();
    let mark = station.mark(&at).await.unwrap();
    let outcome = station.run(&at, &command(&["./program"])).await.unwrap();
    assert_eq!((outcome.exit_code, &outcome.ending), (Some(0), &RunEnding::Complete), "{outcome:?}");
    assert!(outcome.output.contains("/tmp/run-"), "{outcome:?}");
    let missing = station.run(&at, &shell("true")).await.unwrap();
    assert_eq!(missing.exit_code, Some(127), "{missing:?}");
    assert!(!station.commit(&at).await.unwrap());
    station.apply(&at, &[over("text", "out")]).await.unwrap();
    let changes = station.changes(&at, &mark, 10).await.unwrap();
    assert_eq!(changes.files.len(), 1, "{changes:?}");
    station.close().await.unwrap();

    // Another start derives nothing, and whatever the two left beside the tagged one is gone once somebody derives again.
    let third = Station::start(&testing::docker().await.unwrap(), &spec).await.unwrap();
    third.close().await.unwrap();
    let images = derived(&engine, &image).await;
    assert!((1..=2).contains(&images.len()), "{images:?}");
    for id in images {
        remove(&engine, &id).await;
    }
    // The image is derived again when it was removed behind the backend's back.
    let station = Station::start(&backend, &spec).await.unwrap();
    station.close().await.unwrap();
    let images = derived(&engine, &image).await;
    assert_eq!(images.len(), 1);
    remove(&engine, &images[0]).await;
    remove(&engine, &image).await;
}

/// One of this program's own images with git in it, if any was made on this machine.
async fn image_with_git(engine: &Docker) -> Option<ImageRef> {
    let found = engine.list_images(Some(ListImagesOptionsBuilder::new().build())).await.unwrap();
    let tags = found.into_iter().flat_map(|image| image.repo_tags);
    let mut ours: Vec<String> = tags
        .filter(|tag| ["go:", "node:", "rust:"].iter().any(|it| tag.starts_with(&format!("patchwright/{it}"))))
        .collect();
    ours.sort();
    ours.into_iter().next().map(ImageRef::new)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_has_no_history_in_an_image_with_git() {
    let Some(backend) = testing::docker().await else { return };
    let Some(image) = image_with_git(&engine()).await else {
        println!("skipped: no image with git was made here yet");
        return;
    };
    let subject = Subject { backend: Box::new(backend), image: Some(image) };
    let station = subject.start().await;
    assert!(super::files::a_commit_has_no_history(&station).await);
    station.close().await.unwrap();
}

/// The engine's own way to run a command in a running container, from creation to exit code.
async fn exec(engine: &Docker, container: &str) {
    let options = CreateExecOptions { cmd: Some(vec!["true"]), attach_stdout: Some(true), ..Default::default() };
    let id = engine.create_exec(container, options).await.unwrap().id;
    let StartExecResults::Attached { mut output, .. } = engine.start_exec(&id, None).await.unwrap() else {
        panic!("not attached")
    };
    while output.next().await.is_some() {}
    assert_eq!(engine.inspect_exec(&id).await.unwrap().exit_code, Some(0));
}

/// Returns the median, and the time within which 95 of 100 were.
fn middle(mut times: Vec<Duration>) -> [Duration; 2] {
    times.sort();
    [times[times.len() / 2], times[times.len() * 95 / 100]]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_costs_a_fraction_of_the_engines_exec() {
    let Some(subject) = docker().await else { return };
    let spec = SandboxSpec {
        labels: Labels::for_job(uuid::Uuid::new_v4().simple().to_string()),
        ..subject.spec(Limits::default())
    };
    let station = Station::start(subject.backend.as_ref(), &spec).await.unwrap();
    let at = station.make_place("x").await.unwrap();
    let engine = engine();
    let filters = std::collections::HashMap::from([("label", vec![format!("patchwright.job={}", spec.labels.job)])]);
    let options = ListContainersOptionsBuilder::new().filters(&filters).build();
    let container = engine.list_containers(Some(options)).await.unwrap().remove(0).id.unwrap();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..12 {
        let began = Instant::now();
        exec(&engine, &container).await;
        theirs.push(began.elapsed());
        for _ in 0..10 {
            let began = Instant::now();
            let outcome = station.run(&at, &command(&["true"])).await.unwrap();
            ours.push(began.elapsed());
            assert_eq!(outcome.exit_code, Some(0));
        }
    }
    station.close().await.unwrap();
    let ([ours, ours_95], [theirs, theirs_95]) = (middle(ours), middle(theirs));
    println!(
        "`true` in a station: p50 {ours:?}, p95 {ours_95:?}; by the engine's exec: p50 {theirs:?}, p95 {theirs_95:?}"
    );
    assert!(ours * 4 < theirs, "{ours:?} against {theirs:?}");
}
