//! Redis, PostgreSQL and the indexer fail while a gateway follows Redis.

use std::{path::Path, time::Duration};

use flowfi_indexer::{
    domain::EventId,
    postgres::{Durability, PrivateServer},
    store::Store,
};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::time::timeout;

use super::{Deployment, expect_all_after, metric, newest, subscriber_from_now};
use crate::{
    database_away::Folder,
    revised::{revise, until_told},
    world::{DEADLINE, Subscriber, World, eventually},
};

async fn create(world: &World) {
    world.create("carol", "dave", 1_000, 100).await;
}

async fn stored(world: &World) {
    let newest = newest(world);
    eventually("it is committed", || async { world.store.newest_event().await.unwrap() == Some(newest) }).await;
}

async fn no_longer_follows(base: &str) {
    eventually("the gateway no longer follows Redis", || async {
        metric(base, "flowfi_feed_follows_redis").await == 0
    })
    .await;
}

#[sqlx::test]
async fn a_redis_that_is_killed_and_comes_back_empty_costs_no_event(pool: PgPool) {
    let world = World::new(pool).await;
    let mut deployment = Deployment::of(&world).await;
    let mut indexer = deployment.indexer();
    let (mut gateway, base) = deployment.gateway().await;
    deployment.until_it_follows_redis(&base).await;
    let (mut subscriber, last) = subscriber_from_now(&world, &base).await;
    deployment.redis.kill().await;
    create(&world).await;
    no_longer_follows(&base).await;
    gateway.says("listens to PostgreSQL").await;
    indexer.says("commits are not announced by Redis for now").await;
    create(&world).await;
    expect_all_after(&world, last, &mut subscriber).await;
    let last = newest(&world);
    deployment.redis.start_empty().await;
    deployment.until_it_follows_redis(&base).await;
    create(&world).await;
    expect_all_after(&world, last, &mut subscriber).await;
}

#[sqlx::test]
async fn a_redis_that_falls_silent_costs_no_event(pool: PgPool) {
    let world = World::new(pool).await;
    let deployment = Deployment::of(&world).await;
    let _indexer = deployment.indexer();
    let (_gateway, base) = deployment.gateway().await;
    deployment.until_it_follows_redis(&base).await;
    let (mut subscriber, last) = subscriber_from_now(&world, &base).await;
    deployment.redis.signal("-STOP").await;
    create(&world).await;
    expect_all_after(&world, last, &mut subscriber).await;
    no_longer_follows(&base).await;
    let last = newest(&world);
    create(&world).await;
    deployment.redis.signal("-CONT").await;
    deployment.until_it_follows_redis(&base).await;
    expect_all_after(&world, last, &mut subscriber).await;
}

#[sqlx::test]
async fn a_commit_whose_indexer_was_killed_before_it_was_announced_is_delivered_once(pool: PgPool) {
    let world = World::new(pool).await;
    let deployment = Deployment::of(&world).await;
    let indexer = deployment.indexer();
    let (_gateway, base) = deployment.gateway().await;
    deployment.until_it_follows_redis(&base).await;
    let (mut subscriber, last) = subscriber_from_now(&world, &base).await;
    deployment.redis.ask::<String>(&["CLIENT", "PAUSE", "60000", "WRITE"]).await;
    create(&world).await;
    stored(&world).await;
    indexer.kill().await;
    deployment.redis.ask::<String>(&["CLIENT", "UNPAUSE"]).await;
    let _indexer = deployment.indexer();
    create(&world).await;
    expect_all_after(&world, last, &mut subscriber).await;
}

#[sqlx::test]
async fn an_indexer_that_is_frozen_and_comes_back_after_another_took_over_announces_nothing_twice(pool: PgPool) {
    let world = World::new(pool).await;
    let deployment = Deployment::of(&world).await;
    let leader = deployment.indexer();
    let (_gateway, base) = deployment.gateway().await;
    deployment.until_it_follows_redis(&base).await;
    let mut standby = deployment.indexer();
    standby.says("standing by").await;
    let (mut subscriber, last) = subscriber_from_now(&world, &base).await;
    create(&world).await;
    stored(&world).await;
    leader.signal("-STOP").await;
    create(&world).await;
    expect_all_after(&world, last, &mut subscriber).await;
    let last = newest(&world);
    leader.signal("-CONT").await;
    for _ in 0..5 {
        create(&world).await;
    }
    expect_all_after(&world, last, &mut subscriber).await;
}

#[tokio::test]
async fn a_postgresql_that_goes_away_and_comes_back_costs_no_event() {
    let folder = Folder::new();
    let start = async |folder: &Path| PrivateServer::start(folder, None, Durability::None).await.unwrap();
    let server = start(&folder.0).await;
    let pool = PgPoolOptions::new().acquire_timeout(Duration::from_secs(5)).connect(server.url()).await.unwrap();
    Store::on(pool.clone()).migrate().await.unwrap();
    let world = World::new(pool).await;
    let mut deployment = Deployment::of(&world).await;
    server.url().clone_into(&mut deployment.database_url);
    let _indexer = deployment.indexer();
    let (_gateway, base) = deployment.gateway().await;
    deployment.until_it_follows_redis(&base).await;
    let (mut subscriber, last) = subscriber_from_now(&world, &base).await;
    server.stop();
    create(&world).await;
    no_longer_follows(&base).await;
    let _server = start(&folder.0).await;
    expect_all_after(&world, last, &mut subscriber).await;
    let last = newest(&world);
    deployment.until_it_follows_redis(&base).await;
    create(&world).await;
    expect_all_after(&world, last, &mut subscriber).await;
}

#[sqlx::test]
async fn late_rows_are_told_by_a_hint_and_not_sent(pool: PgPool) {
    let world = World::new(pool).await;
    let deployment = Deployment::of(&world).await;
    let _indexer = deployment.indexer();
    let (_gateway, base) = deployment.gateway().await;
    deployment.until_it_follows_redis(&base).await;
    let (mut subscriber, last) = subscriber_from_now(&world, &base).await;
    let hints = format!("flowfi:feed:{}:hints", world.store.feed_identity().await.unwrap().name());
    let before: u64 = deployment.redis.ask(&["XLEN", &hints]).await;
    revise(&world, last).await;
    until_told(&mut subscriber, 1).await;
    let hinted = || async { deployment.redis.ask::<u64>(&["XLEN", &hints]).await > before };
    eventually("gateways were told to look", hinted).await;
    create(&world).await;
    expect_all_after(&world, last, &mut subscriber).await;
}

#[sqlx::test]
async fn a_network_that_starts_over_has_entries_of_its_own(pool: PgPool) {
    let world = World::new(pool).await;
    let deployment = Deployment::of(&world).await;
    let _indexer = deployment.indexer();
    let (_gateway, base) = deployment.gateway().await;
    deployment.until_it_follows_redis(&base).await;
    let (mut subscriber, _) = subscriber_from_now(&world, &base).await;
    for _ in 0..5 {
        create(&world).await;
    }
    world.indexed().await;
    // An older tip that closed later is of another chain.
    let closed_at = world.devnet.latest_closed_at();
    world.devnet.reset().unwrap();
    world.devnet.close_ledger_at(closed_at.plus_seconds(100)).unwrap();
    expect_a_reset(&mut subscriber).await;
    deployment.until_it_follows_redis(&base).await;
    expect_all_after(&world, EventId::ZERO, &mut subscriber).await;
    let key = format!("flowfi:feed:{}:1", world.store.feed_identity().await.unwrap().name());
    assert!(deployment.redis.ask::<u64>(&["XLEN", &key]).await > 0);
}

async fn expect_a_reset(subscriber: &mut Subscriber) {
    let reading =
        async { while subscriber.next().await.expect("the stream continues").event.as_deref() != Some("reset") {} };
    timeout(DEADLINE, reading).await.expect("a reset within the deadline");
}
