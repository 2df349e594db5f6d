//! Writing patches.
use super::Patch;
pub(super) fn render(_patch: &Patch) -> Vec<u8> {
    Vec::new()
}
