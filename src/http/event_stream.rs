//! One open event stream: what a connection is sent until it ends, and why it ends.

use std::{
    convert::Infallible,
    future::{Future, pending},
    pin::Pin,
    sync::{Arc, Mutex},
};

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use tokio::time::{Instant, Sleep, sleep};
use tracing::error;

use super::{
    limits::Slot,
    sse::{
        ConnectedNotice, ExpiredNotice, ExpiredReason, HEARTBEAT, ResetNotice, ResumeNotice, ResumeReason, frame_of,
        id_frame, notice_frame, retry_frame,
    },
    state::HttpState,
    subscribe_filter::Wanted,
};
use crate::{
    auth::{Caller, Token, TokenRefusal},
    feed::{Client, Opened, Subscription},
};

/// A quiet subscription sends an `id:` once per this many heartbeats, which keeps it level with the feed.
const HEARTBEATS_AN_ID: u32 = 3;

/// Returns the last piece of a stream: when to reconnect, randomized so that clients do not all return at once.
pub(super) fn farewell(state: &HttpState) -> Bytes {
    retry_frame(state.retry_ms())
}

/// What was decided about a subscriber before its stream opens.
pub(super) struct Admission {
    pub(super) caller: Caller,
    pub(super) wanted: Wanted,
    /// Streams of the filter that the caller may not see or that do not exist.
    pub(super) unknown_streams: Vec<String>,
    pub(super) slot: Slot,
}

/// Returns the answer that streams a subscription until it ends.
pub(super) fn event_stream(state: HttpState, mut opened: Opened, admission: Admission) -> Response {
    let Admission { caller, wanted, unknown_streams, slot } = admission;
    let client_id = state.client_id();
    let subject = caller.subject().map(|subject| subject.as_str().into());
    opened.subscription.introduce(Client { id: client_id.as_str().into(), subject });
    if let Some(turns) = state.limits.replay_turns_of(slot.client()) {
        opened.subscription.replay_in_turn(turns.semaphore());
    }
    let first = opening(&state, client_id, (&wanted, unknown_streams), &opened);
    let events = EventStream::new(state, opened.subscription, caller.token, first, slot);
    let mut answer = empty_event_stream();
    answer.extensions_mut().insert(Unsent(Arc::new(Mutex::new(Some(Box::new(events))))));
    answer
}

/// An event stream that its answer carries to the server, which sends it after the answer's head.
#[derive(Clone)]
pub(super) struct Unsent(Arc<Mutex<Option<Box<EventStream>>>>);

impl Unsent {
    /// Takes the event stream out of an answer, if it carries one.
    pub(super) fn take_from<B>(answer: &mut Response<B>) -> Option<Box<EventStream>> {
        let Self(unsent) = answer.extensions_mut().remove()?;
        unsent.lock().expect("no thread panics while it takes the stream").take()
    }
}

/// Returns the answer to `HEAD`: the answer to `GET` without its body.
pub(super) fn empty_event_stream() -> Response {
    event_stream_of(Body::from_stream(stream::empty::<Result<Bytes, Infallible>>()))
}

pub(super) fn event_stream_of(body: Body) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Returns whether an answer is an event stream.
pub(super) fn is_event_stream(answer: &Response) -> bool {
    answer.headers().get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}

type TokenEnds = Pin<Box<dyn Future<Output = TokenRefusal> + Send>>;

/// Returns the first piece of a connection: when to reconnect, and the filter as it was understood. Both are in one
/// block with data, because common clients cannot handle a block without data. The `id:` line lets a client resume even
/// if it never sees an event. With a reset, the id comes with the reset: otherwise a client whose connection broke
/// before the reset would resume from an id that claims that it was told.
fn opening(
    state: &HttpState,
    client_id: String,
    (wanted, unknown_streams): (&Wanted, Vec<String>),
    opened: &Opened,
) -> Bytes {
    let resume_id = opened.subscription.resume_id();
    let connected = notice_frame(&ConnectedNotice {
        client_id,
        last_event_id: resume_id.map(|id| id.position),
        filter: wanted.view(&state.contracts),
        unknown_streams,
    });
    let retry = Bytes::from(format!("retry: {}\n", state.retry_ms()));
    let id = resume_id.map_or_else(Bytes::new, |id| Bytes::from(format!("id: {id}\n")));
    join(match opened.reset {
        None => vec![retry, id, connected],
        Some(reset) => vec![retry, connected, id, notice_frame(&ResetNotice::from(reset))],
    })
}

/// One open event stream.
pub(super) struct EventStream {
    state: HttpState,
    subscription: Subscription,
    first: Option<Bytes>,
    /// Ends when a heartbeat may be due. It is not set again for every piece, so it may end too early.
    heartbeat: Pin<Box<Sleep>>,
    heartbeats: u32,
    ended: bool,
    /// When the last piece was handed over for writing.
    handed_at: Instant,
    /// Resolves when the token ends; `None` without a token.
    token_ends: Option<TokenEnds>,
    /// Released when the stream ends, for whatever reason.
    _slot: Slot,
}

impl EventStream {
    fn new(state: HttpState, subscription: Subscription, token: Option<Token>, first: Bytes, slot: Slot) -> Self {
        Self {
            heartbeat: Box::pin(sleep(state.heartbeat)),
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

    /// Returns a body that sends the stream.
    pub(super) fn into_body(self) -> Body {
        Body::from_stream(stream::unfold(self, |mut events| async move {
            let piece = events.next().await?;
            Some((Ok::<_, Infallible>(piece), events))
        }))
    }

    /// Returns the next piece to write: frames, a heartbeat or the farewell, and `None` after that. Call it when the
    /// previous piece is on its way to the client.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
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
        loop {
            let deliveries = tokio::select! {
                biased;
                refusal = ended(&mut self.token_ends) => return Some(self.expire(&refusal)),
                deliveries = self.subscription.next() => deliveries,
                () = &mut self.heartbeat => {
                    if self.heartbeat_is_due() {
                        return Some(self.heartbeat());
                    }
                    continue;
                }
            };
            return Some(match deliveries {
                Ok(Some(deliveries)) => {
                    self.heartbeats = 0;
                    let slot = self.state.sse_slot;
                    join(deliveries.iter().map(|delivery| frame_of(delivery, slot)).collect())
                }
                Ok(None) => self.end(),
                Err(failure) => {
                    error!("an event stream ended with a failure: {failure}");
                    self.end()
                }
            });
        }
    }

    /// Sets the timer for the next heartbeat. Returns whether one is due now.
    fn heartbeat_is_due(&mut self) -> bool {
        let due = self.handed_at + self.state.heartbeat;
        let now = Instant::now();
        let is_due = due <= now;
        self.heartbeat.as_mut().reset(if is_due { now + self.state.heartbeat } else { due });
        is_due
    }

    fn heartbeat(&mut self) -> Bytes {
        self.heartbeats += 1;
        if !self.heartbeats.is_multiple_of(HEARTBEATS_AN_ID) {
            return HEARTBEAT;
        }
        self.subscription.advance_if_quiet();
        self.subscription.resume_id().map_or(HEARTBEAT, id_frame)
    }

    /// Ends the stream because its token has ended. A client with a new token resumes from its last id.
    fn expire(&mut self, refusal: &TokenRefusal) -> Bytes {
        let is_revoked = *refusal == TokenRefusal::Revoked;
        let reason = if is_revoked { ExpiredReason::Revoked } else { ExpiredReason::Expired };
        join(vec![notice_frame(&ExpiredNotice { reason }), self.end()])
    }

    /// Tells a client that read nothing until the write deadline to resume from its last id: the next frames are long
    /// out of date.
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
