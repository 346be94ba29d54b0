//! How long an event takes from the moment Stellar RPC shows it until a subscriber has read its frame.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use flowfi_indexer::{
    devnet::{Call, Devnet, DevnetArgs},
    domain::{Amount, EventId, SystemClock},
    http::{self, ServerSettings},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{net::TcpListener, task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use super::daemon::{Network, Process, database};

const EVENTS: usize = 60;
const POLL: Duration = Duration::from_secs(1);

pub async fn measure() {
    let mut rng = StdRng::seed_from_u64(3);
    run("ledgers one second apart", || POLL).await;
    run("ledgers 0.2 to 1.6 s apart, at random", || Duration::from_millis(rng.random_range(200..1_600))).await;
}

async fn run(name: &str, mut pause: impl FnMut() -> Duration) {
    let devnet = Devnet::open(&DevnetArgs::by_hand(), None, Arc::new(SystemClock)).unwrap();
    let mut tasks = JoinSet::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let network = Network {
        rpc_url: format!("http://{}/devnet/rpc", listener.local_addr().unwrap()),
        contract: devnet.contract_id().to_string(),
        passphrase: devnet.passphrase().to_owned(),
    };
    let router = devnet.router();
    let settings = ServerSettings::default();
    tasks.spawn(async move { http::serve(listener, router, settings, CancellationToken::new()).await.unwrap() });
    let pool = database("bench_latency").await;
    let (daemon, base) = Process::daemon(&network, &pool).await;
    let client = reqwest::Client::builder().build().unwrap();
    let mut stream = client.get(format!("{base}/v1/events/subscribe?all=true")).send().await.unwrap();
    let mut waited = Vec::with_capacity(EVENTS);
    // The first ledgers teach the daemon their interval.
    for round in 0..EVENTS + 5 {
        sleep(pause()).await;
        let took = one_event(&devnet, &mut stream).await;
        if round >= 5 {
            waited.push(took);
        }
    }
    daemon.end().await;
    pool.close().await;
    waited.sort();
    let at = |percent: usize| waited[(waited.len() * percent).div_ceil(100) - 1].as_secs_f64() * 1e3;
    let bound = (POLL + Duration::from_millis(50)).as_secs_f64() * 1e3;
    println!("RPC to subscriber, {EVENTS} events, poll 1 s, {name}");
    println!(
        "  p50 {:.0} ms, p99 {:.0} ms, longest {:.0} ms (goal: p99 at most {bound:.0} ms)",
        at(50),
        at(99),
        at(100)
    );
}

/// Closes a ledger with one new stream, and reads until its last event has arrived.
async fn one_event(devnet: &Devnet, stream: &mut reqwest::Response) -> Duration {
    let call = Call::Create {
        sender: devnet.account("alice"),
        recipient: devnet.account("bob"),
        token: devnet.token().into(),
        amount: Amount(1_000_000),
        duration_seconds: 100,
    };
    let answer = devnet.submit(call);
    devnet.close_ledger().unwrap();
    let shown = Instant::now();
    answer.await.unwrap();
    let wanted: EventId = *devnet.events_emitted().last().unwrap();
    let mut text = String::new();
    while !text.contains(&format!("id: {wanted}\n")) {
        let chunk = stream.chunk().await.unwrap().expect("the stream continues");
        text += std::str::from_utf8(&chunk).unwrap();
    }
    shown.elapsed()
}
