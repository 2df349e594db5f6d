//! The layers of confinement, and which of them this machine's kernel and administrator allow.

use std::collections::BTreeMap;

use nix::libc::c_int;
use nix::sched::CloneFlags;

use super::child::Step;
use crate::backend::{BackendKind, Isolation, Layer};

/// One layer of confinement of the process backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LayerId {
    Mounts,
    Processes,
    Network,
    Ipc,
    Hostname,
    Proc,
    Identity,
    Seal,
    Landlock,
    Seccomp,
    Memory,
    ProcessCount,
    Cpu,
}

impl LayerId {
    pub(super) const ALL: [Self; 13] = [
        Self::Mounts,
        Self::Processes,
        Self::Network,
        Self::Ipc,
        Self::Hostname,
        Self::Proc,
        Self::Identity,
        Self::Seal,
        Self::Landlock,
        Self::Seccomp,
        Self::Memory,
        Self::ProcessCount,
        Self::Cpu,
    ];

    pub(super) const NAMESPACES: [Self; 5] = [Self::Mounts, Self::Processes, Self::Network, Self::Ipc, Self::Hostname];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Mounts => "file system of its own",
            Self::Processes => "process-id namespace",
            Self::Network => "network namespace",
            Self::Ipc => "ipc namespace",
            Self::Hostname => "host name namespace",
            Self::Proc => "/proc of its own",
            Self::Identity => "unprivileged user",
            Self::Seal => "user namespace without privileges",
            Self::Landlock => "landlock",
            Self::Seccomp => "system call filter",
            Self::Memory => "memory cgroup",
            Self::ProcessCount => "process count cgroup",
            Self::Cpu => "processor cgroup",
        }
    }

    pub(super) fn clone_flag(self) -> CloneFlags {
        match self {
            Self::Mounts => CloneFlags::CLONE_NEWNS,
            Self::Processes => CloneFlags::CLONE_NEWPID,
            Self::Network => CloneFlags::CLONE_NEWNET,
            Self::Ipc => CloneFlags::CLONE_NEWIPC,
            Self::Hostname => CloneFlags::CLONE_NEWUTS,
            Self::Proc
            | Self::Identity
            | Self::Seal
            | Self::Landlock
            | Self::Seccomp
            | Self::Memory
            | Self::ProcessCount
            | Self::Cpu => CloneFlags::empty(),
        }
    }

    /// Returns the layer without which this step would not be taken.
    pub(super) fn of_step(step: Step) -> Option<Self> {
        match step {
            Step::PrivateMounts
            | Step::Root
            | Step::Folder
            | Step::ScratchSpace
            | Step::Bind
            | Step::File
            | Step::Pivot => Some(Self::Mounts),
            Step::Proc => Some(Self::Proc),
            Step::Hostname => Some(Self::Hostname),
            Step::Identity => Some(Self::Identity),
            Step::Seal => Some(Self::Seal),
            Step::Landlock => Some(Self::Landlock),
            Step::Seccomp => Some(Self::Seccomp),
            Step::Wait | Step::Fork | Step::Workspace | Step::Limits | Step::Capabilities | Step::Execute => None,
        }
    }
}

/// Whose privileges build the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Builder {
    /// The superuser: the box's namespaces belong to the machine.
    Root,
    /// Anybody: a user namespace around the box gives the privileges to build it.
    UserNamespace,
    /// Nobody: no namespaces can be had.
    None,
}

/// Which layers are used, and why the others are not.
#[derive(Debug, Clone)]
pub(super) struct Layers {
    pub(super) builder: Builder,
    missing: BTreeMap<LayerId, String>,
}

impl Layers {
    pub(super) fn all(builder: Builder) -> Self {
        Self { builder, missing: BTreeMap::new() }
    }

    pub(super) fn has(&self, layer: LayerId) -> bool {
        !self.missing.contains_key(&layer)
    }

    pub(super) fn remove(&mut self, layer: LayerId, reason: impl Into<String>) {
        self.missing.entry(layer).or_insert_with(|| reason.into());
        if layer == LayerId::Mounts {
            self.missing.entry(LayerId::Proc).or_insert_with(|| "needs a file system of its own".into());
        }
        if layer == LayerId::Processes {
            self.missing.entry(LayerId::Proc).or_insert_with(|| "needs a process-id namespace".into());
        }
    }

    pub(super) fn clone_flags(&self) -> c_int {
        let mut flags = match self.builder {
            Builder::UserNamespace => CloneFlags::CLONE_NEWUSER,
            Builder::Root | Builder::None => CloneFlags::empty(),
        };
        for layer in LayerId::NAMESPACES {
            if self.has(layer) {
                flags |= layer.clone_flag();
            }
        }
        flags.bits()
    }

    pub(super) fn report(&self) -> Isolation {
        let layers = LayerId::ALL
            .iter()
            .map(|layer| Layer { name: layer.name(), missing: self.missing.get(layer).cloned() })
            .collect();
        Isolation { backend: BackendKind::Process, trusted_only: true, layers }
    }
}
