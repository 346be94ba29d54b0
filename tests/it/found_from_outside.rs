//! Faults that an outsider proved, each by a test of its own: data of another chain that was taken for ours, and things
//! that were lost of what others had made of our tables.

use std::{path::Path, time::Duration};

use flowfi_indexer::{
    devnet::{Call, DevnetArgs, Fault, MAIN_ENDPOINT},
    domain::{Amount, Epoch, EventId, LedgerRange, LedgerSequence, StreamId},
    feed::{self, Feed, LastEventId},
    ingest::{Indexer, IngestSettings, PaceArgs, Reindex, VerifySettings, backfill, verify},
    source::{Anchor, EndpointPool, EventsFrom, KnownChain, WholeLedgers},
    store::EventAtoms,
};
use rand::{SeedableRng, rngs::StdRng};
use sqlx::PgPool;
use tokio::time::timeout;

use crate::{
    completeness::{LakeFolder, lake_of},
    world::{Frame, World, eventually},
};

const A_WHILE: Duration = Duration::from_secs(30);

async fn indexed(pool: PgPool) -> World {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    world
}

async fn run(pool: &PgPool, statement: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(pool).await.unwrap();
}

async fn number(pool: &PgPool, question: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(question.to_owned())).fetch_one(pool).await.unwrap()
}

async fn role(pool: &PgPool) -> String {
    let name: String =
        sqlx::query_scalar("select 'reader_' || oid from pg_database where datname = current_database()")
            .fetch_one(pool)
            .await
            .unwrap();
    run(pool, &format!("create role {name}")).await;
    name
}

async fn seen_by(pool: &PgPool, role: &str) -> i64 {
    let mut connection = pool.acquire().await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("set role {role}"))).execute(&mut *connection).await.unwrap();
    let seen = sqlx::query_scalar("select count(*) from streams").fetch_one(&mut *connection).await;
    sqlx::query("reset role").execute(&mut *connection).await.unwrap();
    seen.unwrap_or(0)
}

async fn drop_role(pool: &PgPool, role: &str) {
    run(pool, &format!("drop owned by {role} cascade; drop role {role}")).await;
}

/// A build, if it is not refused.
async fn reindexed_unless_refused(world: &World) -> bool {
    match Reindex::open(&world.store).await {
        Err(_) => false,
        Ok(reindex) => {
            reindex.read_stored_and_swap(|_| {}).await.unwrap();
            true
        }
    }
}

#[sqlx::test]
async fn a_reindex_shows_nobody_what_a_policy_hid(pool: PgPool) {
    let world = indexed(pool).await;
    let role = role(&world.pool).await;
    run(
        &world.pool,
        &format!(
            "alter table streams enable row level security;
             create policy nobody on streams for select to {role} using (false);
             grant select on streams to {role}"
        ),
    )
    .await;
    assert_eq!(seen_by(&world.pool, &role).await, 0);
    let was = reindexed_unless_refused(&world).await;
    let seen = seen_by(&world.pool, &role).await;
    drop_role(&world.pool, &role).await;
    assert_eq!(seen, 0, "after a reindex (done: {was})");
}

#[sqlx::test]
async fn an_archive_shows_nobody_what_a_policy_hid(pool: PgPool) {
    let world = indexed(pool).await;
    let role = role(&world.pool).await;
    run(
        &world.pool,
        &format!(
            "alter table streams enable row level security;
             create policy nobody on streams for select to {role} using (false);
             grant select on streams to {role}"
        ),
    )
    .await;
    world.store.archive_epoch(Epoch(0)).await.unwrap().unwrap();
    world.index_to_the_tip(world.indexer(100)).await;
    assert_eq!(number(&world.pool, "select count(*) from streams").await, 1);
    let seen = seen_by(&world.pool, &role).await;
    drop_role(&world.pool, &role).await;
    assert_eq!(seen, 0);
}

#[sqlx::test]
async fn a_reindex_takes_no_trigger_away(pool: PgPool) {
    let world = indexed(pool).await;
    run(
        &world.pool,
        "create function copy_out() returns trigger language plpgsql as $$ begin return new; end $$;
         create trigger copied after insert on stream_events for each row execute function copy_out()",
    )
    .await;
    let was = reindexed_unless_refused(&world).await;
    let count = "select count(*) from pg_trigger where tgname = 'copied' and tgrelid = 'stream_events'::regclass";
    assert_eq!(number(&world.pool, count).await, 1, "after a reindex (done: {was})");
}

#[sqlx::test]
async fn a_reindex_takes_no_publication_away(pool: PgPool) {
    let world = indexed(pool).await;
    run(&world.pool, "create publication told for table stream_events").await;
    let was = reindexed_unless_refused(&world).await;
    let count = "select count(*) from pg_publication_tables where pubname = 'told' and tablename = 'stream_events' and schemaname = 'public'";
    assert_eq!(number(&world.pool, count).await, 1, "after a reindex (done: {was})");
}

#[sqlx::test]
async fn a_reindex_takes_no_index_of_others_away(pool: PgPool) {
    let world = indexed(pool).await;
    run(&world.pool, "create index of_others on streams (token, start_time)").await;
    let was = reindexed_unless_refused(&world).await;
    let count = "select count(*) from pg_indexes where indexname = 'of_others' and tablename = 'streams'";
    assert_eq!(number(&world.pool, count).await, 1, "after a reindex (done: {was})");
}

#[sqlx::test]
async fn a_function_that_returns_rows_is_refused_before_the_build_or_follows(pool: PgPool) {
    let world = indexed(pool).await;
    run(
        &world.pool,
        "create function active_streams() returns setof streams language sql stable as 'select * from streams where is_active'",
    )
    .await;
    match Reindex::open(&world.store).await {
        Err(refused) => assert!(refused.to_string().contains("active_streams"), "{refused}"),
        Ok(reindex) => {
            let swapped = reindex.read_stored_and_swap(|_| {}).await;
            assert!(swapped.is_ok(), "built, and then: {swapped:?}");
            assert_eq!(number(&world.pool, "select count(*) from active_streams()").await, 1);
        }
    }
}

#[sqlx::test]
async fn a_view_of_whole_rows_does_not_keep_an_epoch_from_being_put_aside(pool: PgPool) {
    let world = indexed(pool).await;
    run(&world.pool, "create view whole as select streams as stream from streams").await;
    let archived = world.store.archive_epoch(Epoch(0)).await;
    assert!(archived.is_ok(), "{archived:?}");
}

#[sqlx::test]
async fn a_view_of_whole_rows_is_refused_before_the_build_or_follows(pool: PgPool) {
    let world = indexed(pool).await;
    run(&world.pool, "create view whole as select streams as stream from streams").await;
    if let Ok(reindex) = Reindex::open(&world.store).await {
        let swapped = reindex.read_stored_and_swap(|_| {}).await;
        assert!(swapped.is_ok(), "built, and then: {swapped:?}");
    }
}

#[sqlx::test]
async fn a_privilege_that_was_taken_back_stays_taken_back(pool: PgPool) {
    let world = World::new(pool).await;
    let role = role(&world.pool).await;
    run(&world.pool, &format!("alter default privileges grant select on tables to {role}")).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    run(&world.pool, &format!("revoke all on quarantine from {role}")).await;
    let was = reindexed_unless_refused(&world).await;
    let may: bool = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
        "select has_table_privilege('{role}', 'quarantine', 'select')"
    )))
    .fetch_one(&world.pool)
    .await
    .unwrap();
    run(&world.pool, &format!("alter default privileges revoke select on tables from {role}")).await;
    drop_role(&world.pool, &role).await;
    assert!(!may, "after a reindex (done: {was})");
}

/// Reads what a gateway that was behind sends live, up to the newest event.
async fn sent_by(world: &World, lagging: Feed, mut subscription: feed::Subscription, last: EventId) -> Vec<EventId> {
    let mut sent: Vec<EventId> = Vec::new();
    let reading = async {
        while sent.last() != Some(&last) {
            for frame in subscription.next().await.unwrap() {
                let frame = Frame::parse(std::str::from_utf8(&frame).unwrap().trim_end());
                sent.extend(frame.feed_id());
            }
        }
    };
    tokio::select! {
        () = feed::tail(lagging, world.stop.clone()) => panic!("the tailer ended"),
        () = reading => {}
    }
    sent
}

#[sqlx::test]
async fn a_row_that_a_reindex_finds_on_the_chain_is_sent_live_by_no_gateway(pool: PgPool) {
    let folder = LakeFolder::new("outside-lake-with-what-was-missed");
    let args = DevnetArgs { lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    let mut world = World::with_devnet(pool, &args).await;
    world.create("alice", "bob", 1_000_000, 1_000).await;
    world.start_indexer(100);
    world.indexed().await;
    let lagging = Feed::open(world.store.clone(), 100).await.unwrap();
    let all = EventAtoms { all: true, ..EventAtoms::default() };
    let subscription = lagging.subscribe(all, LastEventId::None).await.unwrap().subscription;
    let before = world.devnet.events_emitted().len();
    world.create("carol", "dave", 1_000_000, 1_000).await;
    world.create("erin", "frank", 1_000_000, 1_000).await;
    world.indexed().await;
    let new = world.devnet.events_emitted().split_off(before);
    // It was withheld, so no gateway has sent it.
    world.forget(&new[..1]).await;
    let lake = [lake_of(&world, &folder).await];
    let mut reindex = Reindex::open_from_chain(&world.store).await.unwrap();
    reindex.read_chain(&lake, |_| {}).await.unwrap();
    reindex.read_stored_and_swap(|_| {}).await.unwrap();
    assert!(world.stored_ids().await.contains(&new[0]), "the reindex found it");
    let sent = sent_by(&world, lagging, subscription, *new.last().unwrap()).await;
    assert!(!sent.contains(&new[0]), "a row behind the feed's position was sent live: {sent:?}");
}

#[sqlx::test]
async fn an_event_that_a_reindex_releases_is_sent_live_by_no_gateway(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 1_000).await;
    world.start_indexer(100);
    world.indexed().await;
    let lagging = Feed::open(world.store.clone(), 100).await.unwrap();
    let all = EventAtoms { all: true, ..EventAtoms::default() };
    let subscription = lagging.subscribe(all, LastEventId::None).await.unwrap().subscription;
    world.call(Call::TopUp { stream_id: StreamId(1), caller: None, amount: Amount(500) }).await;
    let kept_raw = *world.devnet.events_emitted().last().unwrap();
    world.create("erin", "frank", 1_000_000, 1_000).await;
    world.indexed().await;
    let last = *world.devnet.events_emitted().last().unwrap();
    // As an older version kept it.
    for statement in [
        "insert into quarantine (toid, event_index, contract_id, ledger_closed_at, tx_hash, kind, name, stream_id,
             reason, in_successful_call, topics, value)
         select toid, event_index, contract_id, ledger_closed_at, tx_hash, 'unknown', type, stream_id, 'of old', true,
             topics, value
         from stream_events where type = 'stream.topped_up'",
        "delete from stream_events where type = 'stream.topped_up'",
    ] {
        run(&world.pool, statement).await;
    }
    Reindex::open(&world.store).await.unwrap().read_stored_and_swap(|_| {}).await.unwrap();
    assert!(world.stored_ids().await.contains(&kept_raw), "the reindex released it");
    let sent = sent_by(&world, lagging, subscription, last).await;
    assert!(!sent.contains(&kept_raw), "a row behind the feed's position was sent live: {sent:?}");
}

fn copied(from: &Path, to: &Path) {
    assert!(std::process::Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
}

/// A fresh index of a chain that started over, whose endpoints lack its first ledgers, beside a lake of the chain before.
async fn beside_an_old_lake(pool: PgPool, name: &str, old_ledgers: u32, unreadable: bool) {
    let folder = LakeFolder::new(&format!("outside-lake-{name}"));
    let kept = LakeFolder::new(&format!("outside-kept-lake-{name}"));
    let args = DevnetArgs { lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    let mut world = World::with_devnet(pool, &args).await;
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
        let partition =
            std::fs::read_dir(&kept.0).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir());
        let objects = std::fs::read_dir(partition.unwrap()).unwrap().map(|entry| entry.unwrap().path());
        let object = objects
            .into_iter()
            .find(|path| path.to_str().unwrap().contains(&format!("--{}.", tip.0)))
            .expect("the lake has the ledger that is noted");
        // Reading it fails for the moment.
        std::fs::remove_file(&object).unwrap();
        std::fs::create_dir(&object).unwrap();
    }
    let lake = lake_of(&world, &kept).await;
    let pace = PaceArgs { start_ledger: Some(2), ..world.settings().pace };
    let settings = IngestSettings { pace, ..world.settings() };
    world.start(Indexer::new(world.source(), vec![lake], world.store.clone(), settings));
    let stands = eventually("it has come to something", || async {
        let report = world.store.indexer_report(&world.devnet.contract_id()).await.unwrap();
        let in_hole = report.is_some_and(|aged| aged.report.state == flowfi_indexer::store::IndexerState::Hole);
        in_hole || world.progress().await.is_some_and(|at| at.position.last_whole_ledger() >= tip)
    });
    timeout(A_WHILE, stands).await.expect("it has come to something");
    let known = world.store.network().await.unwrap().unwrap().known;
    let stored = world.stored_ids().await;
    let foreign = stored.iter().filter(|id| of_the_old_chain.contains(id)).count();
    assert_eq!(foreign, 0, "events of the chain before the reset among {}; known {known:?}, tip {tip}", stored.len());
}

#[sqlx::test]
async fn a_lake_of_the_chain_before_fills_no_hole_where_the_known_ledger_cannot_be_read_just_now(pool: PgPool) {
    beside_an_old_lake(pool, "unreadable", 60, true).await;
}

#[sqlx::test]
async fn a_lake_of_the_chain_before_fills_no_hole_of_a_fresh_index(pool: PgPool) {
    beside_an_old_lake(pool, "shorter", 10, false).await;
}

#[sqlx::test]
async fn control_a_lake_of_the_chain_before_that_has_the_known_ledger(pool: PgPool) {
    beside_an_old_lake(pool, "longer", 60, false).await;
}

#[sqlx::test]
async fn one_endpoint_that_dropped_ledgers_does_not_silence_the_second_opinion_of_the_other(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(30).unwrap();
    let urls = [format!("{}/short", world.rpc_url), world.rpc_url.clone()];
    let away = Fault::Status { status: 503, retry_after_seconds: None };
    world.devnet.inject_at(MAIN_ENDPOINT, away, None).unwrap();
    world.devnet.inject_at("short", Fault::EmptyPages { ledgers: 10_000 }, None).unwrap();
    let source = EndpointPool::new(&urls, world.devnet.passphrase().to_owned(), 7).unwrap();
    let first = Indexer::new(source, Vec::new(), world.store.clone(), world.settings());
    world.index_to_the_tip(first).await;
    assert!(world.stored_ids().await.is_empty());
    // The other one is back, and the first has dropped those ledgers meanwhile.
    world.devnet.clear_faults();
    world.devnet.inject_at("short", Fault::Retention { ledgers: 5 }, None).unwrap();
    let pace = PaceArgs { check_interval_ms: 5, ..world.settings().pace };
    let settings = IngestSettings { pace, ..world.settings() };
    let source = EndpointPool::new(&urls, world.devnet.passphrase().to_owned(), 7).unwrap();
    world.start(Indexer::new(source, Vec::new(), world.store.clone(), settings));
    world.devnet.close_ledger().unwrap();
    world.indexed().await;
    let written = eventually("what one endpoint kept back is asked of the other", || async {
        world.stored_ids().await == world.devnet.events_emitted()
    });
    let written = timeout(A_WHILE, written).await;
    let check = world.store.record_check(&world.devnet.contract_id()).await.unwrap();
    assert!(written.is_ok(), "{check:?}");
}

#[sqlx::test]
async fn nothing_is_read_from_endpoints_of_two_chains_that_have_no_ledger_in_common(pool: PgPool) {
    let mut world = World::new(pool).await;
    for _ in 0..3 {
        world.create("alice", "bob", 1_000_000, 1_000).await;
    }
    world.devnet.close_ledgers(4).unwrap();
    let (of_the_old_chain, old_tip) = (world.devnet.events_emitted(), world.devnet.latest_ledger());
    world.devnet.reset().unwrap();
    world.devnet.close_ledgers(30).unwrap();
    for _ in 0..3 {
        world.create("carol", "dave", 9_000_000, 50).await;
    }
    let (of_the_new_chain, tip) = (world.devnet.events_emitted(), world.devnet.latest_ledger());
    // The preferred endpoint keeps the ledgers after the number at which the other one stopped.
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::Retention { ledgers: tip.0 - old_tip.0 }, None).unwrap();
    world.devnet.inject_at("stale", Fault::BeforeReset, None).unwrap();
    world.rpc_urls = vec![world.rpc_url.clone(), format!("{}/stale", world.rpc_url)];
    world.start_indexer(100);
    let indexed = timeout(Duration::from_secs(15), world.indexed()).await.is_ok();
    let stored = world.stored_ids().await;
    let old = stored.iter().filter(|id| of_the_old_chain.contains(id)).count();
    let new = stored.iter().filter(|id| of_the_new_chain.contains(id)).count();
    let network = world.store.network().await.unwrap();
    assert!(
        old == 0,
        "{old} events of the stale endpoint's chain, {new} of the preferred one's ({indexed}); {network:?}"
    );
}

/// An index that stands some ledgers after the one that its chain is known by, and two endpoints: one that still serves
/// that chain, and one of a chain that is longer and has dropped the ledger of that number.
async fn beside_a_longer_chain(pool: PgPool) -> (World, Vec<EventId>, Vec<EventId>) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 1_000).await;
    world.devnet.close_ledgers(20).unwrap();
    let stop = world.stop.child_token();
    let story = async {
        world.indexed().await;
        eventually("a ledger was noted", || async { world.store.network().await.unwrap().unwrap().known.is_some() })
            .await;
        world.devnet.close_ledgers(20).unwrap();
        world.indexed().await;
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(world.indexer(100).run(stop.clone()), story);
    ended.unwrap();
    let ours = world.devnet.events_emitted();
    let tip = world.devnet.latest_ledger().0;
    world.devnet.reset().unwrap();
    while world.devnet.latest_ledger().0 < tip - 4 {
        world.devnet.close_ledger().unwrap();
    }
    world.create("carol", "dave", 9_000_000, 50).await;
    world.devnet.close_ledgers(6).unwrap();
    world.create("carol", "dave", 9_000_000, 50).await;
    let foreign = world.devnet.events_emitted();
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::Retention { ledgers: 15 }, None).unwrap();
    world.devnet.inject_at("good", Fault::BeforeReset, None).unwrap();
    world.rpc_urls = vec![format!("{}/good", world.rpc_url), world.rpc_url.clone()];
    (world, ours, foreign)
}

async fn foreign_rows(world: &World, ours: &[EventId]) -> usize {
    world.stored_ids().await.iter().filter(|id| !ours.contains(id)).count()
}

#[sqlx::test]
async fn no_event_is_taken_from_an_endpoint_that_cannot_show_the_known_ledger_beside_one_that_is_away(pool: PgPool) {
    let (mut world, ours, _) = beside_a_longer_chain(pool).await;
    let known = world.store.network().await.unwrap().unwrap().known;
    let away = Fault::Status { status: 503, retry_after_seconds: None };
    world.devnet.inject_at("good", away, Some(4)).unwrap();
    world.start_indexer(100);
    let mut foreign = 0;
    for _ in 0..100 {
        foreign = foreign_rows(&world, &ours).await;
        if foreign > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(foreign, 0, "events of another chain; known {known:?}, progress {:?}", world.progress().await);
}

#[sqlx::test]
async fn no_second_opinion_is_taken_from_an_endpoint_that_cannot_show_the_known_ledger(pool: PgPool) {
    let (mut world, ours, _) = beside_a_longer_chain(pool).await;
    let known = world.store.network().await.unwrap().unwrap().known;
    let pace = PaceArgs { check_interval_ms: 5, ..world.settings().pace };
    let settings = IngestSettings { pace, ..world.settings() };
    world.start(Indexer::new(world.source(), Vec::new(), world.store.clone(), settings));
    let mut foreign = 0;
    for _ in 0..100 {
        foreign = foreign_rows(&world, &ours).await;
        if foreign > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(foreign, 0, "events of another chain; known {known:?}, progress {:?}", world.progress().await);
}

/// A first start whose preferred endpoint has a moment's trouble, beside one that missed a reset.
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
    let ours = world.devnet.events_emitted();
    tokio::time::sleep(Duration::from_secs(12)).await;
    let stored = world.stored_ids().await;
    let old = stored.iter().filter(|id| of_the_old_chain.contains(id) && !ours.contains(id)).count();
    let report = world.store.indexer_report(&world.devnet.contract_id()).await.unwrap();
    let endpoints = report.map(|aged| aged.report.endpoints.to_string());
    assert_eq!(old, 0, "the chain of the stale endpoint is indexed: {stored:?} {endpoints:?}");
}

#[sqlx::test]
async fn a_moments_refusal_of_the_preferred_endpoint_at_the_first_start_does_not_choose_the_chain(pool: PgPool) {
    first_start_beside_a_stale_one(pool, Fault::Status { status: 503, retry_after_seconds: None }, 1).await;
}

#[sqlx::test]
async fn a_slow_preferred_endpoint_at_the_first_start_does_not_choose_the_chain(pool: PgPool) {
    first_start_beside_a_stale_one(pool, Fault::Delay { delay_ms: 3_000 }, 3).await;
}

#[sqlx::test]
async fn the_next_epoch_begins_after_the_last_ledger_that_was_seen_of_the_one_before(pool: PgPool) {
    let world = indexed(pool).await;
    run(&world.pool, "delete from cursors").await;
    let before = world.store.network().await.unwrap().unwrap();
    assert!(before.known.is_some() && before.seen.is_some(), "{before:?}");
    world.store.archive_epoch(Epoch(0)).await.unwrap().unwrap();
    let after = world.store.network().await.unwrap().unwrap();
    assert!(after.began_after >= before.seen.map(|(_, closed_at)| closed_at), "{before:?} {after:?}");
}

#[sqlx::test]
async fn a_reindex_from_the_chain_reads_the_chain_where_one_from_the_rows_was_interrupted(pool: PgPool) {
    let folder = LakeFolder::new("outside-lake-for-a-change-of-mind");
    let args = DevnetArgs { lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    let world = World::with_devnet(pool, &args).await;
    world.create("alice", "bob", 1_000_000, 1_000).await;
    world.create("carol", "dave", 1_000_000, 1_000).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let all = world.devnet.events_emitted();
    world.forget(&all[2..3]).await;
    let mut reindex = Reindex::open(&world.store).await.unwrap();
    reindex.read_stored(|_| {}).await.unwrap();
    // It is killed before the swap.
    drop(reindex);
    let lake = [lake_of(&world, &folder).await];
    let opened = tokio::sync::Mutex::new(None);
    eventually("no other reindex runs", || async {
        if let Ok(reindex) = Reindex::open_from_chain(&world.store).await {
            *opened.lock().await = Some(reindex);
        }
        opened.lock().await.is_some()
    })
    .await;
    let mut reindex = opened.into_inner().unwrap();
    reindex.read_chain(&lake, |_| {}).await.unwrap();
    reindex.read_stored_and_swap(|_| {}).await.unwrap();
    assert_eq!(world.stored_ids().await, all, "every ledger was read on the chain");
}

async fn known_chain(world: &World) -> KnownChain {
    let network = world.store.network().await.unwrap().unwrap();
    let known = network.known.unwrap();
    KnownChain { anchor: Some(Anchor { sequence: known.sequence, hash: known.hash }), closed: network.seen }
}

/// Streams in the first ledgers and a noted ledger far behind them; then a chain that started over and is shorter.
async fn indexed_before_a_reset(pool: PgPool) -> World {
    let world = World::new(pool).await;
    for _ in 0..3 {
        world.create("alice", "bob", 1_000_000, 1_000).await;
    }
    world.devnet.close_ledgers(40).unwrap();
    world.index_to_the_tip(world.indexer(100)).await;
    world
}

async fn new_chain(world: &World) {
    world.devnet.reset().unwrap();
    world.devnet.close_ledgers(8).unwrap();
    for _ in 0..3 {
        world.create("carol", "dave", 9_000_000, 50).await;
    }
    world.devnet.close_ledgers(2).unwrap();
}

#[sqlx::test]
async fn a_reset_in_the_middle_of_a_verify_repairs_nothing_from_the_new_chain(pool: PgPool) {
    let world = indexed_before_a_reset(pool).await;
    let records = || async {
        sqlx::query_scalar::<_, String>("select streams::text from streams order by 1")
            .fetch_all(&world.pool)
            .await
            .unwrap()
    };
    let before = records().await;
    new_chain(&world).await;
    // The network starts over after so many requests.
    for requests in 1..=8 {
        world.devnet.clear_faults();
        world.devnet.inject_at(MAIN_ENDPOINT, Fault::BeforeReset, Some(requests)).unwrap();
        let source = world.source();
        source.set_chain(known_chain(&world).await);
        let settings =
            VerifySettings { sample: None, repair: true, patience: Duration::ZERO, rng: StdRng::seed_from_u64(5) };
        let verified =
            timeout(A_WHILE, verify(&world.store, &source, &world.devnet.contract_id(), settings, |_| ())).await;
        assert_eq!(records().await, before, "after {requests} requests: {verified:?}");
    }
}

#[sqlx::test]
async fn a_second_opinion_of_a_node_that_was_just_set_up_anew_writes_nothing(pool: PgPool) {
    let mut world = indexed_before_a_reset(pool).await;
    let ours = world.devnet.events_emitted();
    world.rpc_urls = vec![format!("{}/good", world.rpc_url), world.rpc_url.clone()];
    let source = world.source();
    source.set_chain(known_chain(&world).await);
    // Both were asked before.
    let asked = source.second_opinions(&world.devnet.contract_ids(), EventsFrom::Ledger(LedgerSequence(30)), 10).await;
    assert_eq!(asked.unwrap().len(), 2);
    new_chain(&world).await;
    world.devnet.inject_at("good", Fault::BeforeReset, None).unwrap();
    let pace = PaceArgs { check_interval_ms: 5, ..world.settings().pace };
    let settings = IngestSettings { pace, ..world.settings() };
    world.start(Indexer::new(source, Vec::new(), world.store.clone(), settings));
    let mut foreign = 0;
    for _ in 0..60 {
        foreign = foreign_rows(&world, &ours).await;
        if foreign > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(foreign, 0, "events of another chain were written late");
}

#[sqlx::test]
async fn a_backfill_from_endpoints_takes_nothing_from_one_of_another_chain(pool: PgPool) {
    let world = World::new(pool).await;
    for _ in 0..5 {
        world.create("alice", "bob", 1_000_000, 1_000).await;
    }
    world.devnet.close_ledgers(10).unwrap();
    world.devnet.reset().unwrap();
    world.devnet.close_ledgers(30).unwrap();
    world.create("carol", "dave", 9_000_000, 50).await;
    world.index_to_the_tip(world.indexer(100)).await;
    eventually("a ledger was noted", || async { world.store.network().await.unwrap().unwrap().known.is_some() }).await;
    let before = world.stored_ids().await;
    // As if the first ledgers had been given up.
    run(&world.pool, "update coverage set from_ledger = 12 where from_ledger = 2").await;
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::Retention { ledgers: 10 }, None).unwrap();
    world.devnet.inject_at("stale", Fault::BeforeReset, None).unwrap();
    // What `backfill --rpc-url … --rpc-url …` reads from.
    let urls = [world.rpc_url.clone(), format!("{}/stale", world.rpc_url)];
    let endpoints = EndpointPool::new(&urls, world.devnet.passphrase().to_owned(), 7).unwrap();
    let sources = [WholeLedgers::of_rpc(endpoints, StdRng::seed_from_u64(7)).unwrap()];
    let range = LedgerRange::new(LedgerSequence(3), LedgerSequence(9)).unwrap();
    let filled = backfill(&world.store, &world.devnet.contract_id(), &sources, range, |_| {}).await;
    assert_eq!(world.stored_ids().await, before, "{filled:?}");
}

#[sqlx::test]
async fn the_command_backfill_takes_nothing_from_an_endpoint_of_another_chain(pool: PgPool) {
    let world = World::new(pool).await;
    for _ in 0..5 {
        world.create("alice", "bob", 1_000_000, 1_000).await;
    }
    world.devnet.close_ledgers(10).unwrap();
    world.devnet.reset().unwrap();
    world.devnet.close_ledgers(30).unwrap();
    world.create("carol", "dave", 9_000_000, 50).await;
    world.index_to_the_tip(world.indexer(100)).await;
    eventually("a ledger was noted", || async { world.store.network().await.unwrap().unwrap().known.is_some() }).await;
    let before = world.stored_ids().await;
    run(&world.pool, "update coverage set from_ledger = 12 where from_ledger = 2").await;
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::Retention { ledgers: 10 }, None).unwrap();
    world.devnet.inject_at("stale", Fault::BeforeReset, None).unwrap();
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"))
        .args(["coverage", "--repair", "--network-passphrase", world.devnet.passphrase()])
        .args(["--rpc-url", &world.rpc_url, "--rpc-url", &format!("{}/stale", world.rpc_url)])
        .env("DATABASE_URL", sqlx::ConnectOptions::to_url_lossy(&*world.pool.connect_options()).as_str())
        .output()
        .await
        .unwrap();
    assert_eq!(world.stored_ids().await, before, "{output:?}");
}

macro_rules! resets_after {
    ($($name:ident: $requests:expr),*) => {$(
        #[sqlx::test]
        async fn $name(pool: PgPool) {
            reset_after(pool, $requests).await;
        }
    )*};
}

resets_after! {
    a_reset_in_the_middle_of_a_catch_up_is_noticed_before_a_page_is_taken: 11,
    a_reset_later_in_a_catch_up_is_noticed_before_a_page_is_taken: 14,
    a_reset_at_the_end_of_a_catch_up_is_noticed_before_a_page_is_taken: 18
}

async fn reset_after(pool: PgPool, requests: u32) {
    let world = World::new(pool).await;
    for _ in 0..20 {
        world.create("alice", "bob", 1_000_000, 1_000).await;
    }
    world.devnet.close_ledgers(20).unwrap();
    let ours = world.devnet.events_emitted();
    world.devnet.reset().unwrap();
    world.devnet.close_ledgers(9).unwrap();
    for _ in 0..10 {
        world.call(world.creation("carol", "dave", 9_000_000, 50)).await;
        world.devnet.close_ledger().unwrap();
    }
    let theirs = world.devnet.events_emitted();
    // The network starts over after so many requests.
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::BeforeReset, Some(requests)).unwrap();
    // As far away as a public endpoint.
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::Delay { delay_ms: 80 }, None).unwrap();
    let ended = timeout(Duration::from_secs(20), world.indexer(5).run(world.stop.clone())).await;
    let events: Vec<(i64, i64, String)> =
        sqlx::query_as("select toid, event_index, sender from stream_events where sender is not null order by 1, 2")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    let carol = world.devnet.account("carol").to_string();
    let foreign = events.iter().filter(|(_, _, sender)| *sender == carol).count();
    assert_eq!(
        foreign,
        0,
        "{} rows of ours, {ended:?}; {} and {} events on the two chains",
        events.len() - foreign,
        ours.len(),
        theirs.len()
    );
}

#[sqlx::test]
async fn a_node_that_is_stuck_does_not_silence_the_second_opinion_of_another(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.devnet.close_ledgers(10).unwrap();
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(20).unwrap();
    let urls = [format!("{}/short", world.rpc_url), world.rpc_url.clone(), format!("{}/stuck", world.rpc_url)];
    let away = Fault::Status { status: 503, retry_after_seconds: None };
    world.devnet.inject_at(MAIN_ENDPOINT, away, None).unwrap();
    world.devnet.inject_at("short", Fault::EmptyPages { ledgers: 10_000 }, None).unwrap();
    world.devnet.inject_at("stuck", Fault::NodeBehind { ledgers: 27 }, None).unwrap();
    let source = EndpointPool::new(&urls[..2], world.devnet.passphrase().to_owned(), 7).unwrap();
    world.index_to_the_tip(Indexer::new(source, Vec::new(), world.store.clone(), world.settings())).await;
    let before = world.stored_ids().await;
    world.devnet.clear_faults_at(MAIN_ENDPOINT);
    let pace = PaceArgs { check_interval_ms: 5, ..world.settings().pace };
    let settings = IngestSettings { pace, ..world.settings() };
    let source = EndpointPool::new(&urls, world.devnet.passphrase().to_owned(), 7).unwrap();
    world.start(Indexer::new(source, Vec::new(), world.store.clone(), settings));
    let written = eventually("what one endpoint kept back is asked of the others", || async {
        world.stored_ids().await == world.devnet.events_emitted()
    });
    let written = timeout(A_WHILE, written).await;
    let check = world.store.record_check(&world.devnet.contract_id()).await.unwrap();
    assert!(written.is_ok(), "{before:?} {check:?}");
}

/// A chain that is indexed from its first ledger on, with events in its first ledgers, after another one that had others.
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
    let folder = LakeFolder::new("outside-lake-for-a-reindex");
    let kept = LakeFolder::new("outside-kept-lake-for-a-reindex");
    let args = DevnetArgs { lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    let world = indexed_after_a_reset(pool, &args, Some(&kept)).await;
    let known = world.store.network().await.unwrap().unwrap().known.unwrap().sequence.0;
    let partition = std::fs::read_dir(&kept.0).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir());
    let mut objects = std::fs::read_dir(partition.unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let object = objects.find(|path| path.to_str().unwrap().contains(&format!("--{known}."))).unwrap();
    let aside = object.with_extension("aside");
    std::fs::rename(&object, &aside).unwrap();
    std::fs::create_dir(&object).unwrap();
    let lake = [lake_of(&world, &kept).await];
    let mut reindex = Reindex::open_from_chain(&world.store).await.unwrap();
    let (mut shown, object, aside) = (0, object.clone(), aside.clone());
    // It can be read again a moment later.
    let healing = async {
        tokio::time::sleep(Duration::from_secs(6)).await;
        let _ = std::fs::remove_dir(&object);
        let _ = std::fs::rename(&aside, &object);
    };
    let (read, ()) = tokio::join!(reindex.read_chain(&lake, |_| shown += 1), healing);
    if read.is_ok() {
        reindex.read_stored_and_swap(|_| {}).await.unwrap();
    } else {
        // As an operator goes on: without the chain.
        drop(reindex);
        let opened = tokio::sync::Mutex::new(None);
        eventually("no other reindex runs", || async {
            if let Ok(reindex) = Reindex::open(&world.store).await {
                *opened.lock().await = Some(reindex);
            }
            opened.lock().await.is_some()
        })
        .await;
        opened.into_inner().unwrap().read_stored_and_swap(|_| {}).await.unwrap();
    }
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn the_command_reindex_destroys_nothing_beside_an_endpoint_of_another_chain(pool: PgPool) {
    let world = indexed_after_a_reset(pool, &DevnetArgs::by_hand(), None).await;
    let before = world.stored_ids().await;
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::Retention { ledgers: 8 }, None).unwrap();
    world.devnet.inject_at("stale", Fault::BeforeReset, None).unwrap();
    let (first, second) = (world.rpc_url.clone(), format!("{}/stale", world.rpc_url));
    let url = sqlx::ConnectOptions::to_url_lossy(&*world.pool.connect_options()).to_string();
    let from_chain =
        ["--from-chain", "--network-passphrase", world.devnet.passphrase(), "--rpc-url", &first, "--rpc-url", &second];
    let mut said = Vec::new();
    for arguments in [from_chain.as_slice(), &[]] {
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"))
            .arg("reindex")
            .args(arguments)
            .env("DATABASE_URL", &url)
            .output()
            .await
            .unwrap();
        said.push((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()));
        if output.status.success() {
            break;
        }
    }
    assert_eq!(world.stored_ids().await, before, "{said:?}");
}

#[sqlx::test]
async fn comments_of_others_follow(pool: PgPool) {
    let world = indexed(pool).await;
    run(&world.pool, "comment on table streams is '@omit'; comment on column streams.sender is '@omit'").await;
    Reindex::open(&world.store).await.unwrap().read_stored_and_swap(|_| {}).await.unwrap();
    let comment: Option<String> =
        sqlx::query_scalar("select obj_description('streams'::regclass)").fetch_one(&world.pool).await.unwrap();
    assert_eq!(comment.as_deref(), Some("@omit"));
}

#[sqlx::test]
async fn a_rolling_check_and_a_repair_beside_a_longer_chain_change_nothing(pool: PgPool) {
    let (world, _, _) = beside_a_longer_chain(pool).await;
    let records = || async {
        sqlx::query_scalar::<_, String>("select streams::text from streams order by 1")
            .fetch_all(&world.pool)
            .await
            .unwrap()
    };
    let before = records().await;
    // The good one has a moment's trouble.
    let away = Fault::Status { status: 503, retry_after_seconds: None };
    world.devnet.inject_at("good", away, None).unwrap();
    let source = world.source();
    source.set_chain(known_chain(&world).await);
    let settings =
        VerifySettings { sample: None, repair: true, patience: Duration::ZERO, rng: StdRng::seed_from_u64(5) };
    let verified = timeout(A_WHILE, verify(&world.store, &source, &world.devnet.contract_id(), settings, |_| ())).await;
    assert_eq!(records().await, before, "{verified:?}");
}
