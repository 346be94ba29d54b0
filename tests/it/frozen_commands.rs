//! Commands that are frozen (Ctrl-Z) while they hold what the indexer writes to: indexing goes on.

use std::{process::Stdio, time::Duration};

use sqlx::{AssertSqlSafe, ConnectOptions, PgPool};
use tokio::{
    process::{Child, Command},
    time::{Instant, timeout},
};

use crate::world::{DEADLINE, World, eventually};

/// A transaction of a command that sends nothing for 15 s is ended; the rest is for the indexer's next attempt, and for a
/// busy machine.
const GOES_ON_WITHIN: Duration = Duration::from_secs(25);

/// A world with an indexer at work.
async fn indexed(pool: PgPool) -> World {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.create("carol", "dave", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    world
}

/// Runs a command until it is about to tell readers what it revised, which every one of them does last and with all its
/// locks, and freezes it there. Lets the indexer go on, and then the command, which must say what happened.
async fn indexing_goes_on_beside(world: &World, arguments: &[&str], held: &str) {
    #[expect(clippy::disallowed_methods, reason = "nobody drops it while it begins")]
    let mut keeper = world.pool.begin().await.unwrap();
    sqlx::query("lock table revisions in exclusive mode").execute(&mut *keeper).await.unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"));
    command.args(arguments).env("DATABASE_URL", world.pool.connect_options().to_url_lossy().as_str());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut frozen = command.spawn().unwrap();
    let waits = async || {
        let waits = "select exists (select from pg_locks where not granted and relation = 'revisions'::regclass)";
        sqlx::query_scalar::<_, bool>(waits).fetch_one(&world.pool).await.unwrap()
    };
    loop {
        eventually("the command waits with its locks", || async {
            assert!(!has_ended(&frozen), "it never waits");
            waits().await
        })
        .await;
        signal(&frozen, "-STOP").await;
        if waits().await {
            break;
        }
        // It had waited too long, and will try again.
        signal(&frozen, "-CONT").await;
    }
    keeper.rollback().await.unwrap();
    let is_held = || async {
        let attempt = format!("begin; set local lock_timeout = '1ms'; {held}; rollback");
        let mut session = world.pool.acquire().await.unwrap();
        let failed = sqlx::raw_sql(AssertSqlSafe(attempt)).execute(&mut *session).await.is_err();
        sqlx::raw_sql("rollback").execute(&mut *session).await.unwrap();
        failed
    };
    assert!(is_held().await, "{arguments:?} holds what the indexer needs");
    let since = Instant::now();
    world.create("erin", "frank", 1_000_000, 100).await;
    world.indexed().await;
    let took = since.elapsed();
    println!("beside a frozen {arguments:?}, indexing went on after {took:?}");
    assert!(took < GOES_ON_WITHIN, "{took:?}");
    signal(&frozen, "-CONT").await;
    let ended = timeout(DEADLINE, frozen.wait()).await.expect("it ends").unwrap();
    assert!(!ended.success(), "its work was rolled back, and it says so");
}

/// Returns whether the process has ended.
fn has_ended(process: &Child) -> bool {
    let Some(id) = process.id() else { return true };
    let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    state.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
}

async fn signal(process: &Child, signal: &str) {
    let id = process.id().unwrap().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
}

/// A batch raises the cursor.
const THE_CURSOR: &str = "select from cursors for update";
/// A batch writes event rows.
const THE_EVENTS: &str = "lock table stream_events in row exclusive mode";

fn source(world: &World) -> [String; 4] {
    [
        "--rpc-urls".to_owned(),
        world.rpc_urls[0].clone(),
        "--network-passphrase".to_owned(),
        world.devnet.passphrase().to_owned(),
    ]
}

async fn with_source(world: &World, arguments: &[&str], held: &str) {
    let source = source(world);
    let source: Vec<&str> = source.iter().map(String::as_str).collect();
    indexing_goes_on_beside(world, &[arguments, &source].concat(), held).await;
}

/// Forgets an event and its ledger, behind the cursor.
async fn open_a_hole(world: &World) {
    let ids = world.stored_ids().await;
    world.forget(&ids[..1]).await;
    for statement in [
        "delete from streams where stream_id = '1'",
        "update coverage set from_ledger = 4 where from_ledger = 2",
        "update cursors set revision = revision + 1",
    ] {
        sqlx::query(statement).execute(&world.pool).await.unwrap();
    }
}

#[sqlx::test]
async fn indexing_goes_on_beside_a_frozen_backfill(pool: PgPool) {
    let world = indexed(pool).await;
    open_a_hole(&world).await;
    with_source(&world, &["backfill", "2-3"], THE_CURSOR).await;
}

#[sqlx::test]
async fn indexing_goes_on_beside_a_frozen_repair_of_holes(pool: PgPool) {
    let world = indexed(pool).await;
    open_a_hole(&world).await;
    with_source(&world, &["coverage", "--repair"], THE_CURSOR).await;
}

#[sqlx::test]
async fn indexing_goes_on_beside_a_frozen_repair_of_records(pool: PgPool) {
    let world = indexed(pool).await;
    world.alter("update streams set deposited = 7 where stream_id = '1'").await;
    with_source(&world, &["verify", "--repair", "--patience", "1s"], THE_CURSOR).await;
}

#[sqlx::test]
async fn indexing_goes_on_beside_a_frozen_replay_of_the_quarantine(pool: PgPool) {
    let world = indexed(pool).await;
    world.quarantine_the_creations().await;
    indexing_goes_on_beside(&world, &["quarantine", "replay"], THE_CURSOR).await;
}

#[sqlx::test]
async fn indexing_goes_on_beside_a_reindex_that_is_frozen_while_it_swaps(pool: PgPool) {
    let world = indexed(pool).await;
    indexing_goes_on_beside(&world, &["reindex"], THE_EVENTS).await;
}
