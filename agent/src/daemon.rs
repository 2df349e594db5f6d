//! The daemon: receives, decides, works and publishes, each in a part that knows only what it needs.
//!
//! [`receiver`] holds the webhook secrets and puts deliveries on disk. What they mean, who may ask for what, the work itself and what is
//! written back are other parts; they meet in the store and nowhere else.

pub mod admin;
pub mod log;
pub mod receiver;
pub mod state_dir;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use github::WebhookSecrets;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::secret::{AppSecrets, Secret};
use crate::config::{Config, Intake};
use crate::store::{PostgresStore, SqliteStore, Store, StoreError, StoreOptions};
use admin::{Figures, FiguresError};
use receiver::{Receiver, ReceiverLimits};
use state_dir::{StateDir, StateDirError};

/// The database in the state folder.
pub const DATABASE: &str = "patchwright.db";
/// How often bodies of deliveries that were acted on long ago are forgotten.
const FORGET: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Why the daemon cannot start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The state folder.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The webhook secrets.
    #[error(transparent)]
    Secret(#[from] github::SecretError),
    /// The address of the database.
    #[error("the setting `store.url` is no address of a database: {0}")]
    Url(#[from] url::ParseError),
    /// Metrics.
    #[error(transparent)]
    Figures(#[from] FiguresError),
    /// An address that cannot be listened on.
    #[error("failed to listen on {address} (setting `{key}`): {source}")]
    Listen {
        /// The setting.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A part of the daemon ended.
    #[error("the part `{part}` of the daemon ended: {reason}")]
    Part {
        /// Which.
        part: &'static str,
        /// Why.
        reason: String,
    },
}

/// Returns the folder for state: the one that is set, or the user's.
pub fn state_dir(config: &Config) -> PathBuf {
    if config.server.state_dir.as_os_str().is_empty() {
        crate::config::default_state_dir()
    } else {
        config.server.state_dir.clone()
    }
}

/// A daemon that listens and is about to take up its work.
pub struct Daemon {
    state: StateDir,
    store: Arc<dyn Store>,
    parts: JoinSet<(&'static str, Result<(), String>)>,
    /// Where webhooks are received, with the port that was chosen; `None` when polling.
    pub webhook: Option<SocketAddr>,
    /// Where health and figures are asked for.
    pub admin: SocketAddr,
    stop: CancellationToken,
    patience: Duration,
}

impl Daemon {
    /// Takes the state folder, opens the store and begins to listen.
    ///
    /// # Errors
    /// See [`DaemonError`]; nothing is left behind then.
    pub async fn start(
        config: &Config,
        secrets: &AppSecrets,
        password: Option<&Secret>,
    ) -> Result<Daemon, DaemonError> {
        let state = StateDir::take(&state_dir(config))?;
        let figures = Figures::collect()?;
        let store = open_store(config, state.path(), password).await?;
        let stop = CancellationToken::new();
        let mut parts = JoinSet::new();
        let admin = bind("server.admin_listen", config.server.admin_listen).await?;
        let admin_address = address(&admin, config.server.admin_listen);
        parts.spawn(serve("admin", admin, admin::router(Arc::clone(&store), figures), stop.clone()));
        let webhook = match webhook_secrets(secrets)? {
            Some(secrets) if config.github.intake == Intake::Webhook => {
                let listener = bind("server.listen", config.server.listen).await?;
                let limits = ReceiverLimits {
                    max_body: config.server.max_body_bytes,
                    patience: Duration::from_secs(config.server.request_seconds),
                };
                let receiver = Arc::new(Receiver::new(Arc::clone(&store), secrets, limits));
                let found = address(&listener, config.server.listen);
                parts.spawn(serve("receiver", listener, receiver.router(&config.server.webhook_path), stop.clone()));
                Some(found)
            }
            _ => None,
        };
        let lease = Duration::from_secs(config.limits.lease_seconds);
        parts.spawn(keep_house(Arc::clone(&store), lease, DAY * config.store.keep_days, stop.clone()));
        let patience = Duration::from_secs(config.server.stop_seconds);
        Ok(Daemon { state, store, parts, webhook, admin: admin_address, stop, patience })
    }

    /// Works until `stop`, then ends every part in order and closes the store.
    ///
    /// # Errors
    /// [`DaemonError::Part`] if a part ended by itself, [`DaemonError::Store`] if the store cannot be closed.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), DaemonError> {
        info!(boot = self.state.boot(), "ready");
        let ended = tokio::select! {
            () = stop.cancelled() => None,
            ended = self.parts.join_next() => ended,
        };
        self.stop.cancel();
        let parts = &mut self.parts;
        let drained = tokio::time::timeout(self.patience, async { while parts.join_next().await.is_some() {} });
        if drained.await.is_err() {
            warn!(after = ?self.patience, "some parts did not end in time");
            self.parts.abort_all();
        }
        self.store.close().await?;
        match ended {
            None => Ok(()),
            Some(Ok((part, result))) => {
                let reason = result.err().unwrap_or_else(|| "nobody asked for that".to_owned());
                Err(DaemonError::Part { part, reason })
            }
            Some(Err(error)) => Err(DaemonError::Part { part: "unknown", reason: error.to_string() }),
        }
    }
}

/// Opens the store that the settings name, as its owner.
async fn open_store(config: &Config, state: &Path, password: Option<&Secret>) -> Result<Arc<dyn Store>, DaemonError> {
    let options = StoreOptions { lease: Duration::from_secs(config.limits.lease_seconds), ..StoreOptions::default() };
    if config.store.url.is_empty() {
        return Ok(Arc::new(SqliteStore::open(&state.join(DATABASE), options).await?));
    }
    Ok(Arc::new(PostgresStore::connect(&database_url(&config.store.url, password)?, options).await?))
}

/// Opens the store of a daemon that may be running, to look at it and to ask something of its jobs.
///
/// # Errors
/// See [`DaemonError`].
pub async fn attach_store(config: &Config, password: Option<&Secret>) -> Result<Arc<dyn Store>, DaemonError> {
    let options = StoreOptions::default();
    if config.store.url.is_empty() {
        return Ok(Arc::new(SqliteStore::attach(&state_dir(config).join(DATABASE), options).await?));
    }
    Ok(Arc::new(PostgresStore::connect(&database_url(&config.store.url, password)?, options).await?))
}

fn database_url(url: &str, password: Option<&Secret>) -> Result<String, DaemonError> {
    let mut url = url::Url::parse(url)?;
    if let Some(password) = password {
        // An address without a host takes no password; connecting says so.
        let _ = url.set_password(Some(password.value.expose_secret()));
    }
    Ok(url.into())
}

fn webhook_secrets(secrets: &AppSecrets) -> Result<Option<WebhookSecrets>, DaemonError> {
    let mut values = secrets.webhook.iter().map(|secret| secret.value.expose_secret());
    let Some(current) = values.next() else { return Ok(None) };
    Ok(Some(WebhookSecrets::new(current, values.next())?))
}

async fn bind(key: &'static str, address: SocketAddr) -> Result<TcpListener, DaemonError> {
    TcpListener::bind(address).await.map_err(|source| DaemonError::Listen { key, address, source })
}

/// The address with the port that the system chose, where none was set.
fn address(listener: &TcpListener, wanted: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(wanted)
}

async fn serve(
    part: &'static str,
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> (&'static str, Result<(), String>) {
    let router = router.layer(tower_http::catch_panic::CatchPanicLayer::new());
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await;
    (part, served.map_err(|error| error.to_string()))
}

/// Takes jobs from workers that are gone, and forgets what nobody needs any more.
async fn keep_house(
    store: Arc<dyn Store>,
    lease: Duration,
    keep: Duration,
    stop: CancellationToken,
) -> (&'static str, Result<(), String>) {
    let mut leases = tokio::time::interval((lease / 3).max(Duration::from_secs(1)));
    let mut bodies = tokio::time::interval(FORGET);
    loop {
        let done = tokio::select! {
            () = stop.cancelled() => return ("housekeeping", Ok(())),
            _ = leases.tick() => store.expire_leases().await.map(|jobs| {
                for job in jobs {
                    warn!(%job, "worker lost; the job waits again");
                }
            }),
            _ = bodies.tick() => forget(store.as_ref(), keep).await,
        };
        if let Err(error) = done {
            warn!(%error, "housekeeping failed and will be tried again");
        }
    }
}

async fn forget(store: &dyn Store, keep: Duration) -> Result<(), StoreError> {
    let keep = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
    let before = store.now().await?.saturating_sub(keep);
    let forgotten = store.forget_bodies(before).await?;
    if forgotten > 0 {
        info!(forgotten, "bodies of old deliveries forgotten");
    }
    Ok(())
}
