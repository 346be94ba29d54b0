//! `GET /v1/events`, `GET /v1/streams/{id}/events` and `GET /v1/events/stats`.

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    caller::CalledBy,
    csv,
    feed_views::FeedCounters,
    limits::{ClientKey, ConnectionStats},
    openapi::{
        EventRow, OfMemory, OfQuery, StreamInPath, list_of,
        words::{self, named},
    },
    paging::{
        CURSOR, LARGEST_LIMIT, LIMIT, OFFSET, ORDER, PageView, event_cursor, in_epoch, limit_form, next_page_query,
        order, page_request, rows_of_page,
    },
    parameters::{List, One, PathText},
    problem::Problem,
    query::{NoParameters, Parameter, Query, QueryTable, query},
    state::{CONTRACT, HttpState},
    views::EventRowView,
};
use crate::{
    auth::Caller,
    domain::{Address, Epoch, EventType, FeedId, LedgerSequence, Visibility},
    store::{EventListFilter, EventPageExtent, PageRequest, PageStart},
};

/// The largest limit of a CSV list, which is meant for files.
const LARGEST_CSV_LIMIT: u32 = 5_000;

query! {
    /// The parameters of the events of a stream.
    pub(super) StreamEventsQuery {
        TYPES: List<EventType> = Parameter::new(
            "type",
            "Only events of these types.",
            || list_of(named("EventType")),
        );
        FROM_LEDGER: One<LedgerSequence> = Parameter::new(
            "fromLedger",
            "Only events from this ledger on.",
            || named("LedgerSequence"),
        );
        TO_LEDGER: One<LedgerSequence> = Parameter::new(
            "toLedger",
            "Only events up to this ledger.",
            || named("LedgerSequence"),
        );
        ..[
            LIMIT
                .saying("The maximum number of items on the page: up to 200 as JSON, up to 5000 as CSV.")
                .of_form(|| limit_form(LARGEST_CSV_LIMIT).into()),
            OFFSET,
            CURSOR,
            ORDER,
        ];
    }
}

query! {
    /// The parameters of a list of events.
    pub(super) EventListQuery {
        ADDRESS: One<Address> = Parameter::new(
            "address",
            "Only events of streams that this address sends or receives.",
            || named("Address"),
        );
        TOKEN: One<Address> =
            Parameter::new("token", "Only events of this token. Needs `address`.", || named("Address"));
        ..[
            CONTRACT.saying("Only events of this contract."),
            StreamEventsQuery::declared(),
        ];
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventList {
    /// The events.
    #[schema(value_type = Vec<EventRow>)]
    events: Vec<EventRowView>,
    #[serde(flatten)]
    page: PageView,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FeedStats)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stats {
    #[serde(flatten)]
    feed: FeedCounters,
    /// The limits, and how near to them it was.
    limits: ConnectionStats,
    /// The position up to which the feed is complete; null for callers who may not see every event.
    #[schema(value_type = Option<words::EventId>)]
    last_event_id: Option<FeedId>,
}

/// Lists events of every stream.
#[utoipa::path(
    get,
    path = "/events",
    tag = "events",
    operation_id = "listEvents",
    params(EventListQuery),
    responses(
        (status = 200, description = "A page of events: CSV if the client prefers `text/csv`, otherwise JSON.", content(
            (EventList = "application/json"),
            (String = "text/csv", example = "id,type,eventType,streamId,contractId,sender,recipient,tokenAddress,amount,\
                                             ledgerSequence,createdAt,timestamp,transactionHash,metadata"),
        ), headers(("Link"))),
        OfQuery,
    ),
    security((), ("bearerAuth" = [])),
)]
pub(super) async fn list(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    Extension(client): Extension<Option<ClientKey>>,
    headers: HeaderMap,
    query: Query<EventListQuery>,
) -> Result<Response, Problem> {
    let (address, token) = (query.get(ADDRESS)?, query.get(TOKEN)?);
    if token.is_some() && address.is_none() {
        return Err(TOKEN.refuse("narrows the events of an address; name the address as well"));
    }
    let filter = filter(caller.visibility.clone(), &query)?;
    let contract_id = state.contract(&query).await?;
    let filter = EventListFilter { contract_id, address, token, ..filter };
    answer(&state, (client, &caller), filter, &query, &headers).await
}

/// Lists the events of one stream; of a stream that does not exist, an empty list.
#[utoipa::path(
    get,
    path = "/streams/{id}/events",
    tag = "events",
    operation_id = "listStreamEvents",
    params(StreamInPath, StreamEventsQuery),
    responses(
        (status = 200, description = "A page of events: CSV if the client prefers `text/csv`, otherwise JSON.", content(
            (EventList = "application/json"),
            (String = "text/csv", example = "id,type,eventType,streamId,contractId,sender,recipient,tokenAddress,amount,\
                                             ledgerSequence,createdAt,timestamp,transactionHash,metadata"),
        ), headers(("Link"))),
        OfQuery,
    ),
    security((), ("bearerAuth" = [])),
)]
pub(super) async fn of_stream(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    Extension(client): Extension<Option<ClientKey>>,
    PathText(id): PathText,
    headers: HeaderMap,
    query: Query<StreamEventsQuery>,
) -> Result<Response, Problem> {
    let (contract_id, stream_id) = state.stream_key(&id)?;
    let filter = EventListFilter {
        contract_id: Some(contract_id),
        stream_id: Some(stream_id),
        ..filter(caller.visibility.clone(), &query)?
    };
    answer(&state, (client, &caller), filter, &query, &headers).await
}

fn filter<T: QueryTable>(visibility: Visibility, query: &Query<T>) -> Result<EventListFilter, Problem> {
    let from_ledger = query.get(FROM_LEDGER)?;
    let to_ledger = query.get(TO_LEDGER)?;
    if from_ledger.zip(to_ledger).is_some_and(|(from, to)| from > to) {
        return Err(TO_LEDGER.refuse("must not be below fromLedger; both belong to the range"));
    }
    let types = query.get(TYPES)?;
    Ok(EventListFilter { types, from_ledger, to_ledger, order: order(query)?, ..EventListFilter::seen_by(visibility) })
}

async fn answer<T: QueryTable>(
    state: &HttpState,
    (client, caller): (Option<ClientKey>, &Caller),
    filter: EventListFilter,
    query: &Query<T>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let mut response = if csv::is_wanted(headers) {
        as_csv(state, (client, caller), filter, query).await?
    } else {
        as_json(state, client, &filter, query).await?
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

async fn as_json<T: QueryTable>(
    state: &HttpState,
    client: Option<ClientKey>,
    filter: &EventListFilter,
    query: &Query<T>,
) -> Result<Response, Problem> {
    let epoch = state.feed.epoch();
    let request = page_request(query, LARGEST_LIMIT, |text| event_cursor(text, epoch))?;
    let cost = state.limits.spend_rows(client, rows_of_page(&request, request.limit))?;
    let page = state.store.event_page(filter, request).await?;
    let epoch_of_page = same_epoch(&request, epoch, page.items.first().map(|event| event.epoch))?;
    let next_cursor = page.next_cursor.map(|event| FeedId { event, epoch: epoch_of_page }.to_string());
    let view = PageView::of(&page, &request, next_cursor);
    let list = EventList { events: page.items.into_iter().map(EventRowView).collect(), page: view };
    Ok((Extension(cost), Json(list)).into_response())
}

/// A CSV list is paid for by its rows, and read from the database as fast as the client reads it.
async fn as_csv<T: QueryTable>(
    state: &HttpState,
    (client, caller): (Option<ClientKey>, &Caller),
    filter: EventListFilter,
    query: &Query<T>,
) -> Result<Response, Problem> {
    let epoch = state.feed.epoch();
    let request = page_request(query, LARGEST_CSV_LIMIT, |text| event_cursor(text, epoch))?;
    // The database must skip the preceding rows before anybody knows how many rows follow.
    let passing = state.limits.spend_rows(client, rows_of_page(&request, 0))?;
    let EventPageExtent { rows, last, has_more } = state.store.event_page_extent(&filter, request).await?;
    same_epoch(&request, epoch, last.map(|last| last.epoch))?;
    let cost = passing.and(state.limits.spend_rows(client, rows)?);
    let next = last.filter(|_| has_more).map(|last| next_page_query(query, &last.to_string()));
    let turns = state.limits.turns_of(client);
    let revoked = csv::revoked(state.auth.as_ref(), caller);
    let rows = csv::Rows { store: state.store.clone(), filter, start: request.start, last, turns, revoked };
    let mut response = csv::answer(rows, next);
    response.extensions_mut().insert(cost);
    Ok(response)
}

/// Returns the epoch of a page. The rows know their epoch; the feed may not know yet that the network started over.
fn same_epoch(request: &PageRequest, of_feed: Epoch, of_rows: Option<Epoch>) -> Result<Epoch, Problem> {
    let of_page = of_rows.unwrap_or(of_feed);
    if let PageStart::After(event) = request.start {
        in_epoch(FeedId { event, epoch: of_feed }, of_page)?;
    }
    Ok(of_page)
}

/// Reports how many connections there are and what was sent to them.
#[utoipa::path(
    get,
    path = "/events/stats",
    tag = "events",
    operation_id = "getEventStats",
    responses(
        (status = 200, description = "The feed's statistics.", body = Stats),
        OfMemory,
    ),
    security((), ("bearerAuth" = [])),
)]
pub(super) async fn stats(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    _: Query<NoParameters>,
) -> Json<Stats> {
    let last_event_id = state.feed.head().filter(|_| caller.visibility == Visibility::Everything);
    Json(Stats { feed: state.feed.stats().into(), limits: state.limits.connection_stats(), last_event_id })
}
