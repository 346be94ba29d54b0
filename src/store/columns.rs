//! Converts column values from and to the types of `domain`.

use super::StoreError;
use crate::domain::{Epoch, EventId, LedgerSequence};

/// Returns the event id in two columns.
pub(super) fn event_id(toid: i64, index: i64) -> Result<EventId, StoreError> {
    EventId::from_parts(toid, index).ok_or_else(|| StoreError::Corrupt(format!("event id {toid}, {index}")))
}

/// Returns the ledger in a column.
pub(super) fn ledger(sequence: i64) -> Result<LedgerSequence, StoreError> {
    u32::try_from(sequence).map(LedgerSequence).map_err(|_| StoreError::Corrupt(format!("ledger {sequence}")))
}

/// Returns the domain value of a column's text.
pub(super) fn parse<T: std::str::FromStr>(column: &str, text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt(format!("{column} {text:?}")))
}

/// Returns the epoch in a column.
pub(super) fn epoch(number: i32) -> Result<Epoch, StoreError> {
    u32::try_from(number).map(Epoch).map_err(|_| StoreError::Corrupt(format!("epoch {number}")))
}

/// Returns the column value of an epoch.
pub(super) fn column_of(epoch: Epoch) -> Result<i32, StoreError> {
    i32::try_from(epoch.0).map_err(|_| StoreError::Corrupt("too many epochs".to_owned()))
}

/// Returns the two columns of several event ids.
pub(super) fn columns_of(ids: &[EventId]) -> (Vec<i64>, Vec<i64>) {
    ids.iter().map(|id| (id.toid(), i64::from(id.index()))).unzip()
}
