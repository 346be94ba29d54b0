//! Checks the `Host` of a request (RFC 9112, 3.2; over HTTP/2 its `:authority`, RFC 9113, 8.3.1).

use std::net::Ipv6Addr;

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, Version, header, uri::Authority},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};

use super::problem::Problem;

/// Returns the routes behind the check of the host.
pub fn with_checked_host(routes: Router) -> Router {
    routes.layer(from_fn(check_host))
}

/// Refuses a request without a host, with several hosts, or with an invalid one.
pub(super) async fn check_host(request: Request, next: Next) -> Response {
    // The target in absolute form, which is that of HTTP/2, decides which host is meant (RFC 9112, 3.2.2).
    let target = request.uri().authority();
    if target.is_none_or(is_host_and_port) && is_right(request.version(), target, request.headers()) {
        return next.run(request).await;
    }
    Problem::bad_request("the Host header, and a target that names a host, must name one host, with or without a port")
        .into_response()
}

fn is_right(version: Version, target: Option<&Authority>, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        // Before HTTP/1.1 there was no Host header, and since HTTP/2 the target replaces it.
        (None, _) => version < Version::HTTP_11 || (version > Version::HTTP_11 && target.is_some()),
        (Some(host), None) => {
            let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
            host.is_some_and(|host| {
                let is_of_target = version <= Version::HTTP_11 || target.is_none_or(|target| *target == host);
                is_of_target && is_host_and_port(&host)
            })
        }
        (Some(_), Some(_)) => false,
    }
}

/// A port consists of digits (RFC 3986, 3.2.3), and brackets hold an IPv6 address (3.2.2).
fn is_host_and_port(authority: &Authority) -> bool {
    let host = authority.host();
    let Some(port) = authority.as_str().strip_prefix(host) else { return false };
    let is_port =
        port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|c| c.is_ascii_digit()));
    let is_host = match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        None => !host.is_empty(),
    };
    is_port && is_host
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn there_must_be_exactly_one_valid_host() {
        let check = |version, hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, HeaderValue::from_static(host));
            }
            is_right(version, None, &headers)
        };
        for host in ["example.com", "example.com:8080", "127.0.0.1:9", "[::1]:80", "[2001:db8::7]", "localhost", "a:"] {
            assert!(check(Version::HTTP_11, &[host]), "{host}");
        }
        for hosts in [&[][..], &[""], &["a", "a"], &["a b"], &["user@a"], &["a/b"], &["a,b c"], &["http://a"]]
            .into_iter()
            .chain([&["a:b"][..], &["a:+80"], &["a:80:80"], &["[zz]"], &["[::1]x"], &["[::1]:x"], &[":80"]])
        {
            assert!(!check(Version::HTTP_11, hosts), "{hosts:?}");
        }
        assert!(check(Version::HTTP_10, &[]) && !check(Version::HTTP_10, &["a", "b"]));
    }
    #[test]
    fn over_http2_the_target_names_the_host_and_a_host_header_names_no_other() {
        let check = |target: Option<&'static str>, host: Option<&'static str>| {
            let headers = host.map(|host| (header::HOST, HeaderValue::from_static(host))).into_iter().collect();
            is_right(Version::HTTP_2, target.map(Authority::from_static).as_ref(), &headers)
        };
        assert!(check(Some("a"), None) && check(Some("a:80"), Some("A:80")) && check(None, Some("a")));
        assert!(!check(None, None) && !check(Some("a"), Some("b")) && !check(Some("a"), Some("")));
        let another = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("b"))]);
        assert!(is_right(Version::HTTP_11, Some(&Authority::from_static("a")), &another), "the target decides");
    }
}
