//! Every sentence that is posted for people, so that wording changes touch no logic.
//!
//! Nothing here decides anything and nothing here asks the world; records come in, Markdown goes out. Text of others passes through
//! [`plain`] on its way.

pub mod plain;
pub mod progress;
pub mod pull;
pub mod reply;

use plain::{MAX_BODY_CHARS, code};

/// What stands in every text of ours, unseen, so that we find it again. It proves nothing: the author is checked as well.
pub fn marker(slug: &str, what: &str, id: &str) -> String {
    format!("<!-- {slug}:{what}:{id}:v1 -->")
}

/// How a person takes part.
#[derive(Clone, Copy, Debug)]
pub struct Steering<'a> {
    /// The App's name, with which commands begin.
    pub slug: &'a str,
    /// The address of the job's page; empty where there is none.
    pub page: &'a str,
}

impl Steering<'_> {
    fn stop(&self) -> String {
        format!("`/{} stop` stops it.", self.slug)
    }

    fn page_link(&self) -> String {
        if self.page.is_empty() { String::new() } else { format!(" [Follow it]({}).", self.page) }
    }
}

/// A duration as people say it.
fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round();
    if whole < 120.0 { format!("{whole} s") } else { format!("{:.0} min", whole / 60.0) }
}

/// A list of test names in code, at most `max` of them.
fn names(tests: &[String], max: usize) -> String {
    let mut text: String = tests.iter().take(max).map(|test| format!("- {}\n", code(test, 200))).collect();
    if tests.len() > max {
        text.push_str(&format!("- and {} more\n", tests.len() - max));
    }
    text
}

/// A count with its noun.
fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

fn fit(body: &str) -> String {
    plain::fit(body, MAX_BODY_CHARS)
}
