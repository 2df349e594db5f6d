//! What a confined process sees as its file system: the machine's programs and libraries read-only, and scratch space.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::child::{BindAccess, Build};
use super::interpreter::Interpreter;
use super::launch::Request;
use crate::backend::NODES;

pub(super) const WORKSPACE: &str = "/workspace";
pub(super) const SCRATCH: &str = "/tmp";

/// Programs and libraries. Those that are links on this machine are links in the box.
const SYSTEM: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store"];

/// Settings of the machine that programs need and that tell nothing about its users.
const SETTINGS: &[&str] = &[
    "/etc/alternatives",
    "/etc/java",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
];

const DEVICES: &[&str] = &["/dev/full", "/dev/null", "/dev/random", "/dev/urandom", "/dev/zero"];

const FILES: &[(&str, &str)] = &[
    ("/etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    ("/etc/hostname", "sandbox\n"),
    ("/etc/hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n"),
    ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
    ("/etc/passwd", "root:x:0:0:root:/root:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/tmp:/bin/sh\n"),
];

/// Where the new root can be mounted before it becomes the root: any folder from which nothing else is needed.
const MOUNT_POINTS: &[&str] = &["/sys", "/mnt", "/media", "/srv"];

/// Returns the folders of this machine that a program in a box may read.
pub(super) fn readable(interpreter: &Interpreter) -> impl Iterator<Item = PathBuf> {
    SYSTEM.iter().map(PathBuf::from).chain(settings()).chain(interpreter.folders.iter().cloned())
}

/// Returns the settings that a box is shown. Those of Java and PHP lie in a folder for each of their versions; of PHP only the lists of
/// extensions are shown, since `php.ini` may hold passwords.
fn settings() -> impl Iterator<Item = PathBuf> {
    let of_java = below("/etc").filter(|path| {
        let name = path.file_name().map(|name| name.as_bytes()).unwrap_or_default();
        name.starts_with(b"java-") && name.ends_with(b"-openjdk")
    });
    let of_php = below("/etc/php").flat_map(|version| ["cli/conf.d", "mods-available"].map(|part| version.join(part)));
    SETTINGS.iter().map(PathBuf::from).chain(of_java).chain(of_php)
}

/// Returns what a folder of this machine has, in an order of its own.
fn below(folder: &str) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// Whether the new root gets a `/proc` of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proc {
    Own,
    Absent,
}

/// Returns the mount point and the steps that build the root on it. A program of ours is written into it where one is asked for.
pub(super) fn steps(request: &Request, user: u32, proc: Proc) -> io::Result<(CString, Vec<Build>)> {
    let (interpreter, limits) = (&request.interpreter, &request.limits);
    let mount_point = MOUNT_POINTS
        .iter()
        .find(|path| Path::new(path).is_dir())
        .ok_or_else(|| io::Error::other(format!("none of the folders {} exists", MOUNT_POINTS.join(", "))))?;
    let mut builder = Builder { mount_point: PathBuf::from(mount_point), steps: Vec::new(), made: BTreeSet::new() };
    builder.scratch(WORKSPACE, limits.disk_bytes, limits.files, user)?;
    builder.scratch(SCRATCH, limits.disk_bytes, limits.files, user)?;
    builder.scratch("/dev/shm", limits.disk_bytes / 4, limits.files, user)?;
    for path in SYSTEM.iter().map(PathBuf::from).chain(settings()) {
        builder.same(&path)?;
    }
    for folder in &interpreter.folders {
        if !SYSTEM.iter().any(|system| folder.starts_with(system)) {
            builder.bind(folder, BindAccess::ReadOnly)?;
        }
    }
    for (path, target) in &interpreter.links {
        builder.link(path, target)?;
    }
    for path in DEVICES {
        builder.bind(Path::new(path), BindAccess::Device)?;
    }
    for (path, target) in [
        ("/dev/fd", "/proc/self/fd"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
    ] {
        builder.link(Path::new(path), Path::new(target))?;
    }
    for (path, content) in FILES {
        builder.file(Path::new(path), content.as_bytes())?;
    }
    if let Some(nodes) = &request.nodes {
        builder.folder(Path::new(NODES))?;
        let (source, target) = (c_string(nodes)?, builder.below(Path::new(NODES))?);
        builder.steps.push(Build::Bind { source, target, access: BindAccess::Nodes });
    }
    if let Some((path, content)) = request.own() {
        builder.program(path, content)?;
    }
    builder.folder(Path::new("/proc"))?;
    if proc == Proc::Own {
        let target = builder.below(Path::new("/proc"))?;
        builder.steps.push(Build::Proc(target));
    }
    Ok((c_string(&builder.mount_point)?, builder.steps))
}

struct Builder {
    mount_point: PathBuf,
    steps: Vec<Build>,
    made: BTreeSet<PathBuf>,
}

impl Builder {
    fn below(&self, path: &Path) -> io::Result<CString> {
        let relative =
            path.strip_prefix("/").map_err(|_| io::Error::other(format!("{} is relative", path.display())))?;
        c_string(&self.mount_point.join(relative))
    }

    fn folder(&mut self, path: &Path) -> io::Result<()> {
        if path == Path::new("/") || !self.made.insert(path.to_owned()) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.folder(parent)?;
        }
        let target = self.below(path)?;
        self.steps.push(Build::Folder(target));
        Ok(())
    }

    fn parent(&mut self, path: &Path) -> io::Result<()> {
        path.parent().map_or(Ok(()), |parent| self.folder(parent))
    }

    fn scratch(&mut self, path: &str, bytes: u64, files: u64, user: u32) -> io::Result<()> {
        self.folder(Path::new(path))?;
        let mode = if path == WORKSPACE { "755" } else { "1777" };
        // The root of a file system is one of its files.
        let files = files.saturating_add(1);
        let options = format!("size={bytes},nr_inodes={files},mode={mode},uid={user},gid={user}");
        let target = self.below(Path::new(path))?;
        self.steps.push(Build::Scratch { target, options: CString::new(options)? });
        Ok(())
    }

    /// Shows a path of this machine in the box as what it is.
    fn same(&mut self, path: &Path) -> io::Result<()> {
        match fs::symlink_metadata(path) {
            Ok(found) if found.is_symlink() => self.link(path, &fs::read_link(path)?),
            Ok(_) => self.bind(path, BindAccess::ReadOnly),
            Err(_) => Ok(()),
        }
    }

    fn link(&mut self, path: &Path, target: &Path) -> io::Result<()> {
        self.parent(path)?;
        self.steps.push(Build::Link { path: self.below(path)?, target: c_string(target)? });
        Ok(())
    }

    fn file(&mut self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.parent(path)?;
        self.steps.push(Build::File { path: self.below(path)?, content: content.to_owned() });
        Ok(())
    }

    fn program(&mut self, path: &Path, content: &'static [u8]) -> io::Result<()> {
        self.parent(path)?;
        self.steps.push(Build::Program { path: self.below(path)?, content });
        Ok(())
    }

    fn bind(&mut self, path: &Path, access: BindAccess) -> io::Result<()> {
        let Ok(found) = fs::metadata(path) else { return Ok(()) };
        if found.is_dir() {
            self.folder(path)?;
        } else {
            self.file(path, b"")?;
        }
        self.steps.push(Build::Bind { source: c_string(path)?, target: self.below(path)?, access });
        Ok(())
    }
}

pub(super) fn c_string(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}
