//! `GET /v1/events`, `GET /v1/streams/{id}/events` and `GET /v1/events/stats`.

use axum::{
    Json,
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{
    csv,
    limits::ConnectionStats,
    paging::{LARGEST_LIMIT, PAGING, PageView, event_cursor, order, page_request},
    parameters::{Parameters, PathText},
    problem::Problem,
    state::HttpState,
    views::EventRowView,
};
use crate::{
    domain::{FeedId, LedgerSequence},
    feed::FeedStats,
    store::EventListFilter,
};

/// The largest limit of a list as CSV, which is made for files.
const LARGEST_CSV_LIMIT: u32 = 5_000;

/// The parameters of both lists, beside those of paging.
const OF_EVENTS: [&str; 3] = ["type", "fromLedger", "toLedger"];

#[derive(Debug, Serialize)]
pub(super) struct EventList {
    events: Vec<EventRowView>,
    #[serde(flatten)]
    page: PageView,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stats {
    #[serde(flatten)]
    feed: FeedStats,
    limits: ConnectionStats,
    last_event_id: Option<FeedId>,
}

/// Lists events of every stream.
pub(super) async fn list(
    State(state): State<HttpState>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let known: Vec<&str> = ["contract", "address", "token"].into_iter().chain(OF_EVENTS).chain(PAGING).collect();
    let parameters = Parameters::read(query.as_deref(), &known)?;
    let (address, token) = (parameters.one("address")?, parameters.one("token")?);
    if token.is_some() && address.is_none() {
        return Err(Problem::parameter("token", "narrows the events of an address; name the address as well"));
    }
    let filter = filter(&parameters)?;
    let contract_id = state.contract(&parameters).await?;
    let filter = EventListFilter { contract_id, address, token, ..filter };
    answer(&state, &filter, &parameters, &headers).await
}

/// Lists events of one stream. A stream that is not there has none.
pub(super) async fn of_stream(
    State(state): State<HttpState>,
    PathText(id): PathText,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let known: Vec<&str> = OF_EVENTS.into_iter().chain(PAGING).collect();
    let parameters = Parameters::read(query.as_deref(), &known)?;
    let (contract_id, stream_id) = state.stream_key(&id)?;
    let filter = EventListFilter { contract_id: Some(contract_id), stream_id: Some(stream_id), ..filter(&parameters)? };
    answer(&state, &filter, &parameters, &headers).await
}

fn filter(parameters: &Parameters<'_>) -> Result<EventListFilter, Problem> {
    let from_ledger: Option<LedgerSequence> = parameters.one("fromLedger")?;
    let to_ledger: Option<LedgerSequence> = parameters.one("toLedger")?;
    if from_ledger.zip(to_ledger).is_some_and(|(from, to)| from > to) {
        return Err(Problem::parameter("toLedger", "must not be below fromLedger; both belong to the range"));
    }
    let types = parameters.list("type")?;
    Ok(EventListFilter { types, from_ledger, to_ledger, order: order(parameters)?, ..EventListFilter::default() })
}

async fn answer(
    state: &HttpState,
    filter: &EventListFilter,
    parameters: &Parameters<'_>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let (epoch, as_csv) = (state.feed.epoch(), csv::is_wanted(headers));
    let largest_limit = if as_csv { LARGEST_CSV_LIMIT } else { LARGEST_LIMIT };
    let request = page_request(parameters, largest_limit, |text| event_cursor(text, epoch))?;
    let page = state.store.event_page(filter, request).await?;
    let next_cursor = page.next_cursor.map(|event| FeedId { event, epoch }.to_string());
    let mut response = if as_csv {
        csv::answer(&page.items, next_cursor.map(|cursor| parameters.of_next_page(&cursor)))
    } else {
        let view = PageView::of(&page, &request, next_cursor);
        Json(EventList { events: page.items.into_iter().map(EventRowView).collect(), page: view }).into_response()
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// Says how many connections there are and what they were sent.
pub(super) async fn stats(State(state): State<HttpState>) -> Json<Stats> {
    Json(Stats { feed: state.feed.stats(), limits: state.limits.connection_stats(), last_event_id: state.feed.head() })
}
