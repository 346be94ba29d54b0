//! `/v1/feeds`: filters that a caller saves under a name, to subscribe by. They hold ten times what a request may name.

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use super::{
    bounds::read_whole,
    caller::CalledBy,
    feed_name::FeedName,
    limits::Turn,
    openapi::{
        FeedInPath, OfFeed, OfFeedBody, OfFeedList, describe_body, list_of_up_to, stream_text, words,
        words::named as word,
    },
    parameters::PathText,
    posted,
    problem::Problem,
    query::{NoParameters, Query, QueryTable, query},
    saved_filter::{self, no_such_filter, owner},
    state::HttpState,
    stream_text::StreamName,
    subscribe_filter::{self, STREAMS, USERS},
    times::date_text,
};
use crate::{
    domain::{Address, StreamKey},
    store::{SavedFilter, SavedFilterSummary, Saving, Share},
};

/// A filter that the index of subscribers can take without anybody noticing.
const MOST_NAMED: usize = 5_000;
/// Of one subject. All users of an account share them.
const MOST_OF_A_HOLDER: u32 = 20;
/// Enough for so many addresses, or streams with their contracts.
const LARGEST_BODY: usize = 400 * 1_024;
/// Whoever has too many must delete one first.
const RETRY_SECONDS: u32 = 60;

query! {
    /// What a saved filter may hold.
    pub(super) SavedFilterRequest {
        ..[
            STREAMS.of_form(|| list_of_up_to(MOST_NAMED, stream_text())),
            USERS.of_form(|| list_of_up_to(MOST_NAMED, word("Address"))),
        ];
    }
}

impl PartialSchema for SavedFilterRequest {
    fn schema() -> RefOr<Schema> {
        let says = "The streams and users of a saved filter: 1 to 5000 in all. Each of them adds events, as in a \\
                    subscription.";
        describe_body(says, Self::declared())
    }
}

impl ToSchema for SavedFilterRequest {}

/// A saved filter.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SavedFilter)]
#[serde(rename_all = "camelCase")]
pub(super) struct SavedFilterView {
    /// What its owner calls it.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$", examples("payroll"))]
    name: String,
    /// Streams, in order.
    #[schema(value_type = Vec<words::StreamName>)]
    streams: Vec<StreamName>,
    /// Senders and recipients, in order.
    #[schema(value_type = Vec<words::Address>)]
    users: Vec<Address>,
    /// When it was saved.
    #[schema(value_type = words::Moment)]
    saved_at: String,
}

/// A saved filter without what it names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SavedFilterSummary)]
#[serde(rename_all = "camelCase")]
pub(super) struct SummaryView {
    /// What its owner calls it.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$", examples("payroll"))]
    name: String,
    /// How many streams it names.
    #[schema(value_type = u64)]
    streams: usize,
    /// How many users it names.
    #[schema(value_type = u64)]
    users: usize,
    /// When it was saved.
    #[schema(value_type = words::Moment)]
    saved_at: String,
}

/// The saved filters of the caller.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SavedFilterList)]
#[serde(rename_all = "camelCase")]
pub(super) struct SavedFilterList {
    /// In the order of their names, at most 20.
    #[schema(inline)]
    feeds: Vec<SummaryView>,
}

/// Saves a filter under a name of the caller's own, in place of an earlier one.
///
/// It is used as `feed=<name>` by subscriptions and tickets. Event streams that are open keep the filter that they were
/// opened with.
#[utoipa::path(
    put,
    path = "/feeds/{name}",
    tag = "events",
    operation_id = "saveFeed",
    params(FeedInPath),
    request_body = SavedFilterRequest,
    responses(
        (status = 200, description = "It took the place of the earlier one.", body = SummaryView),
        (status = 201, description = "There was none of that name.", body = SummaryView),
        OfFeedBody,
    ),
    security(("bearerAuth" = [])),
)]
pub(super) async fn save(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    turn: Turn,
    PathText(name): PathText,
    _: Query<NoParameters>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let owner = owner(&state, &caller)?;
    let name = name_of(&name)?;
    let body = turn.put_aside_for(read_whole(body, LARGEST_BODY)).await?;
    let query = posted::read::<SavedFilterRequest>(&headers, &body)?;
    let (streams, users) = named(&query, &state)?;
    let share = Share { holder: &owner.holder(), most: MOST_OF_A_HOLDER };
    let saving = state.store.primary().save_filter((owner.as_str(), name.as_str()), (&streams, &users), share).await?;
    let (status, saved_at) = match saving {
        Saving::Created(saved_at) => (StatusCode::CREATED, saved_at),
        Saving::Replaced(saved_at) => (StatusCode::OK, saved_at),
        Saving::TooMany => {
            let detail = format!("one subject may have {MOST_OF_A_HOLDER} saved filters; delete one first");
            return Err(Problem::too_many_requests(detail, RETRY_SECONDS));
        }
    };
    let (streams, users) = (streams.len(), users.len());
    let summary = SavedFilterSummary { name: name.to_string(), streams, users, saved_at };
    Ok((status, Json(SummaryView::from(summary))).into_response())
}

impl From<SavedFilterSummary> for SummaryView {
    fn from(summary: SavedFilterSummary) -> Self {
        let SavedFilterSummary { name, streams, users, saved_at } = summary;
        Self { name, streams, users, saved_at: date_text(saved_at) }
    }
}

/// Returns a filter that the caller saved.
#[utoipa::path(
    get,
    path = "/feeds/{name}",
    tag = "events",
    operation_id = "getFeed",
    params(FeedInPath),
    responses((status = 200, description = "The saved filter.", body = SavedFilterView), OfFeed),
    security(("bearerAuth" = [])),
)]
pub(super) async fn get(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    PathText(name): PathText,
    _: Query<NoParameters>,
) -> Result<Json<SavedFilterView>, Problem> {
    let name = name_of(&name)?;
    let SavedFilter { streams, users, saved_at } = saved_filter::find(&state, &caller, &name).await?;
    let streams = streams.iter().map(|(contract_id, id)| StreamName::of(contract_id, *id, &state.contracts)).collect();
    Ok(Json(SavedFilterView { name: name.to_string(), streams, users, saved_at: date_text(saved_at) }))
}

/// Lists the filters that the caller saved.
#[utoipa::path(
    get,
    path = "/feeds",
    tag = "events",
    operation_id = "listFeeds",
    responses((status = 200, description = "The saved filters.", body = SavedFilterList), OfFeedList),
    security(("bearerAuth" = [])),
)]
pub(super) async fn list(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    _: Query<NoParameters>,
) -> Result<Json<SavedFilterList>, Problem> {
    let saved = state.store.primary().saved_filters_of(owner(&state, &caller)?.as_str()).await?;
    Ok(Json(SavedFilterList { feeds: saved.into_iter().map(SummaryView::from).collect() }))
}

/// Deletes a filter that the caller saved. Event streams that are open keep it.
#[utoipa::path(
    delete,
    path = "/feeds/{name}",
    tag = "events",
    operation_id = "deleteFeed",
    params(FeedInPath),
    responses((status = 204, description = "The saved filter is deleted."), OfFeed),
    security(("bearerAuth" = [])),
)]
pub(super) async fn delete(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    PathText(name): PathText,
    _: Query<NoParameters>,
) -> Result<StatusCode, Problem> {
    let (owner, name) = (owner(&state, &caller)?, name_of(&name)?);
    let is_deleted = state.store.primary().delete_saved_filter(owner.as_str(), name.as_str()).await?;
    if is_deleted { Ok(StatusCode::NO_CONTENT) } else { Err(no_such_filter(&name)) }
}

/// Reads what a filter names, each once and in order.
fn named(query: &Query<SavedFilterRequest>, state: &HttpState) -> Result<(Vec<StreamKey>, Vec<Address>), Problem> {
    let (streams, users) = subscribe_filter::named(query, state)?;
    if streams.len() + users.len() > MOST_NAMED {
        let parameter = if streams.len() > users.len() { STREAMS.name() } else { USERS.name() };
        let rule = format!("a saved filter may name at most {MOST_NAMED} streams and users");
        return Err(Problem::parameter(parameter, rule));
    }
    if streams.is_empty() && users.is_empty() {
        return Err(Problem::bad_request("a saved filter must name a stream or a user"));
    }
    Ok((streams.into_iter().collect(), users.into_iter().collect()))
}

fn name_of(text: &str) -> Result<FeedName, Problem> {
    text.parse().map_err(|rule| Problem::parameter("name", format!("{rule}")))
}
