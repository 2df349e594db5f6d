//! Who a request is from, and what it may do.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};

use super::answers::with;
use super::call::{Answer, Call, Refusal, Reply};
use super::clock::iso;
use super::history::{Change, Credential};
use super::state::{State, Token};

/// The private key of the fake's app, as GitHub hands it out (PKCS#1). It opens nothing else.
pub const PRIVATE_KEY: &str = include_str!("../../fixtures/github/app.private-key.pem");
/// The longest life of a JWT, in seconds.
const LONGEST: i64 = 600;
/// The life of a token, in seconds.
const TOKEN_LIFE: i64 = 3600;

/// What an operation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Anyone may.
    Nobody,
    /// The app's JWT.
    App,
    /// Any token.
    Token,
    /// A token with this permission for the repository.
    Permission(&'static str),
}

/// What an operation asks for, by its name in the description.
pub(crate) fn need(operation: &str) -> Need {
    match operation {
        "apps/create-from-manifest" | "meta/get" | "rate-limit/get" => Need::Nobody,
        "apps/list-repos-accessible-to-installation" | "apps/revoke-installation-access-token" => Need::Token,
        "users/get-by-username" | "search/issues-and-pull-requests" => Need::Token,
        "repos/get" | "repos/get-collaborator-permission-level" | "repos/get-branch-rules" => {
            Need::Permission("metadata")
        }
        "repos/list-pull-requests-associated-with-commit" => Need::Permission("pull_requests"),
        "repos/get-combined-status-for-ref" => Need::Permission("statuses"),
        other => match other.split('/').next().unwrap_or_default() {
            "apps" => Need::App,
            "checks" => Need::Permission("checks"),
            "actions" => Need::Permission("actions"),
            "issues" | "reactions" => Need::Permission("issues"),
            "pulls" => Need::Permission("pull_requests"),
            _ => Need::Permission("contents"),
        },
    }
}

/// Reads who a request is from: `Bearer` or `token`, or a basic password for git.
pub(crate) fn credential(state: &State, authorization: Option<&str>) -> Credential {
    let Some(header) = authorization else { return Credential::Nobody };
    let Some((scheme, given)) = header.split_once(' ') else { return Credential::Refused("no scheme".to_owned()) };
    let given = given.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "basic" => match STANDARD.decode(given).ok().and_then(|it| String::from_utf8(it).ok()) {
            Some(pair) => of_token(state, pair.split_once(':').map_or("", |it| it.1)),
            None => Credential::Refused("Bad credentials".to_owned()),
        },
        "bearer" if given.matches('.').count() == 2 => match verified(state, given) {
            Ok(()) => Credential::App,
            Err(why) => Credential::Refused(why),
        },
        "bearer" | "token" => of_token(state, given),
        _ => Credential::Refused("Bad credentials".to_owned()),
    }
}

fn of_token(state: &State, text: &str) -> Credential {
    match state.tokens.get(text) {
        Some(token) if !token.revoked && token.expires > state.clock.now() => Credential::Installation {
            token: token.number,
            installation: token.installation,
            repositories: token.repositories.clone(),
            narrowed: token.narrowed,
            permissions: token.permissions.clone(),
        },
        _ => Credential::Refused("Bad credentials".to_owned()),
    }
}

/// Checks a JWT by GitHub's rules, with the words of its refusals.
fn verified(state: &State, jwt: &str) -> Result<(), String> {
    let undecodable = || "A JSON web token could not be decoded".to_owned();
    let (signed, signature) = jwt.rsplit_once('.').ok_or_else(undecodable)?;
    let (header, claims) = signed.split_once('.').ok_or_else(undecodable)?;
    let read = |part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice::<Value>(&bytes).ok()
    };
    let (header, claims) = (read(header).ok_or_else(undecodable)?, read(claims).ok_or_else(undecodable)?);
    if header["alg"] != "RS256" {
        return Err(undecodable());
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| undecodable())?;
    let key = public_key().map_err(|error| format!("{error:#}"))?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| undecodable())?;
    let issuer = claims["iss"].as_str().map(str::to_owned).or(claims["iss"].as_u64().map(|it| it.to_string()));
    if issuer != Some(state.app.id.to_string()) {
        return Err("Integration not found".to_owned());
    }
    let now = state.clock.now();
    let Some(issued) = claims["iat"].as_i64().filter(|it| *it <= now) else {
        let words = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
        return Err(words.to_owned());
    };
    match claims["exp"].as_i64() {
        Some(end) if end <= now => Err("'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires".to_owned()),
        Some(end) if end - issued.max(now) > LONGEST => {
            Err("'Expiration time' claim ('exp') is too far in the future".to_owned())
        }
        Some(_) => Ok(()),
        None => Err("Missing 'expiration time' claim ('exp') in assertion".to_owned()),
    }
}

fn key_pair() -> Result<RsaKeyPair> {
    let text: String = PRIVATE_KEY.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(text).context("the key of the fake's app is PEM")?;
    RsaKeyPair::from_der(&der).map_err(|error| anyhow::anyhow!("the key of the fake's app: {error}"))
}

fn public_key() -> Result<Vec<u8>> {
    Ok(key_pair()?.public_key().as_ref().to_vec())
}

/// Signs claims with the app's key: a JWT for tests that speak to the fake by hand.
///
/// # Errors
/// The key cannot be used.
pub fn sign_jwt(claims: &Value) -> Result<String> {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&json!({ "alg": "RS256", "typ": "JWT" })), encode(claims));
    let pair = key_pair()?;
    let mut signature = vec![0; pair.public().modulus_len()];
    let random = ring::rand::SystemRandom::new();
    pair.sign(&ring::signature::RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature)
        .map_err(|error| anyhow::anyhow!("sign a JWT: {error}"))?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// Refuses what a credential may not do, before the operation looks at anything.
pub(crate) fn admit(state: &State, call: &Call) -> Result<(), Refusal> {
    if let Credential::Refused(why) = &call.credential {
        return Err(Refusal::Status(401, why.clone()));
    }
    if let Credential::Installation { installation, .. } = &call.credential {
        let installation = state.installations.get(installation);
        if installation.is_none_or(|it| it.suspended_at.is_some()) {
            return Err(Refusal::Status(403, "This installation has been suspended".to_owned()));
        }
    }
    match (need(&call.operation), &call.credential) {
        (Need::Nobody, _)
        | (Need::App, Credential::App)
        | (Need::Token | Need::Permission(_), Credential::Installation { .. }) => Ok(()),
        (Need::App, _) => Err(Refusal::Status(401, "A JSON web token could not be decoded".to_owned())),
        (_, Credential::App) => Err(Refusal::Status(403, "Resource not accessible by integration".to_owned())),
        (_, _) => Err(Refusal::Status(401, "Requires authentication".to_owned())),
    }
}

/// Refuses what a token may not do in a repository: another's is unknown to it, and so is what its permissions leave out.
pub(crate) fn admit_to(state: &State, call: &Call, repository: u64) -> Result<(), Refusal> {
    let (Need::Permission(name), Credential::Installation { repositories, permissions, .. }) =
        (need(&call.operation), &call.credential)
    else {
        return Ok(());
    };
    if !repositories.contains(&repository) {
        return Err(Refusal::not_found());
    }
    let level = |name: &str| permissions.get(name).map(String::as_str);
    let writes = call.method != "GET";
    let enough = |name: &str| match level(name) {
        Some("write" | "admin") => true,
        Some("read") => !writes,
        _ => name == "metadata" && !writes,
    };
    // What belongs to issues is open to those who may care for pull requests, where the number is one's.
    let number = call.path_values.get("issue_number").and_then(|it| it.parse::<u64>().ok());
    let pull = state.repository(repository).is_ok_and(|repository| {
        let of_comment = call.path_values.get("comment_id").and_then(|it| it.parse().ok());
        let of_comment = of_comment.and_then(|id: u64| repository.comments.get(&id)).map(|it| it.issue);
        let reviewed = call.operation.contains("pull-request");
        reviewed || number.or(of_comment).and_then(|it| repository.issues.get(&it)).is_some_and(|it| it.pull.is_some())
    });
    if enough(name) || (name == "issues" && pull && enough("pull_requests")) {
        return Ok(());
    }
    Err(Refusal::Status(403, "Resource not accessible by integration".to_owned()))
}

/// Makes a token of an installation, for the repositories and permissions that the request names.
pub(crate) fn mint(state: &mut State, call: &Call) -> Reply {
    let id = call.number("installation_id")?;
    let installation = state.installations.get(&id).cloned().ok_or_else(Refusal::not_found)?;
    if installation.suspended_at.is_some() {
        return Err(Refusal::Status(403, "This installation has been suspended".to_owned()));
    }
    let wanted = wanted_repositories(state, call, &installation.repositories)?;
    let narrowed = wanted.is_some();
    let repositories = wanted.unwrap_or_else(|| installation.repositories.clone());
    let mut permissions = installation.permissions.clone();
    if let Some(asked) = call.body["permissions"].as_object() {
        permissions = BTreeMap::from([("metadata".to_owned(), "read".to_owned())]);
        for (name, level) in asked {
            let level = level.as_str().unwrap_or_default();
            let granted = installation.permissions.get(name).map(String::as_str);
            if !(granted == Some(level) || (granted == Some("write") && level == "read") || name == "metadata") {
                let words = "The permissions requested are not granted to this installation.";
                return Err(Refusal::Status(422, words.to_owned()));
            }
            permissions.insert(name.clone(), level.to_owned());
        }
    }
    let number = state.next_id();
    let text = token_text(number, state.clock.milliseconds());
    let expires = state.clock.now() + TOKEN_LIFE;
    let token = Token {
        number,
        installation: id,
        repositories: repositories.clone(),
        narrowed,
        permissions,
        expires,
        revoked: false,
    };
    let template = state.template("apps/create-installation-access-token", None)?;
    let mut listed = Vec::new();
    for id in &repositories {
        listed.push(state.repository_json(state.repository(*id)?, super::answers::Detail::Listed)?);
    }
    let selection = if narrowed { "selected" } else { "all" };
    let body = with(
        super::answers::without(template, &["single_file", "single_file_paths", "has_multiple_single_files"]),
        json!({
            "token": text, "expires_at": iso(expires), "permissions": token.permissions, "repository_selection": selection,
            "repositories": listed,
        }),
    );
    state.tokens.insert(text, token);
    let actor = state.bot();
    state.effect(Some(call), &actor, 0, Change::Token { number, installation: id });
    Ok(Answer::json(201, body))
}

fn wanted_repositories(state: &State, call: &Call, had: &BTreeSet<u64>) -> Result<Option<BTreeSet<u64>>, Refusal> {
    let ids =
        call.body["repository_ids"].as_array().map(|it| it.iter().filter_map(Value::as_u64).collect::<BTreeSet<_>>());
    let names = call.body["repositories"].as_array().map(|it| {
        let named = |name: &Value| {
            state.repositories.values().find(|it| had.contains(&it.id) && name == &json!(it.name)).map_or(0, |it| it.id)
        };
        it.iter().map(named).collect::<BTreeSet<_>>()
    });
    let wanted = ids.or(names);
    if wanted.as_ref().is_some_and(|it| it.is_empty() || !it.is_subset(had)) {
        let words =
            "There is at least one repository that does not exist or is not accessible to the parent installation.";
        return Err(Refusal::Status(422, words.to_owned()));
    }
    Ok(wanted)
}

/// A token nobody can guess from another one, of a length of its own.
fn token_text(number: u64, now: i64) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, format!("{number} {now}").as_bytes());
    let long = hex::encode(digest.as_ref());
    format!("ghs_{}", &long[..36 + usize::try_from(number % 20).unwrap_or(0)])
}

/// Gives a token back.
pub(crate) fn revoke(state: &mut State, call: &Call) -> Reply {
    let Credential::Installation { token: number, .. } = call.credential else { return Err(Refusal::not_found()) };
    for token in state.tokens.values_mut().filter(|it| it.number == number) {
        token.revoked = true;
    }
    let actor = state.bot();
    state.effect(Some(call), &actor, 0, Change::TokenRevoked { number });
    Ok(Answer::empty(204))
}
