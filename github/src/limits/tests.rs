use http::{HeaderMap, HeaderValue, StatusCode};

use super::*;
use crate::clock::tests::TestClock;

fn second(number: u64) -> Duration {
    Duration::from_secs(number)
}

struct Bench {
    clock: Arc<TestClock>,
    limits: Limits,
}

fn bench(settings: LimitSettings) -> Bench {
    let clock = Arc::new(TestClock::new());
    Bench { limits: Limits::new(settings, clock.clone()), clock }
}

const ONE: Scope = Scope::Installation(InstallationId(1));
const TWO: Scope = Scope::Installation(InstallationId(2));

impl Bench {
    async fn admit(&self, scope: Scope, kind: Kind) -> Result<Pass, GitHubError> {
        self.limits.admit("test", scope, kind).await
    }

    async fn refused(&self, scope: Scope, kind: Kind) -> (Limit, u64) {
        match self.admit(scope, kind).await.unwrap_err() {
            GitHubError::Limited { limit, until, .. } => {
                (limit, u64::try_from(until.duration_since(self.clock.now()).as_secs()).unwrap())
            }
            other => panic!("{other}"),
        }
    }

    /// Sends a read that is answered so.
    async fn answered(&self, status: u16, headers: &[(&'static str, &str)], body: &str) -> Option<(Limit, u64)> {
        let pass = self.admit(ONE, Kind::Read).await.unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let now = self.clock.now();
        let told = Told::read(StatusCode::from_u16(status).unwrap(), &map, body.as_bytes(), now);
        let met = self.limits.learn(&pass, &told)?;
        Some((met.0, u64::try_from(met.1.duration_since(now).as_secs()).unwrap()))
    }
}

#[tokio::test]
async fn changes_of_one_installation_go_one_at_a_time_with_a_pause() {
    let bench = bench(LimitSettings::default());
    drop(bench.admit(ONE, Kind::Write).await.unwrap());
    let first = bench.admit(ONE, Kind::Write).await.unwrap();
    assert_eq!(bench.clock.naps(), [second(1)]);
    // Another installation and a read of the same need not wait.
    drop(bench.admit(TWO, Kind::Mutation).await.unwrap());
    drop(bench.admit(ONE, Kind::Read).await.unwrap());
    assert_eq!(bench.clock.naps(), []);
    let waiting = bench.admit(ONE, Kind::Mutation);
    tokio::pin!(waiting);
    assert!(futures_poll(&mut waiting).is_none(), "the second change waits for the end of the first");
    bench.clock.pass(second(20));
    drop(first);
    drop(waiting.await.unwrap());
    assert_eq!(bench.clock.naps(), [second(1)], "the pause counts from the end");
}

/// Polls once.
fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn our_own_limits_stay_below_those_of_github() {
    let settings = LimitSettings { writes_per_minute: 3, writes_per_hour: 5, ..LimitSettings::default() };
    let bench = bench(settings);
    for _ in 0..3 {
        drop(bench.admit(ONE, Kind::Write).await.unwrap());
    }
    assert_eq!(bench.refused(ONE, Kind::Write).await, (Limit::Writes, 58));
    drop(bench.admit(ONE, Kind::Read).await.unwrap());
    bench.clock.pass(second(60));
    for _ in 0..2 {
        drop(bench.admit(ONE, Kind::Write).await.unwrap());
    }
    let (limit, wait) = bench.refused(ONE, Kind::Write).await;
    assert!(limit == Limit::Writes && wait > 3000, "{wait}");
}

#[tokio::test]
async fn points_and_tokens_are_counted() {
    let settings = LimitSettings { points_per_minute: 12, tokens_per_hour: 1, ..LimitSettings::default() };
    let bench = bench(settings);
    drop(bench.admit(Scope::App, Kind::Mint).await.unwrap());
    assert_eq!(bench.refused(Scope::App, Kind::Mint).await, (Limit::Tokens, 3600));
    drop(bench.admit(Scope::App, Kind::Write).await.unwrap());
    drop(bench.admit(Scope::App, Kind::Read).await.unwrap());
    drop(bench.admit(Scope::App, Kind::Read).await.unwrap());
    assert_eq!(bench.refused(Scope::App, Kind::Read).await, (Limit::Points, 60));
}

#[tokio::test]
async fn an_announced_time_is_kept_for_the_whole_installation() {
    let bench = bench(LimitSettings::default());
    let met = bench.answered(403, &[("retry-after", "30")], "{}").await;
    assert_eq!(met, Some((Limit::Secondary, 30)));
    for kind in [Kind::Read, Kind::Write, Kind::Query, Kind::Search] {
        assert_eq!(bench.refused(ONE, kind).await, (Limit::Secondary, 30));
    }
    drop(bench.admit(TWO, Kind::Read).await.unwrap());
    bench.clock.pass(second(26));
    drop(bench.admit(ONE, Kind::Read).await.unwrap());
    assert_eq!(bench.clock.naps(), [second(4)], "a short rest of it is slept through");
}

#[tokio::test]
async fn a_retry_date_counts_from_the_date_of_the_answer() {
    let check = async |headers: &[(&'static str, &str)], expected: u64| {
        let bench = bench(LimitSettings::default());
        assert_eq!(bench.answered(429, headers, "").await, Some((Limit::Secondary, expected)), "{headers:?}");
    };
    // GitHub's clock is a day behind ours.
    check(&[("retry-after", "Fri, 20 Nov 2026 00:01:30 GMT"), ("date", "Fri, 20 Nov 2026 00:01:00 GMT")], 30).await;
    check(&[("retry-after", "Sat, 21 Nov 2026 00:02:00 GMT")], 120).await;
    check(&[("retry-after", "Thu, 19 Nov 2026 00:02:00 GMT")], 1).await;
    check(&[("retry-after", "soon")], 60).await;
    check(&[("retry-after", "99999999999")], 7200).await;
}

#[tokio::test]
async fn a_limit_without_a_time_is_waited_for_longer_and_longer() {
    let bench = bench(LimitSettings::default());
    let body = r#"{"message":"You have exceeded a secondary rate limit. Please wait a few minutes"}"#;
    for expected in [60, 120, 240, 480, 960, 1920, 3600, 3600] {
        assert_eq!(
            bench.answered(403, &[("x-ratelimit-remaining", "4000")], body).await,
            Some((Limit::Secondary, expected))
        );
        bench.clock.pass(second(expected));
    }
    assert_eq!(bench.answered(200, &[], "").await, None);
    assert_eq!(bench.answered(429, &[], "").await, Some((Limit::Secondary, 60)), "a success in between");
}

#[tokio::test]
async fn the_hourly_limit_is_for_one_resource() {
    let bench = bench(LimitSettings::default());
    let reset = (bench.clock.epoch + 900).to_string();
    let headers =
        [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset.as_str()), ("x-ratelimit-limit", "5000")];
    // The last request of the hour succeeds, and the next is not sent.
    assert_eq!(bench.answered(200, &headers, "").await, None);
    assert_eq!(bench.refused(ONE, Kind::Read).await, (Limit::Primary, 900));
    drop(bench.admit(ONE, Kind::Query).await.unwrap());
    let standing = bench.limits.standing(InstallationId(1));
    assert_eq!((standing.remaining, standing.limit), (Some(0), Some(5000)));
    assert_eq!(standing.blocked_until.unwrap().as_second(), bench.clock.epoch + 900);
    bench.clock.pass(second(900));
    assert_eq!(bench.answered(403, &headers, "API rate limit exceeded").await, Some((Limit::Primary, 1)));
    bench.clock.pass(second(1));
    assert_eq!(bench.answered(200, &[], "").await, None);
    assert_eq!(bench.limits.standing(InstallationId(1)).blocked_until, None);
}

#[tokio::test]
async fn servers_with_limits_off_and_odd_headers_are_no_limit() {
    let bench = bench(LimitSettings::default());
    assert_eq!(bench.answered(200, &[], "").await, None);
    assert_eq!(bench.answered(403, &[], r#"{"message":"Resource not accessible by integration"}"#).await, None);
    let odd = [("x-ratelimit-remaining", "-1"), ("x-ratelimit-reset", "never"), ("date", "yesterday")];
    assert_eq!(bench.answered(200, &odd, "").await, None);
    assert_eq!(bench.answered(503, &[], "").await, None);
    assert_eq!(bench.answered(503, &[("retry-after", "7")], "").await, Some((Limit::Secondary, 7)));
}
