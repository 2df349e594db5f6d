//! Mounts on this machine, without any box: what a box does is done here below the mounts, as the superuser.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::{Command, Stdio};

use super::*;
use crate::reap::{ReapReport, current_boot, other_boots};

const MIB: u64 = 1 << 20;

fn limits(bytes: u64) -> Limits {
    Limits { disk_bytes: bytes, files: bytes >> 10, ..Limits::default() }
}

/// Opens a job; `None`, having said so, where mounting is not allowed.
pub(crate) async fn job(bytes: u64) -> Option<JobMounts> {
    match JobMounts::open(&current_boot(), &limits(bytes), Joiner::Kernel).await {
        Ok(job) => Some(job),
        Err(error) if nix::unistd::geteuid().is_root() && !in_a_container() => panic!("{error:?}"),
        Err(error) => {
            eprintln!("skipped: {error:?}");
            None
        }
    }
}

/// A superuser without this right is one of a container.
fn in_a_container() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    u64::from_str_radix(line.trim(), 16).unwrap() & (1 << 21) == 0
}

fn mounted(path: &Path) -> usize {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    table.lines().filter(|line| line.contains(path.to_str().unwrap())).count()
}

/// Waits until what was to be removed before now is removed.
async fn swept() {
    Worker::mounts().run(|| ()).await.unwrap();
    Worker::sweeps().run(|| ()).await.unwrap();
}

/// Waits until a job uses no more than this. A box that is started at the same moment has a copy of every mount until it has a root
/// of its own, and what it holds is given back only then.
async fn given_back(job: &JobMounts, expected: Usage) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    swept().await;
    while job.usage().unwrap() != expected && std::time::Instant::now() < deadline {
        swept().await;
    }
    assert_eq!(job.usage().unwrap(), expected);
}

impl MountedLeaf {
    /// Returns where the leaf is on this machine.
    pub(crate) fn path(&self) -> PathBuf {
        self.job.path.join(NODES).join(self.name())
    }
}

#[tokio::test]
async fn what_is_written_in_one_leaf_is_seen_in_no_other() {
    let Some(job) = job(16 * MIB).await else { return };
    let base = job.empty().await.unwrap();
    fs::write(base.path().join("kept"), "base").unwrap();
    fs::write(base.path().join("gone"), "base").unwrap();
    fs::create_dir(base.path().join("folder")).unwrap();
    fs::write(base.path().join("folder/inner"), "base").unwrap();
    let base = base.freeze().await.unwrap();

    let (one, two) = (job.fork(&base).await.unwrap(), job.fork(&base).await.unwrap());
    fs::write(one.path().join("kept"), "one").unwrap();
    fs::remove_file(one.path().join("gone")).unwrap();
    fs::rename(one.path().join("folder"), one.path().join("renamed")).unwrap();
    assert_eq!(fs::read_to_string(two.path().join("kept")).unwrap(), "base");
    assert!(two.path().join("gone").exists() && two.path().join("folder/inner").exists());

    let one = one.freeze().await.unwrap();
    let (child, other) = (job.fork(&one).await.unwrap(), job.fork(&base).await.unwrap());
    assert_eq!(fs::read_to_string(child.path().join("kept")).unwrap(), "one");
    assert_eq!(fs::read_to_string(child.path().join("renamed/inner")).unwrap(), "base");
    assert!(!child.path().join("gone").exists() && !child.path().join("folder").exists());
    assert_eq!(fs::read_to_string(other.path().join("kept")).unwrap(), "base");
    assert_eq!((base.depth(), one.depth()), (1, 2));
    let path = job.job.path.clone();
    job.close().await.unwrap();
    assert_eq!((mounted(&path), path.exists()), (0, false));
}

#[tokio::test]
async fn leaves_that_follow_each_other_have_one_path() {
    let Some(job) = job(MIB).await else { return };
    let base = job.empty().await.unwrap();
    let first = base.path();
    let base = base.freeze().await.unwrap();
    let [one, two, three] = [job.fork(&base).await, job.fork(&base).await, job.fork(&base).await].map(Result::unwrap);
    assert_eq!([&one, &two, &three].map(|leaf| leaf.name()), ["0", "1", "2"]);
    assert_eq!(one.path(), first);
    drop(two);
    let again = job.fork(&base).await.unwrap();
    assert_eq!((again.name(), job.fork(&base).await.unwrap().name()), ("1".into(), "3".into()));
    job.close().await.unwrap();
}

/// The same through the program that joins layers where the kernel does not.
#[tokio::test]
async fn fuse_joins_layers_too() {
    let program = ["/usr/bin/fuse-overlayfs", "/usr/local/bin/fuse-overlayfs"].map(PathBuf::from);
    let Some(program) = program.into_iter().find(|path| path.exists()) else {
        crate::testing::Promise::Tools.missing(&"`fuse-overlayfs` is not installed");
        return;
    };
    if !Path::new("/dev/fuse").exists() || job(MIB).await.is_none() {
        eprintln!("skipped: no /dev/fuse, or mounts are not allowed");
        return;
    }
    let job = JobMounts::open(&current_boot(), &limits(16 * MIB), Joiner::Fuse(program)).await.unwrap();
    let base = job.empty().await.unwrap();
    fs::write(base.path().join("kept"), "base").unwrap();
    fs::create_dir(base.path().join("folder")).unwrap();
    let base = base.freeze().await.unwrap();
    let (one, two) = (job.fork(&base).await.unwrap(), job.fork(&base).await.unwrap());
    fs::write(one.path().join("kept"), "one").unwrap();
    fs::remove_dir(one.path().join("folder")).unwrap();
    assert_eq!(fs::read_to_string(two.path().join("kept")).unwrap(), "base");
    assert!(two.path().join("folder").exists());
    let one = one.freeze().await.unwrap();
    let child = job.fork(&one).await.unwrap();
    assert_eq!(fs::read_to_string(child.path().join("kept")).unwrap(), "one");
    assert!(!child.path().join("folder").exists());
    let path = job.job.path.clone();
    job.close().await.unwrap();
    assert_eq!((mounted(&path), path.exists()), (0, false));
}

#[tokio::test]
async fn only_the_leaf_belongs_to_the_box_and_the_rest_is_out_of_sight() {
    let Some(job) = job(MIB).await else { return };
    let leaf = job.empty().await.unwrap();
    let rights = |path: &Path| {
        let found = fs::metadata(path).unwrap();
        (found.uid(), found.gid(), found.permissions().mode() & 0o7777)
    };
    let path = job.job.path.clone();
    assert_eq!(rights(&leaf.path()), (NOBODY, NOBODY, 0o755));
    assert_eq!(rights(&path.join(NODES)), (0, 0, 0o755));
    for hidden in [path.clone(), path.join(UPPER), path.join(WORK), path.join(TRASH)] {
        assert_eq!(rights(&hidden), (0, 0, 0o700), "{}", hidden.display());
    }
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let line = table.lines().find(|line| line.contains(leaf.path().to_str().unwrap())).unwrap();
    assert!(line.contains("nosuid,nodev") && line.contains("upperdir=u/0"), "{line}");
    job.close().await.unwrap();
}

#[tokio::test]
async fn space_and_files_are_bounded_and_given_back() {
    let Some(job) = job(4 * MIB).await else { return };
    let empty = job.usage().unwrap();
    let leaf = job.empty().await.unwrap();
    let full = fs::write(leaf.path().join("large"), vec![1; 5 << 20]).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    fs::remove_file(leaf.path().join("large")).unwrap();
    let too_many = (0..6_000).find_map(|count| fs::write(leaf.path().join(format!("{count}")), b"").err());
    assert_eq!(too_many.unwrap().kind(), io::ErrorKind::StorageFull);
    // There is no file left for a leaf's folders either, and the words are those of a limit.
    let refused = job.empty().await.unwrap_err();
    assert!(matches!(&refused, SandboxError::Workspace { .. }) && refused.to_string().contains("disk"), "{refused}");
    assert_eq!(leaf.remove().await.unwrap(), Unmounted::Clean);
    given_back(&job, empty).await;
    job.close().await.unwrap();
}

#[tokio::test]
async fn removing_follows_no_link_and_minds_no_depth() {
    let Some(job) = job(64 * MIB).await else { return };
    let empty = job.usage().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("precious"), "1").unwrap();
    let leaf = job.empty().await.unwrap();
    symlink(outside.path(), leaf.path().join("link")).unwrap();
    symlink("/", leaf.path().join("root")).unwrap();
    nix::unistd::mkfifo(&leaf.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::create_dir(leaf.path().join("closed")).unwrap();
    fs::write(leaf.path().join("closed/file"), "1").unwrap();
    fs::set_permissions(leaf.path().join("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    let made = Command::new("python3")
        .args(["-c", "import os\nfor _ in range(5000): os.mkdir('d' * 200); os.chdir('d' * 200)"])
        .current_dir(leaf.path())
        .status();
    assert!(made.unwrap().success());
    let layer = leaf.freeze().await.unwrap();
    let leaf = job.fork(&layer).await.unwrap();
    fs::remove_dir_all(leaf.path().join("closed")).unwrap();
    drop((leaf, layer));
    given_back(&job, empty).await;
    assert_eq!(fs::read_to_string(outside.path().join("precious")).unwrap(), "1");
    job.close().await.unwrap();
}

#[tokio::test]
async fn a_hundred_layers_are_joined_and_too_many_are_refused() {
    let Some(job) = job(64 * MIB).await else { return };
    let mut layer = job.empty().await.unwrap().freeze().await.unwrap();
    while layer.depth() < MOST_LAYERS {
        let leaf = job.fork(&layer).await.unwrap();
        fs::write(leaf.path().join(format!("{}", layer.depth())), "1").unwrap();
        layer = leaf.freeze().await.unwrap();
        if layer.depth() == 100 {
            let leaf = job.fork(&layer).await.unwrap();
            assert_eq!(fs::read_dir(leaf.path()).unwrap().count(), 99);
        }
    }
    let deepest = job.fork(&layer).await.unwrap();
    assert_eq!(fs::read_dir(deepest.path()).unwrap().count(), MOST_LAYERS - 1);
    let deeper = deepest.freeze().await.unwrap();
    assert!(job.fork(&deeper).await.unwrap_err().to_string().contains("401 layers"));
    drop((layer, deeper));
    job.close().await.unwrap();
}

#[tokio::test]
async fn a_leaf_in_use_becomes_no_layer_and_is_reported() {
    let Some(job) = job(MIB).await else { return };
    let leaf = job.empty().await.unwrap();
    let mut holder =
        Command::new("cat").current_dir(leaf.path()).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let path = leaf.path();
    let refused = leaf.freeze().await.unwrap_err();
    assert!(refused.to_string().contains("still uses workspace 0"), "{refused}");
    assert_eq!((mounted(&path), job.held()), (0, vec![0]));
    let other = job.empty().await.unwrap();
    assert_eq!(other.remove().await.unwrap(), Unmounted::Clean);
    drop(holder.stdin.take());
    holder.wait().unwrap();
    job.close().await.unwrap();
}

#[tokio::test]
async fn dropping_leaves_nothing() {
    let Some(job) = job(MIB).await else { return };
    let path = job.job.path.clone();
    let layer = job.empty().await.unwrap().freeze().await.unwrap();
    let leaf = job.fork(&layer).await.unwrap();
    drop(job);
    swept().await;
    assert_eq!((mounted(&path), path.exists()), (0, false));
    // What outlives the job is of no use, and does no harm.
    assert!(leaf.freeze().await.is_err());
    drop(layer);
}

#[tokio::test]
async fn the_living_and_the_unknown_keep_theirs() {
    let Some(job) = job(MIB).await else { return };
    let (dead, alive) = other_boots();
    let [dead, alive, unknown] =
        [dead.as_str(), alive.as_str(), "of/another/version"].map(|boot| Path::new(STATE).join(left::new_name(boot)));
    for path in [&dead, &alive, &unknown] {
        fs::create_dir(path).unwrap();
    }
    let mut report = ReapReport::default();
    reap(&current_boot(), &mut report);
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    for path in [&alive, &unknown, &job.job.path] {
        assert!(path.exists() && report.kept.contains(&name(path)), "{report:?}");
    }
    // Another test may have found it first.
    assert!(!dead.exists() && !report.kept.contains(&name(&dead)), "{report:?}");
    fs::remove_dir(alive).unwrap();
    fs::remove_dir(unknown).unwrap();
    job.close().await.unwrap();
}

#[tokio::test]
async fn a_mount_of_somebody_else_is_not_touched() {
    let Some(job) = job(MIB).await else { return };
    let path = Path::new(STATE).join(left::new_name(&other_boots().0));
    fs::create_dir(&path).unwrap();
    let options = Some("size=1m");
    nix::mount::mount(Some("somebody"), &path, Some("tmpfs"), nix::mount::MsFlags::empty(), options).unwrap();
    let mut report = ReapReport::default();
    reap(&current_boot(), &mut report);
    assert_eq!(mounted(&path), 1);
    assert!(report.failed.iter().any(|(_, reason)| reason.contains("somebody else")), "{report:?}");
    nix::mount::umount2(&path, nix::mount::MntFlags::empty()).unwrap();
    fs::remove_dir(&path).unwrap();
    job.close().await.unwrap();
}

/// The other half of the next test: holds mounts until it is killed.
#[tokio::test]
async fn holder() {
    if std::env::var_os("PATCHWRIGHT_TEST_HOLDS_MOUNTS").is_none() {
        return;
    }
    let job = job(MIB).await.unwrap();
    let layer = job.empty().await.unwrap().freeze().await.unwrap();
    let _leaves = [job.fork(&layer).await.unwrap(), job.fork(&layer).await.unwrap()];
    eprintln!("\nholding {}", job.job.path.display());
    let _ = std::io::stdin().read(&mut [0]);
}

#[tokio::test]
async fn what_a_killed_process_left_is_removed() {
    let Some(job) = job(MIB).await else { return };
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "workspace::mounts::tests::holder", "--nocapture"])
        .env("PATCHWRIGHT_TEST_HOLDS_MOUNTS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let path = lines.into_iter().find_map(|line| line.strip_prefix("holding ").map(PathBuf::from)).unwrap();
    let mut report = ReapReport::default();
    reap(&current_boot(), &mut report);
    assert_eq!(mounted(&path), 3, "{report:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    reap(&current_boot(), &mut report);
    assert_eq!((mounted(&path), path.exists()), (0, false), "{report:?}");
    job.close().await.unwrap();
}
