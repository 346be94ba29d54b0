//! One batch in one transaction: raises the cursors, writes event rows, stream records and quarantine, and wakes
//! readers.

use std::time::Duration;

use sqlx::{Connection, PgConnection};

use super::{
    Batch, Committed, Prepared, StoreError, Writer, carried, coverage, event_columns::EventColumns, judgments, listen,
    quarantine, upgrades, withdrawn,
};
use crate::domain::{ContractId, EventId, LedgerRange};

/// A batch takes a tenth of a second; a database that takes longer than this counts as unavailable.
const COMMIT_DEADLINE: Duration = Duration::from_secs(30);

impl Writer {
    /// Writes a batch and raises the cursors to its position: all of it or nothing.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if a cursor is not where this writer left it. [`StoreError::Revised`] if late rows were
    /// written meanwhile: nothing was committed, and the writer can continue after [`Writer::refresh`]. After any other
    /// error the writer must be dropped: only its successor can find out whether the transaction was committed.
    pub async fn commit(&mut self, prepared: Prepared) -> Result<Committed, StoreError> {
        let position = self.position.ok_or(StoreError::Fenced)?;
        let contract_ids: Vec<String> = self.standing.iter().map(ToString::to_string).collect();
        let cursor = Cursor { contract_ids: &contract_ids, position, revisions: self.revisions, epoch: self.epoch };
        let (since, apart) = (self.last_with_events.unwrap_or(position), self.apart);
        let commit = async |connection: &mut PgConnection| {
            let mut transaction = connection.begin().await?;
            raise_cursor(&mut transaction, &cursor, &prepared.batch).await?;
            cover(&mut transaction, &cursor, &prepared.batch).await?;
            let committed = write(&mut transaction, &prepared).await?;
            withdraw_the_split_ledger(&mut transaction, &self.standing, (position, &prepared.batch)).await?;
            let folded = &prepared.folded;
            let is_revised = judgments::write(&mut transaction, &folded.judgments, &folded.doubted).await?;
            if committed.events > 0 && !is_revised && !apart {
                let epoch = cursor.epoch.unwrap_or(0);
                let (events, reached) = (&folded.events, prepared.batch.position);
                let payload = carried::payload_of(&mut transaction, events, (since, reached), epoch).await?;
                listen::notify_of(&mut transaction, listen::COMMITTED, &payload).await?;
            } else if committed.events > 0 || is_revised {
                listen::notify(&mut transaction, listen::COMMITTED).await?;
            }
            transaction.commit().await?;
            Ok(committed)
        };
        let committed = self.session.within(COMMIT_DEADLINE, commit).await?;
        self.position = Some(prepared.batch.position);
        if committed.events > 0 {
            self.last_with_events = self.position;
        }
        Ok(committed)
    }
}

/// Where the writer left its contracts, which all have one position.
struct Cursor<'a> {
    contract_ids: &'a [String],
    position: EventId,
    revisions: i64,
    epoch: Option<i32>,
}

/// The fence. It makes sure that nobody else has committed since `before`, that the network did not start over, and
/// that no late rows were written since the batch was prepared. A batch never lowers a cursor, and raises the cursors
/// of all contracts together.
async fn raise_cursor(connection: &mut PgConnection, writer: &Cursor<'_>, batch: &Batch) -> Result<(), StoreError> {
    let raised = sqlx::query!(
        r#"with raised as (
               update cursors set
                   toid = $4, event_index = $5,
                   last_whole_ledger = greatest(last_whole_ledger, $6),
                   last_whole_ledger_closed_at = greatest(last_whole_ledger_closed_at, $7)
               where contract_id = any($1::text[]) and toid = $2 and event_index = $3
                   and (toid, event_index) <= ($4, $5)
                   and (select epoch from network) is not distinct from $8::integer
               returning revision
           )
           select count(*) as "cursors!", coalesce(sum(revision), 0)::bigint as "revisions!" from raised"#,
        writer.contract_ids,
        writer.position.toid(),
        i64::from(writer.position.index()),
        batch.position.toid(),
        i64::from(batch.position.index()),
        i64::from(batch.last_whole_ledger.0),
        batch.last_whole_ledger_closed_at,
        writer.epoch,
    )
    .fetch_one(connection)
    .await?;
    if usize::try_from(raised.cursors) != Ok(writer.contract_ids.len()) {
        return Err(StoreError::Fenced);
    }
    if raised.revisions == writer.revisions { Ok(()) } else { Err(StoreError::Revised) }
}

async fn cover(connection: &mut PgConnection, writer: &Cursor<'_>, batch: &Batch) -> Result<(), StoreError> {
    let before = writer.position.last_whole_ledger();
    match batch.covered_by {
        Some(source) if batch.last_whole_ledger > before => {
            coverage::extend(connection, writer.contract_ids, before, batch.last_whole_ledger, source).await
        }
        _ => Ok(()),
    }
}

/// Withdraws the ledger whose beginning came with earlier batches, if one of them noted a change without an event: it was
/// not covered then.
async fn withdraw_the_split_ledger(
    connection: &mut PgConnection,
    contracts: &[ContractId],
    (position, batch): (EventId, &Batch),
) -> Result<(), StoreError> {
    let split = position.ledger();
    if position.is_end_of_ledger() || split > batch.last_whole_ledger {
        return Ok(());
    }
    for contract_id in contracts {
        withdrawn::withdraw_noted(connection, contract_id, LedgerRange::only(split)).await?;
    }
    Ok(())
}

/// Writes the rows.
async fn write(connection: &mut PgConnection, prepared: &Prepared) -> Result<Committed, StoreError> {
    let Prepared { batch, offered, folded } = prepared;
    let mut committed = Committed { already_stored: offered - folded.events.len(), ..Committed::default() };
    if folded.events.len() > 0 {
        committed.events = insert_exactly(connection, &folded.events).await?;
    }
    if folded.streams.len() > 0 {
        folded.streams.upsert(connection).await?;
    }
    folded.records.versions.write(connection).await?;
    upgrades::insert(connection, &batch.upgrades).await?;
    if !batch.quarantined.is_empty() {
        committed.quarantined = quarantine::insert(connection, &batch.quarantined).await?;
    }
    Ok(committed)
}

/// Inserts the rows. They were looked up, and the fence shows that nobody has written since, so each of them is new. If
/// one is not, the records were folded wrongly, and the transaction must not commit.
async fn insert_exactly(connection: &mut PgConnection, events: &EventColumns) -> Result<usize, StoreError> {
    let inserted = events.insert(connection, false).await?;
    if inserted == events.len() {
        return Ok(inserted);
    }
    Err(StoreError::Corrupt(format!("{inserted} of {} new event rows were inserted", events.len())))
}
