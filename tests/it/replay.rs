//! What a subscription replays from the table is what its filter says of each event.

use flowfi_indexer::{
    domain::{CommittedEvent, ContractId, EventId, EventType, Visibility},
    store::{EventAtoms, EventRange, StreamKey},
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use sqlx::PgPool;

use crate::queries::random_world;

fn random_atoms(rng: &mut StdRng, events: &[CommittedEvent]) -> EventAtoms {
    let mut atoms = EventAtoms { all: rng.random_ratio(1, 5), ..EventAtoms::seen_by(Visibility::Everything) };
    for _ in 0..rng.random_range(0..4) {
        let event = events.choose(rng).unwrap();
        atoms.users.extend(if rng.random() { event.sender.clone() } else { event.recipient.clone() });
    }
    for _ in 0..rng.random_range(0..4) {
        let event = events.choose(rng).unwrap();
        atoms.streams.extend(event.stream_id.map(|stream_id| (event.contract_id.clone(), stream_id)));
    }
    if rng.random_ratio(1, 3) {
        // Half of them of no contract that there is.
        let contract_id = events.choose(rng).unwrap().contract_id.clone();
        atoms.contract_id = Some(if rng.random() { contract_id } else { ContractId::from_bytes([9; 32]) });
    }
    let somebody = events.choose(rng).and_then(|event| event.sender.clone());
    atoms.visibility = match (rng.random_range(0..4), somebody) {
        (0, Some(address)) => Visibility::Party(address),
        (1, None) => Visibility::Nothing,
        _ => Visibility::Everything,
    };
    if rng.random() {
        atoms.types = EventType::ALL.choose_multiple(rng, 3).copied().collect();
    }
    atoms
}

fn matches(atoms: &EventAtoms, event: &CommittedEvent) -> bool {
    let is_party = |user| Some(user) == event.sender.as_ref() || Some(user) == event.recipient.as_ref();
    let is_stream =
        |(contract_id, stream_id): &StreamKey| *contract_id == event.contract_id && Some(*stream_id) == event.stream_id;
    let is_seen = match &atoms.visibility {
        Visibility::Everything => true,
        Visibility::Party(address) => is_party(address),
        Visibility::Nothing => false,
    };
    is_seen
        && (atoms.all || atoms.users.iter().any(is_party) || atoms.streams.iter().any(is_stream))
        && atoms.contract_id.as_ref().is_none_or(|contract_id| *contract_id == event.contract_id)
        && (atoms.types.is_empty() || event.event_type.known().is_some_and(|known| atoms.types.contains(&known)))
}

#[sqlx::test]
async fn any_replay_is_what_filtering_every_event_gives(pool: PgPool) {
    let (world, _, _) = random_world(pool, 41).await;
    let whole = EventRange { after: EventId::ZERO, up_to: EventId::from_parts(i64::MAX, 0).unwrap() };
    let every = EventAtoms { all: true, ..EventAtoms::seen_by(Visibility::Everything) };
    let events = world.store.matching_events(whole, &every, 1_000_000).await.unwrap();
    assert!(events.len() > 100, "{} events", events.len());
    let mut rng = StdRng::seed_from_u64(42);
    let mut found_in_all = 0;
    for _ in 0..200 {
        let atoms = random_atoms(&mut rng, &events);
        let (one, other) = (events.choose(&mut rng).unwrap().id, events.choose(&mut rng).unwrap().id);
        let range = EventRange { after: one.min(other), up_to: one.max(other) };
        let limit = rng.random_range(1..40);
        let is_in = |event: &&CommittedEvent| event.id > range.after && event.id <= range.up_to;
        let expected = events.iter().filter(is_in).filter(|event| matches(&atoms, event));
        let expected: Vec<EventId> = expected.take(limit).map(|event| event.id).collect();
        let found = world.store.matching_events(range, &atoms, u32::try_from(limit).unwrap()).await.unwrap();
        let found: Vec<EventId> = found.iter().map(|event| event.id).collect();
        assert_eq!(found, expected, "{atoms:?} {range:?}");
        found_in_all += found.len();
    }
    assert!(found_in_all > 500, "{found_in_all} events were found");
}
