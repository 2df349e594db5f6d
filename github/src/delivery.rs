//! Deliveries of webhooks, as GitHub kept them: what the gap sweep reads and asks for again.

use http::Method;
use http::header::LINK;
use serde::Deserialize;

use crate::client::{Auth, Call, Client, PAGE};
use crate::error::GitHubError;
use crate::id::{InstallationId, RepositoryId};

/// How many pages are read at most: 10,000 deliveries.
const MAX_PAGES: usize = 100;

/// A delivery, or one attempt of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DeliveryRecord {
    /// The id of this attempt.
    pub id: u64,
    /// The id of the delivery, the same for all attempts, which the `X-GitHub-Delivery` header carries.
    pub guid: String,
    /// When, as GitHub writes it.
    pub delivered_at: String,
    /// Whether somebody asked for it again.
    #[serde(default)]
    pub redelivery: bool,
    /// What became of it: `OK`, or a reason.
    #[serde(default)]
    pub status: String,
    /// The status that we answered with; 0 if we did not.
    #[serde(default)]
    pub status_code: u16,
    /// The event.
    #[serde(default)]
    pub event: String,
    /// What happened.
    pub action: Option<String>,
    /// The installation that it is for.
    pub installation_id: Option<InstallationId>,
    /// The repository that it is about.
    pub repository_id: Option<RepositoryId>,
}

/// A delivery with what was sent.
#[derive(Debug, Deserialize)]
pub struct Delivery {
    /// What is known of it.
    #[serde(flatten)]
    pub record: DeliveryRecord,
    /// What was sent; the payload's bytes may differ from those that were signed.
    pub request: DeliveryRequest,
}

/// What was sent.
#[derive(Debug, Deserialize)]
pub struct DeliveryRequest {
    /// The payload, as JSON.
    pub payload: Option<serde_json::Value>,
}

impl DeliveryRecord {
    /// Returns whether we took the delivery.
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.status_code)
    }
}

impl Client {
    /// Reads the deliveries since a time, the newest first. GitHub keeps them for three days.
    ///
    /// # Errors
    /// When GitHub cannot be asked.
    pub async fn deliveries(&self, since: jiff::Timestamp) -> Result<Vec<DeliveryRecord>, GitHubError> {
        const WHAT: &str = "read the deliveries";
        let mut all: Vec<DeliveryRecord> = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let mut call = Call::get(WHAT, Auth::App, "/app/hook/deliveries".to_owned()).query("per_page", PAGE);
            if let Some(cursor) = &cursor {
                call = call.query("cursor", cursor);
            }
            let answer = self.call(call).await?;
            let page: Vec<DeliveryRecord> = answer.json(WHAT)?;
            let link = answer.headers.get(LINK).and_then(|it| it.to_str().ok()).unwrap_or_default();
            cursor = next_cursor(link);
            let total = page.len();
            let before = all.len();
            let recent = |it: &DeliveryRecord| it.delivered_at.parse().is_ok_and(|at: jiff::Timestamp| at >= since);
            all.extend(page.into_iter().filter(recent));
            // They come newest first: the first one that is too old ends the list.
            if cursor.is_none() || all.len() - before < total || total == 0 {
                break;
            }
        }
        Ok(all)
    }

    /// Reads a delivery with its payload.
    ///
    /// # Errors
    /// When it is gone, or GitHub cannot be asked.
    pub async fn delivery(&self, id: u64) -> Result<Delivery, GitHubError> {
        let call = Call::get("read a delivery", Auth::App, format!("/app/hook/deliveries/{id}"));
        self.read(call).await
    }

    /// Asks GitHub to deliver once more.
    ///
    /// # Errors
    /// When the delivery is gone, or GitHub cannot be asked.
    pub async fn redeliver(&self, id: u64) -> Result<(), GitHubError> {
        let path = format!("/app/hook/deliveries/{id}/attempts");
        self.call(Call::change("deliver again", Method::POST, Auth::App, path)).await.map(drop)
    }
}

/// Reads where the next page begins out of a `Link` header; the address around it is not followed.
fn next_cursor(link: &str) -> Option<String> {
    let next = link.split(',').find(|it| it.contains("rel=\"next\""))?;
    let (address, _) = next.trim().strip_prefix('<')?.split_once('>')?;
    let (_, query) = address.split_once('?')?;
    let cursor = query.split('&').find_map(|it| it.strip_prefix("cursor="))?;
    let fits = (1..=200).contains(&cursor.len())
        && cursor.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-=.".contains(&it));
    fits.then(|| cursor.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_the_next_page_is_taken_out_of_its_address() {
        let link =
            |address: &str| format!("<{address}>; rel=\"next\", <https://api.github.com/x?cursor=v1_0>; rel=\"prev\"");
        let check = |address: &str, expected: Option<&str>| {
            assert_eq!(next_cursor(&link(address)).as_deref(), expected, "{address}");
        };
        check("https://api.github.com/app/hook/deliveries?per_page=2&cursor=v1_17323292984", Some("v1_17323292984"));
        check("https://evil.example.com/?cursor=abc", Some("abc"));
        check("https://api.github.com/app/hook/deliveries?cursor=a%26b", None);
        check("https://api.github.com/app/hook/deliveries", None);
        assert_eq!(next_cursor(""), None);
        assert_eq!(next_cursor("<>; rel=\"next\""), None);
    }
}
