//! The fake's clock: the machine's, moved by a settable amount, in the forms GitHub writes.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// A clock that runs with the machine's and can be moved.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    ahead: i64,
}

impl Clock {
    /// Moves the clock by this many seconds, forward or back.
    pub fn move_by(&mut self, seconds: i64) {
        self.ahead = self.ahead.saturating_add(seconds);
    }

    /// Returns milliseconds since 1970.
    pub fn milliseconds(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX).saturating_add(self.ahead.saturating_mul(1000))
    }

    /// Returns seconds since 1970.
    pub fn now(&self) -> i64 {
        self.milliseconds().div_euclid(1000)
    }
}

/// Writes seconds since 1970 as `2026-01-02T03:04:05Z`.
pub fn iso(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

/// Writes seconds since 1970 as in a `Date` header.
pub(crate) fn http_date(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Reads a `Date` header.
pub(crate) fn parse_http_date(text: &str) -> Option<i64> {
    let civil = jiff::civil::DateTime::strptime("%a, %d %b %Y %H:%M:%S GMT", text.trim()).ok()?;
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_github_writes_them() {
        assert_eq!(iso(1_700_000_000), "2023-11-14T22:13:20Z");
        assert_eq!(http_date(1_700_000_000), "Tue, 14 Nov 2023 22:13:20 GMT");
        assert_eq!(parse_http_date("Tue, 14 Nov 2023 22:13:20 GMT"), Some(1_700_000_000));
        assert_eq!(parse_http_date("soon"), None);
    }

    #[test]
    fn a_moved_clock_stays_moved() {
        let mut clock = Clock::default();
        let before = clock.now();
        clock.move_by(-86_400);
        assert!(clock.now() <= before - 86_399);
    }
}
