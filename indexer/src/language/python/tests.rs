//! Facts of small programs.
