//! Connections that are cut when the engine has made a container and not yet come to say so.

use std::io;
use std::path::{Path, PathBuf};

use bollard::query_parameters::ListContainersOptionsBuilder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use super::*;
use crate::image::build::{Network, complete};
use crate::testing::docker_options;

/// Passes everything on, but for the engine's answer to the creation of a container: there the connection ends.
struct Cutting {
    folder: tempfile::TempDir,
    task: JoinHandle<()>,
}

impl Cutting {
    fn start(engine: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, engine.clone()));
            }
        });
        Self { folder, task }
    }

    fn options(&self) -> ConnectOptions {
        let host = format!("unix://{}", self.folder.path().join("docker.sock").display());
        ConnectOptions { docker_host: Some(host), ..docker_options() }
    }
}

impl Drop for Cutting {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(mut client: UnixStream, engine: PathBuf) -> io::Result<()> {
    const CREATION: &[u8] = b"/containers/create";
    let mut engine = UnixStream::connect(engine).await?;
    let (mut asked, mut said) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let mut creates = false;
    loop {
        tokio::select! {
            count = client.read(&mut asked) => {
                let bytes = &asked[..count?];
                creates |= bytes.windows(CREATION.len()).any(|it| it == CREATION);
                if bytes.is_empty() {
                    return Ok(());
                }
                engine.write_all(bytes).await?;
            }
            count = engine.read(&mut said) => {
                let bytes = &said[..count?];
                if bytes.is_empty() || creates {
                    return Ok(());
                }
                client.write_all(bytes).await?;
            }
        }
    }
}

/// Returns the names of this process's containers of one job.
async fn present(engine: &Engine, job: &str) -> Vec<String> {
    let label = format!("{BOOT_LABEL}={}", crate::reap::current_boot());
    let filters = HashMap::from([("label".to_owned(), vec![label]), ("name".to_owned(), vec![format!("-{job}-")])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let found = engine.docker.list_containers(Some(options)).await.unwrap();
    found.into_iter().flat_map(|it| it.names.unwrap_or_default()).collect()
}

#[tokio::test]
async fn a_container_that_was_made_meanwhile_goes_when_the_engine_answers_again() {
    let Some(plain) = docker().await else { return };
    let image = with_image(&plain).await;
    let id = plain.image_id(&image).await.unwrap();
    let cutting = Cutting::start(Path::new(&plain.engine.socket).to_owned());
    let backend = DockerBackend::connect(&cutting.options()).await.unwrap();

    let spec = SandboxSpec::new(Labels::for_job("cut"));
    let error = backend.create(&spec, &id, &["x".to_owned()], &backend.offer).await.err().unwrap();
    leaves_nothing(&plain.engine, &backend, "cut", &error).await;

    let error = station::derive(&backend.engine, &id, "cut").await.unwrap_err();
    leaves_nothing(&plain.engine, &backend, "station", &error).await;

    let (command, made) = (["true".to_owned()], ImageRef::new("patchwright/test-cut:1"));
    let error = complete(&backend.engine, &image, &command, &made, Network::None, &|_| {}).await.unwrap_err();
    leaves_nothing(&plain.engine, &backend, "image", &error).await;
}

async fn leaves_nothing(engine: &Engine, backend: &DockerBackend, job: &str, error: &SandboxError) {
    assert!(error.is_infrastructure(), "{error}");
    // Other tests of this process may derive images at the same time, but none of them dies over it.
    assert_ne!(present(engine, job).await, [""; 0], "the engine made no container for {job}");
    backend.recover(Duration::from_secs(10)).await.unwrap();
    assert_eq!(present(engine, job).await, [""; 0]);
}
