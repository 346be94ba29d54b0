//! The feed's command-line arguments.

use std::convert::Infallible;

use clap::Args;
use secrecy::SecretString;

/// How commits are announced to gateways.
#[derive(Args, Clone, Debug)]
pub struct FeedArgs {
    /// A Redis (7 or later) that carries committed events from the indexer to the gateways, as
    /// `redis://user:password@host/0`, or `rediss://…` over TLS. Give it to both. A gateway then reads the table only
    /// when it has missed something; without Redis, or while it is away, PostgreSQL notifies gateways. May hold a
    /// password, so prefer the environment.
    #[arg(long, env = "FLOWFI_FEED_REDIS", value_name = "URL", hide_env_values = true, value_parser = secret)]
    pub feed_redis: Option<SecretString>,
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a value parser")]
fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(SecretString::from(text))
}
