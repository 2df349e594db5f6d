//! Removes what a box wrote: any number of files, any names, any depth, and links to anywhere.
//!
//! A folder within a folder is moved up before it is emptied, so neither the depth nor a path's length matters, and every name is
//! one step below a descriptor of ours. Nothing is followed and no file is opened.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::TRASH;
use super::system::numbered;

const FOLDER: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Removes `<folder>/<id>` and everything in it. Stops early, and leaves the rest, when `enough` says so.
pub(super) fn remove(root: &OwnedFd, folder: &str, id: u64, enough: &dyn Fn() -> bool) -> io::Result<()> {
    let trash = openat(root.as_fd(), TRASH, FOLDER, Mode::empty())?;
    let first = format!("{folder}{id}");
    renameat(root.as_fd(), numbered(folder, id).as_str(), trash.as_fd(), first.as_str())?;
    let mut names = Names { prefix: first.clone(), next: 0 };
    let mut waiting = vec![first];
    while let Some(name) = waiting.pop() {
        if enough() {
            return Ok(());
        }
        empty(&trash, &name, &mut names, &mut waiting)?;
        unlinkat(&trash, name.as_str(), UnlinkatFlags::RemoveDir)?;
    }
    Ok(())
}

struct Names {
    prefix: String,
    next: u64,
}

impl Names {
    fn next(&mut self) -> String {
        self.next += 1;
        format!("{}.{}", self.prefix, self.next)
    }
}

fn empty(trash: &OwnedFd, name: &str, names: &mut Names, waiting: &mut Vec<String>) -> nix::Result<()> {
    let mut folder = Dir::from_fd(openat(trash.as_fd(), name, FOLDER, Mode::empty())?)?;
    let mut found = Vec::new();
    for entry in folder.iter() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            found.push((entry.file_name().to_owned(), entry.file_type()));
        }
    }
    for (child, kind) in found {
        let unlinked = match kind {
            Some(Type::Directory) => Err(Errno::EISDIR),
            _ => unlinkat(&folder, child.as_c_str(), UnlinkatFlags::NoRemoveDir),
        };
        match unlinked {
            Err(Errno::EISDIR) => {
                let up = names.next();
                renameat(folder.as_fd(), child.as_c_str(), trash.as_fd(), up.as_str())?;
                waiting.push(up);
            }
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
