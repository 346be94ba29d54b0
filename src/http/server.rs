//! Accepts connections and serves the routes until asked to stop.

use std::{io, net::SocketAddr, time::Duration};

use axum::{Router, serve::ListenerExt};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

/// What the kernel may hold for a client that does not read; without a bound it grows to megabytes.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// Requests that are still open this long after a stop are cut off: a client that does not read must not hold us up.
const DRAIN_DEADLINE: Duration = Duration::from_secs(5);

/// Serves until `soft_stop`, then lets open requests end, for a while.
///
/// # Errors
/// The listener failed.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    write_deadline: Duration,
    soft_stop: CancellationToken,
) -> io::Result<()> {
    let listener = listener.tap_io(move |connection| {
        if let Err(failure) = bound(connection, write_deadline) {
            debug!("a connection's options could not be set: {failure}");
        }
    });
    let stopping = soft_stop.clone();
    let server = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(soft_stop.cancelled_owned());
    tokio::select! {
        ended = server.into_future() => ended,
        () = async { stopping.cancelled().await; sleep(DRAIN_DEADLINE).await } => {
            info!("cutting off requests that did not end");
            Ok(())
        }
    }
}

/// Frames leave at once; a peer that acknowledges nothing for the deadline, be it gone or only not reading, is cut off
/// by the kernel.
fn bound(connection: &TcpStream, write_deadline: Duration) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let socket = SockRef::from(connection);
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(write_deadline))?;
    Ok(())
}
