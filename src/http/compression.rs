//! Which answers are compressed, and how: gzip, brotli or Zstandard, as the client prefers (RFC 9110, 12.5.3).

use axum::http::{Extensions, HeaderMap, StatusCode, Version, header};
use tower_http::{
    CompressionLevel,
    compression::{CompressionLayer, Predicate, predicate::SizeAbove},
};

/// A smaller answer fits one packet as it is.
const SMALLEST_BYTES: u64 = 1024;

/// Compresses large texts piece by piece as they are sent. Little work is spent on it: each answer is made for one client
/// and sent once.
pub(super) fn compressed() -> CompressionLayer<impl Predicate> {
    let predicate = SizeAbove::new(SMALLEST_BYTES).and(is_text);
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(predicate)
}

/// Event streams stay plain: every frame must leave at once.
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
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn texts_are_compressed_but_for_event_streams() {
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
