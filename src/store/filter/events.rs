//! Pages of events.

use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::{
    EVENT_COLUMNS, PARTIES_OF_EVENTS, begin_count, count, narrows, push_contract, push_first, push_limit, push_order,
    push_position, push_rows, push_seen, push_types, seen_party,
};
use crate::{
    domain::{Address, CommittedEvent, ContractId, EventId, EventType, FeedId, LedgerSequence, StreamId, Visibility},
    store::{
        Page, PageRequest, PageStart, SortOrder, Store, StoreError,
        columns::{epoch, event_id},
        event_rows::EventRow,
    },
};

const ID: [&str; 2] = ["toid", "event_index"];

/// The size and end of a page of events, known before any of them is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPageExtent {
    /// The number of events.
    pub rows: u32,
    /// The last of them; `None` if there are none.
    pub last: Option<FeedId>,
    /// Whether there are events after it.
    pub has_more: bool,
}

/// Selects and orders the events of a list. Every condition that is set must hold. The order is chain order.
#[derive(Clone, Debug)]
pub struct EventListFilter {
    /// Only events that this lets the caller see.
    pub visibility: Visibility,
    /// Only events of this contract.
    pub contract_id: Option<ContractId>,
    /// Only events of this stream. Its contract must be set too, because the index contains both.
    pub stream_id: Option<StreamId>,
    /// Only events with this sender or recipient.
    pub address: Option<Address>,
    /// Only events of this token. No index contains it, so an address or a stream must be set too.
    pub token: Option<Address>,
    /// Only events of these types; empty for all types.
    pub types: Vec<EventType>,
    /// Only events from this ledger on.
    pub from_ledger: Option<LedgerSequence>,
    /// Only events up to this ledger.
    pub to_ledger: Option<LedgerSequence>,
    /// Whether the oldest or the newest events come first.
    pub order: SortOrder,
}

impl EventListFilter {
    /// Returns the filter for all events that a caller may see.
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

    /// Returns whether the events are those of one stream or one address, without further conditions.
    fn has_one_plan(&self) -> bool {
        let is_narrowed =
            self.token.is_some() || !self.types.is_empty() || self.from_ledger.is_some() || self.to_ledger.is_some();
        let is_narrowed = is_narrowed || narrows(&self.visibility, self.address.as_ref());
        // A stream comes with its contract, so that is no further condition; for an address it is.
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
        let mut query = page_query(EVENT_COLUMNS, filter, &request, None);
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

    /// Returns the number of events of a page, and where it ends.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn event_page_extent(
        &self,
        filter: &EventListFilter,
        request: PageRequest,
    ) -> Result<EventPageExtent, StoreError> {
        let mut query = page_query("toid, event_index, (select epoch from network) as epoch", filter, &request, None);
        let read = async |connection: &mut PgConnection| {
            let ids: Vec<(i64, i64, i32)> =
                query.build_query_as().persistent(filter.has_one_plan()).fetch_all(connection).await?;
            Ok(ids)
        };
        let mut ids = self.pool.run(read).await?;
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let has_more = ids.len() > limit;
        ids.truncate(limit);
        let last = ids.last().map(|(toid, index, number)| {
            Ok::<_, StoreError>(FeedId { event: event_id(*toid, *index)?, epoch: epoch(*number)? })
        });
        Ok(EventPageExtent { rows: u32::try_from(ids.len()).unwrap_or(u32::MAX), last: last.transpose()?, has_more })
    }

    /// Returns the next events of a page that ends with `last`, at most as many as `request` says.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn events_up_to(
        &self,
        filter: &EventListFilter,
        request: PageRequest,
        last: EventId,
    ) -> Result<Vec<CommittedEvent>, StoreError> {
        let mut query = page_query(EVENT_COLUMNS, filter, &request, Some(last));
        let read = async |connection: &mut PgConnection| {
            let rows: Vec<EventRow> =
                query.build_query_as().persistent(filter.has_one_plan()).fetch_all(connection).await?;
            Ok(rows)
        };
        let mut rows = self.pool.run(read).await?;
        rows.truncate(usize::try_from(request.limit).unwrap_or(usize::MAX));
        rows.into_iter().map(CommittedEvent::try_from).collect()
    }
}

/// Selects the rows of a page and the first row after it, or the rows up to `last`.
fn page_query(
    columns: &str,
    filter: &EventListFilter,
    request: &PageRequest,
    last: Option<EventId>,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(format!("select {columns}"));
    let conditions = |query: &mut QueryBuilder<Postgres>| {
        push_conditions(query, filter);
        if let PageStart::After(cursor) = request.start {
            query.push(" and ");
            push_position(query, filter.order.comparison(), cursor);
        }
        if let Some(last) = last {
            query.push(" and ");
            push_position(query, filter.order.comparison_up_to(), last);
        }
    };
    let first = |query: &mut QueryBuilder<Postgres>| push_first(query, &ID, filter.order, request);
    push_rows(&mut query, "stream_events", &PARTIES_OF_EVENTS, party_of(filter), &conditions, &first);
    push_order(&mut query, &ID, filter.order);
    push_limit(&mut query, request);
    query
}

async fn count_events(connection: &mut PgConnection, filter: &EventListFilter) -> Result<u32, StoreError> {
    let mut condition = begin_count();
    let conditions = |query: &mut QueryBuilder<Postgres>| push_conditions(query, filter);
    push_rows(&mut condition, "stream_events", &PARTIES_OF_EVENTS, party_of(filter), &conditions, &|_| {});
    count(connection, condition, &ID, filter.has_one_plan()).await
}

const fn party_of(filter: &EventListFilter) -> Option<&Address> {
    seen_party(&filter.visibility, filter.address.as_ref())
}

fn push_conditions(query: &mut QueryBuilder<Postgres>, filter: &EventListFilter) {
    push_seen(query, &PARTIES_OF_EVENTS, &filter.visibility, filter.address.as_ref());
    push_contract(query, filter.contract_id.as_ref());
    if let Some(stream_id) = filter.stream_id {
        query.push(" and stream_id = ").push_bind(stream_id.to_string());
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
