//! One directory that is used again and again: all that is in it is remembered, and what does not belong there goes.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;

use super::files::{about, entry, mark_by, marked, reply};
use super::sys;
use super::tree::{self, Met, Walk, invalid};
use super::wire::{Belonging, Changed, ChangedFile, Copy, Entry, Reply, Room, kind};

/// A file takes whole pages of an in-memory file system.
const PAGE: u64 = 4096;
/// So often a directory is looked at: what is removed can have hidden something.
const LOOKS: usize = 4;
/// Most entries that are named as missing.
const MOST_MISSING: usize = 100_000;
/// The bits of a mode that say what an entry is.
const KIND: u32 = 0o170_000;

pub(crate) fn rename(request: &Copy<'_>) -> io::Result<()> {
    let ((from, name), (to, new)) = (split(request.from)?, split(request.to)?);
    sys::rename(&from, name, &to, new).map_err(about(request.to))
}

fn split(at: &[u8]) -> io::Result<(OwnedFd, &[u8])> {
    let path = at.strip_prefix(b"/").ok_or_else(|| invalid("a place is not absolute"))?;
    tree::parent(&tree::open(b"/")?, path).map_err(about(at))
}

pub(crate) fn room(at: &[u8]) -> io::Result<Vec<u8>> {
    let folder = tree::open(at)?;
    let (mut bytes, mut files) = (0_u64, 0_u64);
    Walk::whole().visit(&folder, &mut |met| {
        files += 1;
        if met.status.is_regular() {
            bytes = bytes.saturating_add(met.status.size.div_ceil(PAGE).saturating_mul(PAGE));
        }
        Ok(())
    })?;
    let (free_bytes, free_files) = sys::room(&folder).ok_or_else(io::Error::last_os_error)?;
    Ok(reply(&Reply::Room(Room { bytes, files, free_bytes, free_files })))
}

/// Of a directory only its permissions are remembered: its times and size change with what is in it.
fn lasting<'a>(met: &Met<'a>) -> Entry<'a> {
    let entry = entry(met);
    if met.status.is_folder() { Entry { size: 0, modified: 0, changed: 0, inode: 0, ..entry } } else { entry }
}

pub(crate) fn mark(at: &[u8]) -> io::Result<Vec<u8>> {
    mark_by(at, Walk::whole(), &|met| Some(lasting(met)))
}

/// What one look at a directory found.
struct Look<'m> {
    missing: BTreeMap<&'m [u8], Entry<'m>>,
    /// What does not belong there; nothing of it lies in another.
    extra: Vec<Vec<u8>>,
    complete: bool,
}

/// Removes all that is not as a mark has it, sets the permissions of directories, and returns what is missing then.
pub(crate) fn clear(request: &Belonging<'_>) -> io::Result<Vec<u8>> {
    let folder = tree::open(request.at)?;
    let marked = marked(request.mark)?;
    let mut seen = look(&folder, &marked)?;
    for _ in 1..LOOKS {
        if seen.extra.is_empty() && seen.complete {
            break;
        }
        for path in &seen.extra {
            let (parent, name) = tree::parent(&folder, path).map_err(about(path))?;
            tree::remove(&parent, name).map_err(about(path))?;
        }
        seen = look(&folder, &marked)?;
    }
    let named = seen.missing.values().take(MOST_MISSING);
    let files = named.map(|entry| ChangedFile { path: entry.path, kind: kind_of(entry.mode), bytes: None }).collect();
    let left_out = (seen.missing.len().saturating_sub(MOST_MISSING) + seen.extra.len()) as u64;
    Ok(reply(&Reply::Changed(Changed { files, special: 0, too_large: 0, left_out, complete: seen.complete })))
}

fn look<'m>(folder: &OwnedFd, marked: &BTreeMap<&'m [u8], Entry<'m>>) -> io::Result<Look<'m>> {
    let (mut missing, mut extra) = (marked.clone(), Vec::<Vec<u8>>::new());
    let mut walk = Walk::whole();
    walk.visit(folder, &mut |met| {
        if extra.last().is_some_and(|last| lies_in(met.path, last)) {
            return Ok(());
        }
        match marked.get(met.path) {
            Some(known) if *known == lasting(met) => {
                missing.remove(met.path);
            }
            Some(known) if met.status.is_folder() && known.mode & KIND == u32::from(met.status.mode) & KIND => {
                sys::open_up(met.folder, met.name)?;
                sys::set_mode(&sys::open_folder(met.folder, met.name)?, known.mode & !KIND)?;
                missing.remove(met.path);
            }
            Some(_) | None => extra.push(met.path.to_vec()),
        }
        Ok(())
    })?;
    Ok(Look { missing, extra, complete: walk.complete })
}

fn lies_in(path: &[u8], folder: &[u8]) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.first() == Some(&b'/'))
}

fn kind_of(mode: u32) -> u8 {
    match mode & KIND {
        0o040_000 => kind::FOLDER,
        0o120_000 => kind::LINK,
        _ if mode & 0o100 != 0 => kind::EXECUTABLE,
        _ => kind::REGULAR,
    }
}
