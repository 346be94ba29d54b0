//! What tells readers that more than new events happened: late rows, and the start of another epoch. It is part of what a
//! record that was shown is known again by.

use chrono::{DateTime, Utc};

use super::{Store, StoreError, network, pool::event_id, stream_rows};
use crate::domain::{ContractId, Epoch, EventId, StreamId, StreamRecord};

/// How far the table is besides its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedState {
    /// The epoch of the network.
    pub epoch: Epoch,
    /// The number of the last revision, 0 before the first.
    pub revision: i64,
    /// The newest position of any contract: whatever is stored up to here later, comes late.
    pub position: EventId,
}

/// Events that came late, or whose streams were folded again: somewhere in this range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its number; later ones are higher.
    pub number: i64,
    /// The first event.
    pub from: EventId,
    /// The last event.
    pub to: EventId,
}

/// A stream's record, and how far the index was just before it was read.
#[derive(Clone, Debug)]
pub struct RecordInTime {
    /// The epoch of the network.
    pub epoch: Epoch,
    /// The number of the last revision, 0 before the first.
    pub revision: i64,
    /// When the last whole ledger closed, of the contract that is the furthest; none before that is known.
    pub closed_at: Option<DateTime<Utc>>,
    /// The record, if there is one.
    pub record: Option<StreamRecord>,
}

impl Store {
    /// Returns the record of one stream with what it is to be shown with, in two round trips. A record that is newer by
    /// then than the time has less to claim at that time, never more.
    pub async fn record_in_time(
        &self,
        contract_id: &ContractId,
        stream_id: StreamId,
    ) -> Result<RecordInTime, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let row = sqlx::query!(
            r#"select coalesce((select epoch from network), 0) as "epoch!",
                      coalesce((select max(revision) from revisions), 0) as "revision!",
                      (select max(last_whole_ledger_closed_at) from cursors) as closed_at"#
        )
        .fetch_one(&mut *connection)
        .await?;
        let record = stream_rows::load(&mut connection, &[(contract_id.clone(), stream_id)]).await?.pop();
        Ok(RecordInTime { epoch: network::epoch(row.epoch)?, revision: row.revision, closed_at: row.closed_at, record })
    }

    /// Returns epoch, last revision and newest position.
    pub async fn feed_state(&self) -> Result<FeedState, StoreError> {
        let row = sqlx::query!(
            r#"select coalesce((select epoch from network), 0) as "epoch!",
                      coalesce((select max(revision) from revisions), 0) as "revision!",
                      newest.toid as "toid?", newest.event_index as "event_index?"
               from (select) as always
               left join (
                   select toid, event_index from cursors order by toid desc, event_index desc limit 1
               ) as newest on true"#
        )
        .fetch_one(&self.pool)
        .await?;
        let position = row.toid.zip(row.event_index).map(|(toid, index)| event_id(toid, index)).transpose()?;
        Ok(FeedState {
            epoch: network::epoch(row.epoch)?,
            revision: row.revision,
            position: position.unwrap_or(EventId::ZERO),
        })
    }

    /// Returns the revisions after one of that number, in order.
    pub async fn revisions_after(&self, number: i64) -> Result<Vec<Revision>, StoreError> {
        let rows = sqlx::query!(
            "select revision, from_toid, from_event_index, to_toid, to_event_index from revisions
             where revision > $1 order by revision",
            number,
        )
        .fetch_all(&self.pool)
        .await?;
        let revisions = rows.into_iter().map(|row| {
            Ok(Revision {
                number: row.revision,
                from: event_id(row.from_toid, row.from_event_index)?,
                to: event_id(row.to_toid, row.to_event_index)?,
            })
        });
        revisions.collect()
    }
}
