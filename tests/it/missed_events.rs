//! An event that the followed source withheld: the chain's entry gives it away, and its ledger is read again.

use std::time::Duration;

use flowfi_indexer::{
    domain::{EventId, LedgerRange, LedgerSequence, StreamId, StreamRecord, holes},
    ingest::{
        Indexer, IngestSettings, LateEvents, PaceArgs, RecordState, Reindex, Verified, VerifySettings, verify,
        write_late,
    },
    source::{EndpointPool, WholeLedgers},
    xdr::LedgerContents,
};
use rand::{SeedableRng, rngs::StdRng};
use sqlx::PgPool;
use stellar_xdr::LedgerEntryChange;

use crate::{
    made_chain::{Made, MadeChain, MadeEvent, PASSPHRASE, change},
    made_stream::{
        STREAM, closure, contract, creation, creation_of, entry, entry_with, party, withdrawal, withdrawal_of,
    },
    world::{World, eventually},
};

/// One chain, served twice: by a node that is followed and leaves events out, and by one that has all of them.
struct TwoNodes {
    world: World,
    followed: MadeChain,
    complete: MadeChain,
}

fn whole_ledgers(chain: &MadeChain) -> WholeLedgers {
    let whole = WholeLedgers::of_endpoints(chain.source(), StdRng::seed_from_u64(7)).unwrap();
    whole.read_for(LedgerContents::EventsAndEntries)
}

impl TwoNodes {
    /// A chain with a stream that was created in ledger 3, which nobody follows yet.
    async fn start(pool: PgPool) -> Self {
        let nodes = Self {
            world: World::new(pool).await,
            followed: MadeChain::start().await,
            complete: MadeChain::start().await,
        };
        nodes.close(100, &[creation()], &[], &change(&contract(), STREAM, None, Some(&entry(0))));
        nodes
    }

    /// Closes a ledger with one transaction. The followed node has only the first events of it.
    fn close(
        &self,
        at: u64,
        events: &[MadeEvent],
        left_out: &[MadeEvent],
        changes: &[LedgerEntryChange],
    ) -> LedgerSequence {
        let made = |events| Made { contract_id: contract(), events, changes: changes.to_vec() };
        self.complete.close(at, vec![made([events, left_out].concat())]);
        self.followed.close(at, vec![made(events.to_vec())])
    }

    /// Closes a ledger whose first transaction withdraws, of which the followed node leaves the event out, and with so many
    /// events after it that the ledger is split over two batches.
    fn withhold_the_first_of_many(&self) -> LedgerSequence {
        let changes = change(&contract(), STREAM, Some(&entry(0)), Some(&entry(60)));
        let made = |events, changes| Made { contract_id: contract(), events, changes };
        let others = || made(vec![withdrawal_of(StreamId(99), 1); 5_000], Vec::new());
        let last = || made(vec![withdrawal_of(StreamId(99), 1)], Vec::new());
        self.complete.close(110, vec![made(vec![withdrawal(60)], changes.clone()), others(), last()]);
        self.followed.close(110, vec![made(Vec::new(), changes), others(), last()])
    }

    /// Closes a ledger with two withdrawals of which the followed node leaves the events out. Returns another node, which
    /// leaves out the second one.
    async fn withhold_two_withdrawals(&self) -> (LedgerSequence, MadeChain) {
        let half = MadeChain::start().await;
        let changes = change(&contract(), STREAM, None, Some(&entry(0)));
        half.close(100, vec![Made { contract_id: contract(), events: vec![creation()], changes }]);
        let withdrawals = |first: &[MadeEvent], second: &[MadeEvent]| {
            let made = |events: &[MadeEvent], before, after| {
                let changes = change(&contract(), STREAM, Some(&entry(before)), Some(&entry(after)));
                Made { contract_id: contract(), events: events.to_vec(), changes }
            };
            vec![made(first, 0, 60), made(second, 60, 90)]
        };
        self.complete.close(110, withdrawals(&[withdrawal(60)], &[withdrawal(30)]));
        half.close(110, withdrawals(&[withdrawal(60)], &[]));
        (self.followed.close(110, withdrawals(&[], &[])), half)
    }

    /// Closes a ledger with a withdrawal of which the followed node leaves the event out.
    fn withhold_a_withdrawal(&self) -> LedgerSequence {
        let changes = change(&contract(), STREAM, Some(&entry(0)), Some(&entry(60)));
        self.close(110, &[], &[withdrawal(60)], &changes)
    }

    fn follow(&mut self, source: EndpointPool, whole_ledgers: Vec<WholeLedgers>) {
        self.follow_with(RecordState::Both, source, whole_ledgers);
    }

    fn follow_with(&mut self, records: RecordState, source: EndpointPool, whole_ledgers: Vec<WholeLedgers>) {
        let pace = PaceArgs {
            start_ledger: Some(LedgerSequence(2)),
            records: records.into(),
            check_interval: Duration::from_millis(20),
            ..self.world.settings().pace
        };
        let settings = IngestSettings {
            network_passphrase: PASSPHRASE.to_owned(),
            contracts: contract().into(),
            pace,
            ..self.world.settings()
        };
        self.world.start(Indexer::new(source, whole_ledgers, self.world.store.clone(), settings));
    }

    async fn indexed(&self, ledger: LedgerSequence) {
        eventually("the ledger is indexed", || async {
            let progress = self.world.store.progress(&contract()).await.unwrap();
            progress.is_some_and(|progress| progress.last_whole_ledger >= ledger)
        })
        .await;
    }

    async fn record(&self) -> StreamRecord {
        self.world.store.stream(&contract(), STREAM).await.unwrap().unwrap()
    }

    /// Returns the types of the stored events, in order.
    async fn events(&self) -> Vec<String> {
        let types = "select type from stream_events order by toid, event_index";
        sqlx::query_scalar(types).fetch_all(&self.world.pool).await.unwrap()
    }

    async fn not_seen(&self) -> Vec<LedgerRange> {
        let covered = self.world.store.coverage(&contract()).await.unwrap();
        let read = self.world.store.progress(&contract()).await.unwrap().unwrap().last_whole_ledger;
        let all = LedgerRange::new(LedgerSequence(2), read).unwrap();
        holes(all, covered.iter().map(|covered| covered.ledgers))
    }

    async fn corrections(&self) -> Vec<(String, String, String)> {
        let corrections = self.world.store.corrections_of(&contract(), STREAM, 10).await.unwrap();
        corrections.into_iter().map(|found| (found.field, found.ours, found.chains)).collect()
    }

    /// Returns the fields that were corrected, each with the ledger that lacked the event.
    async fn missed_in(&self) -> Vec<(String, Option<i64>)> {
        let missed = "select field, missed_in_ledger from corrections order by number";
        sqlx::query_as(missed).fetch_all(&self.world.pool).await.unwrap()
    }

    /// Returns the ledgers that were withdrawn, each with the sources it was read from again and whether that helped.
    async fn withdrawn(&self) -> Vec<(i64, Vec<String>, bool)> {
        let withdrawn = "select ledger, read_from, found from withdrawn_ledgers order by ledger";
        sqlx::query_as(withdrawn).fetch_all(&self.world.pool).await.unwrap()
    }

    /// Closes a ledger that deletes the stream's entry. The followed node leaves the event out.
    fn withhold_a_closure(&self) -> LedgerSequence {
        self.close(110, &[], &[closure()], &change(&contract(), STREAM, Some(&entry(0)), None))
    }

    async fn verified(&self) -> Verified {
        self.proof(false).await
    }

    async fn proof(&self, repair: bool) -> Verified {
        let rng = StdRng::seed_from_u64(7);
        let settings = VerifySettings { sample: None, repair, patience: Duration::from_secs(10), rng };
        let source = self.followed.source_of_events();
        verify(&self.world.store, &source, &contract(), settings, |_| {}).await.unwrap()
    }

    /// Stops the indexer, folds the stream again from its stored events, and then builds every record anew.
    async fn fold_again_and_reindex(&mut self) {
        self.world.stop_all().await;
        let store = &self.world.store;
        let events = store.raw_events_after(&contract(), EventId::ZERO, 10).await.unwrap();
        let late = LateEvents { events, ..LateEvents::default() };
        let folded = write_late(store, &contract(), store.epoch().await.unwrap(), late).await.unwrap().unwrap();
        assert_eq!(folded.streams, 1);
        assert!(self.record().await.closed, "a late fold leaves it closed");
        Reindex::open(store).await.unwrap().read_stored_and_swap(|_| ()).await.unwrap();
        assert!(self.record().await.closed, "a reindex leaves it closed");
        assert_eq!(self.verified().await.equal, 1);
        assert_eq!(self.corrections().await.len(), 1);
    }

    /// Waits until the checks have taken this many turns more.
    async fn turns(&self, count: usize) {
        for _ in 0..count {
            let checked_at = || async {
                let check = self.world.store.record_check(&contract()).await.unwrap();
                check.and_then(|check| check.checked_at)
            };
            let before = checked_at().await;
            eventually("the records are checked again", || async { checked_at().await > before }).await;
        }
    }
}

#[sqlx::test]
async fn a_ledger_that_changed_a_stream_without_an_event_is_read_again_from_another_source(pool: PgPool) {
    let mut nodes = TwoNodes::start(pool).await;
    let ledger = nodes.withhold_a_withdrawal();
    nodes.follow(nodes.followed.source(), vec![whole_ledgers(&nodes.complete)]);
    nodes.indexed(ledger).await;
    eventually("the missed event is stored", || async {
        nodes.events().await == ["stream.created", "stream.withdrawn"]
    })
    .await;
    assert_eq!(nodes.not_seen().await, []);
    assert_eq!(nodes.record().await.withdrawn.to_string(), "60");
    assert_eq!(nodes.corrections().await, [("withdrawn_amount".to_owned(), "0".to_owned(), "60".to_owned())]);
    eventually("that is noted", || async {
        nodes.withdrawn().await == [(i64::from(ledger.0), vec!["getLedgers".to_owned()], true)]
    })
    .await;
}

#[sqlx::test]
async fn a_ledger_that_lacks_the_event_everywhere_is_read_again_once(pool: PgPool) {
    let mut nodes = TwoNodes::start(pool).await;
    let ledger = nodes.withhold_a_withdrawal();
    nodes.follow(nodes.followed.source(), vec![whole_ledgers(&nodes.followed)]);
    nodes.indexed(ledger).await;
    let read_once = vec![(i64::from(ledger.0), vec!["getLedgers".to_owned()], false)];
    eventually("the ledger was read again", || async { nodes.withdrawn().await == read_once }).await;
    assert_eq!(nodes.not_seen().await, [], "that is what there is");
    nodes.turns(3).await;
    assert_eq!(nodes.withdrawn().await, read_once);
    assert_eq!(nodes.events().await, ["stream.created"]);
    assert_eq!(nodes.not_seen().await, []);
    assert_eq!(nodes.record().await.withdrawn.to_string(), "60");
    assert_eq!(nodes.corrections().await.len(), 1, "it was corrected once");
}

#[sqlx::test]
async fn a_correction_over_rpc_has_the_ledger_read_again_that_changed_the_entry_without_an_event(pool: PgPool) {
    let mut nodes = TwoNodes::start(pool).await;
    let ledger = nodes.withhold_a_withdrawal();
    nodes.follow(nodes.followed.source_of_events(), vec![whole_ledgers(&nodes.complete)]);
    eventually("the missed event is stored", || async {
        nodes.events().await == ["stream.created", "stream.withdrawn"]
    })
    .await;
    assert_eq!(nodes.missed_in().await, [("withdrawn_amount".to_owned(), Some(i64::from(ledger.0)))]);
    assert_eq!(nodes.not_seen().await, []);
    assert_eq!(nodes.record().await.withdrawn.to_string(), "60");
}

/// Follows a chain of which two events were withheld, with a source that has one of them and then one that has both.
async fn reads_on_until_both_are_there(mut nodes: TwoNodes, follow: impl FnOnce(&MadeChain) -> EndpointPool) {
    let (ledger, half) = nodes.withhold_two_withdrawals().await;
    let source = follow(&nodes.followed);
    nodes.follow(source, vec![whole_ledgers(&half), whole_ledgers(&nodes.complete)]);
    eventually("the ledger was read again with success", || async {
        nodes.withdrawn().await.iter().any(|(withdrawn, _, found)| *withdrawn == i64::from(ledger.0) && *found)
    })
    .await;
    assert_eq!(nodes.events().await, ["stream.created", "stream.withdrawn", "stream.withdrawn"]);
    assert_eq!(nodes.not_seen().await, []);
    assert_eq!(nodes.record().await.withdrawn.to_string(), "90");
}

#[sqlx::test]
async fn a_source_that_has_one_of_two_missed_events_is_not_the_last_one_that_is_read(pool: PgPool) {
    let nodes = TwoNodes::start(pool).await;
    reads_on_until_both_are_there(nodes, MadeChain::source).await;
}

#[sqlx::test]
async fn a_source_that_has_one_of_two_events_missed_over_rpc_is_not_the_last_one_that_is_read(pool: PgPool) {
    let nodes = TwoNodes::start(pool).await;
    reads_on_until_both_are_there(nodes, MadeChain::source_of_events).await;
}

#[sqlx::test]
async fn a_missed_event_at_the_beginning_of_a_ledger_of_two_batches_has_the_ledger_read_again(pool: PgPool) {
    let mut nodes = TwoNodes::start(pool).await;
    let ledger = nodes.withhold_the_first_of_many();
    nodes.follow(nodes.followed.source(), vec![whole_ledgers(&nodes.complete)]);
    eventually("the ledger was read again with success", || async {
        nodes.withdrawn().await == [(i64::from(ledger.0), vec!["getLedgers".to_owned()], true)]
    })
    .await;
    let of_stream = "select count(*) from stream_events where stream_id = '1'";
    let events: i64 = sqlx::query_scalar(of_stream).fetch_one(&nodes.world.pool).await.unwrap();
    assert_eq!(events, 2);
    assert_eq!(nodes.not_seen().await, []);
}

#[sqlx::test]
async fn a_repair_by_hand_withdraws_the_ledger_of_an_event_that_was_missed(pool: PgPool) {
    let mut nodes = TwoNodes::start(pool).await;
    let ledger = nodes.withhold_a_withdrawal();
    nodes.follow_with(RecordState::Events, nodes.followed.source_of_events(), Vec::new());
    nodes.indexed(ledger).await;
    let verified = nodes.proof(true).await;
    assert_eq!(verified.repaired, [STREAM]);
    assert_eq!(nodes.missed_in().await, [("withdrawn_amount".to_owned(), Some(i64::from(ledger.0)))]);
    assert_eq!(nodes.not_seen().await, [LedgerRange::only(ledger)]);
    assert_eq!(nodes.record().await.withdrawn.to_string(), "60");
    assert!(nodes.verified().await.is_proven());
    assert_eq!(nodes.withdrawn().await, [(i64::from(ledger.0), Vec::new(), false)]);
}

#[sqlx::test]
async fn a_stream_whose_creation_was_withheld_over_rpc_is_found_by_its_entry(pool: PgPool) {
    let mut nodes = TwoNodes::start(pool).await;
    let (missed, seen) = (StreamId(2), StreamId(3));
    let changes = change(&contract(), missed, None, Some(&entry(0)));
    nodes.close(100, &[], &[creation_of(missed)], &changes);
    let changes = change(&contract(), seen, None, Some(&entry(0)));
    nodes.close(100, &[creation_of(seen)], &[], &changes);
    nodes.follow(nodes.followed.source_of_events(), vec![whole_ledgers(&nodes.complete)]);
    eventually("the creation is stored", || async {
        nodes.world.store.stream(&contract(), missed).await.unwrap().is_some()
    })
    .await;
    assert_eq!(nodes.events().await, ["stream.created", "stream.created", "stream.created"]);
    assert_eq!(nodes.not_seen().await, []);
}

#[sqlx::test]
async fn a_field_that_no_event_tells_has_no_ledger_read_again(pool: PgPool) {
    let mut nodes = TwoNodes::start(pool).await;
    let with_arbiter = entry_with(0, ("arbiter", party(7)));
    let ledger = nodes.close(110, &[], &[], &change(&contract(), STREAM, Some(&entry(0)), Some(&with_arbiter)));
    nodes.follow(nodes.followed.source_of_events(), vec![whole_ledgers(&nodes.complete)]);
    nodes.indexed(ledger).await;
    eventually("the record has its arbiter", || async { nodes.record().await.arbiter.is_some() }).await;
    assert_eq!(nodes.missed_in().await, [("arbiter".to_owned(), None)]);
    assert_eq!((nodes.withdrawn().await, nodes.not_seen().await), (Vec::new(), Vec::new()));
}

#[sqlx::test]
async fn a_record_that_differs_although_its_last_change_has_an_event_has_no_ledger_read_again(pool: PgPool) {
    let mut nodes = TwoNodes::start(pool).await;
    let changes = change(&contract(), STREAM, Some(&entry(0)), Some(&entry(70)));
    nodes.close(110, &[withdrawal(60)], &[], &changes);
    nodes.follow(nodes.followed.source_of_events(), vec![whole_ledgers(&nodes.complete)]);
    eventually("the record is corrected", || async { !nodes.corrections().await.is_empty() }).await;
    assert_eq!(nodes.missed_in().await, [("withdrawn_amount".to_owned(), None)]);
    assert_eq!((nodes.withdrawn().await, nodes.not_seen().await), (Vec::new(), Vec::new()));
}

#[sqlx::test]
async fn a_deletion_without_an_event_has_its_ledger_read_again_for_it(pool: PgPool) {
    let mut nodes = TwoNodes::start(pool).await;
    nodes.withhold_a_closure();
    nodes.follow(nodes.followed.source(), vec![whole_ledgers(&nodes.complete)]);
    eventually("the missed event is stored", || async { nodes.events().await == ["stream.created", "stream.closed"] })
        .await;
    assert!(nodes.record().await.closed);
    assert_eq!(nodes.not_seen().await, []);
    assert_eq!(nodes.corrections().await, [("record".to_owned(), "present".to_owned(), "deleted".to_owned())]);
}

#[sqlx::test]
async fn a_stream_whose_deletion_no_source_tells_stays_closed_and_was_corrected_once(pool: PgPool) {
    let mut nodes = TwoNodes::start(pool).await;
    let ledger = nodes.withhold_a_closure();
    nodes.follow(nodes.followed.source(), vec![whole_ledgers(&nodes.followed)]);
    let read_once = vec![(i64::from(ledger.0), vec!["getLedgers".to_owned()], false)];
    eventually("the ledger was read again", || async { nodes.withdrawn().await == read_once }).await;
    assert!(nodes.record().await.closed);
    assert_eq!(nodes.corrections().await.len(), 1);
}

#[sqlx::test]
async fn an_entry_that_is_gone_before_its_lifetime_is_over_closes_its_record_over_rpc(pool: PgPool) {
    let mut nodes = TwoNodes::start(pool).await;
    nodes.follow(nodes.followed.source_of_events(), vec![whole_ledgers(&nodes.followed)]);
    nodes.indexed(LedgerSequence(3)).await;
    eventually("the record was compared", || async { nodes.record().await.checked_at_ledger.is_some() }).await;
    let ledger = nodes.withhold_a_closure();
    nodes.indexed(ledger).await;
    eventually("the record is closed", || async { nodes.record().await.closed }).await;
    assert_eq!(nodes.corrections().await, [("record".to_owned(), "present".to_owned(), "deleted".to_owned())]);
    let verified = nodes.verified().await;
    assert_eq!((verified.equal, verified.archived), (1, Vec::new()));
    nodes.turns(2).await;
    assert_eq!(nodes.corrections().await.len(), 1);
}

#[sqlx::test]
async fn a_deletion_that_was_asked_for_survives_a_late_fold_and_a_reindex(pool: PgPool) {
    let mut nodes = TwoNodes::start(pool).await;
    nodes.follow(nodes.followed.source_of_events(), Vec::new());
    eventually("the record was compared", || async {
        let record = nodes.world.store.stream(&contract(), STREAM).await.unwrap();
        record.is_some_and(|record| record.checked_at_ledger.is_some())
    })
    .await;
    nodes.withhold_a_closure();
    eventually("the record is closed", || async { nodes.record().await.closed }).await;
    nodes.fold_again_and_reindex().await;
}

#[sqlx::test]
async fn a_deletion_that_a_whole_ledger_tells_survives_a_late_fold_and_a_reindex(pool: PgPool) {
    let mut nodes = TwoNodes::start(pool).await;
    let ledger = nodes.withhold_a_closure();
    nodes.follow(nodes.followed.source(), Vec::new());
    nodes.indexed(ledger).await;
    nodes.fold_again_and_reindex().await;
}

#[sqlx::test]
async fn what_a_reindex_from_the_chain_learns_of_entries_is_kept(pool: PgPool) {
    let mut nodes = TwoNodes::start(pool).await;
    let ledger = nodes.withhold_a_closure();
    nodes.follow(nodes.followed.source(), vec![whole_ledgers(&nodes.followed)]);
    let read_once = vec![(i64::from(ledger.0), vec!["getLedgers".to_owned()], false)];
    eventually("the ledger was read again", || async { nodes.withdrawn().await == read_once }).await;
    nodes.world.stop_all().await;
    sqlx::raw_sql("delete from baselines; delete from deleted_entries").execute(&nodes.world.pool).await.unwrap();
    let mut reindex = Reindex::open_from_chain(&nodes.world.store).await.unwrap();
    reindex.read_chain(&[whole_ledgers(&nodes.followed)], |_| {}).await.unwrap();
    reindex.read_stored_and_swap(|_| ()).await.unwrap();
    assert!(nodes.record().await.closed);
    nodes.fold_again_and_reindex().await;
}

#[sqlx::test]
async fn events_before_a_transfer_that_no_source_tells_are_a_known_gap(pool: PgPool) {
    let mut nodes = TwoNodes::start(pool).await;
    let transferred = entry_with(0, ("recipient", party(7)));
    nodes.close(110, &[], &[], &change(&contract(), STREAM, Some(&entry(0)), Some(&transferred)));
    nodes.follow(nodes.followed.source_of_events(), vec![whole_ledgers(&nodes.followed)]);
    eventually("the recipient is corrected", || async { !nodes.corrections().await.is_empty() }).await;
    let verified = nodes.verified().await;
    assert_eq!((&verified.differences, verified.is_proven()), (&Vec::new(), true));
    assert_eq!((verified.equal, verified.lost_transfers), (1, vec![STREAM]));
}
