//! Entity tags: a client that already has an answer is told so (RFC 9110, 13.1.2).

use axum::http::{HeaderMap, HeaderValue, header};

/// A weak tag made of parts without quotes. Together they distinguish one state of the answer from every other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntityTag(String);

impl EntityTag {
    pub(super) fn of(parts: &[&dyn std::fmt::Display]) -> Self {
        let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
        Self(format!("W/\"{}\"", parts.join("_")))
    }

    /// Returns whether the client already has this state.
    pub(super) fn is_known(&self, headers: &HeaderMap) -> bool {
        let opaque = self.0.trim_start_matches("W/");
        let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let mut tags = known.flat_map(|value| value.split(',')).map(str::trim);
        tags.any(|tag| tag == "*" || tag.trim_start_matches("W/") == opaque)
    }

    /// Writes the tag, and that the answer is private and must be revalidated before it is used again.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        headers.insert(header::ETAG, HeaderValue::from_str(&self.0).expect("ids and numbers are visible ASCII"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_recognized_weak_or_strong_alone_or_in_a_list() {
        let tag = EntityTag::of(&[&"a", &7]);
        for (sent, known) in [
            ("W/\"a_7\"", true),
            ("\"a_7\"", true),
            ("\"x\", W/\"a_7\"", true),
            ("*", true),
            ("\"a\"", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(sent));
            assert_eq!(tag.is_known(&headers), known, "{sent}");
        }
    }
}
