//! `POST /v1/admin/revoke`: takes back the tokens of a subject.

use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode},
};
use serde::Deserialize;

use super::super::{body::read_json, caller::Admin, problem::Problem};
use crate::auth::Subject;

/// Whose tokens are to be taken back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Revocation {
    /// The subject, as it stands in its tokens.
    sub: Subject,
}

/// Takes back every token of a subject that was made until now, on every node: its open streams end.
pub(in crate::http) async fn revoke(
    Admin { auth, by }: Admin,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let Revocation { sub } = read_json(&headers, &body)?;
    auth.revoke(&sub, &by).await?;
    Ok(StatusCode::NO_CONTENT)
}
