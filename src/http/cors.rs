//! Which web pages of other origins may read the answers (Fetch Standard, CORS), and headers that hold browsers to
//! what is meant.

use std::time::Duration;

use axum::{
    Router,
    http::{HeaderName, HeaderValue, Method, header},
};
use tower_http::{
    cors::{AllowOrigin, CorsLayer},
    set_header::SetResponseHeaderLayer,
};

const PREFLIGHT_HOLDS_FOR: Duration = Duration::from_hours(24);

/// An origin that may read the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Every one.
    Any,
    /// A scheme, a host, perhaps a port.
    One(HeaderValue),
}

impl std::str::FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const RULE: &str = "is neither * nor an origin like https://app.example (scheme and host, no path)";
        if text == "*" {
            return Ok(Self::Any);
        }
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(RULE)?;
        let is_host = !host.is_empty() && !host.contains(|letter: char| letter == '/' || letter.is_whitespace());
        is_host.then_some(()).ok_or(RULE)?;
        HeaderValue::from_str(text).map(Self::One).map_err(|_| RULE)
    }
}

/// Lets pages of these origins read the answers.
pub(super) fn for_origins(router: Router, origins: &[Origin]) -> Router {
    if origins.is_empty() { router } else { router.layer(cors(origins)) }
}

/// Lets every page read the answers.
pub(super) fn for_every_origin<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router.layer(cors(&[Origin::Any]))
}

/// Adds to every answer, preflights included, what holds browsers to what is meant.
pub(super) fn with_security_headers(router: Router) -> Router {
    let fixed = |name, value| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
    router
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        .layer(fixed(header::X_FRAME_OPTIONS, "DENY"))
}

fn cors(origins: &[Origin]) -> CorsLayer {
    let named: Vec<HeaderValue> = origins
        .iter()
        .filter_map(|origin| match origin {
            Origin::Any => None,
            Origin::One(origin) => Some(origin.clone()),
        })
        .collect();
    let allowed = if origins.contains(&Origin::Any) { AllowOrigin::any() } else { AllowOrigin::list(named) };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CACHE_CONTROL,
            header::CONTENT_TYPE,
            header::IF_NONE_MATCH,
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers([
            header::ETAG,
            header::LINK,
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
            HeaderName::from_static("ratelimit"),
            HeaderName::from_static("ratelimit-policy"),
        ])
        .max_age(PREFLIGHT_HOLDS_FOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host_or_the_star() {
        assert_eq!("*".parse(), Ok(Origin::Any));
        assert!(matches!("http://localhost:3000".parse(), Ok(Origin::One(_))));
        for text in ["", "localhost:3000", "https://", "https://app.example/", "https://a b", "null"] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
