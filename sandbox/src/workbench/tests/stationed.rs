//! The engine for command lines, in the boxes of both backends.

use super::*;

async fn bench(kind: BackendKind) -> Option<Workbench> {
    let backend: Box<dyn Backend> = match kind {
        BackendKind::Docker => Box::new(crate::testing::docker().await?),
        BackendKind::Process => connect(kind, &ConnectOptions::default()).await.unwrap(),
    };
    let image = backend.prepare(None, &|_| {}).await.unwrap();
    let spec = SandboxSpec { image, ..SandboxSpec::new(Labels::for_job("test")) };
    Some(Workbench::start(backend.as_ref(), &spec, &plan(RunnerKind::Command)).await.unwrap())
}

/// A command that passes while `code` says so, and leaves traces.
fn request(overlay: &[Overlay]) -> TestRequest {
    let line = "test ! -e trace && touch trace && grep -q good code && printf 'hash seed %s' $PYTHONHASHSEED";
    let plan = TestPlan { args: vec![line.to_owned()], cwd: "sub".to_owned(), ..plan(RunnerKind::Command) };
    TestRequest { overlay: overlay.to_vec(), ..TestRequest::all(plan) }
}

async fn every_run_has_a_workspace_of_its_own(kind: BackendKind) {
    let Some(mut bench) = bench(kind).await else { return };
    assert!(bench.pytest_version().is_err() && bench.python_version().is_none());
    bench.put(vec![file("sub/code", "bad")]).await.unwrap();
    let failed = bench.run_tests(&request(&[])).await.unwrap();
    assert_eq!(failed.results[0].status, TestStatus::Failed, "{failed:?}");
    let passed = bench.run_tests(&request(&[over("sub/code", "good")])).await.unwrap();
    assert!(passed.all_passed(), "{passed:?}");
    assert_eq!(passed.output, "hash seed 0");
    // What the overlay changed is undone, and so is what the command left.
    let failed = bench.run_tests(&request(&[])).await.unwrap();
    assert_eq!(failed.results[0].status, TestStatus::Failed, "{failed:?}");
    assert_eq!(bench.pull(&RepoPath::new("sub/code").unwrap(), 10).await.unwrap(), b"bad");
    bench.put(vec![file("sub/code", "good")]).await.unwrap();
    assert!(bench.run_tests(&request(&[])).await.unwrap().all_passed());
    let command = CommandRequest {
        argv: ["/bin/sh", "-c", "cat sub/code > copy; rm sub/other; echo done"].map(str::to_owned).into(),
        cwd: String::new(),
        env: Vec::new(),
        overlay: vec![over("sub/code", "edited"), over("sub/other", "x")],
        total: Duration::from_secs(60),
        silence: Duration::from_secs(60),
    };
    let (outcome, changes) = bench.run_for_changes(&command, 10).await.unwrap();
    assert_eq!(outcome.output, "done\n");
    let seen: Vec<_> = changes.files.iter().map(|it| (it.path.to_string(), it.bytes.as_deref())).collect();
    assert_eq!(seen, [("copy".to_owned(), Some(&b"edited"[..])), ("sub/other".to_owned(), None)]);
    // A plan of the other engine is refused, and the box lives on.
    let error = bench.run_tests(&TestRequest::all(plan(RunnerKind::Pytest))).await.unwrap_err();
    assert!(error.to_string().contains("start the workbench with this plan"), "{error}");
    assert!(bench.is_alive());
    bench.close().await.unwrap();
}

#[tokio::test]
async fn commands_have_workspaces_in_process_boxes() {
    every_run_has_a_workspace_of_its_own(BackendKind::Process).await;
}

#[tokio::test]
async fn commands_have_workspaces_in_docker_boxes() {
    every_run_has_a_workspace_of_its_own(BackendKind::Docker).await;
}
