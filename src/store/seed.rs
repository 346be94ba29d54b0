//! Records set from the chain's own: of streams whose creation was never seen, or that differ from it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{
    Repair, StoreError, listen,
    pool::{event_id, parse},
    repair::record_revision,
    stream_rows::{self, StreamColumns},
};
use crate::domain::{EventId, StreamId, StreamRecord};

/// The events that speak of a stream, decoded or kept raw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mentions {
    /// The first one.
    pub first: EventId,
    /// The last one.
    pub last: EventId,
    /// Close time of the ledger of the last one.
    pub last_closed_at: DateTime<Utc>,
}

impl Repair {
    /// Returns which events speak of these streams; a stream without any is left out.
    pub async fn mentions_of(&mut self, streams: &[StreamId]) -> Result<HashMap<StreamId, Mentions>, StoreError> {
        let streams: Vec<String> = streams.iter().map(ToString::to_string).collect();
        let rows = sqlx::query!(
            r#"select stream_id::text as "stream_id!", toid as "toid!", event_index as "event_index!",
                      ledger_closed_at as "ledger_closed_at!"
               from (
                   select contract_id, stream_id, toid, event_index, ledger_closed_at from stream_events
                   union all
                   select contract_id, stream_id, toid, event_index, ledger_closed_at from quarantine
               ) as events
               where contract_id = $1 and stream_id = any($2::text[]::numeric[])
               order by toid, event_index"#,
            self.contract_id.as_str(),
            &streams,
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        let mut mentions = HashMap::new();
        for row in rows {
            let (id, last_closed_at) = (event_id(row.toid, row.event_index)?, row.ledger_closed_at);
            let stream_id: StreamId = parse("stream_id", &row.stream_id)?;
            let found = mentions.entry(stream_id).or_insert(Mentions { first: id, last: id, last_closed_at });
            *found = Mentions { first: found.first, last: id, last_closed_at };
        }
        Ok(mentions)
    }

    /// Returns the records of these streams; those that are not there are left out.
    pub async fn records_of(&mut self, streams: &[StreamId]) -> Result<Vec<StreamRecord>, StoreError> {
        stream_rows::load(&mut self.transaction, &stream_rows::keys_of(&self.contract_id, streams)).await
    }

    /// Sets these records, gives the events that lack them their parties and token, and tells readers that the events
    /// from `revised.0` to `revised.1` were revised.
    pub async fn set_records(
        mut self,
        records: &[StreamRecord],
        revised: (EventId, EventId),
    ) -> Result<(), StoreError> {
        let mut columns = StreamColumns::default();
        for record in records {
            columns.push(record);
        }
        columns.upsert(&mut self.transaction).await?;
        let streams: Vec<String> = records.iter().map(|record| record.stream_id.to_string()).collect();
        sqlx::query!(
            "update stream_events as event
             set sender = coalesce(event.sender, stream.sender),
                 recipient = coalesce(event.recipient, stream.recipient),
                 token = coalesce(event.token, stream.token)
             from streams as stream
             where stream.contract_id = $1 and stream.stream_id = any($2::text[]::numeric[])
               and event.contract_id = stream.contract_id and event.stream_id = stream.stream_id
               and (event.sender is null or event.recipient is null or event.token is null)",
            self.contract_id.as_str(),
            &streams,
        )
        .execute(&mut *self.transaction)
        .await?;
        record_revision(&mut self.transaction, &self.contract_id, revised).await?;
        listen::notify(&mut self.transaction, listen::COMMITTED).await?;
        Ok(self.transaction.commit().await?)
    }
}
