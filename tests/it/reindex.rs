//! Rebuilt records: from one chain, by one decoder, with everything that was written meanwhile.

use flowfi_indexer::{
    devnet::DevnetArgs,
    domain::{Epoch, EventId},
    ingest::{IngestError, LateEvents, Reindex, replay_quarantine, write_late},
    source::WholeLedgers,
    store::{StoreError, Swap},
};
use sqlx::PgPool;

use crate::{
    completeness::{LakeFolder, lake_of},
    world::{World, eventually},
};

/// Returns a world with some history in a lake, indexed to the tip.
async fn indexed(pool: PgPool, folder: &LakeFolder) -> (World, [WholeLedgers; 1]) {
    let args = DevnetArgs { history_events: 300, lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    let world = World::with_devnet(pool, &args).await;
    world.index_to_the_tip(world.archiving()).await;
    let lake = [lake_of(&world, folder).await];
    (world, lake)
}

async fn opened<'a>(open: impl AsyncFn() -> Result<Reindex<'a>, IngestError>) -> Reindex<'a> {
    let opened = tokio::sync::Mutex::new(None);
    eventually("no other reindex runs", || async {
        match open().await {
            Ok(reindex) => *opened.lock().await = Some(reindex),
            Err(IngestError::Store(StoreError::AnotherReindex { .. })) => {}
            Err(failure) => panic!("{failure}"),
        }
        opened.lock().await.is_some()
    })
    .await;
    opened.into_inner().unwrap()
}

impl World {
    /// Opens a reindex once the previous one has released its lock.
    pub async fn opened_reindex(&self) -> Reindex<'_> {
        opened(|| Reindex::open(&self.store)).await
    }

    /// The same from the chain.
    pub async fn opened_reindex_from_the_chain(&self) -> Reindex<'_> {
        opened(|| Reindex::open_from_chain(&self.store)).await
    }

    /// Builds everything that the lake has, and is killed before the swap.
    async fn interrupted_reindex(&self, lake: &[WholeLedgers]) {
        let mut reindex = self.opened_reindex_from_the_chain().await;
        reindex.read_chain(lake, |_| {}).await.unwrap();
        drop(reindex);
        assert!(self.built_rows().await > 0);
    }

    /// Starts the network over, and indexes the new one.
    async fn start_over(&self) {
        self.devnet.reset().unwrap();
        self.create("carol", "dave", 1_000_000, 100).await;
        let stop = self.stop.child_token();
        let began = async {
            eventually("the next epoch has begun", || async { self.store.epoch().await.unwrap() == Epoch(1) }).await;
            self.indexed().await;
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(self.archiving().run(stop.clone()), began);
        ended.unwrap();
    }

    async fn built_rows(&self) -> i64 {
        sqlx::query_scalar("select count(*) from flowfi_reindex.stream_events").fetch_one(&self.pool).await.unwrap()
    }

    pub async fn reindexed(&self) {
        self.opened_reindex().await.read_stored_and_swap(|_| {}).await.unwrap();
    }
}

#[sqlx::test]
async fn a_reindex_resumed_after_a_reset_builds_the_new_chain_only(pool: PgPool) {
    let folder = LakeFolder::new("lake-of-a-chain-that-ends");
    let (world, lake) = indexed(pool, &folder).await;
    world.interrupted_reindex(&lake).await;
    world.start_over().await;
    world.assert_equal_to_the_chain().await;
    world.opened_reindex_from_the_chain().await.read_stored_and_swap(|_| {}).await.unwrap();
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_reset_during_a_reindex_ends_it_and_changes_nothing(pool: PgPool) {
    let folder = LakeFolder::new("lake-of-a-chain-that-ends-meanwhile");
    let (world, lake) = indexed(pool, &folder).await;
    let mut reindex = Reindex::open_from_chain(&world.store).await.unwrap();
    reindex.read_chain(&lake, |_| {}).await.unwrap();
    world.start_over().await;
    let failure = reindex.read_stored_and_swap(|_| {}).await.expect_err("the input of the build is gone");
    assert!(matches!(failure, IngestError::Store(StoreError::BuildSuperseded)), "{failure}");
    world.assert_equal_to_the_chain().await;
    world.reindexed().await;
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_build_by_another_decoder_is_started_again(pool: PgPool) {
    let folder = LakeFolder::new("lake-for-another-decoder");
    let (world, lake) = indexed(pool, &folder).await;
    world.interrupted_reindex(&lake).await;
    for statement in [
        "update reindex_build set decoder = 'an older one'",
        "update flowfi_reindex.stream_events set type = 'stream.closed', body = '{}'",
    ] {
        sqlx::query(statement).execute(&world.pool).await.unwrap();
    }
    let reindex = world.opened_reindex_from_the_chain().await;
    assert_eq!(world.built_rows().await, 0, "rows of two decoders are not mixed");
    reindex.read_stored_and_swap(|_| {}).await.unwrap();
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_build_without_a_recorded_origin_is_started_again(pool: PgPool) {
    let folder = LakeFolder::new("lake-for-a-build-without-a-record");
    let (world, lake) = indexed(pool, &folder).await;
    world.interrupted_reindex(&lake).await;
    sqlx::query("delete from reindex_build").execute(&world.pool).await.unwrap();
    drop(world.opened_reindex_from_the_chain().await);
    assert_eq!(world.built_rows().await, 0);
}

#[sqlx::test]
async fn a_late_row_behind_a_running_reindex_is_in_the_tables_that_it_swaps_in(pool: PgPool) {
    let folder = LakeFolder::new("lake-for-a-late-row");
    let (world, lake) = indexed(pool, &folder).await;
    let raws = world.raw_events().await;
    let contract_id = world.devnet.contract_id();
    let (lost, kept) = (raws[40].clone(), raws[60].clone());
    world.forget(&[lost.id]).await;
    sqlx::query("truncate streams").execute(&world.pool).await.unwrap();
    // From the rows, because the lake still has the lost one.
    drop(lake);
    let mut reindex = Reindex::open(&world.store).await.unwrap();
    reindex.read_stored(|_| {}).await.unwrap();
    assert_eq!(usize::try_from(world.built_rows().await).unwrap(), world.stored_ids().await.len());
    for raw in [lost, kept] {
        let late = LateEvents { events: vec![raw], ..LateEvents::default() };
        write_late(&world.store, &contract_id, Epoch(0), late).await.unwrap().unwrap();
    }
    reindex.read_stored_and_swap(|_| {}).await.unwrap();
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_late_event_in_the_last_built_transaction_gives_the_others_their_parties(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.archiving()).await;
    let raws = world.raw_events().await;
    let [.., fee, creation] = &raws[..] else { panic!("a fee and a creation, not {raws:?}") };
    assert!(fee.id.same_transaction(creation.id));
    world.forget(&[creation.id]).await;
    sqlx::query("truncate streams").execute(&world.pool).await.unwrap();
    let mut reindex = Reindex::open(&world.store).await.unwrap();
    reindex.read_stored(|_| {}).await.unwrap();
    let late = LateEvents { events: vec![creation.clone()], ..LateEvents::default() };
    write_late(&world.store, &world.devnet.contract_id(), Epoch(0), late).await.unwrap().unwrap();
    reindex.read_stored_and_swap(|_| {}).await.unwrap();
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_quarantined_event_behind_a_running_reindex_is_in_the_tables_that_it_swaps_in(pool: PgPool) {
    let folder = LakeFolder::new("lake-for-a-late-quarantine");
    let (world, _lake) = indexed(pool, &folder).await;
    let contract_id = world.devnet.contract_id();
    let mut reindex = Reindex::open(&world.store).await.unwrap();
    reindex.read_stored(|_| {}).await.unwrap();
    let like = &world.raw_events().await[10];
    let id = EventId::from_parts(like.id.toid(), i64::from(like.id.index()) + 900).unwrap();
    let unreadable = flowfi_indexer::domain::RawContractEvent { id, topics: vec!["?".to_owned()], ..like.clone() };
    let before = world.revision().await;
    let late = LateEvents { events: vec![unreadable], ..LateEvents::default() };
    let repaired = write_late(&world.store, &contract_id, Epoch(0), late).await.unwrap().unwrap();
    assert_eq!((repaired.quarantined, repaired.events), (1, 0));
    assert!(world.revision().await > before, "a repair that only quarantines an event is a revision too");
    reindex.read_stored_and_swap(|_| {}).await.unwrap();
    let kept = world.store.quarantined_after(&contract_id, EventId::ZERO, 100).await.unwrap();
    assert!(kept.iter().any(|event| event.raw.id == id));
    let replayed = replay_quarantine(&world.store, &contract_id, |_| {}).await.unwrap();
    assert_eq!(replayed.released, 0);
    world.assert_equal_to_the_chain().await;
}

impl World {
    pub async fn revision(&self) -> i64 {
        self.store.feed_state().await.unwrap().revision
    }
}

#[sqlx::test]
async fn a_second_reindex_neither_runs_beside_the_first_nor_drops_its_build(pool: PgPool) {
    let folder = LakeFolder::new("lake-for-two-reindexes");
    let (world, _lake) = indexed(pool, &folder).await;
    let mut first = Reindex::open(&world.store).await.unwrap();
    first.read_stored(|_| {}).await.unwrap();
    let Err(IngestError::Store(refused)) = Reindex::open(&world.store).await else { panic!("two run") };
    assert!(refused.to_string().contains("another reindex is running: "), "{refused}");
    assert!(matches!(world.store.drop_reindex().await, Err(StoreError::AnotherReindex { .. })));
    first.read_stored_and_swap(|_| {}).await.unwrap();
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_build_that_lacks_a_revision_is_not_swapped_in(pool: PgPool) {
    let folder = LakeFolder::new("lake-for-a-swap-too-late");
    let (world, _lake) = indexed(pool, &folder).await;
    let (raws, contract_id) = (world.raw_events().await, world.devnet.contract_id());
    let position = world.progress().await.unwrap().position;
    let built = [(contract_id.clone(), position)];
    let store = world.store.open_reindex("a decoder").await.unwrap();
    let late = LateEvents { events: vec![raws[40].clone()], ..LateEvents::default() };
    write_late(&world.store, &contract_id, Epoch(0), late).await.unwrap().unwrap();
    assert_eq!(world.store.swap_reindex("a decoder", &built).await.unwrap(), Swap::Again);
    let revised = world.store.revised_since_build().await.unwrap().unwrap();
    assert!(revised.from <= raws[40].id && raws[40].id <= revised.to, "{revised:?}");
    world.store.note_built_revision(revised.revision).await.unwrap();
    let of_another = world.store.swap_reindex("another decoder", &built).await;
    assert!(matches!(of_another, Err(StoreError::BuildSuperseded)), "{of_another:?}");
    store.close().await;
    assert_eq!(world.store.swap_reindex("a decoder", &built).await.unwrap(), Swap::Done);
}

#[sqlx::test]
async fn if_two_reindexes_start_at_once_the_one_whose_build_was_dropped_stops(pool: PgPool) {
    let folder = LakeFolder::new("lake-for-a-dropped-build");
    let (world, _) = indexed(pool, &folder).await;
    // Both start before either has the lock.
    drop(world.store.open_reindex("one").await.unwrap());
    assert!(world.store.is_building("one").await.unwrap());
    drop(world.store.open_reindex("another").await.unwrap());
    assert!(!world.store.is_building("one").await.unwrap());
    assert!(world.store.is_building("another").await.unwrap());
}
