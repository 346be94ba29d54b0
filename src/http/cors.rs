//! Decides which web pages of other origins may read the answers (Fetch Standard, CORS), and adds security headers for
//! browsers.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

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
    /// A scheme, a host and perhaps a port, as browsers write them.
    One(HeaderValue),
    /// Pages that this machine serves, and files opened on it (`null`): for a local network, which has no secrets.
    ThisMachine,
}

/// A text is not an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is neither * nor an origin like https://app.example or http://localhost:3000: http or https, one host in ASCII \
     (xn--… for others), and a port if it is not the usual one; no user, path, query or wildcard"
)]
pub struct NotAnOrigin;

impl std::str::FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let origin = as_browsers_write(&text.to_ascii_lowercase()).ok_or(NotAnOrigin)?;
        HeaderValue::try_from(origin).map(Self::One).map_err(|_| NotAnOrigin)
    }
}

/// Returns an origin in lower case as it stands in the header `Origin`, with which it is compared letter by letter; `None`
/// if it can never stand there (WHATWG URL, 3.5 and 4.1).
fn as_browsers_write(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let usual_port = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let end_of_address = rest.find(']').map_or(0, |at| at + 1);
    let (host, port) = match rest[end_of_address..].find(':') {
        Some(colon) => rest.split_at(end_of_address + colon),
        None => (rest, ""),
    };
    let host = host_as_browsers_write(host)?;
    let port = port.strip_prefix(':').map_or(Some(usual_port), port_of)?;
    Some(if port == usual_port { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{port}") })
}

fn port_of(text: &str) -> Option<u16> {
    text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn host_as_browsers_write(host: &str) -> Option<String> {
    if let Some(address) = host.strip_prefix('[') {
        let address: Ipv6Addr = address.strip_suffix(']')?.parse().ok()?;
        // They write these in a form of their own, and nobody serves pages there.
        return address.to_ipv4_mapped().is_none().then(|| format!("[{address}]"));
    }
    let is_letter = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_');
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(is_letter);
    let labels = host.strip_suffix('.').unwrap_or(host);
    let last = labels.rsplit('.').next()?;
    let is_number = last.starts_with(|letter: char| letter.is_ascii_digit())
        && (last.bytes().all(|letter| letter.is_ascii_digit()) || last.starts_with("0x"));
    let is_host = if is_number { host.parse::<Ipv4Addr>().is_ok() } else { labels.split('.').all(is_label) };
    (is_host && host.len() <= 253).then(|| host.to_owned())
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
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
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

    #[test]
    fn an_origin_that_no_browser_sends_is_refused_or_written_as_they_do() {
        for text in [
            "https://*.x.example",
            "https://*",
            "https://user@app.example",
            "https://user:word@app.example",
            "https://app.example?x",
            "https://app.example#x",
            "https://bücher.example",
            "https://app.example:notaport",
            "https://app.example:",
            "https://app.example:+1",
            "https://app.example:65536",
            "https://app.example:1:2",
            "https://[::1",
            "https://::1",
            "https://[::1]x",
            "https://[1.2.3.4]",
            "https://[::ffff:1.2.3.4]",
            "https://app..example",
            "https://.",
            "https://1.2.3",
            "https://1.2.3.256",
            "https://0x7f000001",
            "https://a,https://b",
            "ftp://app.example",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(NotAnOrigin), "{text}");
        }
        for (text, written) in [
            ("https://App.Example", "https://app.example"),
            ("HTTPS://app.example:443", "https://app.example"),
            ("http://app.example:80", "http://app.example"),
            ("https://app.example:0443", "https://app.example"),
            ("https://app.example:80", "https://app.example:80"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://192.0.2.7:5173", "http://192.0.2.7:5173"),
            ("http://[0:0::1]:3000", "http://[::1]:3000"),
            ("https://[2001:DB8::1]", "https://[2001:db8::1]"),
            ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
            ("https://my_app.0x.example.", "https://my_app.0x.example."),
        ] {
            assert_eq!(text.parse(), Ok(Origin::One(HeaderValue::from_static(written))), "{text}");
        }
    }
}
