//! The indexes that only lists and checks need, most of them of columns of streams that events change.
//!
//! Because of them, every change of a stream adds an entry to every index of the table, which a catch-up over millions
//! of events cannot afford. So they are not part of the migrations; they are created once the index has reached the
//! tip. Until then, lists by state, deposit, last update or end alone read the whole table.

use std::time::Duration;

use sqlx::PgConnection;

use super::{StoreError, Writer, schemas::execute};

const DEADLINE: Duration = Duration::from_secs(30);

/// Each by its name and what comes after `on`. Ids are in the order of their length and then of their text, so that
/// numbers are in the order of numbers. Where two streams are equal in the first column they are in the order of
/// their creation. One without an end time comes after those with one, hence the infinity.
const INDEXES: [(&str, &str); 8] = [
    ("streams_by_phase", "streams (phase, created_toid, created_event_index)"),
    ("streams_by_last_update_time", "streams (last_update_time, created_toid, created_event_index)"),
    ("streams_by_deposited", "streams (deposited, created_toid, created_event_index)"),
    ("streams_by_end", "streams ((coalesce(end_time, 'infinity'::numeric)), created_toid, created_event_index)"),
    ("streams_in_order", "streams (contract_id, length(stream_id), stream_id)"),
    ("streams_closed", "streams (created_toid, created_event_index) where closed"),
    (
        "streams_uncertain",
        "streams (contract_id, length(stream_id), stream_id) where checked_at_ledger is null \
            or checked_at_ledger < (last_toid >> 32)",
    ),
    (
        "streams_with_unknown_fields",
        "streams (contract_id, length(stream_id), stream_id) where schedule #>> '{reason,cause}' = 'field'",
    ),
];

/// Returns whether the connection's schema has any: whether its index has been at the tip.
pub(super) async fn are_there(connection: &mut PgConnection) -> Result<bool, StoreError> {
    Ok(there(connection).await?.iter().any(|there| names().any(|name| name == there)))
}

/// Creates those that are missing in the connection's schema.
pub(super) async fn create(connection: &mut PgConnection) -> Result<(), StoreError> {
    for (name, on) in INDEXES {
        execute(connection, format!("create index if not exists {name} on {on}")).await?;
    }
    Ok(())
}

/// Returns their names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    INDEXES.into_iter().map(|(name, _)| name)
}

impl Writer {
    /// Creates the missing indexes that lists need, and returns how many it created. Readers are not blocked. Other
    /// writers of streams, which are repairs, wait for it; it never waits for anybody who waits for this writer,
    /// because it only locks this one table.
    pub async fn index_for_queries(&mut self) -> Result<usize, StoreError> {
        let there = self.session.within(DEADLINE, there).await?;
        let missing: Vec<_> = INDEXES.iter().filter(|(name, _)| !there.iter().any(|there| there == name)).collect();
        for (name, on) in &missing {
            let statement = format!("create index if not exists {name} on {on}");
            self.session.for_long(async |connection| execute(connection, statement).await).await?;
        }
        if !missing.is_empty() {
            // Without this, the planner has no statistics on the expressions in the indexes, and none on a table that has
            // partitions.
            let analyze = async |connection: &mut PgConnection| {
                execute(connection, "analyze streams, stream_events".to_owned()).await
            };
            self.session.for_long(analyze).await?;
        }
        Ok(missing.len())
    }
}

async fn there(connection: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    let names = sqlx::query_scalar!(
        r#"select indexname::text as "name!" from pg_indexes
           where schemaname = current_schema() and tablename = 'streams'"#
    );
    Ok(names.fetch_all(connection).await?)
}
