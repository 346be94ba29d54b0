//! The body of an answer in pieces. The library buffers what it is given, so it gets the next piece only when the client
//! has taken most of the one before.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::{open_requests::OpenRequest, streams::Taking};
use crate::http::limits::Answering;

/// What a client must take of an answer within each write deadline, as over HTTP/1.1. The library is told to buffer as much.
pub(super) const LARGEST_PIECE: usize = 30 * 1024;

/// The body of an answer.
pub(super) struct Piecewise {
    body: Body,
    /// What is left of the body's last frame.
    rest: Bytes,
    taking: Arc<Taking>,
    /// Until the whole body has been sent, its request is open.
    _held: (Answering, OpenRequest),
}

impl Piecewise {
    /// Returns a body for the stream of this task.
    pub(super) fn new(body: Body, held: (Answering, OpenRequest)) -> Self {
        Self { body, rest: Bytes::new(), taking: Taking::of_this_stream(), _held: held }
    }
}

impl HttpBody for Piecewise {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            let next = Pin::new(&mut self.body).poll_frame(context);
            self.taking.set_waiting(next.is_ready());
            match next.map_ok(Frame::into_data) {
                Poll::Ready(Some(Ok(Ok(data)))) => self.rest = data,
                Poll::Ready(Some(Ok(Err(trailers)))) => return Poll::Ready(Some(Ok(trailers))),
                Poll::Ready(Some(Err(failure))) => return Poll::Ready(Some(Err(failure))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
        self.taking.set_waiting(true);
        let size = self.rest.len().min(LARGEST_PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(size)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    /// Asked before the first frame, when there is no rest.
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
