//! Records the fixture again, with the version of a release, before the first change after it.

use std::{fs, io::Write};

use flate2::{Compression, GzBuilder};
use sqlx::PgPool;
use tokio::process::Command;

use super::{
    gateways, history,
    questions::{self, Answered},
    recorded, restore,
};

const SCHEMAS: [&str; 3] = ["public", "flowfi_epoch_0", "flowfi_reindex"];

#[sqlx::test]
#[ignore = "writes the fixture that the other test reads"]
async fn what_this_version_stores_and_answers_is_recorded(pool: PgPool) {
    history::make(&pool).await;
    steady(&pool).await;
    let mut packed = GzBuilder::new().write(fs::File::create(recorded("sql.gz")).unwrap(), Compression::best());
    packed.write_all(dump(&pool).await.as_bytes()).unwrap();
    packed.finish().unwrap();
    for schema in SCHEMAS {
        execute(&pool, format!("drop schema {schema} cascade")).await;
    }
    execute(&pool, "create schema public".to_owned()).await;
    restore(&pool).await;
    let gateways = gateways(&pool).await;
    let mut answers = String::new();
    for question in questions::all(gateways.devnet()) {
        let answer = gateways.ask(&question, None).await;
        answers += &serde_json::to_string(&Answered { question, answer }).unwrap();
        answers.push('\n');
    }
    fs::write(recorded("answers.jsonl"), answers).unwrap();
}

async fn execute(pool: &PgPool, statement: String) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(pool).await.unwrap();
}

/// Replaces what the wall clock and free ports determined, and sorts rows by their keys.
async fn steady(pool: &PgPool) {
    for schema in SCHEMAS {
        for (table, column) in [
            ("_sqlx_migrations", "installed_on"),
            ("coverage", "seen_at"),
            ("accepted_gaps", "accepted_at"),
            ("revisions", "committed_at"),
            ("indexer_reports", "reported_at"),
        ] {
            execute(pool, format!("update {schema}.{table} set {column} = '2025-01-01T12:00:00Z'")).await;
        }
        execute(pool, format!("update {schema}._sqlx_migrations set execution_time = 0")).await;
        let endpoints = r#"regexp_replace(regexp_replace(endpoints::text, '127\.0\.0\.1:\d+', '127.0.0.1:8000', 'g'),
                             '"latencyMs": \d+', '"latencyMs": 1', 'g')::jsonb"#;
        execute(pool, format!("update {schema}.indexer_reports set endpoints = {endpoints}")).await;
    }
    execute(pool, "update desired_state set changed_at = '2025-01-01T12:00:00Z'".to_owned()).await;
    let keys = "select format('cluster %I.%I using %I', schemaname, tablename, indexname) as cluster,
                       format('alter table %I.%I set without cluster', schemaname, tablename) as forget
                from pg_indexes where schemaname = any($1) and indexname like '%_pkey' order by 1";
    let statements: Vec<(String, String)> = sqlx::query_as(keys).bind(SCHEMAS).fetch_all(pool).await.unwrap();
    for (cluster, forget) in statements {
        execute(pool, cluster).await;
        execute(pool, forget).await;
    }
}

/// Returns statements that any later server and any client understands, without the settings, owners and `psql`
/// commands that `pg_dump` adds.
async fn dump(pool: &PgPool) -> String {
    let options = pool.connect_options();
    let host = options.get_socket().map_or(options.get_host().into(), |socket| socket.to_string_lossy());
    let written = Command::new("pg_dump")
        .args(["--inserts", "--no-owner", "--no-privileges", "--no-comments"])
        .args(["--host", &*host, "--port", &options.get_port().to_string(), "--username", options.get_username()])
        .args(["--dbname", options.get_database().unwrap()])
        .args(SCHEMAS.map(|schema| format!("--schema={schema}")))
        .output()
        .await
        .unwrap();
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let text = String::from_utf8(written.stdout).unwrap();
    let is_kept = |line: &&str| {
        let is_noise = line.is_empty() || line.starts_with("--") || line.starts_with('\\');
        !is_noise && !line.starts_with("SET ") && !line.starts_with("SELECT pg_catalog.set_config")
    };
    let lines = text.lines().filter(is_kept).filter(|line| *line != "CREATE SCHEMA public;");
    lines.fold(String::new(), |kept, line| kept + line + "\n")
}
