//! The event stream seen from outside: every matching event once and in order, wherever a client resumes.

use std::time::Duration;

use flowfi_indexer::{
    devnet::{Call, Devnet},
    domain::{Amount, EventFilter, EventId, LedgerSequence, StreamId, Visibility},
    feed::{self, Feed, LastEventId},
};
use sqlx::PgPool;
use tokio::time::timeout;

use crate::world::{DEADLINE, Frame, GatewaySettings, Subscriber, World, eventually, http_client};

pub async fn small_world(pool: PgPool, settings: GatewaySettings) -> (World, String) {
    let mut world = World::new(pool).await;
    world.devnet.close_ledger().unwrap();
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(settings).await;
    (world, base)
}

/// Creates `count` streams and returns the ids of the events, fees included.
pub async fn create(world: &World, count: usize) -> Vec<EventId> {
    let before = world.devnet.events_emitted().len();
    for _ in 0..count {
        world.create("alice", "bob", 1_000_000, 100).await;
    }
    world.indexed().await;
    world.devnet.events_emitted().split_off(before)
}

fn pause(stream: u64) -> Call {
    Call::Pause { stream_id: StreamId(stream), caller: None }
}

#[sqlx::test]
async fn a_created_stream_arrives_as_a_frame_with_its_fields(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    let mut subscriber = Subscriber::connect(&base, "all=true", None).await;
    assert_eq!(subscriber.header("content-type"), Some("text/event-stream"));
    assert_eq!(subscriber.header("x-accel-buffering"), Some("no"));
    assert!(subscriber.header("cache-control").unwrap().contains("no-store"));
    let receipt = world.create("alice", "bob", 1_000_000, 100).await;

    let frames = subscriber.events(2).await;
    assert_eq!(frames[0].event.as_deref(), Some("stream.fee_collected"));
    let data = frames[1].data.as_ref().unwrap();
    assert_eq!(frames[1].event.as_deref(), Some("stream.created"));
    assert_eq!(data["id"], frames[1].id.clone().unwrap());
    assert_eq!(data["sender"], world.devnet.account("alice").as_str());
    assert_eq!(data["recipient"], world.devnet.account("bob").as_str());
    assert_eq!((&data["streamId"], &data["amount"]), (&"1".into(), &"997500".into()), "strings, net of the fee");
    assert_eq!(data["ratePerSecond"], "9975");
    assert_eq!(data["ledger"], receipt.ledger.0);
    assert_eq!(data["transactionHash"].as_str().map(str::len), Some(64));
    assert_eq!(frames[0].data.as_ref().unwrap()["recipient"], data["recipient"], "a fee has the stream's parties");
}

#[sqlx::test]
async fn a_client_resumes_after_the_last_event_id_without_gaps_or_duplicates(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    let ids = create(&world, 5).await;
    for (at, id) in ids.iter().enumerate() {
        let mut subscriber = Subscriber::connect(&base, "all=true", Some(&id.to_string())).await;
        assert_eq!(subscriber.ids(ids.len() - at - 1).await, ids[at + 1..], "after {id}");
    }
}

#[sqlx::test]
async fn a_replay_from_the_table_continues_live(pool: PgPool) {
    let settings = GatewaySettings { ring_events: 4, ..GatewaySettings::default() };
    let (world, base) = small_world(pool, settings).await;
    let mut ids = create(&world, 300).await;
    let resume_after = ids[0].to_string();
    let mut subscriber = Subscriber::connect(&base, "all=true", Some(&resume_after)).await;
    ids.extend(create(&world, 20).await);
    assert_eq!(subscriber.ids(ids.len() - 1).await, ids[1..]);
}

#[sqlx::test]
async fn the_header_takes_precedence_over_the_parameter(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    let ids = create(&world, 3).await;
    let query = format!("all=true&lastEventId={}", ids[0]);
    let mut by_parameter = Subscriber::connect(&base, &query, None).await;
    assert_eq!(by_parameter.ids(ids.len() - 1).await, ids[1..]);
    let mut by_both = Subscriber::connect(&base, &query, Some(&ids[3].to_string())).await;
    assert_eq!(by_both.ids(ids.len() - 4).await, ids[4..]);
    let mut by_an_empty_header = Subscriber::connect(&base, &query, Some("")).await;
    assert_eq!(by_an_empty_header.ids(ids.len() - 1).await, ids[1..], "an empty header says nothing");
}

#[sqlx::test]
async fn conditions_are_alternatives_and_types_narrow_them(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    let erin = world.devnet.account("erin");
    let mut of_two = Subscriber::connect(&base, "streams=2", None).await;
    let mut of_erin = Subscriber::connect(&base, &format!("users={erin}&types=stream.created"), None).await;
    let query = format!("streams=1,3&users={erin}&types=stream.paused&types=stream.created");
    let mut of_many = Subscriber::connect(&base, &query, None).await;

    world.create("alice", "bob", 1_000_000, 100).await;
    world.create("carol", "dave", 1_000_000, 100).await;
    world.create("frank", "erin", 1_000_000, 100).await;
    world.call(pause(2)).await;
    world.call(pause(3)).await;
    world.call(Call::TopUp { stream_id: StreamId(3), caller: None, amount: Amount(5_000) }).await;
    world.create("erin", "bob", 1_000_000, 100).await;

    let seen = |frames: Vec<crate::world::Frame>| -> Vec<String> {
        let text = |frame: crate::world::Frame| {
            format!("{} {}", frame.event.unwrap(), frame.data.unwrap()["streamId"].as_str().unwrap())
        };
        frames.into_iter().map(text).collect()
    };
    assert_eq!(seen(of_two.events(3).await), ["stream.fee_collected 2", "stream.created 2", "stream.paused 2"]);
    assert_eq!(seen(of_erin.events(2).await), ["stream.created 3", "stream.created 4"]);
    let expected = ["stream.created 1", "stream.created 3", "stream.paused 3", "stream.created 4"];
    assert_eq!(seen(of_many.events(4).await), expected);
}

#[sqlx::test]
async fn an_event_that_matches_two_conditions_comes_once(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    let (alice, bob) = (world.devnet.account("alice"), world.devnet.account("bob"));
    let mut subscriber = Subscriber::connect(&base, &format!("streams=1,2&users={alice},{bob}"), None).await;
    let ids = create(&world, 2).await;
    assert_eq!(subscriber.ids(ids.len()).await, ids);
}

#[sqlx::test]
async fn a_node_that_is_behind_does_not_repeat_what_the_client_has(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.start_indexer(100);
    world.indexed().await;
    let feed = Feed::open(world.store.clone(), 100).await.unwrap();
    // Nobody is tailing the table yet, so this node has not seen what another node has shown the client.
    let ids = create(&world, 3).await;
    let all = EventFilter { all: true, ..EventFilter::seen_by(Visibility::Everything) };
    let mut opened = feed.subscribe(all, LastEventId::Known(ids[2].to_string().parse().unwrap())).await.unwrap();
    assert_eq!(opened.reset, None);
    let deliveries = async {
        let mut deliveries = Vec::new();
        while deliveries.len() < ids.len() - 3 {
            deliveries.extend(opened.subscription.next().await.unwrap().expect("the feed goes on"));
        }
        deliveries
    };
    let deliveries = tokio::select! {
        () = feed::tail(feed.clone(), world.stop.clone()) => panic!("the tailer ended"),
        deliveries = timeout(DEADLINE, deliveries) => deliveries.expect("the events arrive"),
    };
    let seen: Vec<_> = deliveries.iter().filter_map(|delivery| Frame::of(delivery).feed_id()).collect();
    assert_eq!(seen, ids[3..]);
}

async fn reset_of(base: &str, last_event_id: &str) -> serde_json::Value {
    let mut subscriber = Subscriber::connect(base, "all=true", Some(last_event_id)).await;
    let frame = subscriber.next().await.unwrap();
    assert_eq!(frame.event.as_deref(), Some("reset"), "after {last_event_id}");
    frame.data.unwrap()
}

#[sqlx::test]
async fn a_client_whose_id_cannot_be_resumed_from_is_told_so_and_continues_live(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    let ids = create(&world, 2).await;
    assert_eq!(reset_of(&base, "not an id").await["reason"], "malformed");
    let beyond = EventId::end_of_ledger(LedgerSequence(4_000)).to_string();
    let reset = reset_of(&base, &beyond).await;
    assert_eq!(reset["reason"], "beyondTip");
    assert_eq!(reset["newestEventId"], ids.last().unwrap().to_string());
    assert_eq!(reset["oldestEventId"], world.devnet.events_emitted()[0].to_string());
    assert_eq!(reset_of(&base, &EventId::ZERO.to_string()).await["reason"], "beforeOldest");

    let mut subscriber = Subscriber::connect(&base, "all=true", Some(&beyond)).await;
    let ids = create(&world, 1).await;
    assert_eq!(subscriber.ids(ids.len()).await, ids);
}

#[sqlx::test]
async fn a_client_whose_connection_breaks_before_its_reset_has_no_id_that_claims_it_was_told(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    let newest = EventId::end_of_ledger(world.devnet.latest_ledger()).to_string();
    let mut subscriber = Subscriber::connect(&base, "all=true", Some("not an id")).await;
    assert_eq!(subscriber.last_id, None);
    let reset = subscriber.next().await.unwrap();
    assert_eq!((reset.event.as_deref(), reset.id), (Some("reset"), Some(newest)), "id and reset are in one frame");
}

#[sqlx::test]
async fn a_client_that_has_seen_nothing_yet_resumes_from_where_it_connected(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let connected = http_client().get(format!("{base}/v1/events/subscribe?streams=1")).send().await.unwrap();
    let mut connected = connected;
    let text = String::from_utf8(connected.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    let id = text.lines().find_map(|line| line.strip_prefix("id: ")).expect("the first frame has an id").to_owned();
    drop(connected);
    let ids = create(&world, 1).await;
    let mut subscriber = Subscriber::connect(&base, "streams=1", Some(&id)).await;
    assert_eq!(subscriber.ids(ids.len()).await, ids);
}

#[sqlx::test]
async fn the_id_of_a_quiet_subscription_advances_with_the_feed(pool: PgPool) {
    let settings = GatewaySettings { heartbeat: Duration::from_millis(20), ..GatewaySettings::default() };
    let (world, base) = small_world(pool, settings).await;
    let mut subscriber = Subscriber::connect(&base, "streams=999", None).await;
    let newest = create(&world, 2).await.pop().unwrap().to_string();
    let mut heartbeats = 0;
    loop {
        let frame = subscriber.next().await.unwrap();
        assert_eq!(frame.event, None, "nothing matches: {frame:?}");
        heartbeats += usize::from(frame.is_comment);
        if frame.id.is_some_and(|id| id >= newest) {
            break;
        }
    }
    assert!(heartbeats > 0);
}

#[sqlx::test]
async fn a_stop_ends_every_stream_with_a_time_to_reconnect(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    let mut subscriber = Subscriber::connect(&base, "all=true", None).await;
    world.stop.cancel();
    let farewell = subscriber.next().await.unwrap();
    assert!((2_000..=7_000).contains(&farewell.retry.unwrap()), "{farewell:?}");
    assert_eq!(subscriber.next().await, None);
}

#[sqlx::test]
async fn the_stats_count_connections_by_filter_until_they_are_gone(pool: PgPool) {
    let settings = GatewaySettings { heartbeat: Duration::from_millis(20), ..GatewaySettings::default() };
    let (world, base) = small_world(pool, settings).await;
    let stats = || async {
        let answer = http_client().get(format!("{base}/v1/events/stats")).send().await.unwrap();
        answer.json::<serde_json::Value>().await.unwrap()
    };
    let alice = world.devnet.account("alice");
    let all = Subscriber::connect(&base, "all=true", None).await;
    let user = Subscriber::connect(&base, &format!("users={alice}"), None).await;
    let open = stats().await;
    assert_eq!((&open["connections"], &open["peakConnections"]), (&2.into(), &2.into()));
    assert_eq!(open["byFilter"], serde_json::json!({"all": 1, "streams": 0, "users": 1, "mixed": 0}));
    drop((all, user));
    eventually("the connections are seen to be gone", || async { stats().await["connections"] == 0 }).await;
    assert_eq!(stats().await["peakConnections"], 2);
}

#[sqlx::test]
async fn subscribers_that_come_and_go_see_every_event_once(pool: PgPool) {
    let settings = GatewaySettings { ring_events: 16, ..GatewaySettings::default() };
    let (world, base) = small_world(pool, settings).await;
    let connected_at = create(&world, 1).await.pop().unwrap();
    let emitted_before = world.devnet.events_emitted().len();
    let total: usize = 240;
    let clients = (0..8_usize).map(|client| follow(base.clone(), connected_at, total, client + 1));
    let (seen, ()) = tokio::join!(futures_util::future::join_all(clients), emit(&world.devnet, &world, total / 2));
    let emitted = world.devnet.events_emitted().split_off(emitted_before);
    for ids in seen {
        assert_eq!(ids, emitted);
    }
}

async fn emit(devnet: &Devnet, world: &World, streams: usize) {
    for _ in 0..streams {
        drop(devnet.submit(world.creation("alice", "bob", 1_000_000, 100)));
        devnet.close_ledger().unwrap();
        tokio::task::yield_now().await;
    }
}

/// Reads `total` events, reconnecting after every `stride` of them.
async fn follow(base: String, mut after: EventId, total: usize, stride: usize) -> Vec<EventId> {
    let mut seen = Vec::new();
    while seen.len() < total {
        let mut subscriber = Subscriber::connect(&base, "all=true", Some(&after.to_string())).await;
        seen.extend(subscriber.ids(stride.min(total - seen.len())).await);
        after = *seen.last().unwrap();
    }
    seen
}
