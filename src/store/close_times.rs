//! When ledgers closed, as far as stored events show.

use chrono::{DateTime, Utc};

use super::{Store, StoreError, columns::event_id};
use crate::domain::{EventId, LedgerSequence};

impl Store {
    /// Returns the ledger of the newest event up to a position, with its close time.
    pub async fn newest_close_up_to(
        &self,
        position: EventId,
    ) -> Result<Option<(LedgerSequence, DateTime<Utc>)>, StoreError> {
        let row = sqlx::query!(
            "select toid, event_index, ledger_closed_at from stream_events
             where toid <= $1 and (toid, event_index) <= ($1, $2)
             order by toid desc, event_index desc limit 1",
            position.toid(),
            i64::from(position.index()),
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| Ok((event_id(row.toid, row.event_index)?.ledger(), row.ledger_closed_at))).transpose()
    }

    /// Returns the first ledger from `ledger` on with a stored event, with its close time.
    pub async fn first_close_from(
        &self,
        ledger: LedgerSequence,
    ) -> Result<Option<(LedgerSequence, DateTime<Utc>)>, StoreError> {
        let after = EventId::end_of_ledger(ledger.previous());
        let row = sqlx::query!(
            r#"select toid as "toid!", event_index as "event_index!", ledger_closed_at as "ledger_closed_at!" from (
                   (select toid, event_index, ledger_closed_at from stream_events
                    where toid >= $1 and (toid, event_index) > ($1, $2) order by toid, event_index limit 1)
                   union all
                   (select toid, event_index, ledger_closed_at from quarantine
                    where (toid, event_index) > ($1, $2) order by toid, event_index limit 1)
               ) as first order by 1, 2 limit 1"#,
            after.toid(),
            i64::from(after.index()),
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| Ok((event_id(row.toid, row.event_index)?.ledger(), row.ledger_closed_at))).transpose()
    }
}
