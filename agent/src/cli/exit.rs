//! Exit codes, and how a failure is told.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

use crate::pipeline::FixError;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// A validated patch, a good check.
    Done,
    /// Finished without a fix, or a check that is not good.
    NoFix,
    /// Usage or configuration.
    Usage,
    /// Something nobody planned for.
    Unexpected,
    /// Time or evaluations used up.
    Budget,
    /// The sandbox cannot be used.
    Infrastructure,
    /// What was configured is not safe.
    Unsafe,
    /// The user asked to stop.
    Interrupted,
}

impl Ending {
    pub(super) fn code(self) -> i32 {
        match self {
            Ending::Done => 0,
            Ending::NoFix => 1,
            Ending::Usage => 2,
            Ending::Unexpected => 3,
            Ending::Budget => 5,
            Ending::Infrastructure => 6,
            Ending::Unsafe => 78,
            Ending::Interrupted => 130,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Ending::Done => "done",
            Ending::NoFix => "no_fix",
            Ending::Usage => "usage",
            Ending::Unexpected => "unexpected",
            Ending::Budget => "budget",
            Ending::Infrastructure => "infrastructure",
            Ending::Unsafe => "unsafe",
            Ending::Interrupted => "interrupted",
        }
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> ExitCode {
        ExitCode::from(u8::try_from(ending.code()).unwrap_or(u8::MAX))
    }
}

/// Why the program could not do what it was asked.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) ending: Ending,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn usage(message: impl Into<String>) -> Failure {
        Failure { ending: Ending::Usage, message: message.into() }
    }

    pub(super) fn unexpected(what: &str, error: &dyn Error) -> Failure {
        Failure { ending: Ending::Unexpected, message: format!("{what}: {}", with_causes(error)) }
    }
}

/// An error and its causes in one line; a cause that the text above it repeats is left out.
pub(super) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}

impl From<FixError> for Failure {
    fn from(error: FixError) -> Failure {
        let ending = match &error {
            FixError::Sandbox(inner) if inner.is_infrastructure() => Ending::Infrastructure,
            FixError::Broken { .. } => Ending::Infrastructure,
            FixError::Sandbox(
                sandbox::SandboxError::Interpreter { .. }
                | sandbox::SandboxError::ImageName { .. }
                | sandbox::SandboxError::ImageArchitecture { .. }
                | sandbox::SandboxError::ImageMoved { .. },
            ) => Ending::Usage,
            FixError::Sandbox(_) | FixError::Internal { .. } | FixError::Index(_) => Ending::Unexpected,
            FixError::Repo(inner) => repo_ending(inner),
            FixError::Plan(_)
            | FixError::NoTests { .. }
            | FixError::EmptyIssue
            | FixError::UnknownTest { .. }
            | FixError::NoPytest { .. } => Ending::Usage,
            FixError::NothingFails { .. }
            | FixError::OnlyFlaky { .. }
            | FixError::BaseUnusable { .. }
            | FixError::NoSuspects => Ending::NoFix,
            FixError::Interrupted => Ending::Interrupted,
        };
        Failure { ending, message: with_causes(&error) }
    }
}

impl From<repo::RepoError> for Failure {
    fn from(error: repo::RepoError) -> Failure {
        Failure { ending: repo_ending(&error), message: with_causes(&error) }
    }
}

impl From<indexer::IndexError> for Failure {
    fn from(error: indexer::IndexError) -> Failure {
        Failure::unexpected("failed to index", &error)
    }
}

/// What the user named wrongly is usage; what is broken is unexpected.
fn repo_ending(error: &repo::RepoError) -> Ending {
    use repo::RepoError as It;
    match error {
        It::NoSuchDirectory { .. }
        | It::NotADirectory { .. }
        | It::NotARepository { .. }
        | It::Unborn { .. }
        | It::NoSuchRevision { .. }
        | It::AmbiguousRevision { .. }
        | It::InvalidRevision { .. }
        | It::NotATree { .. }
        | It::TooLarge { .. }
        | It::Path(_)
        | It::Patch(_) => Ending::Usage,
        _ => Ending::Unexpected,
    }
}

/// In which form results and failures go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// For people.
    Text,
    /// One JSON object on stdout.
    Json,
}

/// Tells a failure and returns its exit code.
pub(super) fn report(failure: &Failure, form: Form) -> ExitCode {
    if failure.ending != Ending::Interrupted {
        talk(&format!("error: {}", failure.message));
    }
    if form == Form::Json {
        let status = match failure.ending {
            Ending::NoFix => "no_fix",
            _ => "error",
        };
        let object = json!({
            "schema": 1,
            "status": status,
            "patch": "",
            "error": { "code": failure.ending.word(), "message": failure.message },
        });
        // A reader that went away is no longer interested.
        drop(data(&format!("{object}\n")));
    }
    failure.ending.into()
}

/// Says something to people, on stderr.
pub(super) fn talk(text: &str) {
    // Nobody can be told that stderr is gone.
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// Writes data to stdout.
pub(super) fn data(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes data to stdout, and fails the verb where that is not possible. A closed pipe is no failure.
pub(super) fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::unexpected("failed to write to stdout", &error))
        }
        _ => Ok(()),
    }
}
