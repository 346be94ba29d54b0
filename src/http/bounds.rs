//! Limits on the size of a request, on the time that its body may take, and on the time until its answer begins. The
//! head is limited before there is a request, in `http1.rs` and `http2`.

use std::time::Duration;

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::problem::Problem;

/// What proxies on the way accept as well: enough for 140 addresses, or 500 stream ids.
const LONGEST_URI: usize = 8 * 1024;

/// The largest body that any route accepts, but for those that save filters.
const LARGEST_BODY: usize = 64 * 1024;

/// A body that is too large is still read up to this size: a client that is cut off while sending never sees the
/// answer.
const MOST_DISCARDED: usize = 1024 * 1024;

/// The whole body must arrive within this time of the head.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// An answer must begin within this time.
const ANSWER_DEADLINE: Duration = Duration::from_secs(20);

/// Refuses a URL or a body that is too large, or a body that does not arrive, and passes the complete body on.
pub(super) async fn bound_request(request: Request, next: Next) -> Response {
    let length = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
    if length > LONGEST_URI {
        return Problem::uri_too_long(format!("a path and its query may have at most {LONGEST_URI} bytes"))
            .into_response();
    }
    // The only route with this method takes larger bodies. It reads them once it knows the caller.
    if request.body().is_end_stream() || request.method() == Method::PUT {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    match read_whole(body, LARGEST_BODY).await {
        Ok(body) => next.run(Request::from_parts(head, Body::from(body))).await,
        Err(problem) => problem.into_response(),
    }
}

/// Answers 503 if an answer has not begun in time: a client that waits longer has usually gone.
pub(super) async fn bound_time(request: Request, next: Next) -> Response {
    let answered = timeout(ANSWER_DEADLINE, next.run(request)).await;
    let late = || Problem::unavailable("the answer took too long; try again in a moment").into_response();
    answered.unwrap_or_else(|_| late())
}

/// Reads a body of at most `largest` bytes to its end.
pub(super) async fn read_whole(body: Body, largest: usize) -> Result<Bytes, Problem> {
    whole_within(BODY_DEADLINE, body, largest).await
}

async fn whole_within(deadline: Duration, body: Body, largest: usize) -> Result<Bytes, Problem> {
    let late = || Problem::request_timeout(format!("the body did not arrive within {deadline:?}"));
    timeout(deadline, whole(body, largest)).await.unwrap_or_else(|_| Err(late()))
}

async fn whole(body: Body, largest: usize) -> Result<Bytes, Problem> {
    let (mut pieces, mut bytes, mut read) = (body.into_data_stream(), BytesMut::new(), 0_usize);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Problem::bad_request("the body ended early"))?;
        read += piece.len();
        if read <= largest {
            bytes.extend_from_slice(&piece);
        } else if read > MOST_DISCARDED {
            break;
        }
    }
    if read > largest {
        return Err(Problem::content_too_large(format!("a body may have at most {largest} bytes here")));
    }
    Ok(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn a_body_that_does_not_arrive_is_given_up() {
        let begun = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"{"))]);
        let body = Body::from_stream(begun.chain(stream::pending()));
        let problem = whole_within(Duration::from_millis(1), body, LARGEST_BODY).await.unwrap_err();
        assert_eq!(problem, Problem::request_timeout("the body did not arrive within 1ms"));
    }

    #[tokio::test]
    async fn a_body_is_passed_on_unchanged_up_to_the_largest_size() {
        for (size, fits) in [(1, true), (LARGEST_BODY, true), (LARGEST_BODY + 1, false), (2 * MOST_DISCARDED, false)] {
            let pieces: Vec<_> = vec![b'x'; size].chunks(10_000).map(Bytes::copy_from_slice).collect();
            let body = Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)));
            let read = read_whole(body, LARGEST_BODY).await;
            assert_eq!(read.as_ref().map(Bytes::len).ok(), fits.then_some(size), "{size}");
        }
    }
}
