//! Builds that go on from earlier ones, with a real CMake in a real box.

use super::*;
use crate::backend::process::ProcessBackend;
use crate::plan::TestPlan;
use crate::report::TestStatus;
use crate::spec::Labels;
use crate::workbench::Overlay;
use crate::workspace::reuse::Unsound;
use repo::FileMode;

/// A program made of two files; the test passes when it holds what they hold, and neither is wrong.
fn project(dependencies: &str) -> Vec<WorkFile> {
    let lists = format!(
        "cmake_minimum_required(VERSION 3.16)\nproject(words NONE)\nenable_testing()\n\
         set(src ${{CMAKE_SOURCE_DIR}})\n\
         add_custom_command(OUTPUT program COMMAND sh ${{src}}/make.sh ${{src}} DEPENDS {dependencies})\n\
         add_custom_target(everything ALL DEPENDS program)\n\
         add_test(NAME holds COMMAND sh ${{src}}/check.sh ${{src}})\n"
    );
    let files = [
        ("CMakeLists.txt", lists.as_str()),
        ("make.sh", "cat $1/one $1/two > program\n"),
        ("check.sh", "cat $1/one $1/two | cmp - program && ! grep wrong program\n"),
        ("one", "1\n"),
        ("two", "2\n"),
    ];
    let file = |(path, text): (&str, &str)| WorkFile {
        path: RepoPath::new(path).unwrap(),
        bytes: text.into(),
        mode: FileMode::Regular,
    };
    files.map(file).into()
}

struct Subject {
    stationed: Stationed,
    plan: TestPlan,
}

impl Subject {
    async fn new(dependencies: &str) -> Option<Self> {
        if !crate::testing::tools(&["cmake", "ctest", "make"]) {
            return None;
        }
        let backend = ProcessBackend::connect().await.unwrap();
        let spec = SandboxSpec::new(Labels::for_job("builds"));
        let mut stationed = Stationed::start(&backend, &spec).await.unwrap();
        stationed.put(&project(dependencies)).await.unwrap();
        let plan = TestPlan::parse_command("ctest --test-dir build").unwrap();
        assert_eq!(plan.runner, RunnerKind::Ctest);
        Some(Self { stationed, plan })
    }

    async fn run(&mut self, edits: &[(&str, &str)]) -> TestStatus {
        let edit = |(path, text): &(&str, &str)| Overlay {
            path: RepoPath::new(path).unwrap(),
            bytes: Some(text.as_bytes().to_vec()),
        };
        let overlay = edits.iter().map(edit).collect();
        let report =
            self.stationed.run_tests(&TestRequest { overlay, ..TestRequest::all(self.plan.clone()) }).await.unwrap();
        let [result] = report.results.as_slice() else { panic!("{report:?}") };
        result.status
    }

    /// Whether old products can be used at all here.
    fn shares_layers(&self) -> bool {
        self.stationed.forks.shares_layers()
    }
}

#[tokio::test]
async fn builds_go_on_from_the_nearest_earlier_one() {
    use TestStatus::{Failed, Passed};
    let Some(mut subject) = Subject::new("${src}/one ${src}/two").await else { return };
    assert_eq!(subject.run(&[]).await, Passed);
    assert_eq!(subject.stationed.reuse.counts(), (0, 0), "the base has nothing to go on from");
    let edits: [&[(&str, &str)]; 5] = [
        &[("one", "other\n")],
        &[("one", "other\n"), ("two", "wrong\n")],
        &[("two", "wrong\n")],
        &[("one", "other\n")],
        &[],
    ];
    for (edits, expected) in edits.into_iter().zip([Passed, Failed, Failed, Passed, Passed]) {
        assert_eq!(subject.run(edits).await, expected, "{edits:?}");
    }
    let counts = if subject.shares_layers() { (5, 2) } else { (0, 0) };
    assert_eq!((subject.stationed.reuse.counts(), subject.stationed.reuse.unsound()), (counts, None));
    subject.stationed.close().await.unwrap();
}

#[tokio::test]
async fn rules_that_miss_a_file_never_decide_a_verdict() {
    use TestStatus::{Failed, Passed};
    let Some(mut subject) = Subject::new("${src}/one").await else { return };
    assert_eq!(subject.run(&[]).await, Passed);
    // On the old product the test fails for the wrong reason; the repetition counts, and ends the reuse.
    assert_eq!(subject.run(&[("two", "other\n")]).await, Passed);
    let found = matches!(subject.stationed.reuse.unsound(), Some(Unsound::Test { .. }));
    assert_eq!(found, subject.shares_layers());
    for (text, expected) in [("new\n", Passed), ("wrong\n", Failed), ("newest\n", Passed)] {
        assert_eq!(subject.run(&[("two", text)]).await, expected);
    }
    let counts = if subject.shares_layers() { (1, 1) } else { (0, 0) };
    assert_eq!(subject.stationed.reuse.counts(), counts, "everything after runs fresh");
    subject.stationed.close().await.unwrap();
}
