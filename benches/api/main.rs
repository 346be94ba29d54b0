//! Measures the two most common requests of the API on this machine: for one stream, and for the streams of a user,
//! with a hundred thousand streams and a million events, over 16 kept-alive connections. Also measures how much slower
//! these requests, and the feed, become while many clients resume. Prints figures; only checks that every answer is a
//! 200.
//!
//! Needs `DATABASE_URL` of a durable server: `make bench-api`. `BENCH_SECONDS` sets the time of each run (default 10).
#![expect(clippy::unwrap_used, reason = "an unexpected value leaves no figure to print")]
#![expect(clippy::float_arithmetic, reason = "rates and times, not money")]

mod asking;
#[path = "../main_job/daemon.rs"]
#[expect(dead_code, reason = "the other benchmark uses the rest")]
mod daemon;
#[path = "../../tests/filled/mod.rs"]
#[expect(dead_code, reason = "the test of query plans uses the rest")]
mod filled;
mod replays;

use std::{env, time::Duration};

use flowfi_indexer::{domain::ContractId, store::Store};
use rand::{Rng, rngs::StdRng};
use sqlx::PgPool;

use asking::Asked;
use daemon::{Process, database};

const CONNECTIONS: u64 = 16;
const STREAMS: u32 = 100_000;
const WITHOUT_LIMITS: [&str; 8] =
    ["--auth", "off", "--requests-per-second", "0", "--connects-per-second", "0", "--max-connections-per-ip", "0"];

fn main() {
    // `cargo test --benches` and `cargo clippy` build this too; only `cargo bench` wants figures.
    if !env::args().any(|argument| argument == "--bench") {
        return;
    }
    let seconds = env::var("BENCH_SECONDS").map_or(10, |text| text.parse().expect("BENCH_SECONDS is a number"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure(Duration::from_secs(seconds)));
}

async fn measure(time: Duration) {
    let pool = database("bench_api").await;
    let contract = ContractId::from_bytes([7; 32]);
    Store::on(pool.clone()).migrate().await.unwrap();
    filled::fill(&pool, &contract).await;
    let (gateway, base) = Process::gateway(&contract, &pool, &WITHOUT_LIMITS).await;
    println!("{CONNECTIONS} connections, {} s each (goal: at least 1000 a second, p99 at most 10 ms)", time.as_secs());
    run(&base, time, "GET /v1/streams/{id}", |rng| format!("/v1/streams/{}", rng.random_range(1..=STREAMS))).await;
    let any_user = |rng: &mut StdRng| of_user(rng.random_range(0..filled::USERS));
    run(&base, time, "GET /v1/streams?user=", any_user).await;
    run(&base, time, "the same, for the busiest user", |_: &mut StdRng| of_user(0)).await;
    during_replays(&base, time, &pool).await;
    println!("  peak memory of the gateway {} MiB", gateway.usage().peak_memory_mib);
    gateway.end().await;
    pool.close().await;
}

/// Measures what everybody else notices while many clients reconnect at once.
async fn during_replays(base: &str, time: Duration, pool: &PgPool) {
    let any_user = |rng: &mut StdRng| of_user(rng.random_range(0..filled::USERS));
    let (back, mut live, ()) = tokio::join!(
        replays::come_back(base, STREAMS),
        replays::wait_for_commits(base, pool, STREAMS, time),
        run(base, time, "streams of a user, during replays", any_user),
    );
    live.sort();
    let longest = live.last().expect("an event was committed").as_secs_f64() * 1e3;
    let middle = live[live.len() / 2].as_secs_f64() * 1e3;
    println!(
        "  {} events committed meanwhile: reach a client after {middle:.1} ms, longest {longest:.1} ms",
        live.len()
    );
    let (clients, streams, back) = (replays::CLIENTS, replays::STREAMS_EACH, back.as_secs_f64());
    println!("  {clients} clients with {streams} streams each had caught up after {back:.1} s");
}

fn of_user(number: u32) -> String {
    format!("/v1/streams?user={}", filled::user(number))
}

async fn run(base: &str, time: Duration, name: &str, path: impl Fn(&mut StdRng) -> String + Copy + Send + 'static) {
    let warm_up = time / 10;
    asking::ask(base, CONNECTIONS, warm_up, path).await;
    let Asked { mut waited, took } = asking::ask(base, CONNECTIONS, time, path).await;
    waited.sort();
    let at = |percent: usize| waited[(waited.len() * percent).div_ceil(100) - 1].as_secs_f64() * 1e3;
    let rate = f64::from(u32::try_from(waited.len()).unwrap()) / took.as_secs_f64();
    println!(
        "  {name:<30} {rate:>7.0} requests/s, p50 {:.2} ms, p99 {:.2} ms, longest {:.1} ms",
        at(50),
        at(99),
        at(100)
    );
}
