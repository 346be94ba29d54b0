//! `GET /v1/events`, `GET /v1/streams/{id}/events` and `GET /v1/events/stats`.

use axum::{
    Extension, Json,
    extract::{RawQuery, State},
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
    openapi::{EventRow, OfEventList, OfMemory, OfQuery, OfStreamEvents, words},
    paging::{LARGEST_LIMIT, PAGING, PageView, event_cursor, in_epoch, order, page_request},
    parameters::{Parameters, PathText},
    problem::Problem,
    state::HttpState,
    views::EventRowView,
};
use crate::{
    domain::{Epoch, FeedId, LedgerSequence, Visibility},
    store::{EventListFilter, EventPageExtent, PageRequest, PageStart},
};

/// The largest limit of a list as CSV, which is made for files.
const LARGEST_CSV_LIMIT: u32 = 5_000;

/// The parameters of both lists, beside those of paging.
const OF_EVENTS: [&str; 3] = ["type", "fromLedger", "toLedger"];

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
    /// Up to where the feed has seen everything; null for callers who may not see every event.
    #[schema(value_type = Option<words::EventId>)]
    last_event_id: Option<FeedId>,
}

/// Lists events of every stream.
#[utoipa::path(
    get,
    path = "/events",
    tag = "events",
    operation_id = "listEvents",
    params(OfEventList),
    responses(
        (status = 200, description = "A page of events: as CSV for those who prefer `text/csv`, else as JSON.", content(
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
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let known: Vec<&str> = ["contract", "address", "token"].into_iter().chain(OF_EVENTS).chain(PAGING).collect();
    let parameters = Parameters::read(query.as_deref(), &known)?;
    let (address, token) = (parameters.one("address")?, parameters.one("token")?);
    if token.is_some() && address.is_none() {
        return Err(Problem::parameter("token", "narrows the events of an address; name the address as well"));
    }
    let filter = filter(caller.visibility, &parameters)?;
    let contract_id = state.contract(&parameters).await?;
    let filter = EventListFilter { contract_id, address, token, ..filter };
    answer(&state, client, filter, &parameters, &headers).await
}

/// Lists events of one stream. A stream that is not there has none.
#[utoipa::path(
    get,
    path = "/streams/{id}/events",
    tag = "events",
    operation_id = "listStreamEvents",
    params(OfStreamEvents),
    responses(
        (status = 200, description = "A page of events: as CSV for those who prefer `text/csv`, else as JSON.", content(
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
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let known: Vec<&str> = OF_EVENTS.into_iter().chain(PAGING).collect();
    let parameters = Parameters::read(query.as_deref(), &known)?;
    let (contract_id, stream_id) = state.stream_key(&id)?;
    let filter = EventListFilter {
        contract_id: Some(contract_id),
        stream_id: Some(stream_id),
        ..filter(caller.visibility, &parameters)?
    };
    answer(&state, client, filter, &parameters, &headers).await
}

fn filter(visibility: Visibility, parameters: &Parameters<'_>) -> Result<EventListFilter, Problem> {
    let from_ledger: Option<LedgerSequence> = parameters.one("fromLedger")?;
    let to_ledger: Option<LedgerSequence> = parameters.one("toLedger")?;
    if from_ledger.zip(to_ledger).is_some_and(|(from, to)| from > to) {
        return Err(Problem::parameter("toLedger", "must not be below fromLedger; both belong to the range"));
    }
    let types = parameters.list("type")?;
    Ok(EventListFilter {
        types,
        from_ledger,
        to_ledger,
        order: order(parameters)?,
        ..EventListFilter::seen_by(visibility)
    })
}

async fn answer(
    state: &HttpState,
    client: Option<ClientKey>,
    filter: EventListFilter,
    parameters: &Parameters<'_>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let mut response = if csv::is_wanted(headers) {
        as_csv(state, client, filter, parameters).await?
    } else {
        as_json(state, &filter, parameters).await?
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

async fn as_json(
    state: &HttpState,
    filter: &EventListFilter,
    parameters: &Parameters<'_>,
) -> Result<Response, Problem> {
    let epoch = state.feed.epoch();
    let request = page_request(parameters, LARGEST_LIMIT, |text| event_cursor(text, epoch))?;
    let page = state.store.event_page(filter, request).await?;
    let epoch_of_page = same_epoch(&request, epoch, page.items.first().map(|event| event.epoch))?;
    let next_cursor = page.next_cursor.map(|event| FeedId { event, epoch: epoch_of_page }.to_string());
    let view = PageView::of(&page, &request, next_cursor);
    Ok(Json(EventList { events: page.items.into_iter().map(EventRowView).collect(), page: view }).into_response())
}

/// A list as CSV is paid for by its rows, and read from the database as the client reads it.
async fn as_csv(
    state: &HttpState,
    client: Option<ClientKey>,
    filter: EventListFilter,
    parameters: &Parameters<'_>,
) -> Result<Response, Problem> {
    let epoch = state.feed.epoch();
    let request = page_request(parameters, LARGEST_CSV_LIMIT, |text| event_cursor(text, epoch))?;
    let EventPageExtent { rows, last, has_more } = state.store.event_page_extent(&filter, request).await?;
    same_epoch(&request, epoch, last.map(|last| last.epoch))?;
    let cost = state.limits.spend_rows(client, rows)?;
    let next = last.filter(|_| has_more).map(|last| parameters.of_next_page(&last.to_string()));
    let turns = state.limits.turns_of(client);
    let rows = csv::Rows { store: state.store.clone(), filter, start: request.start, last, turns };
    let mut response = csv::answer(rows, next);
    response.extensions_mut().insert(cost);
    Ok(response)
}

/// Returns the epoch of a page. The table may have started over before the feed has heard of it; its rows know their
/// epoch.
fn same_epoch(request: &PageRequest, of_feed: Epoch, of_rows: Option<Epoch>) -> Result<Epoch, Problem> {
    let of_page = of_rows.unwrap_or(of_feed);
    if let PageStart::After(event) = request.start {
        in_epoch(FeedId { event, epoch: of_feed }, of_page)?;
    }
    Ok(of_page)
}

/// Says how many connections there are and what they were sent.
#[utoipa::path(
    get,
    path = "/events/stats",
    tag = "events",
    operation_id = "getEventStats",
    responses(
        (status = 200, description = "What the feed counts.", body = Stats),
        OfMemory,
    ),
    security((), ("bearerAuth" = [])),
)]
pub(super) async fn stats(State(state): State<HttpState>, CalledBy(caller): CalledBy) -> Json<Stats> {
    let last_event_id = state.feed.head().filter(|_| caller.visibility == Visibility::Everything);
    Json(Stats { feed: state.feed.stats().into(), limits: state.limits.connection_stats(), last_event_id })
}
