//! Late rows: everything that is written behind the cursor. That is a missing ledger, an event that finally decodes, or
//! an entry read from the chain.
//!
//! The affected streams are folded first, from what is stored at one moment, while batches are still being committed.
//! Only then are the contract's cursor and the records locked. What was committed meanwhile is folded too, everything is
//! written, and the contract's revision is raised, so that a batch prepared before that is prepared again. If another
//! repair or a check of the records came in between, this one starts again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    Store, StoreError, baselines, columns,
    connections::{Connections, Transaction},
    corrections, coverage, deletions,
    judgments::{self, Judgment},
    listen, network,
    quarantine::{self, SpokenOf},
    refold::{Refold, Refolded, ToFold},
    revisions::{self, Revised},
    stream_rows::{self, StreamColumns},
    upgrades, withdrawn,
};
use crate::domain::{
    Baseline, ChangedStreams, ContractEvent, ContractId, ContractUpgradeEvent, CoverageSource, Epoch, EventEffect,
    EventId, FieldDifference, LedgerRange, LedgerSequence, QuarantinedEvent, RawBaseline, RawContractEvent, Revision,
    StreamEntryChange, StreamId,
};

/// A repair in progress. If it is dropped before it is written, it has changed nothing.
#[derive(Debug)]
pub struct Repair {
    transaction: Transaction,
    connections: Connections,
    contract_id: ContractId,
    epoch: Epoch,
    cursor: Cursor,
    locks: Locks,
    effect: EventEffect,
    /// The baselines of the affected streams that were stored when it began.
    baselines: Vec<RawBaseline>,
}

/// When a repair keeps batches from being committed, and checks from being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locks {
    /// Only while it writes. If another repair of the contract is written before that, or a check of a record, this one must
    /// start again.
    ToWrite,
    /// From its start.
    FromTheBeginning,
}

/// A contract's position and revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor {
    position: EventId,
    revision: i64,
}

/// The rows that a repair writes.
#[derive(Clone, Debug, Default)]
pub struct LateRows {
    /// The events, in any order. Events that are already stored change nothing.
    pub events: Vec<ContractEvent>,
    /// The baselines of every affected stream, stored or not, in the order of their positions.
    pub baselines: HashMap<StreamId, Vec<Baseline>>,
    /// Streams to fold from their first event, whatever else happens to them.
    pub from_the_first: BTreeSet<StreamId>,
    /// What transactions left of the contract's entries, in the order of the chain.
    pub entries: Vec<StreamEntryChange>,
    /// Fields of records that the baselines correct.
    pub corrections: Vec<(StreamId, FieldDifference)>,
    /// The streams among them that have no event in the ledger that changed them last, each with that ledger.
    pub missed_in: BTreeMap<StreamId, LedgerSequence>,
    /// Upgrades of the contract's code.
    pub upgrades: Vec<ContractUpgradeEvent>,
    /// Events to quarantine.
    pub quarantined: Vec<QuarantinedEvent>,
    /// The ledgers that were seen whole with these rows, and their source.
    pub covered: Option<(LedgerRange, CoverageSource)>,
    /// How far these rows bring the contract, if it is catching up with the others.
    pub caught_up: Option<CaughtUp>,
}

impl LateRows {
    /// Returns every stream that these rows affect.
    #[must_use]
    pub fn streams(&self) -> BTreeSet<StreamId> {
        let of_events = self.events.iter().filter_map(|event| event.event.stream_id());
        let spoken_of = self.quarantined.iter().filter_map(|event| event.stream_id);
        let of_entries = self.entries.iter().map(|change| change.stream_id);
        let others = self.baselines.keys().chain(&self.from_the_first).copied();
        of_events.chain(of_entries).chain(spoken_of).chain(others).collect()
    }

    /// Returns whether they have nothing but entries of the chain.
    fn are_entries(&self) -> bool {
        self.events.is_empty()
            && self.quarantined.is_empty()
            && self.upgrades.is_empty()
            && self.from_the_first.iter().all(|stream_id| self.baselines.contains_key(stream_id))
    }
}

/// How far a contract gets while it is catching up with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaughtUp {
    /// Everything of the contract up to here is stored.
    pub position: EventId,
    /// The newest close time known up to its last whole ledger; `None` if none is known.
    pub last_whole_ledger_closed_at: Option<DateTime<Utc>>,
}

/// What a repair wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// The number of new event rows.
    pub events: usize,
    /// The number of new quarantine rows.
    pub quarantined: usize,
    /// The number of new upgrades of the contract's code.
    pub upgrades: usize,
    /// The number of streams whose records were folded again.
    pub streams: usize,
}

impl Store {
    /// Begins a repair with data that was read in an epoch. Returns `None` before the contract is indexed.
    ///
    /// # Errors
    /// [`StoreError::OtherEpoch`] if the network has started over: nothing of the old chain may be written then.
    pub async fn begin_repair(
        &self,
        contract_id: &ContractId,
        epoch: Epoch,
        locks: Locks,
    ) -> Result<Option<Repair>, StoreError> {
        let mut transaction = match locks {
            Locks::ToWrite => self.pool.begin_snapshot().await?,
            Locks::FromTheBeginning => self.pool.begin().await?,
        };
        let cursor = transaction
            .within(async |connection| match locks {
                Locks::ToWrite => read_cursor(connection, contract_id, epoch).await,
                Locks::FromTheBeginning => lock_cursor(connection, contract_id, epoch).await,
            })
            .await?;
        let Some(cursor) = cursor else { return Ok(None) };
        let (contract_id, connections) = (contract_id.clone(), self.pool.clone());
        let effect = self.event_effect;
        Ok(Some(Repair { transaction, connections, contract_id, epoch, cursor, locks, effect, baselines: Vec::new() }))
    }
}

async fn read_cursor(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    epoch: Epoch,
) -> Result<Option<Cursor>, StoreError> {
    let row =
        sqlx::query!("select toid, event_index, revision from cursors where contract_id = $1", contract_id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
    network::check_epoch(connection, epoch).await?;
    row.map(|row| Ok(Cursor { position: columns::event_id(row.toid, row.event_index)?, revision: row.revision }))
        .transpose()
}

async fn lock_cursor(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    epoch: Epoch,
) -> Result<Option<Cursor>, StoreError> {
    let locked = sqlx::query!("select from cursors where contract_id = $1 for update", contract_id.as_str());
    locked.fetch_optional(&mut *connection).await?;
    // The epoch changes only under a lock that this lock on the cursor excludes.
    read_cursor(connection, contract_id, epoch).await
}

impl Repair {
    /// Returns the contract's cursor.
    #[must_use]
    pub const fn position(&self) -> EventId {
        self.cursor.position
    }

    /// Returns the stored baselines of these streams, whose records it locks if it locks from its beginning.
    pub async fn baselines_of(&mut self, streams: &BTreeSet<StreamId>) -> Result<Vec<RawBaseline>, StoreError> {
        let streams: Vec<StreamId> = streams.iter().copied().collect();
        let (contract_id, locks) = (&self.contract_id, self.locks);
        let load = async |connection: &mut PgConnection| {
            if locks == Locks::FromTheBeginning {
                stream_rows::lock(connection, contract_id, &streams).await?;
            }
            baselines::load(connection, contract_id, &streams).await
        };
        self.baselines = self.transaction.within(load).await?;
        Ok(self.baselines.clone())
    }

    /// Folds the streams, writes everything, and tells readers which range was revised, or which records changed if nothing
    /// else did. Returns `None` if another repair of the contract was written since this one began, or another baseline or
    /// deletion of a stream; nothing was written then.
    pub async fn write(
        self,
        late: &LateRows,
        decode: impl Fn(RawContractEvent) -> Option<ContractEvent> + Copy,
    ) -> Result<Option<Repaired>, StoreError> {
        let streams = late.streams();
        let to_fold = ToFold {
            position: self.cursor.position,
            effect: self.effect,
            events: &late.events,
            baselines: &late.baselines,
            entries: &late.entries,
            deletions: &[],
            streams: &streams,
            from_the_first: &late.from_the_first,
        };
        let Self { mut transaction, connections, contract_id, epoch, cursor, locks, baselines, .. } = self;
        let ids: Vec<StreamId> = streams.iter().copied().collect();
        let load = async |connection: &mut PgConnection| deletions::load(connection, &contract_id, &ids).await;
        let deletions = transaction.within(load).await?;
        let to_fold = ToFold { deletions: &deletions, ..to_fold };
        let mut refold = Refold::begin(&mut transaction, &contract_id, &to_fold, decode).await?;
        if locks == Locks::ToWrite {
            transaction.commit().await?;
            transaction = connections.begin().await?;
            let look_again = async |connection: &mut PgConnection| {
                let now = lock_cursor(connection, &contract_id, epoch).await?;
                // A check may be writing one of the records: what it learned of the chain can be seen once it has ended.
                stream_rows::lock(connection, &contract_id, &ids).await?;
                let baselines = baselines::load(connection, &contract_id, &ids).await?;
                Ok((now, baselines, deletions::load(connection, &contract_id, &ids).await?))
            };
            let (now, baselines_now, deletions_now) = transaction.within(look_again).await?;
            let is_overtaken = |now: Option<Cursor>| match now {
                Some(now) if late.caught_up.is_some() => now != cursor,
                Some(now) => now.revision != cursor.revision,
                None => true,
            };
            if is_overtaken(now) || baselines_now != baselines || deletions_now != deletions {
                return Ok(None);
            }
        }
        refold.go_on(&mut transaction, decode).await?;
        let writing = Writing { contract_id: &contract_id, position: cursor.position, late };
        let repaired = writing.write(&mut transaction, refold).await?;
        transaction.commit().await?;
        Ok(Some(repaired))
    }
}

/// What is written while the cursor is locked.
struct Writing<'a> {
    contract_id: &'a ContractId,
    position: EventId,
    late: &'a LateRows,
}

impl Writing<'_> {
    /// Writes everything. Each part has the deadline of a statement.
    async fn write(&self, transaction: &mut Transaction, refold: Refold) -> Result<Repaired, StoreError> {
        let Self { contract_id, late, .. } = *self;
        let of_upgrades = late.upgrades.iter().map(|event| event.raw.id);
        let of_entries = late.entries.iter().map(|change| change.id);
        let of_events = late.events.iter().map(|event| event.raw.id);
        let came: Vec<EventId> = of_events.chain(of_upgrades).chain(of_entries).collect();
        let kept_raw = async |connection: &mut PgConnection| {
            let released = quarantine::release(connection, contract_id, &came, refold.streams()).await?;
            let quarantined = quarantine::insert(connection, &late.quarantined).await?;
            let upgrades = upgrades::insert(connection, &late.upgrades).await?;
            let spoken_of = self.spoken_of(connection, refold.streams()).await?;
            Ok((released, quarantined, upgrades, spoken_of))
        };
        let (mut touched, quarantined, upgrades, spoken_of) = transaction.within(kept_raw).await?;
        touched.extend(refold.new_ids());
        let (folded, of_based) = (refold.folded, refold.of_based);
        let Refolded { new, stored, streams, versions, judgments } = refold.finish(&spoken_of);
        transaction.within(async |connection| new.insert(connection, true).await).await?;
        for some in stored.in_pieces() {
            touched.extend(transaction.within(async |connection| some.update(connection).await).await?);
        }
        let only_records = late.are_entries() && touched.is_empty();
        let write = async |connection: &mut PgConnection| {
            let changed = self.write_records(connection, &streams, only_records).await?;
            versions.write(connection).await?;
            Ok(changed)
        };
        let changed = transaction.within(write).await?;
        let repaired = Repaired { events: new.len(), quarantined, upgrades, streams: streams.len() };
        let tell = async |connection: &mut PgConnection| {
            if let Some(caught_up) = late.caught_up {
                self.raise(connection, caught_up).await?;
            }
            if let Some((ledgers, source)) = late.covered {
                coverage::fill(connection, contract_id, ledgers, source).await?;
                withdrawn::withdraw_noted(connection, contract_id, ledgers).await?;
            }
            if repaired == Repaired::default() {
                return Ok(());
            }
            let judgments: Vec<&Judgment> = judgments.iter().collect();
            judgments::withdraw_unexplained(connection, contract_id, &judgments).await?;
            let range = self.revised(&touched, of_based).or(folded).unwrap_or((self.position, self.position));
            let revision = revisions::record(connection, contract_id, &Revised { range, changed }).await?;
            let raw = late.baselines.values().flatten().map(|baseline| &baseline.raw);
            baselines::upsert(connection, contract_id, raw, revision).await?;
            judgments::keep_entries(connection, contract_id, &judgments, revision).await?;
            judgments::write_corrections(connection, contract_id, &judgments).await?;
            self.correct(connection).await?;
            listen::notify(connection, listen::COMMITTED).await
        };
        transaction.within(tell).await?;
        Ok(repaired)
    }

    /// Writes the records. If that is all there is to tell, returns their streams with the parties before and after.
    async fn write_records(
        &self,
        connection: &mut PgConnection,
        streams: &StreamColumns,
        only_records: bool,
    ) -> Result<Option<ChangedStreams>, StoreError> {
        if !only_records || streams.len() > Revision::MOST_CHANGED {
            streams.upsert(connection).await?;
            return Ok(None);
        }
        let ids: Vec<StreamId> = self.late.streams().into_iter().collect();
        let keys = stream_rows::keys_of(self.contract_id, &ids);
        let before = stream_rows::load(connection, &keys).await?;
        streams.upsert(connection).await?;
        let mut changed = ChangedStreams::new();
        for record in before.iter().chain(&stream_rows::load(connection, &keys).await?) {
            let parties = changed.entry((record.contract_id.clone(), record.stream_id)).or_default();
            parties.extend(revisions::parties_of([record]));
        }
        Ok(Some(changed))
    }

    async fn correct(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let positions = self.late.baselines.values().flatten().map(|baseline| baseline.raw.position);
        let at_ledger = positions.max().unwrap_or(self.position).last_whole_ledger();
        corrections::insert(connection, self.contract_id, at_ledger, &self.late.corrections, &self.late.missed_in).await
    }

    async fn raise(&self, connection: &mut PgConnection, caught_up: CaughtUp) -> Result<(), StoreError> {
        let CaughtUp { position, last_whole_ledger_closed_at } = caught_up;
        sqlx::query!(
            "update cursors set toid = $2, event_index = $3, last_whole_ledger = greatest(last_whole_ledger, $4),
                 last_whole_ledger_closed_at = greatest(last_whole_ledger_closed_at, $5)
             where contract_id = $1 and (toid, event_index) <= ($2, $3)",
            self.contract_id.as_str(),
            position.toid(),
            i64::from(position.index()),
            i64::from(position.last_whole_ledger().0),
            last_whole_ledger_closed_at,
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Returns those of the streams that something in quarantine speaks of, unless a baseline already includes its effect.
    async fn spoken_of(
        &self,
        connection: &mut PgConnection,
        streams: &[StreamId],
    ) -> Result<Vec<SpokenOf>, StoreError> {
        let spoken_of = quarantine::last_that_speaks_of(connection, self.contract_id, streams).await?;
        let is_after = |spoken_of: &SpokenOf| {
            let newest = self.late.baselines.get(&spoken_of.stream.1).and_then(|of_it| of_it.last());
            newest.is_none_or(|newest| newest.raw.position < spoken_of.id)
        };
        Ok(spoken_of.into_iter().filter(is_after).collect())
    }

    /// Returns the range to report to readers: from the first to the last event that was affected or quarantined. If an
    /// entry came from the chain, the events of its stream count too. `None` if there are no such events.
    fn revised(&self, touched: &[EventId], of_based: Option<(EventId, EventId)>) -> Option<(EventId, EventId)> {
        let of_quarantine = self.late.quarantined.iter().map(|event| event.raw.id);
        let of_upgrades = self.late.upgrades.iter().map(|event| event.raw.id);
        let of_based = of_based.into_iter().flat_map(|(first, last)| [first, last]);
        let ids = touched.iter().copied().chain(of_quarantine).chain(of_upgrades).chain(of_based);
        let ids: Vec<EventId> = ids.collect();
        ids.iter().min().copied().zip(ids.iter().max().copied())
    }
}
