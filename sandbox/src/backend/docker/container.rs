//! What a hardened container is: the one place where its settings are decided.

use std::collections::HashMap;
use std::path::Path;

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountBindOptions, MountBindOptionsPropagationEnum,
    MountType, ResourcesUlimits,
};

use crate::backend::{NODES, REPOSITORY, environment};
use crate::limits::Limits;
use crate::spec::{Labels, NodesFolder, SandboxSpec};

pub(super) const WORKSPACE: &str = "/workspace";
const SCRATCH: &str = "/tmp";
const SHARED_MEMORY: &str = "/dev/shm";
const NOBODY: &str = "65534:65534";

/// The label that tells which process owns a container.
pub(crate) const BOOT_LABEL: &str = "patchwright.boot";
pub(super) const JOB_LABEL: &str = "patchwright.job";

/// The engine's default list of system calls, without those that only help an attacker here: see the file's own comment.
const SECCOMP: &str = include_str!("seccomp.json");

/// What the engine offers beyond the minimum.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Offer {
    /// Whether there is an init program to put in front.
    pub(super) init: bool,
    /// Whether system call filters work.
    pub(super) seccomp: bool,
    /// Which limits of a whole container work; an engine without control groups has none.
    pub(super) groups: Groups,
    /// How many processors there are.
    pub(super) cpus: f64,
    /// The program that runs containers, where it is not to be the engine's usual one.
    pub(super) runtime: Option<String>,
    /// The control group under which those of the containers are made.
    pub(super) group: Option<String>,
}

impl Offer {
    /// Returns the same without a program in front: it runs as the box's user and holds the box's streams open, so that whatever
    /// runs in the box could write to them.
    pub(super) fn without_init(&self) -> Self {
        Self { init: false, ..self.clone() }
    }
}

/// Which limits of whole containers an engine can enforce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Groups {
    pub(super) memory: bool,
    pub(super) processes: bool,
}

/// Returns the settings of a container for one box.
pub(super) fn body(spec: &SandboxSpec, image_id: &str, argv: &[String], offer: &Offer) -> ContainerCreateBody {
    let env = environment::variables(WORKSPACE, SCRATCH, None, &spec.env);
    ContainerCreateBody {
        image: Some(image_id.to_owned()),
        // Whatever the image would start stays out of the way.
        entrypoint: Some(argv.to_vec()),
        cmd: Some(Vec::new()),
        env: Some(env.into_iter().map(|(name, value)| format!("{name}={value}")).collect()),
        hostname: Some("sandbox".into()),
        user: Some(NOBODY.into()),
        working_dir: Some(WORKSPACE.into()),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        stdin_once: Some(true),
        tty: Some(false),
        network_disabled: Some(true),
        stop_timeout: Some(2),
        healthcheck: Some(bollard::models::HealthConfig { test: Some(vec!["NONE".into()]), ..Default::default() }),
        labels: Some(labels(&spec.labels)),
        host_config: Some(host_config(spec, offer)),
        ..Default::default()
    }
}

/// Who runs the steps that make an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetupUser {
    /// Root, with no more than a package manager needs.
    Root,
    /// Nobody in particular, as in every box.
    Nobody,
}

/// Returns the settings of a container in which an environment is made: a box, apart from a network and a root file system that
/// takes writes.
pub(super) fn setup_body(
    spec: &SandboxSpec,
    image_id: &str,
    network: &str,
    user: SetupUser,
    secrets: &str,
    offer: &Offer,
) -> ContainerCreateBody {
    let mut body = body(spec, image_id, &["sleep".to_owned(), "infinity".to_owned()], offer);
    body.network_disabled = Some(network == "none");
    body.working_dir = Some("/".to_owned());
    body.attach_stdin = Some(false);
    body.open_stdin = Some(false);
    body.stdin_once = Some(false);
    let id = if user == SetupUser::Root { 0 } else { 65534 };
    body.user = Some(format!("{id}:{id}"));
    if let Some(host) = &mut body.host_config {
        host.network_mode = Some(network.to_owned());
        host.readonly_rootfs = Some(false);
        host.mounts = None;
        host.tmpfs = Some(HashMap::from([
            (secrets.to_owned(), format!("rw,noexec,nosuid,nodev,size=16m,mode=700,uid={id},gid={id}")),
            (SHARED_MEMORY.to_owned(), scratch_options(&spec.limits, 256 << 20, "noexec,mode=1777")),
        ]));
        if user == SetupUser::Root {
            let needed = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETUID", "SETGID"];
            host.cap_add = Some(needed.map(str::to_owned).into());
        }
    }
    body
}

fn labels(labels: &Labels) -> HashMap<String, String> {
    HashMap::from([(BOOT_LABEL.to_owned(), labels.boot.clone()), (JOB_LABEL.to_owned(), labels.job.clone())])
}

fn host_config(spec: &SandboxSpec, offer: &Offer) -> HostConfig {
    let limits = &spec.limits;
    let mut security = vec!["no-new-privileges:true".to_owned()];
    if offer.seccomp {
        security.push(format!("seccomp={SECCOMP}"));
    }
    let memory = signed(limits.memory_bytes);
    HostConfig {
        network_mode: Some("none".into()),
        cap_drop: Some(vec!["ALL".into()]),
        security_opt: Some(security),
        readonly_rootfs: Some(true),
        tmpfs: Some(HashMap::from([
            (WORKSPACE.to_owned(), scratch_options(limits, limits.disk_bytes, "exec,mode=755,uid=65534,gid=65534")),
            (SCRATCH.to_owned(), scratch_options(limits, limits.disk_bytes, "exec,mode=1777")),
            (SHARED_MEMORY.to_owned(), scratch_options(limits, limits.disk_bytes / 4, "noexec,mode=1777")),
        ])),
        mounts: spec.nodes.as_ref().map(|nodes| vec![nodes_mount(nodes), first_mount(nodes)]),
        // The engine's own shared memory would have no limit of files; the namespace is private all the same.
        ipc_mode: Some("none".into()),
        pids_limit: Some(i64::from(limits.processes) + 1),
        memory: Some(memory),
        // The sum with swap: no swap is given.
        memory_swap: Some(memory),
        nano_cpus: Some((limits.cpus.clamp(0.01, offer.cpus) * 1e9) as i64),
        ulimits: Some(ulimits(limits, offer.groups)),
        init: Some(offer.init),
        runtime: offer.runtime.clone(),
        cgroup_parent: offer.group.clone(),
        log_config: Some(HostConfigLogConfig { typ: Some("none".into()), config: None }),
        privileged: Some(false),
        auto_remove: Some(false),
        ..Default::default()
    }
}

/// What is mounted on this machine below the folder appears in the container, writable; the folder itself is not. Nothing that
/// happens in the container leads back.
fn nodes_mount(nodes: &NodesFolder) -> Mount {
    shown(nodes.path(), NODES.to_owned())
}

/// The first of them appears once more where a box has its repository otherwise.
fn first_mount(nodes: &NodesFolder) -> Mount {
    shown(&nodes.path().join("0"), repository())
}

/// Returns where boxes have their repository.
pub(crate) fn repository() -> String {
    format!("{WORKSPACE}/{REPOSITORY}")
}

fn shown(folder: &Path, target: String) -> Mount {
    Mount {
        target: Some(target),
        source: Some(folder.to_string_lossy().into_owned()),
        typ: Some(MountType::BIND),
        read_only: Some(true),
        bind_options: Some(MountBindOptions {
            propagation: Some(MountBindOptionsPropagationEnum::RSLAVE),
            // Newer engines would make what is below read-only too.
            read_only_non_recursive: Some(true),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn scratch_options(limits: &Limits, bytes: u64, owner: &str) -> String {
    // The root of a file system is one of its files.
    format!("rw,nosuid,nodev,size={bytes},nr_inodes={},{owner}", limits.files.saturating_add(1))
}

/// Limits of single processes. Where the whole container has none they are better than nothing: a memory bomb ends in its own
/// process, a fork bomb with its user's count.
fn ulimits(limits: &Limits, groups: Groups) -> Vec<ResourcesUlimits> {
    let mut set = vec![
        ulimit("core", 0),
        ulimit("nofile", signed(limits.descriptors())),
        ulimit("fsize", signed(limits.disk_bytes)),
        ulimit("memlock", 64 << 10),
    ];
    if !groups.memory {
        set.push(ulimit("data", signed(limits.memory_bytes)));
    }
    if !groups.processes {
        set.push(ulimit("nproc", i64::from(limits.processes)));
    }
    set
}

fn ulimit(name: &str, value: i64) -> ResourcesUlimits {
    ResourcesUlimits { name: Some(name.to_owned()), soft: Some(value), hard: Some(value) }
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Groups = Groups { memory: true, processes: true };

    #[test]
    fn without_control_groups_each_process_is_limited() {
        let limits = Limits { memory_bytes: 5, processes: 7, ..Limits::default() };
        let of =
            |groups| ulimits(&limits, groups).into_iter().filter_map(|it| it.name.zip(it.hard)).collect::<Vec<_>>();
        let without = of(Groups { memory: false, processes: false });
        assert!(without.contains(&("data".to_owned(), 5)) && without.contains(&("nproc".to_owned(), 7)), "{without:?}");
        assert!(!of(ALL).iter().any(|(name, _)| name == "data" || name == "nproc"));
    }

    #[test]
    fn nothing_is_left_open() {
        let spec = SandboxSpec::new(Labels { job: "job".into(), boot: "boot".into() });
        let offer =
            Offer { init: true, seccomp: true, groups: ALL, cpus: 1.0, runtime: Some("runsc".into()), group: None };
        let body = body(&spec, "sha256:1", &["python3".into()], &offer);
        let host = body.host_config.unwrap();
        assert_eq!(host.network_mode.as_deref(), Some("none"));
        assert_eq!(host.cap_drop, Some(vec!["ALL".to_owned()]));
        assert_eq!(host.readonly_rootfs, Some(true));
        assert_eq!((host.runtime.as_deref(), host.cgroup_parent), (Some("runsc"), None));
        assert_eq!(host.memory, host.memory_swap);
        assert_eq!(host.nano_cpus, Some(1_000_000_000));
        assert_eq!((host.binds, host.mounts, host.devices, host.cap_add), (None, None, None, None));
        assert_eq!(body.user.as_deref(), Some("65534:65534"));
        assert!(host.security_opt.unwrap().iter().any(|option| option == "no-new-privileges:true"));
    }

    #[test]
    fn workspaces_are_shown_one_way_and_their_folder_is_read_only() {
        let nodes = Some(NodesFolder::new("/run/job/nodes".into()));
        let spec = SandboxSpec { nodes, ..SandboxSpec::new(Labels { job: "job".into(), boot: "boot".into() }) };
        let offer =
            Offer { init: true, seccomp: true, groups: ALL, cpus: 1.0, runtime: Some("runsc".into()), group: None };
        let mounts = body(&spec, "sha256:1", &[], &offer).host_config.unwrap().mounts.unwrap();
        let [all, first] = mounts.as_slice() else { panic!("{mounts:?}") };
        assert_eq!((all.source.as_deref(), all.target.as_deref()), (Some("/run/job/nodes"), Some("/nodes")));
        let path = (first.source.as_deref(), first.target.as_deref());
        assert_eq!(path, (Some("/run/job/nodes/0"), Some("/workspace/repo")));
        for mount in [all, first] {
            assert_eq!(mount.read_only, Some(true));
            let propagation = mount.bind_options.as_ref().unwrap().propagation;
            assert_eq!(propagation, Some(MountBindOptionsPropagationEnum::RSLAVE));
        }
    }

    #[test]
    fn making_an_environment_opens_a_network_and_a_root_and_nothing_else() {
        let spec = SandboxSpec::new(Labels { job: "job".into(), boot: "boot".into() });
        let offer = Offer { init: true, seccomp: true, groups: ALL, cpus: 1.0, runtime: None, group: None };
        let body = setup_body(&spec, "sha256:1", "host", SetupUser::Nobody, "/run/x", &offer);
        let host = body.host_config.unwrap();
        assert_eq!((host.network_mode.as_deref(), host.readonly_rootfs), (Some("host"), Some(false)));
        assert_eq!((host.cap_drop, host.cap_add), (Some(vec!["ALL".to_owned()]), None));
        assert_eq!((host.binds, host.mounts, host.devices, host.privileged), (None, None, None, Some(false)));
        assert_eq!(body.user.as_deref(), Some("65534:65534"));
        assert!(host.security_opt.unwrap().iter().any(|option| option == "no-new-privileges:true"));
        let root = setup_body(&spec, "sha256:1", "none", SetupUser::Root, "/run/x", &offer);
        assert_eq!((root.user.as_deref(), root.network_disabled), (Some("0:0"), Some(true)));
        assert!(!root.host_config.unwrap().cap_add.unwrap().iter().any(|it| it.contains("SYS")));
    }

    #[test]
    fn the_filter_is_a_list_of_allowed_calls() {
        let profile: serde_json::Value = serde_json::from_str(SECCOMP).unwrap();
        assert_eq!(profile["defaultAction"], "SCMP_ACT_ERRNO");
        let names: Vec<&str> = profile["syscalls"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|rule| rule["names"].as_array().unwrap())
            .filter_map(|name| name.as_str())
            .collect();
        assert!(names.contains(&"openat") && names.contains(&"clone"));
        for refused in ["ptrace", "mount", "unshare", "setns", "bpf", "keyctl", "io_uring_setup", "perf_event_open"] {
            assert!(!names.contains(&refused), "{refused}");
        }
    }
}
