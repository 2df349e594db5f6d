//! A socket between the program and an engine that can be cut and stalled while real bytes pass through it.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use anyhow::Result;
use tempfile::TempDir;

/// What becomes of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    /// Connections are taken, and nothing passes in either direction.
    Stalled,
    /// Connections are taken and closed at once.
    Closed,
}

/// A proxy in front of an engine's socket. It lives until the process ends; its socket goes when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    folder: TempDir,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    engine: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    way: Way,
    /// Both ends of every connection.
    open: Vec<UnixStream>,
    passed: u64,
}

impl Proxy {
    /// Starts one in front of this socket.
    pub fn start(engine: &Path) -> Result<Proxy> {
        let folder = tempfile::Builder::new().prefix("e2e-proxy").tempdir()?;
        let listener = UnixListener::bind(folder.path().join("docker.sock"))?;
        let state = Mutex::new(State { way: Way::Open, open: Vec::new(), passed: 0 });
        let shared = Arc::new(Shared { engine: engine.to_owned(), state, changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(std::io::Result::ok) {
                // A connection that cannot be passed on is closed, as by an engine that is going.
                let _closed = accepting.connect(client);
            }
        });
        Ok(Proxy { folder, shared })
    }

    /// Returns the address, as `DOCKER_HOST` has it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("docker.sock").display())
    }

    /// Returns how many bytes have passed, in both directions.
    pub fn passed(&self) -> u64 {
        self.shared.state().passed
    }

    /// Cuts every connection in its middle; new ones are passed on.
    pub fn cut(&self) {
        for stream in self.shared.state().open.drain(..) {
            let _gone = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets nothing pass from now on, without a word.
    pub fn stall(&self) {
        self.set(Way::Stalled);
    }

    /// Closes everything, and every new connection.
    pub fn close(&self) {
        self.set(Way::Closed);
        self.cut();
    }

    /// Lets everything pass again.
    pub fn open(&self) {
        self.set(Way::Open);
    }

    fn set(&self, way: Way) {
        self.shared.state().way = way;
        self.shared.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(self: &Arc<Self>, client: UnixStream) -> std::io::Result<()> {
        let engine = UnixStream::connect(&self.engine)?;
        let mut state = self.state();
        if state.way == Way::Closed {
            return Ok(());
        }
        state.open.extend([client.try_clone()?, engine.try_clone()?]);
        drop(state);
        for (mut from, mut to) in [(client.try_clone()?, engine.try_clone()?), (engine, client)] {
            let shared = Arc::clone(self);
            std::thread::spawn(move || {
                let _ended = shared.pass(&mut from, &mut to);
                let _gone = to.shutdown(Shutdown::Write);
            });
        }
        Ok(())
    }

    fn pass(&self, from: &mut UnixStream, to: &mut UnixStream) -> std::io::Result<()> {
        let mut buffer = [0; 16 << 10];
        loop {
            let count = from.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            let mut state = self.state();
            while state.way == Way::Stalled {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.passed += count as u64;
            drop(state);
            to.write_all(&buffer[..count])?;
        }
    }
}
