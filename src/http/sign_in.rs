//! `GET` and `POST /v1/auth`: sign-in with a Stellar wallet (SEP-10), with that standard's own wire format; and
//! `/.well-known/stellar.toml` (SEP-1), where wallets look for it.

use axum::{
    Json,
    body::Bytes,
    extract::{Extension, RawQuery, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use tracing::info;
use utoipa::ToSchema;

use super::{
    body::{media_type, read_json},
    limits::ClientKey,
    openapi::{OfChallenge, OfSignIn, OfStellarToml, OfWallet, OfWalletBody, text_like, words::named},
    parameters::{Number, One, Text},
    problem::Problem,
    query::{Parameter, Query, query},
    state::HttpState,
};
use crate::{
    auth::{Auth, ChallengeRequest, SignIn, SignInRefusal},
    domain::Address,
};

/// A challenge to sign.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Challenge)]
pub(super) struct ChallengeView {
    /// The challenge: a transaction envelope, XDR in base64.
    transaction: String,
    /// The passphrase of the network that signatures are for.
    network_passphrase: String,
}

/// A signed challenge.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct SignedChallenge {
    /// The challenge with the client's signatures: a transaction envelope, XDR in base64.
    transaction: String,
}

/// A token.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub(super) struct TokenView {
    /// The token: `Authorization: Bearer …`.
    token: String,
}

/// Why the sign-in failed: a problem, with the member that SEP-10 asks for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SignInProblem {
    /// The `detail`, under the name that SEP-10 has for it.
    error: String,
    #[serde(flatten)]
    problem: Problem,
}

query! {
    /// The parameters of a challenge.
    pub(super) ChallengeQuery {
        ACCOUNT: One<Address> =
            Parameter::new("account", "The account to sign in with: `G…` or `M…`.", || named("Address")).required();
        MEMO: Number<u64> = Parameter::new(
            "memo",
            "A memo that tells users of one account apart, a u64. Cannot be combined with `M…`.",
            || text_like("4217").pattern(Some("^[0-9]{1,20}$")).into(),
        );
        HOME_DOMAIN: Text = Parameter::new(
            "home_domain",
            "The domain to sign in to. Default: the service's own.",
            || text_like("app.example").into(),
        );
        CLIENT_DOMAIN: Text =
            Parameter::new("client_domain", "The wallet's own domain.", || text_like("wallet.example").into());
    }
}

/// Returns a sign-in challenge for an account.
#[utoipa::path(
    get,
    path = "/v1/auth",
    tag = "access",
    operation_id = "getChallenge",
    params(ChallengeQuery),
    responses(
        (status = 200, description = "A challenge to sign.", body = ChallengeView),
        OfChallenge,
        OfWallet,
    ),
)]
pub(super) async fn challenge(
    State(state): State<HttpState>,
    RawQuery(query): RawQuery,
) -> Result<Response, SignInProblem> {
    // Wallets may send parameters from later versions of the standard.
    let request = read_request(&Query::read_leniently(query.as_deref()))?;
    let (auth, sign_in) = signing_in(&state)?;
    let transaction = auth.challenge(&request).ok_or_else(no_sign_in)?.map_err(Problem::from)?;
    let view = ChallengeView { transaction, network_passphrase: sign_in.network_passphrase().to_owned() };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(view)).into_response())
}

fn read_request(query: &Query<ChallengeQuery>) -> Result<ChallengeRequest, Problem> {
    let account = query.get(ACCOUNT)?;
    Ok(ChallengeRequest {
        account: account.ok_or_else(|| ACCOUNT.refuse("is missing: name the account to sign in with"))?,
        memo: query.get(MEMO)?,
        home_domain: query.get(HOME_DOMAIN)?.map(str::to_owned),
        client_domain: query.get(CLIENT_DOMAIN)?.map(str::to_owned),
    })
}

/// Returns a token for a signed challenge.
#[utoipa::path(
    post,
    path = "/v1/auth",
    tag = "access",
    operation_id = "signIn",
    request_body(content(
        (SignedChallenge = "application/json"),
        (SignedChallenge = "application/x-www-form-urlencoded"),
    )),
    responses(
        (status = 200, description = "A token.", body = TokenView, headers(("Cache-Control"))),
        OfSignIn,
        OfWalletBody,
    ),
)]
pub(super) async fn token(
    State(state): State<HttpState>,
    Extension(client): Extension<Option<ClientKey>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, SignInProblem> {
    let (auth, _) = signing_in(&state)?;
    let signed = read_signed(&headers, &body)?;
    let asking = state.limits.spend_sign_in(client)?;
    let minted = auth.answer(&signed.transaction, asking).await.ok_or_else(no_sign_in)?.map_err(Problem::from)?;
    let mut response = Json(TokenView { token: minted.text }).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn read_signed(headers: &HeaderMap, body: &[u8]) -> Result<SignedChallenge, Problem> {
    if media_type(headers).as_deref() != Some("application/x-www-form-urlencoded") {
        return read_json(headers, body);
    }
    let mut pairs = form_urlencoded::parse(body);
    let transaction = pairs.find(|(name, _)| name == "transaction").map(|(_, value)| value.into_owned());
    let missing = || Problem::parameter("transaction", "is missing: the signed challenge");
    Ok(SignedChallenge { transaction: transaction.ok_or_else(missing)? })
}

fn signing_in(state: &HttpState) -> Result<(&Auth, &SignIn), Problem> {
    let auth = state.auth.as_ref().ok_or_else(no_sign_in)?;
    Ok((auth, auth.sign_in().ok_or_else(no_sign_in)?))
}

fn no_sign_in() -> Problem {
    Problem::not_implemented("sign-in is not enabled here; the operator can set FLOWFI_SIGN_IN_SEED and --home-domains")
}

/// Tells wallets where to sign in, and which key the service signs with.
#[utoipa::path(
    get,
    path = "/.well-known/stellar.toml",
    tag = "access",
    operation_id = "getStellarToml",
    responses(
        (
            status = 200,
            description = "Where wallets sign in, and the service's signing key (SEP-1).",
            body = String,
            content_type = "text/plain",
        ),
        OfStellarToml,
    ),
)]
pub(super) async fn stellar_toml(State(state): State<HttpState>) -> Result<Response, Problem> {
    let sign_in = state.auth.as_ref().and_then(Auth::sign_in);
    let sign_in = sign_in.ok_or_else(|| Problem::not_found("sign-in is not enabled here"))?;
    let text = format!(
        "NETWORK_PASSPHRASE=\"{}\"\nWEB_AUTH_ENDPOINT=\"{}\"\nSIGNING_KEY=\"{}\"\n",
        sign_in.network_passphrase().replace(['\\', '"'], ""),
        sign_in.endpoint(),
        sign_in.signing_address(),
    );
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

impl From<Problem> for SignInProblem {
    fn from(problem: Problem) -> Self {
        Self { error: problem.detail().to_owned(), problem }
    }
}

impl IntoResponse for SignInProblem {
    fn into_response(self) -> Response {
        let body = serde_json::to_string(&self).expect("a struct of strings always serializes");
        self.problem.into_response_of(body)
    }
}

impl From<SignInRefusal> for Problem {
    /// The client's mistakes are a 400, as the standard says; failures of the database and the chain are ours.
    fn from(refusal: SignInRefusal) -> Self {
        match refusal {
            SignInRefusal::Store(failure) => failure.into(),
            SignInRefusal::AccountUnavailable => Self::unavailable(refusal.to_string()),
            SignInRefusal::Banned => Self::forbidden(refusal.to_string()),
            SignInRefusal::NotAnAccount => ACCOUNT.refuse("must be a Stellar account G… or M…"),
            SignInRefusal::MemoOfMuxed => MEMO.refuse("cannot be combined with a muxed account M…"),
            SignInRefusal::OtherHomeDomain => HOME_DOMAIN.refuse("is not a domain of this service"),
            other => {
                info!("a sign-in was refused: {other}");
                Self::parameter("transaction", other.to_string())
            }
        }
    }
}

impl std::fmt::Debug for TokenView {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TokenView").finish_non_exhaustive()
    }
}
