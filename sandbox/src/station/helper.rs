//! The program that a station puts into its box, compiled by this crate's build script.

use std::sync::LazyLock;

/// The program.
pub(crate) const PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/helper"));

/// Where it lies in a box.
pub(crate) const PATH: &str = "/patchwright/station";

/// Returns whether it needs nothing of the box but the kernel.
pub(crate) fn is_static() -> bool {
    env!("PATCHWRIGHT_HELPER_LINK") == "static"
}

/// Returns the program's digest.
pub(crate) fn digest() -> &'static str {
    static DIGEST: LazyLock<String> = LazyLock::new(|| blake3::hash(PROGRAM).to_hex()[..24].to_owned());
    &DIGEST
}
