//! Files as a tar archive, for the engine to unpack inside a container.

use bytes::Bytes;
use repo::{FileMode, RepoError, Snapshot};

/// The owner of everything in a box.
const NOBODY: u64 = 65534;
const BLOCK: usize = 512;

/// Writes an archive.
#[derive(Default)]
pub(super) struct Archive {
    chunks: Vec<Bytes>,
}

impl Archive {
    pub(super) fn folder(&mut self, path: &str) {
        self.entry(format!("{path}/").as_bytes(), b'5', 0o755, b"", &[]);
    }

    pub(super) fn file(&mut self, path: &[u8], mode: u32, bytes: Vec<u8>) {
        self.entry(path, b'0', mode, b"", &bytes);
    }

    fn link(&mut self, path: &[u8], target: &[u8]) {
        self.entry(path, b'2', 0o777, target, &[]);
    }

    /// Adds the files of a snapshot below a folder. Links come last, so that nothing is written through them.
    pub(super) fn snapshot(&mut self, folder: &str, snapshot: &Snapshot) -> Result<(), RepoError> {
        let mut folders = std::collections::BTreeSet::new();
        for entry in snapshot.entries() {
            let mut parent = entry.path.parent();
            while let Some(path) = parent {
                parent = path.parent();
                if !folders.insert(path) {
                    break;
                }
            }
        }
        let below = |path: &repo::RepoPath| [folder.as_bytes(), b"/", path.as_bytes()].concat();
        for path in &folders {
            self.entry(&[&below(path)[..], b"/"].concat(), b'5', 0o755, b"", &[]);
        }
        let (links, files): (Vec<_>, Vec<_>) =
            snapshot.entries().iter().partition(|entry| entry.mode == FileMode::Symlink);
        for entry in files {
            let path = below(&entry.path);
            match entry.mode {
                FileMode::Submodule => self.entry(&[&path[..], b"/"].concat(), b'5', 0o755, b"", &[]),
                FileMode::Executable => self.file(&path, 0o755, snapshot.read_blob(entry.blob)?),
                FileMode::Regular | FileMode::Symlink => self.file(&path, 0o644, snapshot.read_blob(entry.blob)?),
            }
        }
        for entry in links {
            self.link(&below(&entry.path), &snapshot.read_blob(entry.blob)?);
        }
        Ok(())
    }

    /// Ends the archive.
    pub(super) fn finish(mut self) -> Vec<Bytes> {
        self.chunks.push(Bytes::from(vec![0; 2 * BLOCK]));
        self.chunks
    }

    fn entry(&mut self, path: &[u8], kind: u8, mode: u32, target: &[u8], bytes: &[u8]) {
        // Names that do not fit come before the entry as files of their own, as GNU tar has them.
        for (long, kind) in [(path, b'L'), (target, b'K')] {
            if long.len() > 100 {
                let name = [long, b"\0"].concat();
                self.plain(b"././@LongLink", kind, 0o644, b"", &name);
            }
        }
        self.plain(path, kind, mode, target, bytes);
    }

    fn plain(&mut self, path: &[u8], kind: u8, mode: u32, target: &[u8], bytes: &[u8]) {
        let mut header = [0_u8; BLOCK];
        put(&mut header[..100], path);
        octal(&mut header[100..108], u64::from(mode));
        octal(&mut header[108..116], NOBODY);
        octal(&mut header[116..124], NOBODY);
        octal(&mut header[124..136], bytes.len() as u64);
        octal(&mut header[136..148], 0);
        header[148..156].fill(b' ');
        header[156] = kind;
        put(&mut header[157..257], target);
        put(&mut header[257..265], b"ustar  \0");
        let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
        put(&mut header[148..156], format!("{sum:06o}\0 ").as_bytes());
        self.chunks.push(Bytes::copy_from_slice(&header));
        if !bytes.is_empty() {
            let mut padded = bytes.to_vec();
            padded.resize(bytes.len().next_multiple_of(BLOCK), 0);
            self.chunks.push(Bytes::from(padded));
        }
    }
}

fn put(field: &mut [u8], value: &[u8]) {
    for (to, from) in field.iter_mut().zip(value) {
        *to = *from;
    }
}

fn octal(field: &mut [u8], value: u64) {
    let width = field.len() - 1;
    put(field, format!("{value:0width$o}").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tar_reads_what_is_written() {
        let mut archive = Archive::default();
        archive.folder("a");
        let long = format!("a/{}/x", "n".repeat(150));
        archive.file(b"a/run", 0o755, b"hello".to_vec());
        archive.file(long.as_bytes(), 0o644, vec![7; 513]);
        archive.link(b"a/link", b"run");
        let bytes: Vec<u8> = archive.finish().concat();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.tar");
        std::fs::write(&file, bytes).unwrap();
        let output = std::process::Command::new("tar").args(["-tvf"]).arg(&file).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}");
        let names: Vec<&str> = text.lines().collect();
        assert!(names[1].starts_with("-rwxr-xr-x 65534/65534") && names[1].ends_with(" a/run"), "{text}");
        assert!(names[2].ends_with(&long) && names[2].contains(" 513 "), "{text}");
        assert!(names[3].ends_with("a/link -> run"), "{text}");
    }
}
