//! The one task that writes. While a commit is being synced calls gather in line, and the next commit is for all of them.

use futures_util::future::BoxFuture;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{mpsc, oneshot};

use super::Clocks;
use crate::fail_point;
use crate::store::session::{Session, Work};
use crate::store::{Result, StoreError};

/// The most calls that one commit is for.
const GROUP: usize = 256;

/// What becomes of a call's changes.
enum Ran {
    Keep,
    Undo,
    /// The database itself failed: nothing of the group can be kept.
    Abort(StoreError),
}

/// A call whose result's type the writer need not know.
pub(super) trait Call: Send {
    fn name(&self) -> &'static str;
    fn run<'a>(&'a mut self, session: &'a mut Session) -> BoxFuture<'a, bool>;
    fn error(&self) -> Option<StoreError>;
    fn done(self: Box<Self>, committed: Result<()>);
}

pub(super) type BoxedCall = Box<dyn Call>;

struct Waiting<T> {
    name: &'static str,
    work: Work<T>,
    answer: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

/// Returns a call for the line and where its answer will come.
pub(super) fn call<T: Send + 'static>(name: &'static str, work: Work<T>) -> (BoxedCall, oneshot::Receiver<Result<T>>) {
    let (reply, answer) = oneshot::channel();
    (Box::new(Waiting { name, work, answer: None, reply }), answer)
}

impl<T: Send> Call for Waiting<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run<'a>(&'a mut self, session: &'a mut Session) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let answer = (self.work)(session).await;
            let good = answer.is_ok();
            self.answer = Some(answer);
            good
        })
    }

    fn error(&self) -> Option<StoreError> {
        self.answer.as_ref().and_then(|answer| answer.as_ref().err()).cloned()
    }

    fn done(self: Box<Self>, committed: Result<()>) {
        let answer = match committed {
            Ok(()) => self.answer.unwrap_or(Err(StoreError::Closed)),
            Err(error) => Err(error),
        };
        // Nobody may be waiting any more: the caller was dropped. The change is made all the same.
        let _ = self.reply.send(answer);
    }
}

/// Commits calls until nobody can make any more; returns the connection.
pub(super) async fn run(
    connection: SqliteConnection,
    mut line: mpsc::Receiver<BoxedCall>,
    clocks: Clocks,
) -> Option<SqliteConnection> {
    let mut session = Session::writer(connection);
    let mut group = Vec::new();
    while line.recv_many(&mut group, GROUP).await > 0 {
        let committed = commit(&mut session, &mut group, &clocks).await;
        if committed.is_err() {
            // SQLite may have rolled back by itself, and says so with an error that tells nothing new.
            let _ = session.run("ROLLBACK", &[]).await;
        }
        for call in group.drain(..) {
            call.done(committed.clone());
        }
    }
    session.into_writer()
}

async fn commit(session: &mut Session, group: &mut [BoxedCall], clocks: &Clocks) -> Result<()> {
    session.run("BEGIN IMMEDIATE", &[]).await?;
    (session.wall, session.ticks) = (clocks.wall(), clocks.ticks());
    for call in group.iter_mut() {
        fail_point!("store", call.name(), "begin");
        session.run("SAVEPOINT call", &[]).await?;
        match run_one(session, call).await {
            Ran::Keep => {}
            Ran::Undo => {
                session.run("ROLLBACK TO call", &[]).await?;
            }
            Ran::Abort(error) => return Err(error),
        }
        session.run("RELEASE call", &[]).await?;
    }
    for call in group.iter() {
        fail_point!("store", call.name(), "before_commit");
    }
    session.run("COMMIT", &[]).await?;
    for call in group.iter() {
        fail_point!("store", call.name(), "after_commit");
    }
    Ok(())
}

async fn run_one(session: &mut Session, call: &mut BoxedCall) -> Ran {
    if call.run(session).await {
        return Ran::Keep;
    }
    match call.error() {
        Some(error @ (StoreError::Full(_) | StoreError::Unavailable(_) | StoreError::Corrupt(_))) => Ran::Abort(error),
        _ => Ran::Undo,
    }
}
