//! What a comparison of records with the chain's entries comes to, written beside the batches.
//!
//! A record that moved meanwhile is left as it is: what was compared is not what is there. The same holds for a record
//! that an unreadable event has spoken of since the ledger of the comparison. The writer is never kept waiting. If it had
//! prepared a batch from the old record, that batch overwrites the new one, which then counts as not compared and is
//! compared again.

use std::collections::{BTreeMap, HashMap};

use sqlx::PgConnection;

use super::{
    Store, StoreError, baselines,
    columns::{columns_of, ledger, parse},
    corrections,
    deletions::{self, Deletion},
    listen, network, quarantine,
    revisions::{self, Revised},
    stream_rows::{self, StreamColumns},
};
use crate::domain::{
    Baseline, ChangedStreams, ContractId, Epoch, EventId, FieldDifference, LedgerSequence, QuarantinedEvent, StreamId,
    StreamKey, StreamRecord,
};

/// Records of one contract beside the chain's entries, which were true at one ledger.
#[derive(Clone, Debug)]
pub struct EntryChecks<'a> {
    /// The contract.
    pub contract_id: &'a ContractId,
    /// The epoch that the entries were read in.
    pub epoch: Epoch,
    /// The ledger at whose end entries and records were compared.
    pub at_ledger: LedgerSequence,
    /// Streams whose records equal their entries.
    pub equal: Vec<EqualEntry>,
    /// Streams whose records are set from their entries.
    pub taken: Vec<TakenEntry>,
    /// Streams whose entries cannot be read.
    pub unreadable: Vec<UnreadableEntry>,
    /// The streams among them that have no event in the ledger that changed them last, each with that ledger.
    pub missed_in: BTreeMap<StreamId, LedgerSequence>,
}

/// A record that equals its entry.
#[derive(Clone, Copy, Debug)]
pub struct EqualEntry {
    /// The stream.
    pub stream_id: StreamId,
    /// The last event of the record.
    pub last_event: EventId,
    /// The last ledger of the entry's lifetime, if the chain says.
    pub live_until: Option<LedgerSequence>,
}

/// An entry that sets a record.
#[derive(Clone, Debug)]
pub struct TakenEntry {
    /// The stream.
    pub stream_id: StreamId,
    /// The entry; `None` if the contract deleted it.
    pub baseline: Option<Baseline>,
    /// The last event of the record that it was compared with.
    pub last_event: EventId,
    /// The fields that differed; none if the entry only told what events do not.
    pub differences: Vec<FieldDifference>,
}

/// An entry that nobody can read. It is kept raw, and its record is marked with the reason.
#[derive(Clone, Debug)]
pub struct UnreadableEntry {
    /// The stream.
    pub stream_id: StreamId,
    /// The entry as it came, and why it cannot be read.
    pub kept: QuarantinedEvent,
    /// The last event of the record beside it.
    pub last_event: EventId,
}

impl Store {
    /// Writes what a comparison came to. Returns the streams whose records were set.
    ///
    /// # Errors
    /// [`StoreError::OtherEpoch`] if the network started over since the entries were read.
    pub async fn write_entry_checks(&self, checks: &EntryChecks<'_>) -> Result<Vec<StreamId>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let set = transaction.within(async |connection| checks.write(connection).await).await?;
        transaction.commit().await?;
        Ok(set)
    }

    /// Returns the last ledger of the lifetimes of these streams' entries, where the chain has told it: the last time, since
    /// one answer may be wrong.
    pub async fn lifetimes(
        &self,
        contract_id: &ContractId,
        streams: &[StreamId],
    ) -> Result<HashMap<StreamId, LedgerSequence>, StoreError> {
        if streams.is_empty() {
            return Ok(HashMap::new());
        }
        let streams: Vec<String> = streams.iter().map(ToString::to_string).collect();
        let rows = sqlx::query!(
            r#"select stream_id, case
                   when baselines.toid >> 32 < checked_at_ledger
                       then coalesce(streams.live_until_ledger, baselines.live_until_ledger)
                   else coalesce(baselines.live_until_ledger, streams.live_until_ledger)
               end as live_until
               from streams left join baselines using (contract_id, stream_id)
               where contract_id = $1 and stream_id = any($2::text[])"#,
            contract_id.as_str(),
            &streams,
        )
        .fetch_all(&self.pool)
        .await?;
        let known = rows.into_iter().filter_map(|row| Some((row.stream_id, row.live_until?)));
        known.map(|(stream_id, live_until)| Ok((parse("stream_id", &stream_id)?, ledger(live_until)?))).collect()
    }
}

impl EntryChecks<'_> {
    async fn write(&self, connection: &mut PgConnection) -> Result<Vec<StreamId>, StoreError> {
        self.mark_equal(connection).await?;
        // From here on the tables cannot be archived: the lock of that statement keeps them.
        network::check_epoch(connection, self.epoch).await?;
        if !self.unreadable.is_empty() {
            self.keep_unreadable(connection).await?;
        }
        if self.taken.is_empty() { Ok(Vec::new()) } else { self.take(connection).await }
    }

    async fn mark_equal(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let streams: Vec<String> = self.equal.iter().map(|equal| equal.stream_id.to_string()).collect();
        let last_events: Vec<EventId> = self.equal.iter().map(|equal| equal.last_event).collect();
        let (toids, indexes) = columns_of(&last_events);
        let live_until: Vec<Option<i64>> =
            self.equal.iter().map(|equal| equal.live_until.map(|ledger| i64::from(ledger.0))).collect();
        sqlx::query!(
            "with equal as (
                 select contract_id, stream_id, live_until
                 from unnest($3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
                     as equal (stream, toid, event_index, live_until)
                 join streams on contract_id = $1 and stream_id = equal.stream
                     and (last_toid, last_event_index) = (equal.toid, equal.event_index)
                     and (checked_at_ledger is null or checked_at_ledger < $2) and (closed or not unverified)
                 for update of streams skip locked
             )
             update streams set
                 checked_at_ledger = $2, live_until_ledger = coalesce(equal.live_until, streams.live_until_ledger)
             from equal
             where streams.contract_id = equal.contract_id and streams.stream_id = equal.stream_id",
            self.contract_id.as_str(),
            i64::from(self.at_ledger.0),
            &streams,
            &toids,
            &indexes,
            &live_until as _,
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Locks the records of these streams and returns those that nobody else is writing.
    async fn lock(
        &self,
        connection: &mut PgConnection,
        streams: impl Iterator<Item = &StreamId>,
    ) -> Result<Vec<StreamId>, StoreError> {
        let streams: Vec<String> = streams.map(ToString::to_string).collect();
        let locked = sqlx::query_scalar!(
            "select stream_id from streams
             where contract_id = $1 and stream_id = any($2::text[]) for update skip locked",
            self.contract_id.as_str(),
            &streams,
        )
        .fetch_all(connection)
        .await?;
        locked.iter().map(|text| parse("stream_id", text)).collect()
    }

    fn record_after(&self, taken: &TakenEntry, before: &StreamRecord) -> StreamRecord {
        match &taken.baseline {
            Some(baseline) => baseline.record(self.contract_id, Some(before.clone()), None),
            None => before.clone().deleted(self.at_ledger),
        }
    }

    async fn take(&self, connection: &mut PgConnection) -> Result<Vec<StreamId>, StoreError> {
        let by_stream: HashMap<StreamId, &TakenEntry> =
            self.taken.iter().map(|taken| (taken.stream_id, taken)).collect();
        let streams = self.lock(connection, by_stream.keys()).await?;
        let records = stream_rows::load(connection, &stream_rows::keys_of(self.contract_id, &streams)).await?;
        let spoken_of = quarantine::last_that_speaks_of(connection, self.contract_id, &streams).await?;
        let compared_up_to = EventId::end_of_ledger(self.at_ledger);
        let is_doubted = |record: &StreamRecord| {
            spoken_of.iter().any(|it| it.stream.1 == record.stream_id && it.id > compared_up_to)
        };
        let (mut set, mut changed) = (HashMap::new(), ChangedStreams::new());
        for before in records {
            let taken = by_stream[&before.stream_id];
            if before.last_event == taken.last_event && !is_doubted(&before) {
                let key = (before.contract_id.clone(), before.stream_id);
                let after = self.record_after(taken, &before);
                changed.insert(key.clone(), revisions::parties_of([&before, &after]));
                set.insert(key, after);
            }
        }
        let ids: Vec<StreamId> = changed.keys().map(|(_, stream_id)| *stream_id).collect();
        let Some(revision) = self.write_and_tell(connection, &set, changed).await? else { return Ok(Vec::new()) };
        let taken: Vec<&TakenEntry> = ids.iter().map(|stream_id| by_stream[stream_id]).collect();
        let raw = taken.iter().filter_map(|taken| taken.baseline.as_ref()).map(|baseline| &baseline.raw);
        baselines::upsert(connection, self.contract_id, raw, revision).await?;
        let deleted = taken.iter().filter(|taken| taken.baseline.is_none());
        let gone_at = EventId::end_of_ledger(self.at_ledger);
        let deleted: Vec<Deletion> = deleted.map(|taken| (taken.stream_id, gone_at)).collect();
        deletions::insert(connection, self.contract_id, &deleted, revision).await?;
        let corrected: Vec<(StreamId, FieldDifference)> = taken
            .iter()
            .flat_map(|taken| taken.differences.iter().map(|found| (taken.stream_id, found.clone())))
            .collect();
        corrections::insert(connection, self.contract_id, self.at_ledger, &corrected, &self.missed_in).await?;
        Ok(ids)
    }

    /// Marks records whose entries cannot be read, as they stand, and keeps the entries.
    async fn keep_unreadable(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let by_stream: HashMap<StreamId, &UnreadableEntry> =
            self.unreadable.iter().map(|unreadable| (unreadable.stream_id, unreadable)).collect();
        let streams = self.lock(connection, by_stream.keys()).await?;
        let records = stream_rows::load(connection, &stream_rows::keys_of(self.contract_id, &streams)).await?;
        let (mut set, mut changed, mut kept) = (HashMap::new(), ChangedStreams::new(), Vec::new());
        for mut record in records {
            let unreadable = by_stream[&record.stream_id];
            if record.last_event == unreadable.last_event {
                let key = (record.contract_id.clone(), record.stream_id);
                record.cannot_be_read(unreadable.kept.reason.clone());
                changed.insert(key.clone(), revisions::parties_of([&record]));
                set.insert(key, record);
                kept.push(unreadable.kept.clone());
            }
        }
        quarantine::insert(connection, &kept).await?;
        self.write_and_tell(connection, &set, changed).await?;
        Ok(())
    }

    /// Writes records and tells their readers. Returns the number of the revision, if there was anything to tell.
    async fn write_and_tell(
        &self,
        connection: &mut PgConnection,
        set: &HashMap<StreamKey, StreamRecord>,
        changed: ChangedStreams,
    ) -> Result<Option<i64>, StoreError> {
        let Some(range) = range_of(set.values().map(|record| record.last_event)) else { return Ok(None) };
        StreamColumns::of(set, changed.keys().cloned().collect()).upsert(connection).await?;
        let revised = Revised { range, changed: Some(changed) };
        let revision = revisions::tell(connection, self.contract_id, &revised).await?;
        listen::notify(connection, listen::COMMITTED).await?;
        Ok(Some(revision))
    }
}

fn range_of(ids: impl Iterator<Item = EventId> + Clone) -> Option<(EventId, EventId)> {
    ids.clone().min().zip(ids.max())
}
