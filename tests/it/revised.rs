//! What a client that reconnects is told about rows that came late while it was away, and what its last id says about
//! that.

use std::time::Duration;

use flowfi_indexer::{
    domain::{EventFilter, EventId, ResumeId, Visibility},
    feed::{self, Feed, LastEventId, Subscription},
    ingest::{Indexer, IngestSettings, LateEvents, OnReset, write_late},
};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::time::timeout;

use crate::{
    openapi::described::Described,
    subscribe::create,
    world::{DEADLINE, Frame, GatewaySettings, Subscriber, World, eventually, http_client},
};

/// Returns an indexed world with five streams, and the ids of their events.
async fn world_with_events(pool: PgPool) -> (World, Vec<EventId>) {
    let mut world = World::new(pool).await;
    world.start_indexer(100);
    let ids = create(&world, 5).await;
    (world, ids)
}

/// Takes an event out of the table and writes it again, late: a revision whose range is that event.
pub async fn revise(world: &World, id: EventId) {
    world.forget(&[id]).await;
    let raw = world.raw_events().await.into_iter().find(|raw| raw.id == id).unwrap();
    let late = LateEvents { events: vec![raw], ..LateEvents::default() };
    write_late(&world.store, &world.devnet.contract_id(), world.store.epoch().await.unwrap(), late)
        .await
        .unwrap()
        .unwrap();
}

/// Reads up to the next new event, and returns the `revised` notices that came before it.
async fn revisions_before_the_next_event(world: &World, subscriber: &mut Subscriber) -> Vec<Value> {
    let expected = create(world, 1).await[0];
    let mut revised = Vec::new();
    loop {
        let frame = subscriber.next().await.unwrap();
        if frame.feed_id() == Some(expected) {
            return revised;
        }
        revised.extend(frame.data.filter(|_| frame.event.as_deref() == Some("revised")));
    }
}

fn range(from: EventId, to: EventId) -> Value {
    json!({"fromId": from, "toId": to})
}

/// Reads until the id says that every revision up to this one was told.
pub async fn until_told(subscriber: &mut Subscriber, revision: i64) {
    let told = |id: &String| id.parse::<ResumeId>().unwrap().revision;
    let reading = async {
        while subscriber.last_id.as_ref().map(told) != Some(revision) {
            subscriber.next().await.expect("the stream continues");
        }
    };
    timeout(DEADLINE, reading).await.expect("the notice arrives within the deadline");
}

#[sqlx::test]
async fn a_client_that_was_away_during_a_repair_is_told_once_when_it_reconnects(pool: PgPool) {
    let (mut world, ids) = world_with_events(pool).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let connected = Subscriber::connect(&base, "all=true", None).await;
    let last_id = connected.last_id.clone().unwrap();
    assert_eq!(last_id.parse::<EventId>().unwrap().ledger(), world.devnet.latest_ledger(), "only a position");
    drop(connected);
    revise(&world, ids[1]).await;

    let mut back = Subscriber::connect(&base, "all=true", Some(&last_id)).await;
    assert_eq!(back.last_id.as_ref(), Some(&last_id), "it has not been told yet");
    let notice = back.next().await.unwrap();
    assert_eq!((notice.event.as_deref(), notice.id), (Some("revised"), None));
    assert_eq!(notice.data, Some(range(ids[1], ids[1])));
    let renewed = back.next().await.unwrap();
    let told = format!("{last_id}.0.1");
    assert_eq!(renewed, Frame { id: Some(told.clone()), ..Frame::default() });
    drop(back);

    let mut again = Subscriber::connect(&base, "all=true", Some(&told)).await;
    assert_eq!(again.last_id, Some(told));
    assert_eq!(revisions_before_the_next_event(&world, &mut again).await, Vec::<Value>::new());
}

#[sqlx::test]
async fn a_client_whose_connection_broke_between_the_notice_and_its_id_is_told_again(pool: PgPool) {
    let (mut world, ids) = world_with_events(pool).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut connected = Subscriber::connect(&base, "all=true", None).await;
    revise(&world, ids[0]).await;
    assert_eq!(connected.next().await.unwrap().event.as_deref(), Some("revised"));
    let mut back = Subscriber::connect(&base, "all=true", connected.last_id.as_deref()).await;
    assert_eq!(back.next().await.unwrap().event.as_deref(), Some("revised"));
}

#[sqlx::test]
async fn a_client_that_was_told_while_it_was_connected_is_not_told_again(pool: PgPool) {
    let (mut world, ids) = world_with_events(pool).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut connected = Subscriber::connect(&base, "all=true", None).await;
    revise(&world, ids[0]).await;
    until_told(&mut connected, 1).await;
    let mut back = Subscriber::connect(&base, "all=true", connected.last_id.as_deref()).await;
    assert_eq!(revisions_before_the_next_event(&world, &mut back).await, Vec::<Value>::new());
}

#[sqlx::test]
async fn revisions_during_an_absence_are_told_in_one_notice(pool: PgPool) {
    let (mut world, ids) = world_with_events(pool).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let last_id = Subscriber::connect(&base, "all=true", None).await.last_id;
    for late in [ids[6], ids[1], ids[3]] {
        revise(&world, late).await;
    }
    let mut back = Subscriber::connect(&base, "all=true", last_id.as_deref()).await;
    until_told(&mut back, 3).await;
    let mut back = Subscriber::connect(&base, "all=true", last_id.as_deref()).await;
    assert_eq!(revisions_before_the_next_event(&world, &mut back).await, [range(ids[1], ids[6])]);
    assert_eq!(back.last_id.as_deref().map(|id| id.ends_with(".0.3")), Some(true), "{:?}", back.last_id);
}

#[sqlx::test]
async fn a_client_is_told_of_missed_revisions_before_it_gets_missed_events(pool: PgPool) {
    let (mut world, ids) = world_with_events(pool).await;
    // First from the ring, then from the table.
    for ring_events in [10_000, 1] {
        let base = world.start_gateway(GatewaySettings { ring_events, ..GatewaySettings::default() }).await;
        let mut watching = Subscriber::connect(&base, "all=true", None).await;
        revise(&world, ids[0]).await;
        let revision = world.store.feed_state().await.unwrap().revision;
        until_told(&mut watching, revision).await;
        let mut told = Subscriber::connect(&base, "all=true", Some(&ids[1].to_string())).await;
        assert_eq!(told.next().await.unwrap().event.as_deref(), Some("revised"));
        assert_eq!(told.next().await.unwrap().id, Some(format!("{}.0.{revision}", ids[1])));
        assert_eq!(told.ids(ids.len() - 2).await, ids[2..]);
        until_told(&mut told, revision).await;
    }
}

#[sqlx::test]
async fn a_new_client_need_not_be_told_of_earlier_revisions(pool: PgPool) {
    let (mut world, ids) = world_with_events(pool).await;
    revise(&world, ids[0]).await;
    let settings = GatewaySettings { heartbeat: Duration::from_millis(20), ..GatewaySettings::default() };
    let base = world.start_gateway(settings).await;
    let request = http_client().get(format!("{base}/v1/events/subscribe?streams=999")).send().await;
    let text = String::from_utf8(request.unwrap().chunk().await.unwrap().unwrap().to_vec()).unwrap();
    let position = EventId::end_of_ledger(world.devnet.latest_ledger());
    assert!(text.contains(&format!("\nid: {position}.0.1\nevent: connected\n")), "{text}");
    assert!(text.contains(&format!(r#""lastEventId":"{position}""#)), "ids in JSON are those of events: {text}");

    let mut quiet = Subscriber::connect(&base, "streams=999", None).await;
    let newest = *create(&world, 1).await.last().unwrap();
    loop {
        let frame = quiet.next().await.unwrap();
        assert_eq!(frame.event, None, "it gets no notice: {frame:?}");
        if frame.id.is_some_and(|id| id.parse::<ResumeId>().unwrap().position.event >= newest) {
            break;
        }
    }
    assert!(quiet.last_id.as_deref().unwrap().ends_with(".0.1"), "{:?}", quiet.last_id);
}

#[sqlx::test]
async fn events_after_a_revision_show_it_in_their_id_and_not_in_their_json(pool: PgPool) {
    let (mut world, ids) = world_with_events(pool).await;
    revise(&world, ids[0]).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut subscriber = Subscriber::connect(&base, "all=true", None).await;
    let id = create(&world, 1).await[0];
    let frame = subscriber.events(1).await.remove(0);
    assert_eq!(frame.id, Some(format!("{id}.0.1")));
    assert_eq!(frame.data.as_ref().unwrap()["id"], id.to_string());
    Described::new().check_frame(&frame);
    let cursor = frame.id.unwrap();
    let (status, page) = world.get(&base, &format!("/v1/events?order=asc&cursor={cursor}")).await;
    assert_eq!((status, &page["events"][0]["ledger"]), (200, &json!(id.ledger())), "a list can continue from it too");
}

async fn first_notice(base: &str, last_id: &str) -> Option<String> {
    let mut subscriber = Subscriber::connect(base, "all=true", Some(last_id)).await;
    let frame = subscriber.next().await.unwrap();
    let data = frame.data.unwrap();
    frame.event.map(|name| data["reason"].as_str().map_or(name, ToOwned::to_owned))
}

#[sqlx::test]
async fn an_id_in_an_older_form_gets_every_revision_and_one_with_a_bad_suffix_is_malformed(pool: PgPool) {
    let (mut world, ids) = world_with_events(pool).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    revise(&world, ids[0]).await;
    eventually("the node has learned of it", || async {
        first_notice(&base, &ids[0].to_string()).await.as_deref() == Some("revised")
    })
    .await;
    for suffix in [".", ".0", ".x", ".0.", ".0.0", ".0.x", ".0.-1", ".0.01", ".0.1.1", ".0.9223372036854775808"] {
        let notice = first_notice(&base, &format!("{}{suffix}", ids[0])).await;
        assert_eq!(notice.as_deref(), Some("malformed"), "{suffix}");
    }
    let of_parameter = format!("all=true&lastEventId={}", ids[0]);
    let mut by_parameter = Subscriber::connect(&base, &of_parameter, None).await;
    assert_eq!(by_parameter.next().await.unwrap().event.as_deref(), Some("revised"));
    let of_parameter = format!("all=true&lastEventId={}.0.1", ids[0]);
    let mut by_parameter = Subscriber::connect(&base, &of_parameter, None).await;
    assert_eq!(by_parameter.next().await.unwrap().feed_id(), Some(ids[1]));
    for suffix in [".1", ".1.1"] {
        let notice = first_notice(&base, &format!("{}{suffix}", ids[0])).await;
        assert_eq!(notice.as_deref(), Some("networkReset"), "{suffix}");
    }
    let notice = first_notice(&base, &format!("{}.0.2", ids[0])).await;
    assert_eq!(notice.as_deref(), Some("beyondTip"), "there was no second revision");
}

#[sqlx::test]
async fn after_a_reset_revisions_are_counted_from_the_start(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(10).unwrap();
    let settings = IngestSettings { on_reset: OnReset::Archive, ..world.settings() };
    world.start(Indexer::new(world.source(), Vec::new(), world.store.clone(), settings));
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut subscriber = Subscriber::connect(&base, "all=true", None).await;
    for _ in 0..2 {
        revise(&world, world.devnet.events_emitted()[0]).await;
    }
    until_told(&mut subscriber, 2).await;
    let of_old_network = subscriber.last_id.clone().unwrap();

    world.devnet.reset().unwrap();
    let reset = subscriber.next().await.unwrap();
    assert_eq!(reset.event.as_deref(), Some("reset"), "{reset:?}");
    let ids = create(&world, 1).await;
    let told_nothing = subscriber.events(3).await.pop().unwrap().id.unwrap();
    assert_eq!(told_nothing, format!("{}.1", ids[1]));
    revise(&world, ids[0]).await;
    until_told(&mut subscriber, 1).await;
    assert_eq!(subscriber.last_id.as_deref(), Some(format!("{told_nothing}.1").as_str()));

    let mut back = Subscriber::connect(&base, "all=true", Some(&told_nothing)).await;
    let notice = back.next().await.unwrap();
    assert_eq!(notice.data, Some(json!({"fromId": format!("{}.1", ids[0]), "toId": format!("{}.1", ids[0])})));
    let mut back = Subscriber::connect(&base, "all=true", subscriber.last_id.as_deref()).await;
    assert_eq!(revisions_before_the_next_event(&world, &mut back).await, Vec::<Value>::new());
    assert_eq!(first_notice(&base, &of_old_network).await.as_deref(), Some("networkReset"));
}

#[sqlx::test]
async fn a_client_that_one_gateway_told_is_not_told_again_by_another(pool: PgPool) {
    let (mut world, ids) = world_with_events(pool).await;
    let one = world.start_gateway(GatewaySettings::default()).await;
    let other = world.start_gateway(GatewaySettings::default()).await;
    let mut subscriber = Subscriber::connect(&one, "all=true", None).await;
    revise(&world, ids[0]).await;
    until_told(&mut subscriber, 1).await;
    let mut moved = Subscriber::connect(&other, "all=true", subscriber.last_id.as_deref()).await;
    assert_eq!(revisions_before_the_next_event(&world, &mut moved).await, Vec::<Value>::new());
}

fn everything() -> EventFilter {
    EventFilter { all: true, ..EventFilter::seen_by(Visibility::Everything) }
}

/// Reads frames until one satisfies the condition; that one is returned last.
async fn frames_until(subscription: &mut Subscription, is_last: impl Fn(&Frame) -> bool) -> Vec<Frame> {
    let mut frames = Vec::new();
    while !frames.last().is_some_and(&is_last) {
        let next = timeout(DEADLINE, subscription.next()).await.expect("something within the deadline").unwrap();
        frames.extend(next.expect("the feed goes on").iter().map(Frame::of));
    }
    frames
}

/// Lets the feed follow the table until the future is done.
async fn while_tailing<T>(feed: &Feed, world: &World, work: impl Future<Output = T>) -> T {
    tokio::select! {
        () = feed::tail(feed.clone(), world.stop.clone()) => panic!("the tailer ended"),
        done = work => done,
    }
}

fn names(frames: &[Frame]) -> Vec<&str> {
    frames.iter().filter_map(|frame| frame.event.as_deref()).collect()
}

#[sqlx::test]
async fn a_node_that_is_behind_tells_a_client_only_of_later_revisions(pool: PgPool) {
    let (world, ids) = world_with_events(pool).await;
    let feed = Feed::open(world.store.clone(), 100).await.unwrap();
    revise(&world, ids[0]).await;
    // Another node has told the client of the first revision, which this node does not know yet.
    let last: ResumeId = format!("{}.0.1", ids.last().unwrap()).parse().unwrap();
    let opened = feed.subscribe(everything(), LastEventId::Known(last)).await.unwrap();
    assert_eq!((opened.reset, opened.subscription.resume_id()), (None, Some(last)));
    let mut subscription = opened.subscription;
    revise(&world, ids[3]).await;
    let is_told = |frame: &Frame| frame.id.as_deref().is_some_and(|id| id.ends_with(".0.2"));
    let frames = while_tailing(&feed, &world, frames_until(&mut subscription, is_told)).await;
    assert_eq!(names(&frames), ["revised"]);
}

#[sqlx::test]
async fn revisions_while_the_database_was_away_are_told_when_it_is_back(pool: PgPool) {
    let (world, ids) = world_with_events(pool).await;
    let feed = Feed::open(world.store.clone(), 100).await.unwrap();
    let mut subscription = feed.subscribe(everything(), LastEventId::None).await.unwrap().subscription;
    let is_told =
        |revision: &'static str| move |frame: &Frame| frame.id.as_deref().is_some_and(|id| id.ends_with(revision));
    revise(&world, ids[0]).await;
    while_tailing(&feed, &world, frames_until(&mut subscription, is_told(".0.1"))).await;
    // The tailer is gone, as after its connection broke, and comes back.
    revise(&world, ids[1]).await;
    let frames = while_tailing(&feed, &world, frames_until(&mut subscription, is_told(".0.2"))).await;
    assert_eq!(frames[0].data, Some(range(ids[1], ids[1])));
}
