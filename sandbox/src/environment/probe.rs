//! What `doctor` says about environments: which images are there, and whether the setup phase has a way out.

use super::base;
use super::phase::Phase;
use super::setup::{SetupNetwork, SetupOptions};
use crate::backend::Check;
use crate::backend::docker::{DockerBackend, SetupUser};
use crate::error::SandboxError;

/// Examines what making environments needs. The network is tried in a container, by looking for a route; nobody is called.
pub async fn probe(backend: &DockerBackend, options: &SetupOptions) -> Vec<Check> {
    let mut checks = vec![images(backend).await];
    checks.push(match way_out(backend, options).await {
        Ok(Some(route)) => Check::good("setup network", route),
        Ok(None) => Check::good("setup network", "not tried: the first environment makes the image for it"),
        Err(error) => {
            Check::bad("setup network", error.to_string(), "try --network host, or name one of the engine's networks")
        }
    });
    let mut configured = options.mirrors.configured();
    let proxy = options.http_proxy.is_some() || options.https_proxy.is_some();
    configured.extend(proxy.then_some("proxy"));
    configured.extend(options.ca_bundle.is_some().then_some("certificates"));
    checks.push(Check::good(
        "mirrors",
        if configured.is_empty() { "none: the usual registries are asked".to_owned() } else { configured.join(", ") },
    ));
    checks
}

async fn images(backend: &DockerBackend) -> Check {
    let mut present = Vec::new();
    let mut absent = Vec::new();
    for (language, image) in base::images() {
        match base::present(backend, &image).await {
            Ok(Some(_)) => present.push(language.to_string()),
            Ok(None) => absent.push(language.to_string()),
            Err(error) => return Check::bad("language images", error.to_string(), "see the engine"),
        }
    }
    let have = if present.is_empty() { "none yet".to_owned() } else { present.join(", ") };
    let rest = if absent.is_empty() { String::new() } else { format!("; made when needed: {}", absent.join(", ")) };
    Check::good("language images", format!("{have}{rest}"))
}

/// Looks for a route in a container of the setup phase; `None` where there is no image to start one from.
async fn way_out(backend: &DockerBackend, options: &SetupOptions) -> Result<Option<String>, SandboxError> {
    let mut images = base::images().into_iter().map(|(_, image)| image).collect::<Vec<_>>();
    images.extend(crate::image::present_python(backend.engine()).await?);
    let mut found = None;
    for image in images {
        found = base::present(backend, &image).await?;
        if found.is_some() {
            break;
        }
    }
    let Some(id) = found else { return Ok(None) };
    let phase = Phase::create(backend, &id, options.network.mode(), SetupUser::Nobody, options).await?;
    let looked = async {
        phase.start().await?;
        phase.run("/", "cat /proc/net/route /proc/net/ipv6_route", &[]).await
    };
    let looked = looked.await;
    phase.close().await?;
    let routes = looked?.output;
    let leads_out = routes.lines().filter(|line| !line.starts_with("Iface")).any(|line| {
        let mut words = line.split_whitespace();
        words.next_back() != Some("lo") && words.next().is_some_and(|first| first != "lo")
    });
    let mode = options.network.mode();
    match leads_out || options.network == SetupNetwork::None {
        true => Ok(Some(format!("{mode}: a container of it has a route"))),
        false => {
            Err(SandboxError::Workspace { detail: format!("a container in the network `{mode}` has no route out") })
        }
    }
}
