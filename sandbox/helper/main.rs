//! The program that works inside a box on a station's behalf. It is static and uses nothing of the box but the kernel, so that it
//! starts in an image that holds nothing else.
//!
//! It speaks length-framed messages on stdin and stdout (see `wire`). The main process only reads requests, forks one process for
//! each, and passes the answers on, so that any number of requests are worked on at a time. It makes itself undumpable, and no
//! command inherits its descriptors. Programs in the box run as the same user and can kill it: then the box is dead, and the other
//! side takes that for no result at all.

mod again;
mod files;
mod glob;
mod keeper;
mod kept;
mod sys;
mod tree;
mod watch;
mod wire;

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;

use keeper::Failure;
use sys::{Poll, Reaped, Side};
use wire::{HEAD, Hello, Refused, Reply, Request, frame, refusal};

/// The variable that names the writable folder of the box.
const WORKSPACE: &str = "PATCHWRIGHT_WORKSPACE";
/// The exit code of a worker whose answer is a refusal to go on at all.
const FATAL: i32 = 70;
/// Most requests at a time.
const MOST_WORKERS: usize = 200;

fn main() {
    match Main::start().and_then(|mut main| main.serve()) {
        Ok(()) => sys::leave(0),
        Err(error) => {
            let _ = writeln!(io::stderr(), "patchwright's helper: {error}");
            sys::leave(FATAL)
        }
    }
}

/// A process that works on one request.
struct Worker {
    request: u32,
    answer: OwnedFd,
    received: Vec<u8>,
    /// Closed to have the request given up.
    cancel: Option<OwnedFd>,
}

/// The main process.
struct Main {
    cx: keeper::Surroundings,
    input: OwnedFd,
    output: File,
    children: OwnedFd,
    unread: Vec<u8>,
    workers: Vec<Worker>,
}

impl Main {
    fn start() -> io::Result<Self> {
        let undumpable = sys::set_dumpable(false);
        let input = sys::put_away(0)?;
        let output = File::from(sys::put_away(1)?);
        let null = File::options().read(true).write(true).open("/dev/null");
        for descriptor in [0, 1] {
            match &null {
                Ok(null) => sys::also_as(null.as_raw_fd(), descriptor)?,
                // An image without devices: better the box's stderr than the protocol.
                Err(_) => sys::also_as(2, descriptor)?,
            }
        }
        sys::adopt_orphans();
        let children = sys::child_watch()?;
        let folder = |name: &str| {
            let path = std::env::var_os(name).unwrap_or_else(|| "/tmp".into());
            std::fs::canonicalize(&path).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
        };
        let (workspace, scratch) = (folder(WORKSPACE)?, folder("TMPDIR")?);
        let env = std::env::vars_os().filter(|(name, _)| name != WORKSPACE);
        let env = env.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
        let scratch = scratch.as_os_str().as_bytes().to_vec();
        let cx = keeper::Surroundings { scratch: scratch.clone(), env };
        let mut main = Self { cx, input, output, children, unread: Vec::new(), workers: Vec::new() };
        let workspace = workspace.as_os_str().as_bytes();
        let hello = Hello { version: wire::VERSION, workspace, scratch: &scratch, undumpable };
        main.output.write_all(&frame(0, &Reply::Hello(hello)))?;
        Ok(main)
    }

    /// Serves until stdin ends.
    fn serve(&mut self) -> io::Result<()> {
        loop {
            let workers = self.workers.iter().map(|worker| worker.answer.as_raw_fd());
            // No further requests are read while there is no room for them.
            let input = if self.workers.len() < MOST_WORKERS { self.input.as_raw_fd() } else { -1 };
            let mut waits: Vec<Poll> = [input, self.children.as_raw_fd()]
                .into_iter()
                .chain(workers)
                .map(|descriptor| Poll { descriptor, events: sys::POLLIN, returned: 0 })
                .collect();
            sys::poll(&mut waits, -1);
            if waits[1].returned != 0 {
                self.reap();
            }
            for at in (0..self.workers.len()).rev() {
                if waits[2 + at].returned != 0 {
                    self.hear(at)?;
                }
            }
            if waits[0].returned != 0 && !self.listen()? {
                return Ok(());
            }
        }
    }

    /// Reads from the other side; returns whether it is still there.
    fn listen(&mut self) -> io::Result<bool> {
        let mut buffer = [0_u8; 256 << 10];
        let count = sys::read(&self.input, &mut buffer)?;
        self.unread.extend_from_slice(&buffer[..count]);
        let mut at = 0;
        while let Some(head) = self.unread.get(at..at + HEAD).and_then(|head| head.try_into().ok()) {
            let (length, request) = wire::head(head).ok_or_else(|| io::Error::other("a request is too long"))?;
            let Some(fields) = self.unread.get(at + HEAD..at + HEAD + length) else { break };
            let fields = fields.to_vec();
            at += HEAD + length;
            self.begin(request, &fields)?;
        }
        self.unread.drain(..at);
        Ok(count > 0)
    }

    fn begin(&mut self, number: u32, fields: &[u8]) -> io::Result<()> {
        let Ok(request) = wire::message::<Request<'_>>(fields) else {
            let message = &b"the request cannot be read"[..];
            return self.answer(number, &Reply::Refused(Refused { kind: refusal::MALFORMED, message }));
        };
        if let Request::Cancel(cancel) = request {
            let cancelled = self.workers.iter_mut().filter(|worker| worker.request == cancel.request);
            cancelled.for_each(|worker| worker.cancel = None);
            return Ok(());
        }
        match self.fork(number, &request) {
            Ok(worker) => self.workers.push(worker),
            Err(error) => {
                let message = error.to_string();
                let kind = if error.raw_os_error() == Some(sys::EAGAIN) { refusal::PROCESSES } else { kind_of(&error) };
                self.answer(number, &Reply::Refused(Refused { kind, message: message.as_bytes() }))?;
            }
        }
        Ok(())
    }

    fn fork(&self, request: u32, message: &Request<'_>) -> io::Result<Worker> {
        let (answer, answer_end) = sys::pipe()?;
        let (cancelled, cancel) = sys::pipe()?;
        let main = sys::own_pid();
        match sys::split()? {
            Side::Parent(_) => Ok(Worker { request, answer, received: Vec::new(), cancel: Some(cancel) }),
            Side::Child => {
                sys::end_with_parent();
                drop((answer, cancel));
                self.forget();
                if sys::parent_pid() != main {
                    sys::leave(FATAL);
                }
                self.work(message, &cancelled, answer_end)
            }
        }
    }

    /// Closes what only the main process needs, in its copy.
    fn forget(&self) {
        let own = [self.input.as_raw_fd(), self.output.as_raw_fd(), self.children.as_raw_fd()];
        for descriptor in own.into_iter().chain(self.workers.iter().flat_map(Worker::descriptors)) {
            sys::close(descriptor);
        }
    }

    /// What a worker does with its life.
    fn work(&self, message: &Request<'_>, cancelled: &OwnedFd, answer: OwnedFd) -> ! {
        let outcome = match message {
            Request::Run(run) => keeper::run(&self.cx, run, cancelled),
            other => carry_out(other).map_err(Failure::from),
        };
        let bytes = match outcome {
            Ok(bytes) => bytes,
            Err(Failure::Refused(error)) => {
                let message = error.to_string();
                files::reply(&Reply::Refused(Refused { kind: kind_of(&error), message: message.as_bytes() }))
            }
            Err(Failure::Fatal(why)) => files::reply(&Reply::Fatal(why.as_bytes())),
        };
        let sent = File::from(answer).write_all(&bytes);
        sys::leave(if sent.is_ok() { 0 } else { FATAL })
    }

    /// Takes a piece of a worker's answer, and passes it on when it is whole.
    fn hear(&mut self, at: usize) -> io::Result<()> {
        let worker = &mut self.workers[at];
        let mut buffer = [0_u8; 256 << 10];
        let count = sys::read(&worker.answer, &mut buffer)?;
        worker.received.extend_from_slice(&buffer[..count]);
        if count > 0 {
            return Ok(());
        }
        let mut worker = self.workers.swap_remove(at);
        let whole = worker.received.first_chunk::<HEAD>().and_then(|head| wire::head(*head));
        if whole.is_none_or(|(length, _)| length + HEAD != worker.received.len()) {
            // Nothing but a signal ends a worker early, and nothing but the box's own programs sends one.
            let why = format!("the process that looked after request {} was killed", worker.request);
            self.answer(worker.request, &Reply::Fatal(why.as_bytes()))?;
            return Err(io::Error::other(why));
        }
        worker.received[4..HEAD].copy_from_slice(&worker.request.to_be_bytes());
        self.output.write_all(&worker.received)?;
        if worker.received.get(HEAD) == Some(&wire::FATAL) {
            return Err(io::Error::other("a worker found the box unusable"));
        }
        Ok(())
    }

    fn answer(&mut self, request: u32, reply: &Reply<'_>) -> io::Result<()> {
        self.output.write_all(&frame(request, reply))
    }

    /// Collects children that have ended. How a worker ended shows in its answer.
    fn reap(&mut self) {
        sys::drain(&self.children);
        while let Reaped::One(..) = sys::reap() {}
    }
}

impl Worker {
    fn descriptors(&self) -> impl Iterator<Item = i32> {
        [Some(&self.answer), self.cancel.as_ref()].into_iter().flatten().map(|it| it.as_raw_fd())
    }
}

fn carry_out(request: &Request<'_>) -> io::Result<Vec<u8>> {
    let done = |()| files::reply(&Reply::Done(()));
    match request {
        Request::MakePlace(it) => files::make_place(it.at).map(done),
        Request::Put(it) => files::put(it).map(done),
        Request::Apply(it) => files::apply(it).map(|latest| files::reply(&Reply::Time(latest))),
        Request::Read(it) => files::read(it).map(|bytes| files::reply(&Reply::Bytes(&bytes))),
        Request::Newest(it) => files::newest(it.at).map(|newest| files::reply(&Reply::Time(newest))),
        Request::Mark(it) => files::mark(it.at).map(|mark| files::reply(&Reply::Bytes(&mark))),
        Request::Changes(it) => files::changes(it),
        Request::Copy(it) => files::copy(it).map(done),
        Request::Remove(it) => files::remove_place(it.at).map(done),
        Request::Collect(it) => files::collect(it),
        Request::Discard(it) => files::discard(it).map(done),
        Request::Rename(it) => again::rename(it).map(done),
        Request::Room(it) => again::room(it.at),
        Request::MarkAll(it) => again::mark(it.at).map(|mark| files::reply(&Reply::Bytes(&mark))),
        Request::Clear(it) => again::clear(it),
        Request::Run(_) | Request::Cancel(_) => Err(tree::invalid("the request is of another kind")),
    }
}

/// Returns what an error of the system means to the other side.
fn kind_of(error: &io::Error) -> u8 {
    let named = error.get_ref().and_then(|inner| inner.downcast_ref::<files::Named>());
    let number = named.map_or(error.raw_os_error(), |named| named.error.raw_os_error());
    match number {
        Some(sys::ENOSPC | sys::EDQUOT | sys::EFBIG) => refusal::DISK_FULL,
        Some(sys::EAGAIN) => refusal::PROCESSES,
        Some(sys::ENOMEM) => refusal::MEMORY,
        _ => refusal::OTHER,
    }
}
