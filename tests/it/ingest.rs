//! The indexer against the local network: it writes exactly what is on the chain, whatever goes wrong.

use base64::{Engine, prelude::BASE64_STANDARD};
use flowfi_indexer::{
    devnet::{DevnetArgs, Emit, EventKind, Fault, RawEvent},
    domain::{Address, StreamId, Visibility},
    store::EventListFilter,
};
use serde_json::Value;
use sqlx::PgPool;

use crate::world::World;

/// Returns settings with a history of random legal calls, many in one ledger.
fn with_history(events: u64) -> DevnetArgs {
    DevnetArgs { history_events: events, ..DevnetArgs::by_hand() }
}

#[sqlx::test]
async fn records_equal_the_contracts_own_after_any_history(pool: PgPool) {
    let mut world = World::with_devnet(pool, &with_history(3_000)).await;
    world.start_indexer(1_000);
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn no_fault_of_the_source_loses_or_duplicates_an_event(pool: PgPool) {
    let mut world = World::new(pool).await;
    let faults = [
        (Fault::Status { status: 429, retry_after_seconds: Some(0) }, 2),
        (Fault::Status { status: 502, retry_after_seconds: None }, 2),
        (Fault::RpcError { code: -32603, message: None }, 1),
        (Fault::RpcError { code: -32001, message: None }, 1),
        (Fault::CutBody, 2),
        (Fault::EmptyPages { ledgers: 0 }, 3),
        (Fault::EmptyPages { ledgers: 1 }, 3),
        (Fault::NodeBehind { ledgers: 3 }, 3),
    ];
    world.start_indexer(3);
    for (number, (fault, times)) in (0..).zip(faults) {
        world.create("alice", "bob", 1_000_000 + number, 100).await;
        world.devnet.inject(fault, Some(times)).unwrap();
        world.create("carol", "dave", 2_000_000, 50).await;
        world.indexed().await;
    }
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_malformed_event_is_quarantined_and_stops_nothing(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    let symbol = |text: &str| {
        let padding = vec![0; (4 - text.len() % 4) % 4];
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        BASE64_STANDARD.encode([&[0, 0, 0, 15][..], &length, text.as_bytes(), &padding].concat())
    };
    let stream_one = BASE64_STANDARD.encode([&[0, 0, 0, 5][..], &1_u64.to_be_bytes()].concat());
    let raw = |name: &str, value: [u8; 4]| RawEvent {
        topics: vec![symbol(name), stream_one.clone()],
        value: BASE64_STANDARD.encode(value),
    };
    let emit = Emit {
        contract_id: world.devnet.contract_id(),
        kind: EventKind::Contract,
        events: vec![raw("stream_paused", [0, 0, 0, 1]), raw("stream_split", [0, 0, 0, 99])],
        count: 1,
    };
    let answer = world.devnet.submit(emit);
    world.devnet.close_ledger().unwrap();
    answer.await.unwrap();
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;

    let kept: Vec<(String, String, String)> =
        sqlx::query_as("select kind, name, reason from quarantine order by toid, event_index")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert_eq!((kept[0].0.as_str(), kept[0].1.as_str()), ("refused", "stream_paused"));
    assert!(kept[0].2.contains("not a map"), "{}", kept[0].2);
    assert_eq!((kept[1].0.as_str(), kept[1].1.as_str()), ("unknown", "stream_split"));
    let contract_id = world.devnet.contract_id();
    let unverified = |number| {
        let (store, contract_id) = (world.store.clone(), contract_id.clone());
        async move { store.stream(&contract_id, StreamId(number)).await.unwrap().unwrap().unverified }
    };
    assert!(unverified(1).await, "an unknown event mentioned stream 1");
    assert!(!unverified(2).await);
}

#[sqlx::test]
async fn the_networks_event_about_the_contract_arrives_and_is_not_taken_for_the_contracts_own(pool: PgPool) {
    let mut world = World::new(pool).await;
    let update: Value = serde_json::from_str(include_str!("../fixtures/executable-update.json")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let topics: Vec<_> = update["topics"].as_array().unwrap().iter().map(text).collect();
    let of_later_form = RawEvent { topics: topics[..1].to_vec(), value: text(&update["value"]) };
    let upgrade = RawEvent { topics, value: text(&update["value"]) };
    let events = vec![upgrade, of_later_form];
    let emit = Emit { contract_id: world.devnet.contract_id(), kind: EventKind::System, events, count: 1 };
    let answer = world.devnet.submit(emit);
    world.devnet.close_ledger().unwrap();
    answer.await.unwrap();
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    let kept: Vec<(String, String)> =
        sqlx::query_as("select kind, name from quarantine").fetch_all(&world.pool).await.unwrap();
    assert_eq!(kept, [("unknown".to_owned(), "executable_update".to_owned())], "the upgrade itself is understood");
}

#[sqlx::test]
async fn ledgers_dropped_before_the_first_requested_one_are_not_a_hole(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.devnet.close_ledgers(20).unwrap();
    world.devnet.inject(Fault::Retention { ledgers: 5 }, None).unwrap();
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    let kept: Vec<_> = world.devnet.events_emitted().into_iter().filter(|id| id.ledger().0 > 20).collect();
    assert_eq!(kept.len(), 2, "a fee and a creation");
    assert_eq!(world.stored_ids().await, kept);
}

#[sqlx::test]
async fn two_indexers_write_each_event_once(pool: PgPool) {
    let mut world = World::with_devnet(pool, &with_history(500)).await;
    world.start_indexer(7);
    world.start_indexer(11);
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn filters_by_address_find_events_that_do_not_name_it(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    let bob: Address = world.devnet.account("bob");
    let filter = EventListFilter { address: Some(bob), ..EventListFilter::seen_by(Visibility::Everything) };
    let request = flowfi_indexer::store::PageRequest { limit: 10, start: flowfi_indexer::store::PageStart::Offset(0) };
    let page = world.store.event_page(&filter, request).await.unwrap();
    let types: Vec<_> = page.items.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(types, ["stream.created", "stream.fee_collected"], "newest first; the fee names no party itself");
}
