//! The import of a plain folder.

use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ignore::WalkBuilder;

use super::{Store, carry_out, write_blob};
use crate::tree::{Action, Plan, RawEntry};
use crate::{FileMode, RepoError, RepoPath, TreeId};

/// What an import may take in at most.
const MAX_FILES: u64 = 200_000;
const MAX_FILE_BYTES: u64 = 100 << 20;
const MAX_TOTAL_BYTES: u64 = 2 << 30;

/// Writes the files of `folder` into the store.
pub(crate) fn import(store: &Store, folder: &Path) -> Result<TreeId, RepoError> {
    let metadata = std::fs::metadata(folder).map_err(|_| RepoError::NoSuchDirectory { path: folder.to_owned() })?;
    if !metadata.is_dir() {
        return Err(RepoError::NotADirectory { path: folder.to_owned() });
    }
    let folder = folder.canonicalize().map_err(RepoError::io("resolve", folder))?;
    let own = store.dir().to_owned();
    let walk = WalkBuilder::new(&folder)
        .standard_filters(false)
        .git_ignore(true)
        .require_git(false)
        .follow_links(false)
        .sort_by_file_name(std::cmp::Ord::cmp)
        .filter_entry(move |entry| entry.file_name() != ".git" && entry.path() != own)
        .build();
    store.with_odb(|odb| {
        let mut plan = Plan::default();
        let (mut files, mut total) = (0, 0);
        for entry in walk {
            let entry = entry.map_err(|error| walk_error(&folder, error))?;
            let Some((mode, bytes)) = read_entry(entry.path(), entry.file_type())? else { continue };
            files += 1;
            total += bytes.len() as u64;
            let too_large =
                |limit, unit| RepoError::TooLarge { what: format!("folder `{}`", folder.display()), limit, unit };
            if files > MAX_FILES {
                return Err(too_large(MAX_FILES, "files"));
            }
            if total > MAX_TOTAL_BYTES {
                return Err(too_large(MAX_TOTAL_BYTES, "bytes"));
            }
            let inside = entry.path().strip_prefix(&folder).unwrap_or(entry.path());
            let path = RepoPath::new(inside.as_os_str().as_bytes())?;
            let id = write_blob(odb, &bytes)?;
            plan.at(path.components()).action = Some(Action::Put(RawEntry { mode: mode.bits(), id }));
        }
        carry_out(odb, TreeId::EMPTY, &plan)
    })
}

/// Reads one file or link; `None` for directories, sockets, pipes and devices.
pub(crate) fn read_entry(
    path: &Path,
    kind: Option<std::fs::FileType>,
) -> Result<Option<(FileMode, Vec<u8>)>, RepoError> {
    let Some(kind) = kind else { return Ok(None) };
    if kind.is_symlink() {
        let target = std::fs::read_link(path).map_err(RepoError::io("read the link", path))?;
        return Ok(Some((FileMode::Symlink, target.as_os_str().as_bytes().to_vec())));
    }
    if !kind.is_file() {
        return Ok(None);
    }
    let file = std::fs::File::open(path).map_err(RepoError::io("open", path))?;
    let metadata = file.metadata().map_err(RepoError::io("look at", path))?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(RepoError::io("read", path))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(RepoError::TooLarge {
            what: format!("`{}`", path.display()),
            limit: MAX_FILE_BYTES,
            unit: "bytes",
        });
    }
    let executable = metadata.permissions().mode() & 0o100 != 0;
    let mode = if executable { FileMode::Executable } else { FileMode::Regular };
    Ok(Some((mode, bytes)))
}

fn walk_error(folder: &Path, error: ignore::Error) -> RepoError {
    let message = error.to_string();
    let source = error.into_io_error().unwrap_or_else(|| std::io::Error::other(message));
    RepoError::Io { action: "list", path: folder.to_owned(), source }
}
