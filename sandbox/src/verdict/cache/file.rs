//! One file of the cache: a mark, a checksum, and the tests of one tree.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Remembered;
use crate::report::{Failure, FailureClass, Frame, TestId, TestResult, TestStatus};

/// The version of the format, which is also in the folder's name.
pub(super) const VERSION: u32 = 1;
/// What a file begins with.
const MARK: &[u8; 8] = b"PWTEST\0\x01";
/// Length of the checksum.
const SUM: usize = 16;
/// The largest file that is read.
const MOST_BYTES: u64 = 32 << 20;
/// Bytes of a failure's message that are kept.
const MESSAGE: usize = 1000;
/// Frames of a failure that are kept: the innermost.
const FRAMES: usize = 8;

/// All that is known of one tree.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Entry(BTreeMap<TestId, Kept>);

/// What is known of one test. A mirror of the report's types, for a format that does not describe itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Kept {
    Result {
        status: Status,
        micros: u64,
        failure: Option<KeptFailure>,
    },
    Absent,
    /// It was seen to do one thing and another, so it has no result.
    Unsteady,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Status {
    Passed,
    Failed,
    Error,
    Skipped,
    XFailed,
    XPassed,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KeptFailure {
    class: Class,
    message: String,
    frames: Vec<(String, u32, String)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Class {
    Assertion,
    Exception(String),
    Import,
    Collection,
    Build,
}

impl Entry {
    /// Adds results; returns whether that changed anything.
    pub(super) fn add(&mut self, new: BTreeMap<TestId, Kept>) -> bool {
        let mut changed = false;
        for (id, kept) in new {
            match self.0.get_mut(&id) {
                Some(known) if known.agrees_with(&kept) => {}
                Some(known) => {
                    *known = Kept::Unsteady;
                    changed = true;
                }
                None => {
                    self.0.insert(id, kept);
                    changed = true;
                }
            }
        }
        changed
    }

    pub(super) fn get(&self, id: &TestId) -> Option<Remembered> {
        match self.0.get(id)? {
            Kept::Unsteady => None,
            Kept::Absent => Some(Remembered::Absent),
            Kept::Result { status, micros, failure } => Some(Remembered::Result(TestResult {
                id: id.clone(),
                status: status.restored(),
                duration: Duration::from_micros(*micros),
                failure: failure.as_ref().map(KeptFailure::restored),
            })),
        }
    }
}

impl Kept {
    pub(super) fn absent() -> Kept {
        Kept::Absent
    }

    /// Keeps a result; one that timed out is kept as not known.
    pub(super) fn of(result: &TestResult) -> Kept {
        let Some(status) = Status::of(result.status) else { return Kept::Unsteady };
        let micros = u64::try_from(result.duration.as_micros()).unwrap_or(u64::MAX);
        Kept::Result { status, micros, failure: result.failure.as_ref().and_then(KeptFailure::of) }
    }

    fn agrees_with(&self, other: &Kept) -> bool {
        match (self, other) {
            (Kept::Unsteady, _) | (Kept::Absent, Kept::Absent) => true,
            (Kept::Result { status, .. }, Kept::Result { status: other, .. }) => status == other,
            (Kept::Absent | Kept::Result { .. }, _) => false,
        }
    }
}

impl Status {
    fn of(status: TestStatus) -> Option<Status> {
        Some(match status {
            TestStatus::Passed => Status::Passed,
            TestStatus::Failed => Status::Failed,
            TestStatus::Error => Status::Error,
            TestStatus::Skipped => Status::Skipped,
            TestStatus::XFailed => Status::XFailed,
            TestStatus::XPassed => Status::XPassed,
            TestStatus::TimedOut => return None,
        })
    }

    fn restored(self) -> TestStatus {
        match self {
            Status::Passed => TestStatus::Passed,
            Status::Failed => TestStatus::Failed,
            Status::Error => TestStatus::Error,
            Status::Skipped => TestStatus::Skipped,
            Status::XFailed => TestStatus::XFailed,
            Status::XPassed => TestStatus::XPassed,
        }
    }
}

impl KeptFailure {
    fn of(failure: &Failure) -> Option<KeptFailure> {
        let class = match &failure.class {
            FailureClass::Assertion => Class::Assertion,
            FailureClass::Exception { name } => Class::Exception(name.clone()),
            FailureClass::Import => Class::Import,
            FailureClass::Collection => Class::Collection,
            FailureClass::Build => Class::Build,
            FailureClass::Timeout | FailureClass::Memory | FailureClass::Environment => return None,
        };
        let message = failure.message[..failure.message.floor_char_boundary(MESSAGE)].to_owned();
        let innermost = &failure.frames[failure.frames.len().saturating_sub(FRAMES)..];
        let frames = innermost.iter().map(|frame| (frame.path.clone(), frame.line, frame.function.clone())).collect();
        Some(KeptFailure { class, message, frames })
    }

    fn restored(&self) -> Failure {
        let class = match &self.class {
            Class::Assertion => FailureClass::Assertion,
            Class::Exception(name) => FailureClass::Exception { name: name.clone() },
            Class::Import => FailureClass::Import,
            Class::Collection => FailureClass::Collection,
            Class::Build => FailureClass::Build,
        };
        let frame = |(path, line, function): &(String, u32, String)| Frame {
            path: path.clone(),
            line: *line,
            function: function.clone(),
        };
        Failure { class, message: self.message.clone(), frames: self.frames.iter().map(frame).collect() }
    }
}

/// Reads a file; `None` where there is none.
pub(super) fn read(path: &Path) -> io::Result<Option<Entry>> {
    let broken = |reason: &str| io::Error::new(io::ErrorKind::InvalidData, reason.to_owned());
    let bytes = match fs::File::open(path) {
        Ok(file) => {
            let size = file.metadata()?.len();
            if size > MOST_BYTES {
                return Err(broken("it is too large"));
            }
            let mut bytes = Vec::with_capacity(size as usize);
            io::Read::read_to_end(&mut io::Read::take(file, MOST_BYTES), &mut bytes)?;
            bytes
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let rest = bytes.strip_prefix(MARK).ok_or_else(|| broken("it does not begin as it should"))?;
    let (sum, body) = rest.split_at_checked(SUM).ok_or_else(|| broken("it is cut off"))?;
    if checksum(body) != sum {
        return Err(broken("its checksum does not fit"));
    }
    postcard::from_bytes(body).map(Some).map_err(|error| broken(&error.to_string()))
}

/// Puts a file in place at once. It is not forced to the disk: what a crash of the machine loses is run again.
pub(super) fn write(path: &Path, entry: &Entry) -> io::Result<()> {
    let body = postcard::to_stdvec(entry).map_err(io::Error::other)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let new = || tempfile::Builder::new().prefix(".new-").tempfile_in(folder);
    let mut file = match new() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            new()?
        }
        file => file?,
    };
    let sum = checksum(&body);
    file.write_all(&[MARK.as_slice(), &sum, &body].concat())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn checksum(body: &[u8]) -> [u8; SUM] {
    let mut sum = [0; SUM];
    sum.copy_from_slice(&blake3::hash(body).as_bytes()[..SUM]);
    sum
}
