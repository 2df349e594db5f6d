//! What leaves for the forge: evidence put into words, checked, and written once.
//!
//! The publisher is the only part that holds a token that can write. It takes typed records and nothing else: no text of an issue, no
//! output of a test and no reply of a model reaches it but through [`crate::say`], which makes data of them, and through [`secrets`],
//! which refuses what must not be seen.

pub mod evidence;
pub mod secrets;
