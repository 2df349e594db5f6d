//! Reading patches.
use super::{Patch, PatchError};
pub(super) fn parse(_text: &[u8]) -> Result<Patch, PatchError> {
    Err(PatchError::Empty)
}
