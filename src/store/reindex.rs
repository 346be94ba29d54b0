//! Rebuilds records beside the live ones: a second schema with the same tables, and the swap of the two.
//!
//! Readers see the old tables until the swap, and the new ones after it; nobody waits for longer than the swap itself.
//! A build belongs to the epoch, the chain and the decoder that it started with, and is dropped if any of them changes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    Store, StoreError,
    attachments::{self, Attachments, OnFailure},
    build_origin::{self, BuildOrigin},
    columns::{columns_of, event_id, parse},
    listen, network,
    one_build::keep_others_from_building,
    quarantine, raw_events,
    revisions::{self, Revised},
    schemas::{REINDEX, current_schema, execute, move_table},
};
use crate::domain::{ContractId, EventId, RawContractEvent, StreamId, StreamKey};

/// The tables that a swap exchanges: those derived from raw events.
const DERIVED: [&str; 3] = ["quarantine", "stream_events", "streams"];
/// The columns of `streams` that are not computed.
const COLUMNS_OF_STREAMS: &str = "contract_id, stream_id, sender, recipient, token, rate_per_second, deposited, \
    withdrawn, start_time, last_update_time, end_time, is_active, paused, paused_at, status, total_paused_seconds, \
    unverified, impossible_order, created_toid, created_event_index, last_toid, last_event_index, created_at, updated_at, \
    schedule, cliff_time, arbiter, dispute_status, is_allowance_based, closed, awaits_entry, checked_at_ledger, \
    live_until_ledger";
/// Where the replaced tables are until the end of the swap.
const REPLACED: &str = "flowfi_replaced";
/// If a reader holds a table for longer, the swap is retried, so that others do not queue behind it.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// The outcome of an attempt to swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The rebuilt tables are live now.
    Done,
    /// There are events after the end of the build, late rows that it has not read, or a reader that held a table too
    /// long.
    Again,
}

/// What was revised in the live tables since a build read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevisedSince {
    /// The last such revision.
    pub revision: i64,
    /// The first event.
    pub from: EventId,
    /// The last event.
    pub to: EventId,
}

impl Store {
    /// Opens the schema for rebuilding records. It continues an interrupted run if that has the same origin; otherwise
    /// it drops what that run left.
    ///
    /// # Errors
    /// [`StoreError::AnotherReindex`] while one is running, [`StoreError::StaysBehind`] if others added something to the
    /// tables that cannot be moved to new ones.
    pub async fn open_reindex(&self, decoder: &str) -> Result<Self, StoreError> {
        let begin = async |connection: &mut PgConnection| {
            keep_others_from_building(connection).await?;
            let live = current_schema(connection).await?;
            attachments::refuse_what_stays(connection, &live, &DERIVED).await?;
            let origin = BuildOrigin::now(connection, decoder).await?;
            let left = build_origin::recorded(connection).await?;
            if !left.is_some_and(|left| left.is_still(&origin)) {
                execute(connection, format!("drop schema if exists {REINDEX} cascade")).await?;
                origin.record(connection).await?;
            }
            Ok((live, origin))
        };
        let mut transaction = self.pool.begin().await?;
        let (live, origin) = transaction.within(begin).await?;
        transaction.commit().await?;
        let built = self.open_schema(REINDEX).await?;
        let look = async |connection: &mut PgConnection| {
            attachments::refuse_what_is_added(connection, &live, REINDEX, &DERIVED).await
        };
        self.pool.run(look).await?;
        let passphrase = sqlx::query_scalar!("select passphrase from network").fetch_one(&self.pool).await?;
        let claim = async |connection: &mut PgConnection| {
            network::claim_epoch(connection, &passphrase, origin.epoch, None).await
        };
        built.pool.run(claim).await?;
        Ok(built)
    }

    /// Returns whether the latest build uses this decoder.
    pub async fn is_building(&self, decoder: &str) -> Result<bool, StoreError> {
        let recorded = self.pool.run(build_origin::recorded).await?;
        Ok(recorded.is_some_and(|recorded| recorded.decoder == decoder))
    }

    /// Removes what an interrupted run left behind.
    ///
    /// # Errors
    /// [`StoreError::AnotherReindex`] while one is running.
    pub async fn drop_reindex(&self) -> Result<(), StoreError> {
        let drop = async |connection: &mut PgConnection| {
            keep_others_from_building(connection).await?;
            sqlx::query!("delete from reindex_build").execute(&mut *connection).await?;
            execute(connection, format!("drop schema if exists {REINDEX} cascade")).await
        };
        let mut transaction = self.pool.begin().await?;
        transaction.within(drop).await?;
        Ok(transaction.commit().await?)
    }

    /// Returns the first `limit` events after a position in raw form, including quarantined ones, in chain order.
    pub async fn raw_events_after(
        &self,
        contract_id: &ContractId,
        after: EventId,
        limit: u32,
    ) -> Result<Vec<RawContractEvent>, StoreError> {
        // A single statement sees one state of both tables. Between two statements, a commit could add a quarantined
        // event behind the end of the first result, and the reader would continue after events that it has not seen.
        let rows = sqlx::query_as!(
            AnyRawRow,
            r#"(select toid as "toid!", event_index as "event_index!", ledger_closed_at as "ledger_closed_at!",
                       tx_hash as "tx_hash!", 'contract' as "event_kind!", true as "in_successful_call!",
                       topics as "topics!", value as "value!"
                from stream_events where contract_id = $1 and toid >= $2 and (toid, event_index) > ($2, $3)
                order by toid, event_index limit $4)
               union all
               (select toid, event_index, ledger_closed_at, tx_hash, event_kind, in_successful_call, topics, value
                from quarantine where contract_id = $1 and (toid, event_index) > ($2, $3)
                order by toid, event_index limit $4)
               order by 1, 2 limit $4"#,
            contract_id.as_str(),
            after.toid(),
            i64::from(after.index()),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|row| row.event_of(contract_id)).collect()
    }

    /// Returns the number of raw events of a contract after a position, for a progress bar.
    pub async fn count_raw_events(&self, contract_id: &ContractId, after: EventId) -> Result<u64, StoreError> {
        let count = sqlx::query_scalar!(
            r#"select (select count(*) from stream_events
                           where contract_id = $1 and toid >= $2 and (toid, event_index) > ($2, $3))
                    + (select count(*) from quarantine where contract_id = $1 and (toid, event_index) > ($2, $3))
                   as "count!""#,
            contract_id.as_str(),
            after.toid(),
            i64::from(after.index()),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Returns what was revised since the build read the tables, joined into one range; `None` if nothing was.
    ///
    /// # Errors
    /// [`StoreError::BuildSuperseded`] if the build no longer exists.
    pub async fn revised_since_build(&self) -> Result<Option<RevisedSince>, StoreError> {
        let built_from = self.pool.run(build_origin::recorded).await?.ok_or(StoreError::BuildSuperseded)?;
        let revisions = self.revisions_after(built_from.revision).await?;
        Ok(revisions.into_iter().fold(None, |joined: Option<RevisedSince>, next| {
            let (from, to) = joined.map_or((next.from, next.to), |before| (before.from, before.to));
            Some(RevisedSince { revision: next.number, from: from.min(next.from), to: to.max(next.to) })
        }))
    }

    /// Records that the build contains everything up to a revision.
    pub async fn note_built_revision(&self, revision: i64) -> Result<(), StoreError> {
        sqlx::query!("update reindex_build set revision = greatest(revision, $1)", revision)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Returns the first streams, at most `limit`, whose record in the build differs from the live one although both
    /// have the same last event.
    pub async fn changed_by_build(&self, limit: u32) -> Result<Vec<StreamKey>, StoreError> {
        const FIELDS: &str = "sender, recipient, token, rate_per_second, deposited, withdrawn, start_time, \
            last_update_time, is_active, paused, paused_at, status, schedule, cliff_time, arbiter, dispute_status, \
            is_allowance_based, closed";
        let fields_of = |table: &str| FIELDS.split(", ").map(|field| format!("{table}.{field}")).collect::<Vec<_>>();
        let statement = format!(
            "select contract_id, stream_id
             from streams as stored join {REINDEX}.streams as built using (contract_id, stream_id)
             where (stored.last_toid, stored.last_event_index) = (built.last_toid, built.last_event_index)
               and ({}) is distinct from ({})
             order by contract_id, length(stream_id), stream_id limit $1",
            fields_of("stored").join(", "),
            fields_of("built").join(", ")
        );
        let rows = sqlx::query_as::<_, (String, String)>(sqlx::AssertSqlSafe(statement)).bind(i64::from(limit));
        let rows = rows.fetch_all(&self.pool).await?;
        let keys = rows.into_iter();
        keys.map(|(contract, stream)| Ok((parse("contract_id", &contract)?, parse("stream_id", &stream)?))).collect()
    }

    /// Returns the streams that have a baseline, or a deletion, and events after a position; with [`EventId::ZERO`], all that
    /// have one.
    pub async fn based_streams_after(
        &self,
        contract_id: &ContractId,
        after: EventId,
    ) -> Result<Vec<StreamId>, StoreError> {
        let stream_ids = sqlx::query_scalar!(
            r#"with based as (
                   select stream_id from baselines where contract_id = $1
                   union select stream_id from deleted_entries where contract_id = $1
               )
               select stream_id as "stream_id!" from based
               where $2::bigint = 0 or exists (
                   select from stream_events as event
                   where event.contract_id = $1 and event.stream_id = based.stream_id
                     and event.toid >= $2 and (event.toid, event.event_index) > ($2, $3)
               )"#,
            contract_id.as_str(),
            after.toid(),
            i64::from(after.index()),
        )
        .fetch_all(&self.pool)
        .await?;
        stream_ids.iter().map(|text| parse("stream_id", text)).collect()
    }

    /// Returns those of these events that are stored, as rows or in the quarantine.
    pub async fn known_among(&self, ids: &[EventId]) -> Result<std::collections::HashSet<EventId>, StoreError> {
        let (toids, indexes) = columns_of(ids);
        let rows = sqlx::query!(
            r#"with wanted as (select * from unnest($1::bigint[], $2::bigint[]) as wanted (toid, event_index))
               select toid as "toid!", event_index as "event_index!" from wanted join stream_events using (toid, event_index)
               union all
               select toid, event_index from wanted join quarantine using (toid, event_index)"#,
            &toids,
            &indexes,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|row| event_id(row.toid, row.event_index)).collect()
    }

    /// Replaces the live tables with the rebuilt ones, which contain each contract up to a position, if nothing was
    /// written meanwhile that the build lacks. Tells readers that everything was revised.
    ///
    /// # Errors
    /// [`StoreError::BuildSuperseded`] if the network started over since the build began.
    pub async fn swap_reindex(&self, decoder: &str, built: &[(ContractId, EventId)]) -> Result<Swap, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let swap = transaction.within(async |connection| swap(connection, decoder, built).await).await;
        match swap {
            Ok(Swap::Done) => transaction.commit().await?,
            Ok(Swap::Again) => {}
            Err(failure) if failure.is_lock_timeout() => return Ok(Swap::Again),
            Err(failure) => return Err(failure),
        }
        swap
    }
}

/// Exchanges the tables in the current transaction, if nothing was written that the build lacks.
async fn swap(
    connection: &mut PgConnection,
    decoder: &str,
    built: &[(ContractId, EventId)],
) -> Result<Swap, StoreError> {
    execute(connection, format!("set local lock_timeout = {}", LOCK_TIMEOUT.as_millis())).await?;
    let live = current_schema(connection).await?;
    let cursors = sqlx::query_scalar!("select contract_id from cursors for update").fetch_all(&mut *connection).await?;
    let origin = BuildOrigin::now(connection, decoder).await?;
    let built_from = build_origin::recorded(connection).await?;
    let built_from = built_from.filter(|from| from.is_still(&origin)).ok_or(StoreError::BuildSuperseded)?;
    if cursors.len() != built.len() || origin.revision > built_from.revision {
        return Ok(Swap::Again);
    }
    for (contract_id, up_to) in built {
        if !raw_events::raw_events_after(&mut *connection, contract_id, *up_to, 1).await?.is_empty()
            || quarantine::is_any_after(connection, contract_id, *up_to).await?
        {
            return Ok(Swap::Again);
        }
    }
    keep_seeds(connection).await?;
    exchange(connection, &live).await?;
    for (contract_id, up_to) in built {
        revisions::record(connection, contract_id, &Revised::late((EventId::ZERO, *up_to))).await?;
    }
    listen::notify(connection, listen::COMMITTED).await?;
    Ok(Swap::Done)
}

/// Keeps the records of streams whose creation was never seen. If the entry that they came from was stored, the build
/// has them already; versions before migration 7 did not store it.
async fn keep_seeds(connection: &mut PgConnection) -> Result<(), StoreError> {
    // Such streams have a creation before every ledger.
    const IS_SEED: &str = "stored.created_toid < 4294967296";
    let keep = format!(
        "with kept as (
             insert into {REINDEX}.streams ({COLUMNS_OF_STREAMS})
             select {COLUMNS_OF_STREAMS} from streams as stored where {IS_SEED} on conflict do nothing
             returning contract_id, stream_id
         )
         update {REINDEX}.stream_events as built
         set sender = coalesce(built.sender, stored.sender), recipient = coalesce(built.recipient, stored.recipient),
             token = coalesce(built.token, stored.token), amount = coalesce(built.amount, stored.amount)
         from kept join stream_events as stored using (contract_id, stream_id)
         where built.toid = stored.toid and built.event_index = stored.event_index"
    );
    execute(connection, keep).await
}

/// A raw event from either table.
struct AnyRawRow {
    toid: i64,
    event_index: i64,
    ledger_closed_at: DateTime<Utc>,
    tx_hash: String,
    event_kind: String,
    in_successful_call: bool,
    topics: Vec<String>,
    value: String,
}

impl AnyRawRow {
    fn event_of(self, contract_id: &ContractId) -> Result<RawContractEvent, StoreError> {
        Ok(RawContractEvent {
            id: event_id(self.toid, self.event_index)?,
            kind: quarantine::kind_of(&self.event_kind)?,
            contract_id: contract_id.clone(),
            ledger_closed_at: self.ledger_closed_at,
            tx_hash: self.tx_hash,
            in_successful_call: self.in_successful_call,
            topics: self.topics,
            value: self.value,
        })
    }
}

async fn exchange(connection: &mut PgConnection, live: &str) -> Result<(), StoreError> {
    let attachments = Attachments::of(connection, live, REINDEX, &DERIVED).await?;
    execute(connection, format!("create schema {REPLACED}")).await?;
    for table in DERIVED {
        move_table(connection, table, live, REPLACED).await?;
        move_table(connection, table, REINDEX, live).await?;
    }
    attachments.give(connection, OnFailure::GiveUp).await?;
    for table in DERIVED {
        execute(connection, format!("drop table {REPLACED}.{table}")).await?;
    }
    execute(connection, format!("drop schema {REPLACED}")).await?;
    // No raw event tells these again, so what the build found is added.
    for table in ["contract_upgrades", "baselines", "deleted_entries"] {
        let add = format!("insert into \"{live}\".{table} select * from {REINDEX}.{table} on conflict do nothing");
        execute(connection, add).await?;
    }
    sqlx::query!("delete from reindex_build").execute(&mut *connection).await?;
    execute(connection, format!("drop schema {REINDEX} cascade")).await
}
