//! Sets up authentication from the arguments. The keys are read before any port opens.

use std::sync::Arc;

use super::{BadConfig, account_reader::account_reader, random_generator};
use crate::{
    auth::{
        AccountReader, Auth, AuthArgs, AuthMode, AuthParts, BadAuthConfig, KeyFetch, KeysAway, SignIn, TokenArgs,
        TokenKeys,
    },
    domain::SystemClock,
    source::{EndpointPool, KeySetAddress},
    store::Store,
};

/// Everything that can be decided before the database is available.
pub(super) struct Door {
    requires_token: bool,
    tokens: TokenKeys,
    sign_in: Option<(SignIn, AccountReader)>,
}

impl From<BadAuthConfig> for BadConfig {
    fn from(bad: BadAuthConfig) -> Self {
        Self(bad.to_string())
    }
}

/// Reads the keys. Returns `None` with `--auth off`.
pub(super) fn door(
    mode: AuthMode,
    args: &AuthArgs,
    network_passphrase: &str,
    source: Option<&EndpointPool>,
) -> Result<Option<Door>, BadConfig> {
    if mode == AuthMode::Off {
        return Ok(None);
    }
    let usual_issuer = args.sign_in.usual_issuer();
    let tokens = token_keys(&args.token, &usual_issuer)?.ok_or(BadAuthConfig::NoTokenKey)?;
    let sign_in = match SignIn::from_args(&args.sign_in, network_passphrase)? {
        None => None,
        Some(_) if !tokens.can_mint() => return Err(BadAuthConfig::NoSigningKey.into()),
        Some(sign_in) => Some((sign_in, account_reader(source.ok_or(BadAuthConfig::NoAccountReader)?.clone()))),
    };
    Ok(Some(Door { requires_token: mode == AuthMode::Required, tokens, sign_in }))
}

/// Reads the keys that check and make tokens; `None` if none is configured.
pub(super) fn token_keys(args: &TokenArgs, usual_issuer: &str) -> Result<Option<TokenKeys>, BadConfig> {
    let fetch = args.token_jwks_url.as_deref().map(key_fetch).transpose()?;
    Ok(TokenKeys::from_args(args, usual_issuer, fetch)?)
}

fn key_fetch(url: &str) -> Result<KeyFetch, BadConfig> {
    let address = KeySetAddress::new(url).map_err(|failure| BadConfig(format!("--token-jwks-url: {failure}")))?;
    Ok(Arc::new(move || {
        let address = address.clone();
        Box::pin(async move { address.fetch().await.map_err(|failure| KeysAway(failure.to_string())) })
    }))
}

/// Returns the access control for the records in a database.
pub(super) fn open(door: Door, args: &AuthArgs, store: Store) -> Auth {
    Auth::new(AuthParts {
        requires_token: door.requires_token,
        visibility: args.visibility,
        allows_query_token: args.allow_query_token,
        tokens: door.tokens,
        sign_in: door.sign_in,
        store,
        clock: Arc::new(SystemClock),
        rng: random_generator(),
    })
}
