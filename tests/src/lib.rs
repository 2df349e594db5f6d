//! What the end-to-end tests and the benches share: the built program, repositories made on the spot, and the means to see that a run
//! left nothing behind and touched nothing it should not.
//!
//! No test of the product lies here (they are modules of `it/main.rs`), and nothing here knows how a fix is found.
#![recursion_limit = "512"]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

pub mod bench;
pub mod demo;
pub mod engine;
pub mod fingerprint;
pub mod hub;
pub mod leftovers;
pub mod postgres;
pub mod program;
pub mod python;
pub mod repository;
