//! One connection over HTTP/2 (RFC 9113). It carries many requests and event streams at once; what it may make us do and
//! keep is bounded. Event streams are left to the library, which sends those of a connection over one socket.

mod open_requests;
mod piecewise;
mod streams;

use std::{
    convert::Infallible,
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use axum::response::Response;
use hyper::{
    Request,
    body::Incoming,
    header::CONNECTION,
    server::conn::http2,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use self::{
    open_requests::OpenRequests,
    piecewise::{LARGEST_PIECE, Piecewise},
    streams::Streams,
};
use super::{accepted::Accepted, event_stream::Unsent, throughput::Progress};

/// The requests and event streams that one connection may have open. RFC 9113, 6.5.2, recommends no fewer.
const MOST_STREAMS: u32 = 100;

/// A larger head is answered with 431. The library derives from it how many frames a head may be cut into, and closes the
/// connection if there are more, so that they cannot go on forever.
const LARGEST_HEAD_BYTES: u32 = 16 * 1024;

/// Requests that a client takes back before they are looked at, and streams that we end because the client breaks the
/// rules. If there are more, the connection is closed: both cost us more than the client (CVE-2023-44487, CVE-2025-8671).
const MOST_TAKEN_BACK: usize = 20;
const MOST_BROKEN: usize = 100;

/// How much a client may send before it is read: the largest body.
const RECEIVE_WINDOW_BYTES: u32 = 64 * 1024;

/// How long a client may take to heed our goodbye: one that has asked nothing, an idle one that must make room, and one that
/// goes on asking.
const GOODBYE: Duration = Duration::from_secs(1);

/// Serves requests until the connection ends. At the soft stop, those that are open may end.
///
/// # Errors
/// The connection ended early.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    progress: Progress,
    accepted: Accepted,
) -> Result<(), hyper::Error> {
    let (open, has_asked, refuses_more) = (OpenRequests::default(), AtomicBool::new(false), CancellationToken::new());
    let answering = TowerToHyperService::new(accepted.router.clone());
    let service = service_fn(|mut request: Request<Incoming>| {
        has_asked.store(true, Ordering::Relaxed);
        accepted.introduce(&mut request);
        let held = (accepted.admitted.answering(), open.enter());
        let (progress, refuses_more) = (progress.clone(), refuses_more.clone());
        let answer = answering.call(request);
        async move {
            let answer = over_http2(answer.await?, &progress, &refuses_more);
            Ok::<_, Infallible>(answer.map(|body| Piecewise::new(body, held)))
        }
    });
    let (head_deadline, write_deadline) = (accepted.settings.head_deadline, accepted.settings.write_deadline);
    let connection = settings(Streams::new(write_deadline), write_deadline);
    let mut connection = pin!(connection.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = accepted.must_close() => {}
        () = refuses_more.cancelled() => {}
        () = open.none(accepted.first_head_by, head_deadline) => {}
    }
    connection.as_mut().graceful_shutdown();
    // The end of an answer may still be on its way to a client that has asked.
    let patience = if has_asked.load(Ordering::Relaxed) { write_deadline } else { GOODBYE };
    tokio::select! {
        ended = connection.as_mut() => ended,
        () = is_over(&accepted, &open, patience) => Ok(()),
    }
}

/// Turns an answer into one that HTTP/2 can carry.
fn over_http2(mut answer: Response, progress: &Progress, refuses_more: &CancellationToken) -> Response {
    // HTTP/2 has no such header. What it asks for is done with a frame.
    if answer.headers_mut().remove(CONNECTION).is_some() {
        refuses_more.cancel();
    }
    let Some(events) = Unsent::take_from(&mut answer) else { return answer };
    progress.exempt(true);
    answer.map(|_| events.into_body())
}

/// Resolves when a client that was told goodbye must leave.
async fn is_over(accepted: &Accepted, open: &OpenRequests, patience: Duration) {
    let makes_room = async {
        accepted.admitted.asked_to_close().await;
        open.none_for(GOODBYE).await;
    };
    let goes_on_asking = async {
        sleep(GOODBYE).await;
        open.another().await;
    };
    tokio::select! {
        () = open.none_for(patience) => {}
        () = makes_room => {}
        () = goes_on_asking => {}
    }
}

/// A peer that does not answer a ping is gone, even if its kernel is not: it is found within the write deadline.
fn settings(streams: Streams, write_deadline: Duration) -> http2::Builder<Streams> {
    let mut settings = http2::Builder::new(streams);
    settings
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(LARGEST_HEAD_BYTES)
        .max_pending_accept_reset_streams(MOST_TAKEN_BACK)
        .max_local_error_reset_streams(MOST_BROKEN)
        .initial_stream_window_size(RECEIVE_WINDOW_BYTES)
        .initial_connection_window_size(RECEIVE_WINDOW_BYTES)
        .max_send_buf_size(LARGEST_PIECE)
        .keep_alive_interval(write_deadline / 2)
        .keep_alive_timeout(write_deadline / 2);
    settings
}
