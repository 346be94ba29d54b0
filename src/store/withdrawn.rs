//! Ledgers that were seen, but not whole: the contract's entries changed in them, and no event of ours says so. Each is
//! read again, once from each source, so one that lacks the event everywhere is not read for ever.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;
use tracing::warn;

use super::{
    Store, StoreError,
    columns::{event_id, ledger, parse},
    network,
};
use crate::domain::{ContractId, Epoch, EventId, LedgerRange, LedgerSequence, StreamId};

/// A ledger to read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawnLedger {
    /// The ledger.
    pub ledger: LedgerSequence,
    /// The names of the sources that it was read from since it was withdrawn, or that have dropped it.
    pub read_from: Vec<String>,
}

/// A change of a stream's entry, and where its event lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EntryChanged {
    stream_id: StreamId,
    first: EventId,
    last: EventId,
}

impl EntryChanged {
    /// Returns a change of which the transaction is known, by a position within it.
    pub(super) const fn by_transaction(stream_id: StreamId, position: EventId) -> Self {
        Self { stream_id, first: position.start_of_transaction(), last: position.end_of_transaction() }
    }

    /// Returns a change of which only the ledger is known.
    fn in_ledger(stream_id: StreamId, ledger: LedgerSequence) -> Self {
        let first = EventId::of(ledger, 0, 0, 0).unwrap_or(EventId::ZERO);
        Self { stream_id, first, last: EventId::end_of_ledger(ledger) }
    }

    fn ledger(&self) -> LedgerSequence {
        self.last.ledger()
    }
}

/// Notes changes that no event explains, and withdraws their ledgers.
///
/// Lock order: withdraw every ledger before telling readers of a revision.
pub(super) async fn withdraw(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    unexplained: &[EntryChanged],
) -> Result<(), StoreError> {
    if unexplained.is_empty() {
        return Ok(());
    }
    note(connection, contract_id, unexplained).await?;
    let ledgers: BTreeSet<LedgerSequence> = unexplained.iter().map(EntryChanged::ledger).collect();
    for ledger in ledgers {
        withdraw_noted(connection, contract_id, LedgerRange::only(ledger)).await?;
    }
    Ok(())
}

/// What happened before the contract's first ledger was not missed.
async fn note(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    unexplained: &[EntryChanged],
) -> Result<(), StoreError> {
    let column = |of: fn(&EntryChanged) -> i64| unexplained.iter().map(of).collect::<Vec<_>>();
    let streams: Vec<String> = unexplained.iter().map(|changed| changed.stream_id.to_string()).collect();
    sqlx::query!(
        "insert into unexplained_changes (contract_id, ledger, stream_id, from_toid, to_toid)
         select $1, to_toid >> 32, stream_id, from_toid, to_toid
         from unnest($2::text[], $3::bigint[], $4::bigint[]) as new (stream_id, from_toid, to_toid)
         where to_toid >> 32 >= (select from_ledger from cursors where contract_id = $1)
         on conflict do nothing",
        contract_id.as_str(),
        &streams,
        &column(|changed| changed.first.toid()),
        &column(|changed| changed.last.toid()),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Withdraws those of the ledgers in which a change was noted that still has no event. A ledger that is not covered yet is
/// withdrawn once it is: whoever covers ledgers calls this.
pub(super) async fn withdraw_noted(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    ledgers: LedgerRange,
) -> Result<(), StoreError> {
    let changed = noted_in(connection, contract_id, ledgers).await?;
    let mut of_ledgers = BTreeMap::new();
    for changed in unexplained(connection, contract_id, &changed).await? {
        of_ledgers.entry(changed.ledger()).or_insert(changed.stream_id);
    }
    for (ledger, stream_id) in of_ledgers {
        withdraw_ledger(connection, contract_id, (stream_id, ledger)).await?;
    }
    Ok(())
}

/// Returns the changes that were noted in these ledgers.
async fn noted_in(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    ledgers: LedgerRange,
) -> Result<Vec<EntryChanged>, StoreError> {
    let rows = sqlx::query!(
        "select stream_id, from_toid, to_toid from unexplained_changes
         where contract_id = $1 and ledger between $2 and $3 order by ledger, length(stream_id), stream_id",
        contract_id.as_str(),
        i64::from(ledgers.from().0),
        i64::from(ledgers.to().0),
    )
    .fetch_all(connection)
    .await?;
    let changed = rows.into_iter().map(|row| {
        Ok(EntryChanged {
            stream_id: parse("stream_id", &row.stream_id)?,
            first: event_id(row.from_toid, 0)?,
            last: event_id(row.to_toid, 0)?,
        })
    });
    changed.collect()
}

/// Records that this ledger was not seen whole after all, because it changed a stream without an event. Does nothing if the
/// ledger is not covered, or if it was withdrawn before and read again in vain.
async fn withdraw_ledger(
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

/// Returns those of these changes that have no event, neither stored nor kept raw. A fee changes no stream.
async fn unexplained(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    changed: &[EntryChanged],
) -> Result<Vec<EntryChanged>, StoreError> {
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    let column = |of: fn(&EntryChanged) -> i64| changed.iter().map(of).collect::<Vec<_>>();
    let streams: Vec<String> = changed.iter().map(|changed| changed.stream_id.to_string()).collect();
    let rows = sqlx::query!(
        r#"select changed.number as "number!"
           from unnest($2::text[], $3::bigint[], $4::bigint[]) with ordinality
               as changed (stream, from_toid, to_toid, number)
           where not exists (
               select from stream_events
               where contract_id = $1 and stream_id = changed.stream and type <> 'stream.fee_collected'
                   and toid between changed.from_toid and changed.to_toid
           ) and not exists (
               select from quarantine
               where contract_id = $1 and stream_id = changed.stream and event_kind <> 'entry'
                   and toid between changed.from_toid and changed.to_toid
           )"#,
        contract_id.as_str(),
        &streams,
        &column(|changed| changed.first.toid()),
        &column(|changed| changed.last.toid()),
    )
    .fetch_all(connection)
    .await?;
    let place = |number: i64| usize::try_from(number).ok()?.checked_sub(1);
    Ok(rows.into_iter().filter_map(|row| changed.get(place(row.number)?).copied()).collect())
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
        let changed: Vec<EntryChanged> =
            changed.iter().map(|(stream_id, ledger)| EntryChanged::in_ledger(*stream_id, *ledger)).collect();
        let mut transaction = self.pool.begin().await?;
        let withdraw_all = async |connection: &mut PgConnection| {
            network::check_epoch(connection, epoch).await?;
            let unexplained = unexplained(connection, contract_id, &changed).await?;
            withdraw(connection, contract_id, &unexplained).await?;
            Ok(unexplained)
        };
        let unexplained = transaction.within(withdraw_all).await?;
        transaction.commit().await?;
        Ok(unexplained.iter().map(|changed| (changed.stream_id, changed.ledger())).collect())
    }

    /// Returns whether there is an event by now for every change that was noted in this ledger.
    pub async fn is_explained(&self, contract_id: &ContractId, ledger: LedgerSequence) -> Result<bool, StoreError> {
        let look = async |connection: &mut PgConnection| {
            let noted = noted_in(connection, contract_id, LedgerRange::only(ledger)).await?;
            unexplained(connection, contract_id, &noted).await
        };
        Ok(self.pool.run(look).await?.is_empty())
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
