//! An accepted connection, whatever it speaks: what its requests are answered with, and when it must end.

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, extract::ConnectInfo};
use hyper::Request;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{limits::TcpConnection, server_settings::ServerSettings};

/// An accepted connection.
pub(super) struct Accepted {
    pub(super) peer: SocketAddr,
    /// While it is kept, the connection counts as open.
    pub(super) admitted: Arc<TcpConnection>,
    pub(super) router: Router,
    pub(super) settings: ServerSettings,
    pub(super) soft_stop: CancellationToken,
    /// When the head of the first request must be there, whatever precedes it.
    pub(super) first_head_by: Instant,
}

impl Accepted {
    /// Resolves when the connection should end: at the soft stop, or when it must make room.
    pub(super) async fn must_close(&self) {
        tokio::select! {
            () = self.soft_stop.cancelled() => {}
            () = self.admitted.asked_to_close() => {}
        }
    }

    /// Tells the routes whom a request comes from, and over which connection.
    pub(super) fn introduce<B>(&self, request: &mut Request<B>) {
        request.extensions_mut().insert(ConnectInfo(self.peer));
        request.extensions_mut().insert(self.admitted.handle());
    }
}
