//! The folder that outlives restarts, held by one daemon at a time.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::statfs::{FsType, NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, statfs};

/// The file that is locked while a daemon runs.
const LOCK: &str = "daemon.lock";
/// CIFS and SMB2, which nix has no names for (`linux/magic.h`).
const CIFS: FsType = FsType(0xFF53_4D42);
const SMB2: FsType = FsType(0xFE53_4D42);

/// Why a folder cannot hold the daemon's state. All of these are for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    /// It cannot be made, opened or written.
    #[error("the state folder `{}` cannot be used: {source}", path.display())]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is a link, which somebody could turn round.
    #[error("the state folder `{}` is a symbolic link: set `server.state_dir` to the folder itself", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// It belongs to somebody else, who could change it.
    #[error("the state folder `{}` belongs to user {owner}, but this is user {user}: change its owner or `server.state_dir`", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who we are.
        user: u32,
    },
    /// Locks and writes are not dependable over a network.
    #[error("the state folder `{}` is on a network file system, where a database is not safe: set `server.state_dir` to a local disk, or `store.url` to PostgreSQL", path.display())]
    Network {
        /// The folder.
        path: PathBuf,
    },
    /// Another daemon has it.
    #[error("the state folder `{}` is in use by {holder}: stop that daemon, or give this one another `server.state_dir`", path.display())]
    Held {
        /// The folder.
        path: PathBuf,
        /// What the lock file says of the other.
        holder: String,
    },
}

/// A state folder that is ours until this is dropped.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    boot: String,
    _lock: Flock<File>,
}

impl StateDir {
    /// Makes the folder where it is missing and takes it.
    ///
    /// # Errors
    /// See [`StateDirError`].
    pub fn take(path: &Path) -> Result<StateDir, StateDirError> {
        let unusable = |source: std::io::Error| StateDirError::Unusable { path: path.to_owned(), source };
        if std::fs::symlink_metadata(path).is_ok_and(|about| about.file_type().is_symlink()) {
            return Err(StateDirError::Link { path: path.to_owned() });
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
        let owner = std::fs::metadata(path).map_err(unusable)?.uid();
        let user = nix::unistd::geteuid().as_raw();
        if owner != user {
            return Err(StateDirError::Foreign { path: path.to_owned(), owner, user });
        }
        if is_network(statfs(path).map_err(|error| unusable(error.into()))?.filesystem_type()) {
            return Err(StateDirError::Network { path: path.to_owned() });
        }
        let boot = uuid::Uuid::now_v7().to_string();
        let lock = lock(path, &boot)?;
        Ok(StateDir { path: path.to_owned(), boot, _lock: lock })
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the id of this start of the daemon.
    pub fn boot(&self) -> &str {
        &self.boot
    }
}

fn lock(path: &Path, boot: &str) -> Result<Flock<File>, StateDirError> {
    let unusable = |source: std::io::Error| StateDirError::Unusable { path: path.to_owned(), source };
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path.join(LOCK));
    match Flock::lock(open.map_err(unusable)?, FlockArg::LockExclusiveNonblock) {
        Ok(mut lock) => {
            let written = lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| {
                writeln!(lock, "process {} (boot {boot})", std::process::id())?;
                lock.sync_all()
            });
            written.map_err(unusable)?;
            Ok(lock)
        }
        Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => {
            let mut holder = String::new();
            // Whoever holds the lock may be about to write its name; then it stays unknown.
            let known = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
            let holder = if known { holder.trim().to_owned() } else { "another process".to_owned() };
            Err(StateDirError::Held { path: path.to_owned(), holder })
        }
        Err((_, error)) => Err(unusable(error.into())),
    }
}

fn is_network(kind: FsType) -> bool {
    [NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, CIFS, SMB2].contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_daemon_at_a_time_holds_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/state");
        let held = StateDir::take(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o700);
        let error = StateDir::take(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("in use by process {} (boot {})", std::process::id(), held.boot())), "{error}");
        drop(held);
        StateDir::take(&path).unwrap();
    }

    #[test]
    fn links_and_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        assert!(matches!(StateDir::take(&link), Err(StateDirError::Link { .. })));
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(StateDir::take(&file), Err(StateDirError::Unusable { .. })));
    }

    #[test]
    fn network_file_systems_are_told() {
        assert!(is_network(NFS_SUPER_MAGIC) && is_network(CIFS) && !is_network(nix::sys::statfs::TMPFS_MAGIC));
    }
}
