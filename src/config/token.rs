//! The command-line arguments of `token`.

use std::time::Duration;

use clap::Args;

use crate::{
    auth::{Scope, SignInArgs, Subject, TokenArgs},
    duration::{Unit, durations},
};

/// Arguments of `token`.
#[derive(Args, Debug)]
pub struct TokenCommandArgs {
    /// The subject: an account G…, which then sees its own streams, or any other name.
    #[arg(long = "sub", value_name = "G…")]
    pub subject: Subject,

    /// Scopes that it grants: events:read:all, admin.
    #[arg(long, alias = "scope", value_name = "SCOPE", value_delimiter = ',')]
    pub scopes: Vec<Scope>,

    /// How long it is valid, like 90s, 15m, 1h or 30d. Default: as long as a token from sign-in.
    #[arg(long, value_name = "TIME", value_parser = durations(Unit::Seconds, Duration::from_secs(1)..=Duration::MAX))]
    pub ttl: Option<Duration>,

    /// How tokens are signed.
    #[command(flatten)]
    pub token: TokenArgs,

    /// Who issues them.
    #[command(flatten)]
    pub sign_in: SignInArgs,
}
