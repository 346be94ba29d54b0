//! Accepts connections and serves the routes on them until asked to stop. A head that is too slow or too large ends its
//! connection here, before there is a request.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, HttpBody},
    extract::ConnectInfo,
    serve::Listener,
};
use bytes::Bytes;
use hyper::{
    Request, Response,
    body::{Frame, Incoming, SizeHint},
    header,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use super::{
    hijack::{Hijacker, TakenOver},
    limits::{Answering, TcpConnection},
    server_settings::ServerSettings,
    throughput::{MinimumThroughput, Progress},
};

/// How much the kernel may buffer for a client that does not read. Without a limit, this grows to megabytes.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// The same limit for our own buffers.
const BUFFER_BYTES: usize = 64 * 1024;

/// A larger head is answered with 431 and no body; it is not read to its end.
const LARGEST_HEAD_BYTES: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;

/// Requests that are still open this long after a stop are cut off: a client that does not read must not delay us.
const DRAIN_DEADLINE: Duration = Duration::from_secs(3);

/// Serves until `soft_stop`, then gives open requests some time to end. At the maximum number of connections, each new
/// one closes the one that has been idle longest; if none is idle, new ones wait in the kernel's queue, which is
/// bounded too.
///
/// # Errors
/// None so far: a failing connection affects only itself, and if file descriptors run out, this waits for some.
pub async fn serve(
    mut listener: TcpListener,
    router: Router,
    settings: ServerSettings,
    soft_stop: CancellationToken,
) -> io::Result<()> {
    let mut connections = JoinSet::new();
    let most = settings.limits.tcp_connections();
    loop {
        let (stream, peer) = tokio::select! {
            () = soft_stop.cancelled() => break,
            Some(ended) = connections.join_next() => { follow_up(&mut connections, ended); continue }
            accepted = Listener::accept(&mut listener), if connections.len() < most => accepted,
        };
        if let Some(admitted) = settings.limits.admit(peer.ip()) {
            let (router, settings) = (router.clone(), settings.clone());
            connections.spawn(serve_connection(stream, peer, admitted, router, settings, soft_stop.clone()));
        }
    }
    drop(listener);
    let drained = timeout(DRAIN_DEADLINE, async {
        while let Some(ended) = connections.join_next().await {
            follow_up(&mut connections, ended);
        }
    });
    if drained.await.is_err() {
        info!(connections = connections.len(), "cutting off requests that did not end");
        connections.shutdown().await;
    }
    Ok(())
}

/// Writes the event stream that a connection's task leaves. A task of its own is as small as the stream allows.
fn follow_up(connections: &mut JoinSet<Option<TakenOver>>, ended: Result<Option<TakenOver>, JoinError>) {
    match ended {
        Ok(None) => {}
        Ok(Some(taken_over)) => {
            connections.spawn(async move {
                if let Err(failure) = taken_over.write().await {
                    debug!("an event stream ended early: {failure}");
                }
                None
            });
        }
        Err(failure) => error!("a connection's task failed: {failure}"),
    }
}

async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    admitted: TcpConnection,
    router: Router,
    settings: ServerSettings,
    soft_stop: CancellationToken,
) -> Option<TakenOver> {
    if let Err(failure) = bound(&stream, settings.write_deadline) {
        debug!("a connection's options could not be set: {failure}");
    }
    let ended = serve_requests(stream, peer, &Arc::new(admitted), router, settings, soft_stop).await;
    ended.unwrap_or_else(|failure| {
        debug!("a connection ended early: {failure}");
        None
    })
}

/// Serves requests until the connection ends, or until one is answered with an event stream.
async fn serve_requests(
    stream: TcpStream,
    peer: SocketAddr,
    admitted: &Arc<TcpConnection>,
    router: Router,
    settings: ServerSettings,
    soft_stop: CancellationToken,
) -> Result<Option<TakenOver>, hyper::Error> {
    let (hijacker, hijacked) = Hijacker::new();
    let answering = TowerToHyperService::new(router);
    let progress = Progress::default();
    let stream = MinimumThroughput::new(stream, settings.write_deadline, progress.clone());
    let of_service = Arc::clone(admitted);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(of_service.handle());
        let (held, progress, hijacker) = (of_service.answering(), progress.clone(), hijacker.clone());
        let version = request.version();
        let answer = answering.call(request);
        async move {
            let answer = answer.await?;
            progress.exempt(is_event_stream(&answer));
            let (answer, held) = hijacker.hijack(version, answer, held, !progress.is_behind()).await;
            Ok::<_, Infallible>(answer.map(|body| TrackedBody { body, _held: held }))
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.head_deadline)
        .max_header_size(LARGEST_HEAD_BYTES)
        .max_headers(MOST_HEADERS)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut hijacked = pin!(hijacked);
    let mut asked_to_close = pin!(async {
        tokio::select! {
            () = soft_stop.cancelled() => false,
            () = admitted.asked_to_close() => true,
        }
    });
    let mut is_closing = false;
    loop {
        tokio::select! {
            ended = &mut connection => return ended.map(|()| None),
            hijacked = &mut hijacked => {
                let stream = connection.into_parts().io.into_inner().into_inner();
                return Ok(Some(hijacked.on(stream, Arc::clone(admitted))));
            }
            makes_room = &mut asked_to_close, if !is_closing => {
                // An idle connection would still wait for the rest of a head.
                if makes_room && admitted.is_idle() {
                    return Ok(None);
                }
                is_closing = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    }
}

fn is_event_stream(answer: &Response<Body>) -> bool {
    answer.headers().get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
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

/// Sends frames without delay, and lets the kernel cut off a peer that acknowledges nothing within the deadline,
/// whether it is gone or just not reading.
fn bound(connection: &TcpStream, write_deadline: Duration) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let socket = SockRef::from(connection);
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(write_deadline))?;
    Ok(())
}
