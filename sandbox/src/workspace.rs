//! A workspace of its own for every search node.

pub(crate) mod mounts;

#[cfg(test)]
pub(crate) mod boxes;
