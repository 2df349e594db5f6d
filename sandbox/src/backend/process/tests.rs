//! The process backend on this machine: whole, with layers taken away, and without the superuser's rights.

use repo::RepoPath;

use super::*;
use crate::backend::conformance::{Strength, Subject, conformance};
use crate::report::RunEnding;
use crate::station::Station;
use crate::workbench::{CommandRequest, WorkFile};

/// An interpreter that other users than the superuser can reach too.
const COMMON_PYTHON: &str = "/usr/bin/python3";

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let backend = ProcessBackend::connect().await.unwrap();
    let missing: Vec<_> = backend.describe().missing().cloned().collect();
    eprintln!("missing layers: {missing:?}");
    let strength = if backend.layers.has(LayerId::Mounts) { Strength::Isolated } else { Strength::Restrained };
    conformance(&Subject { backend: &backend, image: None, python: None, strength }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workspaces_appear_while_a_box_runs() {
    let backend = ProcessBackend::connect().await.unwrap();
    crate::workspace::boxes::boxes(&backend, None).await;
}

/// What is left where namespaces are refused, as in most containers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_without_namespaces() {
    if !std::path::Path::new(COMMON_PYTHON).exists() {
        eprintln!("skipped: no {COMMON_PYTHON}");
        return;
    }
    let mut layers = Layers::all(if is_root() { Builder::Root } else { Builder::None });
    for layer in LayerId::NAMESPACES.into_iter().chain([LayerId::Seal]) {
        layers.remove(layer, "taken away");
    }
    let backend = ProcessBackend::with_layers(layers).await.unwrap();
    if !backend.layers.has(LayerId::Landlock) {
        eprintln!("skipped: without landlock nothing confines writing");
        return;
    }
    let python = Some(COMMON_PYTHON.to_owned());
    conformance(&Subject { backend: &backend, image: None, python, strength: Strength::Restrained }).await;
}

/// A station's whole conversation, as far as the weakest box allows it.
async fn station_conforms(backend: &ProcessBackend, python: Option<String>) {
    let spec = SandboxSpec { python, ..SandboxSpec::new(crate::spec::Labels::for_job("station")) };
    let station = Station::start(backend, &spec).await.unwrap();
    let at = station.make_place("x").await.unwrap();
    let file = |name: &str, text: &str| WorkFile {
        path: RepoPath::new(name).unwrap(),
        bytes: text.as_bytes().to_vec(),
        mode: repo::FileMode::Regular,
    };
    station.put(&at, &[file("a/b", "in")]).await.unwrap();
    let mark = station.mark(&at).await.unwrap();
    let script =
        "trap '' TERM; cat a/b; echo out > a/b; (setsid sh -c 'while :; do :; done; : station-leftover' &) ; exit 4";
    let request = CommandRequest {
        argv: ["/bin/sh", "-c", script].map(str::to_owned).into(),
        cwd: String::new(),
        env: Vec::new(),
        overlay: Vec::new(),
        total: std::time::Duration::from_secs(30),
        silence: std::time::Duration::from_secs(30),
    };
    let outcome = station.run(&at, &request).await.unwrap();
    let seen = (outcome.exit_code, &outcome.ending, outcome.output.as_str());
    assert_eq!(seen, (Some(4), &RunEnding::Complete, "in"), "{outcome:?}");
    let changes = station.changes(&at, &mark, 10).await.unwrap();
    assert_eq!(changes.files.iter().filter_map(|it| it.bytes.as_deref()).collect::<Vec<_>>(), [b"out\n"]);
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let is_left =
            line.windows(18).any(|part| part == b": station-leftover") && !line.windows(4).any(|it| it == b"trap");
        assert!(!is_left, "{}", String::from_utf8_lossy(&line));
    }
    station.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_with_a_station() {
    station_conforms(&ProcessBackend::connect().await.unwrap(), None).await;
}

/// Without a root of its own the box is given the helper as a file of this machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_with_a_station_without_namespaces() {
    let mut layers = Layers::all(if is_root() { Builder::Root } else { Builder::None });
    for layer in LayerId::NAMESPACES.into_iter().chain([LayerId::Seal]) {
        layers.remove(layer, "taken away");
    }
    let backend = ProcessBackend::with_layers(layers).await.unwrap();
    let python = std::path::Path::new(COMMON_PYTHON).exists().then(|| COMMON_PYTHON.to_owned());
    station_conforms(&backend, python).await;
}

/// Runs the tests of this file again as a user without rights.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_without_rights() {
    if !is_root() {
        eprintln!("skipped: every other test of this file already runs without rights");
        return;
    }
    // The build folder may lie where that user cannot go.
    let folder = tempfile::tempdir().unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("tests");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let output = tokio::process::Command::new("setpriv")
        .args(["--reuid=65532", "--regid=65532", "--clear-groups", "--inh-caps=-all"])
        .arg(&program)
        .args(["backend::process::tests::conforms", "--nocapture", "--test-threads=2"])
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .current_dir("/")
        .output()
        .await
        .unwrap();
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complained}");
    eprintln!("{complained}");
}

#[tokio::test]
async fn what_the_dead_left_is_removed_and_the_living_keep_theirs() {
    let backend = ProcessBackend::connect().await.unwrap();
    let (dead, alive) = reap::other_boots();
    let [left, kept] = [dead, alive].map(|boot| new_name(&boot));
    let mut folders = Vec::new();
    for name in [&left, &kept] {
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(folder.join("workspace")).unwrap();
        folders.push(folder);
        std::mem::forget(backend.cgroups.create(name, &Limits::default()).unwrap());
    }
    let report = backend.reap(&reap::current_boot()).await.unwrap();
    assert!(report.kept.contains(&kept), "{report:?}");
    assert!(!report.failed.iter().any(|(name, _)| *name == left), "{report:?}");
    assert_eq!(folders.iter().map(|it| it.exists()).collect::<Vec<_>>(), [false, true]);
    assert!(!backend.cgroups.names().contains(&left));
    std::fs::remove_dir_all(&folders[1]).unwrap();
    backend.cgroups.remove(&kept).unwrap();
}

#[tokio::test]
async fn a_name_with_a_null_byte_is_refused() {
    let backend = ProcessBackend::connect().await.unwrap();
    let spec = SandboxSpec::new(crate::spec::Labels::for_job("null"));
    for argv in [vec!["a\0b".to_owned()], vec!["true".to_owned(), "\0".to_owned()], Vec::new()] {
        assert!(matches!(backend.launch(&spec, &argv).await, Err(SandboxError::Launch { .. })), "{argv:?}");
    }
}
