//! A box in which a small static program of ours does what it is told: several requests at a time over one attached stream.
//!
//! The program (`sandbox/helper`) makes directories, writes and reads files without following a link, and runs commands, each under
//! a keeper that lets nothing of it live on. It needs nothing of the image, not even a C library or a shell. A request costs well
//! under a millisecond where a container engine's own `exec` costs dozens.
//!
//! What a command does to the box outside of its directory stays there: other commands of the same station see it. Whoever must be
//! sure that nothing leaked starts another station. A command that kills the helper ends the box, and no result comes of that.

mod again;
mod commit;
mod coverage;
pub(crate) mod helper;
mod link;
mod outcome;
/// The helper's own sources, for their tests.
#[cfg(test)]
#[allow(dead_code, clippy::duplicate_mod, reason = "a whole program, of which the tests call parts")]
#[path = "../helper/main.rs"]
mod program;
mod tool_run;
#[allow(dead_code, reason = "some messages are named by the other side only")]
#[path = "../helper/wire.rs"]
pub(crate) mod wire;

use std::time::{Duration, SystemTime};

use repo::{Edit, FileMode, RepoPath};

pub(crate) use self::again::Room;
use self::link::{Link, Lost, decode};
use self::outcome::Execution;
use self::wire::{Reply, Request, kind};
use crate::backend::{Backend, BoxEnding};
use crate::error::SandboxError;
use crate::limits::Limits;
use crate::report::RunEnding;
use crate::spec::SandboxSpec;
use crate::workbench::{CommandOutcome, CommandRequest, Overlay, WorkFile, batches};

/// How long a request about files may take.
const ANSWER: Duration = Duration::from_secs(120);
/// How much later than its limits a command's answer may come.
const GRACE: Duration = Duration::from_secs(30);
/// Output kept of one command, whatever the limits say: three times this fits into one frame.
const MOST_KEPT: usize = 24 << 20;
/// A command is killed when it has printed so many times what is kept.
const PRINTED_TIMES_KEPT: u64 = 20;
/// Largest file that can be put, and most bytes of one overlay.
const MOST_WRITTEN: usize = 88 << 20;
/// Largest file that can be read back.
const MOST_READ: usize = 64 << 20;
/// Largest file that is returned of what commands changed.
const MOST_OF_ONE: u64 = 5 << 20;
/// Most bytes that are returned of what commands changed.
const MOST_CHANGED: u64 = 20 << 20;

/// A box with the helper in it.
pub struct Station {
    link: Link,
    limits: Limits,
    workspace: String,
    scratch: String,
}

/// A directory of a station's box, by its absolute path there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place(String);

impl Place {
    /// Returns the directory's path as the box sees it.
    pub fn path(&self) -> &str {
        &self.0
    }

    /// Names a directory that was mounted into the box.
    pub(crate) fn of_mount(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    fn at(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// The state of every file of a place at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark(Vec<u8>);

/// When the newest file of a place was modified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(u64);

impl Stamp {
    /// Returns this as a time of the machine's clock.
    pub fn time(self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.0)
    }
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub path: RepoPath,
    /// What it is now: [`FileMode::Regular`], [`FileMode::Executable`], or [`FileMode::Symlink`]. Nothing else of a file's attributes
    /// leaves a box.
    pub mode: FileMode,
    /// The content, or a link's target; `None` when the file is gone.
    pub bytes: Option<Vec<u8>>,
}

/// What commands changed in a place. Repositories' own folders (`.git`) are not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The files, ordered by path; those that are gone come last.
    pub files: Vec<Change>,
    /// New FIFOs, sockets and devices, which are left alone.
    pub special: u64,
    /// Files of more than 5 MB.
    pub too_large: u64,
    /// Files that were left out because there were too many, or too many bytes, or because they could not be read or named.
    pub left_out: u64,
    /// Whether the whole place was looked at.
    pub complete: bool,
}

impl Changes {
    /// Returns what has to be done to a tree for it to look like the place: the base's repository decides what of it is allowed.
    pub fn edits(&self) -> Vec<Edit> {
        let edit = |change: &Change| match &change.bytes {
            Some(bytes) => Edit::Write { path: change.path.clone(), bytes: bytes.clone(), mode: Some(change.mode) },
            None => Edit::Delete { path: change.path.clone() },
        };
        self.files.iter().map(edit).collect()
    }
}

impl Station {
    /// Starts a box with the helper in it.
    ///
    /// # Errors
    /// When the backend cannot make the box.
    pub async fn start(backend: &dyn Backend, spec: &SandboxSpec) -> Result<Station, SandboxError> {
        let launched = backend.launch_station(spec).await?;
        let (link, greeting) = Link::start(launched).await?;
        let limits = spec.limits.clone();
        Ok(Station { link, limits, workspace: greeting.workspace, scratch: greeting.scratch })
    }

    /// Returns whether further requests can be sent. After `false`, start another station.
    pub fn is_alive(&self) -> bool {
        self.link.is_alive()
    }

    /// Makes an empty directory in the box's own writable file system. The name is one path component.
    ///
    /// # Errors
    /// When there is such a directory already, or the box is gone.
    pub async fn make_place(&self, name: &str) -> Result<Place, SandboxError> {
        self.make_below(&self.workspace, name).await
    }

    async fn make_below(&self, folder: &str, name: &str) -> Result<Place, SandboxError> {
        let place = Place(format!("{}/{name}", folder.trim_end_matches('/')));
        let usual = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '-');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(usual) {
            return Err(SandboxError::Workspace { detail: format!("`{name}` is no name of a place") });
        }
        self.done(&Request::MakePlace(wire::At { at: place.at() })).await?;
        Ok(place)
    }

    /// Adds files, replacing those of the same name. All of them are given one time of modification, long past: what is built from
    /// them is newer.
    ///
    /// # Errors
    /// When a link or another file is in the way of a directory, the disk is full, or the box is gone.
    pub async fn put(&self, at: &Place, files: &[WorkFile]) -> Result<(), SandboxError> {
        files.iter().try_for_each(|file| must_fit(&file.path, file.bytes.len()))?;
        for batch in batches(files) {
            let files = batch.iter().map(|file| wire::PutFile {
                path: file.path.as_bytes(),
                kind: kind_of(file.mode),
                bytes: if file.mode == FileMode::Submodule { b"" } else { &file.bytes },
            });
            self.done(&Request::Put(wire::Put { at: at.at(), files: files.collect() })).await?;
        }
        Ok(())
    }

    /// Writes and removes files. What is written is strictly newer than everything that is there, which is what build tools look at.
    /// A file keeps its executable bit; a link is replaced by the file, never written through.
    ///
    /// # Errors
    /// When a link is in the way of a directory, the disk is full, or the box is gone.
    pub async fn apply(&self, at: &Place, overlay: &[Overlay]) -> Result<(), SandboxError> {
        self.apply_after(at, overlay, None).await.map(drop)
    }

    /// As [`Station::apply`], without looking at every file for the newest one where the caller knows it. Returns the newest now.
    ///
    /// # Errors
    /// As [`Station::apply`].
    pub async fn apply_after(
        &self,
        at: &Place,
        overlay: &[Overlay],
        newest: Option<Stamp>,
    ) -> Result<Stamp, SandboxError> {
        let mut size = 0;
        for edit in overlay {
            size += edit.path.as_bytes().len() + edit.bytes.as_ref().map_or(0, Vec::len);
            must_fit(&edit.path, size)?;
        }
        let edits =
            overlay.iter().map(|it| wire::EditFile { path: it.path.as_bytes(), bytes: it.bytes.as_deref() }).collect();
        let newest = newest.map(|stamp| stamp.0);
        self.time(&Request::Apply(wire::Apply { at: at.at(), newest, edits })).await
    }

    /// Returns when the newest file of a place was modified.
    ///
    /// # Errors
    /// When there is no such place, or the box is gone.
    pub async fn newest(&self, at: &Place) -> Result<Stamp, SandboxError> {
        self.time(&Request::Newest(wire::At { at: at.at() })).await
    }

    /// Runs a command in a place. Everything that it started is dead when this returns, and when the caller stops waiting it is
    /// ended as well. The output keeps the order in which it was written.
    ///
    /// Whatever the command does is in the outcome. Its overlay is applied first and, the place being the caller's, stays.
    ///
    /// # Errors
    /// When the box was gone before, or there is no such directory.
    pub async fn run(&self, at: &Place, command: &CommandRequest) -> Result<CommandOutcome, SandboxError> {
        if !command.overlay.is_empty() {
            self.apply(at, &command.overlay).await?;
        }
        self.execute(at, command, Streams::Together).await.map(Execution::outcome)
    }

    async fn execute(&self, at: &Place, command: &CommandRequest, streams: Streams) -> Result<Execution, SandboxError> {
        self.must_be_alive()?;
        let limits = &self.limits;
        let kept = limits.output_bytes.min(MOST_KEPT) as u64;
        let request = Request::Run(wire::Run {
            at: at.at(),
            cwd: command.cwd.trim_matches('/').as_bytes(),
            argv: command.argv.iter().map(String::as_bytes).collect(),
            env: command.env.iter().map(|(name, value)| variable(name, value)).collect(),
            total_ms: millis(command.total),
            silence_ms: millis(command.silence),
            kept,
            printed: kept.saturating_mul(PRINTED_TIMES_KEPT),
            apart: streams == Streams::Apart,
            processes: limits.processes,
            cpu_ms: millis(limits.cpu_time),
            open_files: limits.descriptors(),
            file_bytes: limits.disk_bytes,
        });
        let before = self.link.pressure().await;
        match self.link.ask(&request, command.total.saturating_add(GRACE)).await {
            Ok(fields) => match decode(&fields) {
                Ok(Reply::Ran(ran)) => {
                    let after = self.link.pressure().await;
                    Ok(Execution::of(&ran, before.zip(after)))
                }
                Ok(Reply::Refused(refused)) => outcome::not_started(&refused).map(Execution::without_result),
                Ok(_) => Err(self.nonsense().await),
                Err(lost) => self.lost_run(lost).await.map(Execution::without_result),
            },
            Err(lost) => self.lost_run(lost).await.map(Execution::without_result),
        }
    }

    /// Reads a regular file of at most so many bytes, which is reached through no link. FIFOs and the like are refused, not waited
    /// for.
    ///
    /// # Errors
    /// When there is no such file, it is larger, or the box is gone.
    pub async fn read(&self, at: &Place, path: &RepoPath, limit: usize) -> Result<Vec<u8>, SandboxError> {
        let limit = limit.min(MOST_READ) as u64;
        self.bytes(&Request::Read(wire::ReadFile { at: at.at(), path: path.as_bytes(), limit })).await
    }

    /// Remembers the state of every file: size, times, inode and mode. What a program does to hide a change does not hide it, since
    /// nobody can set the time of a file's last change of status.
    ///
    /// # Errors
    /// When the place has more files than can be watched, or the box is gone.
    pub async fn mark(&self, at: &Place) -> Result<Mark, SandboxError> {
        self.bytes(&Request::Mark(wire::At { at: at.at() })).await.map(Mark)
    }

    /// Returns what changed since a mark was made: at most so many files, of at most 5 MB each and 20 MB together.
    ///
    /// # Errors
    /// When the place is gone, or the box.
    pub async fn changes(&self, at: &Place, since: &Mark, most: usize) -> Result<Changes, SandboxError> {
        let request = Request::Changes(wire::Since {
            at: at.at(),
            mark: &since.0,
            most_files: most as u64,
            most_bytes: MOST_CHANGED,
            most_of_one: MOST_OF_ONE,
        });
        match decode(&self.ask(&request).await?) {
            Ok(Reply::Changed(changed)) => Ok(outcome::changes(&changed)),
            _ => Err(self.nonsense().await),
        }
    }

    /// Copies all of one place into another, which is empty.
    ///
    /// # Errors
    /// When the disk is full, something cannot be read, or the box is gone.
    pub async fn copy(&self, from: &Place, to: &Place) -> Result<(), SandboxError> {
        self.done(&Request::Copy(wire::Copy { from: from.at(), to: to.at() })).await
    }

    /// Removes a place and all in it.
    ///
    /// # Errors
    /// When the box is gone.
    pub async fn remove(&self, at: &Place) -> Result<(), SandboxError> {
        self.done(&Request::Remove(wire::At { at: at.at() })).await
    }

    /// Ends everything in the box and removes it.
    ///
    /// # Errors
    /// When something of the box may be left.
    pub async fn close(self) -> Result<(), SandboxError> {
        self.link.close().await
    }

    /// Sends a request about files and returns the fields of its answer, which is no refusal.
    async fn ask(&self, request: &Request<'_>) -> Result<Vec<u8>, SandboxError> {
        self.must_be_alive()?;
        let fields = match self.link.ask(request, ANSWER).await {
            Ok(fields) => fields,
            Err(lost) => return Err(self.lost(lost).await),
        };
        match decode(&fields) {
            Ok(Reply::Refused(refused)) => Err(outcome::refusal(&refused)),
            Ok(_) => Ok(fields),
            Err(lost) => Err(self.lost(lost).await),
        }
    }

    async fn done(&self, request: &Request<'_>) -> Result<(), SandboxError> {
        match decode(&self.ask(request).await?) {
            Ok(Reply::Done(())) => Ok(()),
            _ => Err(self.nonsense().await),
        }
    }

    async fn time(&self, request: &Request<'_>) -> Result<Stamp, SandboxError> {
        match decode(&self.ask(request).await?) {
            Ok(Reply::Time(time)) => Ok(Stamp(time)),
            _ => Err(self.nonsense().await),
        }
    }

    async fn bytes(&self, request: &Request<'_>) -> Result<Vec<u8>, SandboxError> {
        match decode(&self.ask(request).await?) {
            Ok(Reply::Bytes(bytes)) => Ok(bytes.to_vec()),
            _ => Err(self.nonsense().await),
        }
    }

    fn must_be_alive(&self) -> Result<(), SandboxError> {
        if self.is_alive() {
            return Ok(());
        }
        Err(SandboxError::Protocol { detail: "it has ended; start another station".to_owned() })
    }

    async fn nonsense(&self) -> SandboxError {
        self.lost(Lost::Broken("an answer is of another kind than its request".to_owned())).await
    }

    /// Explains a request about files that has no answer.
    async fn lost(&self, lost: Lost) -> SandboxError {
        let detail = match lost {
            Lost::Machine(broken) => {
                self.link.give_up(Lost::Machine(broken.clone())).await;
                return broken.error();
            }
            Lost::Ended => match self.link.ending().await {
                Ok((Some(ending), stderr)) => return SandboxError::BoxEnded { ending, stderr },
                Ok((None, _)) => "it closed its output".to_owned(),
                Err(error) => return error,
            },
            Lost::Late(after) => format!("no answer within {} s", after.as_secs()),
            Lost::Broken(detail) => {
                self.link.give_up(Lost::Broken(detail.clone())).await;
                detail
            }
        };
        SandboxError::Protocol { detail }
    }

    /// Explains a command that has no outcome. That is an outcome, too: a command can bring its box down. What the machine does is
    /// none.
    async fn lost_run(&self, lost: Lost) -> Result<RunEnding, SandboxError> {
        Ok(match lost {
            Lost::Machine(broken) => {
                self.link.give_up(Lost::Machine(broken.clone())).await;
                return Err(broken.error());
            }
            Lost::Late(_) => RunEnding::TotalTimeout,
            Lost::Ended => match self.link.ending().await?.0 {
                Some(BoxEnding::OutOfMemory) => RunEnding::OutOfMemory,
                Some(ending) => RunEnding::Crashed { detail: format!("the sandbox ended ({ending}) during the run") },
                None => RunEnding::Crashed { detail: "the sandbox closed its output during the run".to_owned() },
            },
            Lost::Broken(detail) => {
                self.link.give_up(Lost::Broken(detail.clone())).await;
                RunEnding::Tampered { detail }
            }
        })
    }
}

/// Whether a command's two streams are wanted apart, or together in their exact order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Streams {
    Together,
    Apart,
}

/// Refuses what does not fit into one frame.
fn must_fit(path: &RepoPath, size: usize) -> Result<(), SandboxError> {
    if size <= MOST_WRITTEN {
        return Ok(());
    }
    Err(SandboxError::Workspace {
        detail: format!("{path} is more than the {MOST_WRITTEN} bytes a box takes at a time"),
    })
}

fn variable<'a>(name: &'a str, value: &'a str) -> wire::Variable<'a> {
    wire::Variable { name: name.as_bytes(), value: value.as_bytes() }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn kind_of(mode: FileMode) -> u8 {
    match mode {
        FileMode::Regular => kind::REGULAR,
        FileMode::Executable => kind::EXECUTABLE,
        FileMode::Symlink => kind::LINK,
        FileMode::Submodule => kind::FOLDER,
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod wire_tests;
