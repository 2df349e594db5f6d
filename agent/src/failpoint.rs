//! Places at which a test may kill the process, compiled only into tests and under the feature `failpoints`.
//!
//! Each area lists its points in one constant, so that a test kills at every one of them instead of at those somebody thought of.
//! `PATCHWRIGHT_FAIL_AT=store.accept.before_commit:3` kills at the third time that point is reached; without a number, at the first.

/// Names a place in the code by area, action and step; a no-operation unless the program is built for tests or with the feature `failpoints`.
#[macro_export]
macro_rules! fail_point {
    ($area:expr, $action:expr, $step:expr) => {
        $crate::failpoint::reached($area, $action, $step)
    };
}

/// The variable that says where to die.
pub const VARIABLE: &str = "PATCHWRIGHT_FAIL_AT";

/// Does nothing in a program for use.
#[cfg(not(any(test, feature = "failpoints")))]
#[inline(always)]
pub fn reached(_: &str, _: &str, _: &str) {}

/// Kills the process with a signal that nothing can catch if `area.action.step` is where it is to die.
#[cfg(any(test, feature = "failpoints"))]
pub fn reached(area: &str, action: &str, step: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static TARGET: OnceLock<Option<(String, AtomicU64)>> = OnceLock::new();
    let target = TARGET.get_or_init(|| {
        let text = std::env::var(VARIABLE).ok()?;
        let (name, count) = text.rsplit_once(':').unwrap_or((&text, "1"));
        Some((name.to_owned(), AtomicU64::new(count.parse().unwrap_or(1))))
    });
    let Some((wanted, left)) = target else { return };
    let here = wanted.split('.').eq([area, action, step]);
    if here && left.fetch_sub(1, Ordering::SeqCst) == 1 {
        // Nothing is flushed, dropped or unwound, as when the machine's killer comes.
        let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL);
    }
}
