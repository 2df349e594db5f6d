//! Bad inputs 1 to 7, 10 and 12 of the list that the daemon is held to, against a real SQLite store.

use axum::http::Method;
use tower::ServiceExt;

use super::*;
use crate::store::{DeliveryState, SqliteStore, StoreOptions};

const SECRET: &str = "a secret for tests";
const BODY: &str =
    r#"{"action":"labeled","installation":{"id":7},"repository":{"id":9},"issue":{"id":9007199254740993}}"#;

struct Site {
    store: Arc<dyn Store>,
    router: Router,
    secrets: WebhookSecrets,
    _folder: tempfile::TempDir,
}

impl Site {
    async fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("p.db"), StoreOptions::default()).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let secrets = || WebhookSecrets::new(SECRET, None).unwrap();
        let limits = ReceiverLimits { max_body: 1 << 20, patience: Duration::from_secs(10) };
        let receiver = Arc::new(Receiver::new(Arc::clone(&store), secrets(), limits));
        Site { store, router: receiver.router("/webhook"), secrets: secrets(), _folder: folder }
    }

    fn request(&self, guid: &str, body: impl Into<Vec<u8>>) -> Request {
        let body = body.into();
        let signature = self.secrets.sign(&body);
        head(guid).header(github::SIGNATURE_HEADER, signature).body(Body::from(body)).unwrap()
    }

    async fn answer(&self, request: Request) -> u16 {
        self.router.clone().oneshot(request).await.unwrap().status().as_u16()
    }

    async fn kept(&self) -> usize {
        self.store.pending_deliveries(1000).await.unwrap().len()
    }
}

fn head(guid: &str) -> axum::http::request::Builder {
    let head = Request::builder().method(Method::POST).uri("/webhook").header("content-type", "application/json");
    head.header("x-github-event", "issues").header("x-github-delivery", guid)
}

#[tokio::test]
async fn a_signed_delivery_is_on_disk_when_it_is_answered() {
    let site = Site::new().await;
    assert_eq!(site.answer(site.request("g-1", BODY)).await, 202);
    let kept = site.store.pending_deliveries(10).await.unwrap();
    let delivery = &kept[0].delivery;
    assert_eq!((kept.len(), delivery.guid.as_str(), delivery.event.as_str()), (1, "g-1", "issues"));
    assert_eq!(delivery.action.as_deref(), Some("labeled"));
    assert_eq!((delivery.installation, delivery.repository), (Some(InstallationId(7)), Some(RepositoryId(9))));
    assert_eq!(delivery.body, BODY.as_bytes());
    assert_eq!(kept[0].state, DeliveryState::Pending);
    assert_eq!(site.answer(site.request("g-1", BODY)).await, 200);
    assert_eq!(site.kept().await, 1);
}

#[tokio::test]
async fn what_is_not_signed_by_us_is_refused_and_not_kept() {
    let site = Site::new().await;
    let right = site.secrets.sign(BODY.as_bytes());
    let off_by_one = format!("{}{}", &right[..right.len() - 1], if right.ends_with('0') { '1' } else { '0' });
    let other = WebhookSecrets::new("another", None).unwrap().sign(BODY.as_bytes());
    let wrong = [
        off_by_one,
        right[..60].to_owned(),
        right["sha256=".len()..].to_owned(),
        format!("{}zz", &right[..right.len() - 2]),
        other,
        String::new(),
    ];
    for signature in wrong {
        let request = head("g").header(github::SIGNATURE_HEADER, &signature).body(Body::from(BODY)).unwrap();
        assert_eq!(site.answer(request).await, 401, "{signature}");
    }
    let old_kind = head("g").header("x-hub-signature", "sha1=aa").body(Body::from(BODY)).unwrap();
    assert_eq!(site.answer(old_kind).await, 401);
    let written_again =
        head("g").header(github::SIGNATURE_HEADER, &right).body(Body::from(BODY.replace(':', ": "))).unwrap();
    assert_eq!(site.answer(written_again).await, 401);
    assert_eq!(site.kept().await, 0);
}

#[tokio::test]
async fn odd_json_is_read_or_refused() {
    let site = Site::new().await;
    let deep = "[".repeat(100_000);
    let many = (0..50_000).map(|at| format!("\"k{at}\":1")).collect::<Vec<_>>().join(",");
    let cases: [(Vec<u8>, u16); 9] = [
        (deep.into_bytes(), 400),
        (format!("{{\"a\":{}", "{\"a\":".repeat(100_000)).into_bytes(), 400),
        (format!("{{{many}}}").into_bytes(), 202),
        (br#"{"action":"a","action":"b"}"#.to_vec(), 400),
        (vec![b'{', 0xff, b'}'], 400),
        (br#"{"action":"\ud800"}"#.to_vec(), 400),
        (br#"{"installation":{"id":1e999}}"#.to_vec(), 400),
        (br#"{"installation":null,"repository":null,"sender":null}"#.to_vec(), 202),
        (b"".to_vec(), 400),
    ];
    for (number, (body, status)) in cases.into_iter().enumerate() {
        assert_eq!(site.answer(site.request(&format!("g-{number}"), body)).await, status, "case {number}");
    }
}

#[tokio::test]
async fn large_and_slow_bodies_end() {
    let site = Site::new().await;
    let large = vec![b' '; (1 << 20) + 1];
    assert_eq!(site.answer(site.request("g", large.clone())).await, 413);
    let announced = head("g").header("content-length", "99999999999").body(Body::empty()).unwrap();
    assert_eq!(site.answer(announced).await, 413);
    let pieces = futures_util::stream::iter(
        large.chunks(1000).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>(),
    );
    assert_eq!(site.answer(head("g").body(Body::from_stream(pieces)).unwrap()).await, 413);
    let drip = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Ok::<_, std::io::Error>("{"), ()))
    });
    // The clock jumps ahead whenever nothing else is to be done; the store's own waits must not, so only here.
    tokio::time::pause();
    assert_eq!(site.answer(head("g").body(Body::from_stream(drip)).unwrap()).await, 408);
    tokio::time::resume();
    let broken = futures_util::stream::iter([Ok("{"), Err(std::io::Error::other("gone"))]);
    assert_eq!(site.answer(head("g").body(Body::from_stream(broken)).unwrap()).await, 400);
    assert_eq!(site.kept().await, 0);
}

#[tokio::test]
async fn only_posts_of_json_to_the_path_are_looked_at() {
    let site = Site::new().await;
    let with = |change: fn(&mut Request)| {
        let mut request = site.request("g", BODY);
        change(&mut request);
        request
    };
    assert_eq!(site.answer(with(|it| *it.method_mut() = Method::GET)).await, 405);
    assert_eq!(site.answer(with(|it| *it.method_mut() = Method::PUT)).await, 405);
    for path in ["//", "/webhook/", "//webhook", "/webhook/../webhook", "/"] {
        let mut request = site.request("g", BODY);
        *request.uri_mut() = path.parse().unwrap();
        assert_eq!(site.answer(request).await, 404, "{path}");
    }
    let set = |name: &'static str, value: &'static str| {
        let mut request = site.request("g", BODY);
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    assert_eq!(site.answer(set("content-type", "application/x-www-form-urlencoded")).await, 415);
    assert_eq!(site.answer(set("content-encoding", "gzip")).await, 415);
    assert_eq!(site.answer(set("x-github-delivery", "../../etc")).await, 400);
    assert_eq!(site.answer(set("x-github-event", "a b")).await, 400);
    assert_eq!(site.kept().await, 0);
    // Whatever the proxy says of hosts decides nothing.
    assert_eq!(site.answer(set("host", "evil.example")).await, 202);
    assert_eq!(site.answer(set("x-forwarded-host", "evil.example")).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_delivery_over_fifty_connections_is_one_row() {
    let site = Site::new().await;
    let answers = (0..50).map(|_| site.answer(site.request("same", BODY)));
    let answers = futures_util::future::join_all(answers).await;
    assert_eq!(answers.iter().filter(|status| **status == 202).count(), 1);
    assert!(answers.iter().all(|status| [200, 202].contains(status)));
    assert_eq!(site.kept().await, 1);
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_acknowledged() {
    let site = Site::new().await;
    site.store.close().await.unwrap();
    assert_eq!(site.answer(site.request("g", BODY)).await, 503);
}

#[tokio::test]
async fn while_a_secret_is_changed_both_are_taken() {
    let site = Site::new().await;
    let limits = ReceiverLimits { max_body: 1 << 20, patience: Duration::from_secs(10) };
    let receiver =
        Arc::new(Receiver::new(Arc::clone(&site.store), WebhookSecrets::new("new", Some(SECRET)).unwrap(), limits));
    let router = Arc::clone(&receiver).router("/webhook");
    let status = |request: Request| {
        let router = router.clone();
        async move { router.oneshot(request).await.unwrap().status().as_u16() }
    };
    assert_eq!(status(site.request("g-1", BODY)).await, 202);
    receiver.rotate(WebhookSecrets::new("new", None).unwrap());
    assert_eq!(status(site.request("g-2", BODY)).await, 401);
}
