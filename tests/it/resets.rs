//! A network that starts over: its index is archived once, and only if the network really started over.

use std::time::{Duration, Instant};

use flowfi_indexer::{
    devnet::{DevnetArgs, Fault, MAIN_ENDPOINT},
    domain::{Epoch, EventId, LedgerRange, LedgerSequence},
    ingest::{Indexer, IngestSettings, LateEvents, OnReset, backfill, write_late},
    source::EndpointPool,
    store::{IndexerState, KnownLedger, Store, StoreError, Writer},
};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool};
use tokio_util::sync::CancellationToken;

use crate::{
    completeness::{LakeFolder, lake_of},
    endpoints::{contract, two},
    fake_rpc::{Answer, PASSPHRASE},
    world::{World, eventually},
};

impl World {
    pub fn archiving(&self) -> Indexer {
        self.archiving_from(self.source())
    }

    fn archiving_from(&self, source: EndpointPool) -> Indexer {
        let settings = IngestSettings { on_reset: OnReset::Archive, ..self.settings() };
        Indexer::new(source, Vec::new(), self.store.clone(), settings)
    }

    /// Returns how many epochs were archived.
    pub async fn archived_epochs(&self) -> i64 {
        let count = "select count(*) from pg_namespace where nspname like 'flowfi\\_epoch\\_%'";
        sqlx::query_scalar(count).fetch_one(&self.pool).await.unwrap()
    }

    /// Waits until the hash of a ledger was recorded, and returns that ledger.
    async fn noted(&self) -> LedgerSequence {
        eventually("a ledger was noted", || async { self.known().await.is_some() }).await;
        self.known().await.unwrap().sequence
    }

    async fn known(&self) -> Option<KnownLedger> {
        self.store.network().await.unwrap().and_then(|network| network.known)
    }

    async fn epoch(&self) -> Epoch {
        self.store.epoch().await.unwrap()
    }

    /// Starts the network over and lets it grow beyond a ledger, so that only that ledger's hash reveals the reset.
    fn reset_beyond(&self, ledger: LedgerSequence) {
        self.devnet.reset().unwrap();
        while self.devnet.latest_ledger() <= ledger.next() {
            self.devnet.close_ledger().unwrap();
        }
    }
}

#[sqlx::test]
async fn a_reset_that_only_a_hash_reveals_is_archived_once(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.archiving()).await;
    let noted = world.noted().await;
    world.reset_beyond(noted);
    world.create("carol", "dave", 1_000_000, 100).await;
    world.start(world.archiving());
    eventually("the next epoch has begun", || async { world.epoch().await == Epoch(1) }).await;
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    world.create("erin", "frank", 1_000_000, 100).await;
    world.indexed().await;
    assert_eq!((world.archived_epochs().await, world.epoch().await), (1, Epoch(1)));
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_standby_that_takes_over_after_a_reset_leaves_the_new_epoch_alone(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    let leader_stop = CancellationToken::new();
    let leader = tokio::task::JoinSet::from_iter([world.archiving().run(leader_stop.clone())]);
    let noted = world.noted().await;
    world.start(world.archiving());
    world.reset_beyond(noted);
    world.create("carol", "dave", 1_000_000, 100).await;
    eventually("the next epoch has begun", || async { world.epoch().await == Epoch(1) }).await;
    world.indexed().await;
    leader_stop.cancel();
    for ended in leader.join_all().await {
        ended.unwrap();
    }
    world.create("erin", "frank", 1_000_000, 100).await;
    world.indexed().await;
    assert_eq!((world.archived_epochs().await, world.epoch().await), (1, Epoch(1)));
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn one_endpoint_on_another_chain_beside_one_that_refuses_is_not_a_reset(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.rpc_urls.push(format!("{}/second", world.rpc_url));
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.archiving()).await;
    world.noted().await;
    let unknown_method = Fault::RpcError { code: -32_601, message: None };
    let not_found = Fault::Status { status: 404, retry_after_seconds: None };
    for (fault, says) in [(unknown_method, "endpoints disagree"), (not_found, "404")] {
        world.devnet.inject_at(MAIN_ENDPOINT, Fault::OtherChain, None).unwrap();
        world.devnet.inject_at("second", fault, None).unwrap();
        let stop = world.stop.child_token();
        let story = async {
            world.is_away(says).await;
            assert_eq!(world.archived_epochs().await, 0);
            world.devnet.clear_faults();
            world.create("carol", "dave", 1_000_000, 100).await;
            world.indexed().await;
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(world.archiving().run(stop.clone()), story);
        ended.unwrap();
        assert_eq!(world.archived_epochs().await, 0);
        world.assert_equal_to_the_chain().await;
    }
}

impl World {
    /// Waits until the indexer reports that its source is away, and why.
    async fn is_away(&self, why: &str) {
        eventually(&format!("the source is away: {why}"), || async {
            let report = self.store.indexer_report(&self.devnet.contract_id()).await.unwrap();
            report.is_some_and(|aged| {
                let says_why = aged.report.detail.is_some_and(|detail| detail.contains(why));
                aged.report.state == IndexerState::SourceAway && says_why
            })
        })
        .await;
    }
}

#[sqlx::test]
async fn with_on_reset_stop_the_indexer_stops_only_if_every_endpoint_confirms_the_reset(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let noted = world.noted().await;
    world.reset_beyond(noted);
    let failure = world.indexer_failure().await;
    assert!(failure.is_reset(), "{failure}");
    assert_eq!(world.archived_epochs().await, 0);
}

#[sqlx::test]
async fn an_epoch_about_which_nothing_is_known_is_never_archived(pool: PgPool) {
    let world = World::new(pool).await;
    world.store.claim(world.devnet.passphrase()).await.unwrap();
    assert_eq!(world.store.archive_epoch(Epoch(0)).await.unwrap(), None);
    assert_eq!((world.archived_epochs().await, world.epoch().await), (0, Epoch(0)));
}

#[sqlx::test]
async fn data_read_in_one_epoch_is_not_written_in_the_next(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let (raws, contract_id) = (world.raw_events().await, world.devnet.contract_id());
    world.store.archive_epoch(Epoch(0)).await.unwrap().unwrap();
    let refused = world.store.archive_epoch(Epoch(0)).await;
    assert!(matches!(refused, Ok(None) | Err(StoreError::OtherEpoch { .. })), "{refused:?}");
    world.devnet.reset().unwrap();
    world.create("carol", "dave", 1_000_000, 100).await;
    world.index_to_the_tip(world.archiving()).await;
    let late = LateEvents { events: raws, ..LateEvents::default() };
    let refused = write_late(&world.store, &contract_id, Epoch(0), late).await;
    assert!(matches!(refused, Err(StoreError::OtherEpoch { .. })), "{refused:?}");
    let known = world.known().await;
    let old = KnownLedger { sequence: LedgerSequence(2), hash: "of the old chain".to_owned() };
    let writer = Writer::try_acquire(&world.store, world.contracts()).await.unwrap().unwrap();
    writer.chain_notes().note_ledger(Epoch(0), &old).await.unwrap();
    writer.release().await.unwrap();
    assert_eq!(world.known().await, known, "nothing of the old chain stands for the new one");
    assert!(world.stored_ids().await.iter().all(|id| *id > EventId::ZERO));
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn an_epoch_is_archived_although_a_killed_indexers_statement_drops_the_next_one(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    // Twice, the first table of the next epoch goes as soon as it is there. A sequence counts what is rolled back, too.
    let disturb = "create sequence disturbances;
        create function disturb() returns event_trigger language plpgsql as $$
        begin
            if exists (select from pg_event_trigger_ddl_commands() where schema_name = 'flowfi_next')
                and nextval('public.disturbances') <= 2
            then
                drop schema flowfi_next cascade;
            end if;
        end $$;
        create event trigger disturbing on ddl_command_end when tag in ('CREATE TABLE') execute function disturb()";
    sqlx::raw_sql(disturb).execute(&world.pool).await.unwrap();
    let archived = world.store.archive_epoch(Epoch(0)).await.unwrap();
    let count = "select last_value from disturbances";
    let created = sqlx::query_scalar::<_, i64>(count).fetch_one(&world.pool).await.unwrap();
    assert!(created > 2, "it was disturbed twice: {created}");
    assert_eq!((archived.as_deref(), world.epoch().await), (Some("flowfi_epoch_0"), Epoch(1)));
}

/// Checks that an epoch is archived although the statements of this kind together take longer than one of them may.
async fn assert_slow_statements_end(pool: PgPool, slow_ones: &str, deadline: Duration) {
    let url = pool.connect_options().to_url_lossy();
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let slow = format!(
        "create function slow() returns event_trigger language plpgsql as $$
        begin
            if {slow_ones} then
                perform pg_sleep(0.1);
            end if;
        end $$;
        create event trigger slow on ddl_command_end execute function slow()"
    );
    sqlx::raw_sql(AssertSqlSafe(slow)).execute(&world.pool).await.unwrap();
    let store = Store::connect(url.as_str(), 2, deadline).await.unwrap();
    let began = Instant::now();
    let archived = store.archive_epoch(Epoch(0)).await.unwrap();
    assert!(began.elapsed() > deadline, "it was slow: {:?}", began.elapsed());
    assert_eq!((archived.as_deref(), world.epoch().await), (Some("flowfi_epoch_0"), Epoch(1)));
}

#[sqlx::test]
async fn an_epoch_is_archived_although_the_next_ones_tables_take_longer_to_create_than_a_statement_may(pool: PgPool) {
    let creates = "exists (select from pg_event_trigger_ddl_commands() where schema_name = 'flowfi_next')";
    assert_slow_statements_end(pool, creates, Duration::from_secs(5)).await;
}

#[sqlx::test]
async fn an_epoch_is_archived_although_its_tables_take_longer_to_move_than_a_statement_may(pool: PgPool) {
    assert_slow_statements_end(pool, "current_query() like '%set schema%'", Duration::from_secs(3)).await;
}

#[sqlx::test]
async fn a_lake_of_the_old_chain_fills_no_hole_of_the_new_one(pool: PgPool) {
    let folder = LakeFolder::new("lake-of-the-old-chain");
    let args = DevnetArgs { lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    let world = World::with_devnet(pool, &args).await;
    for _ in 0..12 {
        world.create("alice", "bob", 1_000_000, 100).await;
    }
    world.index_to_the_tip(world.archiving()).await;
    let old_ids = world.stored_ids().await;
    let kept = LakeFolder::new("lake-of-the-old-chain-as-it-was");
    copy_folder(&folder.0, &kept.0);
    let lake = [lake_of(&world, &kept).await];
    world.devnet.reset().unwrap();
    // An indexer that continued after this would record a hash again.
    let stop = world.stop.child_token();
    let until_it_is_indexed = async {
        eventually("the next epoch has begun", || async { world.epoch().await == Epoch(1) }).await;
        world.create("carol", "dave", 1_000_000, 100).await;
        world.devnet.close_ledgers(3).unwrap();
        world.indexed().await;
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(Box::pin(world.archiving().run(stop.clone())), until_it_is_indexed);
    ended.unwrap();
    // As if the first ledgers of the new chain had been given up, and no hash had been recorded yet.
    for statement in [
        "update coverage set from_ledger = 4 where from_ledger = 2",
        "update network set known_ledger = null, known_ledger_hash = null",
    ] {
        sqlx::query(statement).execute(&world.pool).await.unwrap();
    }
    let before = world.stored_ids().await;
    let range = LedgerRange::new(LedgerSequence(2), LedgerSequence(3)).unwrap();
    let refused = backfill(&world.store, &world.devnet.contract_id(), &lake, range, |_| {}).await;
    let failure = refused.expect_err("the lake belongs to another chain");
    assert!(failure.to_string().contains("another chain"), "{failure}");
    assert_eq!(world.stored_ids().await, before);
    assert!(!old_ids.is_empty());
}

#[sqlx::test]
async fn a_lake_of_the_new_chain_fills_no_hole_of_the_old_one(pool: PgPool) {
    let folder = LakeFolder::new("lake-of-the-new-chain");
    let args = DevnetArgs { lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    let world = World::with_devnet(pool, &args).await;
    for _ in 0..12 {
        world.create("alice", "bob", 1_000_000, 100).await;
    }
    world.index_to_the_tip(world.archiving()).await;
    // As if ledgers had been given up, and no hash had been recorded yet.
    for statement in [
        "update coverage set from_ledger = 6 where from_ledger = 2",
        "update network set known_ledger = null, known_ledger_hash = null",
    ] {
        sqlx::query(statement).execute(&world.pool).await.unwrap();
    }
    let before = world.stored_ids().await;
    world.devnet.reset().unwrap();
    for _ in 0..4 {
        world.create("carol", "dave", 1_000_000, 100).await;
    }
    let lake = [lake_of(&world, &folder).await];
    let range = LedgerRange::new(LedgerSequence(2), LedgerSequence(5)).unwrap();
    let refused = backfill(&world.store, &world.devnet.contract_id(), &lake, range, |_| {}).await;
    let failure = refused.expect_err("the lake belongs to another chain");
    assert!(failure.to_string().contains("another chain"), "{failure}");
    assert_eq!(world.stored_ids().await, before);
}

pub fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

const EARLIER: &str = "1784671000";
const LATER: &str = "1784671886";

#[sqlx::test]
async fn a_node_that_was_reset_beside_one_of_another_network_is_not_a_reset(pool: PgPool) {
    let (first, second, source) = two().await;
    for node in [&first, &second] {
        node.set(|node| {
            (node.latest, node.close_time, node.health_close_time) = (205, EARLIER.into(), EARLIER);
        });
    }
    let world = World::new(pool).await;
    let settings = IngestSettings {
        network_passphrase: PASSPHRASE.to_owned(),
        contracts: contract().into(),
        on_reset: OnReset::Archive,
        ..world.settings()
    };
    let stop = world.stop.child_token();
    let indexer = Indexer::new(source, Vec::new(), world.store.clone(), settings);
    let whole = || async {
        let progress = world.store.progress(&contract()).await.unwrap();
        progress.map(|progress| progress.last_whole_ledger)
    };
    let story = async {
        eventually("the tip is indexed", || async { whole().await == Some(LedgerSequence(205)) }).await;
        second.set(|node| {
            node.passphrase = "another network";
            node.next.push_back(Answer::Status(503, None));
        });
        first.set(|node| (node.latest, node.health_close_time) = (203, LATER));
        eventually("the indexer reports what it looked like", || async {
            let report = world.store.indexer_report(&contract()).await.unwrap();
            let detail = report.and_then(|aged| aged.report.detail);
            detail.is_some_and(|detail| detail.contains("looked like a reset"))
        })
        .await;
        assert_eq!(world.archived_epochs().await, 0);
        first.set(|node| node.latest = 210);
        eventually("it continues", || async { whole().await == Some(LedgerSequence(210)) }).await;
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(indexer.run(stop.clone()), story);
    ended.unwrap();
    assert_eq!((world.archived_epochs().await, world.epoch().await), (0, Epoch(0)));
}

#[sqlx::test]
async fn epochs_are_counted_on_from_the_archives_of_a_dropped_index(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    world.store.archive_epoch(Epoch(0)).await.unwrap().unwrap();
    // Somebody's own schema is not an archive, whatever its name.
    let start_over = "drop schema public cascade; create schema public; create schema flowfi_epoch_6";
    sqlx::raw_sql(start_over).execute(&world.pool).await.unwrap();
    let store = &world.store;
    store.migrate().await.unwrap();
    store.claim(world.devnet.passphrase()).await.unwrap();
    assert_eq!(store.epoch().await.unwrap(), Epoch(8));
    let noted = KnownLedger { sequence: LedgerSequence(5), hash: "ab".repeat(32) };
    let writer = Writer::try_acquire(store, world.contracts()).await.unwrap().unwrap();
    writer.chain_notes().note_ledger(Epoch(8), &noted).await.unwrap();
    assert_eq!(store.archive_epoch(Epoch(8)).await.unwrap().as_deref(), Some("flowfi_epoch_8"));
    let archived = store.archived_epochs().await.unwrap();
    assert_eq!(archived.iter().map(|archived| archived.epoch).collect::<Vec<_>>(), [Epoch(0), Epoch(8)]);
}

#[sqlx::test]
async fn a_reset_before_the_first_ledger_is_chosen_does_no_harm(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    // An indexer that was killed saw a ledger of a longer chain, long before this one began.
    let seen = "insert into network (passphrase, seen_ledger, seen_ledger_closed_at) values ($1, 1000, '2001-01-01')";
    sqlx::query(seen).bind(world.devnet.passphrase()).execute(&world.pool).await.unwrap();
    world.start(world.archiving());
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    assert_eq!((world.archived_epochs().await, world.epoch().await), (0, Epoch(0)));
}
