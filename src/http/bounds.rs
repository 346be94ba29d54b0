//! How large a request may be, how long its body may take, and how long its answer. The head is bounded before there is a request, in
//! `server.rs`.

use std::time::Duration;

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::problem::Problem;

/// What the proxies on the way let through as well: a hundred and forty addresses, or five hundred numbers of streams.
const LONGEST_URI: usize = 8 * 1024;

/// The largest body that any route reads.
const LARGEST_BODY: usize = 64 * 1024;

/// A body that is too large is still read up to here: one who is cut off while sending never sees the answer.
const MOST_DISCARDED: usize = 1024 * 1024;

/// A body must be there within this time of its head.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// An answer must have begun within this time.
const ANSWER_DEADLINE: Duration = Duration::from_secs(20);

/// Refuses a URL or a body that is too large, or a body that does not come, and hands on the body whole.
pub(super) async fn bound_request(request: Request, next: Next) -> Response {
    let length = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
    if length > LONGEST_URI {
        return Problem::uri_too_long(format!("a path and its query have at most {LONGEST_URI} bytes")).into_response();
    }
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    match whole_within(BODY_DEADLINE, body).await {
        Ok(body) => next.run(Request::from_parts(head, Body::from(body))).await,
        Err(problem) => problem.into_response(),
    }
}

/// Answers 503 where an answer has not begun in time: who waits longer has usually gone.
pub(super) async fn bound_time(request: Request, next: Next) -> Response {
    let answered = timeout(ANSWER_DEADLINE, next.run(request)).await;
    let late = || Problem::unavailable("the answer was not there in time; try again in a moment").into_response();
    answered.unwrap_or_else(|_| late())
}

async fn whole_within(deadline: Duration, body: Body) -> Result<Bytes, Problem> {
    let late = || Problem::request_timeout(format!("the body was not there within {deadline:?}"));
    timeout(deadline, whole(body)).await.unwrap_or_else(|_| Err(late()))
}

async fn whole(body: Body) -> Result<Bytes, Problem> {
    let (mut pieces, mut bytes, mut read) = (body.into_data_stream(), BytesMut::new(), 0_usize);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Problem::bad_request("the body broke off"))?;
        read += piece.len();
        if read <= LARGEST_BODY {
            bytes.extend_from_slice(&piece);
        } else if read > MOST_DISCARDED {
            break;
        }
    }
    if read > LARGEST_BODY {
        return Err(Problem::content_too_large(format!("a body has at most {LARGEST_BODY} bytes")));
    }
    Ok(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up() {
        let begun = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"{"))]);
        let body = Body::from_stream(begun.chain(stream::pending()));
        let problem = whole_within(Duration::from_millis(1), body).await.unwrap_err();
        assert_eq!(problem, Problem::request_timeout("the body was not there within 1ms"));
    }

    #[tokio::test]
    async fn a_body_is_handed_on_as_it_came_up_to_the_largest() {
        for (size, fits) in [(1, true), (LARGEST_BODY, true), (LARGEST_BODY + 1, false), (2 * MOST_DISCARDED, false)] {
            let pieces: Vec<_> = vec![b'x'; size].chunks(10_000).map(Bytes::copy_from_slice).collect();
            let body = Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)));
            let read = whole_within(BODY_DEADLINE, body).await;
            assert_eq!(read.as_ref().map(Bytes::len).ok(), fits.then_some(size), "{size}");
        }
    }
}
