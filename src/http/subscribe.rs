//! `GET /v1/events/subscribe`: a subscription as server-sent events (WHATWG HTML 9.2).

use std::{
    convert::Infallible,
    future::{Future, pending},
    pin::Pin,
    time::Duration,
};

use axum::{
    body::Body,
    extract::{Extension, RawQuery, State},
    http::{HeaderMap, HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use tokio::time::{Instant, sleep_until};
use tracing::{error, warn};

use super::{
    accept::Accept,
    caller::{bearer, by_header, by_token},
    limits::{ClientKey, Slot},
    openapi::{LastEventIdHeader, OfSubscription, switch, text_like, words::named},
    parameters::{Switch, Text},
    problem::Problem,
    query::{Parameter, Query, query},
    sse::{
        ConnectedNotice, ExpiredNotice, ExpiredReason, HEARTBEAT, ResetNotice, ResumeNotice, ResumeReason, frame_of,
        id_frame, notice_frame, retry_frame,
    },
    state::HttpState,
    subscribe_filter::{self, FilterQuery},
};
use crate::{
    auth::{Caller, Subject, Token, TokenRefusal},
    domain::{EventFilter, Visibility},
    feed::{Client, LastEventId, Opened, Subscription},
    store::StoreError,
};

/// A quiet subscription's `id:` goes on with the feed at every so many heartbeats.
const HEARTBEATS_AN_ID: u32 = 3;

query! {
    /// The parameters of a subscription.
    pub(super) SubscriptionQuery {
        ..[FilterQuery::declared()];
        LAST_EVENT_ID: Text = Parameter::new(
            "lastEventId",
            "Where to go on, for a first connection. The header wins.",
            || named("ResumeId"),
        );
        TICKET: Text = Parameter::new(
            "ticket",
            "A ticket, for clients that can send no headers. It carries the filter it was made for.",
            || text_like("b0X4nq1rVw3mK7hYp2sT9uCzLd6fGj8eAaQiNoRxEcM").into(),
        );
        TOKEN: Text = Parameter::new(
            "token",
            "A token, only where the operator allows tokens in addresses.",
            || text_like("eyJhbGciOiJIUzI1NiJ9").into(),
        );
        STRICT: Switch = Parameter::new(
            "strict",
            "Whether a stream that the caller sees nothing of is refused with 404. Default: false.",
            switch,
        );
    }
}

/// Opens the stream.
#[utoipa::path(
    get,
    path = "/events/subscribe",
    tag = "events",
    operation_id = "subscribeToEvents",
    params(SubscriptionQuery, LastEventIdHeader),
    responses(
        (
            status = 200,
            description = "Server-sent events, for as long as the client stays. Each frame with data is a \
                           `SubscriptionFrame`; comments are heartbeats, and an `id:` alone is a place to resume from.",
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
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let slot = state.limits.take_slot(client)?;
    let query = match accepts_event_stream(&headers).and_then(|()| Query::read(query.as_deref())) {
        Ok(query) => query,
        Err(problem) => {
            // Whoever is not let in is told nothing else.
            by_header(&state, &headers).await?;
            return Err(problem);
        }
    };
    if method == Method::HEAD {
        // A ticket is not spent on it.
        if query.get(TICKET)?.is_none() {
            by_token(&state, token_of(&state, &headers, &query)?).await?;
        }
        return Ok(event_stream_of(Body::from_stream(stream::empty::<Result<Bytes, Infallible>>())));
    }
    let (caller, filter) = who_and_what(&state, &headers, &query).await?;
    if caller.token.as_ref().zip(state.auth.as_ref()).is_some_and(|(token, auth)| auth.is_over(token)) {
        return Err(TokenRefusal::Expired.into());
    }
    let slot = slot.of_subject(caller.subject().map(Subject::as_str))?;
    let unknown_streams = match subscribe_filter::unknown_streams(&filter, &state).await {
        Err(failure) if failure.is_unavailable() => return Ok(come_back(&state, &failure)),
        unknown_streams => unknown_streams?,
    };
    let is_strict = query.get(STRICT)?;
    if let Some(unknown) = unknown_streams.first().filter(|_| is_strict) {
        return Err(Problem::not_found(format!("there is no stream {unknown}, or it is not yours to see")));
    }
    let last = last_event_id(&headers, query.get(LAST_EVENT_ID)?);
    let opened = match state.feed.subscribe(filter.clone(), last).await {
        Err(failure) if failure.is_unavailable() => return Ok(come_back(&state, &failure)),
        opened => opened?,
    };
    let client_id = state.client_id();
    let subject = caller.subject().map(|subject| subject.as_str().into());
    opened.subscription.introduce(Client { id: client_id.as_str().into(), subject });
    let first = opening(&state, client_id, (&filter, unknown_streams), &opened);
    Ok(event_stream(Connection::new(state, opened.subscription, caller.token, first, slot)))
}

/// Returns who subscribes and to what: by a ticket, by a token in the header, or by one in the address where that is
/// allowed. Who is not let in is told nothing else; what is wrong with the filter is said before a ticket is spent on it.
async fn who_and_what(
    state: &HttpState,
    headers: &HeaderMap,
    query: &Query<SubscriptionQuery>,
) -> Result<(Caller, EventFilter), Problem> {
    if let Some(ticket) = query.get(TICKET)? {
        return by_ticket(state, ticket, query).await;
    }
    let caller = by_token(state, token_of(state, headers, query)?).await?;
    let filter = subscribe_filter::read(query, state, caller.visibility.clone()).await?;
    Ok((caller, filter))
}

async fn by_ticket(
    state: &HttpState,
    ticket: &str,
    query: &Query<SubscriptionQuery>,
) -> Result<(Caller, EventFilter), Problem> {
    let asks_nobody = || TICKET.refuse("this service asks nobody who they are; leave it out");
    let auth = state.auth.as_ref().ok_or_else(asks_nobody)?;
    let is_given = subscribe_filter::is_given(query);
    if is_given {
        subscribe_filter::read(query, state, Visibility::Everything).await?;
    }
    let (caller, made_for) = auth.redeem_ticket(ticket).await?;
    let made_for = Query::<FilterQuery>::read(Some(&made_for))?;
    let made_for = subscribe_filter::read(&made_for, state, caller.visibility.clone()).await?;
    if is_given && subscribe_filter::read(query, state, caller.visibility.clone()).await? != made_for {
        return Err(TokenRefusal::OtherFilter.into());
    }
    Ok((caller, made_for))
}

fn token_of<'a>(
    state: &HttpState,
    headers: &'a HeaderMap,
    query: &'a Query<SubscriptionQuery>,
) -> Result<Option<&'a str>, Problem> {
    let Some(auth) = &state.auth else { return Ok(None) };
    match (bearer(headers)?, query.get(TOKEN)?) {
        (Some(token), _) => Ok(Some(token)),
        (None, Some(token)) if auth.allows_query_token() => Ok(Some(token)),
        (None, Some(_)) => {
            let rule = "is not taken from the address here; send it as Authorization: Bearer, or use a ticket";
            Err(TOKEN.refuse(rule))
        }
        (None, None) => Ok(None),
    }
}

fn accepts_event_stream(headers: &HeaderMap) -> Result<(), Problem> {
    if Accept::of(headers).takes("text/event-stream") {
        return Ok(());
    }
    Err(Problem::not_acceptable("this route answers text/event-stream only"))
}

/// The header wins: on a reconnect the URL still says where the first connection began.
fn last_event_id(headers: &HeaderMap, parameter: Option<&str>) -> LastEventId {
    let header = headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?"));
    match header.or(parameter) {
        None | Some("") => LastEventId::None,
        Some(text) => text.parse().map_or(LastEventId::Malformed, LastEventId::Known),
    }
}

/// What a connection is told first: when to come back, and the filter as it was understood, in one block with data, since
/// a block without any surprises common clients. The `id:` line gives a client that sees no event a place to resume from.
/// With a reset it comes with that: a client that broke off before the reset would otherwise resume from an id that says
/// it was told.
fn opening(
    state: &HttpState,
    client_id: String,
    (filter, unknown_streams): (&EventFilter, Vec<String>),
    opened: &Opened,
) -> Bytes {
    let resume_id = opened.subscription.resume_id();
    let connected = notice_frame(&ConnectedNotice {
        client_id,
        last_event_id: resume_id.map(|id| id.position),
        filter: subscribe_filter::view_of(filter, &state.contracts),
        unknown_streams,
    });
    let retry = Bytes::from(format!("retry: {}\n", state.retry_ms()));
    let id = resume_id.map_or_else(Bytes::new, |id| Bytes::from(format!("id: {id}\n")));
    join(match opened.reset {
        None => vec![retry, id, connected],
        Some(reset) => vec![retry, connected, id, notice_frame(&ResetNotice::from(reset))],
    })
}

/// A browser that is answered anything but 200 never comes back by itself; one whose stream ends comes back with the id
/// it has.
fn come_back(state: &HttpState, failure: &StoreError) -> Response {
    warn!("a subscriber was asked to come back: {failure}");
    event_stream_of(Body::from(farewell(state)))
}

/// Clients must not all return at once.
fn farewell(state: &HttpState) -> Bytes {
    retry_frame(state.retry_ms())
}

fn event_stream(connection: Connection) -> Response {
    let frames = stream::unfold(connection, |mut connection| async move {
        let frames = connection.next().await?;
        Some((Ok::<_, Infallible>(frames), connection))
    });
    event_stream_of(Body::from_stream(frames))
}

fn event_stream_of(body: Body) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

type TokenEnds = Pin<Box<dyn Future<Output = TokenRefusal> + Send>>;

/// One open event stream.
struct Connection {
    state: HttpState,
    subscription: Subscription,
    first: Option<Bytes>,
    heartbeat_at: Instant,
    heartbeats: u32,
    ended: bool,
    /// When the last piece was handed over to be written.
    handed_at: Instant,
    /// Ends when the token does; none without one.
    token_ends: Option<TokenEnds>,
    /// Given back when the stream ends, however it ends.
    _slot: Slot,
}

impl Connection {
    fn new(state: HttpState, subscription: Subscription, token: Option<Token>, first: Bytes, slot: Slot) -> Self {
        Self {
            heartbeat_at: Instant::now() + state.heartbeat,
            token_ends: token_ends(&state, token),
            state,
            subscription,
            first: Some(first),
            heartbeats: 0,
            ended: false,
            handed_at: Instant::now(),
            _slot: slot,
        }
    }

    /// Returns the next piece to write: frames, a heartbeat, or the farewell; then none. It is asked for when the piece
    /// before it is on its way to the client.
    async fn next(&mut self) -> Option<Bytes> {
        let took_too_long = self.handed_at.elapsed() > self.state.write_deadline;
        let piece = if took_too_long && !self.ended { Some(self.let_resume()) } else { self.next_in_turn().await };
        self.handed_at = Instant::now();
        piece
    }

    async fn next_in_turn(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        if self.ended {
            return None;
        }
        let deliveries = tokio::select! {
            biased;
            () = self.state.soft_stop.cancelled() => return Some(self.end()),
            refusal = ended(&mut self.token_ends) => return Some(self.expire(&refusal)),
            deliveries = self.subscription.next() => deliveries,
            () = sleep_until(self.heartbeat_at) => return Some(self.heartbeat()),
        };
        match deliveries {
            Ok(deliveries) => {
                self.heartbeat_in(self.state.heartbeat);
                self.heartbeats = 0;
                let slot = self.state.sse_slot;
                Some(join(deliveries.iter().map(|delivery| frame_of(delivery, slot)).collect()))
            }
            Err(failure) => {
                error!("an event stream was ended: {failure}");
                Some(self.end())
            }
        }
    }

    fn heartbeat_in(&mut self, heartbeat: Duration) {
        self.heartbeat_at = Instant::now() + heartbeat;
    }

    fn heartbeat(&mut self) -> Bytes {
        self.heartbeat_in(self.state.heartbeat);
        self.heartbeats += 1;
        if !self.heartbeats.is_multiple_of(HEARTBEATS_AN_ID) {
            return HEARTBEAT;
        }
        self.subscription.advance_if_quiet();
        self.subscription.resume_id().map_or(HEARTBEAT, id_frame)
    }

    /// Where the token ended the stream ends: who has another one comes back with the last id.
    fn expire(&mut self, refusal: &TokenRefusal) -> Bytes {
        let is_revoked = *refusal == TokenRefusal::Revoked;
        let reason = if is_revoked { ExpiredReason::Revoked } else { ExpiredReason::Expired };
        join(vec![notice_frame(&ExpiredNotice { reason }), self.end()])
    }

    /// A client that took nothing for as long as that, and takes something again, begins anew where it was: what it
    /// would be sent next is long past.
    fn let_resume(&mut self) -> Bytes {
        self.first = None;
        join(vec![notice_frame(&ResumeNotice { reason: ResumeReason::Slow }), self.end()])
    }

    fn end(&mut self) -> Bytes {
        self.ended = true;
        farewell(&self.state)
    }
}

fn token_ends(state: &HttpState, token: Option<Token>) -> Option<TokenEnds> {
    let (auth, token) = (state.auth.clone()?, token?);
    Some(Box::pin(async move { auth.ended(&token).await }))
}

async fn ended(token_ends: &mut Option<TokenEnds>) -> TokenRefusal {
    match token_ends {
        Some(token_ends) => token_ends.await,
        None => pending().await,
    }
}

fn join(frames: Vec<Bytes>) -> Bytes {
    let mut frames = frames;
    if frames.len() == 1
        && let Some(frame) = frames.pop()
    {
        return frame;
    }
    let mut joined = BytesMut::with_capacity(frames.iter().map(Bytes::len).sum());
    for frame in frames {
        joined.extend_from_slice(&frame);
    }
    joined.freeze()
}
