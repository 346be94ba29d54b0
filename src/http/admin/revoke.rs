//! `POST /v1/admin/revoke`: revokes the tokens of a subject.

use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::Subject;
use crate::http::{
    body::read_json,
    caller::Admin,
    openapi::OfAdminBody,
    problem::Problem,
    query::{NoParameters, Query},
};

/// Whose tokens to revoke.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Revocation {
    /// The subject, as it stands in its tokens.
    #[schema(
        value_type = String,
        min_length = 1,
        max_length = 256,
        examples("GAIH3ULLFQ4DGSECF2AR555KZ4KNDGEKN4AFI4SU2M7B43MGK3QJZNSR"),
    )]
    sub: Subject,
    /// Whether to keep the subject out from now on (true), or to let it in again (false). Left out, a wallet can sign in
    /// again some seconds later.
    ban: Option<bool>,
}

/// Revokes every token of a subject that was issued until now, on every node; its open event streams end.
#[utoipa::path(
    post,
    path = "/revoke",
    tag = "admin",
    operation_id = "revokeTokens",
    request_body = Revocation,
    responses(
        (status = 204, description = "The tokens are revoked."),
        OfAdminBody,
    ),
    security(("bearerAuth" = [])),
)]
pub(in crate::http) async fn revoke(
    Admin { auth, by }: Admin,
    _: Query<NoParameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let Revocation { sub, ban } = read_json(&headers, &body)?;
    auth.revoke(&sub, &by, ban).await?;
    Ok(StatusCode::NO_CONTENT)
}
