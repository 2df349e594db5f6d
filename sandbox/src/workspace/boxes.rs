//! What a box sees of mounts that are made while it runs, and what it can do to them: on every backend that shows them.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::time::timeout;

use super::mounts::tests::job;
use super::mounts::{JobMounts, Unmounted};
use crate::backend::{Backend, BoxInput, BoxOutput, Launched};
use crate::spec::{ImageRef, Labels, NodesFolder, SandboxSpec};

const PATIENCE: Duration = Duration::from_secs(60);
const MIB: u64 = 1 << 20;

/// A shell in a box, asked one line after another.
struct Shell {
    launched: Box<dyn Launched>,
    stdin: BoxInput,
    stdout: BufReader<BoxOutput>,
}

impl Shell {
    async fn start(backend: &dyn Backend, image: Option<ImageRef>, job: &JobMounts) -> Self {
        let nodes = Some(NodesFolder::new(job.nodes()));
        let spec = SandboxSpec { image, nodes, ..SandboxSpec::new(Labels::for_job("workspaces")) };
        let mut launched = backend.launch(&spec, &["/bin/sh".to_owned()]).await.unwrap();
        let (stdin, stdout) = launched.stdio().unwrap();
        Self { launched, stdin, stdout: BufReader::new(stdout) }
    }

    /// Returns everything that a command prints.
    async fn ask(&mut self, command: &str) -> String {
        let line = format!("({command}) </dev/null 2>&1; echo; echo END\n");
        self.stdin.write_all(line.as_bytes()).await.unwrap();
        self.stdin.flush().await.unwrap();
        let mut said = String::new();
        while !said.ends_with("\nEND\n") {
            let count = timeout(PATIENCE, self.stdout.read_line(&mut said)).await.unwrap().unwrap();
            assert!(count > 0, "the shell ended: {said} {}", self.launched.stderr_tail());
        }
        said.trim_end_matches("END\n").trim().to_owned()
    }

    async fn close(mut self) {
        drop(self.stdin);
        let mut rest = Vec::new();
        self.stdout.read_to_end(&mut rest).await.unwrap();
        self.launched.close().await.unwrap();
    }
}

/// Checks everything on one backend. Skips, having said so, where this process may not mount.
pub(crate) async fn boxes(backend: &dyn Backend, image: Option<ImageRef>) {
    if let Err(reason) = backend.shows_mounts() {
        eprintln!("skipped: {reason}");
        return;
    }
    let Some(job) = job(16 * MIB).await else { return };
    let mut shell = Shell::start(backend, image.clone(), &job).await;
    leaves_come_and_go(&job, &mut shell).await;
    the_rest_is_out_of_reach(&job, &mut shell).await;
    another_job_is_out_of_sight(backend, image, &job).await;
    a_leaf_in_use_is_taken_away(&job, &mut shell).await;
    shell.close().await;
    job.close().await.unwrap();
}

async fn leaves_come_and_go(job: &JobMounts, shell: &mut Shell) {
    assert_eq!(shell.ask("ls /nodes /nodes/0").await, "/nodes:\n0\n\n/nodes/0:");
    let base = job.empty().await.unwrap();
    let name = base.name();
    assert_eq!(shell.ask(&format!("cd /nodes/{name} && echo base > file && mkdir sub && cat file")).await, "base");
    let base = base.freeze().await.unwrap();
    assert_eq!(shell.ask("ls /nodes /nodes/0").await, "/nodes:\n0\n\n/nodes/0:");

    let (one, two) = (job.fork(&base).await.unwrap(), job.fork(&base).await.unwrap());
    let (in_one, in_two) = (format!("/nodes/{}", one.name()), format!("/nodes/{}", two.name()));
    shell.ask(&format!("cd {in_one} && echo one > file && mv sub renamed && rm -rf /nodes/x && echo new > new")).await;
    assert_eq!(shell.ask(&format!("cat {in_one}/file; ls {in_one}")).await, "one\nfile\nnew\nrenamed");
    assert_eq!(shell.ask(&format!("cat {in_two}/file; ls {in_two}")).await, "base\nfile\nsub");
    assert_eq!(one.remove().await.unwrap(), Unmounted::Clean);
    assert_eq!(shell.ask(&format!("ls {in_one}")).await, "");
    // The next one in the same place has nothing of the one before.
    let again = job.fork(&base).await.unwrap();
    assert_eq!(again.name(), "0");
    assert_eq!(shell.ask(&format!("cat {in_one}/file; ls {in_one}")).await, "base\nfile\nsub");
}

async fn the_rest_is_out_of_reach(job: &JobMounts, shell: &mut Shell) {
    let leaf = job.empty().await.unwrap();
    let name = leaf.name();
    assert_eq!(shell.ask("touch /nodes/mine || echo refused").await.lines().last(), Some("refused"));
    assert_eq!(shell.ask(&format!("rmdir /nodes/{name} || echo refused")).await.lines().last(), Some("refused"));
    // The ways of changing mounts; those without a name of their own are mount_setattr, open_tree and fsopen.
    let calls = "import ctypes\n\
        libc = ctypes.CDLL(None, use_errno=True)\n\
        at = b'/nodes/NAME'\n\
        libc.mount(b'x', at, b'tmpfs', 0, None) == 0 and print('mounted')\n\
        libc.mount(None, at, None, 32 | 4096, None) == 0 and print('remounted')\n\
        libc.mount(b'/tmp', b'/nodes', None, 4096, None) == 0 and print('bound')\n\
        libc.umount2(at, 2) == 0 and print('unmounted')\n\
        libc.unshare(0x00020000) == 0 and print('unshared')\n\
        libc.syscall(442, -100, at, 0, ctypes.create_string_buffer(32), 32) == 0 and print('changed')\n\
        libc.syscall(428, -100, at, 1) >= 0 and print('copied')\n\
        libc.syscall(430, b'tmpfs', 0) >= 0 and print('opened')\n\
        print('tried')\n";
    let script = calls.replace("NAME", &name).replace('\n', "\\n").replace('\'', "\"");
    assert_eq!(shell.ask(&format!("printf '{script}' | python3 -I -")).await, "tried");
    // What lies beside `nodes` on the machine has no name here.
    let listed = shell
        .ask("ls -a /nodes/.. /nodes/../u /nodes/../w; find / -name upper -o -path '*/w/*/work' 2>/dev/null")
        .await;
    assert!(!listed.contains("patchwright") && !listed.lines().any(|line| line == "u" || line == "w"), "{listed}");
    let options = shell.ask("cat /proc/self/mountinfo").await;
    assert!(options.contains("upperdir=u/") && !options.contains("patchwright-nodes."), "{options}");
    let inside = format!("cd /nodes/{name} && ln -s / root && mkfifo pipe && ln -s ../../u up && cat up/0/file");
    assert!(shell.ask(&inside).await.contains("No such file"), "followed");
    assert_eq!(leaf.freeze().await.unwrap().depth(), 1);
}

async fn another_job_is_out_of_sight(backend: &dyn Backend, image: Option<ImageRef>, job: &JobMounts) {
    let other_job = super::mounts::tests::job(MIB).await.unwrap();
    let mut other = Shell::start(backend, image, &other_job).await;
    let leaf = job.empty().await.unwrap();
    assert_eq!(other.ask("ls /nodes /nodes/0").await, "/nodes:\n0\n\n/nodes/0:");
    let table = other.ask("cat /proc/self/mountinfo").await;
    let places = || table.lines().filter_map(|line| line.split(' ').nth(4));
    assert!(places().all(|place| place != format!("/nodes/{}", leaf.name())), "{table}");
    other.close().await;
    other_job.close().await.unwrap();
}

async fn a_leaf_in_use_is_taken_away(job: &JobMounts, shell: &mut Shell) {
    let leaf = job.empty().await.unwrap();
    let name = leaf.name();
    let hold = "touch kept; (exec >/dev/null 2>&1; exec sleep 1000) & echo $! > /tmp/holder";
    shell.ask(&format!("cd /nodes/{name}; {hold}")).await;
    assert!(leaf.freeze().await.unwrap_err().to_string().contains("still uses workspace"));
    // The folder of the first is always there, and what was in it is not.
    assert_eq!(shell.ask(&format!("ls /nodes/{name}/kept || echo gone")).await.lines().last(), Some("gone"));
    assert_eq!(job.held().len(), 1);
    shell.ask("kill $(cat /tmp/holder)").await;
}
