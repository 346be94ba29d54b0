//! `GET /v1/events/subscribe`: a subscription as server-sent events (WHATWG HTML 9.2).

use std::{convert::Infallible, fmt::Write, time::Duration};

use axum::{
    body::Body,
    extract::{Extension, RawQuery, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use serde::Serialize;
use tokio::time::{Instant, sleep_until};
use tracing::{error, warn};

use super::{
    limits::{ClientKey, Slot},
    parameters::Parameters,
    problem::Problem,
    state::HttpState,
    subscribe_filter::{self, FILTER, FilterView},
};
use crate::{
    domain::FeedId,
    feed::{LastEventId, Opened, Subscription, notice_frame},
    store::{EventAtoms, StoreError},
};

const HEARTBEAT: &[u8] = b": heartbeat\n\n";
/// A quiet subscription's `id:` goes on with the feed at every so many heartbeats.
const HEARTBEATS_AN_ID: u32 = 3;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Connected<'a> {
    client_id: String,
    last_event_id: Option<FeedId>,
    filter: FilterView<'a>,
}

/// Opens the stream.
pub(super) async fn subscribe(
    State(state): State<HttpState>,
    Extension(client): Extension<Option<ClientKey>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let slot = state.limits.take_slot(client)?;
    accepts_event_stream(&headers)?;
    let known: Vec<&str> = FILTER.into_iter().chain(["lastEventId"]).collect();
    let parameters = Parameters::read(query.as_deref(), &known)?;
    let atoms = subscribe_filter::read(&parameters, &state).await?;
    let last = last_event_id(&headers, parameters.text("lastEventId")?);
    let opened = match state.feed.subscribe(atoms.clone(), last).await {
        Err(failure) if failure.is_unavailable() => return Ok(come_back(&state, &failure)),
        opened => opened?,
    };
    let first = opening(&state, &atoms, &opened);
    Ok(event_stream(Connection::new(state, opened.subscription, first, slot)))
}

/// A client that names formats must accept ours; one that names none takes what it gets.
fn accepts_event_stream(headers: &HeaderMap) -> Result<(), Problem> {
    let accepted: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let fits =
        |range: &str| ["text/event-stream", "text/*", "*/*"].contains(&range.split(';').next().map_or("", str::trim));
    if accepted.is_empty() || accepted.iter().flat_map(|value| value.split(',')).any(fits) {
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

/// What a connection is told first. The comment makes proxies pass the head on; the `id:` line gives a client that
/// sees no event a place to resume from.
fn opening(state: &HttpState, atoms: &EventAtoms, opened: &Opened) -> Bytes {
    let position = opened.subscription.position();
    let connected = Connected {
        client_id: state.client_id(),
        last_event_id: position,
        filter: FilterView::of(atoms, &state.contracts),
    };
    let mut text = format!(": flowfi-indexer\nretry: {}\n\n", state.retry_ms());
    if let Some(position) = position {
        writeln!(text, "id: {position}").expect("a String grows");
    }
    let mut frames = vec![Bytes::from(text), notice_frame("connected", &connected)];
    frames.extend(opened.reset.as_ref().map(|reset| notice_frame("reset", reset)));
    join(frames)
}

/// A browser that is answered anything but 200 never comes back by itself; one whose stream ends comes back with the id
/// it has.
fn come_back(state: &HttpState, failure: &StoreError) -> Response {
    warn!("a subscriber was asked to come back: {failure}");
    event_stream_of(Body::from(farewell(state)))
}

/// Clients must not all return at once.
fn farewell(state: &HttpState) -> Bytes {
    Bytes::from(format!("retry: {}\n\n", state.retry_ms()))
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

/// One open event stream.
struct Connection {
    state: HttpState,
    subscription: Subscription,
    first: Option<Bytes>,
    heartbeat_at: Instant,
    heartbeats: u32,
    ended: bool,
    /// Given back when the stream ends, however it ends.
    _slot: Slot,
}

impl Connection {
    fn new(state: HttpState, subscription: Subscription, first: Bytes, slot: Slot) -> Self {
        let heartbeat_at = Instant::now() + state.heartbeat;
        Self { state, subscription, first: Some(first), heartbeat_at, heartbeats: 0, ended: false, _slot: slot }
    }

    /// Returns the next piece to write: frames, a heartbeat, or the farewell; then none.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        if self.ended {
            return None;
        }
        let frames = tokio::select! {
            biased;
            () = self.state.soft_stop.cancelled() => return Some(self.end()),
            frames = self.subscription.next() => frames,
            () = sleep_until(self.heartbeat_at) => return Some(self.heartbeat()),
        };
        match frames {
            Ok(frames) => {
                self.heartbeat_in(self.state.heartbeat);
                self.heartbeats = 0;
                Some(join(frames))
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
            return Bytes::from_static(HEARTBEAT);
        }
        self.subscription.advance_if_quiet();
        match self.subscription.position() {
            Some(position) => Bytes::from(format!("id: {position}\n\n")),
            None => Bytes::from_static(HEARTBEAT),
        }
    }

    fn end(&mut self) -> Bytes {
        self.ended = true;
        farewell(&self.state)
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
