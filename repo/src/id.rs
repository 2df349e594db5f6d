//! Names of git objects, one type per kind, so that a tree's id cannot stand where a commit's is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::RepoError;

/// A text that is no full object id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no object id; 40 hexadecimal digits are needed")]
pub struct IdError(String);

macro_rules! object_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 20]);

        impl $name {
            /// Wraps the twenty bytes of an id.
            pub const fn from_bytes(bytes: [u8; 20]) -> $name {
                $name(bytes)
            }

            /// Returns the twenty bytes of the id.
            pub const fn as_bytes(&self) -> &[u8; 20] {
                &self.0
            }

            #[allow(dead_code, reason = "each kind of id needs only one of the two directions")]
            pub(crate) fn from_oid(oid: git2::Oid) -> $name {
                let mut bytes = [0; 20];
                bytes.copy_from_slice(&oid.as_bytes()[..20]);
                $name(bytes)
            }

            #[allow(dead_code, reason = "each kind of id needs only one of the two directions")]
            pub(crate) fn to_oid(self) -> Result<git2::Oid, git2::Error> {
                git2::Oid::from_bytes(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), hex::encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<$name, IdError> {
                let mut bytes = [0; 20];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| IdError(text.to_owned()))?;
                Ok($name(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

object_id! {
    /// The id of a commit.
    CommitId
}
object_id! {
    /// The id of a tree.
    TreeId
}
object_id! {
    /// The id of a blob, which is a file's content.
    BlobId
}

impl TreeId {
    /// The id of the tree without entries, which every git repository knows.
    pub const EMPTY: TreeId = TreeId([
        0x4b, 0x82, 0x5d, 0xc6, 0x42, 0xcb, 0x6e, 0xb9, 0xa0, 0x60, 0xe5, 0x4b, 0xf8, 0xd6, 0x92, 0x88, 0xfb, 0xee,
        0x49, 0x04,
    ]);
}

impl BlobId {
    /// Returns the id of a content, without storing it.
    ///
    /// # Errors
    /// When git's library cannot hash it.
    pub fn of(bytes: &[u8]) -> Result<BlobId, RepoError> {
        let id = git2::Oid::hash_object(git2::ObjectType::Blob, bytes).map_err(RepoError::git("hash a content"))?;
        Ok(BlobId::from_oid(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_parse_and_print() {
        let text = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        let id: TreeId = text.parse().unwrap();
        assert_eq!(id, TreeId::EMPTY);
        assert_eq!(id.to_string(), text);
        assert_eq!(git2::Oid::hash_object(git2::ObjectType::Tree, b"").unwrap(), id.to_oid().unwrap());
    }

    #[test]
    fn contents_are_named_as_git_names_them() {
        assert_eq!(BlobId::of(b"").unwrap().to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(BlobId::of(b"hello\n").unwrap().to_string(), "ce013625030ba8dba906f756967f9e9ca394464a");
    }

    #[test]
    fn ids_refuse_other_text() {
        for text in ["", "4b825dc", "zz825dc642cb6eb9a060e54bf8d69288fbee4904", "HEAD"] {
            assert_eq!(text.parse::<BlobId>(), Err(IdError(text.to_owned())));
        }
    }
}
