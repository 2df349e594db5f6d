//! A directory as text, to tell that nothing in it changed.

use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Result;

/// Returns one line for every entry below a directory: mode, size, time of change, a hash of the content or the target, and the path.
///
/// The time is in it so that a file written anew with the same bytes shows too; two values of this function are compared as text, and the
/// difference names the entries.
pub fn of(dir: &Path) -> Result<String> {
    let mut out = String::new();
    add(dir, dir, &mut out)?;
    Ok(out)
}

fn add(root: &Path, dir: &Path, out: &mut String) -> Result<()> {
    let mut entries = std::fs::read_dir(dir)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let meta = std::fs::symlink_metadata(&path)?;
        let content = if meta.is_symlink() {
            std::fs::read_link(&path)?.display().to_string()
        } else if meta.is_file() {
            format!("{:016x}", fnv(&std::fs::read(&path)?))
        } else {
            "-".to_owned()
        };
        let relative = path.strip_prefix(root)?.display();
        writeln!(out, "{:o} {} {}.{} {content} {relative}", meta.mode(), meta.size(), meta.mtime(), meta.mtime_nsec())?;
        if meta.is_dir() {
            add(root, &path, out)?;
        }
    }
    Ok(())
}

/// FNV-1a: changes are accidents here, not attacks.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
