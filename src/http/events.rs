//! `GET /v1/events`, `GET /v1/streams/{id}/events` and `GET /v1/events/stats`.

use axum::{
    Json,
    extract::{Path, RawQuery, State},
};
use serde::Serialize;

use super::{
    limits::ConnectionStats,
    paging::{PAGING, PageView, page_request},
    parameters::Parameters,
    problem::Problem,
    state::HttpState,
    views::EventRowView,
};
use crate::{domain::FeedId, feed::FeedStats, store::EventListFilter};

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

/// Lists events of every stream, newest first.
pub(super) async fn list(
    State(state): State<HttpState>,
    RawQuery(query): RawQuery,
) -> Result<Json<EventList>, Problem> {
    let known: Vec<&str> = ["address", "type"].into_iter().chain(PAGING).collect();
    let parameters = Parameters::read(query.as_deref(), &known)?;
    let filter = EventListFilter {
        address: parameters.one("address")?,
        types: parameters.list("type")?,
        ..EventListFilter::default()
    };
    page(&state, &filter, &parameters).await
}

/// Lists events of one stream, newest first. A stream that is not there has none.
pub(super) async fn of_stream(
    State(state): State<HttpState>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<EventList>, Problem> {
    let known: Vec<&str> = ["type"].into_iter().chain(PAGING).collect();
    let parameters = Parameters::read(query.as_deref(), &known)?;
    let (contract_id, stream_id) = state.stream_key(&id)?;
    let filter = EventListFilter {
        contract_id: Some(contract_id),
        stream_id: Some(stream_id),
        types: parameters.list("type")?,
        ..EventListFilter::default()
    };
    page(&state, &filter, &parameters).await
}

async fn page(
    state: &HttpState,
    filter: &EventListFilter,
    parameters: &Parameters<'_>,
) -> Result<Json<EventList>, Problem> {
    let request = page_request(parameters, state.feed.epoch())?;
    let page = state.store.event_page(filter, request).await?;
    let view = PageView::of(&page, request, state.feed.epoch());
    Ok(Json(EventList { events: page.items.into_iter().map(EventRowView).collect(), page: view }))
}

/// Says how many connections there are and what they were sent.
pub(super) async fn stats(State(state): State<HttpState>) -> Json<Stats> {
    Json(Stats { feed: state.feed.stats(), limits: state.limits.connection_stats(), last_event_id: state.feed.head() })
}
