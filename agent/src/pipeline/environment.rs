//! The environment of a job whose repository needs more than an interpreter with a test tool.

use sandbox::backend::docker::DockerBackend;
use sandbox::environment::{self, PrepareError, Prepared};
use sandbox::{BackendKind, Detection, ImageRef, SandboxError, TestPlan};

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
    if settings.sandbox != BackendKind::Docker {
        return Ok(None);
    }
    if let Some(image) = &settings.image {
        return Ok(Some(named(image, checkout, settings, cx).await?));
    }
    if settings.python.is_some() || plan.python.is_some() {
        return Ok(None);
    }
    let snapshot = checkout.snapshot.clone();
    let detection = super::blocking(move || Detection::detect(&snapshot)).await?;
    if !detection.needs_setup() {
        return Ok(None);
    }
    notice(cx, format!("{} needs more than the default image: making its environment", reason(&detection)));
    let backend = DockerBackend::connect(&settings.engine).await?;
    let progress = |step: sandbox::ImageProgress| notice(cx, step.to_string());
    let made = environment::prepare(&backend, &checkout.snapshot, &detection, &settings.setup, &progress);
    let made = tokio::select! {
        made = made => made,
        () = cx.stop.cancelled() => return Err(FixError::Interrupted),
    };
    if let Err(PrepareError::Setup(failure)) = &made {
        notice(cx, format!("{failure}\nthe default image is used instead"));
        return Ok(None);
    }
    Ok(Some(told(made, cx)?))
}

/// Makes sure of the image that was named, and begins with the tree in it where it has one.
async fn named(
    image: &ImageRef,
    checkout: &Checkout,
    settings: &Settings,
    cx: &Surroundings,
) -> Result<Prepared, FixError> {
    let backend = DockerBackend::connect(&settings.engine).await?;
    let progress = |step: sandbox::ImageProgress| notice(cx, step.to_string());
    tokio::select! {
        made = environment::adopt(&backend, image, &checkout.snapshot, &progress) => told(made, cx),
        () = cx.stop.cancelled() => Err(FixError::Interrupted),
    }
}

fn told(made: Result<Prepared, PrepareError>, cx: &Surroundings) -> Result<Prepared, FixError> {
    let prepared = match made {
        Ok(prepared) => prepared,
        // Told by whoever asked, where that can happen.
        Err(PrepareError::Setup(failure)) => {
            return Err(SandboxError::Workspace { detail: failure.to_string() }.into());
        }
        Err(PrepareError::Sandbox(error)) => return Err(error.into()),
        Err(PrepareError::Repo(error)) => return Err(error.into()),
    };
    for note in &prepared.notes {
        notice(cx, note.clone());
    }
    Ok(prepared)
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
