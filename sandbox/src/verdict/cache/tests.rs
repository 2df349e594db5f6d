use std::time::Instant;

use super::*;
use crate::report::{Failure, Frame};
use crate::runner::RunnerKind;
use TestStatus::{Failed, Passed, Skipped};

const TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

fn id(name: &str) -> TestId {
    TestId::from(name)
}

fn ids(names: &[&str]) -> Vec<TestId> {
    names.iter().map(|name| id(name)).collect()
}

fn plan() -> TestPlan {
    TestPlan {
        runner: RunnerKind::Pytest,
        args: vec!["tests".into()],
        python: None,
        import_cwd: true,
        cwd: String::new(),
        env: Vec::new(),
        evidence: vec!["a reason".into()],
    }
}

fn context() -> Context {
    Context::new(&plan(), "sha256:1")
}

fn failed(name: &str, class: FailureClass) -> TestResult {
    let status = if class == FailureClass::Timeout { TestStatus::TimedOut } else { Failed };
    let frames = vec![Frame { path: "a.py".into(), line: 3, function: "f".into() }];
    let failure = Some(Failure { class, message: "1 != 2".into(), frames });
    TestResult { id: id(name), status, duration: Duration::from_millis(2), failure }
}

fn plain(name: &str, status: TestStatus) -> TestResult {
    TestResult { id: id(name), status, duration: Duration::from_micros(7), failure: None }
}

fn report(results: Vec<TestResult>, ending: RunEnding) -> TestReport {
    TestReport { results, ..TestReport::empty(ending) }
}

struct Fixture {
    cache: ResultCache,
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        Fixture { cache: ResultCache::open(folder.path(), 1 << 30).unwrap(), folder }
    }

    fn put(&self, asked: &[&str], results: Vec<TestResult>, ending: RunEnding) {
        self.cache.put(&context(), TREE, &ids(asked), &report(results, ending), &|_| false).unwrap();
    }

    /// The tests among `asked` that are not known.
    fn missing(&self, asked: &[&str]) -> Vec<String> {
        let known = self.cache.get(&context(), TREE, &ids(asked));
        known.missing.iter().map(ToString::to_string).collect()
    }
}

#[test]
fn results_come_back_whole_in_another_process() {
    let it = Fixture::new();
    let broken = failed("t2", FailureClass::Exception { name: "KeyError".into() });
    let results = vec![plain("t1", Passed), broken.clone(), plain("t3", Skipped)];
    it.put(&["t1", "t2", "t3", "gone"], results, RunEnding::Complete);
    let again = ResultCache::open(it.folder.path(), 1 << 30).unwrap();
    let known = again.get(&context(), TREE, &ids(&["t2", "new", "gone", "t1"]));
    assert_eq!(known.missing, ids(&["new"]));
    assert_eq!(known.remembered[&id("t2")], Remembered::Result(broken));
    assert_eq!(known.remembered[&id("t1")], Remembered::Result(plain("t1", Passed)));
    assert_eq!(known.remembered[&id("gone")], Remembered::Absent);
    assert_eq!(again.stats(), CacheStats { hits: 3, misses: 1 });
    assert_eq!(again.stats().rate(), 0.75);
}

#[test]
fn whatever_decides_a_result_is_part_of_its_key() {
    let it = Fixture::new();
    it.put(&["t"], vec![plain("t", Passed)], RunEnding::Complete);
    let knows = |context: &Context, tree: &str| it.cache.get(context, tree, &ids(&["t"])).missing.is_empty();
    assert!(knows(&context(), TREE));
    assert!(
        knows(&Context::new(&TestPlan { evidence: Vec::new(), ..plan() }, "sha256:1"), TREE),
        "a reason decides nothing"
    );
    let env = vec![("A".to_owned(), "1".to_owned())];
    let changed = [
        TestPlan { runner: RunnerKind::Unittest, ..plan() },
        TestPlan { args: vec!["tests/unit".into()], ..plan() },
        TestPlan { python: Some("python3.12".into()), ..plan() },
        TestPlan { import_cwd: false, ..plan() },
        TestPlan { cwd: "sub".into(), ..plan() },
        TestPlan { env, ..plan() },
    ];
    for plan in changed {
        assert!(!knows(&Context::new(&plan, "sha256:1"), TREE), "{plan:?}");
    }
    assert!(!knows(&Context::new(&plan(), "sha256:2"), TREE), "another image");
    assert!(!knows(&context(), "5b825dc642cb6eb9a060e54bf8d69288fbee4904"), "another tree");
    let with_tools = |tools| Context::of_parts("plan", "image", tools);
    assert_ne!(with_tools("driver 1"), with_tools("driver 2"));
    assert_ne!(Context::of_parts("ab", "c", ""), Context::of_parts("a", "bc", ""));
}

#[test]
fn what_a_limit_ended_is_not_remembered() {
    let it = Fixture::new();
    let doubtful = [FailureClass::Timeout, FailureClass::Memory, FailureClass::Environment];
    let mut results: Vec<TestResult> =
        doubtful.into_iter().enumerate().map(|(at, class)| failed(&format!("t{at}"), class)).collect();
    results.push(plain("good", Passed));
    it.put(&["t0", "t1", "t2", "good", "not reached"], results, RunEnding::Complete);
    assert_eq!(it.missing(&["t0", "t1", "t2", "good", "not reached"]), ["t0", "t1", "t2", "not reached"]);
    for ending in [
        RunEnding::TotalTimeout,
        RunEnding::Silence,
        RunEnding::OutOfMemory,
        RunEnding::DiskFull,
        RunEnding::CpuTime,
        RunEnding::Crashed { detail: String::new() },
        RunEnding::Tampered { detail: String::new() },
    ] {
        it.put(&["u"], vec![plain("u", Passed)], ending.clone());
        assert_eq!(it.missing(&["u"]), ["u"], "{ending:?}");
    }
    it.put(&["v", "w"], vec![plain("v", Passed)], RunEnding::StoppedEarly);
    assert_eq!(it.missing(&["v", "w"]), ["w"], "a test behind an early stop may exist");
    it.put(&["x"], Vec::new(), RunEnding::CollectionFailed { message: String::new() });
    assert!(it.missing(&["x"]).is_empty(), "what cannot be imported is gone for good");
}

#[test]
fn flaky_tests_are_not_remembered() {
    let it = Fixture::new();
    let green = report(vec![plain("known", Passed), plain("t", Passed)], RunEnding::Complete);
    it.cache.put(&context(), TREE, &ids(&["known", "t"]), &green, &|test| test.as_str() == "known").unwrap();
    assert_eq!(it.missing(&["known", "t"]), ["known"]);
    it.put(&["t"], vec![failed("t", FailureClass::Assertion)], RunEnding::Complete);
    assert_eq!(it.missing(&["t"]), ["t"], "it did one thing and another");
    it.put(&["t"], vec![plain("t", Passed)], RunEnding::Complete);
    assert_eq!(it.missing(&["t"]), ["t"], "and is never believed again");
}

#[test]
fn damaged_files_are_dropped_and_written_anew() {
    let it = Fixture::new();
    it.put(&["t"], vec![failed("t", FailureClass::Assertion)], RunEnding::Complete);
    let path = it.cache.path(&context(), TREE);
    let whole = fs::read(&path).unwrap();
    let damaged = (0..whole.len()).flat_map(|at| {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        [whole[..at].to_vec(), flipped]
    });
    for bytes in damaged {
        fs::write(&path, &bytes).unwrap();
        assert_eq!(it.missing(&["t"]), ["t"]);
        assert!(!path.exists());
    }
    it.put(&["t"], vec![plain("t", Passed)], RunEnding::Complete);
    assert!(it.missing(&["t"]).is_empty());
}

#[test]
fn several_processes_share_a_folder() {
    let it = Fixture::new();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let folder = it.folder.path();
            scope.spawn(move || {
                let cache = ResultCache::open(folder, 1 << 30).unwrap();
                for round in 0..40 {
                    let name = format!("t-{worker}-{round}");
                    let green = report(vec![plain(&name, Passed)], RunEnding::Complete);
                    cache.put(&context(), TREE, &ids(&[&name]), &green, &|_| false).unwrap();
                    let known = cache.get(&context(), TREE, &ids(&[&name, "t-0-0"]));
                    assert!(known.remembered.values().all(|known| *known != Remembered::Absent));
                }
            });
        }
    });
    let files = it.cache.files().unwrap();
    assert_eq!(files.len(), 1, "no temporary file is left: {files:?}");
}

#[test]
fn the_folder_stays_below_its_size_and_keeps_what_was_used_last() {
    let it = Fixture::new();
    let green = report(vec![plain("t", Passed)], RunEnding::Complete);
    let tree = |number: u64| format!("{number:040x}");
    for number in 0..50 {
        it.cache.put(&context(), &tree(number), &ids(&["t"]), &green, &|_| false).unwrap();
        let used = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + number);
        fs::File::options()
            .append(true)
            .open(it.cache.path(&context(), &tree(number)))
            .unwrap()
            .set_modified(used)
            .unwrap();
    }
    let knows = |number| it.cache.get(&context(), &tree(number), &ids(&["t"])).missing.is_empty();
    assert!(knows(0), "an old file that is used again counts as new");
    let small = ResultCache { most_bytes: 20 * BLOCK, ..ResultCache::open(it.folder.path(), 1 << 30).unwrap() };
    assert_eq!(small.sweep().unwrap(), 34);
    assert_eq!(small.files().unwrap().len(), 16);
    assert!(knows(0) && knows(49) && !knows(1));
    assert_eq!(small.sweep().unwrap(), 0);
}

#[test]
fn a_verdict_is_read_within_a_millisecond() {
    let it = Fixture::new();
    let names: Vec<String> =
        (0..200).map(|number| format!("tests/test_some_module.py::TestCase::test_number_{number}")).collect();
    let asked: Vec<TestId> = names.iter().map(|name| id(name)).collect();
    let green = report(names.iter().map(|name| plain(name, Passed)).collect(), RunEnding::Complete);
    it.cache.put(&context(), TREE, &asked, &green, &|_| false).unwrap();
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            let began = Instant::now();
            assert!(it.cache.get(&context(), TREE, &asked).missing.is_empty());
            began.elapsed()
        })
        .collect();
    times.sort();
    println!("200 tests of one tree: p50 {:?}, p95 {:?}", times[100], times[190]);
    assert!(times[100] < Duration::from_millis(if cfg!(debug_assertions) { 5 } else { 1 }), "{:?}", times[100]);
}
