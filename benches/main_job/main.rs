//! Measures the main job on this machine: how fast a catch-up is compared with a bare insert of the same rows, what it
//! costs, and how long an event takes from Stellar RPC to a subscriber. Prints figures; asserts nothing.
//!
//! Needs `DATABASE_URL` of a durable server: `make bench`. `BENCH_EVENTS` sets the size of the catch-up (default
//! 1 000 000).
#![expect(clippy::unwrap_used, reason = "an unexpected value leaves no figure to print")]
#![expect(clippy::float_arithmetic, reason = "rates and times, not money")]

mod catch_up;
#[expect(dead_code, reason = "the benchmark of the API uses the rest")]
mod daemon;
mod latency;

use std::env;

fn main() {
    // `cargo test --benches` and `cargo clippy` build this too; only `cargo bench` wants figures.
    if !env::args().any(|argument| argument == "--bench") {
        return;
    }
    let events = env::var("BENCH_EVENTS").map_or(1_000_000, |text| text.parse().expect("BENCH_EVENTS is a number"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        catch_up::measure(events).await;
        latency::measure().await;
    });
}
