//! What the operator's tools look at: `/healthz` (the process lives), `/readyz` (it can take work) and `/metrics` (Prometheus's text format).
//!
//! It listens on an address of its own, on loopback unless told otherwise, so that a webhook's address gives nothing of it away.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::store::{Counts, JobState, Store};

/// How long the store may take to answer before the daemon counts as not ready.
const PATIENCE: Duration = Duration::from_secs(2);
/// Upper bounds of the buckets of durations, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 20.0, 60.0, 300.0, 900.0, 3600.0];

/// Collects the figures of this process.
#[derive(Clone)]
pub struct Figures(PrometheusHandle);

impl std::fmt::Debug for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Figures").finish_non_exhaustive()
    }
}

/// Figures cannot be collected: something else in this process already does.
#[derive(Debug, thiserror::Error)]
#[error("failed to set up metrics: {0}")]
pub struct FiguresError(String);

impl Figures {
    /// Begins to collect, once in a process.
    ///
    /// # Errors
    /// [`FiguresError`] the second time.
    pub fn collect() -> Result<Figures, FiguresError> {
        let builder = PrometheusBuilder::new();
        let builder = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS);
        let handle = builder.and_then(|builder| builder.install_recorder());
        Ok(Figures(handle.map_err(|error| FiguresError(error.to_string()))?))
    }

    /// Returns all figures in Prometheus's text format.
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}

#[derive(Clone)]
struct Admin {
    store: Arc<dyn Store>,
    figures: Figures,
}

/// Returns the routes.
pub fn router(store: Arc<dyn Store>, figures: Figures) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_text))
        .with_state(Admin { store, figures })
}

async fn ready(State(admin): State<Admin>) -> Response {
    match tokio::time::timeout(PATIENCE, admin.store.counts()).await {
        Ok(Ok(_)) => "ready\n".into_response(),
        Ok(Err(error)) => (StatusCode::SERVICE_UNAVAILABLE, format!("store: {error}\n")).into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "store: no answer\n").into_response(),
    }
}

async fn metrics_text(State(admin): State<Admin>) -> Response {
    if let Ok(Ok(counts)) = tokio::time::timeout(PATIENCE, admin.store.counts()).await {
        show(&counts);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], admin.figures.render()).into_response()
}

/// Sets what the store counts; a state without jobs is shown as none, so that a line does not stay where it was.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn show(counts: &Counts) {
    metrics::gauge!("patchwright_deliveries_pending").set(counts.pending_deliveries as f64);
    metrics::gauge!("patchwright_effects_open").set(counts.open_effects as f64);
    for state in JobState::ALL {
        let jobs = counts.jobs.iter().find(|(found, _)| found == state).map_or(0, |(_, jobs)| *jobs);
        metrics::gauge!("patchwright_jobs", "state" => state.word()).set(jobs as f64);
    }
}
