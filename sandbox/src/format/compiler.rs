//! Errors of compilers and build tools, with the places they name: gcc and clang with their linkers, javac alone and as Maven shows it,
//! kotlinc, CMake, make, MSBuild and tsc, rustc.
//!
//! Warnings are left out. What a build prints is data: a line that only looks like an error costs a wrong place in a message, never a
//! result.

use super::place::Place;
use super::{MAX_MESSAGE, clip};
use crate::report::{Frame, RunEnding, text};

/// Most errors that are kept.
const MOST_ERRORS: usize = 50;
/// Longest line that is looked at; a longer one is cut.
const LONGEST_LINE: usize = 4 << 10;
/// Lines that are shown where no error is recognised.
const LAST_LINES: usize = 30;
/// Lines that may belong to one error.
const MOST_DETAILS: usize = 4;

/// One error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BuildError {
    /// The file in the workspace and the line; `None` for an error of a linker, or outside of the workspace.
    pub(crate) place: Option<(String, u32)>,
    /// What the tool said.
    pub(crate) message: String,
}

/// Returns the errors in what build tools printed, in order, each once.
pub(crate) fn errors(printed: &[u8], place: Place<'_>) -> Vec<BuildError> {
    let plain = text::plain(printed);
    let lines = plain.lines().map(|line| clip(line, LONGEST_LINE)).collect::<Vec<_>>();
    let mut found: Vec<BuildError> = Vec::new();
    let mut folders = Folders::default();
    for (at, line) in lines.iter().enumerate() {
        folders.see(line);
        let here = Here { place, folder: folders.entered.last().map(String::as_str) };
        let Some(error) = error_at(&lines[at..], here) else { continue };
        if !found.contains(&error) {
            found.push(error);
        }
        if found.len() >= MOST_ERRORS {
            break;
        }
    }
    found
}

/// Returns how a run ends whose build printed this: the errors' places, and their messages or else the last lines.
pub(crate) fn build_failed(printed: &[u8], place: Place<'_>) -> RunEnding {
    let errors = errors(printed, place);
    let places = errors.iter().filter_map(|error| error.place.clone());
    let places = places.map(|(path, line)| Frame { path, line, function: String::new() }).collect();
    let shown = errors.iter().map(|error| match &error.place {
        Some((path, line)) => format!("{path}:{line}: {}", error.message),
        None => error.message.clone(),
    });
    let message = if errors.is_empty() { last_lines(printed) } else { shown.collect::<Vec<_>>().join("\n") };
    RunEnding::BuildFailed { message: clip(&message, MAX_MESSAGE).to_owned(), places }
}

/// Returns the last lines that are not blank.
pub(crate) fn last_lines(printed: &[u8]) -> String {
    let plain = text::plain(printed);
    let lines = plain.lines().filter(|line| !line.trim().is_empty()).map(|line| clip(line, 400)).collect::<Vec<_>>();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

/// The directories that make says it entered: compilers below it print paths relative to the last.
#[derive(Default)]
struct Folders {
    entered: Vec<String>,
}

impl Folders {
    fn see(&mut self, line: &str) {
        if !line.starts_with("make") && !line.starts_with("gmake") && !line.starts_with("ninja") {
            return;
        }
        if let Some((_, rest)) = line.split_once(": Entering directory ") {
            self.entered.push(rest.trim_matches(['\'', '`', '"']).to_owned());
        } else if line.contains(": Leaving directory ") {
            self.entered.pop();
        }
    }
}

/// Where a line was printed.
#[derive(Clone, Copy)]
struct Here<'a> {
    place: Place<'a>,
    folder: Option<&'a str>,
}

impl Here<'_> {
    fn at(&self, path: &str, line: &str) -> Option<(String, u32)> {
        let line = line.trim().parse().ok().filter(|line| *line > 0)?;
        let path = path.trim();
        let inside = match self.folder {
            Some(folder) if !path.starts_with('/') => self.place.inside(&format!("{folder}/{path}")),
            Some(_) | None => self.place.inside(path),
        };
        Some((inside?, line))
    }
}

/// Reads the error that begins with the first of these lines.
fn error_at(lines: &[&str], here: Here<'_>) -> Option<BuildError> {
    let line = lines.first()?;
    maven(lines, here)
        .or_else(|| cmake(lines, here))
        .or_else(|| make(line, here))
        .or_else(|| linker(line, here))
        .or_else(|| kotlin(line, here))
        .or_else(|| in_parentheses(line, here))
        .or_else(|| rustc(lines, here))
        .or_else(|| colons(lines, here))
}

/// `[ERROR] /path/Till.java:[10,18] cannot find symbol`, with what follows indented.
fn maven(lines: &[&str], here: Here<'_>) -> Option<BuildError> {
    let rest = lines[0].strip_prefix("[ERROR] ")?;
    let (path, rest) = rest.split_once(":[")?;
    let (position, message) = rest.split_once(']')?;
    let number = position.split(',').next()?;
    let place = here.at(path, number);
    (number.parse::<u32>().is_ok() && !path.contains(' ')).then_some(())?;
    let details = lines[1..].iter().map(|line| line.strip_prefix("[ERROR]").unwrap_or(line));
    let details = details.take_while(|line| line.starts_with("  ") && !line.trim().is_empty()).take(MOST_DETAILS);
    Some(BuildError { place, message: joined(message, details) })
}

/// `CMake Error at src/CMakeLists.txt:5 (find_package):`, with the message below it.
fn cmake(lines: &[&str], here: Here<'_>) -> Option<BuildError> {
    let rest = lines[0].strip_prefix("CMake Error")?;
    let details = lines[1..].iter().copied().skip_while(|line| line.trim().is_empty());
    let details = details.take_while(|line| line.starts_with("  ")).take(MOST_DETAILS);
    let Some(rest) = rest.strip_prefix(" at ").or_else(|| rest.strip_prefix(" in ")) else {
        let message = rest.trim_start_matches(':');
        return Some(BuildError { place: None, message: joined(message, details) });
    };
    let (place, command) = rest.split_once(" (").unwrap_or((rest, ""));
    let (path, number) = place.trim_end_matches(':').rsplit_once(':')?;
    let command = command.trim_end_matches(':').trim_end_matches(')');
    Some(BuildError { place: here.at(path, number), message: joined(command, details) })
}

/// `Makefile:12: *** missing separator.  Stop.` and `make: *** No rule to make target 'x', needed by 'y'.  Stop.`
fn make(line: &str, here: Here<'_>) -> Option<BuildError> {
    let (before, message) = line.split_once(": *** ")?;
    let message = message.trim_end_matches("  Stop.");
    // That a command failed says nothing that its own output has not said.
    if message.starts_with('[') {
        return None;
    }
    let place = before.rsplit_once(':').and_then(|(path, number)| here.at(path, number));
    Some(BuildError { place, message: message.to_owned() })
}

/// ``a.cpp:(.text+0x5): undefined reference to `f()'``, with a line instead where there is debugging information.
fn linker(line: &str, here: Here<'_>) -> Option<BuildError> {
    let message = ["undefined reference to ", "multiple definition of ", "cannot find -l", "undefined symbol: "];
    let at = message.iter().find_map(|message| line.find(message))?;
    let before = line[..at].trim_end().trim_end_matches(':');
    let mut pieces = before.rsplit(':');
    let (number, path) = (pieces.next().unwrap_or_default(), pieces.next().unwrap_or_default());
    let number = number.rsplit(": ").next().unwrap_or_default();
    let message = line[at..].trim().to_owned();
    Some(BuildError { place: here.at(path.trim(), number), message })
}

/// `e: file:///work/A.kt:3:5 message` and the older `e: /work/A.kt: (3, 5): message`.
fn kotlin(line: &str, here: Here<'_>) -> Option<BuildError> {
    let rest = line.strip_prefix("e: ")?;
    if let Some((path, rest)) = rest.split_once(": (") {
        let (position, message) = rest.split_once("): ")?;
        let place = here.at(path, position.split(',').next()?);
        return Some(BuildError { place, message: message.to_owned() });
    }
    let (place, message) = rest.split_once(' ')?;
    let mut pieces = place.rsplitn(3, ':');
    let (_, number, path) = (pieces.next()?, pieces.next()?, pieces.next()?);
    Some(BuildError { place: here.at(path, number), message: message.to_owned() })
}

/// `src/A.cs(3,5): error CS1002: ; expected [/work/A.csproj]`, which tsc prints as well.
fn in_parentheses(line: &str, here: Here<'_>) -> Option<BuildError> {
    let (path, rest) = line.split_once('(')?;
    let (position, rest) = rest.split_once("): ")?;
    let message = rest.strip_prefix("error ").or_else(|| rest.strip_prefix("fatal error "))?;
    let number = position.split(',').next()?;
    number.parse::<u32>().ok()?;
    let message = message.rsplit_once(" [").filter(|(_, end)| end.ends_with("proj]")).map_or(message, |(text, _)| text);
    Some(BuildError { place: here.at(path, number), message: message.to_owned() })
}

/// `error[E0425]: message`, with `  --> src/lib.rs:3:5` below it.
fn rustc(lines: &[&str], here: Here<'_>) -> Option<BuildError> {
    let rest = lines[0].strip_prefix("error")?;
    let message =
        rest.strip_prefix(": ").or_else(|| rest.strip_prefix('[')?.split_once("]: ").map(|(_, message)| message))?;
    let place = lines.get(1)?.trim_start().strip_prefix("--> ")?;
    let mut pieces = place.rsplitn(3, ':');
    let (_, number, path) = (pieces.next()?, pieces.next()?, pieces.next()?);
    Some(BuildError { place: here.at(path, number), message: message.to_owned() })
}

/// `src/a.cpp:3:5: error: message` of gcc and clang, `src/A.java:3: error: message` of javac.
fn colons(lines: &[&str], here: Here<'_>) -> Option<BuildError> {
    let line = lines[0];
    let (at, length) = [": fatal error: ", ": error: ", ": internal compiler error: "]
        .iter()
        .filter_map(|mark| Some((line.find(mark)?, mark.len())))
        .min()?;
    let (before, message) = (&line[..at], line[at + length..].trim());
    let (path, number) = match before.rsplit_once(':') {
        // With a column there are two numbers.
        Some((rest, last)) if is_number(last) => {
            rest.rsplit_once(':').filter(|(_, line)| is_number(line)).unwrap_or((rest, last))
        }
        Some(_) | None => {
            return known_program(before).then(|| BuildError { place: None, message: message.to_owned() });
        }
    };
    let symbol = lines[1..]
        .iter()
        .take(4)
        .copied()
        .filter(|line| ["symbol:", "location:"].iter().any(|word| line.trim_start().starts_with(word)));
    Some(BuildError { place: here.at(path, number), message: joined(message, symbol) })
}

/// `gcc: fatal error: no input files`; that the linker gave up is said by the linker.
fn known_program(before: &str) -> bool {
    let name = before.rsplit('/').next().unwrap_or_default();
    ["gcc", "g++", "cc", "c++", "clang", "clang++", "cc1", "cc1plus", "javac", "ninja", "ld", "as"].contains(&name)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn joined<'a>(first: &str, rest: impl Iterator<Item = &'a str>) -> String {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut message = words(first);
    for line in rest {
        message.push_str(if message.is_empty() { "" } else { "; " });
        message.push_str(&words(line));
    }
    clip(&message, MAX_MESSAGE).to_owned()
}

#[cfg(test)]
mod tests;
