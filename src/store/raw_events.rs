//! Stored events in raw form, to be decoded again.

use chrono::{DateTime, Utc};

use super::{
    StoreError,
    columns::{event_id, parse},
};
use crate::domain::{ContractId, EventId, EventKind, RawContractEvent};

/// Returns the first `limit` stored events after a position in raw form, in chain order.
pub(super) async fn raw_events_after(
    executor: impl sqlx::PgExecutor<'_>,
    contract_id: &ContractId,
    after: EventId,
    limit: u32,
) -> Result<Vec<RawContractEvent>, StoreError> {
    let rows = sqlx::query_as!(
        RawEventRow,
        "select toid, event_index, contract_id, ledger_closed_at, tx_hash, topics, value from stream_events
         where contract_id = $1 and toid >= $2 and (toid, event_index) > ($2, $3)
         order by toid, event_index limit $4",
        contract_id.as_str(),
        after.toid(),
        i64::from(after.index()),
        i64::from(limit),
    )
    .fetch_all(executor)
    .await?;
    rows.into_iter().map(RawContractEvent::try_from).collect()
}

/// A raw event. Every row of `stream_events` is an event of the contract itself, from a successful call.
struct RawEventRow {
    toid: i64,
    event_index: i64,
    contract_id: String,
    ledger_closed_at: DateTime<Utc>,
    tx_hash: String,
    topics: Vec<String>,
    value: String,
}

impl TryFrom<RawEventRow> for RawContractEvent {
    type Error = StoreError;

    fn try_from(row: RawEventRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: event_id(row.toid, row.event_index)?,
            kind: EventKind::Contract,
            contract_id: parse("contract_id", &row.contract_id)?,
            ledger_closed_at: row.ledger_closed_at,
            tx_hash: row.tx_hash,
            in_successful_call: true,
            topics: row.topics,
            value: row.value,
        })
    }
}
