//! The caller, read from a request's `Authorization` header (RFC 6750, 2.1).

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    middleware::Next,
    response::Response,
};

use super::{
    limits::{OfConnection, Operator, Turn, count_admin_attempt},
    problem::Problem,
    state::HttpState,
};
use crate::auth::{Auth, Caller, Scope, Subject, TokenRefusal};

/// A caller who has access.
pub(super) struct CalledBy(pub(super) Caller);

impl FromRequestParts<HttpState> for CalledBy {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        // Without authentication the header is ignored: it is for a proxy in front of us.
        let token = if state.auth.is_some() { bearer(&parts.headers)? } else { None };
        by_token(state, token, &Turn::of(&parts.extensions)).await.map(Self)
    }
}

/// Returns the caller identified by this token, or an anonymous caller if there is none and none is required. A request
/// whose token needs keys that are still to be fetched holds up no others of its client.
pub(super) async fn by_token(state: &HttpState, token: Option<&str>, turn: &Turn) -> Result<Caller, Problem> {
    let Some(auth) = &state.auth else { return Ok(Caller::unasked()) };
    if let Some(token) = token {
        turn.put_aside_for(auth.wait_for_key(token)).await;
    }
    Ok(auth.caller(token).await?)
}

/// Recognises operators. Their requests are answered however many others come from the same address, and their connections
/// are closed last. Only so many tokens of one address are checked, because checking a forged one costs as much as a valid
/// one.
pub(super) async fn know_operators(State(state): State<HttpState>, mut request: Request, next: Next) -> Response {
    let is_for_operators = request.uri().path().starts_with("/v1/admin/");
    let token = state.auth.as_ref().filter(|_| is_for_operators).zip(bearer(request.headers()).ok().flatten());
    let Some((auth, token)) = token else { return next.run(request).await };
    if let Some(refused) = count_admin_attempt(&state.limits, &request) {
        request.extensions_mut().insert(refused);
    } else if auth.is_of_operator(token).await {
        if let Some(connection) = request.extensions().get::<OfConnection>() {
            connection.make_room_last();
        }
        request.extensions_mut().insert(Operator);
    }
    next.run(request).await
}

/// Returns the token in the header, if there is one. The name of the scheme may be in any case (RFC 9110, 11.1).
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, TokenRefusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let only = values.next().is_none();
    let parts = value.to_str().ok().filter(|_| only).and_then(|text| text.split_once(' '));
    let token = parts.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    token.filter(|token| !token.is_empty()).map(Some).ok_or(TokenRefusal::NotBearer)
}

/// Marks an answer as private to its caller: another caller may get a different one.
pub(super) async fn answer_one_caller(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("authorization"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-store"));
    response
}

/// A caller who is an operator.
pub(super) struct Admin {
    pub(super) auth: Auth,
    pub(super) by: Subject,
}

impl FromRequestParts<HttpState> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let Some(auth) = state.auth.clone() else {
            let rule = "this needs a token with the scope admin, and this service runs with --auth off";
            return Err(Problem::forbidden(rule));
        };
        let CalledBy(caller) = CalledBy::from_request_parts(parts, state).await?;
        let token = caller.token.ok_or(TokenRefusal::Missing)?;
        if token.allows(Scope::Admin) {
            Ok(Self { auth, by: token.subject })
        } else {
            Err(Problem::forbidden("this needs a token with the scope admin"))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_token_follows_the_word_bearer() {
        let cases = [
            ("Bearer abc", Ok(Some("abc"))),
            ("bearer  abc ", Ok(Some("abc"))),
            ("Bearer", Err(TokenRefusal::NotBearer)),
            ("Bearer ", Err(TokenRefusal::NotBearer)),
            ("Basic abc", Err(TokenRefusal::NotBearer)),
            ("abc", Err(TokenRefusal::NotBearer)),
        ];
        for (value, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            assert_eq!(bearer(&headers), expected, "{value:?}");
        }
        assert_eq!(bearer(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn two_authorization_headers_are_refused() {
        let mut headers = HeaderMap::new();
        headers.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer a"));
        headers.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        assert_eq!(bearer(&headers), Err(TokenRefusal::NotBearer));
    }
}
