//! Pitfalls 33 to 35: what readers receive.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use flowfi_indexer::{
    devnet::Fault,
    domain::{Epoch, EventId},
    ingest::{LateEvents, write_late},
};
use serde_json::json;
use socket2::{Domain, Socket, Type};
use sqlx::PgPool;
use tokio::time::sleep;

use super::emit;
use crate::{
    completeness::status_says,
    subscribe::{create, small_world},
    world::{GatewaySettings, Subscriber, World, eventually, http_client},
};

// At stake: an event, or the client's trust that each event comes once, at every reconnect.
#[sqlx::test]
async fn p33_the_id_of_a_frame_is_the_events_id_and_resumes_exactly_there(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    let mut live = Subscriber::connect(&base, "all=true", None).await;
    let ids = create(&world, 2).await;
    let frames = live.events(ids.len()).await;
    for (at, frame) in frames.iter().enumerate() {
        let id = frame.id.as_deref().unwrap();
        assert_eq!(id, ids[at].to_string());
        let mut resumed = Subscriber::connect(&base, "all=true", Some(id)).await;
        assert_eq!(resumed.events(ids.len() - at - 1).await, frames[at + 1..]);
    }
}

// At stake: the order of the feed. The ids of late rows are smaller than those that were sent.
#[sqlx::test]
async fn p33_rows_that_come_late_are_stored_and_their_streams_refolded_but_never_sent_live(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.create("alice", "carol", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut subscriber = Subscriber::connect(&base, "all=true", None).await;
    let raws = world.raw_events().await;
    let lost: Vec<EventId> = raws[..2].iter().map(|raw| raw.id).collect();
    world.forget(&lost).await;
    sqlx::query("update streams set deposited = 5 where stream_id = '1'").execute(&world.pool).await.unwrap();

    let contract_id = world.devnet.contract_id();
    let late = LateEvents { events: raws[..2].to_vec(), ..LateEvents::default() };
    let repaired = write_late(&world.store, &contract_id, Epoch(0), late.clone()).await.unwrap().unwrap();
    assert_eq!((repaired.events, repaired.streams), (2, 1));
    let frame = subscriber.next().await.unwrap();
    assert_eq!(frame.event.as_deref(), Some("revised"), "{frame:?}");
    let range = serde_json::json!({"fromId": lost[0], "toId": lost[1]});
    assert_eq!(frame.data, Some(range));
    world.create("alice", "bob", 1_000_000, 100).await;
    world.indexed().await;
    let next = subscriber.ids(2).await;
    assert!(next.iter().all(|id| *id > raws[3].id), "only new events come live: {next:?}");
    world.assert_equal_to_the_chain().await;

    let again = write_late(&world.store, &contract_id, Epoch(0), late).await.unwrap().unwrap();
    assert_eq!(again.events, 0, "a repair can run twice");
    world.assert_equal_to_the_chain().await;
}

/// Creates many streams in one ledger, so that their events are published together. Returns the ids.
async fn create_at_once(world: &World, count: usize) -> Vec<EventId> {
    let before = world.devnet.events_emitted().len();
    let creation = |_| world.devnet.submit(world.creation("alice", "bob", 1_000_000, 100));
    let answers: Vec<_> = (0..count).map(creation).collect();
    world.devnet.close_ledger().unwrap();
    for answer in answers {
        answer.await.unwrap();
    }
    world.devnet.events_emitted().split_off(before)
}

async fn stats(world: &World, base: &str, field: &str) -> u64 {
    world.get(base, "/v1/events/stats").await.1[field].as_u64().unwrap()
}

// At stake: memory, everybody else's feed, or the events that the slow client missed.
#[sqlx::test]
async fn p34_a_slow_consumer_catches_up_from_the_table_and_delays_nobody(pool: PgPool) {
    let settings = GatewaySettings { ring_events: 4, ..GatewaySettings::default() };
    let (world, base) = small_world(pool, settings).await;
    let mut slow = Subscriber::connect(&base, "all=true", None).await;
    let mut fast = Subscriber::connect(&base, "all=true", None).await;
    let ids = create_at_once(&world, 400).await;
    world.indexed().await;
    assert_eq!(fast.ids(ids.len()).await, ids);
    assert_eq!(slow.ids(ids.len()).await, ids);
    assert!(stats(&world, &base, "slowClients").await > 0);
}

// At stake: connections, held by clients that read nothing.
#[sqlx::test]
async fn p34_a_consumer_that_reads_nothing_is_disconnected_at_the_write_deadline(pool: PgPool) {
    let settings = GatewaySettings { write_deadline: Duration::from_millis(300), ..GatewaySettings::default() };
    let (world, base) = small_world(pool, settings).await;
    let _client = takes_nothing(&world, &base).await;
    eventually("it is closed", || async { stats(&world, &base, "connections").await == 0 }).await;
}

/// Returns a subscriber that reads nothing, once more is waiting for it than the buffers can hold.
async fn takes_nothing(world: &World, base: &str) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let address: std::net::SocketAddr = base.strip_prefix("http://").unwrap().parse().unwrap();
    socket.connect(&address.into()).unwrap();
    let mut client = TcpStream::from(socket);
    client
        .write_all(b"GET /v1/events/subscribe?all=true HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .unwrap();
    eventually("it is connected", || async { stats(world, base, "connections").await == 1 }).await;
    create_at_once(world, 800).await;
    world.indexed().await;
    client
}

#[sqlx::test]
async fn p34_a_consumer_that_read_nothing_for_too_long_is_told_to_resume_if_it_still_reads(pool: PgPool) {
    let slow_after = Duration::from_millis(300);
    let (mut world, base) = small_world(pool, GatewaySettings { slow_after, ..GatewaySettings::default() }).await;
    let mut client = takes_nothing(&world, &base).await;
    sleep(2 * slow_after).await;
    let reading = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        text
    });
    let text = reading.await.unwrap();
    let (told, farewell) =
        text.rsplit_once("event: resume\ndata: {\"reason\":\"slow\"}\n\n").expect("it is told to resume");
    assert!(farewell.starts_with("retry: "), "{farewell}");
    // It continues with the first event that it has not seen.
    let last = told.lines().rev().find_map(|line| line.strip_prefix("id: ")).unwrap();
    let patient = world.start_gateway(GatewaySettings::default()).await;
    let mut again = Subscriber::connect(&patient, "all=true", Some(last)).await;
    let last: EventId = last.parse().unwrap();
    let rest: Vec<EventId> = world.devnet.events_emitted().into_iter().filter(|id| *id > last).collect();
    assert_eq!(again.ids(rest.len()).await, rest);
}

// At stake: the operator's time to act before the source drops what is not indexed.
#[sqlx::test]
async fn p35_lag_time_to_data_loss_gaps_and_quarantine_are_numbers(pool: PgPool) {
    let mut world = World::new(pool).await;
    let unknown = world.raw_events().await.remove(0).value;
    let nameless = flowfi_indexer::devnet::RawEvent { topics: Vec::new(), value: unknown };
    emit(&world, world.devnet.contract_id(), vec![nameless]).await;
    world.index_to_the_tip(world.indexer(100)).await;
    sqlx::query("update coverage set from_ledger = from_ledger + 1").execute(&world.pool).await.unwrap();
    world.devnet.inject(Fault::EmptyPages { ledgers: 0 }, None).unwrap();
    world.devnet.close_ledgers(7).unwrap();
    world.devnet.set_retention(8);
    world.start_indexer(100);
    let base = world.start_gateway(GatewaySettings::default()).await;
    let status = status_says(&world, &base, "the lag is seen", |status| status["lagLedgers"] == 7).await;
    assert_eq!((&status["ledgersToDataLoss"], &status["quarantine"]["unknown"]), (&json!(1), &json!(1)));
    assert_eq!(status["holes"], json!([{"fromLedger": 2, "toLedger": 2, "accepted": false}]));
    let metrics = http_client().get(format!("{base}/metrics")).send().await.unwrap().text().await.unwrap();
    for line in ["lag_ledgers 7", "ledgers_to_data_loss 1", "open_holes 1", "quarantined_unknown 1", "ready 0"] {
        assert!(metrics.contains(&format!("\nflowfi_ingest_{line}\n")), "{line}: {metrics}");
    }
}

// At stake: the same numbers, when nothing is wrong.
#[sqlx::test]
async fn p35_at_the_tip_the_lag_is_zero_and_the_time_to_data_loss_is_the_sources_whole_range(pool: PgPool) {
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
    let metrics = http_client().get(format!("{base}/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains(&format!("\nflowfi_ingest_ledgers_to_data_loss {}\n", tip.0 - 1)), "{metrics}");
    assert_eq!(http_client().get(format!("{base}/health/live")).send().await.unwrap().status(), 200);
}
