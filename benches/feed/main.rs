//! Measures the feed with ten thousand event streams beside nchan, the leanest event hub that we know (C, in nginx), both in
//! turn: memory and processor time of the gateway for each connection and delivery, and how late deliveries are. The writer
//! and PostgreSQL run beside the gateway and are not counted. Prints a table of ratios; checks only that nothing was lost,
//! doubled, misrouted or out of order.
//!
//! Needs `DATABASE_URL` of a durable server, `benches/sseload` in release, and nchan: `make bench-feed`. `BENCH_CONNECTIONS`
//! sets the number of connections (default 10 000), `BENCH_CASE` the only case to run, `BENCH_ROUNDS` how often (default 3).
#![expect(clippy::unwrap_used, reason = "an unexpected value leaves no figure to print")]
#![expect(clippy::float_arithmetic, reason = "ratios and times, not money")]

#[path = "../main_job/daemon.rs"]
#[expect(dead_code, reason = "the other benchmarks use the rest")]
mod daemon;
mod load;
mod publisher;

use std::{env, fmt::Debug, str::FromStr};

use flowfi_indexer::store::Store;

use daemon::{Process, database};
use load::{ALONE, COMPARED, Case, Figures};
use publisher::Publisher;

const DATABASE: &str = "bench_feed";
const WITHOUT_LIMITS: [&str; 10] = [
    "--auth",
    "off",
    "--requests-per-second",
    "0",
    "--connects-per-second",
    "0",
    "--max-connections-per-ip",
    "0",
    "--max-connections",
    "20000",
];
/// The word that makes this program the publisher.
const PUBLISH: &str = "--publish";

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if arguments.iter().any(|argument| argument == PUBLISH) {
        let url = env::var("BENCH_DATABASE_URL").expect("the address of the database");
        runtime.block_on(async { Publisher::start(open(&url).await).await.follow_stdin().await });
    } else if arguments.iter().any(|argument| argument == "--bench") {
        // `cargo test --benches` and `cargo clippy` build this too; only `cargo bench` wants figures.
        runtime.block_on(measure(setting("BENCH_CONNECTIONS", 10_000), setting("BENCH_ROUNDS", 3)));
    }
}

fn setting<T: FromStr<Err: Debug>>(name: &str, default: T) -> T {
    env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

async fn open(url: &str) -> Store {
    Store::on(sqlx::PgPool::connect(url).await.unwrap())
}

async fn measure(connections: u32, rounds: usize) {
    let only = env::var("BENCH_CASE").ok();
    let is_wanted = |case: &Case| only.as_deref().is_none_or(|only| only == case.name);
    for case in COMPARED.iter().filter(|case| is_wanted(case)) {
        let (mut ours, mut nchan) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            nchan.push(load::nchan(case, connections).await);
            ours.push(run(case, connections).await);
        }
        load::print_beside(case, connections, &nchan, &ours);
    }
    for (connections, case) in ALONE.iter().filter(|(_, case)| is_wanted(case)) {
        load::print_alone(case, *connections, run(case, *connections).await);
    }
}

/// Runs a case against a gateway on a new database.
async fn run(case: &Case, connections: u32) -> Figures {
    let pool = database(DATABASE).await;
    let store = Store::on(pool.clone());
    store.migrate().await.unwrap();
    let mut publisher = Publisher::start(store).await;
    publisher.create(connections).await;
    drop(publisher);
    let (gateway, base) = Process::gateway(&publisher::contract(), &pool, &WITHOUT_LIMITS).await;
    let figures = load::ours(case, connections, &base, gateway.id(), &pool).await;
    gateway.end().await;
    pool.close().await;
    figures
}
