//! The queries whose conditions depend on what was asked.

use sqlx::{Postgres, QueryBuilder};

use super::{
    EventRange, Page, PageRequest, PageStart, Store, StoreError, event_rows::EventRow, stream_rows::StreamRow,
};
use crate::domain::{Address, CommittedEvent, ContractId, EventId, EventType, StreamId, StreamRecord};

const EVENT_COLUMNS: &str = "toid, event_index, (select epoch from network) as epoch, contract_id, ledger_closed_at, tx_hash, type, \
    stream_id::text as stream_id, sender, recipient, token, amount::text as amount, body";

const STREAM_COLUMNS: &str = "contract_id, stream_id::text as stream_id, sender, recipient, token, \
    rate_per_second::text as rate_per_second, deposited::text as deposited, withdrawn::text as withdrawn, \
    start_time::text as start_time, last_update_time::text as last_update_time, is_active, paused, \
    paused_at::text as paused_at, status, total_paused_seconds::text as total_paused_seconds, unverified, \
    impossible_order, created_toid, created_event_index, last_toid, last_event_index, created_at, updated_at";

/// What a subscription is about: the atoms are OR-ed, the types narrow them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventAtoms {
    /// Every event.
    pub all: bool,
    /// Events of these streams; of one contract, or of any.
    pub streams: Vec<(Option<ContractId>, StreamId)>,
    /// Events whose sender or recipient is one of these.
    pub users: Vec<Address>,
    /// Only events of these types; empty for every type.
    pub types: Vec<EventType>,
}

/// Which events a list holds; every part that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct EventListFilter {
    /// Of this contract.
    pub contract_id: Option<ContractId>,
    /// Of this stream.
    pub stream_id: Option<StreamId>,
    /// With this address as sender or recipient.
    pub address: Option<Address>,
    /// Of these types; empty for every type.
    pub types: Vec<EventType>,
}

/// Which streams a list holds; every part that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct StreamListFilter {
    /// With this sender.
    pub sender: Option<Address>,
    /// With this recipient.
    pub recipient: Option<Address>,
    /// With this address as sender or recipient.
    pub user: Option<Address>,
    /// Of this token.
    pub token: Option<Address>,
}

impl Store {
    /// Returns the first `limit` events of a range that the atoms match, in the order of the chain.
    pub async fn matching_events(
        &self,
        range: EventRange,
        atoms: &EventAtoms,
        limit: u32,
    ) -> Result<Vec<CommittedEvent>, StoreError> {
        let mut query = QueryBuilder::new(format!("select {EVENT_COLUMNS} from stream_events where "));
        push_position(&mut query, "toid, event_index", ">", range.after);
        query.push(" and ");
        push_position(&mut query, "toid, event_index", "<=", range.up_to);
        if !atoms.all {
            query.push(" and (");
            push_atoms(&mut query, atoms);
            query.push(")");
        }
        push_types(&mut query, &atoms.types);
        query.push(" order by toid, event_index limit ").push_bind(i64::from(limit));
        let rows: Vec<EventRow> = query.build_query_as().fetch_all(&self.pool).await?;
        rows.into_iter().map(CommittedEvent::try_from).collect()
    }

    /// Returns a page of events, newest first.
    pub async fn event_page(
        &self,
        filter: &EventListFilter,
        request: PageRequest,
    ) -> Result<Page<CommittedEvent>, StoreError> {
        let condition = |query: &mut QueryBuilder<Postgres>| {
            query.push(" where true");
            if let Some(contract_id) = &filter.contract_id {
                query.push(" and contract_id = ").push_bind(contract_id.to_string());
            }
            if let Some(stream_id) = filter.stream_id {
                query.push(" and stream_id = ").push_bind(stream_id.to_string()).push("::numeric");
            }
            if let Some(address) = &filter.address {
                push_party(query, address);
            }
            push_types(query, &filter.types);
        };
        let mut count = count_query("stream_events");
        condition(&mut count);
        let total = self.count(count).await?;
        let mut query = QueryBuilder::new(format!("select {EVENT_COLUMNS} from stream_events"));
        condition(&mut query);
        push_page(&mut query, "toid, event_index", request);
        let rows: Vec<EventRow> = query.build_query_as().fetch_all(&self.pool).await?;
        let items: Result<Vec<_>, _> = rows.into_iter().map(CommittedEvent::try_from).collect();
        Ok(Page::cut(items?, request.limit, total, |event| event.id))
    }

    /// Returns a page of streams, the last created first.
    pub async fn stream_page(
        &self,
        filter: &StreamListFilter,
        request: PageRequest,
    ) -> Result<Page<StreamRecord>, StoreError> {
        let condition = |query: &mut QueryBuilder<Postgres>| {
            query.push(" where true");
            for (column, address) in
                [("sender", &filter.sender), ("recipient", &filter.recipient), ("token", &filter.token)]
            {
                if let Some(address) = address {
                    query.push(" and ").push(column).push(" = ").push_bind(address.to_string());
                }
            }
            if let Some(user) = &filter.user {
                push_party(query, user);
            }
        };
        let mut count = count_query("streams");
        condition(&mut count);
        let total = self.count(count).await?;
        let mut query = QueryBuilder::new(format!("select {STREAM_COLUMNS} from streams"));
        condition(&mut query);
        push_page(&mut query, "created_toid, created_event_index", request);
        let rows: Vec<StreamRow> = query.build_query_as().fetch_all(&self.pool).await?;
        let items: Result<Vec<_>, _> = rows.into_iter().map(StreamRecord::try_from).collect();
        Ok(Page::cut(items?, request.limit, total, |record| record.created_event))
    }

    async fn count(&self, mut query: QueryBuilder<Postgres>) -> Result<u32, StoreError> {
        query.push(" limit ").push_bind(i64::from(Page::<()>::COUNTED_UP_TO) + 1).push(") as counted");
        let counted: i64 = query.build_query_scalar().fetch_one(&self.pool).await?;
        Ok(u32::try_from(counted).unwrap_or(u32::MAX))
    }
}

/// Begins a count that stops early; its condition is still to come.
fn count_query(table: &str) -> QueryBuilder<Postgres> {
    QueryBuilder::new(format!("select count(*) from (select 1 from {table}"))
}

fn push_atoms(query: &mut QueryBuilder<Postgres>, atoms: &EventAtoms) {
    query.push("false");
    let any_contract: Vec<String> = atoms
        .streams
        .iter()
        .filter(|(contract_id, _)| contract_id.is_none())
        .map(|(_, stream_id)| stream_id.to_string())
        .collect();
    if !any_contract.is_empty() {
        query.push(" or stream_id = any(").push_bind(any_contract).push("::text[]::numeric[])");
    }
    for (contract_id, stream_id) in &atoms.streams {
        if let Some(contract_id) = contract_id {
            query.push(" or (contract_id = ").push_bind(contract_id.to_string());
            query.push(" and stream_id = ").push_bind(stream_id.to_string()).push("::numeric)");
        }
    }
    if !atoms.users.is_empty() {
        let users: Vec<String> = atoms.users.iter().map(ToString::to_string).collect();
        query.push(" or sender = any(").push_bind(users.clone()).push(")");
        query.push(" or recipient = any(").push_bind(users).push(")");
    }
}

fn push_types(query: &mut QueryBuilder<Postgres>, types: &[EventType]) {
    if !types.is_empty() {
        let types: Vec<String> = types.iter().map(ToString::to_string).collect();
        query.push(" and type = any(").push_bind(types).push(")");
    }
}

fn push_party(query: &mut QueryBuilder<Postgres>, address: &Address) {
    query.push(" and (sender = ").push_bind(address.to_string());
    query.push(" or recipient = ").push_bind(address.to_string()).push(")");
}

fn push_page(query: &mut QueryBuilder<Postgres>, key: &str, request: PageRequest) {
    if let PageStart::After(cursor) = request.start {
        query.push(" and ");
        push_position(query, key, "<", cursor);
    }
    query.push(" order by ").push(key.replace(", ", " desc, ")).push(" desc limit ");
    query.push_bind(i64::from(request.limit) + 1);
    if let PageStart::Offset(offset) = request.start {
        query.push(" offset ").push_bind(i64::from(offset));
    }
}

fn push_position(query: &mut QueryBuilder<Postgres>, key: &str, comparison: &str, position: EventId) {
    query.push("(").push(key).push(") ").push(comparison).push(" (").push_bind(position.toid());
    query.push(", ").push_bind(i64::from(position.index())).push(")");
}
