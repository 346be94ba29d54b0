//! The state that the chain reported for a stream is kept: late rows over an incomplete history and a reindex do not
//! undo it.

use flowfi_indexer::{
    devnet::Call,
    domain::{Amount, Epoch, EventId, LedgerSequence, StreamEntry, StreamId},
    ingest::{LateEvents, write_late},
};
use sqlx::PgPool;

use crate::{
    verify::{COMPARE, REPAIR},
    world::World,
};

const STREAM: StreamId = StreamId(1);

impl World {
    /// Indexes a stream that was topped up, withdrawn from and cancelled, without the events of these numbers, as if
    /// they had never been seen.
    async fn without(pool: PgPool, lost: &[usize]) -> (Self, Vec<EventId>) {
        let mut world = Self::new(pool).await;
        world.create("alice", "bob", 1_000_000, 1_000).await;
        world.call(Call::TopUp { stream_id: STREAM, caller: None, amount: Amount(500) }).await;
        world.call(Call::Pause { stream_id: STREAM, caller: None }).await;
        world.call(Call::Cancel { stream_id: STREAM, caller: None }).await;
        world.start_indexer(100);
        world.indexed().await;
        let ids = world.devnet.events_emitted();
        let lost: Vec<EventId> = lost.iter().map(|number| ids[*number]).collect();
        world.forget(&lost).await;
        sqlx::query("truncate streams").execute(&world.pool).await.unwrap();
        sqlx::query(
            "update stream_events set sender = null, recipient = null, token = null where type <> 'stream.created'",
        )
        .execute(&world.pool)
        .await
        .unwrap();
        (world, lost)
    }

    async fn write_again(&self, ids: &[EventId]) {
        let mut events = self.raw_events().await;
        events.retain(|raw| ids.contains(&raw.id));
        assert_eq!(events.len(), ids.len());
        let late = LateEvents { events, ..LateEvents::default() };
        write_late(&self.store, &self.devnet.contract_id(), Epoch(0), late).await.unwrap().unwrap();
    }

    /// Checks that the record equals the chain's, and that every event row of the stream has its parties.
    async fn assert_as_the_chain_says(&self) {
        let record = self.store.stream(&self.devnet.contract_id(), STREAM).await.unwrap().expect("there is a record");
        assert_eq!(Some(StreamEntry::from(&record)), self.devnet.stream_entry(STREAM));
        let query = "select count(*) from stream_events where stream_id = '1' and (sender is null or recipient is null or token is null)";
        let without_parties: i64 = sqlx::query_scalar(query).fetch_one(&self.pool).await.unwrap();
        assert_eq!(without_parties, 0, "event rows keep their parties");
        let verified = self.verified(COMPARE).await;
        assert!(verified.is_proven(), "{verified:?}");
    }
}

/// The creation is in events 0 and 1 (preceded by a fee), the top-up in 2, the pause in 3, the cancellation in 4.
const CREATION: [usize; 2] = [0, 1];
const TOP_UP: usize = 2;
const CANCELLATION: usize = 4;

#[sqlx::test]
async fn a_stream_whose_cancellation_was_not_seen_stays_cancelled_when_another_event_comes_late(pool: PgPool) {
    let (world, lost) = World::without(pool, &[TOP_UP, CANCELLATION]).await;
    assert_eq!(world.verified(REPAIR).await.repaired, [STREAM]);
    world.assert_as_the_chain_says().await;
    world.write_again(&lost[..1]).await;
    world.assert_as_the_chain_says().await;
    world.reindexed().await;
    world.assert_as_the_chain_says().await;
    world.write_again(&lost[1..]).await;
    world.assert_as_the_chain_says().await;
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn events_of_a_stream_without_its_creation_keep_their_parties_when_another_event_comes_late(pool: PgPool) {
    let lost = [CREATION.as_slice(), &[TOP_UP]].concat();
    let (world, lost) = World::without(pool, &lost).await;
    world.verified(REPAIR).await;
    world.assert_as_the_chain_says().await;
    world.write_again(&lost[2..]).await;
    world.assert_as_the_chain_says().await;
    world.reindexed().await;
    world.assert_as_the_chain_says().await;
    world.write_again(&lost[..2]).await;
    world.assert_as_the_chain_says().await;
    world.assert_equal_to_the_chain().await;
    world.reindexed().await;
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn events_after_the_chain_was_read_are_applied_to_its_entry(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 1_000).await;
    world.call(Call::TopUp { stream_id: STREAM, caller: None, amount: Amount(500) }).await;
    world.start_indexer(100);
    world.indexed().await;
    let top_up = world.devnet.events_emitted()[TOP_UP];
    world.forget(&[top_up]).await;
    sqlx::query("update streams set deposited = deposited - 500").execute(&world.pool).await.unwrap();
    assert_eq!(world.verified(REPAIR).await.repaired, [STREAM]);
    world.call(Call::TopUp { stream_id: STREAM, caller: None, amount: Amount(70) }).await;
    world.call(Call::Pause { stream_id: STREAM, caller: None }).await;
    world.indexed().await;
    world.assert_as_the_chain_says().await;
    world.reindexed().await;
    world.assert_as_the_chain_says().await;
    world.write_again(&[top_up]).await;
    world.assert_equal_to_the_chain().await;
    let record = world.store.stream(&world.devnet.contract_id(), STREAM).await.unwrap().unwrap();
    assert!(record.last_event.ledger() > LedgerSequence(4));
}

#[sqlx::test]
async fn verify_names_event_rows_with_wrong_parties_and_corrects_them(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 1_000).await;
    world.call(Call::Pause { stream_id: STREAM, caller: None }).await;
    world.start_indexer(100);
    world.indexed().await;
    for (field, statement) in [
        ("events.sender", "update stream_events set sender = null where type = 'stream.paused'"),
        ("events.recipient", "update stream_events set recipient = sender where type = 'stream.paused'"),
        ("events.token_address", "update stream_events set token = null where type = 'stream.paused'"),
    ] {
        sqlx::query(statement).execute(&world.pool).await.unwrap();
        let verified = world.verified(COMPARE).await;
        let found: Vec<_> = verified.differences.iter().map(|found| (found.stream_id, found.field)).collect();
        assert_eq!((found, verified.is_proven()), (vec![(STREAM, field)], false), "{verified:?}");
        assert!(world.verified(REPAIR).await.is_proven());
        world.assert_as_the_chain_says().await;
    }
}
