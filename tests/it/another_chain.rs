//! Nothing of another chain is taken for ours: by a repair, a check, a filled hole or a contract that joins.
//! Subscribers are told everything that a repair changes, in one notice.

use std::time::Duration;

use chrono::TimeDelta;
use flowfi_indexer::{
    devnet::{Call, Fault, MAIN_ENDPOINT},
    domain::{Amount, Clock, Epoch, EventId, LedgerSequence, StreamId, SystemClock},
    ingest::{Indexer, IngestSettings, LateEvents, PaceArgs, Reindex, VerifySettings, verify, write_late},
    source::{Anchor, EndpointPool, EventsFrom, KnownChain},
    store::{Store, StoreError},
};
use rand::{SeedableRng, rngs::StdRng};
use sqlx::PgPool;
use tokio::time::timeout;

use crate::{
    verify::REPAIR,
    world::{DEADLINE, World, eventually},
};

impl World {
    /// The records but for when they were compared with the chain.
    pub async fn records_as_text(&self) -> Vec<String> {
        sqlx::query_scalar(
            "select (to_jsonb(streams) - 'checked_at_ledger')::text from streams order by contract_id, stream_id",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    pub async fn endpoints_of_our_chain(&self, urls: &[String]) -> EndpointPool {
        let source = EndpointPool::new(urls, self.devnet.passphrase().to_owned(), 7).unwrap();
        let network = self.store.network().await.unwrap().unwrap();
        let known = network.known.expect("a ledger was noted");
        let anchor = Some(Anchor { sequence: known.sequence, hash: known.hash });
        source.set_chain(KnownChain { anchor, closed: network.seen });
        source
    }

    /// Creates streams in the first ledgers, and a recorded ledger far behind them.
    pub async fn old_chain(&self) {
        for _ in 0..3 {
            self.create("alice", "bob", 1_000_000, 1_000).await;
        }
        self.devnet.close_ledgers(40).unwrap();
        self.index_to_the_tip(self.indexer(100)).await;
        eventually("a ledger was noted", || async { self.store.network().await.unwrap().unwrap().known.is_some() })
            .await;
    }

    /// Starts another chain, which is shorter and has events at other positions.
    pub async fn new_chain(&self) {
        self.devnet.reset().unwrap();
        self.devnet.close_ledgers(8).unwrap();
        for _ in 0..3 {
            self.create("carol", "dave", 9_000_000, 50).await;
        }
        self.devnet.close_ledgers(2).unwrap();
    }

    /// Waits until the network's clock, by which streams accrue, has advanced.
    async fn let_time_pass(&self, seconds: i64) {
        let until = SystemClock.now() + TimeDelta::seconds(seconds);
        eventually("the time has come", || async { SystemClock.now() >= until }).await;
    }

    pub fn checks_all_the_time(&self, urls: &[String]) -> Indexer {
        self.checking_all_the_time(EndpointPool::new(urls, self.devnet.passphrase().to_owned(), 7).unwrap())
    }

    pub fn checking_all_the_time(&self, source: EndpointPool) -> Indexer {
        let pace = PaceArgs { check_interval: Duration::from_millis(5), ..self.settings().pace };
        let settings = IngestSettings { pace, ..self.settings() };
        Indexer::new(source, Vec::new(), self.store.clone(), settings)
    }

    /// Waits until the events that an endpoint withheld are stored.
    pub async fn has_every_event_at_last(&self) {
        eventually("the events that one endpoint withheld are requested from another", || async {
            self.stored_ids().await == self.devnet.events_emitted()
        })
        .await;
    }
}

#[sqlx::test]
async fn verify_repair_after_a_reset_leaves_the_records_of_the_old_chain_alone(pool: PgPool) {
    let world = World::new(pool).await;
    world.old_chain().await;
    let before = world.records_as_text().await;
    world.new_chain().await;
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"))
        .args(["verify", "--repair", "--patience", "1s", "--network-passphrase", world.devnet.passphrase()])
        .args(["--rpc-urls", &world.rpc_url])
        .env("DATABASE_URL", sqlx::ConnectOptions::to_url_lossy(&*world.pool.connect_options()).as_str())
        .output()
        .await
        .unwrap();
    assert!(!output.status.success(), "{output:?}");
    assert_eq!(world.records_as_text().await, before, "the records belong to the indexed chain");
}

#[sqlx::test]
async fn verify_repair_beside_an_endpoint_that_was_reset_changes_nothing(pool: PgPool) {
    let world = World::new(pool).await;
    world.old_chain().await;
    let before = world.records_as_text().await;
    world.new_chain().await;
    world.devnet.inject_at("good", Fault::BeforeReset, None).unwrap();
    let source = world.endpoints_of_our_chain(&[world.rpc_url.clone(), format!("{}/good", world.rpc_url)]).await;
    let settings = VerifySettings { sample: None, repair: true, patience: DEADLINE, rng: StdRng::seed_from_u64(5) };
    let contract_id = world.devnet.contract_id();
    let verified = verify(&world.store, &source, &contract_id, settings, |_| ()).await.unwrap();
    assert!(verified.is_proven(), "{verified:?}");
    assert_eq!(world.records_as_text().await, before, "the records belong to the indexed chain");
}

#[sqlx::test]
async fn a_second_endpoint_of_another_chain_writes_nothing(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.old_chain().await;
    let before = world.stored_ids().await;
    world.new_chain().await;
    world.devnet.inject_at("good", Fault::BeforeReset, None).unwrap();
    let urls = [format!("{}/good", world.rpc_url), world.rpc_url.clone()];
    world.start(world.checks_all_the_time(&urls));
    eventually("the second endpoint is known to serve another chain", || async {
        let report = world.store.indexer_report(&world.devnet.contract_id()).await.unwrap();
        report.is_some_and(|aged| aged.report.endpoints.to_string().contains("\"unusable\""))
    })
    .await;
    assert_eq!(world.stored_ids().await, before, "no event of another chain was written late");
}

#[sqlx::test]
async fn a_reset_of_a_quiet_contract_is_noticed_by_a_daemon_that_is_started_after_it(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(40).unwrap();
    world.index_to_the_tip(world.archiving()).await;
    // The new chain is longer than the position of the last event, but shorter than the index.
    world.devnet.reset().unwrap();
    world.devnet.close_ledgers(20).unwrap();
    world.start(world.archiving());
    eventually("the reset is noticed", || async { world.store.epoch().await.unwrap() == Epoch(1) }).await;
}

#[sqlx::test]
async fn a_new_chain_is_not_appended_to_the_old_one_without_hashes(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::NoLedgers, None).unwrap();
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(40).unwrap();
    world.index_to_the_tip(world.archiving()).await;
    world.devnet.reset().unwrap();
    world.devnet.close_ledgers(20).unwrap();
    world.start(world.archiving());
    eventually("the reset is noticed", || async { world.store.epoch().await.unwrap() == Epoch(1) }).await;
    world.devnet.close_ledgers(40).unwrap();
    world.create("carol", "dave", 9_000_000, 50).await;
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn every_row_that_a_repair_changed_is_in_the_range_that_subscribers_are_told_of(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 1_000).await;
    world.call(Call::TopUp { stream_id: StreamId(1), caller: None, amount: Amount(500) }).await;
    world.devnet.close_ledgers(5).unwrap();
    world.call(Call::Pause { stream_id: StreamId(1), caller: None }).await;
    world.start_indexer(100);
    world.indexed().await;
    let raws = world.raw_events().await;
    // As if the creation, and the fee before it, had been in a ledger that was given up.
    let creation = world.devnet.events_emitted()[..3].to_vec();

    world.forget(&creation).await;
    sqlx::query("truncate streams").execute(&world.pool).await.unwrap();
    sqlx::query("update stream_events set sender = null, recipient = null, token = null")
        .execute(&world.pool)
        .await
        .unwrap();
    let rows = || async {
        let rows: Vec<(i64, i64, String)> =
            sqlx::query_as("select toid, event_index, stream_events::text from stream_events order by 1, 2")
                .fetch_all(&world.pool)
                .await
                .unwrap();
        rows
    };
    let before = rows().await;
    let events = raws.into_iter().filter(|raw| creation.contains(&raw.id)).collect();
    let late = LateEvents { events, ..LateEvents::default() };
    write_late(&world.store, &world.devnet.contract_id(), Epoch(0), late).await.unwrap().unwrap();
    let told = world.store.revisions_after(0).await.unwrap();
    let (from, to) = (told[0].from, told[0].to);
    let changed: Vec<EventId> = rows()
        .await
        .into_iter()
        .filter(|row| !before.contains(row))
        .map(|(toid, index, _)| EventId::from_parts(toid, index).unwrap())
        .collect();
    let outside: Vec<&EventId> = changed.iter().filter(|id| **id < from || **id > to).collect();
    assert!(outside.is_empty(), "reported {from} to {to}, but also changed: {outside:?}");
}

#[sqlx::test]
async fn a_wrong_baseline_is_corrected_by_a_repair_although_the_index_makes_no_progress(pool: PgPool) {
    let world = World::new(pool).await;
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::NoLedgers, None).unwrap();
    for _ in 0..3 {
        world.create("alice", "bob", 1_000_000, 1_000).await;
    }
    world.index_to_the_tip(world.indexer(100)).await;
    let before = world.records_as_text().await;
    // A node of another chain answers a repair.
    world.devnet.reset().unwrap();
    for _ in 0..3 {
        world.create("carol", "dave", 9_000_000, 50).await;
    }
    world.devnet.close_ledgers(20).unwrap();
    world.verified(REPAIR).await;
    assert_ne!(world.records_as_text().await, before);
    // The node is removed, and the repair runs again.
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::BeforeReset, None).unwrap();
    let verified = world.verified(REPAIR).await;
    assert!(verified.is_proven(), "{verified:?}");
    assert_eq!(world.records_as_text().await, before);
}

#[sqlx::test]
async fn no_hole_after_the_last_event_is_filled_from_another_chain(pool: PgPool) {
    use flowfi_indexer::{
        domain::{LedgerRange, LedgerSequence},
        ingest::backfill,
    };
    let folder = crate::completeness::LakeFolder::new("lake-of-the-new-chain-after-the-last-event");
    let args = flowfi_indexer::devnet::DevnetArgs {
        lake_dir: Some(folder.0.clone()),
        ..flowfi_indexer::devnet::DevnetArgs::by_hand()
    };
    let world = World::with_devnet(pool, &args).await;
    world.old_chain().await;
    // As if ledgers had been given up.
    for statement in [
        "insert into coverage (contract_id, from_ledger, to_ledger, source)
         select contract_id, 16, to_ledger, source from coverage",
        "update coverage set to_ledger = 7 where from_ledger = 2",
    ] {
        sqlx::query(statement).execute(&world.pool).await.unwrap();
    }
    let before = world.stored_ids().await;
    world.new_chain().await;
    let lake = [crate::completeness::lake_of(&world, &folder).await];
    let range = LedgerRange::new(LedgerSequence(8), LedgerSequence(15)).unwrap();
    let filled = backfill(&world.store, &world.devnet.contract_id(), &lake, range, |_| {}).await;
    assert_eq!(world.stored_ids().await, before, "{filled:?}");
    filled.expect_err("the lake belongs to another chain");
}

#[sqlx::test]
async fn an_endpoint_that_missed_the_reset_is_not_followed_beyond_the_preferred_ones_tip(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.devnet.close_ledgers(20).unwrap();
    for _ in 0..3 {
        world.create("alice", "bob", 1_000_000, 1_000).await;
    }
    world.devnet.close_ledgers(20).unwrap();
    world.new_chain().await;
    let of_the_new_chain = world.devnet.events_emitted();
    let away = Fault::Status { status: 503, retry_after_seconds: None };
    world.devnet.inject_at("stale", away.clone(), None).unwrap();
    world.rpc_urls = vec![world.rpc_url.clone(), format!("{}/stale", world.rpc_url)];
    world.start_indexer(100);
    world.indexed().await;
    // The other endpoint is back, and the preferred one is away.
    world.devnet.clear_faults_at("stale");
    world.devnet.inject_at("stale", Fault::BeforeReset, None).unwrap();
    world.devnet.inject_at(MAIN_ENDPOINT, away, None).unwrap();
    eventually("the other endpoint is asked but not believed", || async {
        let report = world.store.indexer_report(&world.devnet.contract_id()).await.unwrap();
        report.is_some_and(|aged| aged.report.endpoints[1]["state"] == "unusable")
    })
    .await;
    world.devnet.clear_faults_at(MAIN_ENDPOINT);
    world.create("erin", "frank", 1_000_000, 100).await;
    world.indexed().await;
    let foreign = world.stored_ids().await.into_iter().filter(|id| !world.devnet.events_emitted().contains(id)).count();
    assert_eq!(foreign, 0, "after {} events of the new chain", of_the_new_chain.len());
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn nothing_is_read_from_endpoints_of_two_chains_until_they_agree(pool: PgPool) {
    let mut world = World::new(pool).await;
    for _ in 0..3 {
        world.create("alice", "bob", 1_000_000, 1_000).await;
    }
    world.devnet.close_ledgers(20).unwrap();
    world.new_chain().await;
    world.devnet.close_ledgers(30).unwrap();
    world.devnet.inject_at("good", Fault::BeforeReset, None).unwrap();
    world.rpc_urls = vec![format!("{}/good", world.rpc_url), world.rpc_url.clone()];
    world.start_indexer(100);
    eventually("the operator is told", || async {
        let report = world.store.indexer_report(&world.devnet.contract_id()).await.unwrap();
        report.and_then(|aged| aged.report.detail).is_some_and(|detail| detail.contains("different chains"))
    })
    .await;
    assert!(world.stored_ids().await.is_empty());
    // The endpoint that missed the reset is repaired.
    world.devnet.clear_faults_at("good");
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn an_endpoint_of_another_chain_that_comes_back_does_not_take_over_a_catch_up(pool: PgPool) {
    let mut world = World::new(pool).await;
    for _ in 0..60 {
        world.create("alice", "bob", 1_000_000, 1_000).await;
    }
    world.devnet.close_ledgers(40).unwrap();
    let (of_our_chain, tip) = (world.devnet.events_emitted(), world.devnet.latest_ledger());
    world.devnet.reset().unwrap();
    world.devnet.close_ledgers(28).unwrap();
    for _ in 0..3 {
        world.create("carol", "dave", 9_000_000, 50).await;
    }
    world.devnet.close_ledgers(2).unwrap();
    world.devnet.inject_at("good", Fault::BeforeReset, None).unwrap();
    world.devnet.inject_at("good", Fault::Delay { delay_ms: 40 }, None).unwrap();
    let away = Fault::Status { status: 503, retry_after_seconds: None };
    world.devnet.inject_at(MAIN_ENDPOINT, away.clone(), None).unwrap();
    world.rpc_urls = vec![format!("{}/good", world.rpc_url), world.rpc_url.clone()];
    world.start_indexer(2);
    eventually("the catch-up has begun", || async { world.stored_ids().await.len() >= 6 }).await;
    world.devnet.clear_faults_at(MAIN_ENDPOINT);
    world.devnet.inject_at("good", away, Some(2)).unwrap();
    eventually("the catch-up has ended", || async {
        world.progress().await.is_some_and(|at| at.position.last_whole_ledger() >= tip)
    })
    .await;
    assert_eq!(world.stored_ids().await, of_our_chain);
}

#[sqlx::test]
async fn a_quarantined_event_that_comes_again_is_in_one_table_only(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 1_000).await;
    world.call(Call::TopUp { stream_id: StreamId(1), caller: None, amount: Amount(500) }).await;
    world.index_to_the_tip(world.indexer(100)).await;
    // As an older version stored it.
    for statement in [
        "insert into quarantine (toid, event_index, contract_id, ledger_closed_at, tx_hash, kind, name, stream_id,
             reason, in_successful_call, topics, value)
         select toid, event_index, contract_id, ledger_closed_at, tx_hash, 'unknown', type, stream_id, 'of old', true,
             topics, value
         from stream_events where type = 'stream.topped_up'",
        "delete from stream_events where type = 'stream.topped_up'",
        "update streams set deposited = deposited - 500, unverified = true",
    ] {
        sqlx::query(statement).execute(&world.pool).await.unwrap();
    }
    // A ledger is read again by a backfill of a given-up range.
    let events = world.raw_events().await;
    let late = LateEvents { events, ..LateEvents::default() };
    write_late(&world.store, &world.devnet.contract_id(), Epoch(0), late).await.unwrap().unwrap();
    let twice: i64 = sqlx::query_scalar("select count(*) from stream_events join quarantine using (toid, event_index)")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let unverified: bool = sqlx::query_scalar("select unverified from streams").fetch_one(&world.pool).await.unwrap();
    assert_eq!((twice, unverified), (0, false));
}

#[sqlx::test]
async fn one_endpoint_alone_does_not_decide_which_chain_is_ours(pool: PgPool) {
    let world = World::new(pool).await;
    world.devnet.close_ledgers(30).unwrap();
    world.new_chain().await;
    world.devnet.inject_at("good", Fault::BeforeReset, None).unwrap();
    let urls = [format!("{}/good", world.rpc_url), world.rpc_url.clone()];
    let source = EndpointPool::new(&urls, world.devnet.passphrase().to_owned(), 7).unwrap();
    let sequence = flowfi_indexer::domain::LedgerSequence(10);
    let both = source.ledger_hash(sequence).await;
    assert!(both.is_err(), "they disagree: {both:?}");
    let away = Fault::Status { status: 503, retry_after_seconds: None };
    world.devnet.inject_at("good", away, None).unwrap();
    let alone = source.ledger_hash(sequence).await;
    assert!(alone.is_err(), "a single answer was believed: {alone:?}");
}

#[sqlx::test]
async fn the_rolling_check_does_not_compare_with_another_chain_and_ask_for_a_repair_from_it(pool: PgPool) {
    let world = World::new(pool).await;
    world.old_chain().await;
    world.new_chain().await;
    let checking = world.checks_all_the_time(std::slice::from_ref(&world.rpc_url));
    let ended = timeout(DEADLINE, checking.run(world.stop.clone())).await.expect("the reset is noticed");
    let failure = ended.expect_err("an operator has to archive it");
    assert!(failure.to_string().contains("reset") || failure.to_string().contains("another chain"), "{failure}");
    let check = world.store.record_check(&world.devnet.contract_id()).await.unwrap();
    assert!(check.is_none_or(|check| check.look.differing.is_empty()), "nothing was compared with another chain");
}

#[sqlx::test]
async fn a_reindex_from_a_lake_of_the_new_chain_changes_nothing_of_the_old_one(pool: PgPool) {
    let folder = crate::completeness::LakeFolder::new("lake-of-the-new-chain-for-a-reindex");
    let args = flowfi_indexer::devnet::DevnetArgs {
        lake_dir: Some(folder.0.clone()),
        ..flowfi_indexer::devnet::DevnetArgs::by_hand()
    };
    let world = World::with_devnet(pool, &args).await;
    world.old_chain().await;
    // Ledgers after the last event were seen whole; those before it were given up, or are no longer in the lake.
    sqlx::query("update coverage set from_ledger = 7, to_ledger = 15").execute(&world.pool).await.unwrap();
    let before = world.stored_ids().await;
    world.new_chain().await;
    let lake = [crate::completeness::lake_of(&world, &folder).await];
    let mut reindex = Reindex::open_from_chain(&world.store).await.unwrap();
    let read = reindex.read_chain(&lake, |_| {}).await;
    if read.is_ok() {
        reindex.read_stored_and_swap(|_| {}).await.unwrap();
    }
    assert_eq!(world.stored_ids().await, before, "{read:?}");
}

#[sqlx::test]
async fn a_contract_that_joins_is_not_read_from_an_endpoint_that_was_reset(pool: PgPool) {
    use flowfi_indexer::{
        devnet::{DevnetArgs, Input, NumberedCall},
        domain::Contracts,
    };
    let args = DevnetArgs { contracts: 2, ..DevnetArgs::by_hand() };
    let mut world = World::with_devnet(pool, &args).await;
    let create = |world: &World, contract: u8, sender: &str| {
        let call = world.creation(sender, "bob", 1_000_000, 100);
        drop(world.devnet.submit(Input::Across(vec![NumberedCall { contract, call }])));
        world.devnet.close_ledger().unwrap();
    };
    let second = world.devnet.contract_ids().remove(1);
    create(&world, 1, "alice");
    create(&world, 0, "alice");
    world.devnet.close_ledgers(40).unwrap();
    let of_the_old_chain = world.devnet.events_emitted_by(&second);
    // The first contract is indexed.
    let contracts: Contracts = world.devnet.contract_ids().remove(0).into();
    let settings = IngestSettings { contracts, ..world.settings() };
    let stop = world.stop.child_token();
    let run = Indexer::new(world.source(), Vec::new(), world.store.clone(), settings).run(stop.clone());
    let indexed = async {
        world.indexed().await;
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(run, indexed);
    ended.unwrap();
    world.devnet.reset().unwrap();
    world.devnet.close_ledgers(8).unwrap();
    create(&world, 1, "carol");
    create(&world, 0, "carol");
    create(&world, 1, "carol");
    world.devnet.inject_at("good", Fault::BeforeReset, None).unwrap();
    // The preferred endpoint was reset; the other one serves the indexed chain.
    world.rpc_urls = vec![world.rpc_url.clone(), format!("{}/good", world.rpc_url)];
    world.start_indexer(100);
    let stands = || async {
        let progress = world.store.progress(&second).await.unwrap();
        progress.is_some_and(|at| at.position.last_whole_ledger().0 >= 40)
    };
    eventually("the second contract has reached the first", stands).await;
    let stored: Vec<EventId> = sqlx::query_as::<_, (i64, i64)>(
        "select toid, event_index from stream_events where contract_id = $1 order by 1, 2",
    )
    .bind(second.as_str())
    .fetch_all(&world.pool)
    .await
    .unwrap()
    .into_iter()
    .map(|(toid, index)| EventId::from_parts(toid, index).unwrap())
    .collect();
    let known = world.store.network().await;
    let covered = world.store.coverage(&second).await;
    assert_eq!(stored, of_the_old_chain, "{known:?} {covered:?}");
}

/// Creates a network whose first endpoint is away and whose second one withholds every event.
async fn with_events_kept_back(pool: PgPool) -> (World, [String; 2]) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    let urls = [format!("{}/away", world.rpc_url), world.rpc_url.clone()];
    let away = Fault::Status { status: 503, retry_after_seconds: None };
    world.devnet.inject_at("away", away, None).unwrap();
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::EmptyPages { ledgers: 10_000 }, None).unwrap();
    (world, urls)
}

#[sqlx::test]
async fn a_second_opinion_after_a_restart_comes_from_another_endpoint(pool: PgPool) {
    let (mut world, urls) = with_events_kept_back(pool).await;
    let source = EndpointPool::new(&urls, world.devnet.passphrase().to_owned(), 7).unwrap();
    let first = Indexer::new(source, Vec::new(), world.store.clone(), world.settings());
    world.index_to_the_tip(first).await;
    assert!(world.stored_ids().await.is_empty());
    // The daemon is restarted; the preferred endpoint is back and returns everything to anybody.
    world.devnet.clear_faults_at("away");
    world.start(world.checks_all_the_time(&urls));
    world.devnet.close_ledger().unwrap();
    world.indexed().await;
    world.has_every_event_at_last().await;
}

#[sqlx::test]
async fn the_only_endpoint_that_answers_is_compared_with_the_other_one_once_that_is_back(pool: PgPool) {
    let (mut world, urls) = with_events_kept_back(pool).await;
    let source = EndpointPool::new(&urls, world.devnet.passphrase().to_owned(), 7).unwrap();
    world.start(world.checking_all_the_time(source.clone()));
    world.indexed().await;
    let contract_ids = world.devnet.contract_ids();
    let from = EventsFrom::Ledger(LedgerSequence(2));
    eventually("only one endpoint is asked, because the other one is left alone", || async {
        source.second_opinions(&contract_ids, from, 10).await.is_ok_and(|opinions| opinions.is_alone)
    })
    .await;
    // The first endpoint is compared with itself before the other one is back.
    let asked = source.health()[1].requests;
    eventually("some turns were taken", || async { source.health()[1].requests > asked + 50 }).await;
    assert!(world.stored_ids().await.is_empty());
    world.devnet.clear_faults_at("away");
    world.has_every_event_at_last().await;
}

#[sqlx::test]
async fn a_contract_that_joins_does_not_make_the_pool_forget_which_endpoint_withheld_events(pool: PgPool) {
    let (mut world, urls) = with_events_kept_back(pool).await;
    // The pool stays, and with it the memory of who answered; the session starts again.
    let source = EndpointPool::new(&urls, world.devnet.passphrase().to_owned(), 7).unwrap();
    world.index_to_the_tip(Indexer::new(source.clone(), Vec::new(), world.store.clone(), world.settings())).await;
    assert!(world.stored_ids().await.is_empty());
    world.devnet.clear_faults_at("away");
    // Another walk from the start, such as that of an added contract, is answered by the endpoint that is back.
    let from = EventsFrom::Ledger(LedgerSequence(2));
    eventually("the preferred one is back", || async {
        source.events(&world.devnet.contract_ids(), from, 1).await.is_ok_and(|page| !page.events.is_empty())
    })
    .await;
    world.start(world.checking_all_the_time(source));
    world.has_every_event_at_last().await;
}

#[sqlx::test]
async fn the_payout_of_a_cancellation_stays_as_reported_after_a_later_repair_and_a_reindex(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.let_time_pass(3).await;
    world.call(Call::Withdraw { stream_id: StreamId(1), caller: None }).await;
    world.start_indexer(100);
    world.indexed().await;
    let withdrawal = *world.devnet.events_emitted().last().unwrap();
    let amount = || async {
        let amount: Option<String> =
            sqlx::query_scalar("select amount::text from stream_events where type = 'stream.cancelled'")
                .fetch_one(&world.pool)
                .await
                .unwrap();
        amount
    };
    // The withdrawal was never seen; the record was set from the chain.
    world.forget(&[withdrawal]).await;
    world.alter("update streams set withdrawn = 0").await;
    assert_eq!(world.verified(REPAIR).await.repaired, [StreamId(1)]);
    world.let_time_pass(2).await;
    world.call(Call::Cancel { stream_id: StreamId(1), caller: None }).await;
    world.indexed().await;
    let told = amount().await;
    // Something else differs later, and is repaired.
    world.devnet.close_ledger().unwrap();
    world.indexed().await;
    world.alter("update streams set deposited = 7").await;
    assert_eq!(world.verified(REPAIR).await.repaired, [StreamId(1)]);
    let repaired = amount().await;
    Reindex::open(&world.store).await.unwrap().read_stored_and_swap(|_| {}).await.unwrap();
    let reindexed = amount().await;
    assert_eq!((&repaired, &reindexed), (&told, &told), "subscribers were sent {told:?}");
}

#[sqlx::test]
async fn the_payout_of_a_cancellation_is_not_lost_if_the_creation_is_missing(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    let creation = world.devnet.events_emitted();
    world.forget(&creation).await;
    sqlx::query("truncate streams").execute(&world.pool).await.unwrap();
    assert_eq!(world.verified(REPAIR).await.repaired, [StreamId(1)]);
    world.let_time_pass(2).await;
    world.call(Call::Cancel { stream_id: StreamId(1), caller: None }).await;
    world.indexed().await;
    let amount = || async {
        let amount: Option<String> =
            sqlx::query_scalar("select amount::text from stream_events where type = 'stream.cancelled'")
                .fetch_one(&world.pool)
                .await
                .unwrap();
        amount
    };
    let told = amount().await;
    world.devnet.close_ledger().unwrap();
    world.indexed().await;
    world.alter("update streams set deposited = 7").await;
    assert_eq!(world.verified(REPAIR).await.repaired, [StreamId(1)]);
    Reindex::open(&world.store).await.unwrap().read_stored_and_swap(|_| {}).await.unwrap();
    assert_eq!(amount().await, told);
}

#[sqlx::test]
async fn one_database_holds_one_index(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    sqlx::query("create schema other").execute(&world.pool).await.unwrap();
    let options = (*world.pool.connect_options()).clone().options([("search_path", "other")]);
    let other = Store::on(PgPool::connect_with(options).await.unwrap());
    other.migrate().await.unwrap();
    let refused = other.claim(world.devnet.passphrase()).await.unwrap_err();
    assert!(matches!(&refused, StoreError::AnotherIndex { schema } if schema == "public"), "{refused}");
    // A schema with a name that resembles ours is another one all the same.
    sqlx::query("alter schema other rename to flowfi_other").execute(&world.pool).await.unwrap();
    let refused = world.store.claim(world.devnet.passphrase()).await.unwrap_err();
    assert!(matches!(&refused, StoreError::AnotherIndex { schema } if schema == "flowfi_other"), "{refused}");
}

#[sqlx::test]
async fn a_view_a_temporary_table_or_a_lone_table_with_a_name_of_ours_is_no_index(pool: PgPool) {
    let world = World::new(pool).await;
    world.store.claim(world.devnet.passphrase()).await.unwrap();
    // The temporary tables live as long as this connection.
    let mut own = world.pool.acquire().await.unwrap();
    for statement in [
        "create schema reporting",
        "create view reporting.stream_events as select toid, type, amount from stream_events",
        "create view reporting.streams as select stream_id from streams",
        "create materialized view reporting.cursors as select contract_id from cursors",
        "create schema other",
        "create table other.stream_events (id bigint)",
        "create temporary table stream_events (id bigint)",
        "create temporary table streams (id bigint)",
        "create temporary table cursors (id bigint)",
    ] {
        sqlx::query(statement).execute(&mut *own).await.unwrap();
    }
    world.store.claim(world.devnet.passphrase()).await.unwrap();
}

#[sqlx::test]
async fn an_index_behind_an_empty_schema_in_the_search_path_is_our_own(pool: PgPool) {
    let world = World::new(pool).await;
    sqlx::query("create schema ahead").execute(&world.pool).await.unwrap();
    let options = (*world.pool.connect_options()).clone().options([("search_path", "ahead,public")]);
    let store = Store::on(PgPool::connect_with(options).await.unwrap());
    store.claim(world.devnet.passphrase()).await.unwrap();
}
