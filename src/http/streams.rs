//! `GET /v1/streams` and `GET /v1/streams/{id}`.

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{
    chain,
    paging::{PAGING, PageView, page_request},
    parameters::Parameters,
    problem::Problem,
    state::HttpState,
    views::{EventRowView, StreamView},
};
use crate::{
    domain::{ContractId, StreamId, UnixTime},
    store::{EventListFilter, PageRequest, PageStart, StreamListFilter},
};

const LATEST_EVENTS: u32 = 10;

#[derive(Debug, Serialize)]
pub(super) struct StreamList {
    data: Vec<StreamView>,
    #[serde(flatten)]
    page: PageView,
}

#[derive(Debug, Serialize)]
pub(super) struct StreamWithEvents {
    #[serde(flatten)]
    stream: StreamView,
    events: Vec<EventRowView>,
}

/// Lists streams, the last created first.
pub(super) async fn list(
    State(state): State<HttpState>,
    RawQuery(query): RawQuery,
) -> Result<Json<StreamList>, Problem> {
    let known: Vec<&str> = ["sender", "recipient", "user", "token"].into_iter().chain(PAGING).collect();
    let parameters = Parameters::read(query.as_deref(), &known)?;
    let filter = StreamListFilter {
        sender: parameters.one("sender")?,
        recipient: parameters.one("recipient")?,
        user: parameters.one("user")?,
        token: parameters.one("token")?,
    };
    let request = page_request(&parameters, state.feed.epoch())?;
    let now = now(&state).await?;
    let page = state.store.stream_page(&filter, request).await?;
    let view = PageView::of(&page, request, state.feed.epoch());
    let data = page.items.into_iter().map(|record| StreamView::at(record, now)).collect();
    Ok(Json(StreamList { data, page: view }))
}

/// Where a stream's record is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RecordSource {
    Index,
    Chain,
}

/// Returns one stream with its latest events, or as the chain has it.
pub(super) async fn get(
    State(state): State<HttpState>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let source = record_source(query.as_deref())?;
    let (contract_id, stream_id) = state.stream_key(&id)?;
    Ok(match source {
        RecordSource::Index => of_index(&state, contract_id, stream_id).await?.into_response(),
        RecordSource::Chain => chain::stream(&state, contract_id, stream_id).await?.into_response(),
    })
}

fn record_source(query: Option<&str>) -> Result<RecordSource, Problem> {
    match Parameters::read(query, &["source"])?.text("source")? {
        None | Some("index") => Ok(RecordSource::Index),
        Some("chain") => Ok(RecordSource::Chain),
        Some(_) => Err(Problem::parameter("source", "is index, which is the default, or chain")),
    }
}

async fn of_index(
    state: &HttpState,
    contract_id: ContractId,
    stream_id: StreamId,
) -> Result<Json<StreamWithEvents>, Problem> {
    let now = now(state).await?;
    let record = state.store.stream(&contract_id, stream_id).await?;
    let record = record.ok_or_else(|| Problem::not_found(format!("there is no stream {stream_id}")))?;
    let filter =
        EventListFilter { contract_id: Some(contract_id), stream_id: Some(stream_id), ..EventListFilter::default() };
    let request = PageRequest { limit: LATEST_EVENTS, start: PageStart::Offset(0) };
    let events = state.store.event_page(&filter, request).await?.items;
    let stream = StreamView::at(record, now);
    Ok(Json(StreamWithEvents { stream, events: events.into_iter().map(EventRowView).collect() }))
}

/// "Now" is the close time of the last whole ledger; the wall clock would count money that the chain has not. It is read
/// before the records: a record that is newer by then has less to claim at that time, never more.
async fn now(state: &HttpState) -> Result<UnixTime, Problem> {
    let progress = state.store.progress(&state.contract_id).await?;
    let closed_at = progress.and_then(|progress| progress.last_whole_ledger_closed_at);
    Ok(closed_at.map_or(UnixTime(0), UnixTime::of_close))
}
