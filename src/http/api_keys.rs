//! `/v1/api-keys`: keys for services, which have no wallet, and for which a token's hour is too short.

use axum::{
    Json,
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    body::read_json,
    caller::CalledBy,
    openapi::{ApiKeyInPath, OfApiKey, OfApiKeyBody, OfRotation, text_like, words},
    parameters::{One, PathText},
    problem::Problem,
    query::{NoParameters, Parameter, Query, query},
    state::HttpState,
};
use crate::{
    auth::{ApiKey, ApiKeyRefusal, ApiKeyRequest, ApiKeySecret, Auth, Scope, Subject, Token, TokenRefusal},
    domain::UnixTime,
};

/// Ninety days.
const USUAL_TTL_SECONDS: u64 = 7_776_000;
/// A key that is valid for longer is one that everybody has forgotten.
const LONGEST_TTL_SECONDS: u64 = 34_560_000;
/// How long the previous secret stays valid after a rotation, by default.
const USUAL_OVERLAP_SECONDS: u64 = 3_600;
const LONGEST_OVERLAP_SECONDS: u64 = 604_800;
const LONGEST_NAME: usize = 100;
/// Returned when a subject has too many keys: it must delete one first.
const RETRY_SECONDS: u32 = 60;
/// Returned when a subject made too many keys within a day.
const RETRY_NEXT_DAY_SECONDS: u32 = 3_600;
/// Returned when a key was rotated several times at once.
const RETRY_ROTATION_SECONDS: u32 = 2;

/// The key to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ApiKeyWanted {
    /// What its owner calls it: not only blanks, no control characters, and none that turn the direction of text.
    #[schema(min_length = 1, max_length = 100, examples("the payroll export"))]
    name: String,
    /// The subject that it acts for. Default: the caller. Any other needs the scope `admin`.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    sub: Option<Subject>,
    /// Scopes that it grants. Only callers with the scope `admin` may grant more than they have.
    #[serde(default)]
    #[schema(value_type = Vec<words::Scope>)]
    scopes: Vec<Scope>,
    /// How long it is valid, in seconds, at most 400 days. Default: 90 days.
    #[schema(minimum = 1, maximum = 34_560_000, examples(7_776_000))]
    ttl_seconds: Option<u64>,
}

/// How a key is rotated.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Rotation {
    /// How long earlier secrets stay valid, in seconds, at most a week. Default: an hour. A secret that ends
    /// sooner keeps its end.
    #[schema(minimum = 0, maximum = 604_800, examples(3_600))]
    overlap_seconds: Option<u64>,
}

/// A key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiKeyView {
    /// Its public name.
    #[schema(pattern = "^[0-9a-f]{16}$", examples("00a1b2c3d4e5f607"))]
    id: String,
    /// The subject that it acts for.
    #[schema(value_type = String, examples("a service"))]
    sub: Subject,
    /// What its owner calls it.
    name: String,
    /// What it allows.
    #[schema(value_type = Vec<words::Scope>)]
    scopes: Vec<Scope>,
    /// Who created it.
    #[schema(value_type = String, examples("an operator"))]
    created_by: Subject,
    /// Whether it was revoked, together with its subject, its creator or the maker of its current secret. A rotation gives
    /// it a valid secret again, unless one of them is banned.
    is_revoked: bool,
    /// When it was created or last rotated.
    #[schema(value_type = words::UnixTime)]
    issued_at: UnixTime,
    /// When it expires.
    #[schema(value_type = words::UnixTime)]
    expires_at: UnixTime,
    /// When it was last used, to the minute; null if never.
    #[schema(value_type = Option<words::UnixTime>)]
    last_used_at: Option<UnixTime>,
}

/// A key with its secret, which is shown only once.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKeyWithSecret)]
#[serde(rename_all = "camelCase")]
pub(super) struct SecretView {
    /// What to send as `Authorization: Bearer`. It is not stored.
    #[schema(pattern = "^flowfi_key_[A-Za-z0-9_-]{43}$")]
    secret: String,
    /// The key.
    #[schema(inline)]
    key: ApiKeyView,
}

/// The keys of a subject.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKeyList)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiKeyList {
    /// The keys, newest first, including those that expired within the last week: at most 200; valid keys are never left out.
    keys: Vec<ApiKeyView>,
}

impl ApiKeyView {
    fn of(key: ApiKey, is_revoked: bool) -> Self {
        let ApiKey { id, subject, name, scopes, created_by, issued_at, issued_by: _, expires_at, last_used_at } = key;
        Self { id, sub: subject, name, scopes, created_by, is_revoked, issued_at, expires_at, last_used_at }
    }
}

/// A caller who may have keys. It needs a token, because an API key cannot create keys.
struct Owner<'a> {
    auth: &'a Auth,
    token: &'a Token,
}

impl<'a> Owner<'a> {
    fn of(state: &'a HttpState, caller: &'a crate::auth::Caller) -> Result<Self, Problem> {
        let Some(auth) = &state.auth else {
            return Err(Problem::forbidden("this service runs with --auth off and needs no keys"));
        };
        let token = caller.token.as_ref().ok_or(TokenRefusal::Missing)?;
        if token.api_key.is_some() {
            return Err(Problem::forbidden("an API key cannot list, create or change keys; send a token"));
        }
        // A key outlives a token by far.
        if auth.is_over(token) {
            return Err(TokenRefusal::Expired.into());
        }
        Ok(Self { auth, token })
    }

    fn is_admin(&self) -> bool {
        self.token.allows(Scope::Admin)
    }

    /// Returns the subject that is meant: the caller's own, unless the caller may name another one.
    fn meant(&self, wanted: Option<Subject>) -> Result<Subject, Problem> {
        match wanted {
            None => Ok(self.token.subject.clone()),
            Some(wanted) if wanted == self.token.subject || self.is_admin() => Ok(wanted),
            Some(_) => Err(Problem::forbidden("keys of another subject need a token with the scope admin")),
        }
    }
}

/// Creates an API key. Its secret is in the answer and is never shown again.
#[utoipa::path(
    post,
    path = "/api-keys",
    tag = "access",
    operation_id = "createApiKey",
    request_body = ApiKeyWanted,
    responses(
        (status = 201, description = "The key and its secret.", body = SecretView, headers(("Cache-Control"))),
        OfApiKeyBody,
    ),
    security(("bearerAuth" = [])),
)]
pub(super) async fn create(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    _: Query<NoParameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let owner = Owner::of(&state, &caller)?;
    let ApiKeyWanted { name, sub, scopes, ttl_seconds } = read_json(&headers, &body)?;
    check_name(&name)?;
    if let Some(scope) = scopes.iter().find(|scope| !owner.is_admin() && !owner.token.allows(**scope)) {
        return Err(ApiKeyRefusal::LacksScope(scope.as_str().to_owned()).into());
    }
    let scopes = each_once(scopes);
    let ttl_seconds = within("ttlSeconds", ttl_seconds.unwrap_or(USUAL_TTL_SECONDS), 1, LONGEST_TTL_SECONDS)?;
    let request = ApiKeyRequest { subject: owner.meant(sub)?, name, scopes, ttl_seconds };
    let made = owner.auth.make_api_key(request, &owner.token.subject).await?;
    Ok(answer_with_secret(owner.auth, StatusCode::CREATED, made))
}

query! {
    /// The parameters of a list of keys.
    pub(super) ApiKeyListQuery {
        SUB: One<Subject> = Parameter::new(
            "sub",
            "The subject whose keys to list. Default: the caller. Any other needs the scope `admin`.",
            || text_like("a service").into(),
        );
    }
}

/// Lists the caller's API keys, or for operators those of `sub`.
#[utoipa::path(
    get,
    path = "/api-keys",
    tag = "access",
    operation_id = "listApiKeys",
    params(ApiKeyListQuery),
    responses((status = 200, description = "The keys, without their secrets.", body = ApiKeyList), OfApiKey),
    security(("bearerAuth" = [])),
)]
pub(super) async fn list(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    RawQuery(query): RawQuery,
) -> Result<Json<ApiKeyList>, Problem> {
    let owner = Owner::of(&state, &caller)?;
    let query = Query::<ApiKeyListQuery>::read(query.as_deref())?;
    let keys = owner.auth.api_keys_of(&owner.meant(query.get(SUB)?)?).await?;
    Ok(Json(ApiKeyList { keys: keys.into_iter().map(|(key, is_revoked)| ApiKeyView::of(key, is_revoked)).collect() }))
}

/// Gives an API key a new secret. Earlier ones stay valid for a while, so that a service can switch over.
///
/// The caller needs every scope of the key, or the scope `admin`.
#[utoipa::path(
    post,
    path = "/api-keys/{id}/rotate",
    tag = "access",
    operation_id = "rotateApiKey",
    params(ApiKeyInPath),
    request_body = Rotation,
    responses(
        (status = 200, description = "The key and its new secret.", body = SecretView, headers(("Cache-Control"))),
        OfRotation,
    ),
    security(("bearerAuth" = [])),
)]
pub(super) async fn rotate(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    PathText(id): PathText,
    _: Query<NoParameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let owner = Owner::of(&state, &caller)?;
    let Rotation { overlap_seconds } = read_json(&headers, &body)?;
    let overlap = overlap_seconds.unwrap_or(USUAL_OVERLAP_SECONDS);
    let overlap = within("overlapSeconds", overlap, 0, LONGEST_OVERLAP_SECONDS)?;
    let rotated = owner.auth.rotate_api_key(id_of(&id)?, owner.token, overlap).await?;
    Ok(answer_with_secret(owner.auth, StatusCode::OK, rotated.ok_or_else(no_such_key)?))
}

/// Deletes an API key: no node accepts it any more, and its open event streams end.
///
/// Its subject may delete it, whatever it grants.
#[utoipa::path(
    delete,
    path = "/api-keys/{id}",
    tag = "access",
    operation_id = "deleteApiKey",
    params(ApiKeyInPath),
    responses((status = 204, description = "The key is deleted."), OfApiKey),
    security(("bearerAuth" = [])),
)]
pub(super) async fn delete(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    PathText(id): PathText,
    _: Query<NoParameters>,
) -> Result<StatusCode, Problem> {
    let owner = Owner::of(&state, &caller)?;
    let is_deleted = owner.auth.delete_api_key(id_of(&id)?, owner.token).await?;
    if is_deleted { Ok(StatusCode::NO_CONTENT) } else { Err(no_such_key()) }
}

impl From<ApiKeyRefusal> for Problem {
    fn from(refusal: ApiKeyRefusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            ApiKeyRefusal::TooMany => Self::too_many_requests(detail, RETRY_SECONDS),
            ApiKeyRefusal::TooManyInADay => Self::too_many_requests(detail, RETRY_NEXT_DAY_SECONDS),
            ApiKeyRefusal::TooOften => Self::too_many_requests(detail, RETRY_ROTATION_SECONDS),
            ApiKeyRefusal::LacksScope(_) => Self::forbidden(detail),
            ApiKeyRefusal::TooManySecrets => Self::conflict(detail),
            ApiKeyRefusal::Store(failure) => failure.into(),
        }
    }
}

fn answer_with_secret(
    auth: &Auth,
    status: StatusCode,
    (key, ApiKeySecret(secret)): (ApiKey, ApiKeySecret),
) -> Response {
    let is_revoked = auth.revokes(&key);
    let mut response = (status, Json(SecretView { secret, key: ApiKeyView::of(key, is_revoked) })).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn each_once(scopes: Vec<Scope>) -> Vec<Scope> {
    let mut unique = Vec::new();
    for scope in scopes {
        if !unique.contains(&scope) {
            unique.push(scope);
        }
    }
    unique
}

/// An owner must recognise a key in a list by its name.
fn check_name(name: &str) -> Result<(), Problem> {
    if (1..=LONGEST_NAME).contains(&name.chars().count()) && is_readable(name) {
        return Ok(());
    }
    let rule = "characters that are not all blank, none of which controls lines or the direction of text";
    Err(Problem::parameter("name", format!("must have 1 to {LONGEST_NAME} {rule}")))
}

/// Returns whether a text shows something, and nothing in it changes how the text around it is shown (Unicode Standard
/// Annex 9, 2).
fn is_readable(text: &str) -> bool {
    let is_invisible = |letter| matches!(letter, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}');
    let turns = |letter| matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_blank = |letter: char| letter.is_whitespace() || is_invisible(letter);
    !text.chars().all(is_blank) && !text.chars().any(|letter| letter.is_control() || turns(letter))
}

/// Checks the form of an id: no key has another one, and the database does not accept every text.
fn id_of(text: &str) -> Result<&str, Problem> {
    let is_id = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { Ok(text) } else { Err(no_such_key()) }
}

fn no_such_key() -> Problem {
    Problem::not_found("there is no such key, or it is not yours")
}

fn within(name: &str, seconds: u64, least: u64, most: u64) -> Result<u64, Problem> {
    if (least..=most).contains(&seconds) {
        return Ok(seconds);
    }
    Err(Problem::parameter(name, format!("must be from {least} to {most}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_so_many_characters_and_shows_itself_alone() {
        let longest = "ж".repeat(LONGEST_NAME);
        for name in ["x", "the payroll export", "حساب", "👩\u{200d}🔧", &longest] {
            assert_eq!(check_name(name), Ok(()), "{name:?}");
        }
        let longer = "x".repeat(LONGEST_NAME + 1);
        for name in [
            "",
            " ",
            "\u{a0}\u{3000}",
            "\u{200b}\u{feff}",
            "a\nb",
            "a\u{7f}",
            "a\u{85}",
            "a\u{2028}b",
            "\u{202e}txt.exe",
            "a\u{2066}b\u{2069}",
            "a\u{200f}",
            "a\u{61c}",
            &longer,
        ] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }
}
