//! Late rows: what is written behind the cursor. A ledger that was missing, an event that decodes at last, an entry read
//! from the chain.
//!
//! A repair locks the contract's cursor, so that no batch is committed meanwhile, and raises its revision, so that a
//! batch prepared before it is prepared anew. The streams it touches are folded again from all of their
//! baselines and events.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::{
    Store, StoreError, StreamKey, baselines,
    connections::Transaction,
    coverage, event_rows,
    fold::{Folded, Stored, fold},
    listen, network, pool, quarantine, revisions, stream_rows, upgrades,
};
use crate::domain::{
    Baseline, ContractEvent, ContractId, ContractUpgradeEvent, CoverageSource, Epoch, EventId, LedgerRange,
    QuarantinedEvent, RawBaseline, RawContractEvent, StreamId,
};

/// A repair under way: dropped before it is written, it has changed nothing.
#[derive(Debug)]
pub struct Repair {
    pub(super) transaction: Transaction,
    pub(super) contract_id: ContractId,
    pub(super) position: EventId,
}

/// What a repair writes.
#[derive(Clone, Debug, Default)]
pub struct LateRows {
    /// Every event of every stream that is folded again, stored or not, and new events of the protocol; in any order.
    pub events: Vec<ContractEvent>,
    /// Those of them that were read from the rows in this repair.
    pub stored: HashSet<EventId>,
    /// The baselines of every such stream, stored or not, in the order of their positions.
    pub baselines: HashMap<StreamId, Vec<Baseline>>,
    /// Upgrades of the contract's code.
    pub upgrades: Vec<ContractUpgradeEvent>,
    /// Events to keep raw.
    pub quarantined: Vec<QuarantinedEvent>,
    /// Ledgers that were seen whole with these rows, and where.
    pub covered: Option<(LedgerRange, CoverageSource)>,
    /// How far the contract gets with these rows, if it is catching up with the others.
    pub caught_up: Option<CaughtUp>,
}

/// How far a contract gets that is catching up with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaughtUp {
    /// Everything of it up to here is stored.
    pub position: EventId,
    /// The newest close time known up to its last whole ledger; `None` if none is.
    pub last_whole_ledger_closed_at: Option<DateTime<Utc>>,
}

/// What a repair wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// New event rows.
    pub events: usize,
    /// New quarantine rows.
    pub quarantined: usize,
    /// Streams whose records were folded again.
    pub streams: usize,
}

impl Store {
    /// Begins a repair with what was read from the chain of an epoch: no batch is committed until it is written or
    /// dropped. `None` before the contract's index began.
    ///
    /// # Errors
    /// [`StoreError::OtherEpoch`] if the network started over since; nothing of the old chain may be written then.
    pub async fn begin_repair(&self, contract_id: &ContractId, epoch: Epoch) -> Result<Option<Repair>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let row = sqlx::query!(
            "select toid, event_index from cursors where contract_id = $1 for update",
            contract_id.as_str()
        )
        .fetch_optional(&mut *transaction)
        .await?;
        // The epoch only changes under a lock that the cursor's excludes.
        network::check_epoch(&mut transaction, epoch).await?;
        let Some(row) = row else { return Ok(None) };
        let position = pool::event_id(row.toid, row.event_index)?;
        Ok(Some(Repair { transaction, contract_id: contract_id.clone(), position }))
    }
}

impl Repair {
    /// Returns the contract's cursor.
    #[must_use]
    pub const fn position(&self) -> EventId {
        self.position
    }

    /// Returns the stored events of these streams as they came.
    pub async fn stored_events_of(&mut self, streams: &[StreamId]) -> Result<Vec<RawContractEvent>, StoreError> {
        event_rows::raw_events_of(&mut self.transaction, &self.contract_id, streams).await
    }

    /// Returns the stored baselines of these streams.
    pub async fn baselines_of(&mut self, streams: &[StreamId]) -> Result<Vec<RawBaseline>, StoreError> {
        baselines::load(&mut self.transaction, &self.contract_id, streams).await
    }

    /// Writes the rows, folds their streams again, and tells readers which range was revised.
    pub async fn write(mut self, mut late: LateRows) -> Result<Repaired, StoreError> {
        late.events.sort_by_key(|event| event.raw.id);
        late.events.dedup_by_key(|event| event.raw.id);
        let ids: Vec<EventId> = late.events.iter().map(|event| event.raw.id).collect();
        let released = quarantine::release(&mut self.transaction, &ids).await?;
        let quarantined = quarantine::insert(&mut self.transaction, &late.quarantined).await?;
        upgrades::insert(&mut self.transaction, &late.upgrades).await?;
        let (repaired, mut touched) = self.write_events(&mut late).await?;
        touched.extend(released);
        let repaired = Repaired { quarantined, ..repaired };
        if let Some(caught_up) = late.caught_up {
            self.raise(caught_up).await?;
        }
        if let Some((ledgers, source)) = late.covered {
            coverage::fill(&mut self.transaction, &self.contract_id, ledgers, source).await?;
        }
        if repaired != Repaired::default() {
            let revised = self.revised(&late, &touched);
            let revision = revisions::record(&mut self.transaction, &self.contract_id, revised).await?;
            let raw = late.baselines.values().flatten().map(|baseline| &baseline.raw);
            baselines::upsert(&mut self.transaction, &self.contract_id, raw, revision).await?;
            listen::notify(&mut self.transaction, listen::COMMITTED).await?;
        }
        self.transaction.commit().await?;
        Ok(repaired)
    }

    async fn raise(&mut self, caught_up: CaughtUp) -> Result<(), StoreError> {
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
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// Returns what was written, and the ids of the rows that were new or changed.
    async fn write_events(&mut self, late: &mut LateRows) -> Result<(Repaired, Vec<EventId>), StoreError> {
        let mut stored = std::mem::take(&mut late.stored);
        let others = late.events.iter().map(|event| event.raw.id).filter(|id| !stored.contains(id));
        let others: Vec<EventId> = others.collect();
        stored.extend(event_rows::stored_among(&mut self.transaction, &others).await?);
        let spoken_of = self.spoken_of(late).await?;
        let baselines = late.baselines.iter();
        let baselines =
            baselines.map(|(stream_id, of_it)| (self.key(*stream_id), of_it.iter().cloned().collect())).collect();
        let again = Stored::FoldedAgain(&stored);
        let folded = fold(&late.events, &spoken_of, again, HashMap::new(), baselines);
        let Folded { events, stored: of_stored, streams, .. } = folded;
        events.insert(&mut self.transaction, true).await?;
        let changed = of_stored.update(&mut self.transaction).await?;
        streams.upsert(&mut self.transaction).await?;
        let new: Vec<EventId> = others.into_iter().filter(|id| !stored.contains(id)).collect();
        let repaired = Repaired { events: new.len(), quarantined: 0, streams: streams.len() };
        Ok((repaired, new.into_iter().chain(changed).collect()))
    }

    /// Returns the streams that an event which is kept raw speaks of, unless a baseline holds what it did.
    async fn spoken_of(&mut self, late: &LateRows) -> Result<Vec<StreamKey>, StoreError> {
        let of_events = late.events.iter().filter_map(|event| event.event.stream_id());
        let of_quarantine = late.quarantined.iter().filter_map(|event| event.stream_id);
        let touched: BTreeSet<StreamId> =
            of_events.chain(of_quarantine).chain(late.baselines.keys().copied()).collect();
        let touched: Vec<StreamId> = touched.into_iter().collect();
        let spoken_of = quarantine::last_that_speaks_of(&mut self.transaction, &self.contract_id, &touched).await?;
        let is_after = |(stream_id, last): &(StreamId, EventId)| {
            late.baselines
                .get(stream_id)
                .and_then(|of_it| of_it.last())
                .is_none_or(|newest| newest.raw.position < *last)
        };
        let spoken_of: Vec<StreamId> = spoken_of.into_iter().filter(is_after).map(|(stream_id, _)| stream_id).collect();
        Ok(stream_rows::keys_of(&self.contract_id, &spoken_of))
    }

    fn key(&self, stream_id: StreamId) -> StreamKey {
        (self.contract_id.clone(), stream_id)
    }

    /// Returns the range to tell readers of: from the first to the last event that was touched or is kept raw, or,
    /// where an entry of the chain came, speaks of its stream. Where there is none of them, that of all events of the
    /// streams that were folded again.
    fn revised(&self, late: &LateRows, touched: &[EventId]) -> (EventId, EventId) {
        let of_quarantine = late.quarantined.iter().map(|event| event.raw.id);
        let of_upgrades = late.upgrades.iter().map(|event| event.raw.id);
        let is_based = |event: &&ContractEvent| {
            event.event.stream_id().is_some_and(|stream_id| late.baselines.contains_key(&stream_id))
        };
        let of_baselines = late.events.iter().filter(is_based).map(|event| event.raw.id);
        let ids = touched.iter().copied().chain(of_quarantine).chain(of_upgrades).chain(of_baselines);
        let of_streams = || range_of(late.events.iter().map(|event| event.raw.id));
        range_of(ids).or_else(of_streams).unwrap_or((self.position, self.position))
    }
}

fn range_of(ids: impl Iterator<Item = EventId>) -> Option<(EventId, EventId)> {
    ids.fold(None, |range, id| match range {
        None => Some((id, id)),
        Some((first, last)) => Some((id.min(first), id.max(last))),
    })
}
