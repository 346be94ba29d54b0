//! Ledgers that were seen, but not whole: the contract's entries changed in them, and no event of ours says so. Each is
//! read again, once from each source, so one that lacks the event everywhere is not read for ever.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use tracing::warn;

use super::{
    Store, StoreError,
    columns::{ledger, parse},
    network,
};
use crate::domain::{ContractId, Epoch, LedgerSequence, StreamId};

/// A ledger to read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawnLedger {
    /// The ledger.
    pub ledger: LedgerSequence,
    /// The names of the sources that it was read from since it was withdrawn, or that have dropped it.
    pub read_from: Vec<String>,
}

/// Records that this ledger was not seen whole after all, because it changed a stream without an event. Does nothing if the
/// ledger is not covered, or if it was withdrawn before and read again in vain.
///
/// Lock order: withdraw every ledger before telling readers of a revision.
pub(super) async fn withdraw(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    (stream_id, ledger): (StreamId, LedgerSequence),
) -> Result<(), StoreError> {
    // After waiting for others who change the range, the next statement sees what they left.
    sqlx::query!(
        "select from coverage where contract_id = $1 and $2 between from_ledger and to_ledger for update",
        contract_id.as_str(),
        i64::from(ledger.0),
    )
    .fetch_optional(&mut *connection)
    .await?;
    let noted = sqlx::query!(
        "insert into withdrawn_ledgers (contract_id, ledger)
         select $1, $2 where exists (
             select from coverage where contract_id = $1 and $2 between from_ledger and to_ledger
         )
         on conflict (contract_id, ledger) do update set
             withdrawn_at = excluded.withdrawn_at, read_from = excluded.read_from, found = excluded.found
         where withdrawn_ledgers.found",
        contract_id.as_str(),
        i64::from(ledger.0),
    )
    .execute(&mut *connection)
    .await?;
    if noted.rows_affected() == 0 {
        return Ok(());
    }
    warn!(
        contract.id = %contract_id, stream.id = %stream_id, ledger = ledger.0,
        "ledger {ledger} changed stream {stream_id} without an event; it counts as not seen until a source of whole \
         ledgers is read again, by itself or with coverage --repair"
    );
    uncover(connection, contract_id, ledger).await
}

/// Returns those of these streams that have no event in the ledger that changed them last, neither stored nor kept raw. A
/// fee changes no stream.
async fn unexplained(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    changed: &[(StreamId, LedgerSequence)],
) -> Result<BTreeMap<StreamId, LedgerSequence>, StoreError> {
    let (streams, ledgers): (Vec<String>, Vec<i64>) =
        changed.iter().map(|(stream_id, ledger)| (stream_id.to_string(), i64::from(ledger.0))).unzip();
    let rows = sqlx::query!(
        r#"select changed.stream as "stream!", changed.ledger as "ledger!"
           from unnest($2::text[], $3::bigint[]) as changed (stream, ledger)
           where not exists (
               select from stream_events
               where contract_id = $1 and stream_id = changed.stream and type <> 'stream.fee_collected'
                   and toid between changed.ledger << 32 and (changed.ledger + 1 << 32) - 1
           ) and not exists (
               select from quarantine
               where contract_id = $1 and stream_id = changed.stream and event_kind <> 'entry'
                   and toid between changed.ledger << 32 and (changed.ledger + 1 << 32) - 1
           )"#,
        contract_id.as_str(),
        &streams,
        &ledgers,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| Ok((parse("stream_id", &row.stream)?, ledger(row.ledger)?))).collect()
}

async fn uncover(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    ledger: LedgerSequence,
) -> Result<(), StoreError> {
    sqlx::query!(
        "with containing as (
             delete from coverage where contract_id = $1 and from_ledger <= $2 and to_ledger >= $2
             returning from_ledger, to_ledger, source, seen_at
         )
         insert into coverage (contract_id, from_ledger, to_ledger, source, seen_at)
         select $1, part.from_ledger, part.to_ledger, source, seen_at
         from containing
         cross join lateral (
             values (containing.from_ledger, $2 - 1), ($2 + 1, containing.to_ledger)
         ) as part (from_ledger, to_ledger)
         where part.from_ledger <= part.to_ledger
         on conflict (contract_id, from_ledger) do update set to_ledger = excluded.to_ledger",
        contract_id.as_str(),
        i64::from(ledger.0),
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Withdraws the coverage of the ledgers that changed these streams last and have no event of ours that says so. Returns
    /// these streams, each with its ledger.
    ///
    /// # Errors
    /// [`StoreError::OtherEpoch`] if the network started over since the entries were read.
    pub async fn withdraw_unexplained(
        &self,
        contract_id: &ContractId,
        epoch: Epoch,
        changed: &[(StreamId, LedgerSequence)],
    ) -> Result<BTreeMap<StreamId, LedgerSequence>, StoreError> {
        if changed.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut transaction = self.pool.begin().await?;
        let withdraw_all = async |connection: &mut PgConnection| {
            network::check_epoch(connection, epoch).await?;
            let unexplained = unexplained(connection, contract_id, changed).await?;
            for (stream_id, ledger) in &unexplained {
                withdraw(connection, contract_id, (*stream_id, *ledger)).await?;
            }
            Ok(unexplained)
        };
        let unexplained = transaction.within(withdraw_all).await?;
        transaction.commit().await?;
        Ok(unexplained)
    }

    /// Returns ledgers that were withdrawn and not yet read again from each of these sources, at most `limit`: those that
    /// were never tried first, and then those whose last try is the longest ago.
    pub async fn withdrawn_ledgers(
        &self,
        contract_id: &ContractId,
        sources: &[&str],
        limit: u32,
    ) -> Result<Vec<WithdrawnLedger>, StoreError> {
        let sources: Vec<String> = sources.iter().map(ToString::to_string).collect();
        let rows = sqlx::query!(
            "select ledger, read_from from withdrawn_ledgers
             where contract_id = $1 and not found and not read_from @> $2::text[]
             order by last_tried_at nulls first, ledger limit $3",
            contract_id.as_str(),
            &sources,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        let withdrawn =
            rows.into_iter().map(|row| Ok(WithdrawnLedger { ledger: ledger(row.ledger)?, read_from: row.read_from }));
        withdrawn.collect()
    }

    /// Notes that a withdrawn ledger was tried. `read_from` is the source if it need not be asked again, and `found`
    /// whether it had what was missing. Writes nothing if another epoch has begun.
    pub async fn note_read_again(
        &self,
        epoch: Epoch,
        contract_id: &ContractId,
        ledger: LedgerSequence,
        read_from: Option<&str>,
        found: bool,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update withdrawn_ledgers set
                 read_from = case when $3::text is null then read_from else array_append(read_from, $3) end,
                 last_tried_at = clock_timestamp(), found = $4
             where contract_id = $1 and ledger = $2 and (select epoch from network) = $5",
            contract_id.as_str(),
            i64::from(ledger.0),
            read_from,
            found,
            i32::try_from(epoch.0).unwrap_or(i32::MAX),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
