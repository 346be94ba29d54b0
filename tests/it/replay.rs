//! The filter in Rust decides what is sent live, and the filter in SQL decides what is replayed. They must agree.

use std::{pin::pin, sync::Arc};

use flowfi_indexer::{
    domain::{CommittedEvent, ContractId, EventFilter, EventId, EventType, LedgerSequence, Visibility},
    feed::{Delivery, Feed, LastEventId},
    store::EventRange,
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use sqlx::PgPool;
use tokio::sync::Semaphore;

use crate::queries::random_world;

fn random_filter(rng: &mut StdRng, events: &[CommittedEvent]) -> EventFilter {
    let mut filter = EventFilter { all: rng.random_ratio(1, 5), ..EventFilter::seen_by(Visibility::Everything) };
    for _ in 0..rng.random_range(0..4) {
        let event = events.choose(rng).unwrap();
        filter.users.extend(if rng.random() { event.sender.clone() } else { event.recipient.clone() });
    }
    for _ in 0..rng.random_range(0..4) {
        let event = events.choose(rng).unwrap();
        filter.streams.extend(event.stream_id.map(|stream_id| (event.contract_id.clone(), stream_id)));
    }
    if rng.random_ratio(1, 3) {
        // Half of them belong to a contract that does not exist.
        let contract_id = events.choose(rng).unwrap().contract_id.clone();
        filter.contract_id = Some(if rng.random() { contract_id } else { ContractId::from_bytes([9; 32]) });
    }
    let somebody = events.choose(rng).and_then(|event| event.sender.clone());
    filter.visibility = match (rng.random_range(0..4), somebody) {
        (0, Some(address)) => Visibility::Party(address),
        (1, None) => Visibility::Nothing,
        _ => Visibility::Everything,
    };
    if rng.random() {
        filter.types = EventType::ALL.choose_multiple(rng, 3).copied().collect();
    }
    filter
}

#[sqlx::test]
async fn the_filters_in_rust_and_in_sql_agree_on_every_event(pool: PgPool) {
    let (world, _, _) = random_world(pool, 41).await;
    let whole = EventRange { after: EventId::ZERO, up_to: EventId::from_parts(i64::MAX, 0).unwrap() };
    let every = EventFilter { all: true, ..EventFilter::seen_by(Visibility::Everything) };
    let events = world.store.matching_events(whole, &every, 1_000_000).await.unwrap();
    assert!(events.len() > 100, "{} events", events.len());
    let mut rng = StdRng::seed_from_u64(42);
    let mut found_in_all = 0;
    for _ in 0..200 {
        let filter = random_filter(&mut rng, &events);
        let (one, other) = (events.choose(&mut rng).unwrap().id, events.choose(&mut rng).unwrap().id);
        let range = EventRange { after: one.min(other), up_to: one.max(other) };
        let limit = rng.random_range(1..40);
        let is_in = |event: &&CommittedEvent| event.id > range.after && event.id <= range.up_to;
        let expected = events.iter().filter(is_in).filter(|event| filter.matches(event));
        let expected: Vec<EventId> = expected.take(limit).map(|event| event.id).collect();
        let found = world.store.matching_events(range, &filter, u32::try_from(limit).unwrap()).await.unwrap();
        let found: Vec<EventId> = found.iter().map(|event| event.id).collect();
        assert_eq!(found, expected, "{filter:?} {range:?}");
        found_in_all += found.len();
    }
    assert!(found_in_all > 500, "{found_in_all} events were found");
}

#[sqlx::test]
async fn a_returning_client_reads_the_table_only_in_its_turn(pool: PgPool) {
    let (world, _, _) = random_world(pool, 41).await;
    // A feed that holds no events in memory reads them from the table.
    let feed = Feed::open(world.store.clone(), 1).await.unwrap();
    let first = LastEventId::Known(EventId::end_of_ledger(LedgerSequence(1)).to_string().parse().unwrap());
    let every = EventFilter { all: true, ..EventFilter::seen_by(Visibility::Everything) };
    let turns = Arc::new(Semaphore::new(1));
    let mut ours = feed.subscribe(every.clone(), first).await.unwrap();
    ours.subscription.replay_in_turn(Arc::clone(&turns));
    let mut another_clients = feed.subscribe(every, first).await.unwrap();
    another_clients.subscription.replay_in_turn(Arc::new(Semaphore::new(1)));
    // Both are told first of the records whose events cannot be read. That needs no turn.
    for opened in [&mut ours, &mut another_clients] {
        let told = opened.subscription.next().await.unwrap().expect("the feed goes on");
        assert!(told.iter().all(|delivery| !matches!(delivery, Delivery::Event(_))), "{told:?}");
    }
    let turn = turns.acquire().await.unwrap();
    {
        let mut waits = pin!(ours.subscription.next());
        assert!(futures_util::poll!(&mut waits).is_pending());
        assert!(
            !another_clients.subscription.next().await.unwrap().expect("the feed goes on").is_empty(),
            "another client does not wait"
        );
        assert!(futures_util::poll!(&mut waits).is_pending(), "somebody else of this client has the turn");
    }
    drop(turn);
    assert!(!ours.subscription.next().await.unwrap().expect("the feed goes on").is_empty());
}
