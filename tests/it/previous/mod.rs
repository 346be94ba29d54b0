//! Upgrades: the database of an earlier version is migrated, and still gives all its earlier answers.
//!
//! `tests/fixtures/previous/README.md` describes what was recorded, and how.

mod answer;
mod history;
mod questions;
mod record;

use std::{fs, io::Read, path::PathBuf, sync::Arc};

use flate2::read::GzDecoder;
use flowfi_indexer::{devnet::Devnet, domain::SystemClock, ingest::Reindex, store::Store};
use sqlx::PgPool;

use self::questions::{Answered, Gateways};
use crate::world::World;

/// The newest migration of the recorded version.
const RECORDED: &str = "0006";

fn recorded(extension: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/previous");
    PathBuf::from(folder).join(format!("{RECORDED}.{extension}"))
}

/// Creates the recorded tables in an empty database.
pub async fn restore(pool: &PgPool) {
    let mut statements = String::new();
    let dump = fs::read(recorded("sql.gz")).unwrap();
    GzDecoder::new(dump.as_slice()).read_to_string(&mut statements).unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements)).execute(pool).await.unwrap();
}

/// Starts the gateways for the questions, on the tables of this database.
async fn gateways(pool: &PgPool) -> Gateways {
    let devnet = Devnet::open(&history::network(), None, Arc::new(SystemClock)).unwrap();
    Gateways::over(World::on(pool.clone(), devnet).await).await
}

#[sqlx::test(migrations = false)]
async fn a_database_of_an_earlier_version_is_upgraded_and_gives_the_same_answers(pool: PgPool) {
    restore(&pool).await;
    Store::on(pool.clone()).migrate().await.unwrap();
    let gateways = gateways(&pool).await;
    let mut differences = Vec::new();
    for line in fs::read_to_string(recorded("answers.jsonl")).unwrap().lines() {
        let Answered { question, answer } = serde_json::from_str(line).unwrap();
        let now = gateways.ask(&question, Some(&answer)).await;
        differences.extend(answer.differences(&now).into_iter().map(|what| format!("{question}: {what}")));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[sqlx::test(migrations = false)]
async fn records_that_an_earlier_version_set_from_the_chain_are_kept_or_named_by_a_reindex(pool: PgPool) {
    restore(&pool).await;
    let store = Store::on(pool.clone());
    store.migrate().await.unwrap();
    let texts = async |query: &'static str| sqlx::query_scalar::<_, String>(query).fetch_all(&pool).await.unwrap();
    // Streams whose creation was never seen.
    let seeds = "select to_jsonb(streams)::text from streams where created_toid < 4294967296 order by 1";
    let of_seeds = "select concat_ws(' ', toid, event_index, event.sender, event.recipient, event.token, event.amount)
        from stream_events as event join streams using (contract_id, stream_id) where created_toid < 4294967296 order by 1";
    let fields = "select concat_ws(' ', contract_id, stream_id, sender, recipient, token, rate_per_second, deposited,
        withdrawn, start_time, last_update_time, is_active, paused, paused_at, status) from streams order by 1";
    let (before, rows_before, records_before) = (texts(seeds).await, texts(of_seeds).await, texts(fields).await);
    assert!(!before.is_empty() && !rows_before.is_empty());
    let reindexed = Reindex::open(&store).await.unwrap().read_stored_and_swap(|_| {}).await.unwrap();
    assert_eq!(texts(seeds).await, before);
    assert_eq!(texts(of_seeds).await, rows_before);
    let records = texts(fields).await;
    assert_eq!(records.len(), records_before.len());
    let changed: Vec<_> = records_before.iter().filter(|record| !records.contains(record)).collect();
    assert_eq!(reindexed.changed.len(), changed.len(), "{changed:?}");
}
