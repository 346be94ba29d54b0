//! Which ledgers were seen whole, and which were accepted as lost.

use sqlx::PgConnection;

use super::{Store, StoreError, columns::ledger};
use crate::domain::{ContractId, CoverageSource, CoveredRange, LedgerRange, LedgerSequence, holes};

/// Records that every ledger after `before` up to `reached` was seen whole for these contracts. Adjacent ranges from
/// the same source become one range.
pub(super) async fn extend(
    connection: &mut PgConnection,
    contract_ids: &[String],
    before: LedgerSequence,
    reached: LedgerSequence,
    source: CoverageSource,
) -> Result<(), StoreError> {
    sqlx::query!(
        "with extended as (
             update coverage set to_ledger = $3, seen_at = now()
             where contract_id = any($1::text[]) and to_ledger = $2::bigint and source = $4
             returning contract_id
         )
         insert into coverage (contract_id, from_ledger, to_ledger, source)
         select contract_id, $2::bigint + 1, $3, $4 from unnest($1::text[]) as wanted (contract_id)
         where contract_id not in (select contract_id from extended)",
        contract_ids,
        i64::from(before.0),
        i64::from(reached.0),
        source.as_str(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Records that these ledgers behind the cursor were seen whole, except those that were recorded before. Ledgers before
/// the contract's first ledger make it earlier.
pub(super) async fn fill(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    ledgers: LedgerRange,
    source: CoverageSource,
) -> Result<(), StoreError> {
    let covered =
        sqlx::query!("select from_ledger, to_ledger from coverage where contract_id = $1", contract_id.as_str())
            .fetch_all(&mut *connection)
            .await?;
    let covered: Result<Vec<_>, _> = covered.into_iter().map(|row| range(row.from_ledger, row.to_ledger)).collect();
    let contract_ids = [contract_id.to_string()];
    for hole in holes(ledgers, covered?) {
        extend(connection, &contract_ids, hole.from().previous(), hole.to(), source).await?;
    }
    join_neighbours(connection, contract_id).await?;
    sqlx::query!(
        "update cursors set from_ledger = least(from_ledger, $2) where contract_id = $1",
        contract_id.as_str(),
        i64::from(ledgers.from().0),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Joins adjacent ranges from the same source, so that filled holes do not increase the number of ranges.
async fn join_neighbours(connection: &mut PgConnection, contract_id: &ContractId) -> Result<(), StoreError> {
    sqlx::query!(
        "with marked as (
             select from_ledger, to_ledger, source, seen_at,
                    case when lag(to_ledger) over chain = from_ledger - 1 and lag(source) over chain = source
                         then 0 else 1 end as begins
             from coverage where contract_id = $1 window chain as (order by from_ledger)
         ),
         numbered as (select *, sum(begins) over (order by from_ledger) as number from marked),
         joined as (
             select min(from_ledger) as from_ledger, max(to_ledger) as to_ledger, max(seen_at) as seen_at
             from numbered group by number having count(*) > 1
         ),
         gone as (
             delete from coverage using joined
             where contract_id = $1 and coverage.from_ledger > joined.from_ledger
               and coverage.from_ledger <= joined.to_ledger
         )
         update coverage set to_ledger = joined.to_ledger, seen_at = joined.seen_at
         from joined where contract_id = $1 and coverage.from_ledger = joined.from_ledger",
        contract_id.as_str(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Returns the ranges that were seen whole, in order.
    pub async fn coverage(&self, contract_id: &ContractId) -> Result<Vec<CoveredRange>, StoreError> {
        let rows = sqlx::query!(
            "select from_ledger, to_ledger, source, seen_at from coverage where contract_id = $1 order by from_ledger",
            contract_id.as_str(),
        )
        .fetch_all(&self.pool)
        .await?;
        let covered = rows.into_iter().map(|row| {
            Ok(CoveredRange {
                ledgers: range(row.from_ledger, row.to_ledger)?,
                source: CoverageSource::from_word(&row.source),
                seen_at: row.seen_at,
            })
        });
        covered.collect()
    }

    /// Returns the ranges that an operator accepted as lost, in order. They may include ledgers that were seen after
    /// all.
    pub async fn accepted_gaps(&self, contract_id: &ContractId) -> Result<Vec<LedgerRange>, StoreError> {
        let rows = sqlx::query!(
            "select from_ledger, to_ledger from accepted_gaps where contract_id = $1 order by from_ledger, to_ledger",
            contract_id.as_str(),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|row| range(row.from_ledger, row.to_ledger)).collect()
    }

    /// Narrows the accepted gaps that start with these ledgers to these ledgers: the others were available after all.
    pub async fn narrow_accepted_gap(&self, contract_id: &ContractId, used: LedgerRange) -> Result<(), StoreError> {
        sqlx::query!(
            "with wider as (
                 delete from accepted_gaps
                 where contract_id = $1 and from_ledger <= $2 and to_ledger > $3
                 returning from_ledger
             )
             insert into accepted_gaps (contract_id, from_ledger, to_ledger)
             select $1, from_ledger, $3 from wider on conflict do nothing",
            contract_id.as_str(),
            i64::from(used.from().0),
            i64::from(used.to().0),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Accepts ledgers as lost: an indexer that finds no source for them continues after them.
    pub async fn accept_gap(&self, contract_id: &ContractId, gap: LedgerRange) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into accepted_gaps (contract_id, from_ledger, to_ledger) values ($1, $2, $3)
             on conflict do nothing",
            contract_id.as_str(),
            i64::from(gap.from().0),
            i64::from(gap.to().0),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

fn range(from: i64, to: i64) -> Result<LedgerRange, StoreError> {
    LedgerRange::new(ledger(from)?, ledger(to)?).ok_or_else(|| StoreError::Corrupt(format!("ledgers {from} to {to}")))
}
