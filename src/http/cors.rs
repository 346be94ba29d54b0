//! Decides which web pages of other origins may read the answers (Fetch Standard, CORS), and adds security headers for
//! browsers.

use std::{net::IpAddr, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue, Method, header, uri::Authority},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use tower_http::{
    cors::{AllowOrigin, CorsLayer},
    set_header::SetResponseHeaderLayer,
};

use super::problem::Problem;

const PREFLIGHT_HOLDS_FOR: Duration = Duration::from_hours(24);

/// An origin that may read the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Every origin.
    Any,
    /// A scheme, a host and perhaps a port.
    One(HeaderValue),
    /// Pages that this machine serves, and files opened on it (`null`): for a local network, which has no secrets.
    ThisMachine,
}

/// A text is not an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is neither * nor an origin like https://app.example (scheme and host, no path)")]
pub struct NotAnOrigin;

impl std::str::FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(NotAnOrigin)?;
        let is_host = !host.is_empty() && !host.contains(|letter: char| letter == '/' || letter.is_whitespace());
        if !is_host {
            return Err(NotAnOrigin);
        }
        HeaderValue::from_str(text).map(Self::One).map_err(|_| NotAnOrigin)
    }
}

/// Lets pages of these origins read the answers.
pub(super) fn for_origins(router: Router, origins: &[Origin]) -> Router {
    let router = if origins.is_empty() { router } else { router.layer(cors(origins)) };
    router.layer(from_fn(explain_refused_preflight))
}

/// A browser only tells a page that its request failed. Anybody who looks at the answer can read here which flag to
/// set.
async fn explain_refused_preflight(request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned().filter(|_| request.method() == Method::OPTIONS);
    let response = next.run(request).await;
    let is_refused = !response.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    match origin.filter(|_| is_refused) {
        Some(origin) => refusal_of(&origin).into_response(),
        None => response,
    }
}

/// Returns the refusal of an origin, with what to set. Only one with a scheme of the web and a host can be named.
fn refusal_of(origin: &HeaderValue) -> Problem {
    let text = origin.to_str().unwrap_or_default();
    Problem::other_origin(match text.parse() {
        Ok(Origin::One(_)) => {
            format!("pages of {text} may not read the answers here; the operator sets --cors-origins {text}")
        }
        _ => "pages without a web origin, such as files and sandboxed frames (origin null), may not read the answers here: \
              serve the page from a host and set --cors-origins to its origin, or let every page read with \
              --cors-origins '*'"
            .to_owned(),
    })
}

/// Lets every page read the answers.
pub(super) fn for_every_origin<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router.layer(cors(&[Origin::Any]))
}

/// Adds security headers to every answer, including preflights.
pub(super) fn with_security_headers(router: Router) -> Router {
    let fixed = |name, value| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
    router
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        .layer(fixed(header::X_FRAME_OPTIONS, "DENY"))
}

fn is_of_this_machine(origin: &HeaderValue) -> bool {
    let Some(text) = origin.to_str().ok() else { return false };
    let Some((_, host)) = text.split_once("://") else { return text == "null" };
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn cors(origins: &[Origin]) -> CorsLayer {
    let named: Vec<HeaderValue> = origins
        .iter()
        .filter_map(|origin| match origin {
            Origin::Any | Origin::ThisMachine => None,
            Origin::One(origin) => Some(origin.clone()),
        })
        .collect();
    let allowed = if origins.contains(&Origin::Any) {
        AllowOrigin::any()
    } else if origins.contains(&Origin::ThisMachine) {
        AllowOrigin::predicate(move |origin, _| named.contains(origin) || is_of_this_machine(origin))
    } else {
        AllowOrigin::list(named)
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
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
    fn this_machine_covers_its_own_pages_and_files() {
        for (origin, is_ours) in [
            ("http://localhost:3000", true),
            ("https://LOCALHOST", true),
            ("http://127.0.0.1:5173", true),
            ("http://[::1]:3000", true),
            ("null", true),
            ("http://192.0.2.7:3000", false),
            ("https://localhost.evil.example", false),
            ("https://evil.example", false),
            ("localhost", false),
        ] {
            assert_eq!(is_of_this_machine(&HeaderValue::from_static(origin)), is_ours, "{origin}");
        }
    }

    #[test]
    fn whoever_is_refused_is_told_to_set_what_can_be_set() {
        let named = refusal_of(&HeaderValue::from_static("https://app.example"));
        assert!(named.detail().ends_with("the operator sets --cors-origins https://app.example"), "{named:?}");
        for origin in ["null", "file://", "chrome-extension://abcdef", "*"] {
            let unnamed = refusal_of(&HeaderValue::from_static(origin));
            assert!(unnamed.detail().ends_with("let every page read with --cors-origins '*'"), "{unnamed:?}");
        }
        let unreadable = HeaderValue::from_bytes(b"https://\xff").unwrap();
        assert!(refusal_of(&unreadable).detail().contains("--cors-origins '*'"));
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host_or_the_star() {
        assert_eq!("*".parse(), Ok(Origin::Any));
        assert!(matches!("http://localhost:3000".parse(), Ok(Origin::One(_))));
        for text in ["", "localhost:3000", "https://", "https://app.example/", "https://a b", "null"] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
