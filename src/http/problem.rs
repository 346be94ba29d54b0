//! Refusals as problem details (RFC 9457).

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tracing::{error, warn};
use utoipa::ToSchema;

use crate::{
    auth::{TicketRefusal, TokenRefusal},
    store::StoreError,
};

/// A refusal in a form that clients can read. It reveals nothing about the inside of the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Problem {
    /// The kind of problem, as a path that never changes.
    #[schema(value_type = String, pattern = "^/problems/[a-z-]+$", examples("/problems/invalid-parameter"))]
    r#type: &'static str,
    /// The kind of problem, in words.
    #[schema(value_type = String, examples("Invalid parameter"))]
    title: &'static str,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong in this case, for people to read.
    detail: String,
    /// The invalid parameter, if there is one.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    #[serde(skip)]
    retry_after_seconds: Option<u32>,
    #[serde(skip)]
    www_authenticate: Option<&'static str>,
}

impl Problem {
    fn new(r#type: &'static str, title: &'static str, status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            r#type,
            title,
            status: status.as_u16(),
            detail: detail.into(),
            parameter: None,
            retry_after_seconds: None,
            www_authenticate: None,
        }
    }

    /// Returns the problem of a parameter whose value breaks a rule.
    pub(super) fn parameter(name: &str, rule: impl Into<String>) -> Self {
        let problem = Self::new("/problems/invalid-parameter", "Invalid parameter", StatusCode::BAD_REQUEST, rule);
        Self { parameter: Some(name.to_owned()), ..problem }
    }

    /// Returns the problem of a malformed or incomplete request.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new("/problems/bad-request", "Bad request", StatusCode::BAD_REQUEST, detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new("/problems/not-found", "Not found", StatusCode::NOT_FOUND, detail)
    }

    pub(super) fn method_not_allowed(detail: impl Into<String>) -> Self {
        Self::new("/problems/method-not-allowed", "Method not allowed", StatusCode::METHOD_NOT_ALLOWED, detail)
    }

    pub(super) fn uri_too_long(detail: impl Into<String>) -> Self {
        Self::new("/problems/uri-too-long", "URI too long", StatusCode::URI_TOO_LONG, detail)
    }

    pub(super) fn content_too_large(detail: impl Into<String>) -> Self {
        Self::new("/problems/content-too-large", "Content too large", StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    pub(super) fn request_timeout(detail: impl Into<String>) -> Self {
        Self::new("/problems/request-timeout", "Request timeout", StatusCode::REQUEST_TIMEOUT, detail)
    }

    pub(super) fn not_implemented(detail: impl Into<String>) -> Self {
        Self::new("/problems/not-implemented", "Not implemented", StatusCode::NOT_IMPLEMENTED, detail)
    }

    /// Returns the problem of a client that asks for too much, with the time after which it may ask again.
    pub(super) fn too_many_requests(detail: impl Into<String>, retry_after_seconds: u32) -> Self {
        let problem =
            Self::new("/problems/too-many-requests", "Too many requests", StatusCode::TOO_MANY_REQUESTS, detail);
        Self { retry_after_seconds: Some(retry_after_seconds), ..problem }
    }

    /// Returns the problem of something that is unavailable or full, with the time after which to try again.
    pub(super) fn overloaded(detail: impl Into<String>, retry_after_seconds: u32) -> Self {
        Self { retry_after_seconds: Some(retry_after_seconds), ..Self::unavailable(detail) }
    }

    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        let problem = Self::new("/problems/unavailable", "Unavailable", StatusCode::SERVICE_UNAVAILABLE, detail);
        Self { retry_after_seconds: Some(2), ..problem }
    }

    pub(super) fn database_away() -> Self {
        Self::unavailable("the database is away; try again in a moment")
    }

    /// A failure that the log explains.
    pub(super) fn internal() -> Self {
        let detail = "the request failed on our side";
        Self::new("/problems/internal", "Internal error", StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    pub(super) fn unsupported_media_type(detail: impl Into<String>) -> Self {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Self::new("/problems/unsupported-media-type", "Unsupported media type", status, detail)
    }

    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::new("/problems/conflict", "Conflict", StatusCode::CONFLICT, detail)
    }

    /// Returns the problem of a caller who may not do this, whoever it is (RFC 6750, 3.1).
    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        let problem = Self::new("/problems/forbidden", "Forbidden", StatusCode::FORBIDDEN, detail);
        Self { www_authenticate: Some("Bearer error=\"insufficient_scope\""), ..problem }
    }

    /// A page of an origin that may not read the answers.
    pub(super) fn other_origin(detail: impl Into<String>) -> Self {
        Self::new("/problems/other-origin", "Other origin", StatusCode::FORBIDDEN, detail)
    }

    pub(super) fn not_acceptable(detail: impl Into<String>) -> Self {
        Self::new("/problems/not-acceptable", "Not acceptable", StatusCode::NOT_ACCEPTABLE, detail)
    }
}

impl From<TokenRefusal> for Problem {
    fn from(refusal: TokenRefusal) -> Self {
        if let TokenRefusal::KeysUnavailable(away) = &refusal {
            warn!("a token could not be checked: {away}");
            return Self::unavailable(refusal.to_string());
        }
        // A client that sent no such token is not told that the token was wrong (RFC 6750, 3.1).
        let shows_none = matches!(refusal, TokenRefusal::Missing | TokenRefusal::NotBearer);
        let challenge = if shows_none { "Bearer" } else { "Bearer error=\"invalid_token\"" };
        let detail = refusal.to_string();
        let problem = Self::new("/problems/unauthorized", "Unauthorized", StatusCode::UNAUTHORIZED, detail);
        Self { www_authenticate: Some(challenge), ..problem }
    }
}

impl From<TicketRefusal> for Problem {
    fn from(refusal: TicketRefusal) -> Self {
        match refusal {
            TicketRefusal::Token(refusal) => refusal.into(),
            TicketRefusal::Store(failure) => failure.into(),
        }
    }
}

impl From<StoreError> for Problem {
    /// Logs the complete failure, and tells the client only whether to try again.
    fn from(failure: StoreError) -> Self {
        error!("a request could not be answered: {failure}");
        if failure.is_lack_of_rights() {
            return Self::not_implemented(
                "the operator has not given this gateway the right to do that in its database",
            );
        }
        if failure.is_unavailable() { Self::database_away() } else { Self::internal() }
    }
}

impl Problem {
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns this problem as an answer with a body that extends the usual one.
    pub(super) fn into_response_of(self, body: String) -> Response {
        let status = StatusCode::from_u16(self.status).expect("made from a StatusCode");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = self.www_authenticate {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_string(&self).expect("a struct of strings always serializes");
        self.into_response_of(body)
    }
}
