//! The media types that a client accepts (RFC 9110, 12.5.1).

use axum::http::{HeaderMap, header};

/// The media ranges of the `Accept` header, in lower case, each with its quality in thousandths.
#[derive(Debug)]
pub(super) struct Accept(Vec<(String, u32)>);

impl Accept {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges = lines.flat_map(|line| line.split(',')).filter(|range| !range.trim().is_empty());
        Self(ranges.map(range_of).collect())
    }

    /// Returns the quality of a media range, if the header lists exactly this one.
    pub(super) fn named(&self, media_type: &str) -> Option<u32> {
        self.0.iter().find(|(range, _)| range == media_type).map(|(_, quality)| *quality)
    }

    /// Returns whether the client accepts this media type: the most specific matching range decides. A client that
    /// lists none accepts anything.
    pub(super) fn takes(&self, media_type: &str) -> bool {
        self.0.is_empty() || self.quality(media_type) > 0
    }

    /// Returns the quality of a media type in thousandths: that of the most specific matching range.
    pub(super) fn quality(&self, media_type: &str) -> u32 {
        let of_its_kind = media_type.split_once('/').map_or_else(String::new, |(kind, _)| format!("{kind}/*"));
        [media_type, &of_its_kind, "*/*"].into_iter().find_map(|range| self.named(range)).unwrap_or(0)
    }
}

fn range_of(text: &str) -> (String, u32) {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default().to_ascii_lowercase();
    let quality = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()))
    });
    (range, quality.unwrap_or(1_000))
}

/// Reads a quality from 0 to 1 with at most three decimals (RFC 9110, 12.4.2). A malformed one counts as 0.
fn thousandths(quality: &str) -> u32 {
    let (whole, decimals) = quality.split_once('.').unwrap_or((quality, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    match (whole, format!("{decimals:0<3}").parse()) {
        ("0", Ok(decimals)) => decimals,
        ("1", Ok(0)) => 1_000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_most_specific_range_decides_in_any_case_and_zero_is_a_refusal() {
        for (accept, takes) in [
            (None, true),
            (Some(""), true),
            (Some("text/event-stream"), true),
            (Some("Text/Event-Stream"), true),
            (Some("text/event-stream;charset=utf-8"), true),
            (Some("text/*"), true),
            (Some("*/*;q=0.1"), true),
            (Some("application/json"), false),
            (Some("text/event-stream;q=0"), false),
            (Some("text/event-stream; Q=0.000, */*"), false),
            (Some("*/*;q=0"), false),
            (Some("text/*;q=0, text/event-stream"), true),
            (Some("text/event-stream;q=2"), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(accept.map(|accept| (header::ACCEPT, HeaderValue::from_static(accept))));
            assert_eq!(Accept::of(&headers).takes("text/event-stream"), takes, "{accept:?}");
        }
    }
}
