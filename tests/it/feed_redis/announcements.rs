//! Redis announces what does not follow, what is not there, or nothing at all: the table decides.

use std::sync::atomic::{AtomicI64, Ordering};

use flowfi_indexer::{
    devnet::DevnetArgs,
    domain::{CommittedEvent, Epoch, EventFilter, EventId, LedgerSequence, Visibility},
    feed::{self, Delivery, Feed, LastEventId, RedisServer, Subscription},
    postgres::{Durability, PrivateServer},
    store::{CarriedEvents, FeedIdentity, Store},
};
use rand::{SeedableRng, rngs::StdRng};
use secrecy::SecretString;
use sqlx::PgPool;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use super::Redis;
use crate::{
    database_away::Folder,
    world::{DEADLINE, World, eventually},
};

/// A gateway's feed that follows a Redis in which the test announces what it likes.
struct Follower<'a> {
    world: &'a World,
    redis: &'a Redis,
    identity: FeedIdentity,
    feed: Feed,
    subscription: Subscription,
    _tailing: JoinSet<()>,
}

impl<'a> Follower<'a> {
    async fn of(world: &'a World, redis: &'a Redis, store: &Store) -> Self {
        let feed = Feed::open(store.clone(), 100).await.unwrap();
        let everything = EventFilter { all: true, ..EventFilter::seen_by(Visibility::Everything) };
        let subscription = feed.subscribe(everything, LastEventId::None).await.unwrap().subscription;
        let server = RedisServer::new(&SecretString::from(redis.url())).unwrap();
        let by_redis = (server, StdRng::seed_from_u64(7));
        let mut tailing = JoinSet::new();
        tailing.spawn(feed::tail_by_redis(feed.clone(), by_redis, world.stop.child_token()));
        let identity = store.feed_identity().await.unwrap();
        Self { world, redis, identity, feed, subscription, _tailing: tailing }
    }

    /// Makes it follow Redis: announces the position of one event after the other until it does.
    async fn following(mut self) -> Self {
        let deadline = Instant::now() + DEADLINE;
        while !self.feed.stats().follows_redis {
            assert!(Instant::now() < deadline, "it never follows Redis");
            self.world.create("alice", "bob", 1_000, 100).await;
            self.world.indexed().await;
            let position = self.world.store.feed_state().await.unwrap().position;
            self.announce(position, &self.text(position, position, Vec::new())).await;
            self.next_ids().await;
        }
        self
    }

    fn text(&self, since: EventId, position: EventId, events: Vec<CommittedEvent>) -> String {
        self.identity.encode(CarriedEvents { since, position, epoch: Epoch(0), events }).unwrap()
    }

    async fn announce(&self, position: EventId, text: &str) {
        let key = format!("flowfi:feed:{}:0", self.identity.name());
        self.redis.ask::<String>(&["XADD", &key, &position.to_string(), "committed", text]).await;
    }

    async fn next_ids(&mut self) -> Vec<EventId> {
        let deliveries = timeout(DEADLINE, self.subscription.next()).await.expect("something").unwrap();
        let deliveries = deliveries.expect("the feed goes on");
        let ids = deliveries.iter().filter_map(|delivery| match delivery {
            Delivery::Event(published) => Some(published.event.id),
            _ => None,
        });
        ids.collect()
    }

    /// Returns a made-up event in the next ledger, and the feed's head before it.
    async fn made_up(&self) -> (EventId, CommittedEvent) {
        let head = self.feed.head().unwrap().event;
        let id = EventId::of(head.ledger().next(), 1, 0, 7).unwrap();
        let row = self.world.store.events_after(EventId::ZERO, 1).await.unwrap().remove(0);
        (head, CommittedEvent { id, ledger: id.ledger(), ..row })
    }

    /// Announces a made-up event in this text, then makes a real one, and returns whether the made-up one was published.
    async fn publishes(mut self, text: impl FnOnce(&Self, EventId, CommittedEvent) -> String) -> bool {
        let (head, event) = self.made_up().await;
        let id = event.id;
        let text = text(&self, head, event);
        self.announce(id, &text).await;
        self.world.create("carol", "dave", 1_000, 100).await;
        loop {
            let ids = self.next_ids().await;
            if !ids.is_empty() {
                return ids.contains(&id);
            }
        }
    }
}

async fn following<'a>(world: &'a World, redis: &'a Redis) -> Follower<'a> {
    Follower::of(world, redis, &world.store).await.following().await
}

async fn indexed_world(pool: PgPool) -> World {
    let mut world = World::new(pool).await;
    world.start_indexer(100);
    world.create("alice", "bob", 1_000, 100).await;
    world.indexed().await;
    world
}

#[sqlx::test]
async fn only_an_entry_that_follows_what_is_known_is_published(pool: PgPool) {
    let world = indexed_world(pool).await;
    // Each with a Redis of its own, because a made-up position stays.
    let (a, b, c, d) = tokio::join!(Redis::start(), Redis::start(), Redis::start(), Redis::start());
    let not_ours = |_: &Follower, _, _| "{}".to_owned();
    assert!(!following(&world, &a).await.publishes(not_ours).await);
    let beyond = |it: &Follower, _, event: CommittedEvent| it.text(event.id, event.id, vec![event]);
    assert!(!following(&world, &b).await.publishes(beyond).await, "something may lie between");
    let elsewhere =
        |it: &Follower, head, event: CommittedEvent| it.text(head, EventId::end_of_ledger(event.ledger), vec![event]);
    assert!(!following(&world, &c).await.publishes(elsewhere).await, "its id is not its position");
    let follows = |it: &Follower, head, event: CommittedEvent| it.text(head, event.id, vec![event]);
    assert!(following(&world, &d).await.publishes(follows).await, "otherwise this test proves nothing");
}

#[sqlx::test]
async fn a_redis_that_does_not_announce_what_is_committed_is_not_followed(pool: PgPool) {
    let world = indexed_world(pool).await;
    let redis = Redis::start().await;
    let mut follower = following(&world, &redis).await;
    world.create("carol", "dave", 1_000, 100).await;
    while !follower.next_ids().await.contains(world.devnet.events_emitted().last().unwrap()) {}
    // What its first look finds is not expected to be announced.
    eventually("it listens to PostgreSQL", || async {
        world.create("carol", "dave", 1_000, 100).await;
        !follower.feed.stats().follows_redis
    })
    .await;
    world.create("erin", "frank", 1_000, 100).await;
    while !follower.next_ids().await.contains(world.devnet.events_emitted().last().unwrap()) {}
}

#[sqlx::test]
async fn a_redis_that_announces_more_than_the_database_has_is_not_followed(pool: PgPool) {
    let world = indexed_world(pool).await;
    let redis = Redis::start().await;
    let mut follower = following(&world, &redis).await;
    let position = EventId::end_of_ledger(LedgerSequence(1_000_000));
    follower.announce(position, &follower.text(position, position, Vec::new())).await;
    eventually("it listens to PostgreSQL", || async { !follower.feed.stats().follows_redis }).await;
    world.create("carol", "dave", 1_000, 100).await;
    while !follower.next_ids().await.contains(world.devnet.events_emitted().last().unwrap()) {}
}

/// Returns the entries of the first epoch in order: their positions, and what they carry.
async fn entries(redis: &Redis, identity: &FeedIdentity) -> Vec<(EventId, Option<CarriedEvents>)> {
    let key = format!("flowfi:feed:{}:0", identity.name());
    let entries: Vec<(String, Vec<String>)> = redis.ask(&["XRANGE", &key, "-", "+"]).await;
    let entry = |(id, fields): (String, Vec<String>)| {
        let (toid, index) = id.split_once('-').unwrap();
        let position = EventId::from_parts(toid.parse().unwrap(), index.parse().unwrap()).unwrap();
        (position, identity.decode(&fields[1]))
    };
    entries.into_iter().map(entry).collect()
}

#[sqlx::test]
async fn what_redis_lacks_is_filled_from_the_table_unless_it_is_very_much(pool: PgPool) {
    let args = DevnetArgs { history_events: 1_500, ..DevnetArgs::by_hand() };
    let world = World::with_devnet(pool, &args).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let identity = world.store.feed_identity().await.unwrap();
    let stored = world.store.events_after(EventId::ZERO, 10_000).await.unwrap();
    let position = world.store.feed_state().await.unwrap().position;
    for (missing, is_filled) in [(250, true), (1_400, false)] {
        let known = stored[stored.len() - missing - 1].id;
        let redis = Redis::start().await;
        let key = format!("flowfi:feed:{}:0", identity.name());
        redis.ask::<String>(&["XADD", &key, &known.to_string(), "committed", ""]).await;
        let server = RedisServer::new(&SecretString::from(redis.url())).unwrap();
        let mut relaying = JoinSet::new();
        let by_redis = (server, StdRng::seed_from_u64(7));
        relaying.spawn(feed::relay(world.store.clone(), by_redis, world.stop.child_token()));
        eventually("Redis has everything", || async { entries(&redis, &identity).await.last().unwrap().0 == position })
            .await;
        let mut filled: Vec<CommittedEvent> = Vec::new();
        let mut reached = known;
        for (position, carried) in entries(&redis, &identity).await.into_iter().skip(1) {
            let carried = carried.unwrap();
            assert_eq!((carried.since, carried.position), (if is_filled { reached } else { position }, position));
            reached = position;
            filled.extend(carried.events);
        }
        let expected = if is_filled { &stored[stored.len() - missing..] } else { &[] };
        assert_eq!(filled, expected);
    }
}

#[tokio::test]
async fn a_gateway_on_a_replica_publishes_nothing_that_its_replica_lacks() {
    let folder = Folder::new();
    let start = || PrivateServer::start(&folder.0, None, Durability::None);
    let server = start().await.unwrap();
    let pool = PgPool::connect(server.url()).await.unwrap();
    Store::on(pool.clone()).migrate().await.unwrap();
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    world.pool.close().await;
    server.stop();
    std::fs::write(folder.0.join("postgres/standby.signal"), "").unwrap();
    let server = start().await.unwrap();
    world.store = Store::on(PgPool::connect(server.url()).await.unwrap());
    let redis = Redis::start().await;
    let follower = Follower::of(&world, &redis, &world.store).await;
    let (head, event) = follower.made_up().await;
    // Old positions, each newer than the one before.
    let number = AtomicI64::new(0);
    eventually("it follows Redis", || async {
        let position = EventId::from_parts(number.fetch_add(1, Ordering::Relaxed) + 1, 0).unwrap();
        follower.announce(position, &follower.text(position, position, Vec::new())).await;
        follower.feed.stats().follows_redis
    })
    .await;
    let position = event.id;
    follower.announce(position, &follower.text(head, position, vec![event])).await;
    eventually("it gives up waiting", || async { !follower.feed.stats().follows_redis }).await;
    assert_eq!(follower.feed.head().unwrap().event, head);
}
