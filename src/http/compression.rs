//! Compresses answers with gzip, brotli or Zstandard, as the client prefers (RFC 9110, 12.5.3).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Version, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use tower_http::{
    CompressionLevel,
    compression::{CompressionLayer, Predicate, predicate::SizeAbove},
};

/// A smaller answer fits into one packet uncompressed.
const SMALLEST_BYTES: u64 = 1024;

/// Compresses large texts piece by piece as they are sent, with little effort: each answer is made for one client and
/// sent once.
pub(super) fn compressed<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    let predicate = SizeAbove::new(SMALLEST_BYTES).and(is_text);
    let layer = CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(predicate);
    routes.layer(layer).layer(from_fn(offer_plain_answers))
}

/// Disregards a client that takes no plain answer. The layer would refuse it only once the request was carried out, and a
/// small answer is never compressed.
async fn offer_plain_answers(mut request: Request, next: Next) -> Response {
    let headers = request.headers_mut();
    let listed: Vec<&str> = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|it| it.to_str().ok()).collect();
    let members = || listed.iter().flat_map(|list| list.split(','));
    if members().any(refuses_plain_answers) {
        let left: Vec<&str> = members().filter(|member| !refuses_plain_answers(member)).collect();
        let left = HeaderValue::from_str(&left.join(","));
        headers.remove(header::ACCEPT_ENCODING);
        if let Ok(left) = left {
            headers.insert(header::ACCEPT_ENCODING, left);
        }
    }
    next.run(request).await
}

/// Returns whether a member of `Accept-Encoding` is `identity` or `*` with a weight of zero.
fn refuses_plain_answers(member: &str) -> bool {
    let mut parts = member.split(';').map(str::trim);
    let is_plain = parts.next().is_some_and(|coding| coding == "*" || coding.eq_ignore_ascii_case("identity"));
    let weight =
        parts.find_map(|parameter| parameter.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("q")));
    is_plain
        && weight.is_some_and(|(_, weight)| {
            weight.trim().starts_with('0') && !weight.contains(|digit| ('1'..='9').contains(&digit))
        })
}

/// Compresses files that are the same for everybody, each once per requested encoding.
pub(super) fn compressed_once<S: Clone + Send + Sync + 'static>(files: Router<S>) -> Router<S> {
    compressed(files).layer(from_fn_with_state(CompressedFiles::default(), compress_once))
}

/// More than the number of files times the number of encodings.
const MOST_FILES: usize = 256;

/// The compressed files so far, by path and encoding.
#[derive(Clone, Debug, Default)]
struct CompressedFiles(Arc<Mutex<HashMap<(String, HeaderValue), Bytes>>>);

/// Compresses an answer while its body is read, so an answer that is not read costs nothing.
async fn compress_once(State(files): State<CompressedFiles>, request: Request, next: Next) -> Response {
    // A path with escaped letters is another spelling of a path without; there are too many spellings to keep.
    let path = Some(request.uri().path()).filter(|path| *request.method() == Method::GET && !path.contains('%'));
    let path = path.map(str::to_owned);
    let (parts, body) = next.run(request).await.into_parts();
    let encoding = parts.headers.get(header::CONTENT_ENCODING).filter(|_| parts.status == StatusCode::OK).cloned();
    let (Some(path), Some(encoding)) = (path, encoding) else { return Response::from_parts(parts, body) };
    let key = (path, encoding);
    let kept = files.0.lock().expect("no thread panics while it holds the files").get(&key).cloned();
    let bytes = match kept {
        Some(bytes) => bytes,
        None => match to_bytes(body, usize::MAX).await {
            Ok(bytes) => bytes,
            Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        },
    };
    let mut files = files.0.lock().expect("no thread panics while it holds the files");
    if files.len() < MOST_FILES {
        files.insert(key, bytes.clone());
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// Event streams stay uncompressed, because every frame must be sent at once.
fn is_text(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    match media_type.split_once('/') {
        Some(("text", subtype)) => subtype != "event-stream",
        Some(("application", subtype)) => matches!(subtype, "json" | "javascript") || subtype.ends_with("+json"),
        Some(("image", subtype)) => subtype == "svg+xml",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::routing::get;
    use futures_util::StreamExt;
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;

    use super::*;

    #[tokio::test]
    async fn a_file_is_compressed_once_per_encoding_and_kept() {
        let answer = || async { ([(header::CONTENT_TYPE, "text/plain")], "a file ".repeat(1_000)) };
        let read = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&read);
        let counted = move |request: Request, next: Next| {
            let count = Arc::clone(&count);
            async move {
                let (parts, body) = next.run(request).await.into_parts();
                let frames = body.into_data_stream().inspect(move |_| {
                    count.fetch_add(1, Ordering::Relaxed);
                });
                Response::from_parts(parts, Body::from_stream(frames))
            }
        };
        let files = Router::new().route("/{*file}", get(answer)).layer(from_fn(counted));
        let files = TowerToHyperService::new(compressed_once(files));
        let get = async |encoding: &'static str| {
            let request = Request::get("/file").header("accept-encoding", encoding).body(Body::empty()).unwrap();
            let (parts, body) = files.call(request).await.unwrap().into_parts();
            let encoding = parts.headers.get("content-encoding").map(|value| value.to_str().unwrap().to_owned());
            (encoding, to_bytes(body, usize::MAX).await.unwrap())
        };
        let first = get("br").await;
        assert_eq!(first.0.as_deref(), Some("br"));
        assert!(first.1.len() < 1_000, "{}", first.1.len());
        assert_eq!((get("br, gzip;q=0.5").await, read.load(Ordering::Relaxed)), (first, 1));
        assert_eq!((get("gzip").await.0.as_deref(), read.load(Ordering::Relaxed)), (Some("gzip"), 2));
        for _ in 0..2 {
            let escaped = Request::get("/%66ile").header("accept-encoding", "br").body(Body::empty()).unwrap();
            let body = files.call(escaped).await.unwrap().into_body();
            to_bytes(body, usize::MAX).await.unwrap();
        }
        assert_eq!(read.load(Ordering::Relaxed), 4, "another spelling is not kept");
        let plain = get("identity").await;
        assert_eq!((plain.0, plain.1.len()), (None, 7_000));
    }

    #[tokio::test]
    async fn a_client_that_takes_no_plain_answer_gets_one_if_it_takes_nothing_else_that_we_have() {
        let answer = || async { ([(header::CONTENT_TYPE, "text/plain")], "a text ".repeat(1_000)) };
        let routes = TowerToHyperService::new(compressed::<()>(Router::new().route("/", get(answer))));
        let cases = [
            ("identity;q=0", None),
            ("*;q=0", None),
            ("Identity ; Q=0.000, compress", None),
            ("gzip, *;q=0", Some("gzip")),
            ("br;q=0, identity;q=0, gzip;q=0.5", Some("gzip")),
            ("gzip;q=0", None),
            ("identity;q=0.1, br", Some("br")),
        ];
        for (accepted, expected) in cases {
            let request = Request::get("/").header("accept-encoding", accepted).body(Body::empty()).unwrap();
            let answer = routes.call(request).await.unwrap();
            let encoding = answer.headers().get("content-encoding").map(|value| value.to_str().unwrap());
            assert_eq!((answer.status(), encoding), (StatusCode::OK, expected), "{accepted}");
        }
    }

    #[test]
    fn texts_are_compressed_except_event_streams() {
        let cases = [
            ("application/json", true),
            ("application/problem+json", true),
            ("text/csv; charset=utf-8; header=present", true),
            ("text/event-stream", false),
            ("text/event-stream; charset=utf-8", false),
            ("image/png", false),
            ("image/svg+xml", true),
            ("", false),
        ];
        for (content_type, expected) in cases {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
            let is_compressed = is_text(StatusCode::OK, Version::HTTP_11, &headers, &Extensions::new());
            assert_eq!(is_compressed, expected, "{content_type:?}");
        }
    }
}
