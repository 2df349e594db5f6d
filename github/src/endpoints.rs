//! Where GitHub is: github.com, or a GitHub Enterprise Server.
//!
//! Every address that is asked is made here from settings and ids. None is taken from an answer, except for a redirect that stays within the
//! API, as GitHub sends for a renamed repository.

use http::Uri;

use crate::issue::RepoName;

/// The addresses of a GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Scheme and host of the REST API.
    origin: String,
    /// What every path of the REST API begins with, such as `/api/v3`; empty on github.com.
    prefix: String,
    graphql: String,
    web: String,
}

/// Why an address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the address `{address}` of GitHub cannot be used: {reason}")]
pub struct EndpointError {
    /// The address, without what stands before an `@`.
    pub address: String,
    /// Why.
    pub reason: &'static str,
}

impl Default for Endpoints {
    fn default() -> Endpoints {
        Endpoints {
            origin: "https://api.github.com".to_owned(),
            prefix: String::new(),
            graphql: "https://api.github.com/graphql".to_owned(),
            web: "https://github.com".to_owned(),
        }
    }
}

impl Endpoints {
    /// Returns the addresses of a GitHub Enterprise Server, given the address that people open, such as `https://github.example.com`.
    ///
    /// # Errors
    /// When it is no `https` address of a host alone.
    pub fn enterprise(web: &str) -> Result<Endpoints, EndpointError> {
        let web = Address::parse(web)?;
        if !web.path.is_empty() {
            return Err(web.refused("it has a path: give the host alone, such as https://github.example.com"));
        }
        let Address { origin, .. } = web;
        Ok(Endpoints {
            prefix: "/api/v3".to_owned(),
            graphql: format!("{origin}/api/graphql"),
            web: origin.clone(),
            origin,
        })
    }

    /// Returns addresses given one by one: of the REST API, of GraphQL, and of the host that is cloned from.
    ///
    /// # Errors
    /// When one is neither `https` nor `http` on this machine, or has anything but a host and a path.
    pub fn at(rest: &str, graphql: &str, web: &str) -> Result<Endpoints, EndpointError> {
        let (rest, graphql, web) = (Address::parse(rest)?, Address::parse(graphql)?, Address::parse(web)?);
        Ok(Endpoints { origin: rest.origin, prefix: rest.path, graphql: graphql.whole(), web: web.whole() })
    }

    /// Returns the address that git clones a repository from; it carries no token.
    pub fn clone_url(&self, repo: &RepoName) -> String {
        format!("{}/{repo}.git", self.web)
    }

    /// Returns the address at which people read an issue or a pull request.
    pub fn issue_url(&self, repo: &RepoName, number: u64) -> String {
        format!("{}/{repo}/issues/{number}", self.web)
    }

    /// Returns the address of the pages for people, without a slash at the end.
    pub fn web(&self) -> &str {
        &self.web
    }

    pub(crate) fn rest(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin, self.prefix)
    }

    pub(crate) fn graphql(&self) -> &str {
        &self.graphql
    }

    /// Returns the path below the API that a redirect leads to, or what is wrong with it.
    pub(crate) fn path_of_redirect(&self, location: &str) -> Result<String, &'static str> {
        let uri: Uri = location.parse().map_err(|_| "something that is no address")?;
        if let Some(authority) = uri.authority() {
            let scheme = uri.scheme_str().unwrap_or_default();
            if !format!("{scheme}://{authority}").eq_ignore_ascii_case(&self.origin) {
                return Err("another host");
            }
        }
        let path = uri.path_and_query().map_or("/", |it| it.as_str());
        let below = path.strip_prefix(&self.prefix).filter(|it| it.starts_with('/') && !it.starts_with("//"));
        let below = below.ok_or("a place outside of the API")?;
        match below.split(['/', '?']).any(|part| matches!(part, "." | "..")) {
            true => Err("a place outside of the API"),
            false => Ok(below.to_owned()),
        }
    }
}

struct Address {
    origin: String,
    path: String,
}

impl Address {
    fn parse(text: &str) -> Result<Address, EndpointError> {
        let shown = text.rsplit('@').next().unwrap_or_default().to_owned();
        let refused = |reason| Err(EndpointError { address: shown.clone(), reason });
        let Ok(uri) = text.trim().parse::<Uri>() else { return refused("it is no address") };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return refused("it does not begin with https:// and a host");
        };
        if authority.as_str().contains('@') {
            return refused("it has a user name or a password in it");
        }
        let own_machine = matches!(authority.host(), "127.0.0.1" | "[::1]" | "localhost");
        if scheme != "https" && !(scheme == "http" && own_machine) {
            return refused("tokens would travel in the clear: use https");
        }
        if uri.query().is_some() {
            return refused("it has a question mark");
        }
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Address { origin: format!("{scheme}://{authority}").to_ascii_lowercase(), path })
    }

    fn whole(&self) -> String {
        format!("{}{}", self.origin, self.path)
    }

    fn refused(&self, reason: &'static str) -> EndpointError {
        EndpointError { address: self.whole(), reason }
    }
}

/// Writes a text as one part of a path.
pub(crate) fn segment(text: &str) -> String {
    encode(text, "-._~")
}

/// Writes a text as several parts of a path, which its slashes part.
pub(crate) fn segments(text: &str) -> String {
    encode(text, "-._~/")
}

fn encode(text: &str, kept: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_have_their_addresses() {
        let github = Endpoints::default();
        assert_eq!(github.rest("/app"), "https://api.github.com/app");
        assert_eq!(github.clone_url(&RepoName::new("a", "b").unwrap()), "https://github.com/a/b.git");
        let server = Endpoints::enterprise("https://Git.Example.com/").unwrap();
        assert_eq!(server.rest("/app"), "https://git.example.com/api/v3/app");
        assert_eq!(server.graphql(), "https://git.example.com/api/graphql");
        assert_eq!(server.issue_url(&RepoName::new("a", "b").unwrap(), 7), "https://git.example.com/a/b/issues/7");
        let local =
            Endpoints::at("http://127.0.0.1:80/api/v3/", "http://[::1]:81/graphql", "http://localhost").unwrap();
        assert_eq!(local.rest("/x"), "http://127.0.0.1:80/api/v3/x");
    }

    #[test]
    fn addresses_that_would_give_tokens_away_are_refused() {
        let check = |address: &str, expected: &str| {
            let error = Endpoints::enterprise(address).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        };
        check("http://github.example.com", "in the clear");
        check("https://me:hunter2@github.example.com", "user name or a password");
        check("github.example.com", "does not begin with https://");
        check("https://github.example.com/api/v3", "give the host alone");
        check("https://github.example.com/?x=1", "question mark");
        check("file:///etc/passwd", "no address");
        check("not an address", "no address");
    }

    #[test]
    fn redirects_stay_within_the_api() {
        let server = Endpoints::enterprise("https://git.example.com").unwrap();
        let check = |location: &str, expected: Result<&str, &'static str>| {
            assert_eq!(server.path_of_redirect(location).as_deref(), expected.as_ref().map(|it| *it), "{location}");
        };
        check("https://git.example.com/api/v3/repositories/7/issues?page=2", Ok("/repositories/7/issues?page=2"));
        check("/api/v3/repositories/7", Ok("/repositories/7"));
        check("https://evil.example.com/api/v3/repositories/7", Err("another host"));
        check("http://git.example.com/api/v3/repositories/7", Err("another host"));
        check("https://git.example.com:8443/api/v3/x", Err("another host"));
        check("https://x@git.example.com/api/v3/x", Err("another host"));
        check("http://169.254.169.254/latest", Err("another host"));
        check("//evil.example.com/api/v3/x", Err("a place outside of the API"));
        check("https://git.example.com/login", Err("a place outside of the API"));
        check("/api/v3/../../login", Err("a place outside of the API"));
        check("/api/v30/x", Err("a place outside of the API"));
        check("file:///etc/passwd", Err("something that is no address"));
        check("\u{0}", Err("something that is no address"));
    }

    #[test]
    fn parts_of_paths_are_escaped() {
        assert_eq!(segment("a/b c?d#e%f\u{e9}"), "a%2Fb%20c%3Fd%23e%25f%C3%A9");
        assert_eq!(segments("fix/issue-7#1"), "fix/issue-7%231");
    }
}
