//! What operators see of open subscriptions.

use flowfi_indexer::{
    domain::{EventFilter, Visibility},
    feed::{self, Client, Feed, FilterKind, LastEventId, OpenConnection, Subscription},
};
use sqlx::PgPool;

use crate::{
    subscribe::create,
    world::{World, eventually},
};

async fn indexed_world(pool: PgPool) -> (World, Feed) {
    let mut world = World::new(pool).await;
    world.start_indexer(100);
    world.indexed().await;
    let feed = Feed::open(world.store.clone(), 100).await.unwrap();
    (world, feed)
}

async fn subscribe(feed: &Feed, filter: EventFilter, last: LastEventId, name: &str) -> Subscription {
    let subscription = feed.subscribe(filter, last).await.unwrap().subscription;
    subscription.introduce(Client { id: name.into(), subject: None });
    subscription
}

fn everything() -> EventFilter {
    EventFilter { all: true, ..EventFilter::seen_by(Visibility::Everything) }
}

fn of(feed: &Feed, name: &str) -> OpenConnection {
    feed.connections().connections.into_iter().find(|open| &*open.client_id == name).expect("it is open")
}

#[sqlx::test]
async fn a_connection_shows_how_far_it_is_behind_until_it_has_read_everything(pool: PgPool) {
    let (world, feed) = indexed_world(pool).await;
    let first = create(&world, 1).await[0];
    let mut slow = subscribe(&feed, everything(), LastEventId::None, "slow").await;
    let resuming = LastEventId::Known(first.to_string().parse().unwrap());
    let mut resuming = subscribe(&feed, everything(), resuming, "resuming").await;
    let taking = async {
        let ids = create(&world, 2).await;
        eventually("all are pending", || async { of(&feed, "slow").pending_events >= ids.len() }).await;
        assert!(of(&feed, "resuming").catching_up, "it has not started to read");
        for (name, subscription) in [("slow", &mut slow), ("resuming", &mut resuming)] {
            while of(&feed, name).pending_events > 0 || of(&feed, name).catching_up {
                subscription.next().await.unwrap().expect("the feed goes on");
            }
        }
    };
    tokio::select! {
        () = feed::tail(feed.clone(), world.stop.clone()) => panic!("the tailer ended"),
        () = taking => {}
    }
    drop(slow);
    assert_eq!(feed.connections().total, 1, "closed connections are not shown");
}

#[sqlx::test]
async fn a_connection_shows_its_filter_and_its_subject_and_nothing_else(pool: PgPool) {
    let (world, feed) = indexed_world(pool).await;
    let filter =
        EventFilter { users: [world.devnet.account("alice")].into(), ..EventFilter::seen_by(Visibility::Everything) };
    let subscription = feed.subscribe(filter, LastEventId::None).await.unwrap().subscription;
    assert_eq!(feed.connections().total, 0, "connections are not shown before they are introduced");
    subscription.introduce(Client { id: "one".into(), subject: Some("GALICE".into()) });
    let shown = feed.connections();
    let [open] = shown.connections.as_slice() else { panic!("{shown:?}") };
    let expected = OpenConnection {
        client_id: "one".into(),
        filter: FilterKind::Users,
        age_seconds: open.age_seconds,
        pending_events: 0,
        catching_up: true,
        subject: Some("GALICE".into()),
    };
    assert_eq!((shown.total, open), (1, &expected));
}

#[sqlx::test]
async fn the_oldest_thousand_connections_are_shown(pool: PgPool) {
    let (_world, feed) = indexed_world(pool).await;
    let mut open = Vec::new();
    for number in 0..1_100 {
        open.push(subscribe(&feed, everything(), LastEventId::None, &number.to_string()).await);
    }
    open.drain(..50);
    let shown = feed.connections();
    assert_eq!((shown.total, shown.connections.len()), (1_050, 1_000));
    let names: Vec<String> = shown.connections.iter().map(|open| open.client_id.to_string()).collect();
    assert_eq!(names, (50..1_050).map(|number: i32| number.to_string()).collect::<Vec<_>>());
}
