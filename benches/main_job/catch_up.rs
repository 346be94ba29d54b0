//! Catch-up: the daemon reads a long history of events from Stellar RPC into PostgreSQL; then the same rows are written
//! into the same tables with only the daemon's own insert statements.

use std::time::{Duration, Instant};

use flowfi_indexer::store::Store;
use sqlx::{Connection, PgConnection, PgPool, Row, postgres::PgRow};
use tokio::time::sleep;

use super::daemon::{Process, database};

const INSERT_EVENTS: &str = include_str!("../../src/store/insert_events.sql");
const UPSERT_STREAMS: &str = include_str!("../../src/store/upsert_streams.sql");
/// The number that the daemon puts into one transaction.
const ROWS_IN_A_BATCH: i64 = 5_000;

pub async fn measure(events: u64) {
    let pool = database("bench_catch_up").await;
    let (devnet, network) = Process::devnet(events).await;
    let (daemon, _) = Process::daemon(&network, &pool).await;
    let store = Store::on(pool.clone());
    let contract = network.contract.parse().unwrap();
    let tip = tip_ledger(&network.rpc_url).await;
    while store.progress(&contract).await.unwrap().is_none() {
        sleep(Duration::from_millis(1)).await;
    }
    let (begun, used_before) = (Instant::now(), daemon.usage());
    while store.progress(&contract).await.unwrap().unwrap().last_whole_ledger.0 < tip {
        sleep(Duration::from_millis(20)).await;
    }
    let (took, used) = (begun.elapsed(), daemon.usage());
    daemon.end().await;
    devnet.end().await;
    let rows: i64 = sqlx::query_scalar("select count(*) from stream_events").fetch_one(&pool).await.unwrap();
    let rows = u32::try_from(rows).unwrap();

    let bare = bare_insert(&pool).await;
    let rate = f64::from(rows) / took.as_secs_f64();
    let bare_rate = f64::from(rows) / bare.as_secs_f64();
    println!("catch-up of {rows} events");
    println!("  daemon             {rate:>9.0} events/s ({:.1} s)", took.as_secs_f64());
    println!("  bare insert        {bare_rate:>9.0} events/s ({:.1} s)", bare.as_secs_f64());
    println!("  daemon / bare      {:>9.2} (goal: at least 0.60)", rate / bare_rate);
    let cpu = used.cpu.saturating_sub(used_before.cpu).as_secs_f64() * 1e6 / f64::from(rows);
    println!("  CPU an event       {cpu:>9.1} µs (goal: at most 60)");
    println!("  peak memory        {:>9} MiB (goal: at most 200)", used.peak_memory_mib);
    pool.close().await;
}

async fn tip_ledger(rpc_url: &str) -> u32 {
    // A provider that is already installed works as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let request = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "getLatestLedger"});
    let client = reqwest::Client::builder().build().unwrap();
    let answer = client.post(rpc_url).json(&request).send().await.unwrap();
    let reply: serde_json::Value = answer.json().await.unwrap();
    u32::try_from(reply["result"]["sequence"].as_u64().unwrap()).unwrap()
}

/// Reads the rows back in order and inserts them into empty tables of the same form. Only the inserts are timed.
async fn bare_insert(pool: &PgPool) -> Duration {
    let mut connection = PgConnection::connect_with(&pool.connect_options()).await.unwrap();
    let prepare = "create schema bare;
        create table bare.stream_events (like public.stream_events including all);
        create table bare.streams (like public.streams including all);
        set search_path to bare; checkpoint";
    sqlx::raw_sql(prepare).execute(&mut connection).await.unwrap();
    let mut took = Duration::ZERO;
    let mut after = (0_i64, 0_i64);
    loop {
        let batch = sqlx::query(
            "select toid, event_index, contract_id, ledger_closed_at, tx_hash, type, stream_id::text, sender, recipient,
                    token, amount::text, body::text, array_to_string(topics, ',') as topics, value, came_late,
                    former_recipient
             from public.stream_events where (toid, event_index) > ($1, $2) order by toid, event_index limit $3",
        )
        .bind(after.0)
        .bind(after.1)
        .bind(ROWS_IN_A_BATCH)
        .fetch_all(&mut connection)
        .await
        .unwrap();
        let Some(last) = batch.last() else { break };
        after = (last.get(0), last.get(1));
        took += insert_events(&mut connection, &batch).await;
    }
    took + insert_streams(&mut connection).await
}

fn texts(rows: &[PgRow], column: &str) -> Vec<Option<String>> {
    rows.iter().map(|row| row.get(column)).collect()
}

fn numbers(rows: &[PgRow], column: &str) -> Vec<i64> {
    rows.iter().map(|row| row.get(column)).collect()
}

fn flags(rows: &[PgRow], column: &str) -> Vec<bool> {
    rows.iter().map(|row| row.get(column)).collect()
}

fn times(rows: &[PgRow], column: &str) -> Vec<chrono::DateTime<chrono::Utc>> {
    rows.iter().map(|row| row.get(column)).collect()
}

async fn insert_events(connection: &mut PgConnection, rows: &[PgRow]) -> Duration {
    let mut insert = sqlx::query(INSERT_EVENTS)
        .bind(numbers(rows, "toid"))
        .bind(numbers(rows, "event_index"))
        .bind(texts(rows, "contract_id"))
        .bind(times(rows, "ledger_closed_at"));
    for column in ["tx_hash", "type", "stream_id", "sender", "recipient", "token", "amount", "body", "topics", "value"]
    {
        insert = insert.bind(texts(rows, column));
    }
    // One batch comes late or does not.
    let came_late: bool = rows[0].get("came_late");
    insert = insert.bind(came_late).bind(texts(rows, "former_recipient"));
    let begun = Instant::now();
    insert.execute(connection).await.unwrap();
    begun.elapsed()
}

async fn insert_streams(connection: &mut PgConnection) -> Duration {
    let mut took = Duration::ZERO;
    let mut offset = 0_i64;
    loop {
        let rows = sqlx::query(
            "select contract_id, stream_id::text, sender, recipient, token, rate_per_second::text, deposited::text,
                    withdrawn::text, start_time::text, last_update_time::text, end_time::text, is_active, paused,
                    paused_at::text, status, total_paused_seconds::text, unverified, impossible_order, created_toid,
                    created_event_index, last_toid, last_event_index, created_at, updated_at, schedule::text,
                    cliff_time::text, arbiter, dispute_status, is_allowance_based, closed, awaits_entry,
                    checked_at_ledger
             from public.streams order by created_toid, created_event_index offset $1 limit $2",
        )
        .bind(offset)
        .bind(ROWS_IN_A_BATCH)
        .fetch_all(&mut *connection)
        .await
        .unwrap();
        if rows.is_empty() {
            return took;
        }
        offset += ROWS_IN_A_BATCH;
        took += insert_stream_rows(connection, &rows).await;
    }
}

async fn insert_stream_rows(connection: &mut PgConnection, rows: &[PgRow]) -> Duration {
    let mut insert = sqlx::query(UPSERT_STREAMS);
    let first_texts = [
        "contract_id",
        "stream_id",
        "sender",
        "recipient",
        "token",
        "rate_per_second",
        "deposited",
        "withdrawn",
        "start_time",
        "last_update_time",
        "end_time",
    ];
    for column in first_texts {
        insert = insert.bind(texts(rows, column));
    }
    insert = insert.bind(flags(rows, "is_active")).bind(flags(rows, "paused"));
    for column in ["paused_at", "status", "total_paused_seconds"] {
        insert = insert.bind(texts(rows, column));
    }
    insert = insert.bind(flags(rows, "unverified")).bind(flags(rows, "impossible_order"));
    for column in ["created_toid", "created_event_index", "last_toid", "last_event_index"] {
        insert = insert.bind(numbers(rows, column));
    }
    insert = insert.bind(times(rows, "created_at")).bind(times(rows, "updated_at"));
    for column in ["schedule", "cliff_time", "arbiter", "dispute_status"] {
        insert = insert.bind(texts(rows, column));
    }
    for column in ["is_allowance_based", "closed", "awaits_entry"] {
        insert = insert.bind(flags(rows, column));
    }
    let checked: Vec<Option<i64>> = rows.iter().map(|row| row.get("checked_at_ledger")).collect();
    insert = insert.bind(checked);
    let begun = Instant::now();
    insert.execute(connection).await.unwrap();
    begun.elapsed()
}
