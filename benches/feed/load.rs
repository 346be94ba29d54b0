//! The load generator `sseload` (in `benches/sseload`), and what it reports.

use std::{env, path::Path, process::Stdio};

use serde_json::Value;
use sqlx::{ConnectOptions, PgPool};
use tokio::process::Command;

use crate::PUBLISH;

const FAULTS: &str = "lost, doubled, misrouted, disordered";
const SSELOAD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/sseload");

/// What is asked of a hub.
pub struct Case {
    pub name: &'static str,
    channels: Channels,
    /// Messages per second to all channels together, for each ten thousand connections of one channel; zero for as fast as
    /// the hub takes them.
    messages_per_second: u32,
    messages: u32,
    warm_up: u32,
    /// What else `sseload` is told.
    more: &'static [&'static str],
}

enum Channels {
    /// Everybody gets every message.
    One,
    /// Each message is for one connection.
    Own,
}

const BROADCAST: Case =
    Case { name: "bcast", channels: Channels::One, messages_per_second: 1, messages: 20, warm_up: 3, more: &[] };

/// What nchan is asked too, with the same number of connections.
pub const COMPARED: [Case; 3] = [
    BROADCAST,
    Case {
        name: "own",
        channels: Channels::Own,
        messages_per_second: 1_000,
        messages: 20_000,
        warm_up: 500,
        more: &[],
    },
    Case { name: "max", channels: Channels::One, messages_per_second: 0, messages: 50, warm_up: 0, more: &[] },
];

/// What only the gateway is asked, each with its number of connections.
pub const ALONE: [(u32, Case); 6] = [
    (1_000, Case { name: "scaling", ..BROADCAST }),
    (5_000, Case { name: "scaling", ..BROADCAST }),
    (10_000, Case { name: "scaling", ..BROADCAST }),
    (19_000, Case { name: "scaling", ..BROADCAST }),
    (
        1_000,
        Case {
            name: "churn",
            channels: Channels::Own,
            messages_per_second: 500,
            messages: 10_000,
            warm_up: 0,
            more: &["--churn", "50", "--reconnect"],
        },
    ),
    (
        200,
        Case {
            name: "slow",
            channels: Channels::One,
            messages_per_second: 10,
            messages: 4_000,
            warm_up: 0,
            more: &["--slow", "20"],
        },
    ),
];

/// What was measured.
#[derive(Clone, Copy)]
pub struct Figures {
    idle_kib: f64,
    after_kib: f64,
    cpu_us: f64,
    p50_ms: f64,
    p99_ms: f64,
    deliveries_per_second: f64,
    faults: u64,
}

impl Figures {
    fn of(report: &str) -> Self {
        let report: Value = serde_json::from_str(report).expect("sseload reports in JSON");
        let number = |path: &str| report.pointer(path).and_then(Value::as_f64).unwrap_or(f64::NAN);
        let count = |path: &str| report.pointer(path).and_then(Value::as_u64).unwrap_or(0);
        let faults = ["lost", "duplicated", "misrouted", "out_of_order"];
        Self {
            idle_kib: number("/server/idle_pss_kib_per_conn"),
            after_kib: number("/server/after_pss_kib_per_conn"),
            cpu_us: number("/server/cpu_us_per_delivery"),
            p50_ms: number("/delivery/latency_ms/p50_ms"),
            p99_ms: number("/delivery/latency_ms/p99_ms"),
            deliveries_per_second: number("/delivery/per_second"),
            faults: faults.iter().map(|fault| count(&format!("/delivery/{fault}"))).sum(),
        }
    }
}

/// Runs a case against nchan.
pub async fn nchan(case: &Case, connections: u32) -> Figures {
    let name = format!("{}-{connections}", case.name);
    report_of(Command::new(format!("{SSELOAD}/peers/run-nchan")).arg(name)).await
}

/// Runs a case against a gateway. Its events are committed by a process of their own.
pub async fn ours(case: &Case, connections: u32, base: &str, gateway: u32, pool: &PgPool) -> Figures {
    let publish = format!("'{}' {PUBLISH}", env::current_exe().unwrap().display());
    let (channels, rate) = match case.channels {
        Channels::One => (1, f64::from(case.messages_per_second) * 10_000.0 / f64::from(connections)),
        Channels::Own => (connections, f64::from(case.messages_per_second)),
    };
    let mut command = Command::new(sseload());
    command
        .args(["--url", &format!("{base}/v1/events/subscribe?streams={{chan}}"), "--chan-prefix", ""])
        .args(["--conns", &connections.to_string(), "--channels", &channels.to_string()])
        .args(["--publish-cmd", &publish, "--line", "{chan} {msg}", "--msg", "{marker}", "--marker", "num"])
        .args(["--rate", &rate.to_string(), "--count", &case.messages.to_string()])
        .args(["--warmup", &case.warm_up.to_string(), "--drain", "30", "--settle", "3"])
        .args(["--connect-concurrency", "64", "--pid", &gateway.to_string()])
        .args(case.more)
        .env("BENCH_DATABASE_URL", pool.connect_options().to_url_lossy().as_str());
    report_of(&mut command).await
}

fn sseload() -> String {
    let folder = env::var("SSELOAD_TARGET_DIR").unwrap_or_else(|_| format!("{SSELOAD}/target"));
    let program = format!("{folder}/release/sseload");
    assert!(Path::new(&program).exists(), "{program} is missing: make bench-feed builds it");
    program
}

async fn report_of(command: &mut Command) -> Figures {
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{command:?} failed");
    Figures::of(&String::from_utf8(output.stdout).unwrap())
}

type Figure = fn(&Figures) -> f64;

/// What the rows of the table are called, and where their figures are.
const ROWS: [(&str, Figure); 6] = [
    ("KiB per idle connection (PSS)", |figures| figures.idle_kib),
    ("KiB per connection after the run", |figures| figures.after_kib),
    ("processor us per delivery", |figures| figures.cpu_us),
    ("p50 ms", |figures| figures.p50_ms),
    ("p99 ms", |figures| figures.p99_ms),
    ("deliveries per second", |figures| figures.deliveries_per_second),
];

/// Prints the medians, and ours as a share of nchan's.
pub fn print_beside(case: &Case, connections: u32, nchan: &[Figures], ours: &[Figures]) {
    println!("{}-{connections}, median of {}:", case.name, ours.len());
    println!("  {:<34} {:>10} {:>10} {:>7}", "", "nchan", "ours", "ratio");
    for (name, of) in ROWS {
        let [theirs, our] = [nchan, ours].map(|runs| median(runs.iter().map(of).collect()));
        println!("  {name:<34} {theirs:>10.2} {our:>10.2} {:>7.2}", our / theirs);
    }
    let [theirs, our] = [nchan, ours].map(|runs| runs.iter().map(|figures| figures.faults).sum::<u64>());
    println!("  {FAULTS:<34} {theirs:>10} {our:>10}");
    assert_eq!(our, 0, "every message arrives once, in order, and where it belongs");
}

/// Prints the figures of one run.
pub fn print_alone(case: &Case, connections: u32, ours: Figures) {
    println!("{}-{connections} {}:", case.name, case.more.join(" "));
    for (name, of) in ROWS {
        println!("  {name:<34} {:>10.2}", of(&ours));
    }
    println!("  {FAULTS:<34} {:>10}", ours.faults);
    assert_eq!(ours.faults, 0, "every message arrives once, in order, and where it belongs");
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
