//! Clones and fetches over smart HTTP, by git's own server program.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::Shared;
use super::auth;
use super::call::Answer;
use super::history::{Credential, Request};
use super::server::{Arrived, whole_path};
use super::state::State;

/// The service that a request is for, `git/upload-pack`; none where it is not for git.
pub(crate) fn service(arrived: &Arrived) -> Option<String> {
    let (_, tail) = arrived.path.split_once(".git/")?;
    let name = match tail {
        "info/refs" => arrived.query.split('&').find_map(|it| it.strip_prefix("service=git-"))?,
        other => other.strip_prefix("git-")?,
    };
    Some(format!("git/{name}"))
}

/// Serves a request of git, and writes it into the history.
pub(crate) fn serve(shared: &Shared, arrived: &Arrived, operation: &str) -> Answer {
    let admitted = shared.act(|state| {
        let credential = auth::credential(state, arrived.header("authorization"));
        let admitted = admit(state, arrived, operation, &credential);
        let status = admitted.as_ref().map_or_else(|it| it.status, |_| 200);
        let (id, at) = (state.requests.len() as u64 + 1, state.clock.milliseconds());
        let (method, path) = (arrived.method.clone(), whole_path(arrived));
        let operation = operation.to_owned();
        state.requests.push(Request { id, at, method, path, operation, credential, status, wait_until: None });
        admitted
    });
    let folder = match admitted {
        Ok(folder) => folder,
        Err(refusal) => return refusal,
    };
    match backend(&folder, arrived) {
        Ok(answer) => answer,
        Err(error) => {
            shared.act(|state| state.violations.push(format!("git http-backend: {error:#}")));
            text(500, "")
        }
    }
}

/// The folder of the repository that a request may read.
fn admit(
    state: &mut State,
    arrived: &Arrived,
    operation: &str,
    credential: &Credential,
) -> Result<std::path::PathBuf, Answer> {
    let name = arrived.path.trim_start_matches('/').split(".git/").next().unwrap_or_default();
    let challenge = || text(401, "Authentication required").header("www-authenticate", "Basic realm=\"GitHub\"");
    if matches!(credential, Credential::Refused(_) | Credential::App) {
        return Err(challenge());
    }
    let Some(repository) = state.repository_named(name) else {
        let moved = state.former_names.get(&name.to_lowercase()).and_then(|it| state.repository(*it).ok());
        return Err(match moved {
            Some(it) => {
                let tail = arrived.path.split_once(".git/").map_or("", |it| it.1);
                let query = if arrived.query.is_empty() { String::new() } else { format!("?{}", arrived.query) };
                text(301, "").header("location", format!("{}/{}.git/{tail}{query}", state.origin, it.full_name()))
            }
            None if *credential == Credential::Nobody => challenge(),
            None => text(404, "Repository not found."),
        });
    };
    let folder = repository.objects.path().to_owned();
    let (id, private) = (repository.id, repository.private);
    if operation != "git/upload-pack" {
        state.violations.push(format!("{} {}: nothing is to be pushed by git", arrived.method, arrived.path));
        return Err(text(403, "Write access to repository not granted."));
    }
    match credential {
        Credential::Installation { repositories, permissions, installation, .. } => {
            let suspended = state.installations.get(installation).is_none_or(|it| it.suspended_at.is_some());
            if suspended || (private && !permissions.contains_key("contents")) {
                return Err(text(403, "Resource not accessible by integration"));
            }
            if private && !repositories.contains(&id) {
                return Err(text(404, "Repository not found."));
            }
            Ok(folder)
        }
        _ if private => Err(challenge()),
        _ => Ok(folder),
    }
}

fn text(status: u16, words: &str) -> Answer {
    let headers = vec![("content-type".to_owned(), "text/plain; charset=utf-8".to_owned())];
    Answer { status, headers, body: None, raw: Some(words.as_bytes().to_vec()) }
}

/// Runs `git http-backend`, a CGI program.
fn backend(folder: &std::path::Path, arrived: &Arrived) -> Result<Answer> {
    let tail = arrived.path.split_once(".git/").map_or("", |it| it.1);
    let mut child = Command::new("git")
        .args(["-c", "safe.directory=*", "http-backend"])
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_PROJECT_ROOT", folder)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", format!("/{tail}"))
        .env("QUERY_STRING", &arrived.query)
        .env("REQUEST_METHOD", &arrived.method)
        .env("CONTENT_TYPE", arrived.header("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", arrived.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", arrived.header("content-encoding").unwrap_or_default())
        .env("GIT_PROTOCOL", arrived.header("git-protocol").unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("start git http-backend")?;
    let mut stdin = child.stdin.take().context("git http-backend takes input")?;
    let body = arrived.body.clone();
    // A backend that refuses early closes its input: what it answers tells why.
    let writer = std::thread::spawn(move || stdin.write_all(&body));
    let output = child.wait_with_output()?;
    drop(writer.join());
    let split = output.stdout.windows(4).position(|it| it == b"\r\n\r\n").context("the backend writes headers")?;
    let head = String::from_utf8_lossy(&output.stdout[..split]).into_owned();
    let mut answer =
        Answer { status: 200, headers: Vec::new(), body: None, raw: Some(output.stdout[split + 4..].to_vec()) };
    for line in head.lines() {
        let (name, value) = line.split_once(": ").context("the backend writes headers")?;
        if name.eq_ignore_ascii_case("status") {
            answer.status = value.split(' ').next().and_then(|it| it.parse().ok()).context("a status is a number")?;
        } else {
            answer = answer.header(&name.to_lowercase(), value);
        }
    }
    ensure!(answer.status != 500, "{}", String::from_utf8_lossy(&output.stderr));
    Ok(answer)
}
