//! `token`: prints a token, for tests and for services.

use std::process::ExitCode;

use super::{BadConfig, auth::token_keys};
use crate::{
    auth::{BadAuthConfig, Minting},
    config::TokenCommandArgs,
    domain::{Clock, SystemClock, UnixTime},
};

/// Prints a token.
pub(super) fn run(args: TokenCommandArgs) -> anyhow::Result<ExitCode> {
    let keys = token_keys(&args.token, &args.sign_in.usual_issuer())?;
    let keys = keys.ok_or_else(|| BadConfig::from(BadAuthConfig::NoTokenKey))?;
    let minting = Minting {
        subject: args.subject,
        scopes: args.scopes,
        ttl_seconds: args.ttl.map(|ttl| ttl.as_secs()),
        id: None,
        home_domain: None,
        client_domain: None,
    };
    let minted = keys.mint(&minting, UnixTime::of_close(SystemClock.now()));
    let minted = minted.ok_or_else(|| BadConfig("signing a token needs --token-signing-key-file".to_owned()))?;
    println!("{}", minted.text);
    Ok(ExitCode::SUCCESS)
}
