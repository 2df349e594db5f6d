//! Writing, reading, copying and comparing the files of one directory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::time::{SystemTime, UNIX_EPOCH};

use super::glob;
use super::sys::{self, Status};
use super::tree::{self, Met, Replace, Walk, invalid};
use super::wire::{
    Apply, Changed, ChangedFile, Collected, CollectedFile, Copy, Entry, Field as _, Matching, Put, PutFile, ReadFile,
    Reply, Since, frame, kind, messages,
};

/// When every file of a base was last modified: long before anything that is built from it.
const BASE_TIME: u64 = 1_000_000_000 * SECOND;
const SECOND: u64 = 1_000_000_000;
/// Largest mark.
const MOST_MARK: usize = 64 << 20;

/// Adds to an error what it is about.
pub(crate) fn about(path: &[u8]) -> impl FnOnce(io::Error) -> io::Error {
    let path = String::from_utf8_lossy(path).into_owned();
    move |error| Named::wrap(path, error)
}

/// An error of the system with the path it is about; the error's number stays readable.
#[derive(Debug)]
pub(crate) struct Named {
    path: String,
    pub(crate) error: io::Error,
}

impl Named {
    fn wrap(path: String, error: io::Error) -> io::Error {
        io::Error::new(error.kind(), Self { path, error })
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.error)
    }
}

impl std::error::Error for Named {}

pub(crate) fn make_place(at: &[u8]) -> io::Result<()> {
    let slash = at.iter().rposition(|byte| *byte == b'/').ok_or_else(|| invalid("a place is not absolute"))?;
    let parent = tree::open(if slash == 0 { b"/" } else { &at[..slash] }).map_err(about(at))?;
    sys::make_folder(&parent, &at[slash + 1..], 0o755).map_err(about(at))
}

/// Removes a directory; where it is a mount point, all that is in it.
pub(crate) fn remove_place(at: &[u8]) -> io::Result<()> {
    let slash = at.iter().rposition(|byte| *byte == b'/').ok_or_else(|| invalid("a place is not absolute"))?;
    let parent = tree::open(if slash == 0 { b"/" } else { &at[..slash] }).map_err(about(at))?;
    tree::remove(&parent, &at[slash + 1..]).map_err(about(at))
}

pub(crate) fn put(request: &Put<'_>) -> io::Result<()> {
    let folder = tree::open(request.at)?;
    request.files.iter().try_for_each(|file| put_one(&folder, file).map_err(about(file.path)))
}

fn put_one(folder: &OwnedFd, file: &PutFile<'_>) -> io::Result<()> {
    let (parent, name) = tree::make_parent(folder, file.path, Replace::Nothing)?;
    match file.kind {
        kind::REGULAR => write(&parent, name, file.bytes, 0o644)?,
        kind::EXECUTABLE => write(&parent, name, file.bytes, 0o755)?,
        kind::LINK => {
            tree::remove(&parent, name)?;
            sys::make_link(file.bytes, &parent, name)?;
        }
        kind::FOLDER => return make_folder(&parent, name),
        _ => return Err(invalid("a file is of no known kind")),
    }
    sys::set_modified(&parent, name, BASE_TIME)
}

fn make_folder(parent: &OwnedFd, name: &[u8]) -> io::Result<()> {
    match sys::make_folder(parent, name, 0o755) {
        Err(error) if error.raw_os_error() == Some(sys::EEXIST) => sys::open_folder(parent, name).map(drop),
        other => other,
    }
}

/// Makes a file anew. What had the name is removed and not written through: it may be a link, or share its content with another.
fn write(parent: &OwnedFd, name: &[u8], bytes: &[u8], mode: u32) -> io::Result<()> {
    let file = match sys::create_file(parent, name, mode) {
        Err(error) if error.raw_os_error() == Some(sys::EEXIST) => {
            tree::remove(parent, name)?;
            sys::create_file(parent, name, mode)?
        }
        other => other?,
    };
    // Whatever the umask says.
    sys::set_mode(&file, mode)?;
    File::from(file).write_all(bytes)
}

pub(crate) fn apply(request: &Apply<'_>) -> io::Result<u64> {
    let folder = tree::open(request.at)?;
    let newest = match request.newest {
        Some(newest) => newest,
        None => newest_below(&folder)?,
    };
    let now = now().max(newest + 1);
    let mut latest = now;
    for edit in request.edits.iter().filter(|edit| edit.bytes.is_none()) {
        match tree::parent(&folder, edit.path) {
            Ok((parent, name)) => tree::remove(&parent, name).map_err(about(edit.path))?,
            Err(error) if matches!(error.raw_os_error(), Some(sys::ENOENT | sys::ENOTDIR)) => {}
            Err(error) => return Err(about(edit.path)(error)),
        }
    }
    for edit in &request.edits {
        let Some(bytes) = edit.bytes else { continue };
        latest = latest.max(edit_one(&folder, edit.path, bytes, now).map_err(about(edit.path))?);
    }
    Ok(latest)
}

fn edit_one(folder: &OwnedFd, path: &[u8], bytes: &[u8], now: u64) -> io::Result<u64> {
    let (parent, name) = tree::make_parent(folder, path, Replace::Files)?;
    let before = sys::status(&parent, name).ok();
    let mode = if before.is_some_and(|it| it.is_regular() && it.is_executable()) { 0o755 } else { 0o644 };
    write(&parent, name, bytes, mode)?;
    // Python compares whole seconds, and sizes: an edit within the second of the last one must show.
    let same_second = before.filter(|it| it.modified / SECOND >= now / SECOND);
    let time = same_second.map_or(now, |it| (it.modified / SECOND + 1).saturating_mul(SECOND));
    sys::set_modified(&parent, name, time)?;
    Ok(time)
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(0)
}

pub(crate) fn newest(at: &[u8]) -> io::Result<u64> {
    newest_below(&tree::open(at)?)
}

fn newest_below(folder: &OwnedFd) -> io::Result<u64> {
    let mut newest = 0;
    Walk::new().visit(folder, &mut |met| {
        newest = newest.max(met.status.modified);
        Ok(())
    })?;
    // A time in the far future, which a program can set, must not push edits out of what can be represented.
    Ok(newest.min(now().saturating_add(366 * 24 * 3600 * SECOND)))
}

pub(crate) fn read(request: &ReadFile<'_>) -> io::Result<Vec<u8>> {
    let folder = tree::open(request.at)?;
    let (parent, name) = tree::parent(&folder, request.path).map_err(about(request.path))?;
    tree::read(&parent, name, request.limit).map(|(bytes, _)| bytes).map_err(about(request.path))
}

pub(crate) fn copy(request: &Copy<'_>) -> io::Result<()> {
    let (from, to) = (tree::open(request.from)?, tree::open(request.to)?);
    let mut walk = Walk::whole();
    // Times of directories change as they are filled, so they are set last.
    let mut folders: Vec<(Vec<u8>, u64)> = Vec::new();
    walk.visit(&from, &mut |met| {
        let (parent, name) = tree::parent(&to, met.path)?;
        let status = &met.status;
        if status.is_folder() {
            folders.push((met.path.to_vec(), status.modified));
            return make_folder(&parent, name);
        }
        if status.is_link() {
            sys::make_link(&sys::read_link(met.folder, met.name)?, &parent, name)?;
        } else if status.is_regular() {
            copy_file(met, &parent, name)?;
        } else {
            return Ok(());
        }
        sys::set_modified(&parent, name, status.modified)
    })?;
    for (path, modified) in folders.iter().rev() {
        let (parent, name) = tree::parent(&to, path)?;
        sys::set_modified(&parent, name, *modified)?;
    }
    if walk.complete { Ok(()) } else { Err(invalid("the tree is too large, too deep or not readable")) }
}

fn copy_file(met: &Met<'_>, parent: &OwnedFd, name: &[u8]) -> io::Result<()> {
    let (mut source, status) = tree::open_regular(met.folder, met.name).map_err(about(met.path))?;
    let mode = u32::from(status.mode & 0o777);
    let target = sys::create_file(parent, name, mode)?;
    sys::set_mode(&target, mode)?;
    io::copy(&mut source, &mut File::from(target)).map(drop).map_err(about(met.path))
}

/// Returns what shows that a file was changed.
pub(crate) fn entry<'a>(met: &Met<'a>) -> Entry<'a> {
    let Status { size, modified, changed, inode, mode } = met.status;
    Entry { path: met.path, size, modified, changed, inode, mode: u32::from(mode) }
}

pub(crate) fn mark(at: &[u8]) -> io::Result<Vec<u8>> {
    mark_by(at, Walk::new(), &|met| (!met.status.is_folder()).then(|| entry(met)))
}

/// Remembers what a walk meets.
pub(crate) fn mark_by(
    at: &[u8],
    mut walk: Walk,
    remembered: &dyn for<'a> Fn(&Met<'a>) -> Option<Entry<'a>>,
) -> io::Result<Vec<u8>> {
    let folder = tree::open(at)?;
    let mut mark = Vec::new();
    walk.visit(&folder, &mut |met| {
        if let Some(entry) = remembered(met) {
            entry.write(&mut mark);
        }
        if mark.len() > MOST_MARK {
            return Err(invalid("the tree has too many files to be watched"));
        }
        Ok(())
    })?;
    if walk.complete { Ok(mark) } else { Err(invalid("the tree is too large or too deep to be watched")) }
}

pub(crate) fn marked(mark: &[u8]) -> io::Result<BTreeMap<&[u8], Entry<'_>>> {
    let entries: Vec<Entry<'_>> = messages(mark).map_err(|_| invalid("the mark cannot be read"))?;
    Ok(entries.into_iter().map(|entry| (entry.path, entry)).collect())
}

/// What a comparison found so far.
#[derive(Default)]
struct Found {
    files: Vec<(Vec<u8>, u8, Option<Vec<u8>>)>,
    bytes: u64,
    special: u64,
    too_large: u64,
    left_out: u64,
}

pub(crate) fn changes(request: &Since<'_>) -> io::Result<Vec<u8>> {
    let folder = tree::open(request.at)?;
    let mut before = marked(request.mark)?;
    let mut found = Found::default();
    let mut walk = Walk::new();
    walk.visit(&folder, &mut |met| {
        if met.status.is_folder() {
            return Ok(());
        }
        if before.remove(met.path) != Some(entry(met)) {
            found.add(met, request);
        }
        Ok(())
    })?;
    if walk.complete {
        for path in before.keys() {
            found.push(path, kind::REGULAR, None, request);
        }
    }
    let files =
        found.files.iter().map(|(path, kind, bytes)| ChangedFile { path, kind: *kind, bytes: bytes.as_deref() });
    let (special, too_large, left_out) = (found.special, found.too_large, found.left_out);
    let changed = Changed { files: files.collect(), special, too_large, left_out, complete: walk.complete };
    Ok(reply(&Reply::Changed(changed)))
}

impl Found {
    fn add(&mut self, met: &Met<'_>, request: &Since<'_>) {
        let status = &met.status;
        if status.is_link() {
            match sys::read_link(met.folder, met.name) {
                Ok(target) => self.push(met.path, kind::LINK, Some(target), request),
                Err(_) => self.left_out += 1,
            }
        } else if !status.is_regular() {
            self.special += 1;
        } else if status.size > request.most_of_one {
            self.too_large += 1;
        } else {
            let kind = if status.is_executable() { kind::EXECUTABLE } else { kind::REGULAR };
            match tree::read(met.folder, met.name, request.most_of_one) {
                Ok((bytes, _)) => self.push(met.path, kind, Some(bytes), request),
                Err(_) => self.left_out += 1,
            }
        }
    }

    fn push(&mut self, path: &[u8], kind: u8, bytes: Option<Vec<u8>>, request: &Since<'_>) {
        let size = path.len() as u64 + bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        if self.files.len() as u64 >= request.most_files || self.bytes + size > request.most_bytes {
            self.left_out += 1;
            return;
        }
        self.bytes += size;
        self.files.push((path.to_vec(), kind, bytes));
    }
}

pub(crate) fn collect(request: &Matching<'_>) -> io::Result<Vec<u8>> {
    let folder = tree::open(request.at)?;
    let (mut files, mut bytes, mut left_out) = (Vec::new(), 0_u64, 0_u64);
    Walk::new().visit(&folder, &mut |met| {
        if !met.status.is_regular() || !request.globs.iter().any(|it| glob::matches(it, met.path)) {
            return Ok(());
        }
        let room = request.most_bytes.saturating_sub(bytes);
        if files.len() as u64 >= request.most_files || met.status.size > room {
            left_out += 1;
            return Ok(());
        }
        match tree::read(met.folder, met.name, room) {
            Ok((content, _)) => {
                bytes += content.len() as u64;
                files.push((met.path.to_vec(), content));
            }
            Err(_) => left_out += 1,
        }
        Ok(())
    })?;
    let files = files.iter().map(|(path, bytes)| CollectedFile { path, bytes }).collect();
    Ok(reply(&Reply::Collected(Collected { files, left_out })))
}

pub(crate) fn discard(request: &Matching<'_>) -> io::Result<()> {
    let folder = tree::open(request.at)?;
    Walk::new().visit(&folder, &mut |met| {
        if !met.status.is_folder() && request.globs.iter().any(|it| glob::matches(it, met.path)) {
            sys::remove_file(met.folder, met.name).map_err(about(met.path))?;
        }
        Ok(())
    })
}

/// Returns a reply as it is sent on by the main process, which puts the request's number in.
pub(crate) fn reply(reply: &Reply<'_>) -> Vec<u8> {
    frame(0, reply)
}
