//! The indexes that only lists need are created when the index has reached the tip, and by a reindex before it swaps.

use std::collections::BTreeSet;

use flowfi_indexer::{
    domain::{LedgerRange, LedgerSequence},
    ingest::Reindex,
    store::{IndexerState, Writer},
};
use sqlx::PgPool;

use crate::world::{World, eventually};

const OF_LISTS: [&str; 8] = [
    "streams_by_deposited",
    "streams_by_end",
    "streams_by_last_update_time",
    "streams_by_phase",
    "streams_closed",
    "streams_in_order",
    "streams_uncertain",
    "streams_with_unknown_fields",
];

/// Returns those of the indexes that the schema has.
async fn made(world: &World) -> BTreeSet<String> {
    let names = "select indexname::text from pg_indexes where schemaname = current_schema() and indexname = any($1)";
    let rows: Vec<String> = sqlx::query_scalar(names).bind(OF_LISTS).fetch_all(&world.pool).await.unwrap();
    rows.into_iter().collect()
}

fn all() -> BTreeSet<String> {
    OF_LISTS.map(str::to_owned).into()
}

impl World {
    /// Returns whether an indexer has been at the tip: it creates the indexes then, after its last batch.
    pub async fn has_indexes_of_lists(&self) -> bool {
        made(self).await == all()
    }
}

#[sqlx::test]
async fn a_catch_up_runs_without_the_indexes_of_lists_until_it_reaches_the_tip(pool: PgPool) {
    let mut world = World::new(pool).await;
    let contract_id = world.devnet.contract_id();
    // No source has the first ledgers any more: the indexer waits before them, behind the tip.
    world.store.claim(world.devnet.passphrase()).await.unwrap();
    let mut writer = Writer::try_acquire(&world.store, contract_id.clone().into()).await.unwrap().unwrap();
    writer.start_at(LedgerSequence(2)).await.unwrap();
    writer.release().await.unwrap();
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(9).unwrap();
    world.devnet.set_retention(5);
    world.start_indexer(100);
    eventually("the indexer waits", || async {
        let report = world.store.indexer_report(&contract_id).await.unwrap();
        report.is_some_and(|aged| aged.report.state == IndexerState::Hole)
    })
    .await;
    assert_eq!(made(&world).await, BTreeSet::new());

    let oldest = LedgerSequence(world.devnet.latest_ledger().0 - 4);
    let gap = LedgerRange::new(LedgerSequence(2), oldest).unwrap();
    world.store.accept_gap(&contract_id, gap).await.unwrap();
    eventually("the indexes are created", || async { world.has_indexes_of_lists().await }).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.indexed().await;
}

#[sqlx::test]
async fn a_reindex_swaps_in_tables_that_have_the_indexes_of_lists(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    // They are created after the last batch, so reaching the tip is not enough.
    let stop = world.stop.child_token();
    let until_made = async {
        eventually("the indexes are created", || async { world.has_indexes_of_lists().await }).await;
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(world.indexer(100).run(stop.clone()), until_made);
    ended.unwrap();
    for name in OF_LISTS {
        sqlx::query(sqlx::AssertSqlSafe(format!("drop index {name}"))).execute(&world.pool).await.unwrap();
    }
    let reindex = Reindex::open(&world.store).await.unwrap();
    reindex.read_stored_and_swap(|_| {}).await.unwrap();
    assert_eq!(made(&world).await, all());
    world.start_indexer(100);
    world.create("alice", "bob", 1_000_000, 100).await;
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
}
