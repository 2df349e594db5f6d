//! Hints are made by hand where time could matter, and by the system where only their coming does.

use std::fs;

use super::*;

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(place.root()).unwrap();
        place
    }

    fn root(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join("work")
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn watched(&self) -> Watched {
        let path = self.directory.path();
        Watched::open(&self.root(), &path.join("objects.git"), &path.join("cache")).unwrap()
    }
}

fn names(watched: &Watched) -> Vec<String> {
    watched.index().symbols().iter().map(|it| format!("{}::{}", it.path, it.qualified)).collect()
}

fn touched(places: &[&PathBuf]) -> Batch {
    Batch { places: places.iter().map(|it| (*it).clone()).collect(), everything: false }
}

#[test]
fn hints_become_batches() {
    let (hints, heard) = channel();
    let place = |name: &str| PathBuf::from(name);
    for hint in [Hint::Touched(vec![place("b"), place("a")]), Hint::Touched(vec![place("a")])] {
        hints.send(hint).unwrap();
    }
    drop(hints);
    assert_eq!(next_batch(&heard), Some(Batch { places: vec![place("a"), place("b")], everything: false }));
    assert_eq!(next_batch(&heard), None);
}

#[test]
fn a_lost_hint_and_too_many_mean_everything() {
    let (hints, heard) = channel();
    hints.send(Hint::Touched(vec!["a".into()])).unwrap();
    hints.send(Hint::Overflow).unwrap();
    drop(hints);
    assert!(next_batch(&heard).unwrap().everything);
    let (hints, heard) = channel();
    hints.send(Hint::Touched((0..=MANY).map(|it| it.to_string().into()).collect())).unwrap();
    drop(hints);
    assert!(next_batch(&heard).unwrap().everything);
    let lost = notify::Event::new(notify::EventKind::Other).set_flag(notify::event::Flag::Rescan);
    assert_eq!(hint(Ok(lost)), Some(Hint::Overflow));
    assert_eq!(hint(Err(notify::Error::generic("odd"))), Some(Hint::Overflow));
    let read = notify::Event::new(notify::EventKind::Access(notify::event::AccessKind::Read));
    assert_eq!(hint(Ok(read)), None);
}

#[test]
fn stopping_goes_before_everything() {
    let (hints, heard) = channel();
    hints.send(Hint::Touched(vec!["a".into()])).unwrap();
    hints.send(Hint::Stop).unwrap();
    assert_eq!(next_batch(&heard), None);
}

#[test]
fn the_index_follows_the_files() {
    let place = Place::new();
    let a = place.write("pkg/a.py", "def one(): pass\n");
    place.write(".gitignore", "*.log\n");
    let mut watched = place.watched();
    assert_eq!(names(&watched), ["pkg/a.py::one"]);
    assert!(watched.refresh(&touched(&[&a])).unwrap().is_none());
    place.write("pkg/a.py", "def two(): pass\n");
    let b = place.write("pkg/b.py", "class B: pass\n");
    let log = place.write("pkg/noise.log", "x");
    let refresh = watched.refresh(&touched(&[&a, &b, &log])).unwrap().unwrap();
    assert_eq!(names(&watched), ["pkg/a.py::two", "pkg/b.py::B"]);
    let changed: Vec<String> = refresh.changed.iter().map(ToString::to_string).collect();
    assert_eq!((changed, refresh.rescanned), (vec!["pkg/a.py".to_owned(), "pkg/b.py".to_owned()], false));
    assert_eq!(refresh.tree, watched.index().snapshot().tree());
    // Nobody told of this one.
    fs::remove_file(&a).unwrap();
    let refresh = watched.refresh(&Batch { everything: true, places: Vec::new() }).unwrap().unwrap();
    assert!(refresh.rescanned);
    assert_eq!(names(&watched), ["pkg/b.py::B"]);
}

#[test]
fn what_could_not_be_read_comes_with_the_next_refresh() {
    let place = Place::new();
    place.write("a.py", "def one(): pass\n");
    let mut watched = place.watched();
    let away = place.directory.path().join("away");
    fs::rename(place.root(), &away).unwrap();
    assert!(watched.refresh(&touched(&[&place.root().join("a.py")])).is_err());
    assert_eq!(names(&watched), ["a.py::one"]);
    fs::rename(&away, place.root()).unwrap();
    place.write("a.py", "def two(): pass\n");
    let refresh = watched.refresh(&Batch::default()).unwrap().unwrap();
    assert!(refresh.rescanned);
    assert_eq!(names(&watched), ["a.py::two"]);
}

#[test]
fn the_system_tells_of_files_and_of_new_directories() {
    let place = Place::new();
    place.write("pkg/a.py", "def one(): pass\n");
    place.write(".gitignore", "out\n");
    place.write("out/x.py", "");
    let mut watched = place.watched();
    let (hints, heard) = channel();
    let mut watch = Watch::start(&place.root(), hints).unwrap();
    assert_eq!(watch.follow(watched.folder()).unwrap(), [place.root(), place.root().join("pkg")]);
    let mut until = |watched: &mut Watched, expected: &[&str]| {
        while names(watched) != expected {
            let batch = next_batch(&heard).unwrap();
            watched.refresh(&batch).unwrap();
            watch.doubt(&batch);
            let fresh = watch.follow(watched.folder()).unwrap();
            watched.refresh(&Batch { places: fresh, everything: false }).unwrap();
        }
    };
    place.write("pkg/a.py", "def two(): pass\n");
    until(&mut watched, &["pkg/a.py::two"]);
    place.write("new/deep/b.py", "class B: pass\n");
    until(&mut watched, &["new/deep/b.py::B", "pkg/a.py::two"]);
    // The new directory is watched as well by now.
    place.write("new/deep/c.py", "class C: pass\n");
    until(&mut watched, &["new/deep/b.py::B", "new/deep/c.py::C", "pkg/a.py::two"]);
    fs::remove_dir_all(place.root().join("new")).unwrap();
    until(&mut watched, &["pkg/a.py::two"]);
    // A directory that comes again is another one.
    place.write("new/d.py", "class D: pass\n");
    until(&mut watched, &["new/d.py::D", "pkg/a.py::two"]);
    place.write("new/e.py", "class E: pass\n");
    until(&mut watched, &["new/d.py::D", "new/e.py::E", "pkg/a.py::two"]);
}
