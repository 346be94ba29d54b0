//! An index some of whose endpoints, or whose lake, belong to another chain. Nothing of that chain is read, written or
//! used for a repair: at the first start, in a catch-up, by a check, a command or a filled hole. Correct data is still
//! found.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use flowfi_indexer::{
    devnet::{DevnetArgs, Fault, MAIN_ENDPOINT},
    domain::{Epoch, EventId, LedgerRange, LedgerSequence},
    ingest::{
        BackfillProgress, Indexer, IngestError, IngestSettings, PaceArgs, Reindex, VerifySettings, backfill, verify,
    },
    source::{EndpointPool, EventsFrom, WholeLedgers},
    store::IndexerState,
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::Value;
use sqlx::PgPool;

use crate::{
    completeness::{LakeFolder, lake_of},
    maintenance::command,
    world::{World, eventually},
};

const AWAY: Fault = Fault::Status { status: 503, retry_after_seconds: None };

impl World {
    /// Returns what the indexer last reported about its endpoints; `None` before its first report.
    async fn endpoints_as_told(&self) -> Option<Value> {
        let report = self.store.indexer_report(&self.devnet.contract_id()).await.unwrap();
        report.map(|aged| aged.report.endpoints)
    }

    async fn foreign_rows(&self, ours: &[EventId]) -> usize {
        self.stored_ids().await.iter().filter(|id| !ours.contains(id)).count()
    }

    /// Waits until the indexer's report on an endpoint is as it should be, and checks that nothing of another chain is
    /// stored.
    async fn nothing_foreign_until(&self, ours: &[EventId], what: &str, number: usize, holds: impl Fn(&Value) -> bool) {
        eventually(what, || async {
            let told = self.endpoints_as_told().await;
            assert_eq!(self.foreign_rows(ours).await, 0, "events of another chain; endpoints {told:?}");
            told.is_some_and(|endpoints| holds(&endpoints[number]))
        })
        .await;
    }
}

fn copied(from: &Path, to: &Path) {
    assert!(std::process::Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
}

/// Returns the object of a lake that holds one ledger.
fn object_of(lake: &LakeFolder, ledger: LedgerSequence) -> PathBuf {
    let paths = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let partitions = paths(&lake.0).into_iter().filter(|path| path.is_dir());
    let mut objects = partitions.flat_map(|partition| paths(&partition));
    let found = objects.find(|path| path.to_str().unwrap().contains(&format!("--{}.", ledger.0)));
    found.expect("the lake has the ledger")
}

/// Makes reading the object fail, although it exists.
fn make_unreadable(object: &Path) -> PathBuf {
    let aside = object.with_extension("aside");
    fs::rename(object, &aside).unwrap();
    fs::create_dir(object).unwrap();
    aside
}

/// Starts a fresh index of a chain that started over, whose endpoints lack its first ledgers, beside a lake of the
/// previous chain.
async fn beside_an_old_lake(pool: PgPool, name: &str, old_ledgers: u32, unreadable: bool) {
    let folder = LakeFolder::new(&format!("lake-of-now-{name}"));
    let kept = LakeFolder::new(&format!("lake-of-before-{name}"));
    let args = DevnetArgs { lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    let world = World::with_devnet(pool, &args).await;
    for _ in 0..5 {
        world.create("alice", "bob", 1_000_000, 100).await;
    }
    world.devnet.close_ledgers(old_ledgers).unwrap();
    let of_the_old_chain = world.devnet.events_emitted();
    copied(&folder.0, &kept.0);
    world.devnet.reset().unwrap();
    world.devnet.close_ledgers(36).unwrap();
    world.create("carol", "dave", 1_000_000, 100).await;
    world.devnet.close_ledgers(2).unwrap();
    let tip = world.devnet.latest_ledger();
    world.devnet.set_retention(5);
    if unreadable {
        make_unreadable(&object_of(&kept, tip));
    }
    let lake = lake_of(&world, &kept).await;
    let pace = PaceArgs { start_ledger: Some(LedgerSequence(2)), ..world.settings().pace };
    let settings = IngestSettings { pace, ..world.settings() };
    let indexer = Indexer::new(world.source(), vec![lake], world.store.clone(), settings);
    let stop = world.stop.child_token();
    let story = async {
        eventually("the indexer waits at the hole", || async {
            let report = world.store.indexer_report(&world.devnet.contract_id()).await.unwrap();
            report.is_some_and(|aged| aged.report.state == IndexerState::Hole)
        })
        .await;
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(indexer.run(stop.clone()), story);
    ended.unwrap();
    // Everything that it had read is committed by now.
    let stored = world.stored_ids().await;
    assert!(!stored.iter().any(|id| of_the_old_chain.contains(id)), "events of the chain before the reset: {stored:?}");
}

#[sqlx::test]
async fn a_lake_of_the_previous_chain_fills_no_hole_while_the_known_ledger_cannot_be_read(pool: PgPool) {
    beside_an_old_lake(pool, "unreadable", 60, true).await;
}

#[sqlx::test]
async fn a_lake_of_the_previous_chain_fills_no_hole_of_a_fresh_index(pool: PgPool) {
    beside_an_old_lake(pool, "shorter", 10, false).await;
}

#[sqlx::test]
async fn one_endpoint_that_dropped_ledgers_does_not_silence_the_second_opinion_of_the_other(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(30).unwrap();
    let urls = [format!("{}/short", world.rpc_url), world.rpc_url.clone()];
    world.devnet.inject_at(MAIN_ENDPOINT, AWAY, None).unwrap();
    world.devnet.inject_at("short", Fault::EmptyPages { ledgers: 10_000 }, None).unwrap();
    let source = EndpointPool::new(&urls, world.devnet.passphrase().to_owned(), 7).unwrap();
    let first = Indexer::new(source, Vec::new(), world.store.clone(), world.settings());
    world.index_to_the_tip(first).await;
    assert!(world.stored_ids().await.is_empty());
    // The other endpoint is back, and the first one has dropped those ledgers meanwhile.
    world.devnet.clear_faults();
    world.devnet.inject_at("short", Fault::Retention { ledgers: 5 }, None).unwrap();
    world.start(world.checks_all_the_time(&urls));
    world.devnet.close_ledger().unwrap();
    world.indexed().await;
    world.has_every_event_at_last().await;
}

#[sqlx::test]
async fn if_endpoints_of_two_chains_have_no_ledger_in_common_the_preferred_one_is_read(pool: PgPool) {
    let mut world = World::new(pool).await;
    for _ in 0..3 {
        world.create("alice", "bob", 1_000_000, 1_000).await;
    }
    world.devnet.close_ledgers(4).unwrap();
    let old_tip = world.devnet.latest_ledger();
    world.devnet.reset().unwrap();
    world.devnet.close_ledgers(30).unwrap();
    for _ in 0..3 {
        world.create("carol", "dave", 9_000_000, 50).await;
    }
    let tip = world.devnet.latest_ledger();
    // The preferred endpoint keeps the ledgers after the one at which the other endpoint stopped.
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::Retention { ledgers: tip.0 - old_tip.0 }, None).unwrap();
    world.devnet.inject_at("stale", Fault::BeforeReset, None).unwrap();
    world.rpc_urls = vec![world.rpc_url.clone(), format!("{}/stale", world.rpc_url)];
    world.start_indexer(100);
    world.indexed().await;
    let stored = world.stored_ids().await;
    let of_the_new_chain = world.devnet.events_emitted();
    assert!(!stored.is_empty() && stored.iter().all(|id| of_the_new_chain.contains(id)), "{stored:?}");
}

/// Creates an index that is some ledgers past the one that identifies its chain, and two endpoints: one still serves
/// that chain; the other has a longer chain and has dropped its ledger with that number.
async fn beside_a_longer_chain(pool: PgPool) -> (World, Vec<EventId>) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 1_000).await;
    world.devnet.close_ledgers(20).unwrap();
    let stop = world.stop.child_token();
    let story = async {
        world.indexed().await;
        eventually("a ledger was noted", || async { world.store.network().await.unwrap().unwrap().known.is_some() })
            .await;
        let known = world.store.network().await.unwrap().unwrap().known;
        world.devnet.close_ledgers(20).unwrap();
        world.indexed().await;
        stop.cancel();
        known.unwrap()
    };
    let (ended, known) = tokio::join!(world.indexer(100).run(stop.clone()), story);
    ended.unwrap();
    // A later ledger may have been recorded meanwhile.
    let as_before = "update network set known_ledger = $1, known_ledger_hash = $2";
    let as_before = sqlx::query(as_before).bind(i64::from(known.sequence.0)).bind(known.hash);
    as_before.execute(&world.pool).await.unwrap();
    let ours = world.devnet.events_emitted();
    let tip = world.devnet.latest_ledger().0;
    world.devnet.reset().unwrap();
    while world.devnet.latest_ledger().0 < tip - 4 {
        world.devnet.close_ledger().unwrap();
    }
    world.create("carol", "dave", 9_000_000, 50).await;
    world.devnet.close_ledgers(6).unwrap();
    world.create("carol", "dave", 9_000_000, 50).await;
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::Retention { ledgers: 15 }, None).unwrap();
    world.devnet.inject_at("good", Fault::BeforeReset, None).unwrap();
    world.rpc_urls = vec![format!("{}/good", world.rpc_url), world.rpc_url.clone()];
    (world, ours)
}

#[sqlx::test]
async fn no_event_is_read_from_an_endpoint_without_the_known_ledger_while_another_is_away(pool: PgPool) {
    let (mut world, ours) = beside_a_longer_chain(pool).await;
    world.devnet.inject_at("good", AWAY, Some(4)).unwrap();
    world.start_indexer(100);
    let is_back = |good: &Value| good["failures"].as_u64() >= Some(1) && good["failuresInARow"] == 0;
    world.nothing_foreign_until(&ours, "the right endpoint failed and is back", 0, is_back).await;
}

#[sqlx::test]
async fn no_second_opinion_is_accepted_from_an_endpoint_without_the_known_ledger(pool: PgPool) {
    let (mut world, ours) = beside_a_longer_chain(pool).await;
    world.start(world.checks_all_the_time(&world.rpc_urls));
    // The second one applies once a ledger was recorded that this endpoint has too.
    let refusals = ["endpoints disagree", "another chain"];
    let is_refused = |other: &Value| refusals.iter().any(|refusal| other["lastFailure"] == *refusal);
    world.nothing_foreign_until(&ours, "the other endpoint is asked but not believed", 1, is_refused).await;
}

/// Starts for the first time while the preferred endpoint has a brief failure, beside one that missed a reset.
async fn first_start_beside_a_stale_one(pool: PgPool, trouble: Fault, times: u32) {
    let mut world = World::new(pool).await;
    world.devnet.close_ledgers(10).unwrap();
    world.create("alice", "bob", 1_000_000, 1_000).await;
    world.devnet.close_ledgers(20).unwrap();
    let of_the_old_chain = world.devnet.events_emitted();
    world.devnet.reset().unwrap();
    world.create("carol", "dave", 9_000_000, 50).await;
    world.devnet.close_ledgers(40).unwrap();
    world.devnet.inject_at("stale", Fault::BeforeReset, None).unwrap();
    world.devnet.inject_at(MAIN_ENDPOINT, trouble, Some(times)).unwrap();
    world.rpc_urls = vec![world.rpc_url.clone(), format!("{}/stale", world.rpc_url)];
    world.start_indexer(100);
    eventually("the operator is told", || async {
        let old = world.stored_ids().await.iter().filter(|id| of_the_old_chain.contains(id)).count();
        assert_eq!(old, 0, "the chain of the stale endpoint is indexed");
        let report = world.store.indexer_report(&world.devnet.contract_id()).await.unwrap();
        report.and_then(|aged| aged.report.detail).is_some_and(|detail| detail.contains("different chains"))
    })
    .await;
}

#[sqlx::test]
async fn a_brief_refusal_by_the_preferred_endpoint_at_the_first_start_does_not_decide_the_chain(pool: PgPool) {
    first_start_beside_a_stale_one(pool, AWAY, 1).await;
}

#[sqlx::test]
async fn a_slow_preferred_endpoint_at_the_first_start_does_not_decide_the_chain(pool: PgPool) {
    first_start_beside_a_stale_one(pool, Fault::Delay { delay_ms: 3_000 }, 3).await;
}

#[sqlx::test]
async fn the_next_epoch_begins_after_the_last_seen_ledger_of_the_previous_one(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    sqlx::query("delete from cursors").execute(&world.pool).await.unwrap();
    let before = world.store.network().await.unwrap().unwrap();
    assert!(before.known.is_some() && before.seen.is_some(), "{before:?}");
    world.store.archive_epoch(Epoch(0)).await.unwrap().unwrap();
    let after = world.store.network().await.unwrap().unwrap();
    assert!(after.began_after >= before.seen.map(|(_, closed_at)| closed_at), "{before:?} {after:?}");
}

#[sqlx::test]
async fn a_reindex_from_the_chain_reads_the_chain_even_after_an_interrupted_one_from_the_rows(pool: PgPool) {
    let folder = LakeFolder::new("lake-for-a-change-of-mind");
    let args = DevnetArgs { lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    let world = World::with_devnet(pool, &args).await;
    world.create("alice", "bob", 1_000_000, 1_000).await;
    world.create("carol", "dave", 1_000_000, 1_000).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let all = world.devnet.events_emitted();
    world.forget(&all[2..3]).await;
    let mut reindex = Reindex::open(&world.store).await.unwrap();
    reindex.read_stored(|_| {}).await.unwrap();
    // The reindex is killed before the swap.
    drop(reindex);
    let lake = [lake_of(&world, &folder).await];
    let mut reindex = world.opened_reindex_from_the_chain().await;
    reindex.read_chain(&lake, |_| {}).await.unwrap();
    reindex.read_stored_and_swap(|_| {}).await.unwrap();
    assert_eq!(world.stored_ids().await, all, "every ledger was read on the chain");
}

/// Settings for a repair that does not wait.
fn at_once() -> VerifySettings {
    VerifySettings { sample: None, repair: true, patience: Duration::ZERO, rng: StdRng::seed_from_u64(5) }
}

#[sqlx::test]
async fn a_reset_in_the_middle_of_a_verify_repairs_nothing_from_the_new_chain(pool: PgPool) {
    let world = World::new(pool).await;
    world.old_chain().await;
    let before = world.records_as_text().await;
    world.new_chain().await;
    // The network starts over after this many requests.
    for requests in 1..=8 {
        world.devnet.clear_faults();
        world.devnet.inject_at(MAIN_ENDPOINT, Fault::BeforeReset, Some(requests)).unwrap();
        let source = world.endpoints_of_our_chain(std::slice::from_ref(&world.rpc_url)).await;
        let verified = verify(&world.store, &source, &world.devnet.contract_id(), at_once(), |_| ()).await;
        assert_eq!(world.records_as_text().await, before, "after {requests} requests: {verified:?}");
    }
}

#[sqlx::test]
async fn a_second_opinion_of_a_node_that_was_just_reset_writes_nothing(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.old_chain().await;
    let ours = world.devnet.events_emitted();
    let urls = [format!("{}/good", world.rpc_url), world.rpc_url.clone()];
    let source = world.endpoints_of_our_chain(&urls).await;
    // Both endpoints were asked before.
    let asked = source.second_opinions(&world.devnet.contract_ids(), EventsFrom::Ledger(LedgerSequence(30)), 10).await;
    assert_eq!(asked.unwrap().pages.len(), 2);
    world.new_chain().await;
    world.devnet.inject_at("good", Fault::BeforeReset, None).unwrap();
    world.start(world.checking_all_the_time(source));
    let is_refused = |other: &Value| other["lastFailure"] == "another chain";
    world.nothing_foreign_until(&ours, "the other endpoint is asked but not believed", 1, is_refused).await;
}

/// Creates an index of a chain that started over, with its first ledgers given up. The preferred endpoint has dropped
/// them, and the other one has those of the previous chain. Returns both endpoints.
async fn with_a_gap_beside_the_chain_before(world: &World) -> [String; 2] {
    for _ in 0..5 {
        world.create("alice", "bob", 1_000_000, 1_000).await;
    }
    world.devnet.close_ledgers(10).unwrap();
    world.devnet.reset().unwrap();
    world.devnet.close_ledgers(30).unwrap();
    world.create("carol", "dave", 9_000_000, 50).await;
    world.index_to_the_tip(world.indexer(100)).await;
    eventually("a ledger was noted", || async { world.store.network().await.unwrap().unwrap().known.is_some() }).await;
    let give_up = "update coverage set from_ledger = 12 where from_ledger = 2";
    sqlx::query(give_up).execute(&world.pool).await.unwrap();
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::Retention { ledgers: 10 }, None).unwrap();
    world.devnet.inject_at("stale", Fault::BeforeReset, None).unwrap();
    [world.rpc_url.clone(), format!("{}/stale", world.rpc_url)]
}

#[sqlx::test]
async fn a_backfill_takes_nothing_from_an_endpoint_of_another_chain(pool: PgPool) {
    let world = World::new(pool).await;
    let urls = with_a_gap_beside_the_chain_before(&world).await;
    let before = world.stored_ids().await;
    let endpoints = EndpointPool::new(&urls, world.devnet.passphrase().to_owned(), 7).unwrap();
    let sources = [WholeLedgers::of_endpoints(endpoints, StdRng::seed_from_u64(7)).unwrap()];
    let range = LedgerRange::new(LedgerSequence(3), LedgerSequence(9)).unwrap();
    let filled = backfill(&world.store, &world.devnet.contract_id(), &sources, range, |_| {}).await;
    assert!(filled.is_err(), "no source has them: {filled:?}");
    assert_eq!(world.stored_ids().await, before);
}

#[sqlx::test]
async fn the_command_that_repairs_coverage_takes_nothing_from_an_endpoint_of_another_chain(pool: PgPool) {
    let world = World::new(pool).await;
    let [ours, stale] = with_a_gap_beside_the_chain_before(&world).await;
    let before = world.stored_ids().await;
    let passphrase = world.devnet.passphrase();
    let arguments =
        ["coverage", "--repair", "--network-passphrase", passphrase, "--rpc-urls", &ours, "--rpc-urls", &stale];
    let output = command(&world, &arguments).await;
    assert!(!output.status.success(), "no source has them: {output:?}");
    assert_eq!(world.stored_ids().await, before);
}

/// Creates an index of the second chain, which was quiet at first, with a lake of the first chain that ends before the
/// ledger that identifies the second one.
async fn beside_a_shorter_lake_of_the_chain_before(pool: PgPool, name: &str, quiet: u32) -> (World, [LakeFolder; 2]) {
    let (folder, kept) = (LakeFolder::new(&format!("now-{name}")), LakeFolder::new(&format!("before-{name}")));
    let args = DevnetArgs { lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    let world = World::with_devnet(pool, &args).await;
    for _ in 0..3 {
        world.create("alice", "bob", 1_000_000, 100).await;
    }
    world.devnet.close_ledgers(5).unwrap();
    copied(&folder.0, &kept.0);
    world.devnet.reset().unwrap();
    world.devnet.close_ledgers(quiet).unwrap();
    for _ in 0..3 {
        world.create("carol", "dave", 9_000_000, 50).await;
    }
    world.devnet.close_ledgers(30).unwrap();
    index_beyond(&world, LedgerSequence(20)).await;
    (world, [folder, kept])
}

/// Indexes until a later ledger than this one is recorded.
async fn index_beyond(world: &World, ledger: LedgerSequence) {
    world.index_to_the_tip(world.indexer(100)).await;
    eventually("a later ledger was noted", || async {
        world.store.network().await.unwrap().unwrap().known.is_some_and(|known| known.sequence > ledger)
    })
    .await;
}

#[sqlx::test]
async fn a_reindex_takes_nothing_from_a_lake_of_another_chain_that_ends_before_the_known_ledger(pool: PgPool) {
    let (world, [folder, kept]) = beside_a_shorter_lake_of_the_chain_before(pool, "for-a-reindex", 0).await;
    let of_before = lake_of(&world, &kept).await;
    let mut reindex = world.opened_reindex_from_the_chain().await;
    let read = reindex.read_chain(std::slice::from_ref(&of_before), |_| {}).await;
    assert!(read.as_ref().is_err_and(|failure| failure.to_string().contains("another chain")), "{read:?}");
    drop(reindex);
    // With the right lake it starts at the first ledger, whichever lake comes first.
    let lakes = [of_before, lake_of(&world, &folder).await];
    let mut reindex = world.opened_reindex_from_the_chain().await;
    reindex.read_chain(&lakes, |_| {}).await.unwrap();
    reindex.read_stored_and_swap(|_| {}).await.unwrap();
    world.assert_equal_to_the_chain().await;
}

/// Fills ledgers 3 to 6 from a lake, as if they had been given up, and checks that this fails and changes nothing.
async fn backfill_fails(world: &World, kept: &LakeFolder, why: &str) {
    sqlx::query("update coverage set from_ledger = 8 where from_ledger = 2").execute(&world.pool).await.unwrap();
    let before = world.records_as_text().await;
    let filled = backfill_from(world, kept).await;
    let refused = filled.expect_err("the lake must not be believed").to_string();
    assert!(refused.contains(why), "{refused}");
    assert_eq!(world.records_as_text().await, before);
}

async fn backfill_from(world: &World, kept: &LakeFolder) -> Result<BackfillProgress, IngestError> {
    let lake = [lake_of(world, kept).await];
    let range = LedgerRange::new(LedgerSequence(3), LedgerSequence(6)).unwrap();
    backfill(&world.store, &world.devnet.contract_id(), &lake, range, |_| {}).await
}

#[sqlx::test]
async fn a_backfill_takes_nothing_from_a_lake_whose_ledgers_closed_at_other_times(pool: PgPool) {
    let (world, [_folder, kept]) = beside_a_shorter_lake_of_the_chain_before(pool, "for-a-backfill", 0).await;
    backfill_fails(&world, &kept, "but the indexed ledger").await;
}

#[sqlx::test]
async fn a_backfill_takes_nothing_from_a_lake_without_a_ledger_with_a_stored_event(pool: PgPool) {
    let (world, [_folder, kept]) = beside_a_shorter_lake_of_the_chain_before(pool, "for-a-quiet-backfill", 40).await;
    // The contract emitted an event in the first ledger, when it was set up.
    let at_first: Vec<_> = world.stored_ids().await.into_iter().filter(|id| id.ledger() < LedgerSequence(40)).collect();
    world.forget(&at_first).await;
    backfill_fails(&world, &kept, "may belong to another chain").await;
}

#[sqlx::test]
async fn a_backfill_reads_missing_ledgers_from_a_lake_of_our_chain_that_ends_before_the_known_ledger(pool: PgPool) {
    let (folder, kept) = (LakeFolder::new("ours-that-goes-on"), LakeFolder::new("ours-that-ended"));
    let args = DevnetArgs { lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    let world = World::with_devnet(pool, &args).await;
    for _ in 0..3 {
        world.create("alice", "bob", 1_000_000, 100).await;
        world.devnet.close_ledgers(2).unwrap();
    }
    copied(&folder.0, &kept.0);
    world.devnet.close_ledgers(30).unwrap();
    index_beyond(&world, LedgerSequence(20)).await;
    let all = world.devnet.events_emitted();
    let of_the_range: Vec<_> = all.iter().filter(|id| (3..=6).contains(&id.ledger().0)).copied().collect();
    assert!(!of_the_range.is_empty() && of_the_range.len() < all.len(), "{all:?}");
    world.forget(&of_the_range).await;
    sqlx::query("update coverage set from_ledger = 8 where from_ledger = 2").execute(&world.pool).await.unwrap();
    backfill_from(&world, &kept).await.unwrap();
    assert_eq!(world.stored_ids().await, all);
}

#[sqlx::test]
async fn no_hole_is_filled_from_a_lake_of_our_chain_if_the_endpoints_serve_another(pool: PgPool) {
    let folder = LakeFolder::new("lake-of-now-beside-longer-endpoints");
    let kept = LakeFolder::new("lake-of-ours-beside-longer-endpoints");
    let args = DevnetArgs { lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    let mut world = World::with_devnet(pool, &args).await;
    world.create("alice", "bob", 1_000_000, 1_000).await;
    world.index_to_the_tip(world.indexer(100)).await;
    world.devnet.close_ledgers(30).unwrap();
    let ours = world.devnet.events_emitted();
    copied(&folder.0, &kept.0);
    // The network starts over and grows beyond the lake while the daemon is off.
    world.devnet.reset().unwrap();
    world.devnet.close_ledgers(50).unwrap();
    world.create("carol", "dave", 9_000_000, 50).await;
    world.devnet.set_retention(30);
    let lake = lake_of(&world, &kept).await;
    world.start(Indexer::new(world.source(), vec![lake], world.store.clone(), world.settings()));
    eventually("the indexer waits at the hole and says why", || async {
        assert_eq!(world.foreign_rows(&ours).await, 0, "an index of two chains");
        let report = world.store.indexer_report(&world.devnet.contract_id()).await.unwrap();
        let detail = report.and_then(|aged| aged.report.detail);
        detail.is_some_and(|detail| detail.contains("the endpoints serve another chain"))
    })
    .await;
}

#[sqlx::test]
async fn a_reset_in_a_catch_up_is_noticed_before_a_page_of_the_new_chain_is_accepted(pool: PgPool) {
    let world = World::new(pool).await;
    for _ in 0..20 {
        world.create("alice", "bob", 1_000_000, 1_000).await;
    }
    world.devnet.close_ledgers(20).unwrap();
    world.devnet.reset().unwrap();
    world.devnet.close_ledgers(9).unwrap();
    for _ in 0..10 {
        world.create("carol", "dave", 9_000_000, 50).await;
        world.devnet.close_ledger().unwrap();
    }
    let carol = world.devnet.account("carol").to_string();
    // The network starts over after this many requests, between two pages.
    for requests in [11, 14, 18] {
        sqlx::query("truncate network, cursors, stream_events, streams, coverage").execute(&world.pool).await.unwrap();
        world.devnet.clear_faults();
        world.devnet.inject_at(MAIN_ENDPOINT, Fault::BeforeReset, Some(requests)).unwrap();
        // As far away as a public endpoint: a page is answered before the next commit.
        world.devnet.inject_at(MAIN_ENDPOINT, Fault::Delay { delay_ms: 80 }, None).unwrap();
        let failure = world.indexer(5).run(world.stop.clone()).await.expect_err("an operator has to archive it");
        assert!(failure.is_reset(), "{failure}");
        let senders: Vec<String> = sqlx::query_scalar("select distinct sender from stream_events where sender <> ''")
            .fetch_all(&world.pool)
            .await
            .unwrap();
        assert!(!senders.contains(&carol), "a page of the new chain was accepted after {requests} requests");
    }
}

#[sqlx::test]
async fn a_stuck_node_does_not_block_the_second_opinion_of_another(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.devnet.close_ledgers(10).unwrap();
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(20).unwrap();
    let urls = [format!("{}/short", world.rpc_url), world.rpc_url.clone(), format!("{}/stuck", world.rpc_url)];
    world.devnet.inject_at(MAIN_ENDPOINT, AWAY, None).unwrap();
    world.devnet.inject_at("short", Fault::EmptyPages { ledgers: 10_000 }, None).unwrap();
    world.devnet.inject_at("stuck", Fault::NodeBehind { ledgers: 27 }, None).unwrap();
    let source = EndpointPool::new(&urls[..2], world.devnet.passphrase().to_owned(), 7).unwrap();
    world.index_to_the_tip(Indexer::new(source, Vec::new(), world.store.clone(), world.settings())).await;
    world.devnet.clear_faults_at(MAIN_ENDPOINT);
    world.start(world.checks_all_the_time(&urls));
    world.has_every_event_at_last().await;
}

/// Indexes a chain from its first ledger, with events in its first ledgers, after another chain that had other events.
async fn indexed_after_a_reset(pool: PgPool, args: &DevnetArgs, kept: Option<&LakeFolder>) -> World {
    let world = World::with_devnet(pool, args).await;
    for _ in 0..5 {
        world.create("alice", "bob", 1_000_000, 100).await;
    }
    world.devnet.close_ledgers(60).unwrap();
    if let (Some(kept), Some(folder)) = (kept, &args.lake_dir) {
        copied(folder, &kept.0);
    }
    world.devnet.reset().unwrap();
    world.devnet.close_ledgers(20).unwrap();
    for _ in 0..3 {
        world.create("carol", "dave", 9_000_000, 50).await;
    }
    world.devnet.close_ledgers(10).unwrap();
    world.index_to_the_tip(world.indexer(100)).await;
    eventually("a ledger was noted", || async { world.store.network().await.unwrap().unwrap().known.is_some() }).await;
    world.assert_equal_to_the_chain().await;
    world
}

#[sqlx::test]
async fn a_reindex_from_a_lake_of_another_chain_destroys_nothing_where_one_object_cannot_be_read(pool: PgPool) {
    let folder = LakeFolder::new("lake-of-now-for-a-reindex");
    let kept = LakeFolder::new("lake-of-before-for-a-reindex");
    let args = DevnetArgs { lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    let world = indexed_after_a_reset(pool, &args, Some(&kept)).await;
    let known = world.store.network().await.unwrap().unwrap().known.unwrap().sequence;
    let object = object_of(&kept, known);
    let aside = make_unreadable(&object);
    let lake = [lake_of(&world, &kept).await];
    let mut reindex = Reindex::open_from_chain(&world.store).await.unwrap();
    reindex.read_chain(&lake, |_| {}).await.expect_err("it is unknown whether the lake belongs to our chain");
    drop(reindex);
    // The object can be read again, and the operator continues without the chain.
    fs::remove_dir(&object).unwrap();
    fs::rename(&aside, &object).unwrap();
    world.opened_reindex().await.read_stored_and_swap(|_| {}).await.unwrap();
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn the_command_reindex_destroys_nothing_beside_an_endpoint_of_another_chain(pool: PgPool) {
    let world = indexed_after_a_reset(pool, &DevnetArgs::by_hand(), None).await;
    let before = world.stored_ids().await;
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::Retention { ledgers: 8 }, None).unwrap();
    world.devnet.inject_at("stale", Fault::BeforeReset, None).unwrap();
    let (ours, stale, passphrase) = (&world.rpc_url, format!("{}/stale", world.rpc_url), world.devnet.passphrase());
    let from_chain =
        ["reindex", "--from-chain", "--network-passphrase", passphrase, "--rpc-urls", ours, "--rpc-urls", &stale];
    let refused = command(&world, &from_chain).await;
    assert!(!refused.status.success(), "no source has all of it: {refused:?}");
    assert_eq!(world.stored_ids().await, before);
    // The operator does not continue what that left.
    let from_rows = command(&world, &["reindex"]).await;
    assert!(from_rows.status.success(), "{from_rows:?}");
    assert_eq!(world.stored_ids().await, before);
}

#[sqlx::test]
async fn a_repair_beside_a_longer_chain_changes_nothing(pool: PgPool) {
    let (world, _) = beside_a_longer_chain(pool).await;
    let before = world.records_as_text().await;
    world.devnet.inject_at("good", AWAY, None).unwrap();
    let source = world.endpoints_of_our_chain(&world.rpc_urls).await;
    let verified = verify(&world.store, &source, &world.devnet.contract_id(), at_once(), |_| ()).await;
    assert!(verified.is_err(), "no endpoint of our chain answers: {verified:?}");
    assert_eq!(world.records_as_text().await, before);
}

#[sqlx::test]
async fn a_lake_fills_the_hole_of_endpoints_that_give_no_headers(pool: PgPool) {
    let folder = LakeFolder::new("lake-beside-endpoints-without-headers");
    let args = DevnetArgs { lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    let mut world = World::with_devnet(pool, &args).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(20).unwrap();
    let all = world.devnet.events_emitted();
    world.devnet.set_retention(5);
    world.devnet.inject(Fault::NoLedgers, None).unwrap();
    let lake = lake_of(&world, &folder).await;
    let pace = PaceArgs { start_ledger: Some(LedgerSequence(2)), ..world.settings().pace };
    let settings = IngestSettings { pace, ..world.settings() };
    world.start(Indexer::new(world.source(), vec![lake], world.store.clone(), settings));
    world.indexed().await;
    assert_eq!(world.stored_ids().await, all);
}
