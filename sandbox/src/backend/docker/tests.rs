//! The Docker backend on an engine that answers, and on sockets where none does.

mod cut;

use bollard::query_parameters::CreateContainerOptionsBuilder;

use super::*;
use crate::backend::conformance::{Strength, Subject, conformance};
use crate::spec::Labels;
use crate::testing::docker;

async fn with_image(backend: &DockerBackend) -> ImageRef {
    backend.prepare(None, &|progress| eprintln!("{progress:?}")).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let Some(backend) = docker().await else { return };
    let image = with_image(&backend).await;
    let subject = Subject { backend: &backend, image: Some(image), python: None, strength: Strength::Isolated };
    conformance(&subject).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workspaces_appear_while_a_container_runs() {
    let Some(backend) = docker().await else { return };
    let image = with_image(&backend).await;
    crate::workspace::boxes::boxes(&backend, Some(image)).await;
}

#[tokio::test]
async fn what_the_dead_left_is_removed_and_the_rest_stays() {
    let Some(backend) = docker().await else { return };
    let image = with_image(&backend).await;
    let image_id = backend.image_id(&image).await.unwrap();
    let (dead, alive) = crate::reap::other_boots();
    let argv = ["python3".to_owned()];
    let mut containers = Vec::new();
    for boot in [dead, alive, crate::reap::current_boot(), "of another version".to_owned()] {
        let spec = SandboxSpec::new(Labels { job: "reap".into(), boot });
        containers.push(backend.create(&spec, &image_id, &argv, &backend.offer).await.unwrap());
    }
    let spec = SandboxSpec::new(Labels::for_job("foreign"));
    let mut body = container::body(&spec, &image_id, &argv, &backend.offer);
    body.labels = None;
    let options = CreateContainerOptionsBuilder::new().build();
    let foreign = backend.engine.docker.create_container(Some(options), body).await.unwrap();
    containers.push(Container::new(backend.engine.clone(), foreign.id));

    let report = backend.reap(&crate::reap::current_boot()).await.unwrap();
    assert_eq!(report.failed, []);
    let mut present = Vec::new();
    for container in &containers {
        let options = None::<bollard::query_parameters::InspectContainerOptions>;
        present.push(backend.engine.docker.inspect_container(container.id(), options).await.is_ok());
    }
    assert_eq!(present, [false, true, true, true, true]);
    for mut container in containers {
        container.remove().await.unwrap();
    }
}

#[tokio::test]
async fn a_missing_image_is_named() {
    let Some(backend) = docker().await else { return };
    let spec = SandboxSpec {
        image: Some(ImageRef::new("patchwright/no-such-image:1")),
        ..SandboxSpec::new(Labels::for_job("missing"))
    };
    let Err(error) = backend.launch(&spec, &["true".into()]).await else { panic!("started from nothing") };
    assert!(
        matches!(&error, SandboxError::ImageMissing { image, .. } if image == "patchwright/no-such-image:1"),
        "{error}"
    );
}

async fn refusal(socket: &std::path::Path, patience_ms: u64) -> SandboxError {
    let options = ConnectOptions {
        docker_host: Some(format!("unix://{}", socket.display())),
        timeout: std::time::Duration::from_millis(patience_ms),
        ..ConnectOptions::default()
    };
    DockerBackend::connect(&options).await.unwrap_err()
}

#[tokio::test]
async fn sockets_without_an_engine_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let absent = refusal(&folder.path().join("absent"), 5_000).await;
    assert!(matches!(absent, SandboxError::EngineUnreachable { .. }), "{absent}");
    assert!(absent.is_infrastructure() && absent.to_string().contains("start it"), "{absent}");

    let deserted = folder.path().join("deserted");
    drop(std::os::unix::net::UnixListener::bind(&deserted).unwrap());
    let error = refusal(&deserted, 5_000).await;
    assert!(matches!(error, SandboxError::EngineUnreachable { .. }), "{error}");

    let silent = folder.path().join("silent");
    let _listener = std::os::unix::net::UnixListener::bind(&silent).unwrap();
    let error = refusal(&silent, 100).await;
    assert!(matches!(error, SandboxError::EngineTimeout { .. }), "{error}");

    let babbling = folder.path().join("babbling");
    let listener = tokio::net::UnixListener::bind(&babbling).unwrap();
    let babble = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
        }
    });
    let error = refusal(&babbling, 5_000).await;
    assert!(matches!(error, SandboxError::Engine { .. }), "{error}");
    babble.abort();

    let options = ConnectOptions { docker_host: Some("tcp://localhost:2375".into()), ..ConnectOptions::default() };
    let error = DockerBackend::connect(&options).await.unwrap_err();
    assert!(error.to_string().contains("only unix sockets"), "{error}");
}

#[tokio::test]
async fn the_probe_describes_the_engine() {
    let Some(backend) = docker().await else { return };
    with_image(&backend).await;
    let checks = backend.probe().await;
    assert!(checks[0].ok && checks[0].detail.contains("docker.sock"), "{checks:?}");
    assert!(checks.iter().any(|check| check.name == "python image" && check.ok), "{checks:?}");
    assert!(checks.iter().all(|check| check.ok || check.fix.is_some()), "{checks:?}");
}
