//! Counts what happened within the last minute or hour.

use std::collections::VecDeque;
use std::time::Duration;

/// What happened, by time, oldest first.
#[derive(Debug, Default)]
pub(super) struct Window {
    entries: VecDeque<(Duration, u64)>,
}

impl Window {
    /// Returns how long to wait until `amount` more fits below `limit` within `span`; `None` if it fits now.
    pub(super) fn wait(&self, amount: u64, limit: u64, span: Duration, now: Duration) -> Option<Duration> {
        let recent = || self.entries.iter().filter(|(at, _)| *at + span > now);
        let mut total: u64 = recent().map(|(_, amount)| amount).sum();
        if total + amount <= limit {
            return None;
        }
        for (at, leaving) in recent() {
            total -= leaving;
            if total + amount <= limit {
                return Some(*at + span - now);
            }
        }
        // A single request larger than the limit goes alone.
        (total > 0).then_some(span)
    }

    /// Adds what happens now, and forgets what is older than `span`, the longest that is asked for.
    pub(super) fn enter(&mut self, amount: u64, span: Duration, now: Duration) {
        while self.entries.front().is_some_and(|(at, _)| *at + span <= now) {
            self.entries.pop_front();
        }
        self.entries.push_back((now, amount));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_fills_and_empties() {
        let second = Duration::from_secs;
        let mut window = Window::default();
        for at in [0, 10, 20] {
            assert_eq!(window.wait(2, 6, second(60), second(at)), None);
            window.enter(2, second(60), second(at));
        }
        assert_eq!(window.wait(2, 6, second(60), second(30)), Some(second(30)));
        assert_eq!(window.wait(4, 6, second(60), second(30)), Some(second(40)));
        assert_eq!(window.wait(2, 6, second(60), second(60)), None);
        assert_eq!(window.wait(9, 6, second(60), second(100)), None);
        window.enter(1, second(60), second(100));
        assert_eq!(window.entries.len(), 1);
    }
}
