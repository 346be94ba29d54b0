//! Pages of events.

use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::{
    EVENT_COLUMNS, begin_count, count, narrows, push_contract, push_first, push_limit, push_order, push_position,
    push_rows, push_seen, push_types, seen_party,
};
use crate::{
    domain::{Address, CommittedEvent, ContractId, EventId, EventType, LedgerSequence, StreamId, Visibility},
    store::{Page, PageRequest, PageStart, SortOrder, Store, StoreError, event_rows::EventRow},
};

const ID: [&str; 2] = ["toid", "event_index"];

/// Which events a list holds, every part that is set must hold; and their order, which is that of the chain.
#[derive(Clone, Debug)]
pub struct EventListFilter {
    /// Only those that this lets see.
    pub visibility: Visibility,
    /// Of this contract.
    pub contract_id: Option<ContractId>,
    /// Of this stream; to be named with its contract, whose streams an index holds.
    pub stream_id: Option<StreamId>,
    /// With this address as sender or recipient.
    pub address: Option<Address>,
    /// Of this token; no index knows it, so it is to narrow the events of an address or a stream.
    pub token: Option<Address>,
    /// Of these types; empty for every type.
    pub types: Vec<EventType>,
    /// Of this ledger or later ones.
    pub from_ledger: Option<LedgerSequence>,
    /// Of this ledger or earlier ones.
    pub to_ledger: Option<LedgerSequence>,
    /// Which come first.
    pub order: SortOrder,
}

impl EventListFilter {
    /// Returns the filter of every event that somebody may see.
    #[must_use]
    pub fn seen_by(visibility: Visibility) -> Self {
        Self {
            visibility,
            contract_id: None,
            stream_id: None,
            address: None,
            token: None,
            types: Vec::new(),
            from_ledger: None,
            to_ledger: None,
            order: SortOrder::default(),
        }
    }

    /// Whether the events are those of one stream or one address and nothing narrows them.
    fn has_one_plan(&self) -> bool {
        let is_narrowed =
            self.token.is_some() || !self.types.is_empty() || self.from_ledger.is_some() || self.to_ledger.is_some();
        let is_narrowed = is_narrowed || narrows(&self.visibility, self.address.as_ref());
        // A stream is named with its contract; an address in one contract is narrowed by that.
        !is_narrowed
            && self.stream_id.is_some() == self.contract_id.is_some()
            && self.stream_id.is_some() != party_of(self).is_some()
    }
}

impl Store {
    /// Returns a page of events.
    pub async fn event_page(
        &self,
        filter: &EventListFilter,
        request: PageRequest,
    ) -> Result<Page<CommittedEvent>, StoreError> {
        let mut query = QueryBuilder::new(format!("select {EVENT_COLUMNS}"));
        let conditions = |query: &mut QueryBuilder<Postgres>| {
            push_conditions(query, filter);
            if let PageStart::After(cursor) = request.start {
                query.push(" and ");
                push_position(query, filter.order.comparison(), cursor);
            }
        };
        let first = |query: &mut QueryBuilder<Postgres>| push_first(query, &ID, filter.order, &request);
        push_rows(&mut query, "stream_events", party_of(filter), &conditions, &first);
        push_order(&mut query, &ID, filter.order);
        push_limit(&mut query, &request);
        let read = async |connection: &mut PgConnection| {
            let rows: Vec<EventRow> =
                query.build_query_as().persistent(filter.has_one_plan()).fetch_all(&mut *connection).await?;
            let total = match request.total_shown_by(rows.len()) {
                Some(total) => total,
                None => count_events(connection, filter).await?,
            };
            Ok((rows, total))
        };
        let (rows, total) = self.pool.run(read).await?;
        let items: Result<Vec<_>, _> = rows.into_iter().map(CommittedEvent::try_from).collect();
        Ok(Page::cut(items?, request.limit, total, |event| event.id))
    }
}

async fn count_events(connection: &mut PgConnection, filter: &EventListFilter) -> Result<u32, StoreError> {
    let mut condition = begin_count();
    push_rows(&mut condition, "stream_events", party_of(filter), &|query| push_conditions(query, filter), &|_| {});
    count(connection, condition, &ID, filter.has_one_plan()).await
}

const fn party_of(filter: &EventListFilter) -> Option<&Address> {
    seen_party(&filter.visibility, filter.address.as_ref())
}

fn push_conditions(query: &mut QueryBuilder<Postgres>, filter: &EventListFilter) {
    push_seen(query, &filter.visibility, filter.address.as_ref());
    push_contract(query, filter.contract_id.as_ref());
    if let Some(stream_id) = filter.stream_id {
        query.push(" and stream_events.stream_id = ").push_bind(stream_id.to_string()).push("::numeric");
    }
    if let Some(token) = &filter.token {
        query.push(" and token = ").push_bind(token.to_string());
    }
    push_types(query, &filter.types);
    if let Some(from_ledger) = filter.from_ledger.filter(|from_ledger| from_ledger.0 > 0) {
        query.push(" and ");
        push_position(query, ">", EventId::end_of_ledger(from_ledger.previous()));
    }
    if let Some(to_ledger) = filter.to_ledger {
        query.push(" and ");
        push_position(query, "<=", EventId::end_of_ledger(to_ledger));
    }
}
