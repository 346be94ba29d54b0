//! `GET /v1/streams` and `GET /v1/streams/{id}`.

use axum::{
    Json,
    extract::{Extension, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use super::{
    caller::CalledBy,
    chain::{self, ChainStreamView},
    etag::EntityTag,
    limits::{ClientKey, RowsCost, Turn},
    openapi::{
        EventRow, IfNoneMatch, OfOneOrChain, OfQuery, StreamInPath, any_time, text_like,
        words::{named, one_of},
    },
    paging::{CURSOR, LARGEST_LIMIT, LIMIT, OFFSET, ORDER, PageView, order, page_request, rows_of_page},
    parameters::{One, PathText, Text},
    problem::Problem,
    query::{Parameter, Query, query},
    state::{CONTRACT, HttpState, time_of},
    stream_order::{SortWord, StreamOrder},
    views::{EventRowView, StreamView},
};
use crate::{
    auth::Caller,
    domain::{Address, ContractId, FeedId, StreamId, StreamRecord, StreamStatus, UnixTime, Visibility},
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
    /// Its latest events that the caller may see, newest first.
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

query! {
    /// The parameters of a list of streams.
    pub(super) StreamListQuery {
        ..[CONTRACT];
        SENDER: One<Address> = Parameter::new("sender", "Only streams of this sender.", || named("Address"));
        RECIPIENT: One<Address> = Parameter::new("recipient", "Only streams of this recipient.", || named("Address"));
        USER: One<Address> =
            Parameter::new("user", "Only streams that this address sends or receives.", || named("Address"));
        TOKEN: One<Address> = Parameter::new("token", "Only streams of this token.", || named("Address"));
        STATUS: One<StreamStatus> = Parameter::new(
            "status",
            "Only streams in this state as of the close of the last whole ledger.",
            || named("StreamStatus"),
        );
        ENDS_BEFORE: One<UnixTime> = Parameter::new("endsBefore", "Only streams that end before this time.", any_time);
        SORT: One<SortWord> = Parameter::new("sort", "What to sort by.", || {
            one_of("What to sort by.", SortWord::all()).default(Some(Value::from("createdAt"))).into()
        });
        ..[
            LIMIT,
            OFFSET,
            CURSOR.of_form(cursor_form),
            ORDER.saying("The order of `sort`: largest first (`desc`) or smallest first (`asc`)."),
        ];
    }
}

fn cursor_form() -> RefOr<Schema> {
    text_like("Y3JlYXRlZEF0IGRlc2MgLSAwMDAyMjYxNjM0MDk4NTM2NDQ4LTAwMDAwMDAwMDI").into()
}

/// Lists streams, by default the most recently created first.
#[utoipa::path(
    get,
    path = "/streams",
    tag = "streams",
    operation_id = "listStreams",
    params(StreamListQuery),
    responses(
        (status = 200, description = "A page of streams.", body = StreamList),
        OfQuery,
    ),
    security((), ("bearerAuth" = [])),
)]
pub(super) async fn list(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    Extension(client): Extension<Option<ClientKey>>,
    query: Query<StreamListQuery>,
) -> Result<(Extension<RowsCost>, Json<StreamList>), Problem> {
    let sort = query.get(SORT)?.map_or_else(StreamSort::default, |word| word.0);
    let order = StreamOrder { sort, order: order(&query)?, epoch: state.feed.epoch() };
    let request = page_request(&query, LARGEST_LIMIT, |text| order.read(text))?;
    let cost = state.limits.spend_rows(client, rows_of_page(&request, request.limit))?;
    let status = query.get(STATUS)?;
    let filter = StreamListFilter {
        visibility: caller.visibility,
        contract_id: None,
        sender: query.get(SENDER)?,
        recipient: query.get(RECIPIENT)?,
        user: query.get(USER)?,
        token: query.get(TOKEN)?,
        ends_before: query.get(ENDS_BEFORE)?,
        status: None,
        sort,
        order: order.order,
    };
    let contract_id = state.contract(&query).await?;
    let now = state.now().await?;
    let filter = StreamListFilter { contract_id, status: status.map(|status| (status, now)), ..filter };
    let page = state.store.stream_page(&filter, request).await?;
    let view = PageView::of(&page, &request, page.next_cursor.map(|cursor| order.write(cursor)));
    let data = page.items.into_iter().map(|record| StreamView::at(record, now, &state.contracts)).collect();
    Ok((Extension(cost), Json(StreamList { data, page: view })))
}

/// Where a stream's record is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RecordSource {
    Index,
    Chain,
}

query! {
    /// The parameters of one stream.
    pub(super) StreamQuery {
        SOURCE: Text = Parameter::new(
            "source",
            "Where to read: the index, or the contract's own record on chain, fetched on demand.",
            || one_of("Where to read.", ["index", "chain"]).default(Some(Value::from("index"))).into(),
        );
    }
}

/// Returns one stream with its latest events, or the chain's own record of it.
#[utoipa::path(
    get,
    path = "/streams/{id}",
    tag = "streams",
    operation_id = "getStream",
    params(StreamInPath, StreamQuery, IfNoneMatch),
    responses(
        (
            status = 200,
            description = "The stream, or with `source=chain` the contract's own record, which has no `ETag`.",
            body = inline(StreamAnswer),
            headers(("ETag"), ("Cache-Control")),
        ),
        (status = 304, description = "The client already has the current state.", headers(("ETag"), ("Cache-Control"))),
        OfOneOrChain,
    ),
    security((), ("bearerAuth" = [])),
)]
pub(super) async fn get(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    Extension(client): Extension<Option<ClientKey>>,
    turn: Turn,
    PathText(id): PathText,
    headers: HeaderMap,
    query: Query<StreamQuery>,
) -> Result<Response, Problem> {
    let source = record_source(&query)?;
    let (contract_id, stream_id) = state.stream_key(&id)?;
    Ok(match source {
        RecordSource::Index => of_index(&state, &caller, contract_id, stream_id, &headers).await?,
        RecordSource::Chain => {
            chain::stream(&state, &caller, (client, &turn), (contract_id, stream_id)).await?.into_response()
        }
    })
}

fn record_source(query: &Query<StreamQuery>) -> Result<RecordSource, Problem> {
    match query.get(SOURCE)? {
        None | Some("index") => Ok(RecordSource::Index),
        Some("chain") => Ok(RecordSource::Chain),
        Some(_) => Err(SOURCE.refuse("is index, which is the default, or chain")),
    }
}

/// The tag is of everything that the answer is made of: the events of the stream, repairs, checks, the time, and who sees
/// which of the events.
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
    let checked = record.checked_at_ledger.unwrap_or_default();
    let seen_by = match &caller.visibility {
        Visibility::Party(party) => party.as_str(),
        Visibility::Everything | Visibility::Nothing => "all",
    };
    let tag = EntityTag::of(&[&FeedId { event: record.last_event, epoch }, &revision, &checked, &now, &seen_by]);
    let mut response = if tag.is_known(headers) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        with_events(state, caller, record, now).await?.into_response()
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
    let seen = record.filter(|record| caller.visibility.shows(record.parties()));
    seen.ok_or_else(|| Problem::not_found(format!("there is no stream {stream_id}")))
}

async fn with_events(
    state: &HttpState,
    caller: &Caller,
    record: StreamRecord,
    now: UnixTime,
) -> Result<Json<StreamWithEvents>, Problem> {
    let (contract_id, stream_id) = (&record.contract_id, record.stream_id);
    let events = state.store.latest_events(contract_id, stream_id, &caller.visibility, LATEST_EVENTS).await?;
    let stream = StreamView::at(record, now, &state.contracts);
    Ok(Json(StreamWithEvents { stream, events: events.into_iter().map(EventRowView).collect() }))
}
