//! A workspace of its own for every search node.

pub(crate) mod mounts;
pub mod reuse;

#[cfg(test)]
pub(crate) mod boxes;
