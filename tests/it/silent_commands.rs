//! Maintenance commands, and what else may wait for long: a statement may take an hour, and a connection that falls
//! silent is noticed long before.

use std::{process::Stdio, time::Duration};

use flowfi_indexer::store::{NetworkRow, Store, StoreError, Writer};
use sqlx::{ConnectOptions, PgPool};
use tokio::{net::TcpListener, process::Command, task::JoinSet, time::Instant};

use crate::{
    silent_line::SilentLine,
    silent_writes::keep,
    world::{World, eventually},
};

/// How long a statement of a command may take.
const LONG: Duration = Duration::from_hours(1);
/// Three looks at the server, eight seconds apart, and as long again for a busy machine.
const NOTICED_WITHIN: Duration = Duration::from_secs(48);
/// Six attempts to reach it, one every eight seconds, the last of which takes eight seconds, and as long again.
const ABSENCE_NOTICED_WITHIN: Duration = Duration::from_secs(112);

/// Returns a statement over a line that waits for the table of the network, and whoever keeps that table.
async fn a_statement_that_waits(
    pool: &PgPool,
    store: Store,
) -> (JoinSet<Result<Option<NetworkRow>, StoreError>>, sqlx::Transaction<'static, sqlx::Postgres>) {
    let keeper = keep(pool, "network").await;
    let mut waiting = JoinSet::new();
    waiting.spawn(async move { store.network().await });
    eventually("the statement waits for the lock", || async { waiting_for_network(pool).await == 1 }).await;
    (waiting, keeper)
}

async fn waiting_for_network(pool: &PgPool) -> i64 {
    let waits = "select count(*) from pg_locks where not granted and relation = 'network'::regclass";
    sqlx::query_scalar(waits).fetch_one(pool).await.unwrap()
}

fn is_given_up<T>(ended: Result<T, StoreError>, why: &str) {
    let Err(failure) = ended else { panic!("it got an answer") };
    assert!(failure.is_unavailable() && failure.to_string().contains(why), "{failure}");
}

#[sqlx::test]
async fn a_statement_that_never_arrives_is_given_up_and_one_that_waits_for_a_lock_is_not(pool: PgPool) {
    let line = SilentLine::to(&pool).await;
    let store = line.store(2, LONG).await;
    let (mut lasting, keeper) = a_statement_that_waits(&pool, store.clone()).await;
    line.fall_silent_at("clock_timestamp");
    let asked = Instant::now();
    is_given_up(store.now().await, "fell silent");
    let took = asked.elapsed();
    println!("a statement that never arrived was given up after {took:?}");
    assert!(took < NOTICED_WITHIN, "{took:?}");
    assert!(lasting.try_join_next().is_none(), "the server is at work on it");
    keeper.rollback().await.unwrap();
    assert!(lasting.join_next().await.unwrap().unwrap().unwrap().is_none());
}

#[sqlx::test]
async fn a_statement_whose_answer_is_lost_is_given_up(pool: PgPool) {
    let line = SilentLine::to(&pool).await;
    let (mut lost, keeper) = a_statement_that_waits(&pool, line.store(1, LONG).await).await;
    line.fall_silent();
    let silent = Instant::now();
    keeper.rollback().await.unwrap();
    is_given_up(lost.join_next().await.unwrap().unwrap(), "fell silent");
    let took = silent.elapsed();
    println!("a statement whose answer was lost was given up after {took:?}");
    assert!(took < NOTICED_WITHIN, "{took:?}");
}

#[sqlx::test]
async fn a_statement_on_a_host_that_is_gone_is_given_up(pool: PgPool) {
    let line = SilentLine::to(&pool).await;
    let (mut lost, keeper) = a_statement_that_waits(&pool, line.store(1, LONG).await).await;
    line.fall_silent_for_good();
    let silent = Instant::now();
    is_given_up(lost.join_next().await.unwrap().unwrap(), "the server is away");
    let took = silent.elapsed();
    println!("a statement on a host that was gone was given up after {took:?}");
    assert!(took < ABSENCE_NOTICED_WITHIN, "{took:?}");
    keeper.rollback().await.unwrap();
}

#[sqlx::test]
async fn a_statement_is_waited_for_although_nobody_can_ask_the_server_about_it(pool: PgPool) {
    let line = SilentLine::to(&pool).await;
    let (mut lasting, keeper) = a_statement_that_waits(&pool, line.store(1, LONG).await).await;
    line.refuse_newcomers();
    eventually("four attempts to ask have failed", || async { line.refused_newcomers() >= 4 }).await;
    keeper.rollback().await.unwrap();
    assert!(lasting.join_next().await.unwrap().unwrap().unwrap().is_none());
}

#[sqlx::test]
async fn an_indexer_whose_line_falls_silent_while_it_creates_an_index_notices_that(pool: PgPool) {
    let world = World::new(pool).await;
    let line = SilentLine::to(&world.pool).await;
    let store = line.store(2, Duration::from_secs(30)).await;
    let mut writer = Writer::try_acquire(&store, world.contracts()).await.unwrap().expect("nobody else writes");
    line.fall_silent_at("create index if not exists");
    let begun = Instant::now();
    let (created, ()) = tokio::join!(writer.index_for_queries(), async {
        eventually("it has begun", || async { line.has_heard() }).await;
        line.fall_silent();
    });
    let Err(failure) = created else { panic!("it got an answer") };
    // The server may end the session first, because its lease has ended, and the line passes that on.
    assert!(failure.is_unavailable(), "{failure}");
    let took = begun.elapsed();
    assert!(took < NOTICED_WITHIN, "{took:?}");
}

#[sqlx::test]
async fn a_command_whose_connection_falls_silent_ends_and_says_so(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = SilentLine::url(&listener, &world.pool);
    let line = SilentLine::on(listener, &world.pool);
    line.fall_silent_at("from coverage");
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"));
    command.arg("coverage").env("DATABASE_URL", url).kill_on_drop(true).stdout(Stdio::null());
    let begun = Instant::now();
    let ended = command.output().await.unwrap();
    let (took, said) = (begun.elapsed(), String::from_utf8_lossy(&ended.stderr).into_owned());
    assert!(line.has_heard(), "it fell silent: {said}");
    assert!(!ended.status.success() && said.contains("fell silent"), "{said}");
    assert!(took < ABSENCE_NOTICED_WITHIN, "{took:?}: {said}");
}

#[sqlx::test]
async fn a_second_reindex_names_the_first_one_which_is_frozen_and_how_to_end_it(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.archiving()).await;
    let reindex = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"));
        command.arg("reindex").env("DATABASE_URL", world.pool.connect_options().to_url_lossy().as_str());
        command.kill_on_drop(true).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    };
    let keeper = keep(&world.pool, "stream_events").await;
    let frozen = reindex().spawn().unwrap();
    eventually("the first one runs", || async { world.store.expect_no_reindex().await.is_err() }).await;
    let id = frozen.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-STOP", &id]).status().await.unwrap().success());
    keeper.rollback().await.unwrap();
    let second = reindex().output().await.unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success(), "{said}");
    for part in [&format!("is running: flowfi-indexer reindex {id}@"), ", since 20", "pg_terminate_backend("] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (_, ending) = said.rsplit_once("select pg_terminate_backend(").unwrap();
    let backend: i32 = ending.split_once(')').unwrap().0.parse().unwrap();
    sqlx::query("select pg_terminate_backend($1)").bind(backend).execute(&world.pool).await.unwrap();
    eventually("another one can run", || async { world.store.expect_no_reindex().await.is_ok() }).await;
    assert!(reindex().output().await.unwrap().status.success());
    world.assert_equal_to_the_chain().await;
}
