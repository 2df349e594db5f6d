//! What cargo says while it builds: `--message-format=json`.

use serde::Deserialize;

use crate::format::place::Place;
use crate::format::{MAX_MESSAGE, clip, compiler};
use crate::report::{Frame, RunEnding, text};

/// Most places of errors that are kept.
const MOST_PLACES: usize = 50;

#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    executable: Option<String>,
    #[serde(default)]
    profile: Option<Profile>,
    #[serde(default)]
    message: Option<Diagnostic>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    message: String,
    #[serde(default)]
    rendered: Option<String>,
    #[serde(default)]
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: u32,
    is_primary: bool,
}

/// What was built.
#[derive(Default)]
pub(super) struct Built {
    /// Test programs.
    pub(super) programs: usize,
    message: String,
    places: Vec<Frame>,
}

impl Built {
    /// Reads the messages.
    pub(super) fn of(messages: &[u8], place: Place<'_>) -> Built {
        let mut built = Built::default();
        for line in messages.split(|byte| *byte == b'\n') {
            let Ok(message) = serde_json::from_slice::<Message>(line) else { continue };
            match (message.reason.as_str(), message.message) {
                ("compiler-artifact", _) if message.executable.is_some() => {
                    built.programs += usize::from(message.profile.is_some_and(|profile| profile.test));
                }
                ("compiler-message", Some(diagnostic)) if diagnostic.level.starts_with("error") => {
                    built.error(&diagnostic, place);
                }
                _ => {}
            }
        }
        built
    }

    fn error(&mut self, diagnostic: &Diagnostic, place: Place<'_>) {
        let shown = diagnostic.rendered.as_deref().unwrap_or(&diagnostic.message);
        if self.message.len() < MAX_MESSAGE && !diagnostic.spans.is_empty() {
            self.message.push_str(clip(shown, MAX_MESSAGE));
        }
        let primary = diagnostic.spans.iter().filter(|span| span.is_primary);
        for frame in primary.filter_map(|span| place.frame(&span.file_name, span.line_start, "")) {
            if self.places.len() < MOST_PLACES && !self.places.contains(&frame) {
                self.places.push(frame);
            }
        }
    }

    /// Returns how a run ends whose build failed.
    pub(super) fn failed(self, stderr: &[u8]) -> RunEnding {
        let message = match self.message.is_empty() {
            true => compiler::last_lines(stderr),
            false => text::plain(clip(self.message.trim(), MAX_MESSAGE).as_bytes()),
        };
        RunEnding::BuildFailed { message, places: self.places }
    }
}
