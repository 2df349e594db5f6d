//! The connection to one helper: requests go out as they come, and each answer finds the one that waits for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::wire::{self, Field, HEAD, Hello, Reply, Request};
use crate::backend::{BoxEnding, BoxInput, BoxOutput, Launched, Pressure, Trouble};
use crate::error::SandboxError;

/// How long the helper may take to come up.
const START: Duration = Duration::from_secs(60);
/// How long a box may take to be found ended, once it closed its output.
const LEAVE: Duration = Duration::from_secs(2);

/// Why there is no answer.
#[derive(Debug, Clone)]
pub(super) enum Lost {
    /// It did not come in time.
    Late(Duration),
    /// The box closed its output.
    Ended,
    /// What the box says makes no sense, or the helper itself said that it was attacked.
    Broken(String),
    /// What the box runs on is broken.
    Machine(Broken),
}

/// An error of the machine, for the first of those who wait; the others are told what it said.
#[derive(Debug, Clone)]
pub(super) struct Broken {
    first: Arc<Mutex<Option<SandboxError>>>,
    text: String,
}

impl Broken {
    fn new(error: SandboxError) -> Self {
        Self { text: error.to_string(), first: Arc::new(Mutex::new(Some(error))) }
    }

    pub(super) fn error(&self) -> SandboxError {
        let source = || std::io::Error::other(self.text.clone());
        self.first.lock().take().unwrap_or_else(|| SandboxError::Io { what: "talk to a sandbox", source: source() })
    }
}

/// Who waits for which answer, until the connection is lost.
#[derive(Default)]
struct Waiting {
    open: HashMap<u32, oneshot::Sender<Result<Vec<u8>, Lost>>>,
    lost: Option<Lost>,
}

impl Waiting {
    fn lose(&mut self, lost: Lost) {
        let lost = self.lost.get_or_insert(lost).clone();
        for (_, waiter) in self.open.drain() {
            // Whoever stopped waiting needs no answer.
            let _ = waiter.send(Err(lost.clone()));
        }
    }
}

/// The connection, and the box at its other end.
pub(super) struct Link {
    launched: tokio::sync::Mutex<Box<dyn Launched>>,
    /// Unbounded, since each caller waits for the answer to one frame before it sends the next.
    frames: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Arc<Mutex<Waiting>>,
    next: AtomicU32,
    tasks: [JoinHandle<()>; 2],
}

/// What the helper said when it came up.
pub(super) struct Greeting {
    pub(super) workspace: String,
    pub(super) scratch: String,
}

impl Link {
    pub(super) async fn start(mut launched: Box<dyn Launched>) -> Result<(Link, Greeting), SandboxError> {
        let Some((input, mut output)) = launched.stdio() else {
            return Err(SandboxError::Protocol { detail: "the box has no stdin and stdout".to_owned() });
        };
        let greeted = tokio::select! {
            error = launched.trouble() => Err(Lost::Machine(Broken::new(error))),
            greeted = timeout(START, greet(&mut output)) => greeted.unwrap_or(Err(Lost::Late(START))),
        };
        let greeting = match greeted {
            Ok(greeting) => greeting,
            Err(lost) => return Err(no_helper(launched, lost).await),
        };
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let (frames, source) = mpsc::unbounded_channel();
        let reading = read(output, waiting.clone(), launched.trouble());
        let tasks = [tokio::spawn(write(input, source)), tokio::spawn(reading)];
        let launched = tokio::sync::Mutex::new(launched);
        Ok((Link { launched, frames, waiting, next: AtomicU32::new(1), tasks }, greeting))
    }

    pub(super) fn is_alive(&self) -> bool {
        self.waiting.lock().lost.is_none()
    }

    /// Sends a request and returns the fields of its answer. A caller that goes away has the request given up.
    pub(super) async fn ask(&self, request: &Request<'_>, patience: Duration) -> Result<Vec<u8>, Lost> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let frame = wire::frame(number, request);
        if frame.len() - 4 > wire::MAX_FRAME {
            return Err(Lost::Broken("a request is larger than allowed".to_owned()));
        }
        let (sender, answer) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock();
            if let Some(lost) = &waiting.lost {
                return Err(lost.clone());
            }
            waiting.open.insert(number, sender);
        }
        let mut pending = Pending { link: self, number, answered: false };
        let sent = self.frames.send(frame).map_err(|_| Lost::Ended);
        let answer = match sent {
            Ok(()) => {
                timeout(patience, answer).await.map_or(Err(Lost::Late(patience)), |it| it.unwrap_or(Err(Lost::Ended)))
            }
            Err(lost) => Err(lost),
        };
        pending.answered = true;
        if let Err(lost @ Lost::Late(_)) = &answer {
            self.give_up(lost.clone()).await;
        }
        answer
    }

    /// Nothing the box says can be trusted any more.
    pub(super) async fn give_up(&self, lost: Lost) {
        self.waiting.lock().lose(lost);
        if let Err(error) = self.launched.lock().await.kill().await {
            tracing::warn!(%error, "sandbox could not be killed");
        }
    }

    /// Returns how the box ended, once its output is closed, and the end of what it wrote on stderr.
    pub(super) async fn ending(&self) -> Result<(Option<BoxEnding>, String), SandboxError> {
        let mut launched = self.launched.lock().await;
        let ending = match timeout(LEAVE, launched.wait()).await {
            Ok(ending) => Some(ending?),
            Err(_) => {
                launched.kill().await?;
                None
            }
        };
        Ok((ending, launched.stderr_tail()))
    }

    pub(super) async fn pressure(&self) -> Option<Pressure> {
        self.launched.lock().await.pressure()
    }

    pub(super) async fn close(self) -> Result<(), SandboxError> {
        for task in &self.tasks {
            task.abort();
        }
        self.launched.into_inner().close().await
    }
}

/// A request whose answer somebody waits for.
struct Pending<'a> {
    link: &'a Link,
    number: u32,
    answered: bool,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.link.waiting.lock().open.remove(&self.number);
            let cancel = Request::Cancel(wire::Cancel { request: self.number });
            // A helper that is gone has given everything up.
            let _ = self.link.frames.send(wire::frame(0, &cancel));
        }
    }
}

async fn write(mut input: BoxInput, mut frames: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(frame) = frames.recv().await {
        if input.write_all(&frame).await.is_err() || input.flush().await.is_err() {
            // The reader notices as well, and tells those who wait.
            return;
        }
    }
}

async fn read(mut output: BoxOutput, waiting: Arc<Mutex<Waiting>>, mut trouble: Trouble) {
    let lost = loop {
        let frame = tokio::select! {
            frame = read_frame(&mut output) => frame,
            error = &mut trouble => Err(Lost::Machine(Broken::new(error))),
        };
        match frame {
            Ok((number, fields)) => {
                if let Ok(Reply::Fatal(why)) = fatal(&fields) {
                    break Lost::Broken(String::from_utf8_lossy(why).into_owned());
                }
                if let Some(waiter) = waiting.lock().open.remove(&number) {
                    let _ = waiter.send(Ok(fields));
                }
            }
            Err(lost) => break lost,
        }
    };
    waiting.lock().lose(lost);
}

/// Reads an answer whose kind says that it is the last.
fn fatal(fields: &[u8]) -> Result<Reply<'_>, wire::Malformed> {
    if fields.first() == Some(&wire::FATAL) { wire::message(fields) } else { Err(wire::Malformed) }
}

/// Reads one frame, allocating only as it comes.
async fn read_frame(output: &mut BoxOutput) -> Result<(u32, Vec<u8>), Lost> {
    let mut head = [0; HEAD];
    output.read_exact(&mut head).await.map_err(|_| Lost::Ended)?;
    let (length, number) =
        wire::head(head).ok_or_else(|| Lost::Broken("an answer is larger than allowed".to_owned()))?;
    let mut fields = Vec::with_capacity(length.min(1 << 16));
    output.take(length as u64).read_to_end(&mut fields).await.map_err(|_| Lost::Ended)?;
    if fields.len() < length { Err(Lost::Ended) } else { Ok((number, fields)) }
}

async fn greet(output: &mut BoxOutput) -> Result<Greeting, Lost> {
    let (_, fields) = read_frame(output).await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match decode(&fields)? {
        Reply::Hello(Hello { version: wire::VERSION, workspace, scratch, .. }) => {
            Ok(Greeting { workspace: text(workspace), scratch: text(scratch) })
        }
        _ => Err(Lost::Broken("the helper is of another version".to_owned())),
    }
}

/// Reads an answer.
pub(super) fn decode<'a, T: Field<'a>>(fields: &'a [u8]) -> Result<T, Lost> {
    wire::message(fields).map_err(|_| Lost::Broken("an answer cannot be read".to_owned()))
}

/// Explains why the helper did not come up.
async fn no_helper(mut launched: Box<dyn Launched>, lost: Lost) -> SandboxError {
    let reason = match lost {
        Lost::Late(after) => format!("it did not come up within {} s", after.as_secs()),
        Lost::Broken(detail) => detail,
        Lost::Machine(broken) => {
            let error = broken.error();
            if let Err(error) = launched.close().await {
                tracing::warn!(%error, "sandbox could not be removed");
            }
            return error;
        }
        Lost::Ended => match timeout(LEAVE, launched.wait()).await {
            Ok(Ok(ending)) => format!("it ended with {ending}: {}", launched.stderr_tail().trim()),
            Ok(Err(_)) | Err(_) => "it closed its output".to_owned(),
        },
    };
    if let Err(error) = launched.close().await {
        tracing::warn!(%error, "sandbox could not be removed");
    }
    SandboxError::Protocol { detail: format!("the helper did not start: {reason}") }
}
