//! The Docker backend on an engine that answers, and on sockets where none does.

use super::*;
use crate::backend::conformance::{Strength, Subject, conformance};

/// Returns the backend; `None`, having said so, where no engine answers and none is promised.
async fn backend() -> Option<DockerBackend> {
    let options = ConnectOptions { docker_host: std::env::var("DOCKER_HOST").ok(), ..ConnectOptions::default() };
    match DockerBackend::connect(&options).await {
        Ok(backend) => Some(backend),
        Err(error) if std::env::var_os("PATCHWRIGHT_REQUIRE_DOCKER").is_some_and(|it| it == "1") => {
            panic!("an engine is required: {error}")
        }
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

async fn with_image(backend: &DockerBackend) -> ImageRef {
    backend.prepare(None, &|progress| eprintln!("{progress:?}")).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let Some(backend) = backend().await else { return };
    let image = with_image(&backend).await;
    let subject = Subject { backend: &backend, image: Some(image), python: None, strength: Strength::Isolated };
    conformance(&subject).await;
}
