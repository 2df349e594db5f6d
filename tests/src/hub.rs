//! A GitHub of the tests' own, at the wire: stateful, on loopback, strict.
//!
//! Every request is checked against GitHub's own description of its interface, and so is every answer that the fake gives; what does not
//! fit is collected, and [`Hub::finish`] fails with all of it. Repositories are real bare repositories on disk: what the Git Data API
//! writes can be cloned. People act by [`Hub::user`], and what they do reaches the app as signed webhooks. Faults and recorded refusals
//! are put on the wire by [`Hub::fail`], and [`history::check`] reads the promises from all that was seen.
//!
//! It knows nothing of the daemon but what its comments are found by.

mod acts;
mod answers;
mod api;
mod auth;
mod call;
mod changes;
mod clock;
mod description;
mod faults;
mod graphql;
pub mod history;
mod objects;
mod people;
pub mod recording;
mod server;
mod smart_http;
mod state;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use parking_lot::{Condvar, Mutex};
use serde_json::{Value, json};
use tempfile::TempDir;

pub use auth::{PRIVATE_KEY, sign_jwt};
pub use clock::{Clock, iso};
pub use description::Edition;
pub use faults::{Fault, Gate, Match};
pub use history::{Change, Credential, Effect, Request};
pub use objects::Objects;
pub use people::{NewRepository, Person, Place, Robot};
pub use state::{AccountKind, Edit, Permission};
pub use webhooks::{Handling, Sent, signed_headers};

use self::faults::Rule;
use self::state::{AppRecord, Budget, Installation, Limit, State};

/// The secret that webhooks are signed with at first.
pub const SECRET: &str = "the first secret of the fake's webhooks";
/// The id of the fake's app.
pub const APP_ID: u64 = 4242;
/// How long [`Hub::settle`] waits.
const SETTLE: Duration = Duration::from_secs(60);

/// A running fake. It ends with the value.
pub struct Hub {
    shared: Arc<Shared>,
    runtime: Option<tokio::runtime::Runtime>,
    sender: Option<std::thread::JoinHandle<()>>,
    _folder: TempDir,
}

/// What the server, the sender of webhooks and the tests share.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Told whenever something may have changed.
    changed: Condvar,
}

impl Shared {
    /// Does something to the state, and wakes those who wait for it.
    fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let result = act(&mut self.state.lock());
        self.changed.notify_all();
        result
    }
}

impl Hub {
    /// Starts a github.com whose app is called `patchwright`, without repositories.
    ///
    /// # Errors
    /// The description cannot be read, or no socket is to be had.
    pub fn start() -> Result<Hub> {
        Hub::of(Edition::Cloud)
    }

    /// Starts a GitHub Enterprise Server.
    ///
    /// # Errors
    /// As [`Hub::start`].
    pub fn enterprise() -> Result<Hub> {
        Hub::of(Edition::Enterprise)
    }

    fn of(edition: Edition) -> Result<Hub> {
        description::Description::of(edition)?;
        let folder = tempfile::Builder::new().prefix("e2e-hub").tempdir()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("hub")
            .enable_all()
            .build()
            .context("start the fake's threads")?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").context("listen on loopback")?;
        listener.set_nonblocking(true)?;
        let origin = format!("http://{}", listener.local_addr()?);
        let listener = {
            let _within = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let state = new_state(edition, origin, folder.path().to_owned());
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        runtime.spawn(server::run(listener, Arc::clone(&shared)));
        let sending = Arc::clone(&shared);
        let sender =
            std::thread::Builder::new().name("hub-webhooks".to_owned()).spawn(move || webhooks::run(&sending))?;
        Ok(Hub { shared, runtime: Some(runtime), sender: Some(sender), _folder: folder })
    }

    /// Reads something from the state.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.shared.state.lock())
    }

    pub(crate) fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        self.shared.act(act)
    }

    /// Where the web pages and clones are: `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> String {
        self.read(|state| state.origin.clone())
    }

    /// The base URL of the REST interface.
    pub fn rest(&self) -> String {
        self.read(State::rest)
    }

    /// The URL of the GraphQL interface.
    pub fn graphql(&self) -> String {
        match self.read(|state| state.edition) {
            Edition::Cloud => format!("{}/graphql", self.origin()),
            Edition::Enterprise => format!("{}/api/graphql", self.origin()),
        }
    }

    /// Sends webhooks to this address from now on.
    pub fn deliver_to(&self, url: &str) {
        self.act(|state| state.app.hook_url = Some(url.to_owned()));
    }

    /// Signs with this secret from now on.
    pub fn set_secret(&self, secret: &str) {
        self.act(|state| {
            state.app.former_secret = std::mem::replace(&mut state.app.hook_secret, secret.to_owned());
        });
    }

    /// Says what becomes of the deliveries of everything that happens from now on.
    pub fn handle(&self, handling: Handling) {
        self.act(|state| state.handling = handling);
    }

    /// Sends what was held, in the order it happened or the other way round.
    pub fn release(&self, reversed: bool) {
        self.act(|state| {
            if reversed {
                state.waiting.make_contiguous().reverse();
            }
            for it in state.waiting.iter_mut().filter(|it| it.handling == Handling::Hold) {
                it.handling = Handling::Send;
            }
        });
    }

    /// Waits until every delivery that is not held was answered.
    ///
    /// # Errors
    /// That takes more than a minute.
    pub fn settle(&self) -> Result<()> {
        let mut state = self.shared.state.lock();
        let busy = |state: &mut State| {
            let deliverable =
                state.app.hook_url.is_some() && state.waiting.iter().any(|it| it.handling != Handling::Hold);
            state.sending > 0 || deliverable
        };
        let waited = self.shared.changed.wait_while_for(&mut state, busy, SETTLE);
        ensure!(!waited.timed_out(), "webhooks were still on their way after {SETTLE:?}");
        Ok(())
    }

    /// Waits until something holds of the effects.
    ///
    /// # Errors
    /// It does not within `limit`.
    pub fn wait_for(&self, limit: Duration, mut holds: impl FnMut(&[Effect]) -> bool) -> Result<()> {
        let mut state = self.shared.state.lock();
        let waited = self.shared.changed.wait_while_for(&mut state, |state| !holds(&state.effects), limit);
        ensure!(!waited.timed_out(), "what was waited for did not happen within {limit:?}");
        Ok(())
    }

    /// Returns all attempts to deliver, oldest first.
    pub fn deliveries(&self) -> Vec<Sent> {
        self.read(|state| state.deliveries.clone())
    }

    /// Puts a fault on the next request that matches.
    pub fn fail(&self, wanted: Match, fault: Fault) {
        self.fail_times(wanted, fault, 1);
    }

    /// Puts a fault on the next `times` requests that match.
    pub fn fail_times(&self, wanted: Match, fault: Fault, times: usize) {
        self.act(|state| state.faults.push(Rule::new(wanted, fault, times)));
    }

    /// Takes all faults away that were not used yet, and tells how many there were.
    pub fn heal(&self) -> usize {
        self.act(|state| std::mem::take(&mut state.faults).len())
    }

    /// Moves the fake's clock, forward or back.
    pub fn move_clock(&self, seconds: i64) {
        self.act(|state| state.clock.move_by(seconds));
    }

    /// Returns the time by the fake's clock, in seconds since 1970.
    pub fn now(&self) -> i64 {
        self.read(|state| state.clock.now())
    }

    /// Leaves an installation this many requests for the next seconds.
    ///
    /// # Errors
    /// There is no such installation.
    pub fn set_budget(&self, installation: u64, remaining: u64, seconds: i64) -> Result<()> {
        self.act(|state| {
            let reset = state.clock.now() + seconds;
            let it = state.installations.get_mut(&installation).context("the installation is there")?;
            it.budget = Some(Budget { remaining, reset });
            Ok(())
        })
    }

    /// Tells no limits, as an enterprise server does whose limits are off.
    pub fn tell_no_limits(&self) {
        self.act(|state| state.limit.told = false);
    }

    /// Installs the app in an account for some of its repositories and returns the installation's id.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn install(&self, account: &str, repositories: &[&str]) -> Result<u64> {
        self.act(|state| {
            let mut ids = BTreeSet::new();
            for name in repositories {
                ids.insert(state.repository_named(name).with_context(|| format!("there is no {name}"))?.id);
            }
            let id = state.next_id();
            let permissions = state.app.permissions.clone();
            let it = Installation {
                id,
                account: account.to_owned(),
                suspended_at: None,
                permissions,
                repositories: ids.clone(),
                budget: None,
            };
            let json = state.installation_json(&it)?;
            state.installations.insert(id, it);
            let mut listed = Vec::new();
            for id in ids {
                let it = state.repository(id)?;
                let node = answers::node("Repository", id);
                listed.push(json!({ "id": id, "node_id": node, "name": it.name, "full_name": it.full_name(), "private": it.private }));
            }
            let fields = json!({ "action": "created", "installation": json, "repositories": listed });
            state.emit_for(Some(id), "installation", Some("created"), None, account, fields)?;
            Ok(id)
        })
    }

    /// Grants an installation these permissions instead of what the app asks for.
    ///
    /// # Errors
    /// There is no such installation.
    pub fn set_permissions(&self, installation: u64, permissions: &[(&str, &str)]) -> Result<()> {
        self.act(|state| {
            let it = state.installations.get_mut(&installation).context("the installation is there")?;
            it.permissions =
                permissions.iter().map(|(name, level)| ((*name).to_owned(), (*level).to_owned())).collect();
            Ok(())
        })
    }

    /// Suspends an installation, or wakes it again.
    ///
    /// # Errors
    /// There is no such installation.
    pub fn suspend(&self, installation: u64, suspended: bool) -> Result<()> {
        self.act(|state| {
            let now = state.clock.now();
            let it = state.installations.get_mut(&installation).context("the installation is there")?;
            it.suspended_at = suspended.then_some(now);
            let (account, it) = (it.account.clone(), it.clone());
            let action = if suspended { "suspend" } else { "unsuspend" };
            let fields = json!({ "action": action, "installation": state.installation_json(&it)? });
            state.emit_for(Some(installation), "installation", Some(action), None, &account, fields)
        })
    }

    /// Makes every token that was handed out so far invalid.
    pub fn expire_tokens(&self) {
        self.act(|state| state.tokens.values_mut().for_each(|it| it.revoked = true));
    }

    /// Makes a code that an app's manifest can be converted with.
    pub fn offer_manifest(&self, code: &str, manifest: Value) {
        self.act(|state| state.manifest_codes.insert(code.to_owned(), manifest));
    }

    /// Sends a `ping`, as GitHub does when a hook is made.
    ///
    /// # Errors
    /// The payload cannot be made.
    pub fn ping(&self) -> Result<()> {
        self.act(|state| {
            let owner = state.app.owner.clone();
            state.emit_for(None, "ping", None, None, &owner, json!({}))
        })
    }

    /// Returns a complete payload of an event as GitHub would send it about a repository, without sending it.
    ///
    /// # Errors
    /// There is no such repository or event.
    pub fn payload(
        &self,
        event: &str,
        action: Option<&str>,
        repository: &str,
        sender: &str,
        fields: Value,
    ) -> Result<Value> {
        self.read(|state| {
            let id = state.repository_named(repository).with_context(|| format!("there is no {repository}"))?.id;
            let installation = state.installation_of(id).map(|it| it.id);
            state.payload(event, action, Some(id), installation, sender, fields)
        })
    }

    /// Returns every effect so far, oldest first.
    pub fn history(&self) -> Vec<Effect> {
        self.read(|state| state.effects.clone())
    }

    /// Returns every request so far, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.read(|state| state.requests.clone())
    }

    /// Returns the names of all operations that are served, in GitHub's words: `issues/create-comment`.
    ///
    /// # Errors
    /// The description cannot be read.
    pub fn operations(&self) -> Result<BTreeSet<String>> {
        let description = description::Description::of(self.read(|state| state.edition))?;
        Ok(description.operations().map(|it| it.id.clone()).collect())
    }

    /// Takes what did not fit GitHub's description so far: for tests that mean to break it.
    pub fn take_violations(&self) -> Vec<String> {
        self.act(|state| std::mem::take(&mut state.violations))
    }

    /// Ends the fake.
    ///
    /// # Errors
    /// Something did not fit GitHub's description, or a fault was never met: all of it is listed.
    pub fn finish(self) -> Result<()> {
        let violations = self.take_violations();
        let unused = self.heal();
        if !violations.is_empty() {
            bail!("against GitHub's description:\n- {}", violations.join("\n- "));
        }
        ensure!(unused == 0, "{unused} faults were never met");
        Ok(())
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.act(|state| state.over = true);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        // Nothing is to be done about a sender that failed: what it did not send is missing where it is looked for.
        if let Some(sender) = self.sender.take() {
            drop(sender.join());
        }
    }
}

fn new_state(edition: Edition, origin: String, folder: std::path::PathBuf) -> State {
    let granted = [
        ("metadata", "read"),
        ("contents", "write"),
        ("issues", "write"),
        ("pull_requests", "write"),
        ("checks", "write"),
        ("actions", "read"),
    ];
    let events = [
        "issues",
        "issue_comment",
        "pull_request",
        "pull_request_review",
        "pull_request_review_comment",
        "check_run",
        "check_suite",
        "workflow_run",
        "push",
        "repository",
        "member",
        "star",
    ];
    let app = AppRecord {
        id: APP_ID,
        slug: "patchwright".to_owned(),
        name: "Patchwright".to_owned(),
        owner: "maker".to_owned(),
        permissions: granted
            .iter()
            .map(|(name, level)| ((*name).to_owned(), (*level).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        events: events.iter().map(|it| (*it).to_owned()).collect(),
        hook_url: None,
        hook_secret: SECRET.to_owned(),
        former_secret: SECRET.to_owned(),
    };
    let mut state = State {
        edition,
        origin,
        clock: Clock::default(),
        folder,
        last_id: 1000,
        accounts: BTreeMap::new(),
        app,
        installations: BTreeMap::new(),
        tokens: Default::default(),
        repositories: BTreeMap::new(),
        former_names: Default::default(),
        manifest_codes: BTreeMap::new(),
        limit: Limit { an_hour: 5000, told: true },
        faults: Vec::new(),
        requests: Vec::new(),
        effects: Vec::new(),
        violations: Vec::new(),
        deliveries: Vec::new(),
        waiting: Default::default(),
        handling: Handling::default(),
        sending: 0,
        over: false,
    };
    state.add_account("maker", AccountKind::User);
    state.add_account("patchwright[bot]", AccountKind::Bot);
    state
}
