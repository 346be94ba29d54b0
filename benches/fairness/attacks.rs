//! The attacks: each requests what costs the service most, as often as it may.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use flowfi_indexer::domain::{EventId, LedgerSequence};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

use crate::{
    client::{self, CSV},
    filled, stalled,
};

/// How many requests an attacker has in progress; a browser has six.
const AT_ONCE: usize = 16;
/// The largest number of streams that one subscription may name.
const STREAMS_OF_A_REPLAY: u32 = 500;
/// What a replay must not begin with.
const RESET: &[u8] = b"event: reset";
/// How much of a replay is read before it is requested again.
const READ_OF_A_REPLAY: usize = 256 * 1024;

#[derive(Clone, Copy)]
pub struct Attack {
    pub name: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    /// The same request again and again.
    Ask { path: &'static str, encoding: &'static str },
    /// The lists of the user with the most streams.
    Lists,
    /// Event streams that start at the first event.
    Replays,
    /// Sign-ins that carry only the service's own signature.
    UnsignedSignIns,
    /// CSV that nobody reads.
    StalledReaders,
}

pub const ATTACKS: &[Attack] = &[
    ask("CSV", CSV, "identity"),
    ask("CSV as gzip", CSV, "gzip"),
    ask("CSV as br", CSV, "br"),
    ask("CSV as zstd", CSV, "zstd"),
    ask("the deepest page of events", "/v1/events?limit=100&offset=10000", "identity"),
    ask("the OpenAPI document as br", "/openapi.json", "br"),
    ask("/metrics", "/metrics", "identity"),
    ask("/health", "/health", "identity"),
    Attack { name: "lists and totals of a busy user", kind: Kind::Lists },
    Attack { name: "replays from the first event", kind: Kind::Replays },
    Attack { name: "sign-ins without a signature", kind: Kind::UnsignedSignIns },
    Attack { name: "readers that read nothing", kind: Kind::StalledReaders },
];

const fn ask(name: &'static str, path: &'static str, encoding: &'static str) -> Attack {
    Attack { name, kind: Kind::Ask { path, encoding } }
}

/// Returns the arguments of a gateway that answers everybody and lets wallets sign in.
pub fn open_to_all() -> Vec<String> {
    let secret = BASE64_STANDARD.encode([7; 32]);
    let seed = stellar_strkey::ed25519::PrivateKey([7; 32]).as_unredacted().to_string();
    // No sign-in gets far enough to cause a look-up of an account.
    let args = ["--auth", "optional", "--visibility", "public", "--home-domains", "localhost", "--rpc-urls"];
    let secrets = ["--token-secret", &secret, "--sign-in-seed", seed.as_str()];
    args.into_iter().chain(["http://127.0.0.1:9/"]).chain(secrets).map(ToOwned::to_owned).collect()
}

impl Attack {
    /// Attacks from this address until the time is over. Returns how many requests were answered or, if answers are not
    /// read, sent.
    pub async fn run(self, base: &str, address: Ipv4Addr, time: Duration) -> usize {
        let client = client::at(address);
        let end = Instant::now() + time;
        if matches!(self.kind, Kind::StalledReaders) {
            let readers = stalled::open(base, address, "identity").await;
            sleep(end.saturating_duration_since(Instant::now())).await;
            return readers.len();
        }
        let challenge = match self.kind {
            Kind::UnsignedSignIns => Some(challenge(&client, base).await),
            _ => None,
        };
        let mut workers = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (client, base, challenge) = (client.clone(), base.to_owned(), challenge.clone());
            workers.spawn(async move {
                let mut answered = 0;
                while Instant::now() < end {
                    let request = self.kind.request(&client, &base, challenge.as_deref());
                    let mut answer = request.send().await.unwrap();
                    if let Some(wait) = client::told_to_wait(&answer) {
                        sleep(wait.min(end.saturating_duration_since(Instant::now()))).await;
                        continue;
                    }
                    let is_refused = matches!(self.kind, Kind::UnsignedSignIns);
                    assert!(is_refused || answer.status() == 200, "{}: {}", self.name, answer.status());
                    answered += 1;
                    let mut read = 0;
                    while let Ok(Some(part)) = answer.chunk().await {
                        let is_reset = part.windows(RESET.len()).any(|bytes| bytes == RESET);
                        assert!(!is_reset, "{}: nothing is replayed after a reset", self.name);
                        read += part.len();
                        let has_enough = matches!(self.kind, Kind::Replays) && read >= READ_OF_A_REPLAY;
                        if has_enough || Instant::now() >= end {
                            break;
                        }
                    }
                }
                answered
            });
        }
        workers.join_all().await.into_iter().sum()
    }
}

impl Kind {
    fn request(self, client: &Client, base: &str, challenge: Option<&str>) -> RequestBuilder {
        match self {
            Self::Ask { path, encoding } => client
                .get(format!("{base}{path}"))
                .header("accept-encoding", encoding)
                .header("accept", "text/csv, */*;q=0.1"),
            Self::Lists => {
                let user = filled::user(0);
                let path = match rand::random_range(0..3) {
                    0 => format!("/v1/streams?user={user}&limit=200"),
                    1 => format!("/v1/users/{user}/summary"),
                    _ => format!("/v1/events?address={user}&limit=200"),
                };
                client.get(format!("{base}{path}"))
            }
            Self::Replays => {
                let first = rand::random_range(1..=90_000);
                let streams: Vec<String> = (0..STREAMS_OF_A_REPLAY).map(|nth| (first + nth * 7).to_string()).collect();
                let path = format!("{base}/v1/events/subscribe?streams={}", streams.join(","));
                client.get(path).header("last-event-id", EventId::end_of_ledger(LedgerSequence(0)).to_string())
            }
            Self::UnsignedSignIns => {
                client.post(format!("{base}/v1/auth")).json(&json!({ "transaction": challenge.unwrap_or_default() }))
            }
            Self::StalledReaders => unreachable!("they send one request each"),
        }
    }
}

async fn challenge(client: &Client, base: &str) -> String {
    let account = stellar_strkey::ed25519::PublicKey([8; 32]).to_string();
    let path = format!("{base}/v1/auth?account={}", account.as_str());
    let answer: Value = client.get(path).send().await.unwrap().json().await.unwrap();
    answer["transaction"].as_str().expect("a challenge").to_owned()
}
