//! Measures what an attacker who stays within the limits costs somebody else. Each attack is compared with a polite
//! client that sends as many requests: the result is the ratio of the waiting times of a third client, the victim, at
//! the 99th percentile. The goal is a ratio of at most two. Also reports the memory that readers cost who read nothing.
//! Prints figures; asserts nothing.
//!
//! Needs `DATABASE_URL` of a durable server: `make bench-fairness`. `BENCH_SECONDS` sets the time of each run (default
//! 5), `BENCH_PAIRS` the number of paired runs (default 5), `BENCH_ATTACK` a part of the name of the attacks to run.
#![expect(clippy::unwrap_used, reason = "an unexpected value leaves no figure to print")]
#![expect(clippy::float_arithmetic, reason = "ratios and times, not money")]

mod attacks;
mod client;
#[path = "../main_job/daemon.rs"]
#[expect(dead_code, reason = "the other benchmarks use the rest")]
mod daemon;
#[path = "../../tests/filled/mod.rs"]
#[expect(dead_code, reason = "the test of query plans uses the rest")]
mod filled;
mod stalled;

use std::{env, process, time::Duration};

use flowfi_indexer::{domain::ContractId, store::Store};
use tokio::process::Command;

use attacks::{ATTACKS, Attack};
use client::Addresses;
use daemon::{Process, database};

/// The victim's requests per second: fewer than it may send.
const VICTIM_ASKS_A_SECOND: u32 = 30;
/// The core that all clients share, so that they leave the others to the service.
const CORE_OF_CLIENTS: &str = "0";

fn main() {
    // `cargo test --benches` and `cargo clippy` build this too; only `cargo bench` wants figures.
    if !env::args().any(|argument| argument == "--bench") {
        return;
    }
    let number = |name: &str, default| env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let time = Duration::from_secs(number("BENCH_SECONDS", 5));
    let pairs = usize::try_from(number("BENCH_PAIRS", 5)).unwrap();
    // The TLS provider must be installed before a client is created, even for plain HTTP.
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(measure(time, pairs));
}

async fn measure(time: Duration, pairs: usize) {
    let pool = database("bench_fairness").await;
    let contract = ContractId::from_bytes([7; 32]);
    Store::on(pool.clone()).migrate().await.unwrap();
    filled::fill(&pool, &contract).await;
    let (gateway, base) = Process::gateway(&contract, &pool, &attacks::open_to_all()).await;
    stay_on_one_core().await;
    let mut addresses = Addresses::default();
    stalled::measure(&gateway, &base, &mut addresses).await;
    let wanted = env::var("BENCH_ATTACK").unwrap_or_default();
    println!("p99 of a victim in ms, {} s each, median of {pairs} pairs (goal: a ratio of 2 at most)", time.as_secs());
    println!(
        "  {:<34} {:>8} {:>12} {:>12} {:>7}  of each pair",
        "attack", "requests", "beside polite", "attacked", "ratio"
    );
    for attack in ATTACKS.iter().filter(|attack| attack.name.contains(&wanted)) {
        let mut measured = Vec::new();
        for _ in 0..pairs {
            measured.push(pair(&base, *attack, time, &mut addresses).await);
        }
        print(*attack, measured);
    }
    println!("  peak memory of the gateway {} MiB", gateway.usage().peak_memory_mib);
    gateway.end().await;
    pool.close().await;
}

/// How long one victim waited beside a polite client, and another one beside an attacker.
struct Pair {
    requests: usize,
    beside_polite: Duration,
    attacked: Duration,
}

impl Pair {
    fn ratio(&self) -> f64 {
        self.attacked.as_secs_f64() / self.beside_polite.as_secs_f64()
    }
}

/// Runs the attack first: the polite client then sends as many requests as the attacker did.
async fn pair(base: &str, attack: Attack, time: Duration, addresses: &mut Addresses) -> Pair {
    let (victim, attacker) = (addresses.next(), addresses.next());
    let (waited, requests) =
        tokio::join!(client::ask_steadily(base, victim, VICTIM_ASKS_A_SECOND, time), attack.run(base, attacker, time));
    let during_attack = percentile_99(waited);
    let (victim, polite) = (addresses.next(), addresses.next());
    let rate = u32::try_from(requests).unwrap().div_ceil(u32::try_from(time.as_secs()).unwrap());
    let (waited, _) = tokio::join!(
        client::ask_steadily(base, victim, VICTIM_ASKS_A_SECOND, time),
        client::ask_steadily(base, polite, rate, time)
    );
    Pair { requests, beside_polite: percentile_99(waited), attacked: during_attack }
}

fn percentile_99(mut waited: Vec<Duration>) -> Duration {
    waited.sort();
    waited[(waited.len() * 99).div_ceil(100) - 1]
}

fn print(attack: Attack, mut measured: Vec<Pair>) {
    let each: Vec<String> = measured.iter().map(|pair| format!("{:.2}", pair.ratio())).collect();
    measured.sort_by(|one, other| one.ratio().total_cmp(&other.ratio()));
    let middle = &measured[measured.len() / 2];
    println!(
        "  {:<34} {:>8} {:>12.2} {:>12.2} {:>7.2}  {}",
        attack.name,
        middle.requests,
        middle.beside_polite.as_secs_f64() * 1e3,
        middle.attacked.as_secs_f64() * 1e3,
        middle.ratio(),
        each.join(" "),
    );
}

/// Pins this process, but not those that it started, to one core (`taskset` is part of util-linux).
async fn stay_on_one_core() {
    let id = process::id().to_string();
    let mut command = Command::new("taskset");
    let output = command.args(["--all-tasks", "--cpu-list", "--pid", CORE_OF_CLIENTS, &id]).output().await;
    assert!(output.expect("taskset is installed: apt-get install util-linux").status.success());
}
