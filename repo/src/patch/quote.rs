//! Quoted paths.
