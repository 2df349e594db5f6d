//! Answers kept with their tags, so that a read of what did not change costs nothing of the hourly limit.
//! <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate>

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use http::HeaderValue;
use parking_lot::Mutex;

use super::Auth;

/// How much is kept, in bytes of bodies.
const MAX_KEPT: usize = 4 * 1024 * 1024;
/// The largest answer that is kept.
const MAX_ONE: usize = 256 * 1024;

/// An answer and its tag.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) etag: HeaderValue,
    pub(super) body: Bytes,
}

/// The answers of one client. What one token may see is never shown to another.
#[derive(Debug, Default)]
pub(super) struct Cache {
    shelf: Mutex<Shelf>,
}

type Key = (Auth, &'static str, String);

#[derive(Debug, Default)]
struct Shelf {
    known: HashMap<Key, Known>,
    /// The keys by age, oldest first.
    ages: VecDeque<Key>,
    bytes: usize,
}

impl Cache {
    pub(super) fn get(&self, auth: Auth, accept: &'static str, url: &str) -> Option<Known> {
        self.shelf.lock().known.get(&(auth, accept, url.to_owned())).cloned()
    }

    pub(super) fn put(&self, auth: Auth, accept: &'static str, url: &str, etag: HeaderValue, body: Bytes) {
        if body.len() > MAX_ONE {
            return;
        }
        let key = (auth, accept, url.to_owned());
        let mut shelf = self.shelf.lock();
        shelf.bytes += body.len();
        match shelf.known.insert(key.clone(), Known { etag, body }) {
            Some(old) => shelf.bytes -= old.body.len(),
            None => shelf.ages.push_back(key),
        }
        while shelf.bytes > MAX_KEPT {
            let Some(oldest) = shelf.ages.pop_front() else { break };
            if let Some(old) = shelf.known.remove(&oldest) {
                shelf.bytes -= old.body.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_answers_go_first() {
        let cache = Cache::default();
        let put = |url: &str, size: usize| {
            cache.put(Auth::App, "json", url, HeaderValue::from_static("\"x\""), Bytes::from(vec![0; size]));
        };
        put("large", MAX_ONE + 1);
        assert!(cache.get(Auth::App, "json", "large").is_none());
        for number in 0..17 {
            put(&number.to_string(), MAX_ONE);
        }
        assert!(cache.get(Auth::App, "json", "0").is_none());
        assert!(cache.get(Auth::App, "json", "16").is_some());
        assert!(cache.get(Auth::None, "json", "16").is_none(), "another's answer");
        put("16", 1);
        let shelf = cache.shelf.lock();
        assert!(shelf.bytes <= MAX_KEPT - MAX_ONE + 1);
        assert_eq!(shelf.ages.len(), shelf.known.len());
    }
}
