//! The seeded simulation: each seed is a small world with a random history of legal calls, faults at every border, and
//! subscribers that come and go. In the end, the database and what each subscriber received must agree with the chain.
//!
//! The choices follow from the seed; how the parts interleave does not, so a seed that failed once may need a few runs
//! to fail again. `SEED=17` runs one seed; `SEEDS=1000` runs that many, starting with `FIRST_SEED`; with `KEEP_GOING=1`
//! all of them run even if one fails. `RUST_LOG=info` also shows the daemons' logs.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that meets the unexpected has failed")]

mod abilities;
mod chain;
mod client;
mod daemon;
mod database;
mod delivery;
mod epochs;
mod frames;
mod holes;
mod judge;
mod late_rows;
mod log;
mod losses;
mod maintenance;
mod seeds;
#[path = "../silent_line/mod.rs"]
mod silent_line;
mod stalls;
mod steps;
mod stray;
mod watch;
mod world;

use std::env;

use flowfi_indexer::telemetry;

use seeds::{Failure, number_from, say};

/// As many as every test run has time for.
const SEEDS: u64 = 50;

/// Seeds that found a bug, with the bug.
const KEPT_SEEDS: &[(&str, u64)] = &[
    ("a page that makes no progress splits a transaction", 491),
    ("a node that is behind is taken for a reset after a restart inside a ledger", 521),
];

#[test]
fn every_history_ends_with_what_the_chain_says() {
    if env::var_os("RUST_LOG").is_some() {
        telemetry::init();
    }
    let run = seeds::run(&chosen_seeds());
    let seconds = run.took.as_secs_f64();
    say(&format!("{} seeds in {seconds:.1} s", run.seeds));
    let failures: Vec<String> = run.failures.iter().map(Failure::full).collect();
    assert!(failures.is_empty(), "{} of {} seeds failed:\n{}", failures.len(), run.seeds, failures.join("\n"));
}

fn chosen_seeds() -> Vec<u64> {
    if let Some(seed) = number_from("SEED") {
        return vec![seed];
    }
    let first = number_from("FIRST_SEED").unwrap_or(1);
    let count = number_from("SEEDS").unwrap_or(SEEDS);
    KEPT_SEEDS.iter().map(|(_, seed)| *seed).chain(first..first + count).collect()
}
