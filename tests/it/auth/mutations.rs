//! Ten thousand slightly malformed requests of a stranger: none of them breaks the service or reveals what the stranger
//! may not see.

use flowfi_indexer::domain::StreamId;
use futures_util::{StreamExt, stream};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use reqwest::{
    Client, Method, RequestBuilder, StatusCode,
    header::{HeaderName, HeaderValue},
};
use sqlx::PgPool;

use super::{Access, Guarded};
use crate::world::http_client;

const REQUESTS: usize = 10_000;
const AT_ONCE: usize = 16;
/// A deposit that resembles no other number.
const DEPOSIT: i128 = 314_159_265_358_979;

const PATHS: [&str; 18] = [
    "/v1/streams",
    "/v1/streams/1",
    "/v1/streams/{}",
    "/v1/streams/1/events",
    "/v1/streams/{}/claimable",
    "/v1/events",
    "/v1/events/stats",
    "/v1/events/subscribe",
    "/v1/events/tickets",
    "/v1/feeds",
    "/v1/feeds/{}",
    "/v1/users/{}/summary",
    "/v1/status",
    "/v1/auth",
    "/v1/admin/revoke",
    "/streams/{}",
    "/events/subscribe",
    "/v1/{}",
];

const NAMES: [&str; 27] = [
    "streams",
    "users",
    "all",
    "feed",
    "types",
    "lastEventId",
    "ticket",
    "token",
    "sender",
    "recipient",
    "user",
    "status",
    "endsBefore",
    "sort",
    "order",
    "limit",
    "offset",
    "cursor",
    "address",
    "type",
    "fromLedger",
    "toLedger",
    "source",
    "at",
    "account",
    "memo",
    "home_domain",
];

const VALUES: [&str; 34] = [
    "",
    "0",
    "1",
    "-1",
    "1.5",
    "1e9",
    "18446744073709551615",
    "18446744073709551616",
    "999999999999999999999999999999",
    "true",
    "false",
    "null",
    "NaN",
    "%00",
    "%ff%fe",
    "%",
    "%u0041",
    "'; drop table streams; --",
    "\" or 1=1",
    "../../etc",
    "active",
    "endTime",
    "asc",
    "stream.created",
    "stream.created,stream.nothing",
    "chain",
    "index",
    "*",
    "💧",
    "a:b:c",
    "0000000034359746560-0000000001",
    "9999999999999999999-4294967295.7",
    "LQ",
    "eyJhbGciOiJub25lIn0.e30.",
];

const HEADERS: [&str; 10] = [
    "accept",
    "last-event-id",
    "if-none-match",
    "x-forwarded-for",
    "content-type",
    "origin",
    "range",
    "cookie",
    "x-http-method-override",
    "forwarded",
];

struct Stranger {
    client: Client,
    base: String,
    /// Valid tokens: the stranger's own, and those of others, which are never sent unchanged.
    own: String,
    others: Vec<String>,
    addresses: Vec<String>,
}

impl Stranger {
    fn value(&self, rng: &mut StdRng) -> String {
        match rng.random_range(0..10) {
            0 => self.addresses.choose(rng).unwrap().clone(),
            1 => changed(self.addresses.choose(rng).unwrap(), rng),
            2 => "x".repeat(rng.random_range(0..3_000)),
            3 => changed(VALUES.choose(rng).unwrap(), rng),
            _ => (*VALUES.choose(rng).unwrap()).to_owned(),
        }
    }

    fn url(&self, rng: &mut StdRng) -> String {
        let encoded = |value: &str| form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>();
        let path = PATHS.choose(rng).unwrap().replace("{}", &encoded(&self.value(rng)));
        let mut url = format!("{}{path}?", self.base);
        for _ in 0..[0, 0, 1, 1, 2, 3].choose(rng).copied().unwrap_or(0) {
            let value = self.value(rng);
            let value = if rng.random() { encoded(&value) } else { value.replace(['#', ' ', '&'], "+") };
            for part in [NAMES.choose(rng).unwrap(), "=", value.as_str(), "&"] {
                url.push_str(part);
            }
        }
        url
    }

    fn request(&self, rng: &mut StdRng) -> RequestBuilder {
        let method = [Method::GET, Method::GET, Method::GET, Method::POST, Method::PUT, Method::DELETE]
            .choose(rng)
            .unwrap()
            .clone();
        let mut request = self.client.request(method.clone(), self.url(rng));
        let token = match rng.random_range(0..8) {
            0..=4 => Some(self.own.clone()),
            5 => Some(changed(&self.own, rng)),
            6 => Some(changed(self.others.choose(rng).unwrap(), rng)),
            _ => None,
        };
        if let Some(token) = token {
            let scheme = ["Bearer", "Bearer", "Bearer", "bearer", "Basic", "Bearer ", ""].choose(rng).unwrap();
            request = request.header("authorization", format!("{scheme} {token}"));
        }
        for _ in 0..rng.random_range(0..3) {
            let value = HeaderValue::from_bytes(self.value(rng).replace('\n', "").as_bytes());
            let name = HeaderName::from_static(HEADERS.choose(rng).unwrap());
            request = value.into_iter().fold(request, |request, value| request.header(name.clone(), value));
        }
        if method == Method::POST || method == Method::PUT {
            let body = match rng.random_range(0..4) {
                0 => format!("{{\"sub\":\"{}\"}}", self.value(rng)),
                1 => format!("{{\"streams\":[\"{}\"],\"all\":{}}}", self.value(rng), rng.random::<bool>()),
                2 => format!("transaction={}", self.value(rng)),
                _ => self.value(rng),
            };
            request = request.body(body);
        }
        request
    }
}

/// Returns the text with one character added, removed or replaced.
fn changed(text: &str, rng: &mut StdRng) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let at = rng.random_range(0..=characters.len());
    let other = *['A', 'z', '0', '.', '-', '_', '=', 'é'].choose(rng).unwrap();
    match (rng.random_range(0..3), characters.get(at).copied()) {
        (0, Some(_)) => {
            characters.remove(at);
        }
        (1, Some(before)) if before != other => characters[at] = other,
        _ => characters.insert(at, other),
    }
    characters.into_iter().collect()
}

#[sqlx::test]
async fn malformed_requests_of_a_stranger_break_nothing_and_reveal_nothing(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    for (sender, recipient) in [("alice", "bob"), ("carol", "dave")] {
        guarded.world.create(sender, recipient, DEPOSIT, 1_000).await;
    }
    guarded.world.indexed().await;
    let deposited = guarded.world.devnet.stream_entry(StreamId(1)).unwrap().deposited.to_string();
    let shown = guarded.get("/v1/streams/1", Some(&guarded.token_of("alice"))).await.text().await.unwrap();
    assert!(shown.contains(&deposited), "the owner sees it");
    let stranger = Stranger {
        client: http_client(),
        base: guarded.base.clone(),
        own: guarded.token_of("frank"),
        others: ["alice", "bob", "carol"].map(|name| guarded.token_of(name)).to_vec(),
        addresses: ["alice", "bob", "frank"].map(|name| guarded.world.devnet.account(name).to_string()).to_vec(),
    };
    let mut rng = StdRng::seed_from_u64(10_000);
    let requests: Vec<_> = (0..REQUESTS).filter_map(|_| stranger.request(&mut rng).build().ok()).collect();
    assert!(requests.len() > REQUESTS * 9 / 10, "{} requests could be made", requests.len());
    let send = |request: reqwest::Request| async {
        let (method, url) = (request.method().clone(), request.url().clone());
        let mut answer =
            stranger.client.execute(request).await.unwrap_or_else(|error| panic!("{method} {url}: {error}"));
        let status = answer.status();
        // The first piece is enough, because an event stream does not end.
        let text = answer.chunk().await.unwrap().unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        (method, url, status, text)
    };
    let mut answers = stream::iter(requests).map(send).buffer_unordered(AT_ONCE);
    let mut successes = 0;
    while let Some((method, url, status, text)) = answers.next().await {
        assert!(!status.is_server_error() || status == StatusCode::NOT_IMPLEMENTED, "{method} {url}: {status} {text}");
        assert!(!text.contains(&deposited), "{method} {url} reveals what the stranger may not see: {text}");
        successes += usize::from(status.is_success());
    }
    assert!(successes > REQUESTS / 40, "{successes} were valid by chance: too few to check what they reveal");
}
