//! Whatever writes or reads outside the indexer's own session must not wait forever either: repairs, archives,
//! migrations, the health.

use std::{
    fs,
    path::{Path, PathBuf},
    pin::pin,
    process::Stdio,
    time::Duration,
};

use flowfi_indexer::{
    devnet::Fault,
    domain::{Epoch, LedgerSequence},
    ingest::{Indexer, LateEvents, Reindex, write_late},
    source::{Lake, WholeLedgers},
    store::{IndexerState, Store},
};
use futures_util::future::join_all;
use rand::{SeedableRng, rngs::StdRng};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool};
use tokio::{
    process::{Child, Command},
    time::{sleep, timeout},
};

use crate::{
    completeness::{LakeFolder, lake_of, with_a_hole, world_with_a_lake},
    previous::restore,
    resets::copy_folder,
    roles::Gateway,
    silent_line::SilentLine,
    world::{GatewaySettings, World, eventually, http_client},
};

const SHORT: Duration = Duration::from_secs(3);
/// Anything that ends by its own deadline ends long before this.
const WITHIN: Duration = Duration::from_mins(1);

async fn indexed(pool: PgPool) -> World {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.archiving()).await;
    world
}

#[sqlx::test]
async fn a_repair_whose_connection_falls_silent_gives_up(pool: PgPool) {
    let world = indexed(pool).await;
    let (contract_id, events) = (world.devnet.contract_id(), world.raw_events().await);
    let line = SilentLine::to(&world.pool).await;
    let store = line.store(4, SHORT).await;
    for said in ["repeatable read", "order by toid, event_index", "for update", "delete from quarantine"] {
        line.fall_silent_at(said);
        let late = LateEvents { events: events.clone(), ..LateEvents::default() };
        let written = timeout(WITHIN, write_late(&store, &contract_id, Epoch(0), late)).await;
        let failure = written.unwrap_or_else(|_| panic!("it waits for ever at {said:?}")).unwrap_err();
        assert!(line.has_heard() && failure.is_unavailable(), "{said:?}: {failure}");
    }
    // The server must find out that the previous session, which had locked the cursor, is gone.
    eventually("the next one is written", || async {
        let late = LateEvents { events: events.clone(), ..LateEvents::default() };
        match write_late(&store, &contract_id, Epoch(0), late).await {
            Ok(written) => written.is_some(),
            Err(failure) => {
                assert!(failure.is_unavailable(), "{failure}");
                false
            }
        }
    })
    .await;
}

#[sqlx::test]
async fn an_archive_whose_connection_falls_silent_gives_up_and_succeeds_the_next_time(pool: PgPool) {
    let world = indexed(pool).await;
    let line = SilentLine::to(&world.pool).await;
    let store = line.store(4, SHORT).await;
    for said in ["pg_advisory_lock", "access exclusive mode", "set schema"] {
        line.fall_silent_at(said);
        let archived = timeout(WITHIN, store.archive_epoch(Epoch(0))).await;
        let failure = archived.unwrap_or_else(|_| panic!("it waits for ever at {said:?}")).unwrap_err();
        assert!(line.has_heard() && failure.is_unavailable(), "{said:?}: {failure}");
    }
    // The server finds out by itself that those connections are gone.
    is_archived_at_last(&world, &store).await;
}

#[sqlx::test]
async fn a_swap_and_a_desired_state_give_up_if_the_connection_falls_silent(pool: PgPool) {
    let world = indexed(pool).await;
    let line = SilentLine::to(&world.pool).await;
    let store = line.store(4, SHORT).await;
    line.fall_silent_at("insert into desired_state");
    let set = timeout(WITHIN, store.set_desired_state(true, "operator")).await.expect("it gives up");
    assert!(set.unwrap_err().is_unavailable());
    line.fall_silent_at("set local lock_timeout = 2000");
    let reindex = Reindex::open(&store).await.unwrap();
    let swapped = timeout(WITHIN, reindex.read_stored_and_swap(|_| {})).await.expect("it gives up");
    assert!(swapped.is_err() && line.has_heard());
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test(migrations = false)]
async fn a_migration_behind_an_open_reader_blocks_nobody_and_succeeds_once_the_reader_ends(pool: PgPool) {
    restore(&pool).await;
    let count = || sqlx::query_scalar::<_, i64>("select count(*) from network");
    #[expect(clippy::disallowed_methods, reason = "nobody drops it while it starts")]
    let mut reader = pool.begin().await.unwrap();
    count().fetch_one(&mut *reader).await.unwrap();
    let store = Store::on(pool.clone());
    let (migrated, ()) = tokio::join!(store.migrate(), async {
        eventually("it waits for the reader", || waits_for(&pool, "network")).await;
        let another = timeout(WITHIN, count().fetch_one(&pool)).await;
        another.expect("readers do not queue behind it until the first reader ends").unwrap();
        reader.rollback().await.unwrap();
    });
    migrated.unwrap();
    store.expect_schema().await.unwrap();
}

/// Returns whether a session is waiting for a table.
async fn waits_for(pool: &PgPool, table: &str) -> bool {
    let waits = "select exists (select from pg_locks where not granted and relation = $1::regclass)";
    sqlx::query_scalar(waits).bind(table).fetch_one(pool).await.unwrap()
}

/// Keeps a table from everybody until it is dropped.
pub async fn keep(pool: &PgPool, table: &str) -> sqlx::Transaction<'static, sqlx::Postgres> {
    #[expect(clippy::disallowed_methods, reason = "nobody drops it while it begins")]
    let mut keeper = pool.begin().await.unwrap();
    let lock = format!("lock table {table} in access exclusive mode");
    sqlx::query(AssertSqlSafe(lock)).execute(&mut *keeper).await.unwrap();
    keeper
}

/// Starts a command on the database of a pool.
fn start(pool: &PgPool, command: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"))
        .arg(command)
        .env("DATABASE_URL", pool.connect_options().to_url_lossy().as_str())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

pub async fn freeze(process: &Child) {
    signal(process, "-STOP").await;
}

pub async fn thaw(process: &Child) {
    signal(process, "-CONT").await;
}

async fn signal(process: &Child, signal: &str) {
    let id = process.id().unwrap().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
}

async fn is_archived_at_last(world: &World, store: &Store) {
    eventually("it is archived", || async {
        match store.archive_epoch(world.store.epoch().await.unwrap()).await {
            Ok(archived) => archived.is_some(),
            Err(failure) => {
                assert!(failure.is_unavailable(), "{failure}");
                false
            }
        }
    })
    .await;
}

#[sqlx::test(migrations = false)]
async fn a_process_that_is_frozen_while_it_migrates_does_not_keep_others_from_migrating(pool: PgPool) {
    restore(&pool).await;
    let keeper = keep(&pool, "network").await;
    let mut frozen = start(&pool, "migrate");
    eventually("it waits in the middle of a migration", || waits_for(&pool, "network")).await;
    freeze(&frozen).await;
    keeper.rollback().await.unwrap();
    Store::on(pool.clone()).migrate().await.unwrap();
    frozen.kill().await.unwrap();
}

#[sqlx::test]
async fn a_reindex_that_is_frozen_in_the_middle_of_a_commit_does_not_prevent_an_archive(pool: PgPool) {
    let world = indexed(pool).await;
    // An interrupted run is continued, so that its tables can be locked before it reaches them.
    drop(Reindex::open(&world.store).await.unwrap());
    eventually("its lock is released", || async { Reindex::open(&world.store).await.is_ok() }).await;
    let keeper = keep(&world.pool, "flowfi_reindex.stream_events").await;
    let mut frozen = start(&world.pool, "reindex");
    eventually("it waits in the middle of a commit", || waits_for(&world.pool, "flowfi_reindex.stream_events")).await;
    freeze(&frozen).await;
    keeper.rollback().await.unwrap();
    is_archived_at_last(&world, &world.store).await;
    frozen.kill().await.unwrap();
}

#[sqlx::test]
async fn the_health_is_answered_while_every_connection_for_requests_is_busy(pool: PgPool) {
    let mut world = indexed(pool).await;
    world.start_indexer(100);
    let mut gateway = Gateway::of(&world, world.pool.connect_options().to_url_lossy().as_str());
    let base = gateway.base().await;
    let ready = async || {
        let answer = timeout(WITHIN, http_client().get(format!("{base}/health/ready")).send()).await;
        let answer = answer.expect("it is answered").unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    eventually("it is ready", || async { ready().await.0 == 200 }).await;
    let keeper = keep(&world.pool, "streams").await;
    // Requests of one address are answered one at a time; these come from sixty addresses.
    let from = |last: u8| {
        let client = reqwest::Client::builder().tls_certs_only([]).local_address(Some([127, 0, 2, last].into()));
        let client = client.build().unwrap();
        client.get(format!("{base}/v1/streams")).send()
    };
    let lists = join_all((1..=60).map(from));
    let asking = async {
        eventually("all connections are busy", || async {
            let waits = "select count(*) >= 10 from pg_locks where not granted and relation = 'streams'::regclass";
            sqlx::query_scalar(waits).fetch_one(&world.pool).await.unwrap()
        })
        .await;
        for _ in 0..3 {
            let (_, body) = ready().await;
            assert!(!body.contains("the database does not answer"), "{body}");
            sleep(Duration::from_millis(1_200)).await;
        }
    };
    let (lists, ()) = tokio::join!(lists, asking);
    assert!(lists.into_iter().all(|answer| answer.unwrap().status() == 503), "nobody gets a list");
    keeper.rollback().await.unwrap();
}

#[sqlx::test]
async fn the_metrics_say_that_the_index_is_not_reliable_while_the_database_is_silent(pool: PgPool) {
    let mut world = indexed(pool).await;
    let line = SilentLine::to(&world.pool).await;
    world.store = line.store(4, SHORT).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    line.fall_silent_at("from cursors where contract_id");
    let metrics = http_client().get(format!("{base}/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("\nflowfi_ingest_ready 0\n"), "{metrics}");
}

#[sqlx::test]
async fn if_several_wait_for_a_connection_in_vain_only_one_asks_the_server_why(pool: PgPool) {
    let keeper = keep(&pool, "network").await;
    let sessions = async || {
        let sessions = "select count(*) from pg_stat_activity where datname = current_database()";
        sqlx::query_scalar::<_, i64>(sessions).fetch_one(&pool).await.unwrap()
    };
    let store = Store::connect(pool.connect_options().to_url_lossy().as_str(), 2, SHORT).await.unwrap();
    let before = sessions().await;
    let (mut most, mut waiting) = (before, pin!(join_all((0..40).map(|_| store.network()))));
    loop {
        tokio::select! {
            _ = &mut waiting => break,
            () = sleep(Duration::from_millis(5)) => most = most.max(sessions().await),
        }
    }
    // The two of the pool, the one that asks, and those that the server has not seen closing.
    assert!(most <= before + 6, "{most} sessions instead of {before}");
    keeper.rollback().await.unwrap();
}

#[sqlx::test]
async fn an_endpoint_of_another_network_ends_no_indexer_while_the_database_is_silent(pool: PgPool) {
    let mut world = indexed(pool).await;
    world.devnet.inject(Fault::OtherPassphrase, None).unwrap();
    let line = SilentLine::to(&world.pool).await;
    line.fall_silent_at("from cursors order by toid desc");
    let own = std::mem::replace(&mut world.store, line.store(4, SHORT).await);
    world.start(Indexer::new(world.source(), Vec::new(), world.store.clone(), world.settings()));
    world.store = own;
    eventually("it waits for the source", || async {
        let aged = world.store.indexer_report(&world.devnet.contract_id()).await.unwrap();
        aged.is_some_and(|aged| aged.report.state == IndexerState::SourceAway)
    })
    .await;
    assert!(line.has_heard(), "it asked whether the index had begun");
}

/// Makes the object of a ledger hang: opening a pipe for reading waits until somebody opens it for writing.
async fn hang(lake: &LakeFolder, ledger: LedgerSequence) -> PathBuf {
    let entries = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let partition = entries(&lake.0).into_iter().find(|path| path.is_dir()).unwrap();
    let wanted = format!("--{ledger}");
    let is_wanted = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().contains(&wanted);
    let object = entries(&partition).into_iter().find(is_wanted).unwrap();
    fs::remove_file(&object).unwrap();
    assert!(Command::new("mkfifo").arg(&object).status().await.unwrap().success());
    object
}

#[sqlx::test]
async fn a_lake_in_a_folder_that_does_not_answer_is_abandoned_for_the_next_source(pool: PgPool) {
    let (written, seen) = (LakeFolder::new("lake-that-is-read"), LakeFolder::new("lake-that-hangs"));
    let mut world = world_with_a_lake(pool, &written).await;
    let (gone, missing) = with_a_hole(&world).await;
    let lake = lake_of(&world, &written).await;
    copy_folder(&written.0, &seen.0);
    let object = hang(&seen, missing.from()).await;
    let hanging = lake_of(&world, &seen).await;
    world.start(Indexer::new(world.source(), vec![hanging, lake], world.store.clone(), world.settings()));
    world.indexed().await;
    let stored = world.stored_ids().await;
    assert!(gone.iter().all(|id| stored.contains(id)));
    // Release the waiting thread; otherwise this process would not end.
    drop(fs::OpenOptions::new().write(true).open(&object).unwrap());
}

/// Returns a lake on a web server that accepts connections and never answers, with that server.
fn silent_web_lake(world: &World) -> (WholeLedgers, std::net::TcpListener) {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let location = format!("http://{}/lake", silent.local_addr().unwrap());
    let lake = Lake::at(&location, world.devnet.passphrase(), 16, StdRng::seed_from_u64(7)).unwrap();
    (WholeLedgers::of_lake(lake).unwrap(), silent)
}

#[sqlx::test]
async fn a_lake_on_the_web_that_never_answers_is_abandoned_for_the_next_source(pool: PgPool) {
    let folder = LakeFolder::new("lake-after-a-silent-one");
    let mut world = world_with_a_lake(pool, &folder).await;
    let (gone, _) = with_a_hole(&world).await;
    let (silent, _server) = silent_web_lake(&world);
    let lake = lake_of(&world, &folder).await;
    world.start(Indexer::new(world.source(), vec![silent, lake], world.store.clone(), world.settings()));
    let filling = async || {
        let aged = world.store.indexer_report(&world.devnet.contract_id()).await.unwrap()?;
        (aged.report.state == IndexerState::FillingHole).then_some(aged.report.tip_ledger)
    };
    eventually("it is filling the hole", || async { filling().await.is_some() }).await;
    if let Some(tip) = filling().await {
        assert_eq!(tip, Some(world.devnet.latest_ledger()), "the index does not seem to be at the tip");
    }
    world.indexed().await;
    let stored = world.stored_ids().await;
    assert!(gone.iter().all(|id| stored.contains(id)));
}

#[sqlx::test]
async fn a_silent_lake_does_not_keep_the_index_from_starting(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    // The kernel accepts the connection, and nobody answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let lake = format!("http://{}/lake", silent.local_addr().unwrap());
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"))
        .args(["serve", "--role", "indexer", "--poll-interval", "100ms", "--rpc-urls", &world.rpc_url, "--lake", &lake])
        .args(["--contracts", world.devnet.contract_id().as_str()])
        .args(["--network-passphrase", world.devnet.passphrase()])
        .env("DATABASE_URL", world.pool.connect_options().to_url_lossy().as_str())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    world.indexed().await;
    daemon.kill().await.unwrap();
}

#[sqlx::test]
async fn a_daemon_whose_lake_hangs_stops_when_it_is_told_to(pool: PgPool) {
    let folder = LakeFolder::new("lake-that-hangs-for-ever");
    let world = world_with_a_lake(pool, &folder).await;
    let (_, missing) = with_a_hole(&world).await;
    hang(&folder, missing.from()).await;
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"))
        .args(["serve", "--role", "indexer", "--poll-interval", "100ms", "--rpc-urls", &world.rpc_url])
        .args(["--contracts", world.devnet.contract_id().as_str(), "--lake", folder.0.to_str().unwrap()])
        .args(["--network-passphrase", world.devnet.passphrase()])
        .env("DATABASE_URL", world.pool.connect_options().to_url_lossy().as_str())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let id = daemon.id().unwrap();
    // A file that nobody writes to is opened for reading only by the reader of the lake.
    let reads = format!("/proc/{id}/task");
    eventually("it reads the object", || async {
        let tasks = fs::read_dir(&reads).into_iter().flatten();
        tasks.flatten().any(|task| {
            let wchan = fs::read_to_string(task.path().join("wchan")).unwrap_or_default();
            wchan.contains("wait_for_partner")
        })
    })
    .await;
    assert!(Command::new("kill").args(["-TERM", &id.to_string()]).status().await.unwrap().success());
    timeout(WITHIN, daemon.wait()).await.expect("it ends").unwrap();
}
