use std::path::{Path, PathBuf};
use std::process::Command;

use repo::{Source, Store};

use super::*;
use crate::cache::Cache;

/// A repository with a clock of its own: each commit is a day later.
struct Place {
    directory: tempfile::TempDir,
    day: std::cell::Cell<u32>,
}

impl Place {
    fn new() -> Place {
        let place = Place { directory: tempfile::tempdir().unwrap(), day: std::cell::Cell::new(0) };
        std::fs::create_dir(place.work()).unwrap();
        place.git(&["init", "-q", "-b", "main"]);
        place
    }

    fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    fn git(&self, args: &[&str]) -> String {
        self.git_in(&self.work(), args)
    }

    fn git_in(&self, dir: &Path, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(args).current_dir(dir).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1"), ("HOME", "/nonexistent")]);
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Test").env(format!("GIT_{who}_EMAIL"), "test@example.com");
            command.env(format!("GIT_{who}_DATE"), format!("{} +0000", self.time()));
        }
        let output = command.output().expect("git is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn time(&self) -> i64 {
        1_700_000_000 + 86_400 * i64::from(self.day.get())
    }

    fn commit(&self, message: &str, files: &[(&str, &str)]) -> &Place {
        self.day.set(self.day.get() + 1);
        for (path, text) in files {
            let path = self.work().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self
    }

    fn open_with(&self, dir: &Path, limits: HistoryLimits) -> History {
        let source = Source::open(dir).unwrap();
        let store = Store::create(&self.directory.path().join("store"), &source).unwrap();
        let tip = source.resolve("HEAD").unwrap().commit.unwrap();
        History::open(&self.cache(), &store, tip, limits, &|_| {}).unwrap()
    }

    fn open(&self) -> History {
        self.open_with(&self.work(), HistoryLimits::default())
    }

    fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    fn packs(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(Cache::open(&self.cache()).unwrap().history_directory()).unwrap();
        entries.map(|it| it.unwrap().path()).collect()
    }
}

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).unwrap()
}

fn subjects(commits: &[&CommitDocument]) -> Vec<String> {
    commits.iter().map(|it| it.subject().to_owned()).collect()
}

fn mined(history: &History) -> (usize, usize) {
    (history.stats().mined, history.stats().reused)
}

const TWO: &str = "def f():\n    return 1\n\n\ndef g():\n    return 2\n";

#[test]
fn a_commit_says_what_it_touched() {
    let place = Place::new();
    place.commit("first: two functions\n\nSigned-off-by: A <a@b>", &[("a.py", TWO), ("notes.txt", "x\n")]);
    place.commit("second", &[("a.py", &TWO.replace("return 2", "x = 2\n    return x"))]);
    place.git(&["rm", "-q", "notes.txt"]);
    place.commit("third", &[]);
    let history = place.open();
    let shown = |commit: &CommitDocument| -> Vec<String> {
        let file = |it: &TouchedFile| {
            format!("{:?} {} +{} -{} {}", it.status, it.path, it.added, it.removed, it.symbols.join(","))
        };
        commit.files.iter().map(file).collect()
    };
    let [third, second, first] = history.commits() else { panic!("three commits") };
    assert_eq!(shown(third), ["Deleted notes.txt +0 -1 "]);
    assert_eq!(shown(second), ["Modified a.py +2 -1 g"]);
    assert_eq!(shown(first), ["Added a.py +6 -0 f,g", "Added notes.txt +1 -0 "]);
    assert_eq!(first.message, "first: two functions");
    assert_eq!(subjects(&history.commits_touching(&path("a.py"), Some("f"))), ["first: two functions"]);
    assert_eq!(subjects(&history.commits_touching(&path("a.py"), None)), ["second", "first: two functions"]);
}

#[test]
fn only_new_commits_are_read() {
    let place = Place::new();
    place.commit("one", &[("a.py", "x = 1\n")]).commit("two", &[("a.py", "x = 2\n")]);
    let first = place.open();
    assert_eq!(mined(&first), (2, 0));
    let again = place.open();
    assert_eq!(mined(&again), (0, 2));
    assert_eq!(again.commits(), first.commits());
    place.commit("three", &[("a.py", "x = 3\n")]);
    assert_eq!(mined(&place.open()), (1, 2));
    // A rewritten branch shares what it shares.
    place.git(&["reset", "-q", "--hard", "HEAD~2"]);
    place.commit("other two", &[("a.py", "x = 4\n")]);
    let forced = place.open();
    assert_eq!(mined(&forced), (1, 1));
    let all: Vec<&CommitDocument> = forced.commits().iter().collect();
    assert_eq!(subjects(&all), ["other two", "one"]);
}

#[test]
fn damage_and_a_half_mined_history_are_mined_again() {
    let place = Place::new();
    for at in 0..4 {
        place.commit(&format!("number {at}"), &[("a.py", &format!("x = {at}\n"))]);
    }
    let part = place.open_with(&place.work(), HistoryLimits { commits: 2, ..HistoryLimits::default() });
    assert_eq!(part.commits().len(), 2);
    let whole = place.open();
    assert_eq!(mined(&whole), (2, 2));
    let packs = place.packs();
    assert_eq!(packs.len(), 2);
    // A byte of the last record of one pack, then a pack cut short in its table.
    let mut bytes = std::fs::read(&packs[0]).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&packs[0], bytes).unwrap();
    let repaired = place.open();
    assert_eq!(mined(&repaired), (1, 3));
    assert_eq!(repaired.commits(), whole.commits());
    for pack in place.packs() {
        std::fs::write(pack, b"pwcommt1").unwrap();
    }
    assert_eq!(mined(&place.open()), (4, 0));
}

#[test]
fn a_shallow_clone_learns_when_it_is_deepened() {
    let place = Place::new();
    place.commit("one", &[("a.py", "x = 1\n")]).commit("two", &[("a.py", "x = 2\n")]);
    let shallow = place.directory.path().join("shallow");
    let url = format!("file://{}", place.work().display());
    place.git(&["clone", "-q", "--depth=1", &url, shallow.to_str().unwrap()]);
    let history = place.open_with(&shallow, HistoryLimits::default());
    assert_eq!((history.stats().boundary, history.commits().len()), (1, 1));
    assert!(history.commits()[0].files.is_empty());
    assert_eq!(history.search("two", 5).len(), 1);
    place.git_in(&shallow, &["fetch", "-q", "--unshallow"]);
    let history = place.open_with(&shallow, HistoryLimits::default());
    assert_eq!((history.stats().boundary, mined(&history)), (0, (2, 0)));
    assert_eq!(history.commits_touching(&path("a.py"), None).len(), 2);
}

#[test]
fn what_changes_together_is_counted() {
    let place = Place::new();
    place.commit("base", &[("a.py", TWO), ("b.py", TWO), ("c.py", "x = 1\n")]);
    for at in 0..3 {
        let text = TWO.replace("return 1", &format!("return {}", at + 5));
        place.commit("both", &[("a.py", &text), ("b.py", &text)]);
    }
    place.commit("alone", &[("a.py", "def f():\n    return 9\n\n\ndef g():\n    return 2\n")]);
    let sweep: Vec<(String, String)> = (0..LARGE).map(|at| (format!("s/{at}.py"), "y = 1\n".to_owned())).collect();
    let mut sweep: Vec<(&str, &str)> = sweep.iter().map(|it| (&*it.0, &*it.1)).collect();
    sweep.push(("a.py", "z = 1\n"));
    place.commit("sweep", &sweep);
    let history = place.open();
    let shown = |symbol: Option<&str>| -> Vec<(String, Option<String>, u32, f64)> {
        let all = history.co_changed(&path("a.py"), symbol, 10);
        all.into_iter().map(|it| (it.path.to_string(), it.symbol, it.support, it.confidence)).collect()
    };
    assert_eq!(history.stats().large, 1);
    assert_eq!(shown(None), [("b.py".to_owned(), None, 4, 0.8), ("c.py".to_owned(), None, 1, 0.2)]);
    let symbols = shown(Some("f"));
    assert_eq!(symbols[0], ("b.py".to_owned(), Some("f".to_owned()), 4, 0.8));
    assert_eq!(symbols[1], ("a.py".to_owned(), Some("g".to_owned()), 1, 0.2));
    assert_eq!(history.churn(&path("a.py"), None).unwrap().changes, 5);
    assert_eq!(history.churn(&path("a.py"), Some("g")).unwrap().changes, 1);
    assert_eq!(history.churn(&path("nope.py"), None), None);
    assert_eq!(history.most_changed(1)[0].path, path("a.py"));
}

#[test]
fn a_change_is_worth_half_after_a_year() {
    let place = Place::new();
    place.commit("old", &[("a.py", "x = 1\n")]);
    place.day.set(365);
    place.commit("new", &[("a.py", "x = 2\n")]);
    let churn = place.open().churn(&path("a.py"), None).unwrap();
    assert!((churn.score - 1.5).abs() < 1e-9, "{churn:?}");
    assert_eq!((churn.changes, churn.last), (2, place.time()));
}

#[test]
fn renames_are_followed() {
    let place = Place::new();
    let long: String = (0..20).map(|at| format!("x{at} = {at}\n")).collect();
    place.commit("made", &[("old.py", &long), ("same.txt", "1\n")]);
    place.git(&["mv", "old.py", "middle.py"]);
    place.commit("moved and changed", &[("middle.py", &long.replace("x3 = 3", "x3 = 4"))]);
    place.git(&["mv", "middle.py", "new.py"]);
    place.commit("moved", &[]);
    place.commit("another of the old name", &[("old.py", "y = 1\n")]);
    let history = place.open();
    let touching = |name: &str| subjects(&history.commits_touching(&path(name), None));
    assert_eq!(touching("new.py"), ["moved", "moved and changed", "made"]);
    assert_eq!(touching("old.py"), ["another of the old name"]);
    assert_eq!(touching("middle.py"), [] as [String; 0]);
    let moved = &history.commits()[2].files[0];
    assert_eq!((moved.status, moved.from.clone()), (ChangeStatus::Renamed, Some(path("old.py"))));
    assert_eq!((moved.added, moved.removed, &*moved.symbols), (1, 1, &["x3".to_owned()][..]));
}

#[test]
fn merges_touch_what_they_bring_where_only_first_parents_count() {
    let place = Place::new();
    place.commit("base", &[("a.py", "x = 1\n")]);
    place.git(&["checkout", "-q", "-b", "side"]);
    place.commit("side", &[("b.py", "y = 1\n")]);
    place.git(&["checkout", "-q", "main"]);
    place.commit("main", &[("a.py", "x = 2\n")]);
    place.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    let all = place.open();
    assert_eq!(subjects(&all.commits_touching(&path("b.py"), None)), ["side"]);
    let first = place.open_with(&place.work(), HistoryLimits { parents: Parents::First, ..HistoryLimits::default() });
    assert_eq!(subjects(&first.commits_touching(&path("b.py"), None)), ["merge"]);
    assert_eq!(mined(&first), (1, 2));
}

#[test]
fn messages_are_found_by_the_words_of_code() {
    let place = Place::new();
    place.commit("Fixed QuerySet.update_or_create() on MySQL", &[]);
    place.commit("Added docs for the query language", &[]);
    place.commit("Unrelated", &[]);
    let history = place.open();
    let found = |query: &str| -> Vec<String> {
        history.search(query, 10).iter().map(|it| it.commit.subject().to_owned()).collect()
    };
    assert_eq!(found("update or create"), ["Fixed QuerySet.update_or_create() on MySQL"]);
    assert_eq!(found("queryset query").len(), 2);
    assert_eq!(found("queryset query")[0], "Fixed QuerySet.update_or_create() on MySQL");
    assert_eq!(found("nothing like it"), [] as [String; 0]);
    assert_eq!(found(""), [] as [String; 0]);
}
