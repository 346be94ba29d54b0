//! `GET /openapi.json` and `GET /docs`: the document, and a page to read it and try it out. Everything that the page
//! needs is inside the binary.

use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The page uses its own scripts and styles, styles in its elements, and images in its styles.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(in crate::http) fn openapi_json(document: &'static str) -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let kept = (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    ([kind, kept], document).into_response()
}

/// Returns the routes of the page and its files.
pub(in crate::http) fn docs<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let page: Router<S> = SwaggerUi::new("/docs").config(Config::from("/openapi.json")).into();
    let policy = HeaderValue::from_static(POLICY);
    page.layer(SetResponseHeaderLayer::overriding(header::CONTENT_SECURITY_POLICY, policy))
}
