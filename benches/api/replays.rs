//! Many clients that resume at once from before the first event, and one client that waits for events committed
//! meanwhile.

use std::time::{Duration, Instant};

use flowfi_indexer::domain::{EventId, LedgerSequence};
use rand::{SeedableRng, rngs::StdRng, seq::index};
use sqlx::PgPool;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    task::JoinSet,
    time::sleep,
};

pub const CLIENTS: u64 = 200;
pub const STREAMS_EACH: usize = 500;
const EVENTS_A_STREAM: usize = 10;
/// The last ledger of the filled database.
const LAST_LEDGER: i64 = 16_000_000;
const BETWEEN_COMMITS: Duration = Duration::from_millis(250);

/// Lets each client follow a share of all streams and read everything since the first ledger. Returns when the last
/// client has everything.
pub async fn come_back(base: &str, of_all: u32) -> Duration {
    let begun = Instant::now();
    let of_all = usize::try_from(of_all).unwrap();
    let mut clients = JoinSet::new();
    for seed in 0..CLIENTS {
        let base = base.to_owned();
        clients.spawn(async move {
            let chosen = index::sample(&mut StdRng::seed_from_u64(seed), of_all, STREAMS_EACH);
            let streams = chosen.into_iter().map(|number| number + 1);
            let mut frames = subscribe(&base, streams, Some(before_the_first())).await;
            for _ in 0..STREAMS_EACH * EVENTS_A_STREAM {
                next_id(&mut frames).await;
            }
        });
    }
    clients.join_all().await;
    begun.elapsed()
}

/// Commits events of one stream until the time is over. Returns how long each took to reach a client that follows it.
pub async fn wait_for_commits(base: &str, pool: &PgPool, stream: u32, time: Duration) -> Vec<Duration> {
    let begun = Instant::now();
    let mut frames = subscribe(base, [usize::try_from(stream).unwrap()], None).await;
    next_id(&mut frames).await;
    let mut waited = Vec::new();
    for ledger in LAST_LEDGER + 1.. {
        if begun.elapsed() >= time {
            break;
        }
        sleep(BETWEEN_COMMITS).await;
        commit_event(pool, stream, ledger << 32).await;
        let committed = Instant::now();
        let id = EventId::from_parts(ledger << 32, 0).unwrap().to_string();
        while !next_id(&mut frames).await.contains(&id) {}
        waited.push(committed.elapsed());
    }
    waited
}

/// Returns the id that lies before everything in the filled database, whose first ledger has the number 1.
fn before_the_first() -> EventId {
    EventId::end_of_ledger(LedgerSequence(0))
}

async fn subscribe(
    base: &str,
    streams: impl IntoIterator<Item = usize>,
    last_event_id: Option<EventId>,
) -> Lines<BufReader<TcpStream>> {
    let address = base.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    let streams: Vec<String> = streams.into_iter().map(|stream| stream.to_string()).collect();
    let last = last_event_id.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
    let path = format!("/v1/events/subscribe?streams={}", streams.join(","));
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n{last}\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(connection).lines();
    let status = lines.next_line().await.unwrap().unwrap();
    assert_eq!(status, "HTTP/1.1 200 OK");
    lines
}

async fn next_id(frames: &mut Lines<BufReader<TcpStream>>) -> String {
    loop {
        let line = frames.next_line().await.unwrap().expect("the gateway keeps the connection open");
        assert_ne!(line, "event: reset", "there is nothing to wait for after a reset");
        if line.starts_with("id: ") {
            return line;
        }
    }
}

/// Commits one more event in the way the indexer does.
async fn commit_event(pool: &PgPool, stream: u32, toid: i64) {
    let mut connection = pool.acquire().await.unwrap();
    let statement = format!(
        "with event as (
             insert into stream_events (
                 toid, event_index, contract_id, ledger_closed_at, tx_hash, type, stream_id, sender, recipient, token,
                 amount, body, topics, value
             )
             select {toid}, 0, contract_id, now(), tx_hash, 'stream.topped_up', stream_id, sender, recipient, token,
                 amount, body, topics, value
             from stream_events where stream_id = '{stream}' order by toid limit 1
         ), cursor as (
             update cursors set toid = {toid}, event_index = 0, last_whole_ledger = {toid} >> 32
         )
         select pg_notify('flowfi_committed', '')"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut *connection).await.unwrap();
}
