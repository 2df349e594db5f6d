//! The files of a repository as detection reads them: bounded, and text whatever the bytes.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use repo::RepoPath;

use super::Evidence;
use crate::runner::Files;

/// A file larger than this is no manifest.
pub(super) const MOST_OF_A_FILE: u64 = 1 << 20;
/// All that is read of one repository.
const MOST_OF_ALL: usize = 48 << 20;
const MOST_WORDS: usize = 160;

/// A repository's files.
pub(super) struct Tree<'a> {
    paths: Vec<&'a RepoPath>,
    read: &'a dyn Fn(&RepoPath) -> Option<Vec<u8>>,
    left: Cell<usize>,
    known: RefCell<HashMap<String, Option<Rc<str>>>>,
}

impl<'a> Tree<'a> {
    pub(super) fn new(paths: Vec<&'a RepoPath>, read: &'a dyn Fn(&RepoPath) -> Option<Vec<u8>>) -> Tree<'a> {
        Tree { paths, read, left: Cell::new(MOST_OF_ALL), known: RefCell::default() }
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &'a RepoPath> + '_ {
        self.paths.iter().copied()
    }

    /// Returns whether there is such a file. Paths are sorted in a snapshot, but not in every caller's list.
    pub(super) fn has(&self, path: &str) -> bool {
        self.find(path).is_some()
    }

    fn find(&self, path: &str) -> Option<&'a RepoPath> {
        match self.paths.binary_search_by(|known| known.as_bytes().cmp(path.as_bytes())) {
            Ok(at) => self.paths.get(at).copied(),
            Err(_) => self.paths.iter().copied().find(|known| known.as_bytes() == path.as_bytes()),
        }
    }

    /// Returns whether there is a file below such a folder.
    pub(super) fn has_folder(&self, folder: &str) -> bool {
        self.below(folder).next().is_some()
    }

    /// Returns the files below a folder; the empty folder is the root.
    pub(super) fn below<'b>(&'b self, folder: &'b str) -> impl Iterator<Item = &'a RepoPath> + 'b {
        self.paths().filter(move |path| {
            let rest = path.as_bytes().strip_prefix(folder.as_bytes());
            folder.is_empty() || rest.is_some_and(|rest| rest.first() == Some(&b'/'))
        })
    }

    /// Reads a file as text; `None` where there is none, it is too large, or enough was read.
    pub(super) fn text(&self, path: &str) -> Option<Rc<str>> {
        if let Some(known) = self.known.borrow().get(path) {
            return known.clone();
        }
        let text = self.find(path).and_then(|path| self.load(path));
        self.known.borrow_mut().insert(path.to_owned(), text.clone());
        text
    }

    fn load(&self, path: &RepoPath) -> Option<Rc<str>> {
        let bytes = (self.read)(path)?;
        if bytes.len() as u64 > MOST_OF_A_FILE || bytes.len() > self.left.get() {
            return None;
        }
        self.left.set(self.left.get() - bytes.len());
        let text = String::from_utf8_lossy(&bytes);
        Some(Rc::from(text.strip_prefix('\u{feff}').unwrap_or(&text)))
    }

    /// Returns evidence for what a file says in the first line that has these words.
    pub(super) fn says(&self, file: &str, words: &str) -> Evidence {
        let text = self.text(file).unwrap_or_default();
        let line = text.lines().position(|line| line.contains(words));
        let shown = line.and_then(|at| text.lines().nth(at)).unwrap_or(words);
        Evidence { file: file.to_owned(), line: line.map(number), words: short(shown) }
    }

    /// Returns evidence that a file is there.
    pub(super) fn present(&self, file: &str) -> Evidence {
        Evidence { file: file.to_owned(), line: None, words: "is there".to_owned() }
    }

    /// Returns the files as the test tools want to see them.
    pub(super) fn with_files<T>(&self, work: impl FnOnce(&Files<'_>) -> T) -> T {
        let read = |path: &RepoPath| self.text(&path.to_str_lossy()).map(|text| text.as_ref().to_owned());
        work(&Files::new(self.paths.clone(), &read))
    }
}

/// Returns the number of a line from its index.
pub(super) fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

/// Cuts a line for people.
pub(super) fn short(text: &str) -> String {
    let text = text.trim();
    let mut short: String = text.chars().take(MOST_WORDS).map(|it| if it.is_control() { ' ' } else { it }).collect();
    if text.chars().nth(MOST_WORDS).is_some() {
        short.push('…');
    }
    short
}

/// Joins a folder and a name; the empty folder is the root.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
