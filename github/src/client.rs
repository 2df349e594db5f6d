//! The client: who may ask, in which order, and what an answer means.
//!
//! Every request of the program goes through [`Client`]: it waits for its turn ([`crate::limits`]), takes a token ([`crate::token`]),
//! travels (`wire`), and comes back as a value or a [`GitHubError`]. Reads are repeated a little when the network fails; a change
//! never is, because nobody knows whether it had its effect: whoever asked for it looks first.

mod cache;
mod call;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, DATE, ETAG, IF_NONE_MATCH, LOCATION};
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::clock::{Clock, SystemClock, http_date};
use crate::endpoints::{EndpointError, Endpoints};
use crate::error::{Class, GitHubError, Refused, Transport};
use crate::id::InstallationId;
use crate::limits::{LimitSettings, Limits, Standing, Told};
use crate::token::{MintAnswer, Minted, SPREADING, Token, TokenKey, Tokens};
use crate::wire::{Answer, TransportError, TransportOptions, Wire};
use cache::Cache;
pub(crate) use call::{Auth, Call};

/// How often a read is tried.
const READ_TRIES: u32 = 3;
/// The pause before a read is tried again; it doubles.
const READ_PAUSE: Duration = Duration::from_millis(250);
/// The pause before a token that was just made is tried again.
const SPREAD_PAUSE: Duration = Duration::from_secs(1);
/// How many redirects are followed: a repository that was renamed twice.
const MAX_REDIRECTS: usize = 3;
/// How many answers of 401 one request gets: a fresh token that is not known yet, and one renewal.
const MAX_REFUSALS: u32 = 8;
/// How many pages of a list are read: 3,000 entries.
pub(crate) const MAX_PAGES: usize = 30;
/// Entries of a page, the most that GitHub gives.
pub(crate) const PAGE: usize = 100;

/// How a client is set up.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Where GitHub is.
    pub endpoints: Endpoints,
    /// How the network is reached.
    pub transport: TransportOptions,
    /// What the throttle keeps to.
    pub limits: LimitSettings,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
    /// What the client calls itself.
    pub user_agent: String,
    /// The longest time for one request and its answer.
    pub answer_time: Duration,
    /// The longest time for a call in all, with waiting for its turn and trying again.
    pub call_time: Duration,
}

impl Default for ClientOptions {
    fn default() -> ClientOptions {
        ClientOptions {
            endpoints: Endpoints::default(),
            transport: TransportOptions::default(),
            limits: LimitSettings::default(),
            clock: Arc::new(SystemClock::default()),
            user_agent: concat!("patchwright/", env!("CARGO_PKG_VERSION")).to_owned(),
            answer_time: Duration::from_secs(30),
            call_time: Duration::from_secs(120),
        }
    }
}

/// Why there is no client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// An address is wrong.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The network is set up wrong.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

/// A client of one App at one GitHub; copies share everything.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    app: Option<App>,
    wire: Wire,
    endpoints: Endpoints,
    limits: Limits,
    clock: Arc<dyn Clock>,
    tokens: Tokens,
    cache: Cache,
    call_time: Duration,
}

/// What a request is sent with.
enum Credential {
    None,
    Jwt(Token),
    Minted(Arc<Minted>),
}

impl Client {
    /// Makes a client of an App; must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the network is set up wrong.
    pub fn new(app: App, options: ClientOptions) -> Result<Client, ClientError> {
        Client::build(Some(app), options)
    }

    /// Makes a client of nobody, which can only make an App from a manifest.
    ///
    /// # Errors
    /// When the network is set up wrong.
    pub fn without_app(options: ClientOptions) -> Result<Client, ClientError> {
        Client::build(None, options)
    }

    fn build(app: Option<App>, options: ClientOptions) -> Result<Client, ClientError> {
        let wire = Wire::new(&options.transport, &options.user_agent, options.answer_time)?;
        let limits = Limits::new(options.limits, options.clock.clone());
        Ok(Client {
            inner: Arc::new(Inner {
                app,
                wire,
                endpoints: options.endpoints,
                limits,
                clock: options.clock,
                tokens: Tokens::default(),
                cache: Cache::default(),
                call_time: options.call_time,
            }),
        })
    }

    /// Returns where GitHub is.
    pub fn endpoints(&self) -> &Endpoints {
        &self.inner.endpoints
    }

    /// Returns the App, if the client has one.
    pub fn app(&self) -> Option<&App> {
        self.inner.app.as_ref()
    }

    /// Returns how an installation stands with GitHub's limits.
    pub fn standing(&self, installation: InstallationId) -> Standing {
        self.inner.limits.standing(installation)
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.inner.tokens
    }

    /// Sends a request, with everything that belongs to it, and returns an answer of success.
    pub(crate) async fn call(&self, call: Call) -> Result<Answer, GitHubError> {
        let what = call.what;
        match tokio::time::timeout(self.inner.call_time, self.tried(&call)).await {
            Ok(answer) => answer,
            Err(_) => {
                let problem = Transport::TimedOut(self.inner.call_time.as_secs());
                Err(GitHubError::Transport { what, problem })
            }
        }
    }

    /// Sends a request and reads the answer as JSON.
    pub(crate) async fn read<T: DeserializeOwned>(&self, call: Call) -> Result<T, GitHubError> {
        let what = call.what;
        self.call(call).await?.json(what)
    }

    /// Reads a list page by page, until one is not full.
    pub(crate) async fn list<T: DeserializeOwned>(&self, call: Call) -> Result<Vec<T>, GitHubError> {
        self.list_below(call, "").await
    }

    /// Reads a list that stands below a key of an object, page by page; an empty key is for a list that stands alone.
    pub(crate) async fn list_below<T: DeserializeOwned>(&self, call: Call, key: &str) -> Result<Vec<T>, GitHubError> {
        let mut all = Vec::new();
        for page in 1..=MAX_PAGES {
            let call = call.clone().query("per_page", PAGE).query("page", page);
            let what = call.what;
            let mut value: serde_json::Value = self.read(call).await?;
            if !key.is_empty() {
                value = value.get_mut(key).map(serde_json::Value::take).unwrap_or_default();
            }
            let entries: Vec<T> = serde_json::from_value(value).map_err(|error| unreadable(what, &error))?;
            let full = entries.len() >= PAGE;
            all.extend(entries);
            if !full {
                return Ok(all);
            }
        }
        tracing::warn!(call = call.what, pages = MAX_PAGES, "a list is read no further");
        Ok(all)
    }

    /// Tries a read a few times, and a change once.
    async fn tried(&self, call: &Call) -> Result<Answer, GitHubError> {
        let mut pause = READ_PAUSE;
        for _ in 1..READ_TRIES {
            match self.followed(call).await {
                Err(error) if call.repeatable() && error.class() == Class::Retry => {
                    tracing::debug!(call = call.what, %error, "trying again");
                    self.inner.clock.sleep(pause).await;
                    pause *= 2;
                }
                other => return other,
            }
        }
        self.followed(call).await
    }

    /// Follows redirects within the API, which GitHub sends for renamed repositories.
    async fn followed(&self, call: &Call) -> Result<Answer, GitHubError> {
        let what = call.what;
        let mut url = match &call.path {
            None => self.inner.endpoints.graphql().to_owned(),
            Some(path) => self.inner.endpoints.rest(&call.with_query(path)),
        };
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.authorized(call, &url).await?;
            let moved = match answer.status.as_u16() {
                301 | 302 => call.method == Method::GET,
                307 | 308 => true,
                _ => false,
            };
            if !moved {
                return judged(what, answer);
            }
            let location = answer.headers.get(LOCATION).and_then(|it| it.to_str().ok()).unwrap_or_default();
            let path = self.inner.endpoints.path_of_redirect(location);
            let path = path.map_err(|to| GitHubError::Redirected { what, to })?;
            url = self.inner.endpoints.rest(&path);
        }
        Err(GitHubError::Redirected { what, to: "one place after another" })
    }

    /// Sends a request with a token, and with another one where GitHub does not take it.
    async fn authorized(&self, call: &Call, url: &str) -> Result<Answer, GitHubError> {
        let mut renewed = false;
        let mut refusals = 0;
        loop {
            let credential = self.credential(call).await?;
            let answer = self.paced(call, url, &credential).await?;
            refusals += 1;
            if answer.status != StatusCode::UNAUTHORIZED || refusals >= MAX_REFUSALS {
                return Ok(answer);
            }
            match &credential {
                Credential::Minted(minted) if self.inner.clock.elapsed() < minted.at + SPREADING => {
                    self.inner.clock.sleep(SPREAD_PAUSE).await;
                }
                Credential::Minted(minted) if !renewed => {
                    renewed = true;
                    self.forget(call, minted).await;
                }
                Credential::Jwt(_) if !renewed && self.clock_corrected(&answer) => renewed = true,
                Credential::None | Credential::Jwt(_) | Credential::Minted(_) => return Ok(answer),
            }
        }
    }

    /// Waits for the turn of a request, sends it, and learns what the answer tells of limits.
    async fn paced(&self, call: &Call, url: &str, credential: &Credential) -> Result<Answer, GitHubError> {
        let what = call.what;
        let inner = &self.inner;
        let pass = inner.limits.admit(what, call.auth.scope(), call.kind).await?;
        let mut builder = http::Request::builder().method(call.method.clone()).uri(url).header(ACCEPT, call.accept);
        if let Some(header) = credential.header(what)? {
            builder = builder.header(AUTHORIZATION, header);
        }
        let known = call.cached().then(|| inner.cache.get(call.auth, call.accept, url)).flatten();
        if let Some(known) = &known {
            builder = builder.header(IF_NONE_MATCH, &known.etag);
        }
        let request = inner.wire.request(what, builder, call.body.as_ref())?;
        let mut answer = inner.wire.send(what, request, call.limit).await?;
        let told = Told::read(answer.status, &answer.headers, &answer.body, inner.clock.now());
        if let Some((limit, until)) = inner.limits.learn(&pass, &told) {
            tracing::warn!(call = what, %limit, %until, "GitHub asks to wait");
            return Err(GitHubError::Limited { what, limit, until });
        }
        match known {
            Some(known) if answer.status == StatusCode::NOT_MODIFIED => {
                answer.status = StatusCode::OK;
                answer.body = known.body;
            }
            _ if call.cached() && answer.status == StatusCode::OK => {
                if let Some(etag) = answer.headers.get(ETAG) {
                    inner.cache.put(call.auth, call.accept, url, etag.clone(), answer.body.clone());
                }
            }
            _ => {}
        }
        Ok(answer)
    }

    async fn credential(&self, call: &Call) -> Result<Credential, GitHubError> {
        match call.auth {
            Auth::None => Ok(Credential::None),
            Auth::App => {
                let app = self.inner.app.as_ref();
                let app = app.ok_or_else(|| GitHubError::refused(call.what, "no App is set up yet"))?;
                let token = app.jwt(self.inner.clock.now());
                Ok(Credential::Jwt(token.map_err(|error| GitHubError::refused(call.what, error.to_string()))?))
            }
            Auth::Installation(key) => self.token(key).await.map(Credential::Minted),
        }
    }

    /// Returns the text of a token.
    pub(crate) async fn token_text(&self, key: TokenKey) -> Result<Token, GitHubError> {
        self.token(key).await.map(|it| it.token.clone())
    }

    /// Returns a token, made anew if there is none or it is old.
    async fn token(&self, key: TokenKey) -> Result<Arc<Minted>, GitHubError> {
        let entry = self.inner.tokens.entry(key);
        let mut slot = entry.minted.lock().await;
        if let Some(minted) = slot.as_ref().filter(|it| self.inner.clock.elapsed() < it.until) {
            return Ok(minted.clone());
        }
        let asked = self.inner.clock.elapsed();
        let call = Call::mint(key.installation, key.reach.request());
        let what = call.what;
        let answer = self.mint(&call).await?;
        let date = answer.headers.get(DATE).and_then(|it| it.to_str().ok()).and_then(http_date);
        let answer: MintAnswer = answer.json(what)?;
        if !key.reach.allows(&answer) {
            return Err(GitHubError::refused(
                what,
                "GitHub gave a token for other repositories than the one asked for",
            ));
        }
        let minted = Arc::new(Minted::new(answer, asked, date.unwrap_or_else(|| self.inner.clock.now())));
        *slot = Some(minted.clone());
        Ok(minted)
    }

    /// Sends the request that makes a token; boxed because it is itself a call, within another.
    fn mint<'a>(&'a self, call: &'a Call) -> Pin<Box<dyn Future<Output = Result<Answer, GitHubError>> + Send + 'a>> {
        Box::pin(self.tried(call))
    }

    /// Forgets a token that GitHub no longer takes, unless somebody has already made another.
    async fn forget(&self, call: &Call, refused: &Arc<Minted>) {
        let Auth::Installation(key) = call.auth else { return };
        let entry = self.inner.tokens.entry(key);
        let mut slot = entry.minted.lock().await;
        if slot.as_ref().is_some_and(|it| Arc::ptr_eq(it, refused)) {
            *slot = None;
        }
    }

    /// Sets the clock of the App's tokens by GitHub's, if that was the reason of a refusal.
    /// <https://github.com/octokit/auth-app.js/blob/main/src/hook.ts> looks for the same words.
    fn clock_corrected(&self, answer: &Answer) -> bool {
        let refused = Refused::read(answer.status.as_u16(), &answer.body);
        let about_time = refused.says("'Issued at' claim") || refused.says("'Expiration time' claim");
        let theirs = answer.headers.get(DATE).and_then(|it| it.to_str().ok()).and_then(http_date);
        match (about_time, theirs, &self.inner.app) {
            (true, Some(theirs), Some(app)) => app.correct_clock(self.inner.clock.now(), theirs),
            _ => false,
        }
    }

    /// Makes GitHub forget a token.
    pub(crate) async fn revoke(&self, installation: InstallationId, minted: &Minted) -> Result<(), GitHubError> {
        let call = Call::revoke(installation);
        let url = self.inner.endpoints.rest("/installation/token");
        let credential = Credential::Jwt(minted.token.clone());
        let answer = self.paced(&call, &url, &credential).await?;
        // A token that is already unknown is as good as revoked.
        match answer.status {
            StatusCode::UNAUTHORIZED => Ok(()),
            _ => judged(call.what, answer).map(drop),
        }
    }

    /// Notes that GraphQL met the hourly limit, which it says with a success.
    pub(crate) fn graphql_limited(&self, what: &'static str, auth: Auth, answer: &Answer) -> GitHubError {
        let told = Told::read(StatusCode::TOO_MANY_REQUESTS, &answer.headers, &answer.body, self.inner.clock.now());
        let (limit, until) = self.inner.limits.note(auth.scope(), crate::limits::Kind::Query, &told);
        GitHubError::Limited { what, limit, until }
    }
}

impl Credential {
    fn header(&self, what: &'static str) -> Result<Option<http::HeaderValue>, GitHubError> {
        let token = match self {
            Credential::None => return Ok(None),
            Credential::Jwt(token) => token,
            Credential::Minted(minted) => &minted.token,
        };
        let header = token.header();
        header.map(Some).ok_or_else(|| GitHubError::refused(what, "the token has characters that cannot be sent"))
    }
}

fn judged(what: &'static str, answer: Answer) -> Result<Answer, GitHubError> {
    match answer.status.is_success() {
        true => Ok(answer),
        false => {
            let status = Box::new(Refused::read(answer.status.as_u16(), &answer.body));
            Err(GitHubError::Status { what, status })
        }
    }
}

impl Answer {
    /// Reads the body as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, what: &'static str) -> Result<T, GitHubError> {
        serde_json::from_slice(&self.body).map_err(|error| unreadable(what, &error))
    }
}

/// Says where an answer cannot be read, and nothing of what stands there.
pub(crate) fn unreadable(what: &'static str, error: &serde_json::Error) -> GitHubError {
    let kind = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax => "it is no JSON",
        serde_json::error::Category::Data => "a field is missing or of another type",
        serde_json::error::Category::Io => "it broke off",
    };
    GitHubError::unreadable(what, format_args!("{kind}, at line {} column {}", error.line(), error.column()))
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.inner;
        f.debug_struct("Client").field("app", &inner.app).field("endpoints", &inner.endpoints).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
