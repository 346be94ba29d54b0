//! The network starts over while something is being read: no id combines a position of one epoch with the number of
//! another, and no client gets an id of the new epoch before a `reset`.

use std::time::Duration;

use flowfi_indexer::{
    domain::{Epoch, EventFilter, EventId, ResumeId, Visibility},
    feed::{self, Feed, LastEventId, Subscription},
};
use futures_util::FutureExt;
use sqlx::{PgPool, Postgres, Transaction};
use tokio::time::timeout;

use crate::{
    subscribe::create,
    world::{DEADLINE, Frame, GatewaySettings, Subscriber, World, eventually},
};

async fn world_with_events(pool: PgPool) -> (World, Vec<EventId>) {
    let mut world = World::new(pool).await;
    world.start_indexer(100);
    let ids = create(&world, 5).await;
    (world, ids)
}

/// Gives the table another epoch. Its rows then belong to the new network, at the positions of the old ones.
async fn start_over(executor: impl sqlx::PgExecutor<'_>) {
    sqlx::query("update network set epoch = epoch + 1").execute(executor).await.unwrap();
}

/// Keeps everybody from reading the events.
async fn lock(world: &World, table: &str) -> Transaction<'static, Postgres> {
    #[expect(clippy::disallowed_methods, reason = "nobody drops it while it starts")]
    let mut transaction = world.pool.begin().await.unwrap();
    let statement = format!("lock table {table} in access exclusive mode");
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut *transaction).await.unwrap();
    transaction
}

async fn somebody_waits_for(world: &World, table: &str) {
    eventually("a reader waits", || async {
        let waiting = sqlx::query_scalar::<_, bool>(
            "select exists (select from pg_locks where not granted and relation = $1::regclass)",
        );
        waiting.bind(table).fetch_one(&world.pool).await.unwrap()
    })
    .await;
}

fn resume_id(event: EventId) -> ResumeId {
    event.to_string().parse().unwrap()
}

fn everything() -> EventFilter {
    EventFilter { all: true, ..EventFilter::seen_by(Visibility::Everything) }
}

async fn next_frames(subscription: &mut Subscription) -> Vec<Frame> {
    let deliveries = timeout(DEADLINE, subscription.next()).await.expect("something within the deadline").unwrap();
    deliveries.expect("the feed goes on").iter().map(Frame::of).collect()
}

/// Lets the feed follow the table until the future is done.
async fn while_tailing<T>(feed: &Feed, world: &World, work: impl Future<Output = T>) -> T {
    tokio::select! {
        () = Box::pin(feed::tail(feed.clone(), world.stop.clone())) => panic!("the tailer ended"),
        done = work => done,
    }
}

#[sqlx::test]
async fn the_ids_of_a_replay_have_its_own_epoch_until_its_client_is_told_of_another(pool: PgPool) {
    let (mut world, ids) = world_with_events(pool).await;
    let heartbeat = Duration::from_millis(20);
    let base = world.start_gateway(GatewaySettings { ring_events: 1, heartbeat, ..GatewaySettings::default() }).await;
    let locked = lock(&world, "stream_events").await;
    let mut subscriber = Subscriber::connect(&base, "all=true", Some(&ids[0].to_string())).await;
    start_over(&world.pool).await;
    let mut ids_since_it_is_known = 0;
    while ids_since_it_is_known < 5 {
        let frame = subscriber.next().await.unwrap();
        assert_eq!(frame.event, None, "the table cannot be read: {frame:?}");
        assert!(frame.id.as_deref().is_none_or(|id| id == ids[0].to_string()), "{frame:?}");
        let is_known = world.get(&base, "/v1/events/stats").await.1["lastEventId"].is_null();
        ids_since_it_is_known += usize::from(is_known && frame.id.is_some());
    }
    locked.rollback().await.unwrap();
    loop {
        let frame = subscriber.next().await.unwrap();
        if let Some(name) = frame.event {
            assert_eq!(name, "reset", "the table's present rows continue nothing");
            break;
        }
    }
    let again = subscriber.events(1).await.remove(0);
    assert!(again.id.as_deref().unwrap().ends_with(".1"), "{again:?}");
}

#[sqlx::test]
async fn rows_of_another_epoch_are_not_replayed_but_lead_to_a_reset(pool: PgPool) {
    let (world, ids) = world_with_events(pool).await;
    let feed = Feed::open(world.store.clone(), 1).await.unwrap();
    let opened = feed.subscribe(everything(), LastEventId::Known(resume_id(ids[0]))).await.unwrap();
    assert_eq!(opened.reset, None);
    let mut subscription = opened.subscription;
    start_over(&world.pool).await;
    // The subscriber finds the rows while the tailer cannot read yet.
    let locked = lock(&world, "revisions").await;
    let let_the_tailer_look = async {
        somebody_waits_for(&world, "revisions").await;
        locked.rollback().await.unwrap();
    };
    let both = async { tokio::join!(next_frames(&mut subscription), let_the_tailer_look) };
    let (frames, ()) = while_tailing(&feed, &world, both).await;
    assert_eq!(frames[0].event.as_deref(), Some("reset"), "{frames:?}");
}

#[sqlx::test]
async fn a_replay_from_the_ring_does_not_continue_with_another_epoch(pool: PgPool) {
    let (world, ids) = world_with_events(pool).await;
    let feed = Feed::open(world.store.clone(), 100).await.unwrap();
    let filter = everything();
    let mut early = feed.subscribe(filter.clone(), LastEventId::None).await.unwrap().subscription;
    let newest = *create(&world, 1).await.last().unwrap();
    let frames = while_tailing(&feed, &world, async {
        let mut seen = Vec::new();
        while seen.last() != Some(&newest) {
            seen.extend(next_frames(&mut early).await.iter().filter_map(Frame::feed_id));
        }
        let opened = feed.subscribe(filter, LastEventId::Known(resume_id(ids[9]))).await.unwrap();
        start_over(&world.pool).await;
        eventually("the new epoch is published", || async {
            feed.head().is_some_and(|head| head.epoch == Epoch(1) && head.event >= newest)
        })
        .await;
        let mut subscription = opened.subscription;
        next_frames(&mut subscription).await
    })
    .await;
    assert_eq!(frames[0].event.as_deref(), Some("reset"), "{frames:?}");
}

#[sqlx::test]
async fn rows_of_another_epoch_are_not_published_before_the_reset_is(pool: PgPool) {
    let (world, _) = world_with_events(pool).await;
    let feed = Feed::open(world.store.clone(), 100).await.unwrap();
    let mut subscription = feed.subscribe(everything(), LastEventId::None).await.unwrap().subscription;
    create(&world, 1).await;
    let mut locked = lock(&world, "stream_events").await;
    let frames = while_tailing(&feed, &world, async {
        somebody_waits_for(&world, "stream_events").await;
        start_over(&mut *locked).await;
        locked.commit().await.unwrap();
        next_frames(&mut subscription).await
    })
    .await;
    assert_eq!(frames[0].event.as_deref(), Some("reset"), "{frames:?}");
}

#[sqlx::test]
async fn the_ids_in_a_reset_belong_to_the_epoch_that_they_name(pool: PgPool) {
    let (world, ids) = world_with_events(pool).await;
    let feed = Feed::open(world.store.clone(), 100).await.unwrap();
    start_over(&world.pool).await;
    let reset = feed.subscribe(everything(), LastEventId::Malformed).await.unwrap().reset.unwrap();
    let newest = reset.newest_event_id.unwrap();
    assert_eq!((newest.event, newest.epoch), (ids[9], Epoch(1)));
    assert_eq!(reset.oldest_event_id.unwrap().epoch, Epoch(1));
}

#[sqlx::test]
async fn a_quiet_subscription_has_no_id_of_the_new_epoch_before_its_reset(pool: PgPool) {
    let (world, ids) = world_with_events(pool).await;
    let feed = Feed::open(world.store.clone(), 100).await.unwrap();
    let filter = EventFilter {
        streams: [(world.devnet.contract_id(), "999".parse().unwrap())].into(),
        ..EventFilter::seen_by(Visibility::Everything)
    };
    let mut subscription = feed.subscribe(filter, LastEventId::None).await.unwrap().subscription;
    let old = subscription.resume_id().unwrap();
    start_over(&world.pool).await;
    while_tailing(&feed, &world, async {
        let newest = ids[9];
        eventually("the new epoch is published", || async {
            feed.head().is_some_and(|head| head.epoch == Epoch(1) && head.event >= newest)
        })
        .await;
        subscription.advance_if_quiet();
        assert_eq!(subscription.resume_id(), Some(old), "it has not read yet");
        let locked = lock(&world, "cursors").await;
        assert!(subscription.next().now_or_never().is_none(), "the reset is being read");
        locked.commit().await.unwrap();
        subscription.advance_if_quiet();
        assert_eq!(subscription.resume_id(), None, "a client whose connection breaks here must not miss the reset");
        assert_eq!(next_frames(&mut subscription).await[0].event.as_deref(), Some("reset"));
        subscription.advance_if_quiet();
        assert_eq!(subscription.resume_id().unwrap().position.epoch, Epoch(1));
    })
    .await;
}

#[sqlx::test]
async fn a_list_of_events_does_not_continue_in_another_epoch(pool: PgPool) {
    let (mut world, ids) = world_with_events(pool).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    start_over(&world.pool).await;
    let (_, page) = world.get(&base, "/v1/events?limit=2&order=asc").await;
    assert_eq!(page["nextCursor"], page["events"][1]["id"], "the cursor has the epoch of its page");
    let (status, problem) = world.get(&base, &format!("/v1/events?order=asc&cursor={}", ids[0])).await;
    assert_eq!(status, 400, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("of another epoch"), "{problem}");
}

#[sqlx::test]
async fn the_status_names_the_epoch_of_its_cursor(pool: PgPool) {
    let (mut world, _) = world_with_events(pool).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut locked = lock(&world, "cursors").await;
    let (status, ()) = tokio::join!(world.get(&base, "/v1/status"), async {
        somebody_waits_for(&world, "cursors").await;
        start_over(&mut *locked).await;
        locked.commit().await.unwrap();
    });
    let status = status.1;
    assert_eq!(status["network"]["epoch"], 1, "{status}");
    assert!(status["cursor"].as_str().unwrap().ends_with(".1"), "{status}");
}
