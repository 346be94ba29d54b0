//! The `Host` of a request, which must be one (RFC 9112, 3.2).

use axum::{
    extract::Request,
    http::{HeaderMap, Version, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::problem::Problem;

/// Refuses a request without a host, with several, and with one that is none.
pub(super) async fn check_host(request: Request, next: Next) -> Response {
    if is_right(request.version(), request.headers()) {
        return next.run(request).await;
    }
    Problem::bad_request("the Host header must name one host, and perhaps a port").into_response()
}

fn is_right(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        // Before HTTP/1.1 there was none.
        (None, _) => version < Version::HTTP_11,
        (Some(host), None) => {
            let authority = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
            authority.is_some_and(|authority| !authority.as_str().contains('@') && !authority.host().is_empty())
        }
        (Some(_), Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn there_is_one_host_and_it_is_one() {
        let check = |version, hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, HeaderValue::from_static(host));
            }
            is_right(version, &headers)
        };
        for host in ["example.com", "example.com:8080", "127.0.0.1:9", "[::1]:80", "localhost"] {
            assert!(check(Version::HTTP_11, &[host]), "{host}");
        }
        for hosts in [&[][..], &[""], &["a", "a"], &["a b"], &["user@a"], &["a/b"], &["a,b c"], &["http://a"]] {
            assert!(!check(Version::HTTP_11, hosts), "{hosts:?}");
        }
        assert!(check(Version::HTTP_10, &[]) && !check(Version::HTTP_10, &["a", "b"]));
    }
}
