//! Upgrades: a database that an earlier version left is migrated, and everything it answered then it answers still.
//!
//! `tests/fixtures/previous/README.md` says what was recorded, and how.

mod answer;
mod history;
mod questions;
mod record;

use std::{fs, io::Read, path::PathBuf, sync::Arc};

use flate2::read::GzDecoder;
use flowfi_indexer::{devnet::Devnet, domain::SystemClock, store::Store};
use sqlx::PgPool;

use self::questions::{Answered, Gateways};
use crate::world::World;

/// The newest migration that the recorded version knew.
const RECORDED: &str = "0006";

fn recorded(extension: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/previous");
    PathBuf::from(folder).join(format!("{RECORDED}.{extension}"))
}

/// Makes the recorded tables in an empty database.
async fn restore(pool: &PgPool) {
    let mut statements = String::new();
    let dump = fs::read(recorded("sql.gz")).unwrap();
    GzDecoder::new(dump.as_slice()).read_to_string(&mut statements).unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements)).execute(pool).await.unwrap();
}

/// The gateways that the questions are for, over the tables of this database.
async fn gateways(pool: &PgPool) -> Gateways {
    let devnet = Devnet::open(&history::network(), None, Arc::new(SystemClock)).unwrap();
    Gateways::over(World::on(pool.clone(), devnet).await).await
}

#[sqlx::test(migrations = false)]
async fn a_database_of_an_earlier_version_is_upgraded_and_answers_what_it_answered_then(pool: PgPool) {
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
