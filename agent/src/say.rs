//! Every sentence that is posted for people, so that wording changes touch no logic.
//!
//! Nothing here decides anything and nothing here asks the world; records come in, Markdown goes out. Text of others passes through
//! [`plain`] on its way.

pub mod plain;
