//! How requests travel: octocrab's request machinery over reqwest, with rustls and ring.
//!
//! octocrab's own hyper client knows neither proxies nor extra certificates, and its layers for redirects and retries do what they like with a
//! token; so its requests run over a reqwest client that follows nothing, repeats nothing and reads no environment. What octocrab brings
//! is the making of requests, GitHub's headers, and the service that everything goes through.

use std::error::Error as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder};

use crate::error::{GitHubError, Transport};
use crate::redact::{cut, redact};

/// The largest answer that is read when it is an error, in bytes.
const MAX_ERROR: usize = 64 * 1024;

/// How the network is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransportOptions {
    /// The proxy for everything, `http://`, `https://` or `socks5://`; user name and password may stand before an `@`.
    pub proxy: Option<String>,
    /// Hosts that are reached without the proxy, separated by commas, as in `NO_PROXY`.
    pub no_proxy: Option<String>,
    /// Certificates that are trusted besides the machine's own, PEM.
    pub extra_ca: Option<Vec<u8>>,
}

/// Why the network cannot be used as it is set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The proxy's address is none.
    #[error("the proxy's address cannot be used: give it as http://HOST:PORT")]
    Proxy,
    /// The extra certificates cannot be read.
    #[error("the file of extra certificates cannot be read: it must hold certificates in PEM")]
    Certificates,
    /// Something else.
    #[error("no HTTPS client can be made: {0}")]
    Client(String),
}

/// An answer, as far as it is kept.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What sends requests.
#[derive(Clone)]
pub(crate) struct Wire {
    octocrab: Octocrab,
    /// The longest time for one request and its answer.
    time: Duration,
}

impl Wire {
    /// Makes a client; must be called within a tokio runtime, which carries octocrab's queue.
    pub(crate) fn new(options: &TransportOptions, user_agent: &str, time: Duration) -> Result<Wire, TransportError> {
        let client = client(options, user_agent)?;
        let service = tower::service_fn(move |request| exchange(client.clone(), request));
        let built = OctocrabBuilder::new_empty().with_service(service).with_auth(AuthState::None).build();
        match built {
            Ok(octocrab) => Ok(Wire { octocrab, time }),
            Err(never) => match never {},
        }
    }

    /// Makes a request with GitHub's headers.
    pub(crate) fn request(
        &self,
        what: &'static str,
        builder: http::request::Builder,
        body: Option<&serde_json::Value>,
    ) -> Result<Request<OctoBody>, GitHubError> {
        let built = self.octocrab.build_request(builder, body);
        built.map_err(|error| GitHubError::refused(what, reason(&error)))
    }

    /// Sends a request and reads the answer, at most `limit` bytes of it.
    pub(crate) async fn send(
        &self,
        what: &'static str,
        request: Request<OctoBody>,
        limit: usize,
    ) -> Result<Answer, GitHubError> {
        let whole = async {
            let answer = self.octocrab.execute(request).await.map_err(|error| broken(what, &error))?;
            let (parts, mut body) = answer.into_parts();
            // What GitHub says of an error is read even where a small file was asked for.
            let limit = if parts.status.is_success() { limit } else { limit.max(MAX_ERROR) };
            let mut read = BytesMut::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| broken(what, &error))?;
                let Some(data) = frame.data_ref() else { continue };
                if read.len() + data.len() > limit {
                    return Err(GitHubError::TooLarge { what, limit });
                }
                read.extend_from_slice(data);
            }
            Ok(Answer { status: parts.status, headers: parts.headers, body: read.freeze() })
        };
        match tokio::time::timeout(self.time, whole).await {
            Ok(answer) => answer,
            Err(_) => Err(GitHubError::Transport { what, problem: Transport::TimedOut(self.time.as_secs()) }),
        }
    }
}

fn client(options: &TransportOptions, user_agent: &str) -> Result<reqwest::Client, TransportError> {
    // The first provider of the process stays; whoever else installs one installs ring as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(Duration::from_secs(10))
        .no_proxy();
    if let Some(address) = &options.proxy {
        let proxy = reqwest::Proxy::all(address.as_str()).map_err(|_| TransportError::Proxy)?;
        let without = options.no_proxy.as_deref().and_then(reqwest::NoProxy::from_string);
        builder = builder.proxy(proxy.no_proxy(without));
    }
    if let Some(pem) = &options.extra_ca {
        let extra = reqwest::Certificate::from_pem_bundle(pem).map_err(|_| TransportError::Certificates)?;
        if extra.is_empty() {
            return Err(TransportError::Certificates);
        }
        builder = builder.tls_certs_merge(extra);
    }
    builder.build().map_err(|error| TransportError::Client(reason(&error.without_url())))
}

/// Carries one request of octocrab's over reqwest.
async fn exchange(
    client: reqwest::Client,
    request: Request<OctoBody>,
) -> Result<Response<reqwest::Body>, reqwest::Error> {
    let (parts, body) = request.into_parts();
    let request = reqwest::Request::try_from(Request::from_parts(parts, reqwest::Body::wrap(body)))?;
    Ok(client.execute(request).await.map_err(reqwest::Error::without_url)?.into())
}

/// Says why no answer came, without the address, which stands in the texts of half of the libraries.
fn broken(what: &'static str, error: &octocrab::Error) -> GitHubError {
    let mut connect = false;
    let mut source = error.source();
    while let Some(cause) = source {
        connect |= cause.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect);
        source = cause.source();
    }
    let reason = reason(error);
    let problem = if connect { Transport::Connect(reason) } else { Transport::Broken(reason) };
    GitHubError::Transport { what, problem }
}

/// Returns the innermost cause, which says it best: `Connection refused`, `invalid peer certificate`.
fn reason(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    cut(&redact(&innermost.to_string()), 200).into_owned()
}
