//! Clients with one address each: for the limits, two loopback addresses are as different as any.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use reqwest::{Client, Response};
use tokio::time::{MissedTickBehavior, interval};

/// The largest page of events, for clients that accept `text/csv`.
pub const CSV: &str = "/v1/events?limit=5000&order=asc";

/// The number of streams in the filled database.
const STREAMS: u32 = 100_000;

/// Loopback addresses that no client has used yet.
#[derive(Default)]
pub struct Addresses(u16);

impl Addresses {
    pub fn next(&mut self) -> Ipv4Addr {
        self.0 += 1;
        let [high, low] = self.0.to_be_bytes();
        Ipv4Addr::new(127, 1, high, low)
    }
}

/// Returns a client that connects from this address.
pub fn at(address: Ipv4Addr) -> Client {
    Client::builder().local_address(Some(address.into())).no_gzip().build().unwrap()
}

/// Requests one stream after the other at a steady pace, each as soon as its time has come. Returns how long each
/// answer took.
pub async fn ask_steadily(base: &str, address: Ipv4Addr, a_second: u32, time: Duration) -> Vec<Duration> {
    let client = at(address);
    let mut rng = StdRng::seed_from_u64(u64::from(u32::from(address)));
    let mut ticks = interval(Duration::from_secs(1) / a_second.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut waited, begun) = (Vec::new(), Instant::now());
    while begun.elapsed() < time {
        ticks.tick().await;
        let asked = Instant::now();
        let stream = rng.random_range(1..=STREAMS);
        // If the attack is on something without a limit, the polite client sends more than its own limit, and is
        // refused.
        client.get(format!("{base}/v1/streams/{stream}")).send().await.unwrap().bytes().await.unwrap();
        waited.push(asked.elapsed());
    }
    waited
}

/// Returns how long a refused client is told to wait; `None` if it was not refused.
pub fn told_to_wait(answer: &Response) -> Option<Duration> {
    let is_refused = matches!(answer.status().as_u16(), 429 | 503);
    let seconds = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    is_refused.then(|| Duration::from_secs(seconds.unwrap_or(1)))
}
