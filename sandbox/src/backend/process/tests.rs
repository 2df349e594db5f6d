//! The process backend on this machine, whole and with layers taken away.

use super::*;
use crate::backend::conformance::{Strength, Subject, conformance};

async fn check(backend: &ProcessBackend, strength: Strength) {
    conformance(&Subject { backend, image: None, python: None, strength }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let backend = ProcessBackend::connect().await.unwrap();
    let missing: Vec<_> = backend.describe().missing().cloned().collect();
    eprintln!("missing layers: {missing:?}");
    let strength = if backend.layers.has(LayerId::Mounts) { Strength::Isolated } else { Strength::Restrained };
    check(&backend, strength).await;
}
