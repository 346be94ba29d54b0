//! One connection over HTTP/1.1. A head that is too slow or too large ends it here, before there is a request.

use std::{
    convert::Infallible,
    future::pending,
    pin::{Pin, pin},
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll},
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::{
    Request,
    body::{Frame, Incoming, SizeHint},
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep_until},
};

use super::{
    accepted::Accepted,
    event_stream::is_event_stream,
    hijack::{Hijacked, Hijacker},
    limits::Answering,
    throughput::Progress,
};

/// The limit for our own buffers.
const BUFFER_BYTES: usize = 64 * 1024;

/// A larger head is answered with 431 and no body; it is not read to its end.
const LARGEST_HEAD_BYTES: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;

/// Serves requests until the connection ends, or until one is answered with an event stream that is hijacked.
///
/// # Errors
/// The connection ended early.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    progress: Progress,
    accepted: &Accepted,
    may_hijack: bool,
) -> Result<Option<(Hijacked, S)>, hyper::Error> {
    let (hijacker, taken) = Hijacker::new();
    let answering = TowerToHyperService::new(accepted.router.clone());
    let has_asked = AtomicBool::new(false);
    let service = service_fn(|mut request: Request<Incoming>| {
        has_asked.store(true, Ordering::Relaxed);
        accepted.introduce(&mut request);
        let (held, progress, hijacker) = (accepted.admitted.answering(), progress.clone(), hijacker.clone());
        let version = request.version();
        let answer = answering.call(request);
        async move {
            let answer = answer.await?;
            progress.exempt(is_event_stream(&answer));
            let may_hijack = may_hijack && !progress.is_behind();
            let (answer, held) = hijacker.hijack(version, answer, held, may_hijack).await;
            Ok::<_, Infallible>(answer.map(|body| TrackedBody { body, _held: held }))
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(accepted.settings.head_deadline)
        .max_header_size(LARGEST_HEAD_BYTES)
        .max_headers(MOST_HEADERS)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut taken = pin!(taken);
    let mut asked_to_close = pin!(async {
        tokio::select! {
            () = accepted.soft_stop.cancelled() => false,
            () = accepted.admitted.asked_to_close() => true,
            // The library's own deadline begins with the connection only if nothing precedes the first head.
            () = first_head_is_late(accepted.first_head_by, &has_asked) => true,
        }
    });
    let mut is_closing = false;
    loop {
        tokio::select! {
            ended = &mut connection => return ended.map(|()| None),
            events = &mut taken => return Ok(Some((events, connection.into_parts().io.into_inner()))),
            makes_room = &mut asked_to_close, if !is_closing => {
                // An idle connection would still wait for the rest of a head.
                if makes_room && accepted.admitted.is_idle() {
                    return Ok(None);
                }
                is_closing = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    }
}

/// Resolves when the first head is late, and never if it is not.
async fn first_head_is_late(first_head_by: Instant, has_asked: &AtomicBool) {
    sleep_until(first_head_by).await;
    if has_asked.load(Ordering::Relaxed) {
        pending::<()>().await;
    }
}

/// The body of an answer. Its connection is not idle until the whole body has been sent.
struct TrackedBody {
    body: Body,
    _held: Answering,
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
