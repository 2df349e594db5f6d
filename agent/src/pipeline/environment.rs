//! The environment of a job whose repository needs more than an interpreter with a test tool.

use std::sync::Arc;

use sandbox::backend::docker::DockerBackend;
use sandbox::environment::{self, PrepareError, Prepared};
use sandbox::{BackendKind, Detection, TestPlan};

use super::checkout::Checkout;
use super::{FixError, Settings, Surroundings};
use crate::journal::Event;

/// Makes the environment, or finds it; `None` where the job says what to use, or the default image will do.
///
/// A setup that fails is told with its reason, and the default image is tried: many tests need less than their repository asks for.
pub(super) async fn of_job(
    checkout: &Checkout,
    plan: &TestPlan,
    settings: &Settings,
    cx: &Surroundings,
) -> Result<Option<Prepared>, FixError> {
    let named = settings.image.is_some() || settings.python.is_some() || plan.python.is_some();
    if settings.sandbox != BackendKind::Docker || named {
        return Ok(None);
    }
    let snapshot = checkout.snapshot.clone();
    let detection = super::blocking(move || Detection::detect(&snapshot)).await?;
    if !detection.needs_setup() {
        return Ok(None);
    }
    notice(cx, format!("{} needs more than the default image: making its environment", reason(&detection)));
    let backend = DockerBackend::connect(&settings.engine).await?;
    let journal = Arc::clone(&cx.journal);
    let progress = move |step: sandbox::ImageProgress| journal.record(Event::Notice { text: step.to_string() });
    let made = tokio::select! {
        made = environment::prepare(&backend, &checkout.snapshot, &detection, &settings.setup, &progress) => made,
        () = cx.stop.cancelled() => return Err(FixError::Interrupted),
    };
    match made {
        Ok(prepared) => {
            for note in &prepared.notes {
                notice(cx, note.clone());
            }
            Ok(Some(prepared))
        }
        Err(PrepareError::Setup(failure)) => {
            notice(cx, format!("{failure}\nthe default image is used instead"));
            Ok(None)
        }
        Err(PrepareError::Sandbox(error)) => Err(error.into()),
        Err(PrepareError::Repo(error)) => Err(error.into()),
    }
}

/// What asks for an environment: the first thing that nobody only guessed.
fn reason(detection: &Detection) -> String {
    let package = detection.packages.first().map(|found| found.evidence.to_string());
    let step = detection.setup.iter().chain(&detection.build);
    let step = step.max_by_key(|found| found.confidence).map(|found| found.evidence.to_string());
    package.or(step).unwrap_or_else(|| detection.base.evidence.to_string())
}

fn notice(cx: &Surroundings, text: String) {
    cx.journal.record(Event::Notice { text });
}
