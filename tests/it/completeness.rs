//! Nothing is missed silently: the indexer waits at holes and continues once they are filled, recognizes resets, and
//! records upgrades.

use std::{
    path::{Path, PathBuf},
    sync::Mutex,
};

use flowfi_indexer::{
    devnet::{DevnetArgs, Fault},
    domain::{CoverageSource, EventId, LedgerRange, LedgerSequence, UnixTime, holes},
    ingest::{BackfillProgress, Indexer, IngestSettings, OnReset, PaceArgs, Reindex, ReindexProgress, backfill},
    source::{Lake, WholeLedgers},
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::{
    openapi::described::Described,
    world::{GatewaySettings, Subscriber, World, eventually},
};

/// Creates an indexed stream, then a ledger with another one that the endpoint has dropped since, then a third one that
/// it has. Returns the ids of the lost events, and the lost ledgers.
pub async fn with_a_hole(world: &World) -> (Vec<EventId>, LedgerRange) {
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let first = world.devnet.latest_ledger().next();
    let before = world.devnet.events_emitted().len();
    world.create("carol", "dave", 1_000_000, 100).await;
    let gone = world.devnet.events_emitted()[before..].to_vec();
    world.devnet.close_ledgers(20).unwrap();
    world.create("erin", "frank", 1_000_000, 100).await;
    world.devnet.set_retention(5);
    let oldest = world.devnet.latest_ledger().0 - 4;
    (gone, LedgerRange::new(first, LedgerSequence(oldest - 1)).unwrap())
}

/// Waits until the status satisfies a condition, and returns that status: the next one may be different.
pub async fn status_says(world: &World, base: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let said = Mutex::new(Value::Null);
    eventually(what, || async {
        let status = world.get(base, "/v1/status").await.1;
        let does = holds(&status);
        *said.lock().unwrap() = status;
        does
    })
    .await;
    said.into_inner().unwrap()
}

#[sqlx::test]
async fn at_a_hole_without_a_source_the_indexer_waits_names_the_ledgers_and_continues_once_they_are_given_up(
    pool: PgPool,
) {
    let mut world = World::new(pool).await;
    let (gone, missing) = with_a_hole(&world).await;
    let before = world.stored_ids().await;
    world.start_indexer(100);
    let base = world.start_gateway(GatewaySettings::default()).await;
    let status = status_says(&world, &base, "the hole is named", |status| status["indexer"]["state"] == "hole").await;
    let reason = status["reasons"][0].as_str().unwrap();
    let suggested = missing.with_slack();
    assert!(reason.contains(&format!("--accept-gap {suggested}")), "{reason}");
    let (code, health) = world.get(&base, "/health/ready").await;
    assert_eq!((code, &health["ready"]), (503, &json!(false)));
    assert_eq!(world.progress().await.unwrap().last_whole_ledger, missing.from().previous(), "nothing is skipped");

    world.store.accept_gap(&world.devnet.contract_id(), suggested).await.unwrap();
    world.indexed().await;
    let accepted = world.store.accepted_gaps(&world.devnet.contract_id()).await.unwrap();
    assert_eq!(accepted, [missing], "only the missing ledgers stay given up");
    let stored = world.stored_ids().await;
    let kept = world.devnet.events_emitted();
    assert_eq!(stored, [before, kept].concat(), "the earlier events, and those that the source has");
    assert!(gone.iter().all(|id| !stored.contains(id)));
    let status = status_says(&world, &base, "it is ready", |status| status["reasons"] == json!([])).await;
    let hole = json!([{"fromLedger": missing.from(), "toLedger": missing.to(), "accepted": true}]);
    assert_eq!(status["holes"], hole);
    assert_eq!(world.get(&base, "/health/ready").await.0, 200);
}

#[sqlx::test]
async fn an_indexer_that_is_killed_after_passing_a_gap_gives_up_nothing_else(pool: PgPool) {
    let mut world = World::new(pool).await;
    let (_, missing) = with_a_hole(&world).await;
    world.store.accept_gap(&world.devnet.contract_id(), missing.with_slack()).await.unwrap();
    // The cursor as it is when the indexer is killed before the source answers.
    let over = EventId::end_of_ledger(missing.to());
    sqlx::query("update cursors set toid = $1, event_index = $2, last_whole_ledger = $3")
        .bind(over.toid())
        .bind(i64::from(over.index()))
        .bind(i64::from(missing.to().0))
        .execute(&world.pool)
        .await
        .unwrap();
    world.start_indexer(100);
    world.indexed().await;
    assert_eq!(world.store.accepted_gaps(&world.devnet.contract_id()).await.unwrap(), [missing]);
}

/// A folder for a lake. It is removed at the end.
pub struct LakeFolder(pub PathBuf);

impl LakeFolder {
    pub fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&folder);
        Self(folder)
    }
}

impl Drop for LakeFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub async fn world_with_a_lake(pool: PgPool, folder: &LakeFolder) -> World {
    let args = DevnetArgs { lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    World::with_devnet(pool, &args).await
}

pub async fn lake_of(world: &World, folder: &LakeFolder) -> WholeLedgers {
    let location = folder.0.to_str().unwrap();
    let lake = Lake::open(location, world.devnet.passphrase(), 16, StdRng::seed_from_u64(7)).await.unwrap();
    WholeLedgers::of_lake(lake).unwrap()
}

#[sqlx::test]
async fn a_hole_is_filled_from_a_lake_in_order_and_the_feed_continues(pool: PgPool) {
    let folder = LakeFolder::new("lake-that-fills-a-hole");
    let mut world = world_with_a_lake(pool, &folder).await;
    let (gone, missing) = with_a_hole(&world).await;
    let before = world.stored_ids().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut subscriber = Subscriber::connect(&base, "all=true", None).await;
    let lake = lake_of(&world, &folder).await;
    world.start(Indexer::new(world.source(), vec![lake], world.store.clone(), world.settings()));
    world.indexed().await;
    let kept = world.devnet.events_emitted();
    assert_eq!(world.stored_ids().await, [before, gone.clone(), kept.clone()].concat(), "nothing is missing");
    assert_eq!(subscriber.ids(gone.len() + kept.len()).await, [gone, kept].concat(), "in the order of the chain");
    let covered = world.store.coverage(&world.devnet.contract_id()).await.unwrap();
    let from_lake = covered.iter().find(|covered| covered.source == CoverageSource::Lake).unwrap();
    assert_eq!(from_lake.ledgers, missing);
    let status = status_says(&world, &base, "it is ready", |status| status["reasons"] == json!([])).await;
    assert_eq!(status["holes"], json!([]));
}

#[sqlx::test]
async fn an_index_may_start_before_the_endpoints_oldest_ledger_if_a_lake_has_it(pool: PgPool) {
    let folder = LakeFolder::new("lake-of-a-long-past");
    let args = DevnetArgs { history_events: 1_000, lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    let mut world = World::with_devnet(pool, &args).await;
    let all = world.devnet.events_emitted();
    world.devnet.set_retention(5);
    let pace = PaceArgs { start_ledger: Some(LedgerSequence(2)), ..world.settings().pace };
    let settings = || IngestSettings { pace: pace.clone(), ..world.settings() };
    let without = Indexer::new(world.source(), Vec::new(), world.store.clone(), settings());
    let failure = without.run(world.stop.clone()).await.expect_err("no source has ledger 2");
    assert!(failure.to_string().contains("no longer has ledger 2"), "{failure}");
    let lake = lake_of(&world, &folder).await;
    world.start(Indexer::new(world.source(), vec![lake], world.store.clone(), settings()));
    world.indexed().await;
    assert_eq!(world.stored_ids().await, all);
}

#[sqlx::test]
async fn a_hole_is_filled_automatically_once_a_source_has_its_ledgers(pool: PgPool) {
    let written = LakeFolder::new("lake-as-it-is-written");
    let seen = LakeFolder::new("lake-as-it-is-seen");
    let mut world = world_with_a_lake(pool, &written).await;
    let (gone, missing) = with_a_hole(&world).await;
    std::fs::create_dir_all(&seen.0).unwrap();
    std::fs::copy(written.0.join(".config.json"), seen.0.join(".config.json")).unwrap();
    let lake = lake_of(&world, &seen).await;
    world.start(Indexer::new(world.source(), vec![lake], world.store.clone(), world.settings()));
    let base = world.start_gateway(GatewaySettings::default()).await;
    let status = status_says(&world, &base, "the hole is named", |status| status["indexer"]["state"] == "hole").await;
    let detail = status["indexer"]["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("the source has no ledger {}", missing.to())), "{detail}");
    let lost = i64::from(missing.from().0) - i64::from(missing.to().next().0);
    assert_eq!(status["ledgersToDataLoss"], lost, "the endpoint has dropped as many ledgers that are not indexed");
    for folder in std::fs::read_dir(&written.0).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        std::os::unix::fs::symlink(&folder, seen.0.join(folder.file_name().unwrap())).unwrap();
    }
    world.indexed().await;
    let stored = world.stored_ids().await;
    assert!(gone.iter().all(|id| stored.contains(id)));
    eventually("a ledger that the endpoint still has identifies the chain", || async {
        let known = world.store.network().await.unwrap().and_then(|network| network.known);
        known.is_some_and(|known| known.sequence > missing.to())
    })
    .await;
}

#[sqlx::test]
async fn a_lake_from_before_the_networks_reset_fills_no_hole(pool: PgPool) {
    let folder = LakeFolder::new("lake-of-another-chain");
    let mut world = World::new(pool.clone()).await;
    let other = World::with_devnet(pool, &DevnetArgs { seed: 99, ..DevnetArgs::by_hand() }).await;
    other.devnet.close_ledgers(60).unwrap();
    let all = LedgerSequence(2)..=other.devnet.latest_ledger();
    other.devnet.write_lake(&folder.0, 1, 64_000, all).unwrap();
    let (_, missing) = with_a_hole(&world).await;
    let lake = lake_of(&world, &folder).await;
    world.start(Indexer::new(world.source(), vec![lake], world.store.clone(), world.settings()));
    let base = world.start_gateway(GatewaySettings::default()).await;
    let status = status_says(&world, &base, "the hole is named", |status| status["indexer"]["state"] == "hole").await;
    let detail = status["indexer"]["detail"].as_str().unwrap();
    assert!(detail.contains("another chain"), "{detail}");
    assert_eq!(world.progress().await.unwrap().last_whole_ledger, missing.from().previous(), "nothing is read from it");
}

#[sqlx::test]
async fn accepted_holes_are_repaired_later_by_a_backfill_that_tells_subscribers_once(pool: PgPool) {
    let folder = LakeFolder::new("lake-for-a-backfill");
    let mut world = world_with_a_lake(pool, &folder).await;
    let (gone, missing) = with_a_hole(&world).await;
    let contract_id = world.devnet.contract_id();
    world.store.accept_gap(&contract_id, missing).await.unwrap();
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut subscriber = Subscriber::connect(&base, "all=true", None).await;
    let lake = [lake_of(&world, &folder).await];
    let mut shown = Vec::new();
    let wide = LedgerRange::new(LedgerSequence(2), world.devnet.latest_ledger()).unwrap();
    let report = |at: BackfillProgress| shown.push(at.ledgers);
    let filled = backfill(&world.store, &contract_id, &lake, wide, report).await.unwrap();
    assert_eq!((filled.ledgers, filled.events), (missing.count(), 2), "only the missing ledgers are read");
    assert_eq!(shown.last(), Some(&missing.count()));
    let stored = world.stored_ids().await;
    assert!(gone.iter().all(|id| stored.contains(id)), "the events of the given-up ledgers are stored");
    let frame = subscriber.next().await.unwrap();
    assert_eq!(frame.event.as_deref(), Some("revised"), "{frame:?}");
    Described::new().check_frame(&frame);
    let again = backfill(&world.store, &contract_id, &lake, wide, |_| {}).await.unwrap();
    assert_eq!((again.ledgers_in_all, again.events), (0, 0), "a second run has nothing to do");
    let covered = world.store.coverage(&contract_id).await.unwrap();
    assert_eq!(holes(wide, covered.iter().map(|covered| covered.ledgers)), []);
}

#[sqlx::test]
async fn a_node_that_is_behind_after_a_quiet_catch_up_is_not_a_reset(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    let start = world.devnet.latest_closed_at();
    for number in 1..=10 {
        world.devnet.close_ledger_at(UnixTime(start.0 + 5 * number)).unwrap();
    }
    world.index_to_the_tip(world.indexer(100)).await;
    // As a catch-up in small windows leaves it: no close time after that of the last event is known.
    let last_event =
        "update cursors set last_whole_ledger_closed_at = (select max(ledger_closed_at) from stream_events)";
    sqlx::query(last_event).execute(&world.pool).await.unwrap();
    world.devnet.inject(Fault::NodeBehind { ledgers: 3 }, None).unwrap();
    world.start_indexer(100);
    let base = world.start_gateway(GatewaySettings::default()).await;
    let away = |status: &Value| status["indexer"]["state"] == "sourceAway";
    status_says(&world, &base, "the indexer waits for the node", away).await;
    world.devnet.clear_faults();
    world.create("alice", "bob", 1_000_000, 100).await;
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_node_that_is_behind_after_a_restart_inside_a_ledger_is_not_a_reset(pool: PgPool) {
    let mut world = World::new(pool).await;
    let start = world.devnet.latest_closed_at();
    let both = ["bob", "carol"].map(|to| world.devnet.submit(world.creation("alice", to, 1_000_000, 100)));
    world.devnet.close_ledger_at(UnixTime(start.0 + 1_000)).unwrap();
    for created in both {
        created.await.unwrap();
    }
    world.index_to_the_tip(world.indexer(100)).await;
    // As a kill between two pages leaves it: the first transaction is stored, the second is not, and the ledger is not
    // whole.
    for statement in [
        "delete from stream_events where toid = (select max(toid) from stream_events)",
        "delete from streams where stream_id = '2'",
        "update cursors set toid = (select max(toid) from stream_events), last_whole_ledger = last_whole_ledger - 1,
             event_index = 1, last_whole_ledger_closed_at = (select min(ledger_closed_at) from stream_events)",
        "update network set known_ledger = null, known_ledger_hash = null",
    ] {
        sqlx::query(statement).execute(&world.pool).await.unwrap();
    }
    // The first answers of a node that is behind, then its tip, which has reached our ledger meanwhile.
    world.devnet.inject(Fault::NodeBehind { ledgers: 1 }, Some(3)).unwrap();
    world.start_indexer(100);
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_reset_is_archived_and_clients_are_told_if_the_operator_allows_it(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(10).unwrap();
    let settings = IngestSettings { on_reset: OnReset::Archive, ..world.settings() };
    world.start(Indexer::new(world.source(), Vec::new(), world.store.clone(), settings));
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut subscriber = Subscriber::connect(&base, "all=true", None).await;
    let old_ids = world.stored_ids().await;

    world.devnet.reset().unwrap();
    let reset = subscriber.next().await.unwrap();
    assert_eq!(reset.event.as_deref(), Some("reset"), "{reset:?}");
    assert_eq!(reset.data.unwrap()["reason"], "networkReset");
    world.create("carol", "dave", 1_000_000, 100).await;
    let frames = subscriber.events(3).await;
    assert!(frames.iter().all(|frame| frame.id.as_deref().unwrap().ends_with(".1")), "{frames:?}");
    world.indexed().await;
    world.assert_equal_to_the_chain().await;

    let mut old_client = Subscriber::connect(&base, "all=true", Some(&old_ids[1].to_string())).await;
    assert_eq!(old_client.next().await.unwrap().event.as_deref(), Some("reset"), "an old id never matches by chance");
    let last = frames[0].id.as_deref().unwrap();
    let mut new_client = Subscriber::connect(&base, "all=true", Some(last)).await;
    assert_eq!(new_client.events(2).await, frames[1..], "subscriptions resume from ids of the new epoch");
    let (_, list) = world.get(&base, "/v1/events?limit=1").await;
    let cursor = list["nextCursor"].as_str().unwrap();
    assert!(cursor.ends_with(".1"), "{cursor}");
    assert_eq!(world.get(&base, &format!("/v1/events?cursor={cursor}")).await.0, 200);
    assert_eq!(world.get(&base, &format!("/v1/events?cursor={}", old_ids[0])).await.0, 400);

    let kept: i64 =
        sqlx::query_scalar("select count(*) from flowfi_epoch_0.stream_events").fetch_one(&world.pool).await.unwrap();
    assert_eq!(usize::try_from(kept).unwrap(), old_ids.len(), "the old index is kept");
}

#[sqlx::test]
async fn a_reindex_rebuilds_every_record_while_the_daemon_keeps_running(pool: PgPool) {
    let args = DevnetArgs { history_events: 3_000, ..DevnetArgs::by_hand() };
    let mut world = World::with_devnet(pool, &args).await;
    world.start_indexer(1_000);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut subscriber = Subscriber::connect(&base, "all=true", None).await;
    sqlx::query("update streams set withdrawn = 1, sender = recipient").execute(&world.pool).await.unwrap();
    let (built, _) = tokio::join!(
        async { Reindex::open(&world.store).await?.read_stored_and_swap(|_| {}).await },
        world.create("alice", "bob", 1_000_000, 100)
    );
    assert!(built.unwrap().progress.done >= 3_000);
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    let mut names = Vec::new();
    while names.len() < 3 {
        names.extend(subscriber.next().await.unwrap().event);
    }
    names.sort_unstable();
    assert_eq!(names, ["revised", "stream.created", "stream.fee_collected"]);
    world.create("carol", "dave", 1_000_000, 100).await;
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    let left: i64 = sqlx::query_scalar("select count(*) from pg_namespace where nspname = 'flowfi_reindex'")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(left, 0, "nothing is left of the build");
}

#[sqlx::test]
async fn a_reindex_from_the_chain_brings_back_events_that_the_rows_lost(pool: PgPool) {
    let folder = LakeFolder::new("lake-for-a-reindex");
    let lake_dir = Some(folder.0.clone());
    let args = DevnetArgs { history_events: 1_000, lake_dir, ..DevnetArgs::by_hand() };
    let mut world = World::with_devnet(pool, &args).await;
    world.start_indexer(1_000);
    world.indexed().await;
    sqlx::query("delete from stream_events where event_index = 1").execute(&world.pool).await.unwrap();
    sqlx::query("truncate streams").execute(&world.pool).await.unwrap();
    let lake = [lake_of(&world, &folder).await];
    let mut shown = ReindexProgress::default();
    let mut reindex = Reindex::open_from_chain(&world.store).await.unwrap();
    reindex.read_chain(&lake, |at| shown = at).await.unwrap();
    assert_eq!((shown.done, shown.in_all), (shown.in_all, u64::from(world.devnet.latest_ledger().0) - 1));
    reindex.read_stored_and_swap(|_| {}).await.unwrap();
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn an_interrupted_reindex_is_continued(pool: PgPool) {
    let folder = LakeFolder::new("lake-for-an-interrupted-reindex");
    let args = DevnetArgs { history_events: 1_000, lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    let mut world = World::with_devnet(pool, &args).await;
    world.start_indexer(1_000);
    world.indexed().await;
    let lake = [lake_of(&world, &folder).await];
    let mut reindex = Reindex::open_from_chain(&world.store).await.unwrap();
    reindex.read_chain(&lake, |_| {}).await.unwrap();
    drop(reindex);
    eventually("the lock is released", || async {
        let Ok(again) = Reindex::open_from_chain(&world.store).await else { return false };
        assert_eq!(again.read_stored_and_swap(|_| {}).await.unwrap().progress.in_all, 0, "everything was built before");
        true
    })
    .await;
    world.assert_equal_to_the_chain().await;
}
