//! Accepts connections and serves the routes until asked to stop.

use std::{io, time::Duration};

use axum::{Router, serve::ListenerExt};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// What the kernel may hold for a client that does not read; without a bound it grows to megabytes.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// Serves until `soft_stop`, then lets open requests end.
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
    axum::serve(listener, router).with_graceful_shutdown(soft_stop.cancelled_owned()).await
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
