//! The `corrections` table: which fields of records were set from the chain's entries because they differed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    Store, StoreError,
    columns::{event_id, ledger, parse},
};
use crate::domain::{ContractId, EventId, FieldDifference, LedgerSequence, StreamId};

/// One field that was corrected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Its number; later ones are higher.
    pub number: i64,
    /// The stream.
    pub stream_id: StreamId,
    /// The ledger that the chain's entry was true at.
    pub at_ledger: LedgerSequence,
    /// The contract's name of the field; `record` for the whole of it.
    pub field: String,
    /// What the record had.
    pub ours: String,
    /// What the chain has.
    pub chains: String,
    /// When it was corrected, by the database's clock.
    pub corrected_at: DateTime<Utc>,
}

/// Writes the corrections of a contract. One that was made before, and is found again by folding a stream again, keeps its
/// number. A stream of `missed_in` has no event in the ledger that changed it.
pub(super) async fn insert(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    at_ledger: LedgerSequence,
    corrections: &[(StreamId, FieldDifference)],
    missed_in: &BTreeMap<StreamId, LedgerSequence>,
) -> Result<(), StoreError> {
    if corrections.is_empty() {
        return Ok(());
    }
    let column = |text: fn(&(StreamId, FieldDifference)) -> String| corrections.iter().map(text).collect::<Vec<_>>();
    let missed_in: Vec<Option<i64>> =
        corrections.iter().map(|(stream_id, _)| missed_in.get(stream_id).map(|ledger| i64::from(ledger.0))).collect();
    sqlx::query!(
        "insert into corrections (contract_id, stream_id, at_ledger, field, ours, chains, missed_in_ledger)
         select $1, stream_id, $2, field, ours, chains, missed_in_ledger
         from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])
             as new (stream_id, field, ours, chains, missed_in_ledger)
         where not exists (
             select from corrections as known
             where known.contract_id = $1 and known.stream_id = new.stream_id
                 and (known.at_ledger, known.field, known.ours, known.chains)
                     = ($2, new.field, new.ours, new.chains)
         )",
        contract_id.as_str(),
        i64::from(at_ledger.0),
        &column(|(stream_id, _)| stream_id.to_string()),
        &column(|(_, difference)| difference.field.to_owned()),
        &column(|(_, difference)| difference.ours.clone()),
        &column(|(_, difference)| difference.chains.clone()),
        &missed_in as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Returns the newest corrections of a stream, at most `limit`, the newest first.
    pub async fn corrections_of(
        &self,
        contract_id: &ContractId,
        stream_id: StreamId,
        limit: u32,
    ) -> Result<Vec<Correction>, StoreError> {
        let rows = sqlx::query!(
            "select number, at_ledger, field, ours, chains, corrected_at from corrections
             where contract_id = $1 and stream_id = $2 order by number desc limit $3",
            contract_id.as_str(),
            stream_id.to_string(),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        let corrections = rows.into_iter().map(|row| {
            Ok(Correction {
                number: row.number,
                stream_id,
                at_ledger: ledger(row.at_ledger)?,
                field: row.field,
                ours: row.ours,
                chains: row.chains,
                corrected_at: row.corrected_at,
            })
        });
        corrections.collect()
    }

    /// Returns how often each field was corrected, in all contracts.
    pub async fn correction_counts(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let rows = sqlx::query!(r#"select field, count(*) as "count!" from corrections group by field order by field"#)
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.into_iter().map(|row| (row.field, u64::try_from(row.count).unwrap_or(0))).collect())
    }

    /// Returns the first streams above `above` whose records were not compared with the chain since their last event, in
    /// order, each with that event.
    pub async fn uncertain_streams(
        &self,
        contract_id: &ContractId,
        above: StreamId,
        limit: u32,
    ) -> Result<Vec<(StreamId, EventId)>, StoreError> {
        let rows = sqlx::query!(
            "select stream_id, last_toid, last_event_index from streams
             where contract_id = $1 and (length(stream_id), stream_id) > (length($2::text), $2)
               and (checked_at_ledger is null or checked_at_ledger < (last_toid >> 32))
             order by length(stream_id), stream_id limit $3",
            contract_id.as_str(),
            above.to_string(),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        let streams = rows
            .into_iter()
            .map(|row| Ok((parse("stream_id", &row.stream_id)?, event_id(row.last_toid, row.last_event_index)?)));
        streams.collect()
    }
}
