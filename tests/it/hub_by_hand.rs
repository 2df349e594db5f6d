//! A plain HTTP client for the tests of the fake GitHub itself: no code of ours but what signs a JWT.

use e2e::hub::{APP_ID, Hub, sign_jwt};
use http::HeaderMap;
use serde_json::{Value, json};

/// What came back.
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|it| it.to_str().unwrap())
    }
}

/// Speaks to a fake as somebody.
pub(crate) struct ByHand<'a> {
    hub: &'a Hub,
    client: reqwest::Client,
    authorization: Option<String>,
}

pub(crate) fn client() -> reqwest::Client {
    // Another test may have been first.
    drop(rustls::crypto::ring::default_provider().install_default());
    let redirects = reqwest::redirect::Policy::none();
    reqwest::Client::builder().user_agent("by hand").redirect(redirects).build().unwrap()
}

/// Claims that GitHub takes.
pub(crate) fn claims(hub: &Hub) -> Value {
    json!({ "iss": APP_ID.to_string(), "iat": hub.now() - 60, "exp": hub.now() + 500 })
}

impl<'a> ByHand<'a> {
    /// Nobody.
    pub(crate) fn new(hub: &'a Hub) -> ByHand<'a> {
        ByHand { hub, client: client(), authorization: None }
    }

    /// The app.
    pub(crate) fn app(hub: &'a Hub) -> ByHand<'a> {
        ByHand::new(hub).with(&sign_jwt(&claims(hub)).unwrap())
    }

    /// The installation, by a token for these repositories and permissions.
    pub(crate) async fn installed(
        hub: &'a Hub,
        installation: u64,
        repositories: &[u64],
        permissions: Value,
    ) -> ByHand<'a> {
        let token = token(hub, installation, repositories, permissions).await;
        ByHand::new(hub).with(&token)
    }

    /// Somebody else by their token.
    pub(crate) fn with(mut self, token: &str) -> ByHand<'a> {
        self.authorization = Some(format!("Bearer {token}"));
        self
    }

    pub(crate) async fn try_send(&self, method: &str, path: &str, body: Option<Value>) -> Result<Got, reqwest::Error> {
        self.send_with(method, path, body, &[]).await
    }

    pub(crate) async fn send_with(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Result<Got, reqwest::Error> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.hub.rest()) };
        let mut request = self.client.request(method.parse().unwrap(), url);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = &body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await?;
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Ok(Got { status, headers, body })
    }

    /// Asks, and wants this status.
    pub(crate) async fn get(&self, path: &str, status: u16) -> Got {
        self.sent("GET", path, None, status).await
    }

    /// Sends a body, and wants this status.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Value, status: u16) -> Got {
        self.sent(method, path, Some(body), status).await
    }

    /// Sends no body, and wants this status.
    pub(crate) async fn sent(&self, method: &str, path: &str, body: Option<Value>, status: u16) -> Got {
        let got = self.try_send(method, path, body).await.unwrap();
        assert_eq!(got.status, status, "{method} {path}: {}", got.body);
        got
    }
}

/// A token of an installation.
pub(crate) async fn token(hub: &Hub, installation: u64, repositories: &[u64], permissions: Value) -> String {
    let path = format!("/app/installations/{installation}/access_tokens");
    let body = json!({ "repository_ids": repositories, "permissions": permissions });
    let got = ByHand::app(hub).send("POST", &path, body, 201).await;
    got.body["token"].as_str().unwrap().to_owned()
}

/// All that the publisher may do.
pub(crate) fn publishing() -> Value {
    json!({ "contents": "write", "issues": "write", "pull_requests": "write", "checks": "write" })
}
