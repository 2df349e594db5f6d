//! Trees of which a box holds no second copy.

use async_trait::async_trait;

use super::*;
use crate::backend::{Check, ImageProgressFn, Isolation, Launched};
use crate::plan::TestPlan;
use crate::reap::ReapReport;
use crate::runner::RunnerKind;
use crate::workbench::{TestRequest, Workbench};

/// More than half of the disk that boxes have here.
fn large() -> Vec<WorkFile> {
    let script = WorkFile { mode: FileMode::Executable, ..file("bin/go", "#!/bin/sh\necho went\n") };
    let link = WorkFile { mode: FileMode::Symlink, ..file("link", "src/a") };
    let bytes = vec![b'x'; 20 * MIB as usize];
    vec![file("src/a", "a\n"), file("src/b", "b\n"), script, link, WorkFile { bytes, ..file("large", "") }]
}

const SEEN: &str = "find . ! -name . -printf '%P %m %s\\n' | sort; cat src/a; bin/go";
const BASE: &str =
    "bin 755 0\nbin/go 755 20\nlarge 644 20971520\nlink 777 5\nsrc 755 0\nsrc/a 644 2\nsrc/b 644 2\na\nwent";

async fn open(backend: &dyn Backend, image: Option<ImageRef>) -> (Workspaces, Layer) {
    let workspaces = Workspaces::open_by(backend, &spec(image), Vec::new(), Vec::new()).await.unwrap();
    let base = workspaces.fill(&large(), Commit::One).await.unwrap();
    (workspaces, base)
}

/// What the box says, without the sizes of directories, which each file system counts in its own way.
async fn seen(workspaces: &Workspaces, leaf: &mut Leaf) -> String {
    let said = say(workspaces, leaf, SEEN).await;
    let line = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
        [name @ ("bin" | "src"), mode, _] => format!("{name} {mode} 0"),
        _ => line.to_owned(),
    };
    said.lines().map(line).collect::<Vec<_>>().join("\n")
}

async fn check(backend: &dyn Backend, image: Option<ImageRef>) {
    let (workspaces, base) = open(backend, image.clone()).await;
    let notice = workspaces.choice().notice().unwrap();
    assert!(
        notice.contains("one workspace") && notice.contains("copies: the tree takes 21 MiB and 12 MiB"),
        "{notice}"
    );
    one_candidate_after_another(&workspaces, &base).await;
    what_was_not_announced_ends_it(&workspaces, &base).await;
    workspaces.close().await.unwrap();
    candidates_are_judged(backend, image).await;
}

async fn one_candidate_after_another(workspaces: &Workspaces, base: &Layer) {
    let leave = "mkdir -p build/deep/er && head -c 5M /dev/zero > build/out && mkfifo pipe && ln -s / root && mkdir .git \
        && echo x > .git/config && chmod 700 src && chmod 000 build/deep";
    for text in ["first\n", "second, longer\n", "third\n"] {
        let mut leaf = workspaces.fork(base).await.unwrap();
        let other = workspaces.fork(base).await.unwrap_err();
        assert!(other.to_string().contains("in use"), "{other}");
        assert!(leaf.place().path().ends_with("/repo"), "environments are made there: {:?}", leaf.place());
        assert_eq!(seen(workspaces, &mut leaf).await, BASE, "before {text}");
        workspaces.remove(leaf).await.unwrap();
        let mut leaf = workspaces.fork(base).await.unwrap();
        let edits = [edit("src/a", Some(text)), edit("src/b", None), edit("bin/go", Some("#!/bin/sh\necho again\n"))];
        workspaces.apply(&mut leaf, &edits).await.unwrap();
        let said = say(workspaces, &mut leaf, &format!("{leave}; cat src/a; bin/go; ls src")).await;
        assert_eq!(said, format!("{text}again\na"));
        workspaces.remove(leaf).await.unwrap();
        assert!(!workspaces.is_spent(), "after {text}");
    }
    // One that nobody gave back.
    drop(workspaces.fork(base).await.unwrap());
}

async fn what_was_not_announced_ends_it(workspaces: &Workspaces, base: &Layer) {
    let mut leaf = workspaces.fork(base).await.unwrap();
    say(workspaces, &mut leaf, "echo 1 >> large").await;
    workspaces.remove(leaf).await.unwrap();
    assert!(workspaces.is_spent());
    let refused = workspaces.fork(base).await.unwrap_err();
    assert!(refused.to_string().contains("start another box"), "{refused}");
}

/// A workbench goes through boxes as it must, and its verdicts are those of any other.
async fn candidates_are_judged(backend: &dyn Backend, image: Option<ImageRef>) {
    let line = "test $(cat src/a) = good";
    for (line, text, passes, lives) in [
        (line.to_owned(), "good\n", true, true),
        (line.to_owned(), "bad\n", false, true),
        (format!("echo 1 >> large; {line}"), "good\n", true, false),
    ] {
        let plan = TestPlan::new(RunnerKind::Command, vec![line.clone()]);
        let mut bench = Workbench::start(&WithoutMounts(backend), &spec(image.clone()), &plan).await.unwrap();
        bench.put(large()).await.unwrap();
        for round in 0..2 {
            let request = TestRequest { overlay: vec![edit("src/a", Some(text))], ..TestRequest::all(plan.clone()) };
            let report = bench.run_tests(&request).await.unwrap();
            assert_eq!(report.all_passed(), passes, "{round}: {report:?}");
            assert_eq!(bench.is_alive(), lives, "{line}");
            if !lives {
                break;
            }
        }
        assert!(bench.notice().unwrap().contains("one workspace"));
        bench.close().await.unwrap();
    }
}

/// A backend whose boxes see no mounts, as those of a rootless engine.
struct WithoutMounts<'a>(&'a dyn Backend);

#[async_trait]
impl Backend for WithoutMounts<'_> {
    fn kind(&self) -> BackendKind {
        self.0.kind()
    }

    fn describe(&self) -> Isolation {
        self.0.describe()
    }

    async fn prepare(
        &self,
        image: Option<&ImageRef>,
        progress: &ImageProgressFn<'_>,
    ) -> Result<Option<ImageRef>, SandboxError> {
        self.0.prepare(image, progress).await
    }

    async fn python(&self, spec: &SandboxSpec) -> Result<String, SandboxError> {
        self.0.python(spec).await
    }

    async fn launch(&self, spec: &SandboxSpec, argv: &[String]) -> Result<Box<dyn Launched>, SandboxError> {
        self.0.launch(spec, argv).await
    }

    async fn launch_station(&self, spec: &SandboxSpec) -> Result<Box<dyn Launched>, SandboxError> {
        self.0.launch_station(spec).await
    }

    fn shows_mounts(&self) -> Result<(), String> {
        Err("no mount appears".to_owned())
    }

    async fn reap(&self, boot: &str) -> Result<ReapReport, SandboxError> {
        self.0.reap(boot).await
    }

    async fn probe(&self) -> Vec<Check> {
        self.0.probe().await
    }
}

#[tokio::test]
async fn in_containers() {
    let Some(backend) = testing::docker().await else { return };
    let image = backend.prepare(None, &|_| {}).await.unwrap();
    check(&backend, image).await;
}

#[tokio::test]
async fn in_processes() {
    let backend = ProcessBackend::connect().await.unwrap();
    check(&backend, None).await;
}
