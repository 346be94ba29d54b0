//! Pages of streams.

use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::{
    begin_count, count, narrows, push_contract, push_first, push_limit, push_order, push_rows, push_seen, seen_party,
};
use crate::{
    domain::{Address, ContractId, EventId, StreamRecord, StreamStatus, UnixTime, Visibility},
    store::{Page, PageRequest, PageStart, SortOrder, Store, StoreError, stream_rows::StreamRow},
};

const STREAM_COLUMNS: &str = "contract_id, stream_id, sender, recipient, token, \
    rate_per_second::text as rate_per_second, deposited::text as deposited, withdrawn::text as withdrawn, \
    start_time::text as start_time, last_update_time::text as last_update_time, is_active, paused, \
    paused_at::text as paused_at, status, total_paused_seconds::text as total_paused_seconds, unverified, \
    impossible_order, schedule, cliff_time::text as cliff_time, arbiter, dispute_status, is_allowance_based, closed, \
    awaits_entry, checked_at_ledger, created_toid, created_event_index, last_toid, last_event_index, created_at, updated_at";

/// The columns that name a stream's parties.
const PARTIES: [&str; 2] = ["sender", "recipient"];
/// The columns are named with their table: by their name alone `order by` would take the texts of the answer.
const CREATION: [&str; 2] = ["streams.created_toid", "streams.created_event_index"];
const END: &str = "coalesce(streams.end_time, 'infinity'::numeric)";

/// Selects and orders the streams of a list. Every condition that is set must hold.
#[derive(Clone, Debug)]
pub struct StreamListFilter {
    /// Only streams that this lets the caller see.
    pub visibility: Visibility,
    /// Only streams of this contract.
    pub contract_id: Option<ContractId>,
    /// Only streams with this sender.
    pub sender: Option<Address>,
    /// Only streams with this recipient.
    pub recipient: Option<Address>,
    /// Only streams with this sender or recipient.
    pub user: Option<Address>,
    /// Only streams of this token.
    pub token: Option<Address>,
    /// Only streams with this status at this time.
    pub status: Option<(StreamStatus, UnixTime)>,
    /// Only streams that are drained before this time, if nothing happens to them until then.
    pub ends_before: Option<UnixTime>,
    /// The sort key.
    pub sort: StreamSort,
    /// Whether the smallest or the largest come first.
    pub order: SortOrder,
}

/// The sort keys of streams. Streams with equal keys are sorted by their creation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamSort {
    /// When they were created.
    #[default]
    CreatedAt,
    /// When they started.
    StartTime,
    /// When money was last paid out, or the stream was created or resumed: the start of the current accrual.
    LastUpdateTime,
    /// The total deposit so far.
    DepositedAmount,
    /// When they are drained. Streams without a known end come after all others.
    EndTime,
}

/// Where a page of a sorted list starts: after the stream with this key and this creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamCursor {
    /// The sort key; `None` for an unknown end time, or if the list is sorted by creation.
    pub value: Option<i128>,
    /// The event that created the stream.
    pub created_event: EventId,
}

impl StreamSort {
    const fn column(self) -> Option<&'static str> {
        match self {
            Self::CreatedAt => None,
            Self::StartTime => Some("streams.start_time"),
            Self::LastUpdateTime => Some("streams.last_update_time"),
            Self::DepositedAmount => Some("streams.deposited"),
            Self::EndTime => Some(END),
        }
    }

    fn key(self) -> Vec<&'static str> {
        self.column().into_iter().chain(CREATION).collect()
    }

    fn cursor_at(self, record: &StreamRecord) -> StreamCursor {
        let value = match self {
            Self::CreatedAt => None,
            Self::StartTime => Some(record.start_time.0.into()),
            Self::LastUpdateTime => Some(record.last_update_time.0.into()),
            Self::DepositedAmount => Some(record.deposited.0),
            Self::EndTime => record.end_time(),
        };
        StreamCursor { value, created_event: record.created_event }
    }
}

impl StreamListFilter {
    /// Returns the filter for all streams that a caller may see.
    #[must_use]
    pub fn seen_by(visibility: Visibility) -> Self {
        Self {
            visibility,
            contract_id: None,
            sender: None,
            recipient: None,
            user: None,
            token: None,
            status: None,
            ends_before: None,
            sort: StreamSort::default(),
            order: SortOrder::default(),
        }
    }

    /// Returns whether the streams are those of one party in the order of their creation, without further conditions.
    fn has_one_plan(&self) -> bool {
        let parties = [self.sender.as_ref(), self.recipient.as_ref(), party_of(self)].into_iter().flatten().count();
        let is_narrowed = self.token.is_some() || self.status.is_some() || self.ends_before.is_some();
        let is_narrowed = is_narrowed || self.contract_id.is_some() || narrows(&self.visibility, self.user.as_ref());
        parties == 1 && !is_narrowed && self.sort == StreamSort::CreatedAt
    }
}

impl Store {
    /// Returns a page of streams.
    pub async fn stream_page(
        &self,
        filter: &StreamListFilter,
        request: PageRequest<StreamCursor>,
    ) -> Result<Page<StreamRecord, StreamCursor>, StoreError> {
        let read = async |connection: &mut PgConnection| {
            let items = streams_of(connection, filter, request).await?;
            let total = match request.total_shown_by(items.len()) {
                Some(total) => total,
                None => count_streams(connection, filter).await?,
            };
            Ok((items, total))
        };
        let (items, total) = self.pool.run(read).await?;
        Ok(Page::cut(items, request.limit, total, |record| filter.sort.cursor_at(record)))
    }
}

/// Returns the streams of a page and the one after them, without counting the list.
pub(in crate::store) async fn streams_of(
    connection: &mut PgConnection,
    filter: &StreamListFilter,
    request: PageRequest<StreamCursor>,
) -> Result<Vec<StreamRecord>, StoreError> {
    let mut query = QueryBuilder::new(format!("select {STREAM_COLUMNS}"));
    let (key, order) = (filter.sort.key(), filter.order);
    let conditions = |query: &mut QueryBuilder<Postgres>| {
        push_conditions(query, filter);
        if let PageStart::After(cursor) = request.start {
            push_cursor(query, filter, cursor);
        }
    };
    let first = |query: &mut QueryBuilder<Postgres>| push_first(query, &key, order, &request);
    push_rows(&mut query, "streams", &PARTIES, party_of(filter), &conditions, &first);
    push_order(&mut query, &key, order);
    push_limit(&mut query, &request);
    let rows: Vec<StreamRow> = query.build_query_as().persistent(filter.has_one_plan()).fetch_all(connection).await?;
    rows.into_iter().map(StreamRecord::try_from).collect()
}

async fn count_streams(connection: &mut PgConnection, filter: &StreamListFilter) -> Result<u32, StoreError> {
    let mut condition = begin_count();
    push_rows(&mut condition, "streams", &PARTIES, party_of(filter), &|query| push_conditions(query, filter), &|_| {});
    count(connection, condition, &CREATION, filter.has_one_plan()).await
}

const fn party_of(filter: &StreamListFilter) -> Option<&Address> {
    seen_party(&filter.visibility, filter.user.as_ref())
}

fn push_conditions(query: &mut QueryBuilder<Postgres>, filter: &StreamListFilter) {
    push_seen(query, &PARTIES, &filter.visibility, filter.user.as_ref());
    push_contract(query, filter.contract_id.as_ref());
    for (column, address) in [("sender", &filter.sender), ("recipient", &filter.recipient), ("token", &filter.token)] {
        if let Some(address) = address {
            query.push(" and streams.").push(column).push(" = ").push_bind(address.to_string());
        }
    }
    if let Some((status, at)) = filter.status {
        push_status(query, status, at);
    }
    if let Some(ends_before) = filter.ends_before {
        push_end(query, "<", ends_before);
    }
}

/// Adds a condition with the same rule as [`StreamRecord::status_at`].
fn push_status(query: &mut QueryBuilder<Postgres>, status: StreamStatus, at: UnixTime) {
    let phase = match status {
        StreamStatus::Active | StreamStatus::Ended => "running",
        StreamStatus::Paused => "paused",
        StreamStatus::Cancelled => "cancelled",
        StreamStatus::Completed => "completed",
        StreamStatus::Closed => {
            query.push(" and streams.closed");
            return;
        }
    };
    query.push(" and not streams.closed and streams.phase = ").push_bind(phase);
    match status {
        StreamStatus::Active => push_end(query, ">", at),
        StreamStatus::Ended => push_end(query, "<=", at),
        StreamStatus::Paused | StreamStatus::Cancelled | StreamStatus::Completed | StreamStatus::Closed => {}
    }
}

fn push_end(query: &mut QueryBuilder<Postgres>, comparison: &str, time: UnixTime) {
    query.push(" and ").push(END).push(" ").push(comparison).push(" ").push_bind(time.to_string()).push("::numeric");
}

fn push_cursor(query: &mut QueryBuilder<Postgres>, filter: &StreamListFilter, cursor: StreamCursor) {
    query.push(" and (").push(filter.sort.key().join(", ")).push(") ").push(filter.order.comparison()).push(" (");
    if filter.sort.column().is_some() {
        let value = cursor.value.map_or_else(|| "infinity".to_owned(), |value| value.to_string());
        query.push_bind(value).push("::numeric, ");
    }
    query.push_bind(cursor.created_event.toid()).push(", ");
    query.push_bind(i64::from(cursor.created_event.index())).push(")");
}
