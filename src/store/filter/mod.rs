//! The queries whose conditions depend on the request.
//!
//! Each query is written so that an index serves it and returns its rows in order; `tests/it/explain.rs` checks this
//! with the planner. Most of them are planned each time, because the planner must know the values. Queries that have
//! the same plan for all values, the first rows of one index, are prepared statements and are planned only once,
//! because planning is most of their cost.

mod events;
mod replay;
mod streams;

use sqlx::{PgConnection, Postgres, QueryBuilder};

pub use events::{EventListFilter, EventPageExtent};
pub(super) use streams::streams_of;
pub use streams::{StreamCursor, StreamListFilter, StreamSort};

use super::{Page, PageRequest, PageStart, SortOrder, StoreError};
use crate::domain::{Address, ContractId, EventId, EventType, Visibility};

const EVENT_COLUMNS: &str = "toid, event_index, (select epoch from network) as epoch, contract_id, ledger_closed_at, tx_hash, type, \
    stream_id, sender, recipient, former_recipient, token, amount::text as amount, body";
/// The columns that name an event's parties.
const PARTIES_OF_EVENTS: [&str; 3] = ["sender", "recipient", "former_recipient"];

/// Counts the rows of a condition up to a limit, in the order of an index. The limit is hidden from the planner, so
/// that it chooses a plan that returns rows at once. If it saw the limit, it would read the whole table when a filter
/// matches about a tenth of it; without an order, it would do so wherever it can.
async fn count(
    connection: &mut PgConnection,
    mut condition: QueryBuilder<Postgres>,
    key: &[&str],
    has_one_plan: bool,
) -> Result<u32, StoreError> {
    push_order(&mut condition, key, SortOrder::Descending);
    condition.push(" limit (select ").push_bind(i64::from(Page::<()>::COUNTED_UP_TO) + 1).push(")) as counted");
    let counted: i64 = condition.build_query_scalar().persistent(has_one_plan).fetch_one(connection).await?;
    Ok(u32::try_from(counted).unwrap_or(u32::MAX))
}

/// Starts a count that stops early. The caller adds the table and the condition.
fn begin_count() -> QueryBuilder<Postgres> {
    QueryBuilder::new("select count(*) from (select 1")
}

/// A part of a query that is added more than once.
type Part<'a> = &'a dyn Fn(&mut QueryBuilder<Postgres>);

/// Names the table and the conditions on its rows. Those of a party are an index scan for each column of `parties`: under
/// an `or` they would have to be sorted. `first` cuts out what each can have in the result, so that a party of thousands of
/// rows costs no more than a page of them.
fn push_rows(
    query: &mut QueryBuilder<Postgres>,
    table: &str,
    parties: &[&str],
    party: Option<&Address>,
    conditions: Part,
    first: Part,
) {
    let Some(party) = party else {
        query.push(" from ").push(table).push(" where true");
        return conditions(query);
    };
    for (number, column) in parties.iter().enumerate() {
        query.push(if number == 0 { " from ((select * from " } else { ") union all (select * from " });
        query.push(table).push(" where ").push(column).push(" = ").push_bind(party.to_string());
        for before in &parties[..number] {
            query.push(" and ").push(before).push(" is distinct from ").push_bind(party.to_string());
        }
        conditions(query);
        first(query);
    }
    query.push(")) as ").push(table);
}

/// Limits the rows to those of a page and the ones before it.
fn push_first<C>(query: &mut QueryBuilder<Postgres>, key: &[&str], order: SortOrder, request: &PageRequest<C>) {
    let before = match request.start {
        PageStart::Offset(offset) => i64::from(offset),
        PageStart::After(_) => 0,
    };
    push_order(query, key, order);
    query.push(" limit ").push_bind(before + i64::from(request.limit) + 1);
}

/// Returns the party whose rows are read. A caller that may only see its own rows reads only those, whoever it asks
/// about.
const fn seen_party<'a>(visibility: &'a Visibility, asked_for: Option<&'a Address>) -> Option<&'a Address> {
    match visibility {
        Visibility::Party(party) => Some(party),
        Visibility::Everything | Visibility::Nothing => asked_for,
    }
}

/// Returns whether the visibility excludes some rows of [`seen_party`].
fn narrows(visibility: &Visibility, asked_for: Option<&Address>) -> bool {
    match visibility {
        Visibility::Everything => false,
        Visibility::Party(party) => asked_for.is_some_and(|asked_for| asked_for != party),
        Visibility::Nothing => true,
    }
}

/// What [`seen_party`] leaves open: the party that was asked about beside the one that sees.
fn push_seen(
    query: &mut QueryBuilder<Postgres>,
    parties: &[&str],
    visibility: &Visibility,
    asked_for: Option<&Address>,
) {
    match (visibility, asked_for) {
        (Visibility::Nothing, _) => {
            query.push(" and false");
        }
        (Visibility::Party(party), Some(other)) if party != other => {
            for (number, column) in parties.iter().enumerate() {
                query.push(if number == 0 { " and (" } else { " or " }).push(column).push(" = ");
                query.push_bind(other.to_string());
            }
            query.push(")");
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

/// Limits the rows, which are already in order, to the page. The condition of a cursor precedes this.
fn push_limit<C>(query: &mut QueryBuilder<Postgres>, request: &PageRequest<C>) {
    query.push(" limit ").push_bind(i64::from(request.limit) + 1);
    if let PageStart::Offset(offset) = request.start {
        query.push(" offset ").push_bind(i64::from(offset));
    }
}

/// Adds the condition that an event lies before or after a position. The planner leaves out partitions by a column alone,
/// not by a pair of columns.
fn push_position(query: &mut QueryBuilder<Postgres>, comparison: &str, position: EventId) {
    let of_toid = if comparison.starts_with('>') { ">=" } else { "<=" };
    query.push("toid ").push(of_toid).push(" ").push_bind(position.toid());
    query.push(" and (toid, event_index) ").push(comparison).push(" (").push_bind(position.toid());
    query.push(", ").push_bind(i64::from(position.index())).push(")");
}
