//! `/v1/events/subscribe`: a subscription as server-sent events (WHATWG HTML 9.2). `POST` is for filters that no URL has
//! room for.

use axum::{
    body::{Body, Bytes},
    extract::{Extension, RawQuery, State},
    http::{HeaderMap, Method},
    response::Response,
};
use tracing::warn;

use super::{
    accept::Accept,
    event_stream::{Admission, empty_event_stream, event_stream, event_stream_of, farewell},
    limits::{ClientKey, Slot, Turn},
    openapi::{LastEventIdHeader, OfSubscription, OfSubscriptionBody},
    posted,
    problem::Problem,
    query::Query,
    state::HttpState,
    subscribe_filter::{self, Wanted},
    subscriber::{LAST_EVENT_ID, STRICT, SubscriptionQuery, SubscriptionRequest, TICKET, check_caller, who_and_what},
};
use crate::{
    auth::{Caller, Subject, TicketRefusal, TokenRefusal},
    domain::EventFilter,
    feed::LastEventId,
    store::StoreError,
};

/// Opens an event stream.
#[utoipa::path(
    get,
    path = "/events/subscribe",
    tag = "events",
    operation_id = "subscribeToEvents",
    params(SubscriptionQuery, LastEventIdHeader),
    responses(
        (
            status = 200,
            description = "Server-sent events, until the client leaves. Each frame with data is a `SubscriptionFrame`; \
                           comments are heartbeats; an `id:` without data is a position to resume from.",
            body = String,
            content_type = "text/event-stream",
            headers(("Cache-Control")),
        ),
        OfSubscription,
    ),
    security((), ("bearerAuth" = []), ("ticket" = [])),
)]
pub(super) async fn subscribe(
    State(state): State<HttpState>,
    Extension(client): Extension<Option<ClientKey>>,
    turn: Turn,
    RawQuery(url): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Query::read(url.as_deref());
    open_or_refuse(&state, Request { client, turn, url, headers, is_head: method == Method::HEAD }, query).await
}

/// Opens an event stream. The parameters may be in the body, as JSON, or in the URL.
///
/// A parameter that may be given only once may be in one of them, and lists in both add up. The filter of a ticket is its
/// own, as for `GET`.
#[utoipa::path(
    post,
    path = "/events/subscribe",
    tag = "events",
    operation_id = "subscribeToPostedFilter",
    params(SubscriptionQuery, LastEventIdHeader),
    request_body = SubscriptionRequest,
    responses(
        (
            status = 200,
            description = "The same event stream as for `GET`.",
            body = String,
            content_type = "text/event-stream",
            headers(("Cache-Control")),
        ),
        OfSubscriptionBody,
    ),
    security((), ("bearerAuth" = []), ("ticket" = [])),
)]
pub(super) async fn subscribe_to_posted(
    State(state): State<HttpState>,
    Extension(client): Extension<Option<ClientKey>>,
    turn: Turn,
    RawQuery(url): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let query = Query::read(url.as_deref())
        .and_then(|query| Ok(query.joined_by(posted::read::<SubscriptionRequest>(&headers, &body)?)));
    open_or_refuse(&state, Request { client, turn, url, headers, is_head: false }, query).await
}

/// A request for a subscription, without its body.
struct Request {
    client: Option<ClientKey>,
    turn: Turn,
    /// The query of the URL.
    url: Option<String>,
    headers: HeaderMap,
    is_head: bool,
}

async fn open_or_refuse(
    state: &HttpState,
    request: Request,
    query: Result<Query<SubscriptionQuery>, Problem>,
) -> Result<Response, Problem> {
    let Request { client, turn, url, headers, is_head } = request;
    let slot = state.limits.take_slot(client)?;
    let query = match accepts_event_stream(&headers).and(query) {
        Ok(read) => read,
        Err(problem) => {
            // A caller who is refused learns nothing else.
            check_caller(state, &headers, &Query::read_leniently(url.as_deref()), &turn).await?;
            return Err(problem);
        }
    };
    let (caller, wanted) = who_and_what(state, &headers, &query, &turn).await?;
    if caller.token.as_ref().zip(state.auth.as_ref()).is_some_and(|(token, auth)| auth.is_over(token)) {
        return Err(TokenRefusal::Expired.into());
    }
    if is_head {
        return match unknown_streams(state, &query, &wanted.filter()).await {
            Err(NotOpened::Refused(problem)) => Err(problem),
            Ok(_) | Err(NotOpened::ComeBack(_)) => Ok(empty_event_stream()),
        };
    }
    let slot = slot.of_holder(caller.subject().map(Subject::holder).as_deref())?;
    let last = last_event_id(&headers, query.get(LAST_EVENT_ID)?);
    match open(state, &query, (caller, wanted), last, slot).await {
        Ok(stream) => Ok(stream),
        Err(NotOpened::Refused(problem)) => Err(problem),
        Err(NotOpened::ComeBack(failure)) => Ok(come_back(state, &failure)),
    }
}

/// Why a subscription is not opened.
enum NotOpened {
    Refused(Problem),
    /// The database is away.
    ComeBack(StoreError),
}

impl From<StoreError> for NotOpened {
    fn from(failure: StoreError) -> Self {
        let may_pass = failure.is_unavailable() && !failure.is_lack_of_rights();
        if may_pass { Self::ComeBack(failure) } else { Self::Refused(failure.into()) }
    }
}

impl From<TicketRefusal> for NotOpened {
    fn from(refusal: TicketRefusal) -> Self {
        match refusal {
            TicketRefusal::Token(refusal) => Self::Refused(refusal.into()),
            TicketRefusal::Store(failure) => failure.into(),
        }
    }
}

impl From<Problem> for NotOpened {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

/// Opens the event stream of a caller. Whatever may refuse it comes before its ticket is spent.
async fn open(
    state: &HttpState,
    query: &Query<SubscriptionQuery>,
    (caller, wanted): (Caller, Wanted),
    last: LastEventId,
    slot: Slot,
) -> Result<Response, NotOpened> {
    let filter = wanted.filter();
    let unknown_streams = unknown_streams(state, query, &filter).await?;
    let opened = state.feed.subscribe(filter, last).await?;
    if let Some(ticket) = query.get(TICKET)? {
        state.tickets().spend(ticket).await?;
    }
    Ok(event_stream(state.clone(), opened, Admission { caller, wanted, unknown_streams, slot }))
}

/// Returns the streams of a filter that its caller sees nothing of; a strict subscription is refused for the first.
async fn unknown_streams(
    state: &HttpState,
    query: &Query<SubscriptionQuery>,
    filter: &EventFilter,
) -> Result<Vec<String>, NotOpened> {
    let unknown_streams = subscribe_filter::unknown_streams(filter, state).await?;
    let is_strict = query.get(STRICT)?;
    if let Some(unknown) = unknown_streams.first().filter(|_| is_strict) {
        return Err(Problem::not_found(format!("there is no stream {unknown}, or it is not yours to see")).into());
    }
    Ok(unknown_streams)
}

fn accepts_event_stream(headers: &HeaderMap) -> Result<(), Problem> {
    if Accept::of(headers).takes("text/event-stream") {
        return Ok(());
    }
    Err(Problem::not_acceptable("this route answers only with text/event-stream"))
}

/// The header takes precedence: on a reconnect the URL still says where the first connection started. An empty one says
/// nothing, and then that start still holds.
fn last_event_id(headers: &HeaderMap, parameter: Option<&str>) -> LastEventId {
    let header = headers.get_all("last-event-id").iter().find(|value| !value.is_empty());
    let header = header.map(|value| value.to_str().unwrap_or("?"));
    match header.or(parameter) {
        None | Some("") => LastEventId::None,
        Some(text) => text.parse().map_or(LastEventId::Malformed, LastEventId::Known),
    }
}

/// A browser never reconnects after any answer other than 200. If its stream ends, it reconnects with the id that it
/// has.
fn come_back(state: &HttpState, failure: &StoreError) -> Response {
    warn!("a subscriber was asked to reconnect: {failure}");
    event_stream_of(Body::from(farewell(state)))
}
