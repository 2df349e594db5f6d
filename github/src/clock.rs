//! Time, as the client sees it: given from outside, so that tests never wait.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// What tells the time and lets it pass.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Returns the wall clock's time, which may jump.
    fn now(&self) -> Timestamp;

    /// Returns the time since some fixed moment; it never goes back, and waits are measured with it.
    fn elapsed(&self) -> Duration;

    /// Lets time pass.
    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> SystemClock {
        SystemClock { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// Adds a span to a moment; a moment past the end of time is the end of time.
pub(crate) fn later(moment: Timestamp, span: Duration) -> Timestamp {
    moment.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// Reads the date of an HTTP header, such as `Thu, 06 Feb 2020 18:33:32 GMT`.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    // A wrong name of the day makes a date no less clear.
    let parser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    parser.parse_timestamp(text.trim()).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use parking_lot::Mutex;

    use super::*;

    /// A clock that moves only when it is told to, or when somebody sleeps.
    #[derive(Debug)]
    pub(crate) struct TestClock {
        pub(crate) epoch: i64,
        passed: Mutex<Duration>,
        naps: Mutex<Vec<Duration>>,
    }

    impl TestClock {
        /// Starts at 2026-11-21T00:00:00Z.
        pub(crate) fn new() -> TestClock {
            TestClock { epoch: 1_795_219_200, passed: Mutex::default(), naps: Mutex::default() }
        }

        /// Starts at the machine's time, for servers that date their answers by it.
        pub(crate) fn today() -> TestClock {
            TestClock { epoch: Timestamp::now().as_second(), ..TestClock::new() }
        }

        pub(crate) fn pass(&self, time: Duration) {
            *self.passed.lock() += time;
        }

        /// Returns how long everybody slept since the last time it was asked.
        pub(crate) fn naps(&self) -> Vec<Duration> {
            std::mem::take(&mut self.naps.lock())
        }
    }

    impl Clock for TestClock {
        fn now(&self) -> Timestamp {
            later(Timestamp::from_second(self.epoch).unwrap(), *self.passed.lock())
        }

        fn elapsed(&self) -> Duration {
            *self.passed.lock()
        }

        fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
            self.pass(time);
            self.naps.lock().push(time);
            Box::pin(std::future::ready(()))
        }
    }

    #[test]
    fn dates_of_headers_are_read() {
        let check = |text: &str, expected: &str| assert_eq!(http_date(text).unwrap().to_string(), expected);
        check("Thu, 06 Feb 2020 18:33:32 GMT", "2020-02-06T18:33:32Z");
        check("Fri, 06 Feb 2020 18:33:32 GMT", "2020-02-06T18:33:32Z");
        check(" Sun, 22 Nov 2026 23:59:59 GMT ", "2026-11-22T23:59:59Z");
        for text in ["", "30", "2020-02-06", "Thu, 99 Feb 2020 18:33:32 GMT", "\u{0}"] {
            assert_eq!(http_date(text), None, "{text}");
        }
        assert_eq!(later(Timestamp::MAX, Duration::from_secs(1)), Timestamp::MAX);
    }
}
