//! An indexer that operators pause stops, says so, and continues where it was.

use std::time::Duration;

use flowfi_indexer::{
    domain::Epoch,
    ingest::{Indexer, IngestSettings, PaceArgs, Waits},
    store::{IndexerState, Writer},
};
use serde_json::json;
use sqlx::PgPool;

use crate::{
    completeness::status_says,
    world::{GatewaySettings, World, eventually},
};

/// Returns an indexer that polls once an hour, far later than any test waits: whatever it does sooner, it was notified
/// of.
fn rarely_looking(world: &World) -> Indexer {
    let pace = PaceArgs { poll_interval: Duration::from_hours(1), ..world.settings().pace };
    let settings = IngestSettings { pace, ..world.settings() };
    Indexer::new(world.source(), Vec::new(), world.store.clone(), settings)
}

async fn is_in(world: &World, state: IndexerState) {
    let contract_id = world.devnet.contract_id();
    eventually(&format!("the indexer says {}", state.as_str()), || async {
        let report = world.store.indexer_report(&contract_id).await.unwrap();
        report.is_some_and(|aged| aged.report.state == state)
    })
    .await;
}

/// Waits until a paused indexer has read the desired state `times` more times.
async fn reports(world: &World, times: usize) {
    let reported_at = || async {
        let query = "select reported_at::text from indexer_reports";
        sqlx::query_scalar::<_, String>(query).fetch_one(&world.pool).await.unwrap()
    };
    for _ in 0..times {
        let before = reported_at().await;
        eventually("the indexer reports again", || async { reported_at().await != before }).await;
    }
}

#[sqlx::test]
async fn a_pause_and_its_end_are_noticed_at_once_and_nothing_is_lost(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start(rarely_looking(&world));
    world.indexed().await;
    is_in(&world, IndexerState::Following).await;
    world.store.set_desired_state(true, "ops").await.unwrap();
    is_in(&world, IndexerState::Paused).await;
    assert!(world.store.has_writer().await.unwrap(), "no other indexer may take over");
    world.create("bob", "alice", 1_000_000, 100).await;
    world.store.set_desired_state(false, "ops").await.unwrap();
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    is_in(&world, IndexerState::Following).await;
}

#[sqlx::test]
async fn a_pause_survives_a_restart_and_only_the_status_says_whose_it_is(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let indexed = world.progress().await;
    world.store.set_desired_state(true, "GOPS").await.unwrap();
    world.create("bob", "alice", 1_000_000, 100).await;
    world.start_indexer(100);
    let base = world.start_gateway(GatewaySettings::default()).await;
    let paused = |status: &serde_json::Value| status["indexer"]["state"] == "paused";
    let status = status_says(&world, &base, "it is paused", paused).await;
    assert_eq!(status["reasons"], json!(["paused by an operator"]));
    assert!(status["tipLedger"].is_u64(), "the last known state of the source is kept");
    assert_eq!(status["indexer"]["detail"], "paused by GOPS");
    let (code, health) = world.get(&base, "/health/ready").await;
    assert_eq!((code, health.to_string().contains("GOPS")), (503, false), "{health}");
    reports(&world, 2).await;
    assert_eq!(world.progress().await, indexed);

    world.store.set_desired_state(false, "GOPS").await.unwrap();
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    status_says(&world, &base, "it runs", |status| status["reasons"] == json!([])).await;
}

#[sqlx::test]
async fn a_pause_in_a_catch_up_loses_nothing(pool: PgPool) {
    let mut world = World::new(pool).await;
    for _ in 0..40 {
        world.create("alice", "bob", 1_000_000, 100).await;
    }
    // One event per page, so that the pause comes in the middle.
    world.start_indexer(1);
    eventually("it has begun", || async { world.progress().await.is_some() }).await;
    world.store.set_desired_state(true, "ops").await.unwrap();
    is_in(&world, IndexerState::Paused).await;
    world.store.set_desired_state(false, "ops").await.unwrap();
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_standby_that_becomes_the_writer_is_paused_too(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    let contract_id = world.devnet.contract_id();
    let writer = Writer::try_acquire(&world.store, contract_id.into()).await.unwrap().unwrap();
    world.store.set_desired_state(true, "ops").await.unwrap();
    let waits = Waits { standby: Duration::from_millis(10), ..Waits::default() };
    let settings = IngestSettings { waits, ..world.settings() };
    world.start(Indexer::new(world.source(), Vec::new(), world.store.clone(), settings));
    writer.release().await.unwrap();
    is_in(&world, IndexerState::Paused).await;
}

#[sqlx::test]
async fn requesting_the_current_state_changes_nothing(pool: PgPool) {
    let world = World::new(pool).await;
    assert_eq!(world.store.desired_state().await.unwrap(), None);
    let first = world.store.set_desired_state(true, "one").await.unwrap();
    assert!(first.paused && first.by == "one");
    assert_eq!(world.store.set_desired_state(true, "two").await.unwrap(), first);
    let resumed = world.store.set_desired_state(false, "two").await.unwrap();
    assert!(!resumed.paused && resumed.by == "two" && resumed.since > first.since);
    assert_eq!(world.store.desired_state().await.unwrap(), Some(resumed));
}

#[sqlx::test]
async fn a_pause_survives_a_reset_of_the_network(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let wanted = world.store.set_desired_state(true, "ops").await.unwrap();
    world.store.archive_epoch(Epoch(0)).await.unwrap().unwrap();
    assert_eq!(world.store.desired_state().await.unwrap(), Some(wanted));
    world.store.migrate().await.expect("the next epoch's schema is complete");
}
