//! The webhook's end: raw bytes in, a signature checked, a row on disk, and only then an answer.
//!
//! Nothing of a body is read before its signature is right, and nothing but its outermost ids is read here at all. A 2xx means that the
//! delivery is on disk (promise P1); what cannot be kept is answered with 503, so that GitHub shows it as failed and the sweep finds it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::StreamExt;
use github::{InstallationId, RepositoryId, WebhookSecrets};
use parking_lot::RwLock;
use serde::Deserialize;
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::{debug, warn};

use crate::store::{Accepted, NewDelivery, Store, StoreError};

/// Bodies that are being read take this much memory together at most; a body waits for its turn and for no longer than its time.
const BUFFERED_BYTES: usize = 64 << 20;
/// Memory is given out in pieces of this size.
const PIECE: usize = 64 << 10;
/// GitHub's delivery ids are UUIDs; a little more is let through for servers that differ.
const MAX_ID: usize = 64;

/// What the receiver is made of.
pub struct Receiver {
    store: Arc<dyn Store>,
    secrets: RwLock<Arc<WebhookSecrets>>,
    max_body: usize,
    patience: Duration,
    memory: Semaphore,
}

/// Limits of the receiver.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverLimits {
    /// The largest body, in bytes.
    pub max_body: usize,
    /// How long a sender may take for its body.
    pub patience: Duration,
}

/// Why a delivery is not taken.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{0}")]
    Signature(#[from] github::SignatureError),
    #[error("the header {0} is missing or malformed")]
    Header(&'static str),
    #[error("set the webhook's content type to application/json")]
    ContentType,
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the body did not come within {0:?}")]
    TooSlow(Duration),
    #[error("the body broke off")]
    Broken,
    #[error("the body is no JSON object of GitHub's: {0}")]
    Json(serde_json::Error),
    #[error("the delivery could not be kept; it may be sent again")]
    Store(#[source] StoreError),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Refusal::Signature(_) => StatusCode::UNAUTHORIZED,
            Refusal::Header(_) | Refusal::Broken | Refusal::Json(_) => StatusCode::BAD_REQUEST,
            Refusal::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Refusal::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The word under which it is counted.
    fn word(&self) -> &'static str {
        match self {
            Refusal::Signature(_) => "signature",
            Refusal::Header(_) => "header",
            Refusal::ContentType => "content_type",
            Refusal::TooLarge(_) => "too_large",
            Refusal::TooSlow(_) => "too_slow",
            Refusal::Broken => "broken",
            Refusal::Json(_) => "json",
            Refusal::Store(_) => "store",
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        metrics::counter!("patchwright_deliveries_refused_total", "reason" => self.word()).increment(1);
        if let Refusal::Store(error) = &self {
            warn!(%error, "delivery could not be kept");
        } else {
            debug!(reason = %self, "delivery refused");
        }
        (self.status(), format!("{self}\n")).into_response()
    }
}

/// The outermost ids of a payload; all of them may be missing.
#[derive(Debug, Deserialize)]
struct Outline {
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    installation: Option<Id>,
    #[serde(default)]
    repository: Option<Id>,
}

#[derive(Debug, Deserialize)]
struct Id {
    id: u64,
}

impl Receiver {
    /// Makes a receiver, which cannot be without secrets.
    pub fn new(store: Arc<dyn Store>, secrets: WebhookSecrets, limits: ReceiverLimits) -> Receiver {
        Receiver {
            store,
            secrets: RwLock::new(Arc::new(secrets)),
            max_body: limits.max_body,
            patience: limits.patience,
            memory: Semaphore::new(BUFFERED_BYTES.max(limits.max_body) / PIECE + 1),
        }
    }

    /// Takes other secrets from now on.
    pub fn rotate(&self, secrets: WebhookSecrets) {
        *self.secrets.write() = Arc::new(secrets);
    }

    /// Returns the one route there is; anything else is 404, and another method 405.
    pub fn router(self: Arc<Receiver>, path: &str) -> Router {
        Router::new().route(path, post(receive)).with_state(self)
    }

    async fn take(&self, request: Request) -> Result<Accepted, Refusal> {
        let (head, body) = request.into_parts();
        // What can be told from the head alone costs nothing else.
        let guid = visible(&head.headers, "x-github-delivery").ok_or(Refusal::Header("X-GitHub-Delivery"))?;
        let event = visible(&head.headers, "x-github-event").ok_or(Refusal::Header("X-GitHub-Event"))?;
        if !is_json(&head.headers) {
            return Err(Refusal::ContentType);
        }
        let announced = head.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: usize| length > self.max_body) {
            return Err(Refusal::TooLarge(self.max_body));
        }
        let read = tokio::time::timeout(self.patience, self.read(body, announced.unwrap_or(0)));
        let (body, _memory) = read.await.map_err(|_| Refusal::TooSlow(self.patience))??;
        let secrets = Arc::clone(&self.secrets.read());
        secrets.verify(head.headers.get(github::SIGNATURE_HEADER).map(|value| value.as_bytes()), &body)?;
        let outline: Outline = serde_json::from_slice(&body).map_err(Refusal::Json)?;
        let delivery = NewDelivery {
            guid,
            event,
            action: outline.action,
            installation: outline.installation.map(|it| InstallationId(it.id)),
            repository: outline.repository.map(|it| RepositoryId(it.id)),
            body,
        };
        self.store.accept(delivery).await.map_err(Refusal::Store)
    }

    /// Reads a body of at most the largest size, under a share of the memory for bodies.
    async fn read(&self, body: Body, announced: usize) -> Result<(Vec<u8>, Vec<SemaphorePermit<'_>>), Refusal> {
        let mut permits = vec![self.share(announced).await?];
        let mut room = announced.div_ceil(PIECE).max(1) * PIECE;
        let mut read = Vec::with_capacity(announced);
        let mut stream = body.into_data_stream();
        while let Some(chunk) = stream.next().await {
            let chunk: Bytes = chunk.map_err(|_| Refusal::Broken)?;
            if read.len() + chunk.len() > self.max_body {
                return Err(Refusal::TooLarge(self.max_body));
            }
            if read.len() + chunk.len() > room {
                permits.push(self.share(chunk.len()).await?);
                room += chunk.len().div_ceil(PIECE) * PIECE;
            }
            read.extend_from_slice(&chunk);
        }
        Ok((read, permits))
    }

    async fn share(&self, bytes: usize) -> Result<SemaphorePermit<'_>, Refusal> {
        let pieces = u32::try_from(bytes.div_ceil(PIECE).max(1)).map_err(|_| Refusal::TooLarge(self.max_body))?;
        // The semaphore is never closed.
        self.memory.acquire_many(pieces).await.map_err(|_| Refusal::Broken)
    }
}

async fn receive(State(receiver): State<Arc<Receiver>>, request: Request) -> Response {
    match receiver.take(request).await {
        Ok(accepted) => {
            let (status, word) = match accepted {
                Accepted::Stored => (StatusCode::ACCEPTED, "stored"),
                Accepted::Duplicate => (StatusCode::OK, "duplicate"),
                Accepted::Again => (StatusCode::ACCEPTED, "again"),
            };
            metrics::counter!("patchwright_deliveries_total", "result" => word).increment(1);
            (status, format!("{word}\n")).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// A header of plain letters, digits and `-_.`, which is all that GitHub's ids and event names are made of.
fn visible(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    ((1..=MAX_ID).contains(&value.len()) && value.bytes().all(plain)).then(|| value.to_owned())
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let plain = headers.get(header::CONTENT_ENCODING).is_none_or(|value| value == "identity");
    plain && kind.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests;
