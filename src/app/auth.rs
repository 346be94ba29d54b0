//! Sets up authentication from the arguments. The keys are read before any port opens.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{BadConfig, account_reader::account_reader, random_generator};
use crate::{
    auth::{
        AccountReader, Auth, AuthArgs, AuthMode, AuthParts, BadAuthConfig, KeySetReader, KeysUnavailable, SignIn,
        TokenArgs, TokenKeys,
    },
    domain::{Contracts, SystemClock},
    source::{EndpointPool, KeySetAddress},
    store::Store,
};

/// Everything that can be decided before the database is available.
pub(super) struct Access {
    requires_token: bool,
    tokens: TokenKeys,
    sign_in: Option<(SignIn, Arc<dyn AccountReader>)>,
}

impl From<BadAuthConfig> for BadConfig {
    fn from(bad: BadAuthConfig) -> Self {
        Self(bad.to_string())
    }
}

/// Reads the keys. Returns `None` with `--auth off`.
pub(super) fn access(
    args: &AuthArgs,
    network_passphrase: &str,
    source: Option<&EndpointPool>,
    contracts: &Contracts,
) -> Result<Option<Access>, BadConfig> {
    if args.mode == AuthMode::Off {
        return Ok(None);
    }
    let usual_issuer = args.sign_in.usual_issuer();
    let tokens = token_keys(&args.token, &usual_issuer)?.ok_or(BadAuthConfig::NoTokenKey)?;
    let sign_in = match SignIn::from_args(&args.sign_in, network_passphrase)? {
        None => None,
        Some(_) if !tokens.can_mint() => return Err(BadAuthConfig::NoSigningKey.into()),
        Some(sign_in) => {
            let source = source.ok_or(BadAuthConfig::NoAccountReader)?.clone();
            Some((sign_in, account_reader(source, contracts.clone())))
        }
    };
    Ok(Some(Access { requires_token: args.mode == AuthMode::Required, tokens, sign_in }))
}

/// Reads the keys that check and make tokens; `None` if none is configured.
pub(super) fn token_keys(args: &TokenArgs, usual_issuer: &str) -> Result<Option<TokenKeys>, BadConfig> {
    let key_set = args.token_jwks_url.as_deref().map(key_set_reader).transpose()?;
    Ok(TokenKeys::from_args(args, usual_issuer, key_set)?)
}

fn key_set_reader(url: &str) -> Result<Arc<dyn KeySetReader>, BadConfig> {
    let address = KeySetAddress::new(url).map_err(|failure| BadConfig(format!("--token-jwks-url: {failure}")))?;
    Ok(Arc::new(address))
}

impl KeySetReader for KeySetAddress {
    fn read(&self) -> BoxFuture<'_, Result<String, KeysUnavailable>> {
        Box::pin(async { self.fetch().await.map_err(|failure| KeysUnavailable::Source(failure.to_string())) })
    }
}

/// Returns the access control for the records in a database. It follows revocations by connections that callers do not
/// use.
pub(super) fn guard(access: Access, args: &AuthArgs, store: Store, revocations: Store) -> Auth {
    Auth::new(AuthParts {
        requires_token: access.requires_token,
        visibility: args.visibility,
        allows_query_token: args.allow_query_token,
        tokens: access.tokens,
        sign_in: access.sign_in,
        store,
        revocations,
        clock: Arc::new(SystemClock),
        rng: random_generator(),
    })
}
