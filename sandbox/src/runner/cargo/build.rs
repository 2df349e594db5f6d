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
    package_id: String,
    #[serde(default)]
    target: Option<Target>,
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
struct Target {
    name: String,
    src_path: String,
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

/// A test program.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::runner) struct Program {
    /// The name of its package.
    pub(in crate::runner) package: String,
    /// The name of its target in the manifest.
    pub(in crate::runner) target: String,
    /// Its root file.
    pub(in crate::runner) source: String,
}

/// What was built.
#[derive(Default)]
pub(in crate::runner) struct Built {
    /// Test programs.
    pub(in crate::runner) programs: Vec<Program>,
    message: String,
    places: Vec<Frame>,
}

impl Built {
    /// Reads the messages.
    pub(in crate::runner) fn of(messages: &[u8], place: Place<'_>) -> Built {
        let mut built = Built::default();
        for line in messages.split(|byte| *byte == b'\n') {
            let Ok(message) = serde_json::from_slice::<Message>(line) else { continue };
            let is_test = message.executable.is_some() && message.profile.is_some_and(|profile| profile.test);
            match (message.reason.as_str(), message.message) {
                ("compiler-artifact", _) if is_test => {
                    let (target, source) = message.target.map(|it| (it.name, it.src_path)).unwrap_or_default();
                    let package = package_of(&message.package_id).to_owned();
                    built.programs.push(Program { package, target, source });
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
    pub(in crate::runner) fn failed(self, stderr: &[u8]) -> RunEnding {
        let message = match self.message.is_empty() {
            true => compiler::last_lines(stderr),
            false => text::plain(clip(self.message.trim(), MAX_MESSAGE).as_bytes()),
        };
        RunEnding::BuildFailed { message, places: self.places }
    }
}

/// The name in `path+file:///w/parcel#0.1.0`, `path+file:///w#parcel@0.1.0` or, before cargo 1.77, `parcel 0.1.0 (path+file:///w)`.
fn package_of(id: &str) -> &str {
    if let Some((name, _)) = id.split_once(' ') {
        return name;
    }
    let (url, name) = id.rsplit_once('#').unwrap_or((id, ""));
    match name.split_once('@') {
        Some((name, _)) => name,
        None => url.split('?').next().and_then(|url| url.trim_end_matches('/').rsplit('/').next()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_named_in_every_form() {
        for id in [
            "path+file:///w/parcel#0.1.0",
            "path+file:///w/other#parcel@0.1.0",
            "git+https://example.org/parcel.git/parcel?branch=main#0.1.0",
            "parcel 0.1.0 (path+file:///w/other)",
        ] {
            assert_eq!(package_of(id), "parcel", "{id}");
        }
        assert_eq!(package_of(""), "");
    }
}
