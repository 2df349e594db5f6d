//! Warm boxes that hold the base, lent to whoever has tests to run.
//!
//! A box serves many candidates one after another; it is thrown away as soon as anything about it is doubtful. Every wait for a box ends when
//! the job is asked to stop, and then the box is removed before the call returns, so that nothing is left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use repo::{FileMode, Snapshot};
use sandbox::{Backend, SandboxError, SandboxSpec, TestPlan, TestReport, TestRequest, WorkFile, Workbench};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::journal::{Event, Journal};

/// Why no report came back.
#[derive(Debug, thiserror::Error)]
pub(super) enum PoolError {
    /// The job was asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// The sandbox failed.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

/// What is in the boxes.
pub(super) struct Contents {
    /// The version of pytest, or why there is none.
    pub(super) pytest: Result<String, String>,
    /// What identifies all that is installed; `None` where nothing does.
    pub(super) environment: Option<String>,
}

/// Boxes over one base.
pub(super) struct Pool {
    backend: Arc<dyn Backend>,
    spec: SandboxSpec,
    plan: TestPlan,
    files: Arc<Vec<WorkFile>>,
    idle: Mutex<Vec<Workbench>>,
    permits: Semaphore,
    size: u32,
    stop: CancellationToken,
    journal: Arc<Journal>,
    /// Whether waiting for the backend was in vain once: nobody waits again.
    lost: AtomicBool,
    /// Whether the people who wait were told that the tree is too large to be copied.
    told: AtomicBool,
}

/// How often a run is tried again in another box because of the machine.
const RETRIES: u32 = 2;
/// How long a backend may be away before the job ends.
const PATIENCE: Duration = Duration::from_secs(15);

/// Removes a box that is not used any more. One that the machine keeps is remembered by its backend; what was found in it counts.
async fn close(bench: Workbench, report: &Result<TestReport, PoolError>) -> Result<(), PoolError> {
    match (bench.close().await, report) {
        (Ok(()), _) => Ok(()),
        (Err(error), Ok(_)) if !error.is_infrastructure() => Err(error.into()),
        (Err(_), _) => Ok(()),
    }
}

impl Pool {
    /// Prepares a pool of at most `size` boxes at a time for tests of one plan; none is started yet.
    pub(super) fn new(
        backend: Arc<dyn Backend>,
        spec: SandboxSpec,
        plan: TestPlan,
        files: Vec<WorkFile>,
        size: u32,
        stop: CancellationToken,
        journal: Arc<Journal>,
    ) -> Pool {
        let permits = Semaphore::new(size as usize);
        Pool {
            backend,
            spec,
            plan,
            files: Arc::new(files),
            idle: Mutex::new(Vec::new()),
            permits,
            size,
            stop,
            journal,
            lost: AtomicBool::new(false),
            told: AtomicBool::new(false),
        }
    }

    /// Returns what is in the boxes.
    ///
    /// # Errors
    /// When the job is asked to stop, or no box can be had.
    pub(super) async fn contents(&self) -> Result<Contents, PoolError> {
        let _permit = self.permit().await?;
        let bench = match self.start().await {
            Err(PoolError::Sandbox(error)) if error.is_infrastructure() => {
                self.recover(error).await?;
                self.start().await?
            }
            started => started?,
        };
        let pytest = bench.pytest_version().map(str::to_owned).map_err(str::to_owned);
        let installed = bench.environment().map(str::to_owned);
        // First of all the box goes where it is closed whatever happens.
        self.idle.lock().push(bench);
        let image = self.backend.image_digest(&self.spec).await?;
        // An image's digest says it all; without one, what the box says of itself does.
        let kind = self.backend.kind();
        let environment = match (image, installed) {
            (None, None) => None,
            (image, installed) => {
                Some(format!("{kind} {} {}", image.unwrap_or_default(), installed.unwrap_or_default()))
            }
        };
        Ok(Contents { pytest, environment })
    }

    /// Runs tests in a warm box, and again in another where the machine failed.
    ///
    /// # Errors
    /// When the job is asked to stop, or no box can be had.
    pub(super) async fn run(&self, request: &TestRequest) -> Result<TestReport, PoolError> {
        let _permit = self.permit().await?;
        let mut retries = 0;
        loop {
            match self.run_warm(request).await {
                Err(PoolError::Sandbox(error)) if error.is_infrastructure() && retries < RETRIES => {
                    self.recover(error).await?;
                    retries += 1;
                }
                done => return done,
            }
        }
    }

    /// Runs tests in a box that nothing has run in before and nothing will run in after; again in another where the machine failed.
    ///
    /// # Errors
    /// When the job is asked to stop, or no box can be had.
    pub(super) async fn run_fresh(&self, request: &TestRequest) -> Result<TestReport, PoolError> {
        let _permit = self.permit().await?;
        let mut retries = 0;
        loop {
            match self.run_once(request).await {
                Err(PoolError::Sandbox(error)) if error.is_infrastructure() && retries < RETRIES => {
                    self.recover(error).await?;
                    retries += 1;
                }
                done => return done,
            }
        }
    }

    async fn run_warm(&self, request: &TestRequest) -> Result<TestReport, PoolError> {
        let idle = self.idle.lock().pop();
        let mut bench = match idle {
            Some(bench) => bench,
            None => self.start().await?,
        };
        let report = self.run_in(&mut bench, request).await;
        if report.is_ok() && bench.is_alive() {
            self.idle.lock().push(bench);
        } else {
            close(bench, &report).await?;
        }
        report
    }

    async fn run_once(&self, request: &TestRequest) -> Result<TestReport, PoolError> {
        let mut bench = self.start().await?;
        let report = self.run_in(&mut bench, request).await;
        close(bench, &report).await?;
        report
    }

    /// Waits until boxes can be had again after a failure of the machine's; gives up for good when that takes too long.
    async fn recover(&self, error: SandboxError) -> Result<(), PoolError> {
        if self.lost.load(Ordering::Relaxed) {
            return Err(error.into());
        }
        self.journal.record(Event::Notice { text: format!("{error}; trying again in another sandbox") });
        if matches!(error, SandboxError::ImageMissing { .. }) {
            self.or_stop(self.backend.prepare(self.spec.image.as_ref(), &|_| {})).await?;
        }
        match self.or_stop(self.backend.recover(PATIENCE)).await {
            Ok(()) => Ok(()),
            Err(PoolError::Sandbox(later)) => {
                self.lost.store(true, Ordering::Relaxed);
                Err(later.into())
            }
            Err(stopped @ PoolError::Interrupted) => Err(stopped),
        }
    }

    async fn or_stop<T>(&self, work: impl Future<Output = Result<T, SandboxError>>) -> Result<T, PoolError> {
        tokio::select! {
            done = work => done.map_err(PoolError::from),
            () = self.stop.cancelled() => Err(PoolError::Interrupted),
        }
    }

    /// Waits for the boxes that are lent and removes all.
    ///
    /// # Errors
    /// When a box could not be removed; the others are.
    pub(super) async fn close(&self) -> Result<(), SandboxError> {
        // Every lender returns soon: its run has a limit, and ends at once when the job is to stop.
        let _all = self.permits.acquire_many(self.size).await;
        let idle = std::mem::take(&mut *self.idle.lock());
        let mut first_error = Ok(());
        for bench in idle {
            let closed = bench.close().await;
            first_error = first_error.and(closed);
        }
        first_error
    }

    async fn permit(&self) -> Result<tokio::sync::SemaphorePermit<'_>, PoolError> {
        tokio::select! {
            permit = self.permits.acquire() => permit.map_err(|_| PoolError::Interrupted),
            () = self.stop.cancelled() => Err(PoolError::Interrupted),
        }
    }

    async fn start(&self) -> Result<Workbench, PoolError> {
        let mut bench = Workbench::start(self.backend.as_ref(), &self.spec, &self.plan).await?;
        match bench.put(self.files.as_ref().clone()).await {
            Ok(()) => Ok(bench),
            Err(error) => {
                bench.close().await?;
                Err(error.into())
            }
        }
    }

    async fn run_in(&self, bench: &mut Workbench, request: &TestRequest) -> Result<TestReport, PoolError> {
        let report = tokio::select! {
            report = bench.run_tests(request) => report.map_err(PoolError::from),
            () = self.stop.cancelled() => Err(PoolError::Interrupted),
        };
        if let Some(text) = bench.notice()
            && !self.told.swap(true, Ordering::Relaxed)
        {
            self.journal.record(Event::Notice { text });
        }
        report
    }
}

/// Reads the files of a snapshot as they are put into a box. Submodules have no files here and are left out.
///
/// # Errors
/// When an object cannot be read.
pub(crate) fn files_of(snapshot: &Snapshot) -> Result<Vec<WorkFile>, repo::RepoError> {
    let mut files = Vec::with_capacity(snapshot.entries().len());
    for entry in snapshot.entries() {
        if entry.mode == FileMode::Submodule {
            continue;
        }
        let bytes = snapshot.read_blob(entry.blob)?;
        files.push(WorkFile { path: entry.path.clone(), bytes, mode: entry.mode });
    }
    Ok(files)
}
