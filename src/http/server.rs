//! Accepts connections and serves the routes on them until asked to stop.

use std::{io, sync::Arc, time::Duration};

use axum::{Router, serve::Listener};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinError, JoinSet},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use super::{
    accepted::Accepted,
    first_bytes::begin_http2,
    hijack::TakenOver,
    http1, http2,
    server_settings::ServerSettings,
    throughput::{MinimumThroughput, Progress},
    tls::{Tls, has_chosen_http2},
};

/// How much the kernel may buffer for a client that does not read. Without a limit, this grows to megabytes.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

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
            let accepted = Accepted {
                peer,
                admitted: Arc::new(admitted),
                router: router.clone(),
                first_head_by: Instant::now() + settings.head_deadline,
                settings: settings.clone(),
                soft_stop: soft_stop.clone(),
            };
            connections.spawn(serve_connection(stream, accepted));
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

/// Serves a connection until it ends, or until an event stream is left of it.
async fn serve_connection(stream: TcpStream, accepted: Accepted) -> Option<TakenOver> {
    if let Err(failure) = bound(&stream, accepted.settings.write_deadline) {
        debug!("a connection's options could not be set: {failure}");
    }
    let ended = serve_requests(stream, accepted).await;
    ended.unwrap_or_else(|failure| {
        debug!("a connection ended early: {failure}");
        None
    })
}

async fn serve_requests(stream: TcpStream, accepted: Accepted) -> Result<Option<TakenOver>, EndedEarly> {
    let progress = Progress::default();
    let is_http2 = tokio::select! {
        // A request that is there already is answered.
        biased;
        looked = timeout_at(accepted.first_head_by, first_bytes(&stream, accepted.settings.tls.is_some())) => {
            let Ok(looked) = looked else { return Ok(None) };
            looked?
        }
        () = accepted.must_close() => return Ok(None),
    };
    let stream = MinimumThroughput::new(stream, accepted.settings.write_deadline, progress.clone());
    // Boxed, because plain connections of HTTP/1.1 are many and should take no room for the others.
    if let Some(tls) = accepted.settings.tls.clone() {
        Box::pin(serve_encrypted(stream, &tls, progress, accepted)).await?;
        return Ok(None);
    }
    if is_http2 {
        Box::pin(http2::serve(stream, progress, accepted)).await?;
        return Ok(None);
    }
    let hijacked = http1::serve(stream, progress, &accepted, true).await?;
    Ok(hijacked.map(|(hijacked, stream)| hijacked.on(stream.into_inner(), accepted.admitted)))
}

/// Waits for the first bytes, and returns whether they are those of HTTP/2. Encrypted ones do not tell.
async fn first_bytes(stream: &TcpStream, is_encrypted: bool) -> io::Result<bool> {
    if is_encrypted {
        stream.readable().await?;
        return Ok(false);
    }
    begin_http2(stream).await
}

/// Serves requests over TLS. The handshake must end before the deadline for the first head. Event streams are left to the
/// library: only it knows what it has read and not yet decrypted.
async fn serve_encrypted(
    stream: MinimumThroughput<TcpStream>,
    tls: &Tls,
    progress: Progress,
    accepted: Accepted,
) -> Result<(), EndedEarly> {
    let stream = tokio::select! {
        stream = timeout_at(accepted.first_head_by, tls.accept(stream)) => {
            let Ok(stream) = stream else { return Ok(()) };
            stream?
        }
        () = accepted.admitted.asked_to_close() => return Ok(()),
    };
    if has_chosen_http2(&stream) {
        http2::serve(stream, progress, accepted).await?;
    } else {
        http1::serve(stream, progress, &accepted, false).await?;
    }
    Ok(())
}

/// Why a connection ended early.
#[derive(Debug, thiserror::Error)]
enum EndedEarly {
    #[error("{0}")]
    Socket(#[from] io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
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

#[cfg(test)]
mod tests {
    use super::*;

    const fn size_of_future<F: Future>(_: fn(TcpStream, Accepted) -> F) -> usize {
        size_of::<F>()
    }

    /// An idle connection keeps this besides the buffers of the library.
    #[test]
    fn a_connection_takes_little_memory() {
        let future = size_of_future(serve_connection);
        assert!(future <= 2_048, "{future} bytes");
    }
}
