//! Time and randomness, the only place that asks the machine for either.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Measures how long ago a job began.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "this is the place that may ask")]
    pub fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// Returns the time since the start; it never goes back.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Returns milliseconds since 1970 for display and file names.
#[expect(clippy::disallowed_methods, reason = "this is the place that may ask")]
pub fn wall_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the generator that a seed names; the same on every machine.
pub fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}
