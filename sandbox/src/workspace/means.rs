//! By which means workspaces are made here, in words for people.

use std::error::Error as _;
use std::fmt;
use std::path::{Path, PathBuf};

use super::Workspaces;
use super::mounts::Joiner;
use crate::backend::{Backend, Check, Layer};
use crate::error::SandboxError;
use crate::spec::{ImageRef, Labels, SandboxSpec};

/// The name of what `doctor` examines.
const NAME: &str = "workspaces";

/// How workspaces are made, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// The kernel's overlayfs joins layers.
    Overlay,
    /// `fuse-overlayfs` joins layers.
    FuseOverlay,
    /// Each workspace is a copy inside the box.
    Copy,
    /// The box has one workspace, which is put right between two candidates; where that fails, the next has a fresh box.
    Single,
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overlay => "overlay mounts",
            Self::FuseOverlay => "fuse-overlayfs",
            Self::Copy => "copies",
            Self::Single => "a single workspace",
        })
    }
}

/// What was chosen, and why nothing better.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Choice {
    /// What is used.
    pub means: Means,
    /// What was tried before it.
    pub refused: Vec<Refused>,
}

/// Means that cannot be had here.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refused {
    /// Which.
    pub means: Means,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.means {
            Means::Overlay => "workspaces share read-only layers by overlay mounts",
            Means::FuseOverlay => {
                "workspaces share read-only layers by fuse-overlayfs, which is slower than the kernel"
            }
            Means::Copy => "every workspace is a copy inside the box: slower to make, and its base can be written",
            Means::Single => {
                "a box has one workspace and no repository in it: between two candidates the changed files are uploaded again, \
                 and a candidate whose tests change others costs a fresh box"
            }
        })?;
        for (count, Refused { means, reason }) in self.refused.iter().enumerate() {
            write!(f, "{}{means}: {reason}", if count == 0 { " (" } else { "; " })?;
        }
        f.write_str(if self.refused.is_empty() { "" } else { ")" })
    }
}

impl Choice {
    /// Returns what is worth telling somebody who did not ask; `None` where the best is used.
    pub fn notice(&self) -> Option<String> {
        (self.means != Means::Overlay).then(|| self.to_string())
    }

    /// Returns this as something examined.
    pub fn check(&self) -> Check {
        match self.means {
            Means::Overlay => Check::good(NAME, self.to_string()),
            Means::FuseOverlay => Check::bad(
                NAME,
                self.to_string(),
                "load the kernel's overlay module, for example by `modprobe overlay`",
            ),
            Means::Copy | Means::Single => Check::bad(
                NAME,
                self.to_string(),
                "run as root beside the engine, with a kernel that has overlayfs, or install fuse-overlayfs",
            ),
        }
    }
}

/// Returns what could join layers for this backend, the best first; adds what certainly cannot.
pub(crate) fn joiners(backend: &dyn Backend, refused: &mut Vec<Refused>) -> Vec<(Means, Joiner)> {
    if let Err(reason) = backend.shows_mounts() {
        refused.push(Refused { means: Means::Overlay, reason });
        return Vec::new();
    }
    if !nix::unistd::geteuid().is_root() {
        refused.push(Refused { means: Means::Overlay, reason: "mounting takes the superuser's rights".to_owned() });
        return Vec::new();
    }
    let mut joiners = vec![(Means::Overlay, Joiner::Kernel)];
    joiners.extend(fuse_program().map(|program| (Means::FuseOverlay, Joiner::Fuse(program))));
    joiners
}

/// Returns this as one of the layers between a box and this machine, as far as it is known without starting one.
pub(crate) fn layer(backend: &dyn Backend) -> Layer {
    let mut refused = Vec::new();
    let joiners = joiners(backend, &mut refused);
    let reason = refused.into_iter().map(|it| it.reason).collect::<Vec<_>>().join("; ");
    Layer { name: "read-only layers below workspaces", missing: joiners.is_empty().then_some(reason) }
}

/// Starts a box and tries which means work in it.
pub(crate) async fn examine(backend: &dyn Backend, image: Option<ImageRef>) -> Check {
    let spec = SandboxSpec { image, ..SandboxSpec::new(Labels::for_job("doctor")) };
    let tried = match Workspaces::open(backend, &spec).await {
        Ok(workspaces) => {
            let choice = workspaces.choice();
            workspaces.close().await.map(|()| choice)
        }
        Err(error) => Err(error),
    };
    match tried {
        Ok(choice) => choice.check(),
        Err(error) => Check::bad(NAME, words(&error), "see above: no box could be started, or none removed"),
    }
}

/// Returns where `fuse-overlayfs` is, if it can be used.
pub(crate) fn fuse_program() -> Option<PathBuf> {
    let folders = ["/usr/local/bin", "/usr/bin", "/bin"].map(Path::new);
    let found = folders.iter().map(|folder| folder.join("fuse-overlayfs")).find(|path| path.is_file());
    found.filter(|_| Path::new("/dev/fuse").exists())
}

/// Returns an error in one line, with its cause.
pub(super) fn words(error: &SandboxError) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(means: Means, refused: &[(Means, &str)]) -> Choice {
        let refused = refused.iter().map(|(means, reason)| Refused { means: *means, reason: (*reason).to_owned() });
        Choice { means, refused: refused.collect() }
    }

    #[test]
    fn the_choice_is_a_sentence() {
        let best = choice(Means::Overlay, &[]);
        assert_eq!(best.to_string(), "workspaces share read-only layers by overlay mounts");
        assert!(best.notice().is_none() && best.check().ok);
        let worst = choice(Means::Copy, &[(Means::Overlay, "not permitted"), (Means::FuseOverlay, "no /dev/fuse")]);
        assert_eq!(
            worst.notice().unwrap(),
            "every workspace is a copy inside the box: slower to make, and its base can be written \
             (overlay mounts: not permitted; fuse-overlayfs: no /dev/fuse)"
        );
        assert!(worst.check().fix.is_some());
    }
}
