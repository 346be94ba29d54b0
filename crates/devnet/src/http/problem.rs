//! Refusals as problem details (RFC 9457).

use std::time::Duration;

use axum::{
    extract::rejection::BytesRejection,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{ContractError, DevnetError, NotDone, Refused};
use flowfi_domain::ContractId;

/// A problem to be sent.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    /// The contract's number of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u32>,
    /// The invalid field.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
}

impl Problem {
    /// Returns the problem of an invalid field.
    pub(super) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::BAD_REQUEST, "/problems/bad-request", "Bad request", detail);
        Self { parameter: Some(name.to_owned()), ..problem }
    }

    /// Returns the problem of an unreadable body.
    pub(super) fn body(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "/problems/bad-request", "Bad request", detail)
    }

    /// The body is longer than any that is read.
    pub(super) fn large_body(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "/problems/content-too-large", "Content too large", detail)
    }

    /// The body did not come within this time.
    pub(super) fn late_body(deadline: Duration) -> Self {
        let detail = format!("the body was not there within {deadline:?}");
        Self::new(StatusCode::REQUEST_TIMEOUT, "/problems/request-timeout", "Request timeout", detail)
    }

    /// There is nothing of this name.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "/problems/not-found", "Not found", detail)
    }

    /// Returns the problem of something that existed and is not kept.
    pub(super) fn gone(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "/problems/gone", "Gone", detail)
    }

    /// Returns the problem of a request from a page of another site.
    pub(super) fn other_site() -> Self {
        let detail = "the local network refuses requests from pages of other sites; open its own page by an \
                      address or as localhost";
        Self::new(StatusCode::FORBIDDEN, "/problems/other-site", "Forbidden", detail)
    }

    /// Returns the problem of a body that declares another format than JSON.
    pub(super) fn other_format() -> Self {
        let problem = Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "/problems/unsupported-media-type",
            "Unsupported media type",
            "must be application/json",
        );
        Self { parameter: Some("content-type".to_owned()), ..problem }
    }

    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { r#type: kind, title, status: status.as_u16(), detail: detail.into(), code: None, parameter: None }
    }

    /// Returns the problem of a creation. If it named another token, the problem names the existing one.
    pub(super) fn of_creation(not_done: NotDone, token: &ContractId) -> Self {
        let is_unknown_token =
            matches!(not_done, NotDone::Refused(Refused::Contract(ContractError::InvalidTokenAddress)));
        let mut problem = Self::from(not_done);
        if is_unknown_token {
            problem.detail = format!("{}; it has {token}", problem.detail);
        }
        problem
    }

    fn refused(refused: Refused) -> Self {
        let (status, code) = match refused {
            Refused::Contract(error) => (status_of(error), Some(error.code())),
            Refused::InsufficientBalance | Refused::NoSuchFunction | Refused::OlderCode | Refused::RateIsZero => {
                (StatusCode::CONFLICT, None)
            }
            Refused::NotAParty
            | Refused::NoSuchContract
            | Refused::UnknownModule
            | Refused::NotBase64
            | Refused::Overflow
            | Refused::EndOfTime => (StatusCode::UNPROCESSABLE_ENTITY, None),
        };
        let problem = Self::new(status, "/problems/refused", "The contract refused", refused.to_string());
        Self { code, ..problem }
    }
}

/// Errors in the arguments are the caller's to fix; the others are about the stream's present state.
const fn status_of(error: ContractError) -> StatusCode {
    match error {
        ContractError::InvalidAmount
        | ContractError::InvalidDuration
        | ContractError::InvalidTokenAddress
        | ContractError::InvalidRate
        | ContractError::InvalidFeeRate
        | ContractError::EmptyVestingSchedule
        | ContractError::TooManyVestingSteps
        | ContractError::NonMonotonicVestingSteps
        | ContractError::InvalidVestingStepAmount
        | ContractError::VestingStepTotalMismatch
        | ContractError::VestingStepBeforeStart
        | ContractError::InvalidCliffParameters
        | ContractError::BatchTooLarge
        | ContractError::UnsupportedMigration
        | ContractError::InvalidNewRate
        | ContractError::ArithmeticOverflow
        | ContractError::InvalidMilestone
        | ContractError::TooManyMilestones => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::CONFLICT,
    }
}

impl From<NotDone> for Problem {
    fn from(not_done: NotDone) -> Self {
        match not_done {
            NotDone::Refused(refused) => Self::refused(refused),
            NotDone::Full | NotDone::Stopped => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "/problems/unavailable", "Unavailable", not_done.to_string())
            }
        }
    }
}

impl From<DevnetError> for Problem {
    fn from(error: DevnetError) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "/problems/failed", "The local network failed", error.to_string())
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::large_body("the body is too large");
        }
        Self::new(rejection.status(), "/problems/bad-request", "Bad request", "the body could not be read")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self).expect("a problem always serializes");
        (status, [(CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}
