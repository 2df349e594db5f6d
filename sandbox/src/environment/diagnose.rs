//! Why setting up failed: which step, how it ended, what it said last, what that probably means, and what to do about it.

use std::fmt;
use std::time::Duration;

use super::Evidence;

/// Lines of output that are shown.
const LAST_LINES: usize = 15;
const MOST_OF_A_LINE: usize = 400;

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepEnding {
    /// By itself, with this code.
    Exited(i64),
    /// It took too long.
    TotalTimeout(Duration),
    /// It printed nothing for too long.
    Silence(Duration),
    /// The kernel ended a process for want of memory.
    OutOfMemory,
    /// It had written more than it may.
    DiskLimit,
    /// The container was gone.
    Gone,
}

impl fmt::Display for StepEnding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StepEnding::Exited(code) => write!(f, "exit code {code}"),
            StepEnding::TotalTimeout(after) => write!(f, "stopped after {} s", after.as_secs()),
            StepEnding::Silence(after) => write!(f, "stopped after {} s without a word", after.as_secs()),
            StepEnding::OutOfMemory => f.write_str("out of memory"),
            StepEnding::DiskLimit => f.write_str("too much written"),
            StepEnding::Gone => f.write_str("the container went away"),
        }
    }
}

/// What is probably behind a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// No compiler, or no build tool.
    MissingTool,
    /// A header or library of the system is not there.
    MissingLibrary,
    /// Names cannot be resolved, or nothing answers.
    NoNetwork,
    /// The proxy refuses or cannot be reached.
    Proxy,
    /// A certificate is not trusted.
    Certificate,
    /// A registry wants a password, or refuses the one it got.
    Denied,
    /// Requirements contradict one another, or a lock file is out of date.
    Conflict,
    /// A package does not exist where it is looked for.
    NotFound,
    /// The language's version is not the right one.
    LanguageVersion,
    /// The code wants a git history.
    NoHistory,
    /// The disk is full.
    DiskFull,
    /// Memory is used up.
    OutOfMemory,
    /// It took too long.
    Timeout,
    /// A file may not be written or read.
    Permission,
    /// The code does not compile.
    CompileError,
    /// Nothing known.
    Unknown,
}

/// What tools print, in the order in which it is looked for: the more particular first.
const PATTERNS: &[(Cause, &[&str])] = &[
    (Cause::DiskFull, &["No space left on device", "ENOSPC", "disk quota exceeded"]),
    (
        Cause::Certificate,
        &[
            "CERTIFICATE_VERIFY_FAILED",
            "certificate verify failed",
            "SELF_SIGNED_CERT_IN_CHAIN",
            "self-signed certificate",
            "unable to get local issuer certificate",
            "UNABLE_TO_GET_ISSUER_CERT",
            "x509: certificate signed by unknown authority",
            "PKIX path building failed",
            "SSL certificate problem",
            "invalid peer certificate",
            "Certificate verification failed",
        ],
    ),
    (
        Cause::Proxy,
        &[
            "ProxyError",
            "Cannot connect to proxy",
            "407 Proxy Authentication",
            "Proxy CONNECT aborted",
            "Received HTTP code 407",
            "proxyconnect tcp",
            "tunneling socket could not be established",
            "Invalid response from proxy",
        ],
    ),
    (
        Cause::Denied,
        &[
            "401 Unauthorized",
            "401 Client Error",
            "HTTP error 401",
            "status code 401",
            "E401",
            "403 Forbidden",
            "403 Client Error",
            "HTTP error 403",
            "E403",
            "Authentication failed",
            "could not read Username",
            "Permission denied (publickey)",
            "terminal prompts disabled",
        ],
    ),
    (
        Cause::NoNetwork,
        &[
            "Temporary failure in name resolution",
            "Temporary failure resolving",
            "Could not resolve host",
            "Name or service not known",
            "ENOTFOUND",
            "EAI_AGAIN",
            "ECONNREFUSED",
            "ETIMEDOUT",
            "Network is unreachable",
            "no such host",
            "Failed to establish a new connection",
            "Connection timed out",
            "Connection refused",
            "ConnectTimeoutError",
            "Couldn't resolve host",
            "network failure",
            "UnknownHostException",
            "failed to download from",
            "Unable to connect to",
            "dial tcp",
            "network unreachable",
        ],
    ),
    (
        Cause::LanguageVersion,
        &[
            "requires a different Python",
            "Requires-Python",
            "python_requires",
            "requires rustc",
            "is not supported by this compiler",
            "requires go >=",
            "note: module requires Go",
            "EBADENGINE",
            "Unsupported engine",
            "invalid target release",
            "release version",
            "Your Ruby version is",
            "requires php",
            "unsupported version of Python",
            "Python version >=",
            "The engine \"node\" is incompatible",
            "feature `edition20",
            "invalid go version",
            "unknown directive: toolchain",
            "lock file version",
        ],
    ),
    (
        Cause::NoHistory,
        &[
            "setuptools-scm was unable to detect version",
            "not a git repository",
            "Versioning for this project requires either an sdist tarball",
            "does not have any commits yet",
        ],
    ),
    (
        Cause::Conflict,
        &[
            "ResolutionImpossible",
            "conflicting dependencies",
            "ERESOLVE",
            "package-lock.json are in sync",
            "needs to be updated but --locked",
            "lock file needs to be updated",
            "failed to select a version",
            "version solving failed",
            "Your lockfile needs to be updated",
            "Could not find compatible versions",
            "Your requirements could not be resolved",
            "frozen-lockfile",
            "updates to go.mod needed",
            "missing go.sum entry",
        ],
    ),
    (
        Cause::MissingLibrary,
        &[
            "fatal error: Python.h",
            "No such file or directory\n #include",
            ".h: No such file or directory",
            "cannot find -l",
            "Could NOT find",
            "Could not find a package configuration file",
            "No package '",
            "was not found in the pkg-config search path",
            "pg_config executable not found",
            "mysql_config not found",
            "xslt-config",
            "Could not find openssl",
            "library not found",
            "Dependency lookup for",
            "checking for",
            "headers not found",
        ],
    ),
    (
        Cause::MissingTool,
        &[
            "command not found",
            ": not found",
            "No such file or directory: 'gcc'",
            "unable to execute 'gcc'",
            "linker `cc` not found",
            "No CMAKE_C_COMPILER",
            "No CMAKE_CXX_COMPILER",
            "no acceptable C compiler",
            "gyp ERR! find Python",
            "executable file not found in $PATH",
            "make: *** No rule",
            "Cargo, the Rust package manager, is not installed",
            "can't find Rust compiler",
            "Unknown compiler",
        ],
    ),
    (
        Cause::NotFound,
        &[
            "No matching distribution found",
            "404 Not Found",
            "E404",
            "404 Client Error",
            "Unable to locate package",
            "no matching package named",
            "Could not find artifact",
            "Could not find gem",
            "Could not find package",
            "unknown revision",
            "has no installation candidate",
        ],
    ),
    (
        Cause::OutOfMemory,
        &[
            "Cannot allocate memory",
            "JavaScript heap out of memory",
            "out of memory",
            "Killed signal terminated program",
            "OutOfMemoryError",
            "SIGKILL",
            "signal: 9",
        ],
    ),
    (Cause::Permission, &["Permission denied", "EACCES", "Operation not permitted", "Read-only file system", "EROFS"]),
    (
        Cause::CompileError,
        &[
            "error: subprocess-exited-with-error",
            "error[E",
            "COMPILATION ERROR",
            ": error: ",
            "SyntaxError",
            "Build failed",
            "error TS",
            "undefined reference",
            "error: could not compile",
        ],
    ),
];

/// A setup that failed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SetupFailure {
    /// Which step: its number, counted from 1, and how many there are.
    pub step: (usize, usize),
    /// The line that was run.
    pub line: String,
    /// Why it was run.
    pub evidence: Evidence,
    /// How it ended.
    pub ending: StepEnding,
    /// What it printed last.
    pub last_lines: Vec<String>,
    /// What is probably behind it.
    pub cause: Cause,
    /// The line of the output that says so.
    pub clue: Option<String>,
}

impl SetupFailure {
    /// Reads the output of a step that failed.
    pub(super) fn diagnose(
        step: (usize, usize),
        line: &str,
        evidence: &Evidence,
        ending: StepEnding,
        output: &str,
    ) -> SetupFailure {
        let (cause, clue) = match &ending {
            StepEnding::OutOfMemory => (Cause::OutOfMemory, None),
            StepEnding::DiskLimit => (Cause::DiskFull, None),
            StepEnding::TotalTimeout(_) | StepEnding::Silence(_) => match of_output(output) {
                // Many tools wait in silence for a network that is not there.
                (cause @ (Cause::NoNetwork | Cause::Proxy), clue) => (cause, clue),
                _ => (Cause::Timeout, None),
            },
            StepEnding::Exited(127) => (Cause::MissingTool, None),
            StepEnding::Exited(_) | StepEnding::Gone => of_output(output),
        };
        let lines: Vec<String> = output.lines().map(shown).filter(|line| !line.trim().is_empty()).collect();
        let last_lines = lines[lines.len().saturating_sub(LAST_LINES)..].to_vec();
        SetupFailure { step, line: line.to_owned(), evidence: evidence.clone(), ending, last_lines, cause, clue }
    }

    /// Returns what somebody can do about it.
    pub fn advice(&self) -> &'static str {
        match self.cause {
            Cause::MissingTool => {
                "a program is missing: name the package that has it in a Dockerfile, in CI, or name an image with it in .github/patchwright.toml"
            }
            Cause::MissingLibrary => {
                "a library of the system is missing: the repository's CI or Dockerfile may name its -dev package; else name an image that has it in .github/patchwright.toml"
            }
            Cause::NoNetwork => {
                "packages could not be fetched: check the setup network (`--network host` where the engine has no bridge), DNS, and the mirrors that are configured"
            }
            Cause::Proxy => "the proxy refused or did not answer: check the proxy settings and its credentials",
            Cause::Certificate => "a certificate is not trusted: give the authority's bundle with `--ca-bundle`",
            Cause::Denied => "a registry wants credentials: configure a mirror that this machine may use",
            Cause::Conflict => {
                "the requirements do not fit together or the lock file is out of date: fix them in the repository, or give other lines as `setup` in .github/patchwright.toml"
            }
            Cause::NotFound => "a package is not where it is looked for: check its name and the mirror",
            Cause::LanguageVersion => {
                "the image's version of the language is not the one that is wanted: name an image that has it in .github/patchwright.toml"
            }
            Cause::NoHistory => {
                "the build asks git for a version, and a workspace has no history: set the version by a variable in the `setup` lines of .github/patchwright.toml"
            }
            Cause::DiskFull => {
                "free some disk space where the engine keeps its images, or raise the setup's disk limit"
            }
            Cause::OutOfMemory => "raise the setup's memory limit",
            Cause::Timeout => "raise the setup's time limits, or find out what it waits for",
            Cause::Permission => {
                "the step writes where it may not: it runs as an unprivileged user and owns only the tree and its home"
            }
            Cause::CompileError => "the code does not build in this environment: look at the lines above",
            Cause::Unknown => {
                "look at the lines above; other lines can be given as `setup` and `build` in .github/patchwright.toml"
            }
        }
    }
}

impl fmt::Display for SetupFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (step, of) = self.step;
        writeln!(f, "setup failed at step {step} of {of}: {} ({})", self.line, self.ending)?;
        writeln!(f, "  run because of {}", self.evidence)?;
        for line in &self.last_lines {
            writeln!(f, "  | {line}")?;
        }
        if let Some(clue) = &self.clue {
            writeln!(f, "  told by: {}", clue.trim())?;
        }
        write!(f, "  {}", self.advice())
    }
}

fn shown(line: &str) -> String {
    let plain: String = line.chars().filter(|char| !char.is_control() || *char == '\t').take(MOST_OF_A_LINE).collect();
    plain.trim_end().to_owned()
}

/// Looks for what is known, from the end of the output.
fn of_output(output: &str) -> (Cause, Option<String>) {
    for (cause, needles) in PATTERNS {
        // `checking for x... no` is no failure yet; only a line that says error counts for it.
        let tells = |line: &&str| {
            let known = needles.iter().any(|needle| line.contains(needle));
            known && (!line.contains("checking for") || line.contains("error"))
        };
        if let Some(line) = output.lines().rev().find(tells) {
            return (*cause, Some(shown(line)));
        }
    }
    (Cause::Unknown, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_say_is_understood() {
        let check = |output: &str, expected: Cause| {
            let failure = SetupFailure::diagnose((1, 2), "x", &Evidence::usual("y"), StepEnding::Exited(1), output);
            assert_eq!(failure.cause, expected, "{output}");
            assert!(failure.to_string().contains("step 1 of 2"), "{failure}");
        };
        check(
            "src/x.c:1:10: fatal error: Python.h: No such file or directory\ncompilation terminated.",
            Cause::MissingLibrary,
        );
        check("error: command 'gcc' failed: No such file or directory: 'gcc'", Cause::MissingTool);
        check("error: linker `cc` not found", Cause::MissingTool);
        check("/usr/bin/ld: cannot find -lpq: No such file or directory", Cause::MissingLibrary);
        check(
            "checking for libxml... no\nconfigure: error: no acceptable C compiler found in $PATH",
            Cause::MissingTool,
        );
        check("  Could NOT find ZLIB (missing: ZLIB_LIBRARY ZLIB_INCLUDE_DIR)", Cause::MissingLibrary);
        check(
            "WARNING: Retrying ... NewConnectionError: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution\nERROR: No matching distribution found for six",
            Cause::NoNetwork,
        );
        check("npm error code EAI_AGAIN", Cause::NoNetwork);
        check("curl: (5) Could not resolve proxy\nProxyError('Cannot connect to proxy.')", Cause::Proxy);
        check(
            "SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
            Cause::Certificate,
        );
        check("npm error code SELF_SIGNED_CERT_IN_CHAIN", Cause::Certificate);
        check("ERROR: HTTP error 401 while getting", Cause::Denied);
        check("ERROR: Package 'x' requires a different Python: 3.11.2 not in '>=3.12'", Cause::LanguageVersion);
        check("error: package `x v1` cannot be built because it requires rustc 1.99 or newer", Cause::LanguageVersion);
        check("ERROR: ResolutionImpossible: for help visit", Cause::Conflict);
        check("npm error code ERESOLVE", Cause::Conflict);
        check("LookupError: setuptools-scm was unable to detect version for /x", Cause::NoHistory);
        check("ERROR: No matching distribution found for nonsense==9", Cause::NotFound);
        check("OSError: [Errno 28] No space left on device", Cause::DiskFull);
        check("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", Cause::OutOfMemory);
        check("PermissionError: [Errno 13] Permission denied: '/usr/x'", Cause::Permission);
        check("x.c:3:1: error: expected ';'", Cause::CompileError);
        check("hello", Cause::Unknown);
    }

    #[test]
    fn limits_are_causes_of_their_own() {
        let of =
            |ending, output: &str| SetupFailure::diagnose((1, 1), "x", &Evidence::usual("y"), ending, output).cause;
        assert_eq!(of(StepEnding::OutOfMemory, ""), Cause::OutOfMemory);
        assert_eq!(of(StepEnding::Silence(Duration::from_secs(1)), ""), Cause::Timeout);
        assert_eq!(of(StepEnding::Silence(Duration::from_secs(1)), "Could not resolve host: x"), Cause::NoNetwork);
        assert_eq!(of(StepEnding::Exited(127), "sh: 1: foo: not found"), Cause::MissingTool);
        assert_eq!(of(StepEnding::DiskLimit, ""), Cause::DiskFull);
    }
}
