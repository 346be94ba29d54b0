//! What must not take the service down: silent connections, frozen processes, an unreadable table.

use std::{process::Stdio, time::Duration};

use flowfi_indexer::{
    devnet::Call,
    domain::{Amount, Epoch, EventId, EventKind, LedgerRange, LedgerSequence, QuarantineKind, StreamId, UnixTime},
    ingest::{Indexer, IngestSettings, Waits},
    store::{IndexerReport, IndexerState, Locks, Store, Writer},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
    time::{Instant, timeout},
};

use crate::{
    silent_line::SilentLine,
    silent_writes::keep,
    world::{DEADLINE, GatewaySettings, Subscriber, World, eventually, http_client},
};

const SHORT: Duration = Duration::from_secs(5);
/// The server ends the writer's session if it hears nothing for this long.
const LEASE: Duration = Duration::from_secs(10);
/// How long a REST request may take.
const REQUEST_DEADLINE: Duration = Duration::from_secs(20);
/// How long a statement may take in these tests.
const STATEMENT_DEADLINE: Duration = Duration::from_mins(1);

async fn status_of(url: &str) -> u16 {
    http_client().get(url).send().await.unwrap().status().as_u16()
}

#[sqlx::test]
async fn a_gateway_whose_connections_fall_silent_recovers(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.start_indexer(100);
    world.create("alice", "bob", 1_000_000, 100).await;
    world.indexed().await;
    let line = SilentLine::to(&world.pool).await;
    world.store = line.store(3, SHORT).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut watching = Subscriber::connect(&base, "all=true", None).await;
    let streams = format!("{base}/v1/streams");
    let burst = || async {
        let requests = (0..12).map(|_| status_of(&streams));
        join_all(requests).await
    };
    assert!(burst().await.iter().all(|status| *status == 200), "every connection is open");
    line.fall_silent();
    let statuses = burst().await;
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    eventually("every request is answered again", || async { burst().await.iter().all(|status| *status == 200) }).await;
    let created = world.create("carol", "dave", 1_000_000, 100).await;
    assert_eq!(watching.ids(1).await[0].ledger(), created.ledger, "live events continue too");
}

#[sqlx::test]
async fn an_indexer_whose_connections_fall_silent_continues(pool: PgPool) {
    let mut world = World::new(pool).await;
    let line = SilentLine::to(&world.pool).await;
    let own = std::mem::replace(&mut world.store, line.store(4, SHORT).await);
    world.start_indexer(100);
    world.store = own;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.indexed().await;
    line.fall_silent();
    world.create("carol", "dave", 1_000_000, 100).await;
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_connection_that_falls_silent_while_it_is_returned_leaves_its_place_to_another(pool: PgPool) {
    let world = World::new(pool).await;
    let line = SilentLine::to(&world.pool).await;
    let store = line.store(1, SHORT).await;
    let contract_id = world.devnet.contract_id();
    for way in ["a query", "work", "a transaction"] {
        line.fall_silent_at_a_check();
        match way {
            "a query" => drop(store.now().await.unwrap()),
            "work" => assert!(!store.has_writer().await.unwrap()),
            _ => store
                .accept_gap(&contract_id, LedgerRange::new(LedgerSequence(3), LedgerSequence(3)).unwrap())
                .await
                .unwrap(),
        }
        eventually("it is checked", || async { line.has_heard() }).await;
        store.now().await.unwrap_or_else(|failure| panic!("after {way} the place is taken: {failure}"));
    }
}

/// Indexes over a line that falls silent as soon as this text is sent.
async fn index_over_a_line_that_falls_silent_at(pool: PgPool, said: &'static str) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    let line = SilentLine::to(&world.pool).await;
    let own = std::mem::replace(&mut world.store, line.store(4, SHORT).await);
    line.fall_silent_at(said);
    world.start_indexer(100);
    world.store = own;
    world.indexed().await;
    assert!(line.has_heard(), "it was in the middle of that");
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn an_indexer_whose_connection_falls_silent_while_it_takes_the_lock_takes_it_again(pool: PgPool) {
    index_over_a_line_that_falls_silent_at(pool, "pg_try_advisory_lock").await;
}

#[sqlx::test]
async fn an_indexer_whose_connection_falls_silent_while_it_starts_to_listen_continues(pool: PgPool) {
    index_over_a_line_that_falls_silent_at(pool, "flowfi_desired_state").await;
}

#[sqlx::test]
async fn an_indexer_whose_connection_falls_silent_while_it_chooses_the_first_ledger_chooses_it_again(pool: PgPool) {
    index_over_a_line_that_falls_silent_at(pool, "insert into cursors").await;
}

/// An indexer in its own process.
struct Process(Child);

impl Process {
    fn start(world: &World) -> Self {
        Self(Self::command(world, world.pool.connect_options().to_url_lossy().as_str()).spawn().unwrap())
    }

    fn command(world: &World, database_url: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"));
        command.args(["serve", "--role", "indexer", "--poll-interval", "100ms", "--rpc-urls", &world.rpc_url]);
        command.args(["--contracts", world.devnet.contract_id().as_str()]);
        command.args(["--network-passphrase", world.devnet.passphrase()]);
        command.env("DATABASE_URL", database_url).kill_on_drop(true);
        command
    }

    async fn signal(&self, name: &str) {
        let id = self.0.id().unwrap().to_string();
        assert!(Command::new("kill").args([name, &id]).status().await.unwrap().success());
    }
}

/// Starts a process that writes and a standby, sends the process a signal, and returns how long nothing was indexed.
async fn takeover(pool: PgPool, signal: &str) -> Duration {
    let mut world = World::new(pool).await;
    let process = Process::start(&world);
    world.create("alice", "bob", 1_000_000, 100).await;
    world.indexed().await;
    world.start_indexer(100);
    process.signal(signal).await;
    let since = Instant::now();
    world.create("carol", "dave", 1_000_000, 100).await;
    world.indexed().await;
    let took = since.elapsed();
    // For those who want the figure: -- --nocapture.
    println!("after {signal}, the chain was indexed again within {took:?}");
    world.assert_equal_to_the_chain().await;
    took
}

#[sqlx::test]
async fn a_writer_that_is_killed_is_replaced_before_its_lease_ends(pool: PgPool) {
    let took = takeover(pool, "-KILL").await;
    assert!(took < LEASE, "the server has seen its connection end: {took:?}");
}

#[sqlx::test]
async fn a_writer_that_is_frozen_is_replaced_when_its_lease_ends(pool: PgPool) {
    let took = takeover(pool, "-STOP").await;
    assert!(took < LEASE * 2, "nothing else was waited for: {took:?}");
}

#[sqlx::test]
async fn an_indexer_whose_login_is_refused_for_a_moment_continues(pool: PgPool) {
    let options = (*pool.connect_options()).clone();
    // The server cuts longer names off.
    let role: String = format!("moment{}", options.get_database().unwrap()).chars().take(63).collect();
    let create = format!("create role \"{role}\" superuser login password 'moment'");
    sqlx::query(AssertSqlSafe(create)).execute(&pool).await.unwrap();
    let url = options.username(&role).password("moment").to_url_lossy();
    let world = World::new(pool).await;
    let mut child = Process::command(&world, url.as_str()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    world.create("alice", "bob", 1_000_000, 100).await;
    world.indexed().await;
    let (refuse, accept) = (format!("alter role \"{role}\" nologin"), format!("alter role \"{role}\" login"));
    sqlx::query(AssertSqlSafe(refuse)).execute(&world.pool).await.unwrap();
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where usename = $1";
    sqlx::query(end).bind(&role).execute(&world.pool).await.unwrap();
    let refused = async {
        while let Some(line) = log.next_line().await.unwrap() {
            if line.contains("indexing was interrupted") && line.contains("is not permitted to log in") {
                return;
            }
        }
        panic!("the indexer ended");
    };
    timeout(DEADLINE, refused).await.unwrap();
    world.create("carol", "dave", 1_000_000, 100).await;
    sqlx::query(AssertSqlSafe(accept)).execute(&world.pool).await.unwrap();
    world.indexed().await;
    assert_eq!(child.try_wait().unwrap(), None);
    child.kill().await.unwrap();
    let drop = format!("reassign owned by \"{role}\" to current_user; drop role \"{role}\"");
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&world.pool).await.unwrap();
}

#[sqlx::test]
async fn a_writer_that_runs_and_does_nothing_is_replaced(pool: PgPool) {
    let world = World::new(pool).await;
    let hung = Writer::try_acquire(&world.store, world.contracts()).await.unwrap().expect("nobody else writes");
    let since = Instant::now();
    eventually("another takes the lock", || async {
        Writer::try_acquire(&world.store, world.contracts()).await.unwrap().is_some()
    })
    .await;
    let took = since.elapsed();
    assert!(took < LEASE * 3, "it was waited for longer than for its last sign of life and its lease: {took:?}");
    drop(hung);
}

#[sqlx::test]
async fn the_server_ends_a_statement_whose_client_is_gone(pool: PgPool) {
    let keeper = keep(&pool, "network").await;
    let store = Store::connect(pool.connect_options().to_url_lossy().as_str(), 1, SHORT).await.unwrap();
    let waiting = async || {
        let waits = "select count(*) from pg_locks where not granted and relation = 'network'::regclass";
        sqlx::query_scalar::<_, i64>(waits).fetch_one(&pool).await.unwrap()
    };
    let (read, ()) =
        tokio::join!(store.network(), eventually("it waits for the lock", || async { waiting().await == 1 }));
    assert!(read.unwrap_err().is_unavailable());
    eventually("the server no longer waits for the lock", || async { waiting().await == 0 }).await;
    keeper.rollback().await.unwrap();
}

#[sqlx::test]
async fn a_request_is_answered_at_its_deadline_although_the_database_takes_longer(pool: PgPool) {
    let mut world = World::new(pool).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let keeper = keep(&world.pool, "streams").await;
    let asked = Instant::now();
    let status = status_of(&format!("{base}/v1/streams")).await;
    let took = asked.elapsed();
    assert_eq!(status, 503);
    assert!((REQUEST_DEADLINE..STATEMENT_DEADLINE).contains(&took), "{took:?}");
    keeper.rollback().await.unwrap();
}

#[sqlx::test]
async fn a_command_that_is_frozen_in_the_middle_of_a_repair_does_not_stop_indexing(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    let contract_id = world.devnet.contract_id();
    let frozen = world.store.begin_repair(&contract_id, Epoch(0), Locks::FromTheBeginning).await.unwrap().unwrap();
    world.create("carol", "dave", 1_000_000, 100).await;
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    drop(frozen);
}

#[sqlx::test]
async fn an_archive_behind_an_open_reader_gives_way_and_blocks_nobody(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.archiving()).await;
    #[expect(clippy::disallowed_methods, reason = "nobody drops it while it starts")]
    let mut reader = world.pool.begin().await.unwrap();
    sqlx::query("select count(*) from cursors").fetch_one(&mut *reader).await.unwrap();
    let archive = world.store.archive_epoch(Epoch(0));
    let (archived, ()) = tokio::join!(archive, async {
        eventually("the archive waits", || async {
            let waits = "select exists (select from pg_locks where not granted and mode = 'AccessExclusiveLock')";
            sqlx::query_scalar(waits).fetch_one(&world.pool).await.unwrap()
        })
        .await;
        // This query queues behind the archive until the archive gives way.
        world.store.contracts().await.unwrap();
    });
    assert!(archived.unwrap_err().is_unavailable(), "it must be retried");
    reader.rollback().await.unwrap();
    assert!(world.store.archive_epoch(Epoch(0)).await.unwrap().is_some());
}

#[sqlx::test]
async fn a_connection_that_turned_read_only_is_not_used_again(pool: PgPool) {
    let database: String = sqlx::query_scalar("select current_database()").fetch_one(&pool).await.unwrap();
    let change = |what: &str| sqlx::AssertSqlSafe(format!("alter database \"{database}\" {what}"));
    sqlx::query(change("set default_transaction_read_only = on")).execute(&pool).await.unwrap();
    let store = Store::connect(pool.connect_options().to_url_lossy().as_str(), 1, DEADLINE).await.unwrap();
    sqlx::query(change("reset default_transaction_read_only")).execute(&pool).await.unwrap();
    let subject = "GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7";
    let refused = store.revoke(subject, "operator", (UnixTime(1), 0), None).await.unwrap_err();
    assert!(refused.is_unavailable(), "{refused}");
    store.revoke(subject, "operator", (UnixTime(1), 0), None).await.unwrap();
}

#[sqlx::test]
async fn connections_that_turned_read_only_are_all_replaced_after_the_first_refusal(pool: PgPool) {
    let database: String = sqlx::query_scalar("select current_database()").fetch_one(&pool).await.unwrap();
    let change = |what: &str| sqlx::AssertSqlSafe(format!("alter database \"{database}\" {what}"));
    sqlx::query(change("set default_transaction_read_only = on")).execute(&pool).await.unwrap();
    let store = Store::connect(pool.connect_options().to_url_lossy().as_str(), 4, DEADLINE).await.unwrap();
    let keeper = keep(&pool, "network").await;
    let reading = join_all((0..4).map(|_| store.network()));
    let (read, ()) = tokio::join!(reading, async {
        eventually("every connection is open", || async {
            let waits = "select count(*) = 4 from pg_locks where not granted and relation = 'network'::regclass";
            sqlx::query_scalar(waits).fetch_one(&pool).await.unwrap()
        })
        .await;
        keeper.rollback().await.unwrap();
    });
    assert!(read.iter().all(Result::is_ok), "{read:?}");
    // The test's own connection may be one that was opened meanwhile.
    let writable =
        format!("begin read write; alter database \"{database}\" reset default_transaction_read_only; commit");
    sqlx::raw_sql(sqlx::AssertSqlSafe(writable)).execute(&pool).await.unwrap();
    let refused = store.set_desired_state(true, "operator").await.unwrap_err();
    assert!(refused.is_unavailable(), "{refused}");
    for _ in 0..4 {
        store.set_desired_state(true, "operator").await.unwrap();
    }
}

#[sqlx::test]
async fn a_held_table_of_reports_does_not_stop_indexing(pool: PgPool) {
    let mut world = World::new(pool).await;
    let keeper = keep(&world.pool, "indexer_reports").await;
    let begun = Instant::now();
    world.start_indexer(100);
    for _ in 0..3 {
        world.create("alice", "bob", 1_000_000, 100).await;
        world.indexed().await;
    }
    let took = begun.elapsed();
    assert!(took < STATEMENT_DEADLINE, "nothing waited for a report until its statement failed: {took:?}");
    keeper.rollback().await.unwrap();
    eventually("it reports again", || async {
        world.store.indexer_report(&world.devnet.contract_id()).await.unwrap().is_some()
    })
    .await;
}

#[sqlx::test]
async fn an_unreadable_row_stops_the_feed_and_nothing_else_until_it_is_repaired(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut watching = Subscriber::connect(&base, "all=true", None).await;
    // The row is damaged as soon as it is written.
    for statement in [
        "create function spoil() returns trigger language plpgsql as
         $$ begin new.sender := 'nobody'; return new; end $$",
        "create trigger spoil before insert on stream_events for each row execute function spoil()",
    ] {
        sqlx::query(statement).execute(&world.pool).await.unwrap();
    }
    // More events than a wake-up carries, so that they are read from the table.
    let created = world.create_in(&[0; 10]).await;
    world.indexed().await;
    let reasons = || async { world.get(&base, "/health").await.1["reasons"].to_string() };
    eventually("the health reports it", || async { reasons().await.contains("the feed cannot read") }).await;
    for statement in [
        "drop trigger spoil on stream_events",
        "update stream_events as event set sender = record.sender from streams as record
         where record.stream_id = event.stream_id",
    ] {
        sqlx::query(statement).execute(&world.pool).await.unwrap();
    }
    assert_eq!(watching.ids(1).await[0].ledger(), created.ledger);
    eventually("the health is good again", || async { !reasons().await.contains("the feed cannot read") }).await;
}

fn report(state: IndexerState, tip: u32) -> IndexerReport {
    IndexerReport {
        state,
        detail: None,
        tip_ledger: Some(flowfi_indexer::domain::LedgerSequence(tip)),
        tip_closed_at: None,
        oldest_ledger: None,
        missing: None,
        endpoints: Value::Array(Vec::new()),
    }
}

#[sqlx::test]
async fn a_source_that_is_away_or_makes_no_progress_is_not_taken_for_a_quiet_one(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let (tip, contract_ids) = (world.devnet.latest_ledger().0, world.devnet.contract_ids());
    let said = async |state, tip| {
        world.store.write_report(&contract_ids, &report(state, tip)).await.unwrap();
    };
    // The lag is a number exactly while the service is ready: a tip of ten minutes ago says nothing.
    let is_told = async |status: u16, reason: &str| {
        // The answer may be a second old.
        eventually(&format!("the answer is {status} {reason}"), || async {
            let (code, body) = world.get(&base, "/health/ready").await;
            code == status && body["reasons"].to_string().contains(reason)
        })
        .await;
        for path in ["/health/ready", "/health", "/v1/status"] {
            let (_, body) = world.get(&base, path).await;
            assert_eq!(body["lagLedgers"].is_u64(), status == 200, "{path}: {reason}: {body}");
        }
        let metrics = http_client().get(format!("{base}/metrics")).send().await.unwrap().text().await.unwrap();
        assert_eq!(metrics.contains("\nflowfi_ingest_lag_ledgers "), status == 200, "{reason}: {metrics}");
        assert!(metrics.contains("\nflowfi_ingest_last_ledger_age_seconds "), "{reason}: {metrics}");
    };
    let age = async |column: &str| {
        let age =
            sqlx::AssertSqlSafe(format!("update indexer_reports set {column} = {column} - interval '10 minutes'"));
        sqlx::query(age).execute(&world.pool).await.unwrap();
    };
    said(IndexerState::Following, tip).await;
    is_told(200, "[]").await;
    age("answered_at").await;
    said(IndexerState::SourceAway, tip).await;
    is_told(503, "the source has been away for 60").await;
    said(IndexerState::Following, tip).await;
    is_told(200, "[]").await;
    age("tip_moved_at").await;
    said(IndexerState::Following, tip).await;
    is_told(503, "newest ledger has been the same for 60").await;
    said(IndexerState::Paused, tip).await;
    is_told(503, "paused by an operator").await;
    said(IndexerState::Following, tip).await;
    let metrics = http_client().get(format!("{base}/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("\nflowfi_ingest_tip_age_seconds 60"), "{metrics}");
    said(IndexerState::Following, tip + 1).await;
    is_told(200, "[]").await;
    age("reported_at").await;
    is_told(503, "the indexer has not reported for 60").await;
    age("answered_at").await;
    sqlx::query("update indexer_reports set reported_at = reported_at - interval '1 hour'")
        .execute(&world.pool)
        .await
        .unwrap();
    is_told(503, "the indexer has not reported for 42").await;
    let (_, body) = world.get(&base, "/health/ready").await;
    assert!(!body.to_string().contains("the source"), "what an old report says about it is outdated: {body}");
}

#[sqlx::test]
async fn what_was_reported_before_the_clock_of_the_database_went_back_does_not_stay_fresh(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let (tip, contract_ids) = (world.devnet.latest_ledger().0, world.devnet.contract_ids());
    world.store.write_report(&contract_ids, &report(IndexerState::Following, tip)).await.unwrap();
    let ahead = "update indexer_reports set reported_at = reported_at + interval '1 hour',
                     answered_at = answered_at + interval '1 hour', tip_moved_at = tip_moved_at + interval '1 hour'";
    sqlx::query(ahead).execute(&world.pool).await.unwrap();
    let base = world.start_gateway(GatewaySettings::default()).await;
    let (status, body) = world.get(&base, "/health/ready").await;
    assert_eq!(status, 503, "{body}");
    assert!(body["reasons"].to_string().contains("the database's clock went back"), "{body}");
    // The indexer is there, and its source is away.
    world.store.write_report(&contract_ids, &report(IndexerState::SourceAway, tip)).await.unwrap();
    let aged = world.store.indexer_report(&contract_ids[0]).await.unwrap().unwrap();
    assert!(aged.answered_ms_ago.is_some_and(|ms_ago| ms_ago >= 0), "{aged:?}");
    assert!(aged.tip_moved_ms_ago.is_some_and(|ms_ago| ms_ago >= 0), "{aged:?}");
}

#[sqlx::test]
async fn a_source_that_replays_history_is_not_taken_for_one_at_the_tip(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let (tip, contract_ids) = (world.devnet.latest_ledger().0, world.devnet.contract_ids());
    let closed = async |ago: &str| {
        let close = format!("update cursors set last_whole_ledger_closed_at = clock_timestamp() - interval '{ago}'");
        sqlx::query(sqlx::AssertSqlSafe(close)).execute(&world.pool).await.unwrap();
    };
    let is_told = async |code: u16, reason: &str| {
        eventually(&format!("the answer is {code} {reason}"), || async {
            world.store.write_report(&contract_ids, &report(IndexerState::Following, tip)).await.unwrap();
            let (told, body) = world.get(&base, "/health/ready").await;
            told == code && body["reasons"].to_string().contains(reason)
        })
        .await;
    };
    closed("3 hours").await;
    is_told(503, "the last one indexed closed 108").await;
    assert_eq!(world.get(&base, "/v1/status").await.1["lagLedgers"], Value::Null, "the chain's tip is unknown");
    closed("2 minutes").await;
    is_told(200, "[]").await;
}

#[sqlx::test]
async fn the_status_says_how_long_ago_the_last_whole_ledger_closed_and_never_a_negative_number(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let ages = async |closed_at: &str| {
        let close = format!("update cursors set last_whole_ledger_closed_at = {closed_at}");
        sqlx::query(sqlx::AssertSqlSafe(close)).execute(&world.pool).await.unwrap();
        let (_, status) = world.get(&base, "/v1/status").await;
        [&status, &status["contracts"][0]].map(|part| part["lastWholeLedgerClosedSecondsAgo"].as_i64())
    };
    let both = ages("clock_timestamp() - interval '10 minutes'").await;
    assert!(both.iter().all(|age| age.is_some_and(|age| (600..660).contains(&age))), "{both:?}");
    assert_eq!(ages("clock_timestamp() + interval '10 minutes'").await, [Some(0); 2]);
    assert_eq!(ages("null").await, [None; 2]);
}

#[sqlx::test]
async fn the_status_lists_the_reasons_of_each_contract(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let contract_ids = world.devnet.contract_ids();
    let following = report(IndexerState::Following, world.devnet.latest_ledger().0);
    world.store.write_report(&contract_ids, &following).await.unwrap();
    let reasons = async || world.get(&base, "/v1/status").await.1["contracts"][0]["reasons"].clone();
    assert_eq!(reasons().await, json!([]));
    let paused = report(IndexerState::Paused, world.devnet.latest_ledger().0);
    world.store.write_report(&contract_ids, &paused).await.unwrap();
    assert_eq!(reasons().await, json!(["paused by an operator"]));
}

#[sqlx::test]
async fn words_of_a_newer_version_are_passed_on_and_stop_nothing(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    for statement in [
        "update indexer_reports set state = 'dreaming'",
        "alter table coverage drop constraint coverage_source_check",
        "update coverage set source = 'dreams'",
        "alter table quarantine drop constraint quarantine_kind_check",
        "alter table quarantine drop constraint quarantine_event_kind_check",
        "insert into quarantine (toid, event_index, contract_id, ledger_closed_at, tx_hash, event_kind, kind, reason,
             in_successful_call, topics, value)
         select toid, event_index + step, contract_id, ledger_closed_at, tx_hash, word, 'postponed', 'x', true, topics,
             value
         from (select * from stream_events order by toid, event_index limit 1) as event,
             (values (100, 'contract'), (101, 'diagnostic')) as words (step, word)",
        "update stream_events set type = 'stream.dreamed_of' where type = 'stream.created'",
    ] {
        sqlx::query(statement).execute(&world.pool).await.unwrap();
    }
    let base = world.start_gateway(GatewaySettings::default()).await;
    let (status, body) = world.get(&base, "/v1/status").await;
    assert_eq!((status, &body["indexer"]["state"]), (200, &"unknown".into()));
    assert_eq!(body["contracts"][0]["coverage"][0]["source"], "unknown", "{body}");
    let kept = world.store.quarantined_after(&world.devnet.contract_id(), EventId::ZERO, 9).await.unwrap();
    let kept: Vec<_> = kept.iter().map(|event| (event.raw.kind, event.kind)).collect();
    assert_eq!(kept, [(EventKind::Contract, QuarantineKind::Unknown)]);
    let (status, body) = world.get(&base, "/v1/events").await;
    assert_eq!(status, 200);
    assert!(body.to_string().contains("\"stream.dreamed_of\""), "{body}");
    let first = world.stored_ids().await[0].to_string();
    let mut replayed = Subscriber::connect(&base, "all=true", Some(&first)).await;
    let mut names = Vec::new();
    while names.last() != Some(&"stream.dreamed_of".to_owned()) {
        names.push(replayed.next().await.unwrap().event.unwrap_or_default());
    }
}

#[sqlx::test]
async fn the_status_of_a_stream_that_a_newer_version_stored_hides_its_money_and_stops_nothing(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    for (column, word, shown) in [("status", "dreaming", "none"), ("dispute_status", "appealed", "unknown")] {
        for statement in [
            "alter table streams drop constraint if exists streams_status_check".to_owned(),
            format!("update streams set {column} = '{word}'"),
        ] {
            sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&world.pool).await.unwrap();
        }
        assert_eq!(world.get(&base, "/v1/streams").await.0, 200, "{column}");
        let (status, stream) = world.get(&base, "/v1/streams/1").await;
        assert_eq!(status, 200, "{column}: {stream}");
        let money = [&stream["claimableAmount"], &stream["claimableReason"], &stream["disputeStatus"]];
        assert_eq!(money, [&Value::Null, &json!("unknownSchedule"), &json!(shown)], "{column}: {stream}");
        world.call(Call::TopUp { stream_id: StreamId(1), caller: None, amount: Amount(100) }).await;
        world.indexed().await;
        sqlx::query("update streams set status = 'active', schedule = null").execute(&world.pool).await.unwrap();
    }
}

#[sqlx::test]
async fn an_unreadable_row_is_not_reported_as_an_unavailable_database(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    sqlx::query("update cursors set last_whole_ledger = -1").execute(&world.pool).await.unwrap();
    eventually("the health reports it", || async {
        let (status, body) = world.get(&base, "/health/ready").await;
        status == 503 && body["reasons"].to_string().contains("a row that this version cannot read")
    })
    .await;
}

#[sqlx::test]
async fn a_report_is_stored_whatever_an_endpoint_sent(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let said = IndexerReport {
        detail: Some("bad \0 text".to_owned()),
        endpoints: json!([{ "host": "a", "version": "\0" }]),
        ..report(IndexerState::SourceAway, 9)
    };
    world.store.write_report(&world.devnet.contract_ids(), &said).await.unwrap();
    let detail: String = sqlx::query_scalar("select detail from indexer_reports").fetch_one(&world.pool).await.unwrap();
    assert_eq!(detail, "bad \u{fffd} text");
}

#[sqlx::test]
async fn an_indexer_that_waits_for_a_silent_database_stops_soon_and_without_a_failure(pool: PgPool) {
    let mut world = World::new(pool).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = SilentLine::url(&listener, &world.pool);
    let line = SilentLine::on(listener, &world.pool);
    let mut child = Process::command(&world, &url).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = child.stderr.take().unwrap();
    world.create("alice", "bob", 1_000_000, 100).await;
    world.indexed().await;
    line.fall_silent_at("stream.created");
    world.create("carol", "dave", 1_000_000, 100).await;
    eventually("a commit is under way", || async { line.has_heard() }).await;
    let process = Process(child);
    process.signal("-TERM").await;
    let asked = Instant::now();
    let Process(mut child) = process;
    let ended = timeout(DEADLINE, child.wait()).await.expect("it stops").unwrap();
    let took = asked.elapsed();
    let mut said = String::new();
    log.read_to_string(&mut said).await.unwrap();
    println!("SIGTERM while the database is silent: stopped after {took:?} with {ended}");
    assert!(ended.success(), "{ended}: {said}");
    assert!(took < 3 * SHORT, "{took:?}: {said}");
    assert!(said.contains("not finished within 4 s: indexer"), "{said}");
    world.start_indexer(100);
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_full_disk_of_the_database_is_named_and_waited_for(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    for statement in [
        "create function fill() returns trigger language plpgsql as
         $$ begin raise 'could not extend file: No space left on device' using errcode = 'disk_full'; end $$",
        "create trigger fill before insert on stream_events for each row execute function fill()",
    ] {
        sqlx::query(statement).execute(&world.pool).await.unwrap();
    }
    world.create("carol", "dave", 1_000_000, 100).await;
    let health = async || world.get(&base, "/health/ready").await;
    eventually("the health names it", || async {
        let (status, body) = health().await;
        status == 503 && body["reasons"].to_string().contains("disk is full")
    })
    .await;
    let (_, status) = world.get(&base, "/v1/status").await;
    assert_eq!((&status["indexer"]["state"], &status["lagLedgers"]), (&json!("databaseFull"), &Value::Null));
    sqlx::query("drop trigger fill on stream_events").execute(&world.pool).await.unwrap();
    world.indexed().await;
    eventually("the health is good again", || async { health().await.0 == 200 }).await;
    world.assert_equal_to_the_chain().await;
}

/// Fills the disk for event rows, and records each attempt to write one and each report.
async fn fill_the_disk(pool: &PgPool) {
    for statement in [
        "create sequence attempts",
        // What a sequence counts stays after a transaction fails.
        "create function fill() returns trigger language plpgsql as $$ begin
             perform nextval('attempts');
             raise 'could not extend file \"base/1/2\": No space left on device' using errcode = 'disk_full';
         end $$",
        "create trigger fill before insert on stream_events for each row execute function fill()",
        "create table said (number serial, state text)",
        "create function note() returns trigger language plpgsql as
         $$ begin insert into said (state) values (new.state); return new; end $$",
        "create trigger note after insert or update on indexer_reports for each row execute function note()",
    ] {
        sqlx::query(statement).execute(pool).await.unwrap();
    }
}

/// Returns the reports since the disk was first reported to be full.
async fn said_since_it_is_full(pool: &PgPool) -> Vec<String> {
    let said = "select state from said where number >= (select min(number) from said where state = 'databaseFull')
                order by number";
    sqlx::query_scalar(said).fetch_all(pool).await.unwrap()
}

async fn attempts_to_write(pool: &PgPool) -> i64 {
    let attempts = "select case when is_called then last_value else 0 end from attempts";
    sqlx::query_scalar(attempts).fetch_one(pool).await.unwrap()
}

#[sqlx::test]
async fn a_disk_that_is_full_stays_reported_between_attempts_until_a_commit_succeeds(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    fill_the_disk(&world.pool).await;
    world.create("carol", "dave", 1_000_000, 100).await;
    eventually("it tried five times", || async { attempts_to_write(&world.pool).await >= 5 }).await;
    let said = said_since_it_is_full(&world.pool).await;
    assert!(said.len() >= 4 && said.iter().all(|state| state == "databaseFull"), "{said:?}");
    sqlx::query("drop trigger fill on stream_events").execute(&world.pool).await.unwrap();
    world.indexed().await;
    eventually("it says that it follows", || async {
        said_since_it_is_full(&world.pool).await.last().is_some_and(|state| state == "following")
    })
    .await;
}

#[sqlx::test]
async fn a_full_disk_is_reported_again_while_the_indexer_waits_for_room(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    fill_the_disk(&world.pool).await;
    world.create("carol", "dave", 1_000_000, 100).await;
    let waits = Waits { first_backoff: DEADLINE, ..Waits::default() };
    let settings = IngestSettings { waits, ..world.settings() };
    world.start(Indexer::new(world.source(), Vec::new(), world.store.clone(), settings));
    eventually("it says so twice", || async { said_since_it_is_full(&world.pool).await.len() >= 2 }).await;
    assert_eq!(attempts_to_write(&world.pool).await, 1);
}

/// Ends the writer's session, or lets its line fall silent, and returns how long a lone indexer does not write.
async fn recovery_of_a_lone_indexer(pool: PgPool, is_killed: bool) -> Duration {
    let mut world = World::new(pool).await;
    let line = SilentLine::to(&world.pool).await;
    let own = std::mem::replace(&mut world.store, line.store(4, LEASE * 3).await);
    world.start_indexer(100);
    world.store = own;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.indexed().await;
    let since = Instant::now();
    if is_killed {
        let end = "select pg_terminate_backend(pid) from pg_locks
                   where locktype = 'advisory' and granted and database = (select oid from pg_database
                                                                           where datname = current_database())";
        sqlx::query(end).execute(&world.pool).await.unwrap();
    } else {
        line.fall_silent();
    }
    world.create("carol", "dave", 1_000_000, 100).await;
    world.indexed().await;
    let took = since.elapsed();
    println!("a lone indexer writes again after {took:?}; its session was killed: {is_killed}");
    world.assert_equal_to_the_chain().await;
    took
}

#[sqlx::test]
async fn a_lone_indexer_whose_session_is_killed_writes_again_at_once(pool: PgPool) {
    let took = recovery_of_a_lone_indexer(pool, true).await;
    assert!(took < LEASE, "it did not wait for its lease to end: {took:?}");
}

#[sqlx::test]
async fn a_lone_indexer_whose_line_falls_silent_writes_again_when_its_lease_has_ended(pool: PgPool) {
    let took = recovery_of_a_lone_indexer(pool, false).await;
    assert!(took < LEASE * 4, "{took:?}");
}
