//! What `doctor` says of an engine: what it is, which layers are in force, what could be better, and how a real box looks from inside.

use std::time::Instant;

use bollard::models::{SystemInfo, SystemVersion};
use tokio::io::AsyncReadExt as _;

use super::DockerBackend;
use crate::backend::{Backend as _, Check};
use crate::error::SandboxError;
use crate::image;
use crate::spec::{ImageRef, Labels, SandboxSpec};
use crate::station::helper;
use crate::workspace::means;

/// How long the engine may take from the wish for a box to its first word before people notice.
const SLOW_START_SECONDS: f64 = 0.5;
/// More than a box says of itself.
const MOST_SAID: u64 = 64 << 10;

/// Examines an engine.
pub(super) async fn probe(backend: &DockerBackend) -> Vec<Check> {
    let info = &backend.info;
    let name = info.operating_system.as_deref().unwrap_or("unknown system");
    let mut checks =
        vec![Check::good("docker engine", format!("{} on {name} at {}", backend.version(), backend.engine.socket))];
    for layer in backend.describe().layers {
        checks.push(match layer.missing {
            None => Check::good(layer.name, "in force"),
            Some(reason) => Check::bad(layer.name, reason, remedy(layer.name)),
        });
    }
    checks.push(runtimes(info, backend.offer.runtime.as_deref()));
    let version = backend.engine.ask("tell its version", backend.engine.docker.version()).await;
    checks.extend(version.ok().as_ref().and_then(component).map(|version| runc(&version)));
    checks.push(groups(info));
    checks.push(storage(info));
    checks.push(station_helper());
    checks.extend(box_of(backend).await);
    checks
}

fn remedy(layer: &str) -> &'static str {
    match layer {
        "init program" => "install tini (`apt install tini`) and restart the engine",
        "user namespace" => {
            "start the engine with `--userns-remap=default`, or run a rootless one; without, root in a container that got out is root here"
        }
        "system call filter" => "use an engine built with seccomp",
        "memory limit" | "swap limit" => "start the kernel with `cgroup_enable=memory swapaccount=1`",
        "process limit" | "processor limit" => {
            "delegate the controller to the engine (rootless: systemd and cgroup v2)"
        }
        _ => "see the engine's documentation on security",
    }
}

fn runtimes(info: &SystemInfo, chosen: Option<&str>) -> Check {
    let usual = info.default_runtime.as_deref().unwrap_or("runc");
    let mut names: Vec<&str> = info.runtimes.iter().flatten().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let known = names.join(", ");
    let detail = match chosen {
        Some(chosen) => format!("{chosen} is used, of {known}"),
        None => format!("{usual} is used, of {known}"),
    };
    let sandboxed = |name: &&str| name.starts_with("runsc") || name.starts_with("kata");
    match (names.iter().find(|name| sandboxed(name)), chosen) {
        (_, Some(chosen)) if sandboxed(&chosen) => Check::good("runtimes", detail),
        (Some(name), _) => Check::advice("runtimes", detail, format!("`--runtime {name}` keeps tests off this kernel")),
        (None, _) => Check::advice(
            "runtimes",
            detail,
            "gVisor (runsc) would keep tests off this machine's kernel; it is not installed in the engine",
        ),
    }
}

fn component(version: &SystemVersion) -> Option<String> {
    let components = version.components.as_ref()?;
    components.iter().find(|component| component.name == "runc").map(|component| component.version.clone())
}

/// Three holes of November 2025 let a container write to the host's /proc: CVE-2025-31133, -52565 and -52881.
fn runc(version: &str) -> Check {
    const HOLES: &str = "CVE-2025-31133, CVE-2025-52565 and CVE-2025-52881";
    let fixed = match numbers(version) {
        Some([1, 2, patch]) => patch >= 8,
        Some([1, 3, patch]) => patch >= 3,
        Some([major, minor, _]) => (major, minor) > (1, 3),
        None => false,
    };
    let distribution = ["deb", "ubuntu", "el8", "el9", "el10", "fc", "amzn"].iter().any(|mark| version.contains(mark));
    match (fixed, distribution) {
        (true, _) => Check::good("runc", version),
        (false, true) => Check::advice(
            "runc",
            format!("{version} is older than 1.2.8 and 1.3.3, which closed {HOLES}; distributions mend older versions"),
            "see the package's changelog for these numbers, and update it if they are not in there",
        ),
        (false, false) => Check::bad(
            "runc",
            format!("{version} is open to {HOLES}"),
            "update runc to 1.2.8, 1.3.3 or newer, or use a runtime such as gVisor",
        ),
    }
}

fn numbers(version: &str) -> Option<[u32; 3]> {
    let mut parts = version
        .trim_start_matches(|it: char| !it.is_ascii_digit())
        .splitn(3, '.')
        .map(|part| part.chars().take_while(char::is_ascii_digit).collect::<String>());
    let mut next = || parts.next()?.parse().ok();
    Some([next()?, next()?, next()?])
}

fn groups(info: &SystemInfo) -> Check {
    let word = |it: Option<String>| it.unwrap_or_else(|| "unknown".into()).to_lowercase();
    let version = word(info.cgroup_version.map(|it| it.to_string()));
    let driver = word(info.cgroup_driver.map(|it| it.to_string()));
    let detail = format!("version {version}, driver {driver}");
    if driver == "none" {
        return Check::bad(
            "control groups",
            detail,
            "give the engine a cgroup v2 subtree: without, nothing limits memory",
        );
    }
    Check::good("control groups", detail)
}

fn storage(info: &SystemInfo) -> Check {
    let driver = info.driver.as_deref().unwrap_or("unknown");
    let detail = format!("{driver}; boxes write to memory only, so that no quota is needed");
    match driver {
        "vfs" => {
            Check::advice("storage", detail, "vfs copies whole images for every box; use overlay2 or fuse-overlayfs")
        }
        _ => Check::good("storage", detail),
    }
}

fn station_helper() -> Check {
    if helper::is_static() {
        return Check::good("station helper", "static: starts in every image");
    }
    Check::bad(
        "station helper",
        "linked dynamically: starts only in images with this machine's C library",
        "install the static C library (libc6-dev on Debian) and build again",
    )
}

/// Starts a box and looks around in it.
async fn box_of(backend: &DockerBackend) -> Vec<Check> {
    let image = match image::present_python(&backend.engine).await {
        Ok(Some(image)) => image,
        Ok(None) => {
            let fix = "the first run makes it, or `patchwright doctor --fix`";
            return vec![Check::bad("python image", "not present yet", fix)];
        }
        Err(error) => return vec![Check::bad("python image", error.to_string(), "see the engine")],
    };
    let mut checks = vec![means::examine(backend, Some(image.clone())).await];
    checks.push(Check::good("python image", image.to_string()));
    match look_around(backend, image).await {
        Ok((said, seconds)) => {
            checks.push(inside(&said));
            checks.push(start_of(seconds));
        }
        Err(error) => checks.push(Check::bad("a box", error.to_string(), "see the engine's log")),
    }
    checks
}

fn start_of(seconds: f64) -> Check {
    let detail = format!("{seconds:.2} s from the wish to the first word");
    if seconds > SLOW_START_SECONDS {
        return Check::advice(
            "start of a box",
            detail,
            "usually 0.2 to 0.3 s: the machine or its disk is busy or slow",
        );
    }
    Check::good("start of a box", detail)
}

async fn look_around(backend: &DockerBackend, image: ImageRef) -> Result<(String, f64), SandboxError> {
    let spec = SandboxSpec { image: Some(image), ..SandboxSpec::new(Labels::for_job("doctor")) };
    let begin = Instant::now();
    let files = ["/proc/self/status", "/proc/net/dev"].map(str::to_owned);
    let argv: Vec<String> = std::iter::once("cat".to_owned()).chain(files).collect();
    let mut launched = backend.launch(&spec, &argv).await?;
    let mut said = Vec::new();
    let mut seconds = 0.0;
    if let Some((_stdin, mut stdout)) = launched.stdio() {
        let mut first = [0; 1];
        let io = |source| SandboxError::Io { what: "read what a box says", source };
        if stdout.read(&mut first).await.map_err(io)? > 0 {
            seconds = begin.elapsed().as_secs_f64();
            said.extend(first);
        }
        stdout.take(MOST_SAID).read_to_end(&mut said).await.map_err(io)?;
    }
    launched.close().await?;
    Ok((String::from_utf8_lossy(&said).into_owned(), seconds))
}

/// Judges `/proc/self/status` and `/proc/net/dev` of a box.
fn inside(said: &str) -> Check {
    let value = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).unwrap_or_default();
    let none = |mask: &str| !mask.is_empty() && mask.bytes().all(|digit| digit == b'0');
    let interfaces: Vec<&str> = said.lines().filter_map(|line| Some(line.split_once(':')?.0.trim())).collect();
    let extra =
        interfaces.iter().any(|name| ["eth", "en", "wl", "docker", "veth"].iter().any(|it| name.starts_with(it)));
    let wrong: Vec<&str> = [
        (none(value("CapEff:")) && none(value("CapBnd:")), "it has capabilities"),
        (value("NoNewPrivs:") == "1", "it can gain privileges"),
        (value("Seccomp:") == "2", "no system call filter is in force"),
        (value("Uid:").split_whitespace().next() == Some("65534"), "it does not run as nobody"),
        (!extra, "it has a network"),
    ]
    .into_iter()
    .filter_map(|(good, fault)| (!good).then_some(fault))
    .collect();
    if wrong.is_empty() {
        return Check::good("a box", "no capabilities, no new privileges, filtered calls, user 65534, loopback only");
    }
    Check::bad("a box", wrong.join("; "), "do not run code you do not trust with this engine")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_runc_are_judged() {
        for (version, good, is_advice) in [
            ("1.2.8", true, false),
            ("1.3.3", true, false),
            ("1.4.0-rc.3", true, false),
            ("v1.3.3-0-gd842d771", true, false),
            ("1.1.12", false, false),
            ("1.2.7", false, false),
            ("1.3.2", false, false),
            ("nonsense", false, false),
            ("1.1.5+ds1-1+deb12u1", true, true),
            ("1.1.12-0ubuntu2", true, true),
        ] {
            let check = runc(version);
            assert_eq!((check.ok, check.ok && check.fix.is_some()), (good, is_advice), "{check:?}");
        }
    }

    #[test]
    fn a_box_is_judged_by_what_it_says() {
        let good = "Uid:\t65534\t65534\t65534\t65534\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n    lo:       0 0\n";
        assert!(inside(good).ok, "{:?}", inside(good));
        for (from, to) in [
            ("CapEff:\t0000000000000000", "CapEff:\t00000000a80425fb"),
            ("NoNewPrivs:\t1", "NoNewPrivs:\t0"),
            ("Seccomp:\t2", "Seccomp:\t0"),
            ("Uid:\t65534", "Uid:\t0"),
            ("    lo:", "  eth0:"),
        ] {
            let check = inside(&good.replace(from, to));
            assert!(!check.ok && check.fix.is_some(), "{to}: {check:?}");
        }
        assert!(!inside("").ok);
    }
}
