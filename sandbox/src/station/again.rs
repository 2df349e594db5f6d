//! A place that is used again: what belongs there is remembered, and what does not is removed.

use std::collections::BTreeMap;

use repo::RepoPath;

use super::link::decode;
use super::wire::{self, Reply, Request, kind};
use super::{Mark, Place, Station};
use crate::error::SandboxError;

/// How much a place takes of its box, and how much is left there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes of its files, in whole pages.
    pub(crate) bytes: u64,
    /// Files and directories.
    pub(crate) files: u64,
    /// Bytes that are free beside it.
    pub(crate) free_bytes: u64,
    /// Files that can be made beside it; `None` where they are not counted.
    pub(crate) free_files: Option<u64>,
}

/// What is missing in a place after everything else was removed from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    /// The files and links.
    pub(crate) files: Vec<RepoPath>,
    /// The directories.
    pub(crate) folders: Vec<RepoPath>,
    /// Whether this is all, and nothing else is left in the place.
    pub(crate) complete: bool,
}

impl Mark {
    /// Returns the type and permissions (`st_mode`) of these paths, where the mark has them.
    pub(crate) fn modes<'a>(&self, paths: impl Iterator<Item = &'a RepoPath>) -> BTreeMap<&'a RepoPath, u32> {
        let entries: Vec<wire::Entry<'_>> = wire::messages(&self.0).unwrap_or_default();
        let known: BTreeMap<&[u8], u32> = entries.iter().map(|entry| (entry.path, entry.mode)).collect();
        paths.filter_map(|path| known.get(path.as_bytes()).map(|mode| (path, *mode))).collect()
    }
}

impl Station {
    /// Gives a place another name beside its own. What had it before must be gone.
    ///
    /// # Errors
    /// When there is no such place, or the box is gone.
    pub(crate) async fn rename(&self, at: &Place, name: &str) -> Result<Place, SandboxError> {
        let folder = at.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        let renamed = Place(format!("{folder}/{name}"));
        self.done(&Request::Rename(wire::Copy { from: at.at(), to: renamed.at() })).await?;
        Ok(renamed)
    }

    /// Returns how much a place takes, and how much is left.
    ///
    /// # Errors
    /// When there is no such place, or the box is gone.
    pub(crate) async fn room(&self, at: &Place) -> Result<Room, SandboxError> {
        match decode(&self.ask(&Request::Room(wire::At { at: at.at() })).await?) {
            Ok(Reply::Room(wire::Room { bytes, files, free_bytes, free_files })) => {
                Ok(Room { bytes, files, free_bytes, free_files })
            }
            _ => Err(self.nonsense().await),
        }
    }

    /// As [`Station::mark`], with directories and with repositories' own folders.
    ///
    /// # Errors
    /// As [`Station::mark`].
    pub(crate) async fn mark_all(&self, at: &Place) -> Result<Mark, SandboxError> {
        self.bytes(&Request::MarkAll(wire::At { at: at.at() })).await.map(Mark)
    }

    /// Removes all that is not as [`Station::mark_all`] found it, and returns what is missing then.
    ///
    /// # Errors
    /// When the place is gone, something in it cannot be removed, or the box is gone.
    pub(crate) async fn clear(&self, at: &Place, mark: &Mark) -> Result<Missing, SandboxError> {
        let request = Request::Clear(wire::Belonging { at: at.at(), mark: &mark.0 });
        let fields = self.ask(&request).await?;
        let Ok(Reply::Changed(changed)) = decode(&fields) else { return Err(self.nonsense().await) };
        let (folders, files): (Vec<_>, Vec<_>) = changed.files.iter().partition(|it| it.kind == kind::FOLDER);
        let paths =
            |list: Vec<&wire::ChangedFile<'_>>| list.iter().filter_map(|it| RepoPath::new(it.path).ok()).collect();
        let (files, folders): (Vec<RepoPath>, Vec<RepoPath>) = (paths(files), paths(folders));
        let named = files.len() + folders.len() == changed.files.len();
        Ok(Missing { files, folders, complete: changed.complete && changed.left_out == 0 && named })
    }
}
