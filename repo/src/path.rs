//! Paths inside a repository.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// A path relative to the repository's root: bytes, `/` between components, never empty, absolute or climbing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(Arc<[u8]>);

/// Why a path names no place inside a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path is empty or has an empty component.
    #[error("path `{0}` has an empty component")]
    Empty(String),
    /// The path is absolute.
    #[error("path `{0}` is absolute; give it relative to the repository's root")]
    Absolute(String),
    /// A component is `.` or `..`.
    #[error("path `{0}` leaves the repository or has a `.` component")]
    Climbs(String),
    /// The path holds a NUL byte.
    #[error("path `{0}` has a NUL byte")]
    Nul(String),
}

impl RepoPath {
    /// Parses a path.
    ///
    /// # Errors
    /// When it is empty, absolute, climbs with `..`, or holds a NUL byte.
    pub fn new(path: impl AsRef<[u8]>) -> Result<RepoPath, PathError> {
        let bytes = path.as_ref();
        let shown = || String::from_utf8_lossy(bytes).into_owned();
        if bytes.first() == Some(&b'/') {
            return Err(PathError::Absolute(shown()));
        }
        if bytes.contains(&0) {
            return Err(PathError::Nul(shown()));
        }
        for component in bytes.split(|byte| *byte == b'/') {
            match component {
                b"" => return Err(PathError::Empty(shown())),
                b"." | b".." => return Err(PathError::Climbs(shown())),
                _ => {}
            }
        }
        Ok(RepoPath(bytes.into()))
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the path as text, with replacement characters where it is no UTF-8.
    pub fn to_str_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Returns the components, outermost first.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/')
    }

    /// Returns the last component.
    pub fn file_name(&self) -> &[u8] {
        self.components().next_back().unwrap_or_default()
    }

    /// Returns the directory that holds this path; `None` at the root.
    pub fn parent(&self) -> Option<RepoPath> {
        let slash = self.0.iter().rposition(|byte| *byte == b'/')?;
        Some(RepoPath(self.0[..slash].into()))
    }

    /// Returns what stands behind the last dot of the file name; `None` without a dot or for a dot file.
    pub fn extension(&self) -> Option<&[u8]> {
        let name = self.file_name();
        let dot = name.iter().rposition(|byte| *byte == b'.')?;
        if dot == 0 { None } else { Some(&name[dot + 1..]) }
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_str_lossy())
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_str_lossy())
    }
}

impl Serialize for RepoPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_str_lossy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_apart() {
        let path = RepoPath::new("src/deep/mod.test.py").unwrap();
        assert_eq!(path.components().collect::<Vec<_>>(), [&b"src"[..], b"deep", b"mod.test.py"]);
        assert_eq!((path.file_name(), path.extension()), (&b"mod.test.py"[..], Some(&b"py"[..])));
        assert_eq!(path.parent().unwrap().to_string(), "src/deep");
        assert_eq!(path.parent().unwrap().parent().unwrap().parent(), None);
        assert_eq!(RepoPath::new(".gitignore").unwrap().extension(), None);
        assert_eq!(RepoPath::new("Makefile").unwrap().extension(), None);
        assert_eq!(RepoPath::new(b"caf\xe9").unwrap().to_string(), "caf\u{fffd}");
    }

    #[test]
    fn places_outside_the_repository_have_no_path() {
        let check = |text: &str, expected: fn(String) -> PathError| {
            assert_eq!(RepoPath::new(text), Err(expected(text.to_owned())));
        };
        for text in ["", "a//b", "a/"] {
            check(text, PathError::Empty);
        }
        for text in ["/", "/a", "//"] {
            check(text, PathError::Absolute);
        }
        for text in ["..", ".", "../a", "a/..", "a/../b", "./a"] {
            check(text, PathError::Climbs);
        }
        check("a\0b", PathError::Nul);
    }
}
