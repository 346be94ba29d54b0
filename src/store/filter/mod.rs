//! The queries whose conditions depend on what was asked.
//!
//! Each is written so that an index serves it and that its rows come in the order of an index: `tests/it/explain.rs`
//! holds the planner to that. None is kept as a prepared statement, because the planner needs to know the values.

mod events;
mod replay;
mod streams;

use sqlx::{Postgres, QueryBuilder};

pub use events::EventListFilter;
pub use replay::EventAtoms;
pub use streams::{StreamCursor, StreamListFilter, StreamSort};

use super::{Page, PageRequest, PageStart, SortOrder, Store, StoreError};
use crate::domain::{Address, ContractId, EventId, EventType, Visibility};

const EVENT_COLUMNS: &str = "toid, event_index, (select epoch from network) as epoch, contract_id, ledger_closed_at, tx_hash, type, \
    stream_id::text as stream_id, sender, recipient, token, amount::text as amount, body";

impl Store {
    /// Counts the rows of a condition up to a bound, in the order of an index. The planner is not told the bound, so it
    /// takes a plan that gives rows at once; with both in sight it reads the whole table where a filter matches some
    /// tenth of it, and without an order wherever it can.
    async fn count(&self, mut condition: QueryBuilder<Postgres>, key: &[&str]) -> Result<u32, StoreError> {
        push_order(&mut condition, key, SortOrder::Descending);
        condition.push(" limit (select ").push_bind(i64::from(Page::<()>::COUNTED_UP_TO) + 1).push(")) as counted");
        let counted: i64 = condition.build_query_scalar().persistent(false).fetch_one(&self.pool).await?;
        Ok(u32::try_from(counted).unwrap_or(u32::MAX))
    }
}

/// Begins a count that stops early; table and condition are still to come.
fn begin_count() -> QueryBuilder<Postgres> {
    QueryBuilder::new("select count(*) from (select 1")
}

/// Names the table. The rows of a party are two index scans merged: under an `or` they would have to be sorted.
fn push_table(query: &mut QueryBuilder<Postgres>, table: &str, party: Option<&Address>) {
    query.push(" from ");
    if let Some(party) = party {
        query.push("(select * from ").push(table).push(" where sender = ").push_bind(party.to_string());
        query.push(" union all select * from ").push(table).push(" where recipient = ").push_bind(party.to_string());
        query.push(" and sender is distinct from ").push_bind(party.to_string()).push(") as ");
    }
    query.push(table).push(" where true");
}

/// Returns the party whose rows are read: whoever sees only their own rows sees no others, whomever they ask about.
const fn seen_party<'a>(visibility: &'a Visibility, asked_for: Option<&'a Address>) -> Option<&'a Address> {
    match visibility {
        Visibility::Party(party) => Some(party),
        Visibility::Everything | Visibility::Nothing => asked_for,
    }
}

/// What [`seen_party`] leaves open: the party that was asked about beside the one that sees.
fn push_seen(query: &mut QueryBuilder<Postgres>, visibility: &Visibility, asked_for: Option<&Address>) {
    match (visibility, asked_for) {
        (Visibility::Nothing, _) => {
            query.push(" and false");
        }
        (Visibility::Party(party), Some(other)) if party != other => {
            query.push(" and (sender = ").push_bind(other.to_string());
            query.push(" or recipient = ").push_bind(other.to_string()).push(")");
        }
        (Visibility::Everything | Visibility::Party(_), _) => {}
    }
}

fn push_contract(query: &mut QueryBuilder<Postgres>, contract_id: Option<&ContractId>) {
    if let Some(contract_id) = contract_id {
        query.push(" and contract_id = ").push_bind(contract_id.to_string());
    }
}

fn push_types(query: &mut QueryBuilder<Postgres>, types: &[EventType]) {
    if !types.is_empty() {
        let types: Vec<String> = types.iter().map(ToString::to_string).collect();
        query.push(" and type = any(").push_bind(types).push(")");
    }
}

fn push_order(query: &mut QueryBuilder<Postgres>, key: &[&str], order: SortOrder) {
    for (number, column) in key.iter().enumerate() {
        query.push(if number == 0 { " order by " } else { ", " }).push(column).push(" ").push(order.as_str());
    }
}

/// Cuts the page out of rows in order; the condition of a cursor comes before.
fn push_limit<C>(query: &mut QueryBuilder<Postgres>, request: &PageRequest<C>) {
    query.push(" limit ").push_bind(i64::from(request.limit) + 1);
    if let PageStart::Offset(offset) = request.start {
        query.push(" offset ").push_bind(i64::from(offset));
    }
}

fn push_position(query: &mut QueryBuilder<Postgres>, comparison: &str, position: EventId) {
    query.push("(toid, event_index) ").push(comparison).push(" (").push_bind(position.toid());
    query.push(", ").push_bind(i64::from(position.index())).push(")");
}
