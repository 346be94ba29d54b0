//! One batch, one transaction: the cursor raised, event rows, stream records and quarantine written, readers woken.

use std::{collections::BTreeSet, time::Duration};

use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

use super::{
    Batch, Committed, StoreError, Writer,
    event_rows::{self, EventColumns},
    fold::{Folded, fold},
    listen, stream_rows,
};
use crate::domain::{ContractEvent, ContractId, EventId};

/// A batch takes a tenth of a second; a database that needs this long is not there.
const COMMIT_DEADLINE: Duration = Duration::from_mins(1);

impl Writer {
    /// Writes a batch and raises the cursor to its position; all of it or nothing. Writing a batch twice changes
    /// nothing, because only rows that are new are folded into the records.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if the cursor is not where this writer left it. After any error the writer is
    /// to be dropped: whether the transaction was committed is for the next one to read.
    pub async fn commit(&mut self, batch: Batch) -> Result<Committed, StoreError> {
        let committed = timeout(COMMIT_DEADLINE, self.write_and_commit(batch)).await;
        committed.unwrap_or(Err(StoreError::TimedOut(COMMIT_DEADLINE)))
    }

    async fn write_and_commit(&mut self, batch: Batch) -> Result<Committed, StoreError> {
        let before = self.position.ok_or(StoreError::Fenced)?;
        let mut transaction = self.connection.begin().await?;
        raise_cursor(&mut transaction, &self.contract_id, before, &batch).await?;
        let position = batch.position;
        let committed = write(&mut transaction, &self.contract_id, batch).await?;
        if committed.events > 0 {
            listen::notify(&mut transaction).await?;
        }
        transaction.commit().await?;
        self.position = Some(position);
        Ok(committed)
    }
}

/// The fence: nobody else's commit lies between `before` and this one. A batch never lowers the cursor.
async fn raise_cursor(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    before: EventId,
    batch: &Batch,
) -> Result<(), StoreError> {
    let raised = sqlx::query!(
        "update cursors set
             toid = $4, event_index = $5,
             last_whole_ledger = greatest(last_whole_ledger, $6),
             last_whole_ledger_closed_at = greatest(last_whole_ledger_closed_at, $7)
         where contract_id = $1 and toid = $2 and event_index = $3 and (toid, event_index) <= ($4, $5)",
        contract_id.as_str(),
        before.toid(),
        i64::from(before.index()),
        batch.position.toid(),
        i64::from(batch.position.index()),
        i64::from(batch.last_whole_ledger.0),
        batch.last_whole_ledger_closed_at,
    )
    .execute(connection)
    .await?;
    if raised.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Fenced) }
}

async fn write(connection: &mut PgConnection, contract_id: &ContractId, batch: Batch) -> Result<Committed, StoreError> {
    let mut committed = Committed::default();
    let offered = batch.events.len();
    if let Some(events) = fold_off_the_runtime(connection, contract_id, batch.events).await? {
        let new = events.events.len();
        committed.events = insert_exactly(connection, &events.events).await?;
        committed.already_stored = offered - new;
        events.streams.upsert(connection).await?;
    }
    if !batch.quarantined.is_empty() {
        committed.quarantined = event_rows::insert_quarantined(connection, &batch.quarantined).await?;
        let spoken_of: BTreeSet<_> = batch.quarantined.iter().filter_map(|event| event.stream_id).collect();
        let spoken_of: Vec<String> = spoken_of.iter().map(ToString::to_string).collect();
        stream_rows::mark_unverified(connection, contract_id, &spoken_of).await?;
    }
    Ok(committed)
}

async fn fold_off_the_runtime(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    events: Vec<ContractEvent>,
) -> Result<Option<Folded>, StoreError> {
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(None) };
    let stored = event_rows::stored_ids(connection, first.raw.id, last.raw.id).await?;
    let touched: BTreeSet<_> = events.iter().filter_map(|event| event.event.stream_id()).collect();
    let touched: Vec<String> = touched.iter().map(ToString::to_string).collect();
    let records = stream_rows::load(connection, contract_id, &touched).await?;
    let folded = tokio::task::spawn_blocking(move || fold(&events, &stored, records));
    Ok(Some(folded.await.expect("folding is total and is not cancelled")))
}

/// The rows were looked up under the fence, so each of them is new; if one is not, the records would be folded wrongly
/// and the transaction must not commit.
async fn insert_exactly(connection: &mut PgConnection, events: &EventColumns) -> Result<usize, StoreError> {
    let inserted = events.insert(connection).await?;
    if inserted == events.len() {
        return Ok(inserted);
    }
    Err(StoreError::Corrupt(format!("{inserted} of {} new event rows were inserted", events.len())))
}
