//! The conversation with one driver: start, questions and answers, runs, and what it means when the box goes away.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{Overlay, path_text};
use crate::backend::{Backend, BoxEnding, BoxInput, BoxOutput, Launched, Pressure, Trouble};
use crate::error::SandboxError;
use crate::protocol::{self, Done, FrameError, Hello, Refusal, Reply, Request, RunRequest};
use crate::report::RunEnding;
use crate::report::assemble::seconds;
use crate::spec::SandboxSpec;

/// How long the driver may take to come up, imports of the test tools included.
const START: Duration = Duration::from_secs(60);
/// How long it may take to answer a plain request.
const ANSWER: Duration = Duration::from_secs(120);
/// How much later than the limits of a run its answer may come: killing, repairing and sending.
const GRACE: Duration = Duration::from_secs(30);
/// How long the driver may take to leave.
const LEAVE: Duration = Duration::from_secs(2);

pub(super) struct Session {
    launched: Box<dyn Launched>,
    input: BoxInput,
    output: BoxOutput,
    hello: Hello,
    alive: bool,
}

/// How a run came back.
pub(super) struct RunEnd {
    /// The driver's word, or what became of the box.
    pub(super) end: Result<Done, RunEnding>,
    pub(super) output: Vec<u8>,
    pub(super) duration: Duration,
}

/// Why there is no answer.
enum Lost {
    Late,
    Frame(FrameError),
    /// What runs the box broke.
    Broken(SandboxError),
}

/// Waits for an answer as long as the machinery behind the box is whole, at most so long.
async fn within<T>(
    limit: Duration,
    trouble: Trouble,
    answer: impl Future<Output = Result<T, Lost>>,
) -> Result<T, Lost> {
    tokio::select! {
        answer = timeout(limit, answer) => answer.unwrap_or(Err(Lost::Late)),
        error = trouble => Err(Lost::Broken(error)),
    }
}

impl From<FrameError> for Lost {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl Session {
    pub(super) async fn start(backend: &dyn Backend, spec: &SandboxSpec) -> Result<Session, SandboxError> {
        let mut spec = spec.clone();
        if !spec.env.iter().any(|(name, _)| name == "PYTHONHASHSEED") {
            // Sets and hashes in the same order in every run: a candidate is compared with the base.
            spec.env.push(("PYTHONHASHSEED".to_owned(), "0".to_owned()));
        }
        let python = backend.python(&spec).await?;
        let mut launched = backend.launch_first(&spec, &protocol::driver_argv(&python)).await?;
        let Some((input, output)) = launched.stdio() else {
            return Err(SandboxError::Protocol { detail: "the box has no stdin and stdout".to_owned() });
        };
        let hello = Hello::default();
        let mut session = Session { launched, input, output, hello, alive: true };
        let trouble = session.launched.trouble();
        match within(START, trouble, session.greet()).await {
            Ok(hello) => session.hello = hello,
            Err(lost) => return Err(session.no_driver(python, lost).await),
        }
        tracing::debug!(python = %session.hello.python, root = %session.hello.root, "driver is ready");
        Ok(session)
    }

    async fn greet(&mut self) -> Result<Hello, Lost> {
        use tokio::io::AsyncWriteExt;
        let sent = async {
            self.input.write_all(&protocol::driver_bundle()).await?;
            self.input.flush().await
        };
        sent.await.map_err(FrameError::from)?;
        match protocol::read_frame(&mut self.output).await?.0 {
            Reply::Hello(hello) if hello.protocol == protocol::VERSION => Ok(hello),
            _ => Err(Lost::Late),
        }
    }

    /// Explains why the driver did not come up.
    async fn no_driver(mut self, python: String, lost: Lost) -> SandboxError {
        let reason = match lost {
            Lost::Broken(error) => Err(error),
            Lost::Late => Ok(format!("it did not come up within {} s", START.as_secs())),
            Lost::Frame(error) => self.ending().await.map(|ending| {
                let ending = ending.map_or_else(|| error.to_string(), |ending| format!("it ended with {ending}"));
                format!("{ending}; Python 3.6 or newer is needed; {}", self.launched.stderr_tail().trim())
            }),
        };
        if let Err(error) = self.launched.close().await {
            tracing::warn!(%error, "sandbox could not be removed");
        }
        reason.map_or_else(|error| error, |reason| SandboxError::Interpreter { python, reason })
    }

    pub(super) fn hello(&self) -> &Hello {
        &self.hello
    }

    pub(super) fn is_alive(&self) -> bool {
        self.alive
    }

    /// Sends a request and returns the body of its answer.
    pub(super) async fn ask(&mut self, request: &Request<'_>, body: &[u8]) -> Result<Vec<u8>, SandboxError> {
        self.must_be_alive()?;
        let exchange = async {
            protocol::write_frame(&mut self.input, request, body).await?;
            Ok::<_, Lost>(protocol::read_frame(&mut self.output).await?)
        };
        match within(ANSWER, self.launched.trouble(), exchange).await {
            Ok((Reply::Ok, body)) => Ok(body),
            Ok((Reply::Error { kind, message }, _)) => {
                self.alive &= kind != Refusal::Unclean;
                Err(SandboxError::Workspace { detail: message })
            }
            Ok((reply, _)) => {
                self.give_up().await;
                Err(SandboxError::Protocol { detail: format!("unexpected answer {reply:?}") })
            }
            Err(lost) => Err(self.lost_error(lost).await),
        }
    }

    /// Runs something; what the box says of it meanwhile goes to `events`.
    pub(super) async fn run(
        &mut self,
        mut request: RunRequest<'_>,
        overlay: &[Overlay],
        events: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<RunEnd, SandboxError> {
        self.must_be_alive()?;
        let length = |overlay: &Overlay| (path_text(&overlay.path), overlay.bytes.as_ref().map(Vec::len));
        request.overlay = overlay.iter().map(length).collect();
        let body = overlay.iter().flat_map(|overlay| overlay.bytes.iter().flatten().copied()).collect::<Vec<u8>>();
        let pressure = self.launched.pressure();
        let began = Instant::now();
        let limit = seconds(request.total) + GRACE;
        let request = Request::Run(Box::new(request));
        let trouble = self.launched.trouble();
        let (end, output) = match within(limit, trouble, self.exchange(&request, &body, events)).await {
            Ok((Reply::Done(mut done), output)) => {
                self.complete(&mut done, pressure);
                if let Some(why) = &done.unclean {
                    tracing::debug!(why, "workspace could not be repaired");
                    self.give_up().await;
                }
                (Ok(done), output)
            }
            Ok((Reply::Error { kind, message }, _)) => (Err(self.refused(kind, message).await?), Vec::new()),
            Ok((reply, _)) => {
                self.give_up().await;
                (Err(RunEnding::Tampered { detail: format!("unexpected answer {reply:?}") }), Vec::new())
            }
            Err(lost) => (Err(self.lost_run(lost).await?), Vec::new()),
        };
        let duration = end.as_ref().map_or_else(|_| began.elapsed(), |done| seconds(done.elapsed));
        Ok(RunEnd { end, output, duration })
    }

    /// Adds what only the outside knows.
    fn complete(&self, done: &mut Done, before: Option<Pressure>) {
        let (Some(before), Some(after)) = (before, self.launched.pressure()) else { return };
        done.oom = done.oom.or(Some(after.killed_for_memory > before.killed_for_memory));
        done.refused = done.refused.or(Some(after.refused_processes > before.refused_processes));
    }

    async fn exchange(
        &mut self,
        request: &Request<'_>,
        body: &[u8],
        events: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<(Reply, Vec<u8>), Lost> {
        protocol::write_frame(&mut self.input, request, body).await?;
        loop {
            match protocol::read_frame(&mut self.output).await? {
                (Reply::Events, bytes) => events(&bytes),
                answer => return Ok(answer),
            }
        }
    }

    /// The driver could not begin: some reasons are outcomes, others are the caller's mistake.
    async fn refused(&mut self, kind: Refusal, message: String) -> Result<RunEnding, SandboxError> {
        match kind {
            Refusal::DiskFull => Ok(RunEnding::DiskFull),
            Refusal::Files => Ok(RunEnding::FileLimit),
            Refusal::Processes => Ok(RunEnding::ProcessLimit),
            Refusal::Memory => Ok(RunEnding::OutOfMemory),
            Refusal::Unclean => {
                self.give_up().await;
                Ok(RunEnding::Crashed { detail: format!("the workspace could not be prepared: {message}") })
            }
            Refusal::Refused | Refusal::Os => Err(SandboxError::Workspace { detail: message }),
        }
    }

    /// Tells what the tests did to their box from what happened to it.
    async fn lost_run(&mut self, lost: Lost) -> Result<RunEnding, SandboxError> {
        Ok(match lost {
            Lost::Broken(error) => {
                self.give_up().await;
                return Err(error);
            }
            Lost::Late => {
                self.give_up().await;
                RunEnding::TotalTimeout
            }
            Lost::Frame(FrameError::Ended) => match self.ending().await? {
                Some(BoxEnding::OutOfMemory) => RunEnding::OutOfMemory,
                Some(ending) => RunEnding::Crashed { detail: format!("the sandbox ended ({ending}) during the run") },
                None => RunEnding::Crashed { detail: "the sandbox closed its output during the run".to_owned() },
            },
            Lost::Frame(error) => {
                self.give_up().await;
                RunEnding::Tampered { detail: error.to_string() }
            }
        })
    }

    async fn lost_error(&mut self, lost: Lost) -> SandboxError {
        let detail = match lost {
            Lost::Broken(error) => {
                self.give_up().await;
                return error;
            }
            Lost::Late => format!("no answer within {} s", ANSWER.as_secs()),
            Lost::Frame(FrameError::Ended) => match self.ending().await {
                Ok(Some(ending)) => {
                    return SandboxError::BoxEnded { ending, stderr: self.launched.stderr_tail() };
                }
                Ok(None) => "it closed its output".to_owned(),
                Err(error) => return error,
            },
            Lost::Frame(error) => error.to_string(),
        };
        self.give_up().await;
        SandboxError::Protocol { detail }
    }

    /// How the box ended, once its output is closed; nothing where it goes on without one.
    async fn ending(&mut self) -> Result<Option<BoxEnding>, SandboxError> {
        self.alive = false;
        match timeout(LEAVE, self.launched.wait()).await {
            Ok(Ok(ending)) => Ok(Some(ending)),
            Ok(Err(error)) => Err(error),
            Err(_) => {
                self.give_up().await;
                Ok(None)
            }
        }
    }

    /// Nothing the box says can be trusted any more.
    async fn give_up(&mut self) {
        self.alive = false;
        if let Err(error) = self.launched.kill().await {
            tracing::warn!(%error, "sandbox could not be killed");
        }
    }

    fn must_be_alive(&self) -> Result<(), SandboxError> {
        if self.alive {
            return Ok(());
        }
        Err(SandboxError::Protocol { detail: "it has ended; start another workbench".to_owned() })
    }

    pub(super) async fn close(mut self) -> Result<(), SandboxError> {
        if self.alive && protocol::write_frame(&mut self.input, &Request::Stop, b"").await.is_ok() {
            let _ = timeout(LEAVE, self.launched.wait()).await;
        }
        self.launched.close().await
    }
}
