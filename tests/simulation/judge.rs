//! The end of a world: everything is repaired, and the result is compared with the chain.

use std::collections::BTreeSet;

use flowfi_indexer::{
    domain::{
        CommittedEvent, EventFilter, EventId, LedgerRange, LedgerSequence, StreamEntry, StreamId, StreamRecord,
        Visibility, holes,
    },
    store::EventRange,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sqlx::Row;

use crate::{chain::Place, maintenance::prove, world::World};

/// Closed after the last event, so that a quiet end is tested too.
const QUIET_LEDGERS: u32 = 3;

/// Which streams to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    All,
    Complete,
}

impl World<'_> {
    /// Repairs everything, ends the history, and compares.
    pub async fn finish(&mut self) -> Result<(), String> {
        self.tell("the end: no more faults");
        self.end_faults();
        self.place.database.fail_statements_after(-1).await;
        self.end_stalls().await;
        if self.indexers.is_empty() {
            self.start_indexer(false).await;
        }
        self.settle().await?;
        self.reach_the_tip().await?;
        self.until("every command has ended", async |world| !world.is_maintained()).await?;
        let is_proven = self.prove_what_is_incomplete().await?;
        self.repair().await?;
        self.read_withdrawn_again().await?;
        let which = if is_proven { Which::All } else { Which::Complete };
        // A reindex puts right what went wrong before it, and so do the chain's entries.
        if self.abilities.second_version.is_none() {
            self.compare_records(which).await.map_err(|failure| format!("before the last reindex: {failure}"))?;
        }
        self.reindex_at_last().await?;
        let sentinel = self.chain.close_sentinel().await;
        self.until("every subscriber sees the last event or is told to start over after it", async |world| {
            world.clients.iter().all(|client| client.log.lock().unwrap().is_through(sentinel))
        })
        .await?;
        self.chain.close_quiet(&mut self.rng, QUIET_LEDGERS);
        let tip = self.reach_the_tip().await?;
        self.compare_rows(which).await?;
        self.compare_rest().await?;
        self.compared_with_entries(which).await?;
        self.compare_records(which).await?;
        self.compare_coverage(tip).await?;
        self.compare_known_ledger().await?;
        self.compare_archives().await?;
        self.until("every subscriber was told what came late", async |world| world.compare_clients().is_ok())
            .await
            .or_else(|late| self.compare_clients().and(Err(late)))?;
        self.chain.devnet.check_balances().map_err(|failure| failure.to_string())
    }

    /// Waits until the newest ledger is indexed, and returns it.
    async fn reach_the_tip(&mut self) -> Result<LedgerSequence, String> {
        let tip = self.chain.devnet.latest_ledger();
        self.until("the tip is indexed", async |world| world.has_reached(tip).await).await?;
        Ok(tip)
    }

    /// Sets the records that lack rows from the chain. They must stay correct when more happens, and when some of those
    /// rows arrive later. Returns whether it did so.
    async fn prove_what_is_incomplete(&mut self) -> Result<bool, String> {
        if !self.losses.is_something_missing() || self.rng.random_ratio(1, 4) {
            return Ok(false);
        }
        let (first, later) = std::mem::take(&mut self.losses.forgotten).into_iter().partition(|_| self.rng.random());
        self.losses.forgotten = first;
        self.write_forgotten().await?;
        let rng = StdRng::seed_from_u64(self.rng.random());
        let proof = prove(&self.control(), &self.oracle(), &self.contract_id(), rng).await;
        let proof = proof.map_err(|failure| format!("the proof failed: {failure}"))?;
        self.tell(format!("set from the chain: {:?}; then {} rows arrive", proof.repaired, later.len()));
        self.losses.forgotten = later;
        if !proof.is_proven() {
            // What the contract has deleted cannot be set from it, only from its events.
            let is_deleted = |stream_id: &StreamId| self.chain.devnet.stream_entry(*stream_id).is_none();
            let lacks_only_deleted = proof.differences.is_empty() && proof.missing_here.iter().all(is_deleted);
            if proof.unverified == 0 && proof.behind.is_empty() && lacks_only_deleted {
                return Ok(false);
            }
            return Err(format!("a repair leaves what it cannot prove: {proof:?}"));
        }
        self.compare_records(Which::All).await?;
        let ledgers = self.rng.random_range(0..3);
        self.close_ledgers(ledgers).await;
        self.reach_the_tip().await?;
        self.compared_with_entries(Which::All).await?;
        self.compare_records(Which::All).await.map_err(|failure| format!("after more was indexed: {failure}"))?;
        Ok(true)
    }

    async fn has_reached(&self, ledger: LedgerSequence) -> bool {
        self.cursor().await.is_some_and(|cursor| cursor.last_whole_ledger() >= ledger)
    }

    /// Returns the streams that cannot be compared: those that lack events and whose records nobody has set. What the
    /// contract has deleted cannot be set from it.
    fn left_out_of(&self, which: Which) -> BTreeSet<StreamId> {
        let is_missing = |id: &&EventId| self.losses.is_given_up(**id) || self.losses.forgotten.contains(id);
        let missing = self.chain.history.events.keys().filter(is_missing);
        let lacking = missing.filter_map(|id| self.chain.stream_of(*id));
        lacking.filter(|id| which == Which::Complete || self.chain.devnet.stream_entry(*id).is_none()).collect()
    }

    /// Compares ids. Some events of a ledger that was given up may be stored: those before the cursor, if it was inside
    /// the ledger.
    fn compare_ids(&self, what: &str, expected: &[EventId], found: &[EventId]) -> Result<(), String> {
        let expected_set: BTreeSet<_> = expected.iter().collect();
        let found_set: BTreeSet<_> = found.iter().collect();
        let missing: Vec<_> =
            expected.iter().filter(|id| !found_set.contains(id) && !self.losses.is_given_up(**id)).collect();
        let foreign: Vec<_> = found.iter().filter(|id| !expected_set.contains(id)).collect();
        let twice = found.len() - found_set.len();
        if missing.is_empty() && foreign.is_empty() && twice == 0 {
            return Ok(());
        }
        Err(format!("{what}: missing {missing:?}, foreign {foreign:?}, {twice} twice"))
    }

    async fn compare_rows(&self, which: Which) -> Result<(), String> {
        let range = EventRange { after: EventId::ZERO, up_to: EventId::from_parts(i64::MAX, 0).unwrap() };
        let all = EventFilter { all: true, ..EventFilter::seen_by(Visibility::Everything) };
        let rows = self.control().matching_events(range, &all, 1_000_000).await.unwrap();
        let found: Vec<EventId> = rows.iter().map(|row| row.id).collect();
        self.compare_ids("event rows", &self.chain.history.ids_of(|place| matches!(place, Place::Row(..))), &found)?;
        for row in &rows {
            let expected = self.chain.history.events[&row.id].place;
            let is_the_event = row.event_type.known().is_some_and(|known| Place::Row(known, row.stream_id) == expected);
            if !is_the_event || !self.chain.history.has(row.id, &row.tx_hash) {
                return Err(format!("the row {} is a different event from {expected:?}", row.id));
            }
        }
        self.compare_parties(&rows, which)
    }

    fn compare_parties(&self, rows: &[CommittedEvent], which: Which) -> Result<(), String> {
        let left_out = self.left_out_of(which);
        for row in rows.iter().filter(|row| row.stream_id.is_none_or(|id| !left_out.contains(&id))) {
            let parties = row.sender.clone().zip(row.recipient.clone());
            let former = row.former_recipient.as_ref();
            if parties != self.chain.parties_of(row.id) || former != self.chain.former_recipient_of(row.id) {
                return Err(format!("the row {} has other parties: {parties:?}, before {former:?}", row.id));
            }
        }
        Ok(())
    }

    async fn compare_rest(&self) -> Result<(), String> {
        for (table, place) in [("quarantine", Place::Quarantine), ("contract_upgrades", Place::Upgrade)] {
            let select = format!("select toid, event_index from {table} order by toid, event_index");
            let rows = sqlx::query(sqlx::AssertSqlSafe(select)).fetch_all(&self.place.database.control).await.unwrap();
            let id = |row: &sqlx::postgres::PgRow| EventId::from_parts(row.get("toid"), row.get("event_index"));
            let found: Vec<EventId> = rows.iter().filter_map(id).collect();
            self.compare_ids(table, &self.chain.history.ids_of(|other| other == place), &found)?;
        }
        Ok(())
    }

    async fn compare_records(&self, which: Which) -> Result<(), String> {
        let left_out = self.left_out_of(which);
        let count = u64::try_from(self.chain.devnet.stream_count()).unwrap();
        for stream_id in (1..=count).map(StreamId).filter(|id| !left_out.contains(id)) {
            let Some(record) = self.control().stream(&self.contract_id(), stream_id).await.unwrap() else {
                return Err(format!("stream {stream_id} has no record"));
            };
            // The contract deletes a closed stream; its record stays.
            let found = (!record.closed).then(|| StreamEntry::from(&record));
            let expected = self.chain.devnet.stream_entry(stream_id);
            if found != expected {
                return Err(format!("stream {stream_id}: the record says {found:?}, the chain {expected:?}"));
            }
            self.compare_claimable(&record)?;
        }
        Ok(())
    }

    /// Compares what a record says can be claimed with what the contract answers, now and later.
    fn compare_claimable(&self, record: &StreamRecord) -> Result<(), String> {
        let now = self.chain.devnet.latest_closed_at();
        for later in [0, 1, 60, 3_600, 86_400, 30 * 86_400] {
            let at = now.plus_seconds(later);
            let (ours, contracts) = (record.claimable(at), self.chain.devnet.claimable(record.stream_id, at));
            // Without entries some is not known; with them everything is, until the stream is closed.
            let may_be_unknown = record.closed || self.abilities.second_version.is_none();
            let is_right = ours.map_or(may_be_unknown, |ours| Some(ours) == contracts);
            if !is_right {
                return Err(format!(
                    "stream {}, {later} s later: {ours:?}, the contract {contracts:?}",
                    record.stream_id
                ));
            }
        }
        Ok(())
    }

    /// Waits until the records were compared with their entries on the chain, in worlds that do so.
    async fn compared_with_entries(&mut self, which: Which) -> Result<(), String> {
        if self.abilities.second_version.is_none() {
            return Ok(());
        }
        self.until("every record was compared with the chain", async |world| {
            let (contract_id, left_out) = (world.contract_id(), world.left_out_of(which));
            let uncertain = world.control().uncertain_streams(&contract_id, StreamId(0), 10_000).await;
            uncertain.is_ok_and(|left| left.iter().all(|(stream_id, _)| left_out.contains(stream_id)))
        })
        .await
    }

    async fn compare_coverage(&self, tip: LedgerSequence) -> Result<(), String> {
        let covered = self.control().coverage(&self.contract_id()).await.unwrap();
        let whole = LedgerRange::new(LedgerSequence(2), tip).unwrap();
        let found = holes(whole, covered.iter().map(|covered| covered.ledgers));
        let kept = holes(whole, self.losses.given_up.iter().copied());
        let expected = holes(whole, kept);
        if found == expected {
            return Ok(());
        }
        Err(format!("the coverage has the holes {found:?}, but {expected:?} were given up; covered: {covered:?}"))
    }
}
