//! Late rows: they are stored, their streams are folded again, and subscribers are told the range but never sent the
//! events.

use flowfi_indexer::{
    devnet::{Call, DevnetArgs},
    domain::{
        Amount, ContractEvent, ContractId, CoverageSource, Epoch, EventFilter, EventId, HarmlessFields, LedgerRange,
        LedgerSequence, RawContractEvent, StreamId, Visibility,
    },
    feed::{self, Delivery, Feed, LastEventId},
    ingest::{Incoming, LateEvents, Reindex, write_late},
    source::EventsFrom,
    store::{LateRows, Locks},
};
use sqlx::PgPool;

use crate::{
    completeness::{LakeFolder, lake_of},
    world::{World, eventually},
};

impl World {
    /// Returns all raw events that the source has.
    pub async fn raw_events(&self) -> Vec<RawContractEvent> {
        let from = EventsFrom::Ledger(LedgerSequence(2));
        self.source().events(&self.devnet.contract_ids(), from, 10_000).await.unwrap().events
    }

    /// Removes events from the database as if they had never been seen.
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
async fn a_batch_prepared_before_a_repair_is_prepared_again(pool: PgPool) {
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

/// Decodes a valid event.
pub fn decode(raw: RawContractEvent) -> Option<ContractEvent> {
    match Incoming::decode(raw, &HarmlessFields::default()) {
        Incoming::Event(event) => Some(event),
        Incoming::Upgrade(_) | Incoming::Entry(_) | Incoming::Quarantined(_) => None,
    }
}

#[sqlx::test]
async fn a_repair_delays_no_batch_while_it_reads_and_includes_what_was_committed_meanwhile(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    let (raws, contract_id) = (world.raw_events().await, world.devnet.contract_id());
    world.forget(&[raws[0].id]).await;
    sqlx::query("truncate streams").execute(&world.pool).await.unwrap();
    let repair = world.store.begin_repair(&contract_id, Epoch(0), Locks::ToWrite).await.unwrap().unwrap();
    let top_up = Call::TopUp { stream_id: StreamId(1), caller: None, amount: Amount(500) };
    world.call(top_up).await;
    world.indexed().await;
    let events = raws.into_iter().filter_map(decode).collect();
    let repaired = repair.write(&LateRows { events, ..LateRows::default() }, decode).await.unwrap();
    assert_eq!(repaired.expect("there was no other repair").streams, 1);
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_row_after_the_cursor_is_folded_once_although_the_cursor_passes_it_during_a_repair(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.call(Call::TopUp { stream_id: StreamId(1), caller: None, amount: Amount(500) }).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let (raws, contract_id) = (world.raw_events().await, world.devnet.contract_id());
    let tip = world.progress().await.unwrap().position;
    let stand_at = async |position: EventId| {
        let set = sqlx::query("update cursors set toid = $1, event_index = $2").bind(position.toid());
        set.bind(i64::from(position.index())).execute(&world.pool).await.unwrap();
    };
    // A contract that joined is at the others' position, inside a transaction of which it has more.
    stand_at(raws[1].id).await;
    let repair = world.store.begin_repair(&contract_id, Epoch(0), Locks::ToWrite).await.unwrap().unwrap();
    stand_at(tip).await;
    let again = LateRows { from_the_first: [StreamId(1)].into(), ..LateRows::default() };
    assert!(repair.write(&again, decode).await.unwrap().is_some());
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn the_second_of_two_concurrent_repairs_starts_again(pool: PgPool) {
    let (world, raws) = indexed(pool).await;
    let contract_id = world.devnet.contract_id();
    let begin = async || world.store.begin_repair(&contract_id, Epoch(0), Locks::ToWrite).await.unwrap().unwrap();
    let (first, second) = (begin().await, begin().await);
    let rows = LateRows { events: raws.into_iter().filter_map(decode).collect(), ..LateRows::default() };
    assert!(first.write(&rows, decode).await.unwrap().is_some());
    assert!(second.write(&rows, decode).await.unwrap().is_none(), "it had read the state before the first");
    assert!(begin().await.write(&rows, decode).await.unwrap().is_some());
}

#[sqlx::test]
async fn ledgers_before_the_first_one_are_covered_by_their_repair(pool: PgPool) {
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

/// Returns an indexed world with one stream, and its raw events.
async fn indexed(pool: PgPool) -> (World, Vec<RawContractEvent>) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(30).unwrap();
    world.index_to_the_tip(world.indexer(100)).await;
    let raws = world.raw_events().await;
    (world, raws)
}

#[sqlx::test]
async fn old_revisions_are_joined_and_a_reader_who_has_seen_none_is_told_of_all(pool: PgPool) {
    let (world, raws) = indexed(pool).await;
    let contract_id = world.devnet.contract_id();
    let write = "insert into revisions (contract_id, from_toid, from_event_index, to_toid, to_event_index)
        select $1, (1000 + number) * 4294967296, 7, (1000 + number) * 4294967296, 9 from generate_series(1, 1500) as number";
    sqlx::query(write).bind(contract_id.as_str()).execute(&world.pool).await.unwrap();
    let all = world.store.revisions_after(0).await.unwrap();
    let first = all.iter().map(|revision| revision.from).min().unwrap();
    let last = all.iter().map(|revision| revision.to).max().unwrap();
    world.forget(&[raws[0].id]).await;
    let late = LateEvents { events: raws[..1].to_vec(), ..LateEvents::default() };
    write_late(&world.store, &contract_id, Epoch(0), late).await.unwrap().unwrap();
    let kept = world.store.revisions_after(0).await.unwrap();
    assert_eq!(kept.len(), 1_000);
    assert_eq!(kept.last().unwrap().from, raws[0].id);
    assert_eq!(kept.iter().map(|revision| revision.from).min().unwrap(), first.min(raws[0].id));
    assert_eq!(kept.iter().map(|revision| revision.to).max().unwrap(), last);
    let numbers: Vec<i64> = kept.iter().map(|revision| revision.number).collect();
    assert_eq!(world.store.revisions_after(numbers[400]).await.unwrap().len(), 599);
}

#[sqlx::test]
async fn revisions_become_visible_in_the_order_of_their_numbers(pool: PgPool) {
    let (world, raws) = indexed(pool).await;
    let (first, second) = (world.devnet.contract_id(), ContractId::from_bytes([9; 32]));
    let add = "insert into cursors select $1, toid, event_index, from_ledger, last_whole_ledger from cursors";
    sqlx::query(add).bind(second.as_str()).execute(&world.pool).await.unwrap();
    // A transaction that has its number but is not committed yet.
    #[expect(clippy::disallowed_methods, reason = "nobody drops it while it starts")]
    let mut open = world.pool.begin().await.unwrap();
    sqlx::query("select from network for update").execute(&mut *open).await.unwrap();
    let number = "insert into revisions (contract_id, from_toid, from_event_index, to_toid, to_event_index)
        values ($1, 1, 1, 1, 1) returning revision";
    let earlier: i64 = sqlx::query_scalar(number).bind(second.as_str()).fetch_one(&mut *open).await.unwrap();
    world.forget(&[raws[0].id]).await;
    let late = LateEvents { events: raws[..1].to_vec(), ..LateEvents::default() };
    let later = async {
        write_late(&world.store, &first, Epoch(0), late).await.unwrap().unwrap();
        world.store.feed_state().await.unwrap().revision
    };
    let commit = async {
        eventually("the later one waits for the earlier one", || async {
            let waiting = "select count(*) from pg_stat_activity where datname = current_database() \
                and wait_event_type = 'Lock'";
            sqlx::query_scalar::<_, i64>(waiting).fetch_one(&world.pool).await.unwrap() > 0
        })
        .await;
        assert!(world.store.revisions_after(0).await.unwrap().is_empty());
        open.commit().await.unwrap();
    };
    let (later, ()) = tokio::join!(later, commit);
    assert!(later > earlier);
}

#[sqlx::test]
async fn filled_holes_do_not_increase_the_number_of_covered_ranges(pool: PgPool) {
    let (world, _) = indexed(pool).await;
    let contract_id = world.devnet.contract_id();
    let tip = world.devnet.latest_ledger().0;
    sqlx::query("update coverage set to_ledger = 4").execute(&world.pool).await.unwrap();
    for (from, to, source) in [(9, 10, "rpc"), (5, 6, "rpc"), (13, tip, "rpc"), (7, 8, "rpc"), (11, 12, "lake")] {
        let covered =
            (LedgerRange::new(LedgerSequence(from), LedgerSequence(to)).unwrap(), CoverageSource::from_word(source));
        let late = LateEvents { covered: Some(covered), ..LateEvents::default() };
        write_late(&world.store, &contract_id, Epoch(0), late).await.unwrap().unwrap();
    }
    let covered = world.store.coverage(&contract_id).await.unwrap();
    let ranges: Vec<_> =
        covered.iter().map(|covered| (covered.ledgers.from().0, covered.ledgers.to().0, covered.source)).collect();
    let (rpc, lake) = (CoverageSource::Rpc, CoverageSource::Lake);
    assert_eq!(ranges, [(2, 10, rpc), (11, 12, lake), (13, tip, rpc)]);
}

/// A gateway that connected before something happened and has not looked since.
struct Lagging {
    feed: Feed,
    subscription: feed::Subscription,
}

impl Lagging {
    async fn of(world: &World) -> Self {
        let feed = Feed::open(world.store.clone(), 100).await.unwrap();
        let all = EventFilter { all: true, ..EventFilter::seen_by(Visibility::Everything) };
        let subscription = feed.subscribe(all, LastEventId::None).await.unwrap().subscription;
        Self { feed, subscription }
    }

    /// Returns the events that it sends live once it looks, up to an event.
    async fn sends_up_to(mut self, world: &World, last: EventId) -> Vec<EventId> {
        let mut sent = Vec::new();
        let reading = async {
            while sent.last() != Some(&last) {
                sent.extend(self.subscription.next().await.unwrap().expect("the feed goes on").iter().filter_map(
                    |delivery| match delivery {
                        Delivery::Event(published) => Some(published.event.id),
                        _ => None,
                    },
                ));
            }
        };
        tokio::select! {
            () = feed::tail(self.feed, world.stop.clone()) => panic!("the tailer ended"),
            () = reading => {}
        }
        sent
    }
}

/// Returns an index with a gateway that lags two streams behind, and the events of those streams.
async fn two_streams_behind(world: &mut World) -> (Lagging, Vec<EventId>) {
    world.create("alice", "bob", 1_000_000, 1_000).await;
    world.start_indexer(100);
    world.indexed().await;
    let lagging = Lagging::of(world).await;
    let before = world.devnet.events_emitted().len();
    world.create("carol", "dave", 1_000_000, 1_000).await;
    world.create("erin", "frank", 1_000_000, 1_000).await;
    world.indexed().await;
    (lagging, world.devnet.events_emitted().split_off(before))
}

#[sqlx::test]
async fn a_row_that_came_late_is_not_sent_live_after_a_reindex(pool: PgPool) {
    let mut world = World::new(pool).await;
    let (lagging, new) = two_streams_behind(&mut world).await;
    world.forget(&new[..1]).await;
    let events = world.raw_events().await.into_iter().filter(|raw| raw.id == new[0]).collect();
    let late = LateEvents { events, ..LateEvents::default() };
    write_late(&world.store, &world.devnet.contract_id(), Epoch(0), late).await.unwrap().unwrap();
    Reindex::open(&world.store).await.unwrap().read_stored_and_swap(|_| {}).await.unwrap();
    assert!(world.stored_ids().await.contains(&new[0]));
    assert_eq!(lagging.sends_up_to(&world, *new.last().unwrap()).await, new[1..]);
}

#[sqlx::test]
async fn a_row_that_a_reindex_finds_on_the_chain_is_not_sent_live(pool: PgPool) {
    let folder = LakeFolder::new("lake-with-what-was-missed");
    let args = DevnetArgs { lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    let mut world = World::with_devnet(pool, &args).await;
    let (lagging, new) = two_streams_behind(&mut world).await;
    // The event was withheld, so no gateway has sent it.
    world.forget(&new[..1]).await;
    let lake = [lake_of(&world, &folder).await];
    let mut reindex = Reindex::open_from_chain(&world.store).await.unwrap();
    reindex.read_chain(&lake, |_| {}).await.unwrap();
    reindex.read_stored_and_swap(|_| {}).await.unwrap();
    assert!(world.stored_ids().await.contains(&new[0]), "the reindex found it");
    assert_eq!(lagging.sends_up_to(&world, *new.last().unwrap()).await, new[1..]);
}

#[sqlx::test]
async fn an_event_that_a_reindex_finally_decodes_is_not_sent_live(pool: PgPool) {
    let mut world = World::new(pool).await;
    let (lagging, new) = two_streams_behind(&mut world).await;
    // As an older version stored it.
    for statement in [
        "insert into quarantine (toid, event_index, contract_id, ledger_closed_at, tx_hash, kind, name, stream_id,
             reason, in_successful_call, topics, value)
         select toid, event_index, contract_id, ledger_closed_at, tx_hash, 'unknown', type, stream_id, 'of old', true,
             topics, value
         from stream_events where (toid, event_index) = ($1, $2)",
        "delete from stream_events where (toid, event_index) = ($1, $2)",
    ] {
        let of_it = sqlx::query(statement).bind(new[0].toid()).bind(i64::from(new[0].index()));
        of_it.execute(&world.pool).await.unwrap();
    }
    Reindex::open(&world.store).await.unwrap().read_stored_and_swap(|_| {}).await.unwrap();
    assert!(world.stored_ids().await.contains(&new[0]), "the reindex decoded it");
    assert_eq!(lagging.sends_up_to(&world, *new.last().unwrap()).await, new[1..]);
}
