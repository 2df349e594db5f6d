//! What can keep an index from being opened or asked.

use std::path::PathBuf;

/// Why an index could not be opened or searched.
///
/// A damaged or outdated cache is none of these: it is rebuilt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The repository could not be read.
    #[error("read the repository: {0}")]
    Repo(#[from] repo::RepoError),
    /// A file or directory of the cache could not be created, written or read.
    #[error("use the index cache at `{path}`; choose another directory or free some space")]
    Cache {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text index could not be built or read.
    #[error("the text index: {source}")]
    Text {
        /// What tantivy said.
        source: tantivy::TantivyError,
    },
}
