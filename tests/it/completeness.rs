//! Nothing is missed in silence: holes stand still and heal, resets are recognised, upgrades are kept.

use std::path::{Path, PathBuf};

use flowfi_indexer::{
    devnet::{DevnetArgs, Fault, Upgrade},
    domain::{CoverageSource, EventId, LedgerRange, LedgerSequence, UnixTime, holes},
    ingest::{BackfillProgress, Indexer, IngestError, IngestSettings, OnReset, backfill, reindex},
    source::{Lake, WholeLedgers},
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::world::{GatewaySettings, Subscriber, World, eventually};

/// An indexed stream, then a ledger with another that the endpoint has dropped since, then a third that it has. Returns
/// the ids of the events that are gone, and the ledgers that are.
async fn with_a_hole(world: &World) -> (Vec<EventId>, LedgerRange) {
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

async fn status_says(world: &World, base: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || async { holds(&world.get(base, "/v1/status").await.1) }).await;
    world.get(base, "/v1/status").await.1
}

#[sqlx::test]
async fn a_hole_without_a_source_stands_still_says_which_ledgers_and_goes_on_once_they_are_given_up(pool: PgPool) {
    let mut world = World::new(pool).await;
    let (gone, missing) = with_a_hole(&world).await;
    let before = world.stored_ids().await;
    world.start_indexer(100);
    let base = world.start_gateway(GatewaySettings::default()).await;
    let status = status_says(&world, &base, "the hole is named", |status| status["indexer"]["state"] == "hole").await;
    let reason = status["reasons"][0].as_str().unwrap();
    assert!(reason.contains(&format!("--accept-gap {missing}")), "{reason}");
    let (code, health) = world.get(&base, "/health/ready").await;
    assert_eq!((code, &health["ready"]), (503, &json!(false)));
    assert_eq!(world.progress().await.unwrap().last_whole_ledger, missing.from().previous(), "nothing is skipped");

    world.store.accept_gap(&world.devnet.contract_id(), missing).await.unwrap();
    world.indexed().await;
    let stored = world.stored_ids().await;
    let kept = world.devnet.events_emitted();
    assert_eq!(stored, [before, kept].concat(), "what was there, and what the source has");
    assert!(gone.iter().all(|id| !stored.contains(id)));
    let status = status_says(&world, &base, "it is ready", |status| status["reasons"] == json!([])).await;
    let hole = json!([{"fromLedger": missing.from(), "toLedger": missing.to(), "accepted": true}]);
    assert_eq!(status["holes"], hole);
    assert_eq!(world.get(&base, "/health/ready").await.0, 200);
}

/// A folder for a lake, removed at the end.
struct LakeFolder(PathBuf);

impl LakeFolder {
    fn new(name: &str) -> Self {
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

async fn world_with_a_lake(pool: PgPool, folder: &LakeFolder) -> World {
    let args = DevnetArgs { lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    World::with_devnet(pool, &args).await
}

async fn lake_of(world: &World, folder: &LakeFolder) -> WholeLedgers {
    let location = folder.0.to_str().unwrap();
    let lake = Lake::open(location, world.devnet.passphrase(), 16, StdRng::seed_from_u64(7)).await.unwrap();
    WholeLedgers::of_lake(lake).unwrap()
}

#[sqlx::test]
async fn a_hole_is_filled_from_a_lake_in_order_and_the_feed_goes_on(pool: PgPool) {
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
async fn a_hole_heals_by_itself_once_a_source_has_its_ledgers(pool: PgPool) {
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
    assert!(detail.contains(&format!("the source has no ledger {}", missing.from())), "{detail}");
    for folder in std::fs::read_dir(&written.0).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        std::os::unix::fs::symlink(&folder, seen.0.join(folder.file_name().unwrap())).unwrap();
    }
    world.indexed().await;
    let stored = world.stored_ids().await;
    assert!(gone.iter().all(|id| stored.contains(id)));
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
    assert_eq!((filled.ledgers, filled.events), (missing.count(), 2), "only what was missing is read");
    assert_eq!(shown.last(), Some(&missing.count()));
    let stored = world.stored_ids().await;
    assert!(gone.iter().all(|id| stored.contains(id)), "what was given up is there");
    let frame = subscriber.next().await.unwrap();
    assert_eq!(frame.event.as_deref(), Some("revised"), "{frame:?}");
    let again = backfill(&world.store, &contract_id, &lake, wide, |_| {}).await.unwrap();
    assert_eq!((again.ledgers_in_all, again.events), (0, 0), "a second run has nothing to do");
    let covered = world.store.coverage(&contract_id).await.unwrap();
    assert_eq!(holes(wide, covered.iter().map(|covered| covered.ledgers)), []);
}

#[sqlx::test]
async fn a_reset_of_the_network_stops_with_that_word(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(10).unwrap();
    world.index_to_the_tip(world.indexer(100)).await;
    world.devnet.reset().unwrap();
    world.devnet.close_ledger().unwrap();
    let failure = world.indexer_failure().await;
    assert!(failure.is_reset(), "{failure}");
    assert!(failure.to_string().contains("the network was reset"), "{failure}");
}

#[sqlx::test]
async fn a_node_that_is_behind_after_a_quiet_catch_up_is_no_reset(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    let start = world.devnet.latest_closed_at();
    for number in 1..=10 {
        world.devnet.close_ledger_at(UnixTime(start.0 + 5 * number)).unwrap();
    }
    world.index_to_the_tip(world.indexer(100)).await;
    // As a catch-up in small windows leaves it: no close time is known after that of the last event.
    let last_event =
        "update cursors set last_whole_ledger_closed_at = (select max(ledger_closed_at) from stream_events)";
    sqlx::query(last_event).execute(&world.pool).await.unwrap();
    world.devnet.inject(Fault::NodeBehind { ledgers: 3 }, None).unwrap();
    world.start_indexer(100);
    let base = world.start_gateway(GatewaySettings::default()).await;
    let away = |status: &Value| status["indexer"]["state"] == "sourceAway";
    status_says(&world, &base, "the node is waited for", away).await;
    world.devnet.clear_faults();
    world.create("alice", "bob", 1_000_000, 100).await;
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_reset_that_has_grown_past_the_cursor_is_recognised_by_a_hash(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let known = world.store.network().await.unwrap().unwrap().known.expect("a ledger was noted");
    world.devnet.reset().unwrap();
    world.devnet.close_ledgers(30).unwrap();
    let failure = world.indexer_failure().await;
    let IngestError::OtherChain { ledger, expected, .. } = failure else { panic!("another failure: {failure}") };
    assert_eq!((ledger, expected), (known.sequence, known.hash));
}

#[sqlx::test]
async fn a_reset_is_put_aside_and_clients_are_told_where_that_is_wanted(pool: PgPool) {
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
    assert_eq!(new_client.events(2).await, frames[1..], "ids of the new epoch are resumed from");
    let (_, list) = world.get(&base, "/v1/events?limit=1").await;
    let cursor = list["nextCursor"].as_str().unwrap();
    assert!(cursor.ends_with(".1"), "{cursor}");
    assert_eq!(world.get(&base, &format!("/v1/events?cursor={cursor}")).await.0, 200);
    assert_eq!(world.get(&base, &format!("/v1/events?cursor={}", old_ids[0])).await.0, 400);

    let kept: i64 =
        sqlx::query_scalar("select count(*) from flowfi_epoch_0.stream_events").fetch_one(&world.pool).await.unwrap();
    assert_eq!(usize::try_from(kept).unwrap(), old_ids.len(), "what was indexed is kept");
}

#[sqlx::test]
async fn an_upgrade_of_the_contract_is_recorded_and_shown_and_decoding_goes_on(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.start_indexer(100);
    world.create("alice", "bob", 1_000_000, 100).await;
    let answer = world.devnet.submit(Upgrade { wasm: None });
    world.devnet.close_ledger().unwrap();
    let receipt = answer.await.unwrap();
    world.create("alice", "bob", 1_000_000, 100).await;
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let (_, status) = world.get(&base, "/v1/status").await;
    let upgrades = status["upgrades"].as_array().unwrap();
    assert_eq!(upgrades.len(), 1);
    assert_eq!(upgrades[0]["ledger"], json!(receipt.ledger));
    assert_ne!(upgrades[0]["oldExecutable"], upgrades[0]["newExecutable"]);
    assert_eq!(status["quarantine"], json!({"unknown": 0, "refused": 0}));
}

#[sqlx::test]
async fn the_status_shows_coverage_lag_and_time_to_data_loss(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.devnet.close_ledgers(8).unwrap();
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let tip = world.devnet.latest_ledger();
    let status = status_says(&world, &base, "the tip is seen", |status| status["tipLedger"] == json!(tip)).await;
    assert_eq!(status["lagLedgers"], json!(0));
    assert_eq!(status["lagSeconds"], json!(0));
    assert_eq!(status["oldestLedgerOfSource"], json!(2));
    assert_eq!(status["ledgersToDataLoss"], json!(tip.0 + 1 - 2));
    assert_eq!(status["coverage"], json!([{"fromLedger": 2, "toLedger": tip, "source": "rpc"}]));
    assert_eq!((&status["hasWriter"], &status["holes"]), (&json!(true), &json!([])));
    assert_eq!(status["endpoints"].as_array().unwrap().len(), 1);
    let metrics =
        crate::world::http_client().get(format!("{base}/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains(&format!("\nflowfi_ingest_ledgers_to_data_loss {}\n", tip.0 - 1)), "{metrics}");
    assert_eq!(crate::world::http_client().get(format!("{base}/health/live")).send().await.unwrap().status(), 200);
}

#[sqlx::test]
async fn a_reindex_builds_every_record_anew_while_the_daemon_goes_on(pool: PgPool) {
    let args = DevnetArgs { history_events: 3_000, ..DevnetArgs::by_hand() };
    let mut world = World::with_devnet(pool, &args).await;
    world.start_indexer(1_000);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut subscriber = Subscriber::connect(&base, "all=true", None).await;
    sqlx::query("update streams set withdrawn = 1, sender = recipient").execute(&world.pool).await.unwrap();
    let contract_id = world.devnet.contract_id();
    let (built, _) =
        tokio::join!(reindex(&world.store, &contract_id, |_| {}), world.create("alice", "bob", 1_000_000, 100));
    assert!(built.unwrap().events >= 3_000);
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    let mut names = Vec::new();
    while names.len() < 3 {
        names.push(subscriber.next().await.unwrap().event.unwrap());
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
    assert_eq!(left, 0, "nothing is left of the building");
}
