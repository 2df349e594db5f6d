//! Directories and the files below them, reached by descriptor and name alone: no link is ever followed, whatever a program in the
//! box puts in the way, and nothing that could block is opened for longer than it takes to see what it is.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;

use super::sys::{self, Status};

/// How deep a walk goes, which is also how many descriptors it holds.
const DEEPEST: usize = 128;

/// How often a directory is emptied that is filled again, or deeper than it seemed.
const MOST_ROUNDS: usize = 1000;

pub(crate) fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what.to_owned())
}

/// Returns the components of a relative path.
fn components(path: &[u8]) -> io::Result<Vec<&[u8]>> {
    let parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
    if parts.iter().any(|part| part.is_empty() || *part == b"." || *part == b".." || part.contains(&0)) {
        return Err(invalid("a path is empty, absolute or climbs"));
    }
    Ok(parts)
}

/// Opens a directory by its absolute path.
pub(crate) fn open(path: &[u8]) -> io::Result<OwnedFd> {
    let path = path.strip_prefix(b"/").ok_or_else(|| invalid("a directory's path is not absolute"))?;
    let root = sys::open_root()?;
    if path.is_empty() { Ok(root) } else { below(&root, path) }
}

/// Opens a directory some names below another; an empty path is the directory itself.
pub(crate) fn below(folder: &OwnedFd, path: &[u8]) -> io::Result<OwnedFd> {
    if path.is_empty() {
        return folder.try_clone();
    }
    let parts = components(path)?;
    match sys::open_beneath(folder, path) {
        Err(error) if matches!(error.raw_os_error(), Some(sys::ENOSYS | sys::EPERM)) => walk(folder, &parts),
        other => other,
    }
}

/// What [`below`] does where the kernel cannot do it in one call.
fn walk(folder: &OwnedFd, parts: &[&[u8]]) -> io::Result<OwnedFd> {
    let (last, before) = parts.split_last().ok_or_else(|| invalid("a path is empty"))?;
    let mut folder = folder.try_clone()?;
    for part in before {
        folder = sys::pass(&folder, part)?;
    }
    sys::open_folder(&folder, last)
}

/// Splits a path into the directory it lies in, opened, and its last name.
pub(crate) fn parent<'a>(folder: &OwnedFd, path: &'a [u8]) -> io::Result<(OwnedFd, &'a [u8])> {
    let parts = components(path)?;
    let name = *parts.last().ok_or_else(|| invalid("a path is empty"))?;
    let before = path.len() - name.len();
    Ok((below(folder, &path[..before.saturating_sub(1)])?, name))
}

/// As [`parent`], making the directories on the way. A plain file on the way gives way where `replace` allows it, a link never.
pub(crate) fn make_parent<'a>(folder: &OwnedFd, path: &'a [u8], replace: Replace) -> io::Result<(OwnedFd, &'a [u8])> {
    match parent(folder, path) {
        Err(error) if matches!(error.raw_os_error(), Some(sys::ENOENT | sys::ENOTDIR)) => {}
        other => return other,
    }
    let parts = components(path)?;
    let (name, before) = parts.split_last().ok_or_else(|| invalid("a path is empty"))?;
    let mut folder = folder.try_clone()?;
    for part in before {
        folder = enter_or_make(&folder, part, replace)?;
    }
    Ok((folder, name))
}

/// Whether a file may be replaced by a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replace {
    Files,
    Nothing,
}

fn enter_or_make(folder: &OwnedFd, name: &[u8], replace: Replace) -> io::Result<OwnedFd> {
    match sys::status(folder, name) {
        Ok(found) if found.is_folder() => {}
        Ok(found) if found.is_regular() && replace == Replace::Files => {
            sys::remove_file(folder, name)?;
            sys::make_folder(folder, name, 0o755)?;
        }
        Ok(found) if found.is_link() => return Err(invalid("a link is in the way")),
        Ok(_) => return Err(invalid("a file is in the way")),
        Err(error) if error.raw_os_error() == Some(sys::ENOENT) => sys::make_folder(folder, name, 0o755)?,
        Err(error) => return Err(error),
    }
    sys::open_folder(folder, name)
}

/// Opens a regular file to read, with what is known of it.
pub(crate) fn open_regular(folder: &OwnedFd, name: &[u8]) -> io::Result<(File, Status)> {
    let file = sys::open_file(folder, name)?;
    let status = sys::status(&file, b"")?;
    if !status.is_regular() {
        return Err(invalid("it is not a regular file"));
    }
    Ok((File::from(file), status))
}

/// Reads a whole regular file of at most so many bytes.
pub(crate) fn read(folder: &OwnedFd, name: &[u8], most: u64) -> io::Result<(Vec<u8>, Status)> {
    let (file, status) = open_regular(folder, name)?;
    let mut bytes = Vec::new();
    // A file may grow between the two calls.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(invalid("it is larger than allowed"));
    }
    Ok((bytes, status))
}

/// Removes a file, a link, or a directory with all in it; what does not exist is as good as removed.
pub(crate) fn remove(folder: &OwnedFd, name: &[u8]) -> io::Result<()> {
    match sys::remove_file(folder, name) {
        Err(error) if error.raw_os_error() == Some(sys::EISDIR) => remove_folder(folder, name),
        Err(error) if matches!(error.raw_os_error(), Some(sys::ENOENT | sys::ENOTDIR)) => Ok(()),
        other => other,
    }
}

fn remove_folder(folder: &OwnedFd, name: &[u8]) -> io::Result<()> {
    let open = open_any(folder, name)?;
    // What lies too deep is moved up to the top and removed from there: the number of descriptors stays bounded.
    let mut moved = 0_u64;
    for _ in 0..MOST_ROUNDS {
        empty(&open, &open, 0, &mut moved)?;
        match sys::remove_folder(folder, name) {
            Err(error) if error.raw_os_error() == Some(sys::ENOTEMPTY) => {}
            other => return other,
        }
    }
    Err(io::Error::from_raw_os_error(sys::ENOTEMPTY))
}

/// Opens a directory from which a hostile program may have taken the permissions.
fn open_any(folder: &OwnedFd, name: &[u8]) -> io::Result<OwnedFd> {
    match sys::open_folder(folder, name) {
        Err(error) if error.raw_os_error() == Some(sys::EACCES) => {
            sys::open_up(folder, name)?;
            sys::open_folder(folder, name)
        }
        other => other,
    }
}

fn empty(folder: &OwnedFd, top: &OwnedFd, depth: usize, moved: &mut u64) -> io::Result<()> {
    let opened = sys::status(folder, b"").is_ok_and(|status| status.mode & 0o700 == 0o700);
    if !opened {
        sys::set_mode(folder, 0o700)?;
    }
    for name in sys::names(folder)? {
        match sys::remove_file(folder, &name) {
            Err(error) if error.raw_os_error() == Some(sys::EISDIR) => {}
            Err(error) if error.raw_os_error() == Some(sys::ENOENT) => continue,
            Err(error) => return Err(error),
            Ok(()) => continue,
        }
        if sys::remove_folder(folder, &name).is_ok() {
            continue;
        }
        if depth >= DEEPEST {
            *moved += 1;
            sys::rename(folder, &name, top, format!(".removed-{moved}").as_bytes())?;
            continue;
        }
        let inner = open_any(folder, &name)?;
        empty(&inner, top, depth + 1, moved)?;
        match sys::remove_folder(folder, &name) {
            Err(error) if error.raw_os_error() == Some(sys::ENOTEMPTY) => {}
            other => other?,
        }
    }
    Ok(())
}

/// What a walk meets.
pub(crate) struct Met<'a> {
    pub(crate) folder: &'a OwnedFd,
    pub(crate) name: &'a [u8],
    /// From where the walk began.
    pub(crate) path: &'a [u8],
    pub(crate) status: Status,
}

/// How far a walk came.
pub(crate) struct Walk {
    /// How many more files are looked at.
    pub(crate) budget: u64,
    /// Whether something was left out: too many files, too deep, not readable.
    pub(crate) complete: bool,
    /// Whether repositories' own folders are visited.
    git: bool,
}

impl Walk {
    /// Returns a walk over a work tree, without `.git`.
    pub(crate) fn new() -> Self {
        Self { budget: 1_000_000, complete: true, git: false }
    }

    /// Returns a walk over everything.
    pub(crate) fn whole() -> Self {
        Self { git: true, ..Self::new() }
    }

    /// Visits all that is below a directory, each directory before what is in it.
    pub(crate) fn visit(
        &mut self,
        folder: &OwnedFd,
        visitor: &mut dyn FnMut(&Met<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        self.inside(folder, &mut Vec::new(), 0, visitor)
    }

    fn inside(
        &mut self,
        folder: &OwnedFd,
        path: &mut Vec<u8>,
        depth: usize,
        visitor: &mut dyn FnMut(&Met<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let Ok(mut names) = sys::names(folder) else {
            self.complete = false;
            return Ok(());
        };
        names.sort_unstable();
        for name in names {
            if self.budget == 0 {
                self.complete = false;
                return Ok(());
            }
            // What vanishes during a walk was not there.
            let Ok(status) = sys::status(folder, &name) else { continue };
            if name == b".git" && !self.git {
                continue;
            }
            self.budget -= 1;
            let length = path.len();
            if length > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(&name);
            visitor(&Met { folder, name: &name, path, status })?;
            if status.is_folder() {
                match sys::open_folder(folder, &name) {
                    Ok(inner) if depth < DEEPEST => self.inside(&inner, path, depth + 1, visitor)?,
                    _ => self.complete = false,
                }
            }
            path.truncate(length);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch() -> (tempfile::TempDir, OwnedFd) {
        let folder = tempfile::tempdir().unwrap();
        let open = File::open(folder.path()).unwrap().into();
        (folder, open)
    }

    #[test]
    fn both_ways_down_agree_and_follow_no_link() {
        let (path, folder) = scratch();
        std::fs::create_dir_all(path.path().join("a/b")).unwrap();
        std::fs::write(path.path().join("a/b/file"), "x").unwrap();
        std::os::unix::fs::symlink("/", path.path().join("a/root")).unwrap();
        std::os::unix::fs::symlink("b", path.path().join("a/link")).unwrap();
        for (name, there) in
            [("a/b", true), ("a/link", false), ("a/root", false), ("a/root/etc", false), ("a/c", false)]
        {
            let parts = components(name.as_bytes()).unwrap();
            assert_eq!(below(&folder, name.as_bytes()).is_ok(), there, "{name}");
            assert_eq!(walk(&folder, &parts).is_ok(), there, "{name}");
        }
        for name in ["", "a//b", "/a", "a/..", ".", "a/./b", "a\0"] {
            assert!(components(name.as_bytes()).is_err(), "{name:?}");
        }
        assert_eq!(read(&below(&folder, b"a/b").unwrap(), b"file", 1).unwrap().0, b"x");
        assert!(read(&below(&folder, b"a").unwrap(), b"link", 1).is_err());
    }

    #[test]
    fn what_is_deep_and_locked_is_removed() {
        let (path, folder) = scratch();
        let top = path.path().join("top");
        std::fs::create_dir(&top).unwrap();
        let mut at: OwnedFd = File::open(&top).unwrap().into();
        for _ in 0..1500 {
            sys::make_folder(&at, b"deep", 0o755).unwrap();
            at = sys::open_folder(&at, b"deep").unwrap();
        }
        sys::make_folder(&at, b"locked", 0o000).unwrap();
        remove(&folder, b"top").unwrap();
        assert!(!top.exists());
        remove(&folder, b"top").unwrap();
    }
}
