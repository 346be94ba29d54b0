//! Rows that come late: stored, their streams folded again, subscribers told of the range and never sent the events.

use flowfi_indexer::{
    domain::{CoverageSource, Epoch, EventId, LedgerRange, LedgerSequence, RawContractEvent},
    ingest::{LateEvents, write_late},
    source::EventsFrom,
};
use sqlx::PgPool;

use crate::world::World;

impl World {
    /// Everything the source has, raw.
    pub async fn raw_events(&self) -> Vec<RawContractEvent> {
        let from = EventsFrom::Ledger(LedgerSequence(2));
        self.source().events(&self.devnet.contract_ids(), from, 10_000).await.unwrap().events
    }

    /// Takes events out of the database as if they had never been seen.
    pub async fn forget(&self, ids: &[EventId]) {
        for id in ids {
            sqlx::query("delete from stream_events where toid = $1 and event_index = $2")
                .bind(id.toid())
                .bind(i64::from(id.index()))
                .execute(&self.pool)
                .await
                .unwrap();
        }
    }
}

#[sqlx::test]
async fn a_batch_prepared_before_a_repair_is_prepared_anew(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    let raws = world.raw_events().await;
    let ids: Vec<EventId> = raws.iter().map(|raw| raw.id).collect();
    let contract_id = world.devnet.contract_id();
    for _ in 0..20 {
        world.forget(&ids[..1]).await;
        let late = LateEvents { events: raws[..1].to_vec(), ..LateEvents::default() };
        let (repaired, _) = tokio::join!(
            write_late(&world.store, &contract_id, Epoch(0), late),
            world.create("carol", "dave", 1_000_000, 100)
        );
        assert_eq!(repaired.unwrap().unwrap().events, 1);
    }
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn ledgers_before_the_first_are_covered_by_their_repair(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(5).unwrap();
    world.start_indexer(100);
    world.indexed().await;
    let contract_id = world.devnet.contract_id();
    sqlx::query("update coverage set from_ledger = 5").execute(&world.pool).await.unwrap();
    sqlx::query("update cursors set from_ledger = 5").execute(&world.pool).await.unwrap();
    let range = LedgerRange::new(LedgerSequence(2), LedgerSequence(4)).unwrap();
    let late = LateEvents { covered: Some((range, CoverageSource::Lake)), ..LateEvents::default() };
    write_late(&world.store, &contract_id, Epoch(0), late).await.unwrap().unwrap();
    let covered = world.store.coverage(&contract_id).await.unwrap();
    let ranges: Vec<_> = covered.iter().map(|covered| (covered.ledgers.from().0, covered.source)).collect();
    assert_eq!(ranges, [(2, CoverageSource::Lake), (5, CoverageSource::Rpc)]);
    assert_eq!(world.progress().await.unwrap().from_ledger, LedgerSequence(2));
}
