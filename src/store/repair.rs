//! Late rows: what is written behind the cursor. A ledger that was missing, an event that decodes at last.
//!
//! A repair locks the contract's cursor, so that no batch is committed meanwhile, and raises its revision, so that a
//! batch prepared before it is prepared anew. The streams it touches are folded again from all of their events.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Postgres, Transaction};

use super::{
    Store, StoreError, coverage, event_rows,
    fold::{Folded, fold},
    listen, pool, quarantine, stream_rows, upgrades,
};
use crate::domain::{
    ContractEvent, ContractId, ContractUpgradeEvent, CoverageSource, EventId, LedgerRange, QuarantinedEvent,
    RawContractEvent, StreamId,
};

/// A repair under way: dropped before it is written, it has changed nothing.
#[derive(Debug)]
pub struct Repair {
    pub(super) transaction: Transaction<'static, Postgres>,
    pub(super) contract_id: ContractId,
    pub(super) position: EventId,
}

/// What a repair writes.
#[derive(Clone, Debug, Default)]
pub struct LateRows {
    /// Every event of every stream that gets new ones, stored or not, and new events of the protocol; in any order.
    pub events: Vec<ContractEvent>,
    /// Upgrades of the contract's code.
    pub upgrades: Vec<ContractUpgradeEvent>,
    /// Events to keep raw.
    pub quarantined: Vec<QuarantinedEvent>,
    /// Events that were kept raw and are among `events` now.
    pub released: Vec<EventId>,
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
    /// Begins a repair: no batch is committed until it is written or dropped. `None` before the contract's index
    /// began.
    pub async fn begin_repair(&self, contract_id: &ContractId) -> Result<Option<Repair>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let row = sqlx::query!(
            "select toid, event_index from cursors where contract_id = $1 for update",
            contract_id.as_str()
        )
        .fetch_optional(&mut *transaction)
        .await?;
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

    /// Writes the rows, folds their streams again, and tells readers which range was revised.
    pub async fn write(mut self, mut late: LateRows) -> Result<Repaired, StoreError> {
        late.events.sort_by_key(|event| event.raw.id);
        late.events.dedup_by_key(|event| event.raw.id);
        quarantine::remove(&mut self.transaction, &late.released).await?;
        let quarantined = quarantine::insert(&mut self.transaction, &late.quarantined).await?;
        upgrades::insert(&mut self.transaction, &late.upgrades).await?;
        let (repaired, revised) = self.write_events(&late).await?;
        if let Some(caught_up) = late.caught_up {
            self.raise(caught_up).await?;
        }
        if let Some((ledgers, source)) = late.covered {
            coverage::fill(&mut self.transaction, &self.contract_id, ledgers, source).await?;
        }
        if repaired.streams > 0 || repaired.events > 0 {
            record_revision(&mut self.transaction, &self.contract_id, revised).await?;
            listen::notify(&mut self.transaction, listen::COMMITTED).await?;
        }
        self.transaction.commit().await?;
        Ok(Repaired { quarantined, ..repaired })
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

    /// Returns what was written, and from the first to the last new event.
    async fn write_events(&mut self, late: &LateRows) -> Result<(Repaired, (EventId, EventId)), StoreError> {
        let ids: Vec<EventId> = late.events.iter().map(|event| event.raw.id).collect();
        let spoken = late.quarantined.iter().filter_map(|event| event.stream_id);
        let touched: BTreeSet<StreamId> =
            late.events.iter().filter_map(|event| event.event.stream_id()).chain(spoken).collect();
        let touched: Vec<StreamId> = touched.into_iter().collect();
        let stored = event_rows::stored_among(&mut self.transaction, &ids).await?;
        let spoken_of = quarantine::streams_spoken_of(&mut self.transaction, &self.contract_id, &touched).await?;
        let spoken_of = stream_rows::keys_of(&self.contract_id, &spoken_of);
        let Folded { events, streams, .. } = { fold(&late.events, &spoken_of, &HashSet::new(), HashMap::new()) };
        events.insert(&mut self.transaction).await?;
        events.update_from_records(&mut self.transaction).await?;
        streams.upsert(&mut self.transaction).await?;
        let mut new = ids.iter().copied().filter(|id| !stored.contains(id));
        let first = new.next().or(ids.first().copied()).unwrap_or(self.position);
        let last = new.next_back().unwrap_or(first);
        let repaired = Repaired { events: ids.len() - stored.len(), quarantined: 0, streams: streams.len() };
        Ok((repaired, (first, last)))
    }
}

/// Raises the revision in the same transaction, so that readers and the writer hear of it together.
pub(super) async fn record_revision(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    (first, last): (EventId, EventId),
) -> Result<(), StoreError> {
    sqlx::query!("update cursors set revision = revision + 1 where contract_id = $1", contract_id.as_str())
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        "insert into revisions (contract_id, from_toid, from_event_index, to_toid, to_event_index)
         values ($1, $2, $3, $4, $5)",
        contract_id.as_str(),
        first.toid(),
        i64::from(first.index()),
        last.toid(),
        i64::from(last.index()),
    )
    .execute(connection)
    .await?;
    Ok(())
}
