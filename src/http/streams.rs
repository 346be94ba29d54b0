//! `GET /v1/streams` and `GET /v1/streams/{id}`.

use axum::{
    Json,
    extract::{Extension, RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    caller::CalledBy,
    chain::{self, ChainStreamView},
    etag::EntityTag,
    limits::ClientKey,
    openapi::{EventRow, OfOneOrChain, OfQuery, OfStream, OfStreamList},
    paging::{LARGEST_LIMIT, PAGING, PageView, order, page_request},
    parameters::{Parameters, PathText},
    problem::Problem,
    state::{HttpState, time_of},
    stream_order::{SortWord, StreamOrder},
    views::{EventRowView, StreamView},
};
use crate::{
    auth::Caller,
    domain::{ContractId, FeedId, StreamId, StreamRecord, StreamStatus, UnixTime},
    store::{RecordInTime, StreamListFilter, StreamSort},
};

const LATEST_EVENTS: u32 = 10;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StreamList {
    /// The streams.
    data: Vec<StreamView>,
    #[serde(flatten)]
    page: PageView,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StreamWithEvents {
    #[serde(flatten)]
    stream: StreamView,
    /// Its latest events, the newest first.
    #[schema(value_type = Vec<EventRow>)]
    events: Vec<EventRowView>,
}

/// What a stream is answered by, told apart by `source`.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "described, never made")]
enum StreamAnswer {
    OfIndex(StreamWithEvents),
    OfChain(ChainStreamView),
}

const KNOWN: [&str; 8] = ["contract", "sender", "recipient", "user", "token", "status", "endsBefore", "sort"];

/// Lists streams, the last created first unless told otherwise.
#[utoipa::path(
    get,
    path = "/streams",
    tag = "streams",
    operation_id = "listStreams",
    params(OfStreamList),
    responses(
        (status = 200, description = "A page of streams.", body = StreamList),
        OfQuery,
    ),
    security((), ("bearerAuth" = [])),
)]
pub(super) async fn list(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    RawQuery(query): RawQuery,
) -> Result<Json<StreamList>, Problem> {
    let known: Vec<&str> = KNOWN.into_iter().chain(PAGING).collect();
    let parameters = Parameters::read(query.as_deref(), &known)?;
    let sort = parameters.one::<SortWord>("sort")?.map_or_else(StreamSort::default, |word| word.0);
    let order = StreamOrder { sort, order: order(&parameters)?, epoch: state.feed.epoch() };
    let request = page_request(&parameters, LARGEST_LIMIT, |text| order.read(text))?;
    let status: Option<StreamStatus> = parameters.one("status")?;
    let filter = StreamListFilter {
        visibility: caller.visibility,
        contract_id: None,
        sender: parameters.one("sender")?,
        recipient: parameters.one("recipient")?,
        user: parameters.one("user")?,
        token: parameters.one("token")?,
        ends_before: parameters.one("endsBefore")?,
        status: None,
        sort,
        order: order.order,
    };
    let contract_id = state.contract(&parameters).await?;
    let now = state.now().await?;
    let filter = StreamListFilter { contract_id, status: status.map(|status| (status, now)), ..filter };
    let page = state.store.stream_page(&filter, request).await?;
    let view = PageView::of(&page, &request, page.next_cursor.map(|cursor| order.write(cursor)));
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
#[utoipa::path(
    get,
    path = "/streams/{id}",
    tag = "streams",
    operation_id = "getStream",
    params(OfStream),
    responses(
        (
            status = 200,
            description = "The stream, or with `source=chain` the contract's own record, which has no `ETag`.",
            body = inline(StreamAnswer),
            headers(("ETag"), ("Cache-Control")),
        ),
        (status = 304, description = "The client has the current state.", headers(("ETag"), ("Cache-Control"))),
        OfOneOrChain,
    ),
    security((), ("bearerAuth" = [])),
)]
pub(super) async fn get(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    Extension(client): Extension<Option<ClientKey>>,
    PathText(id): PathText,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let source = record_source(query.as_deref())?;
    let (contract_id, stream_id) = state.stream_key(&id)?;
    Ok(match source {
        RecordSource::Index => of_index(&state, &caller, contract_id, stream_id, &headers).await?,
        RecordSource::Chain => chain::stream(&state, &caller, client, (contract_id, stream_id)).await?.into_response(),
    })
}

fn record_source(query: Option<&str>) -> Result<RecordSource, Problem> {
    match Parameters::read(query, &["source"])?.text("source")? {
        None | Some("index") => Ok(RecordSource::Index),
        Some("chain") => Ok(RecordSource::Chain),
        Some(_) => Err(Problem::parameter("source", "is index, which is the default, or chain")),
    }
}

/// The tag is of everything that the answer is made of: the events of the stream, repairs, and the time.
async fn of_index(
    state: &HttpState,
    caller: &Caller,
    contract_id: ContractId,
    stream_id: StreamId,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let RecordInTime { epoch, revision, closed_at, record } =
        state.store.record_in_time(&contract_id, stream_id).await?;
    let now = time_of(closed_at);
    let record = seen(caller, record, stream_id)?;
    let tag = EntityTag::of(&[&FeedId { event: record.last_event, epoch }, &revision, &now]);
    let mut response = if tag.is_known(headers) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        with_events(state, record, now).await?.into_response()
    };
    tag.write(response.headers_mut());
    Ok(response)
}

/// Returns a stream's record. One that the caller may not see is answered like one that is not there.
pub(super) async fn seen_stream(
    state: &HttpState,
    caller: &Caller,
    contract_id: &ContractId,
    stream_id: StreamId,
) -> Result<StreamRecord, Problem> {
    seen(caller, state.store.stream(contract_id, stream_id).await?, stream_id)
}

fn seen(caller: &Caller, record: Option<StreamRecord>, stream_id: StreamId) -> Result<StreamRecord, Problem> {
    let seen = record.filter(|record| caller.visibility.shows(Some(&record.sender), Some(&record.recipient)));
    seen.ok_or_else(|| Problem::not_found(format!("there is no stream {stream_id}")))
}

async fn with_events(
    state: &HttpState,
    record: StreamRecord,
    now: UnixTime,
) -> Result<Json<StreamWithEvents>, Problem> {
    let events = state.store.latest_events(&record.contract_id, record.stream_id, LATEST_EVENTS).await?;
    let stream = StreamView::at(record, now);
    Ok(Json(StreamWithEvents { stream, events: events.into_iter().map(EventRowView).collect() }))
}
