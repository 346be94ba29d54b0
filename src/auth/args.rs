//! The command-line arguments that decide who may read which streams.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use secrecy::SecretString;
use thiserror::Error;

use crate::{
    domain::{Address, InvalidAddress},
    duration::{Unit, durations},
};

/// Whether a caller must show a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AuthMode {
    /// A token is required.
    Required,
    /// A token is optional; callers who show one see what is theirs.
    Optional,
    /// Tokens are ignored, and everyone may read everything.
    Off,
}

/// What a caller sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VisibilityRule {
    /// Only the streams that they send or receive; with the scope events:read:all, every stream.
    Participants,
    /// Every stream: what is on chain is public.
    Public,
}

/// How tokens are signed. Tokens signed any other way are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "verbatim")]
pub enum TokenAlgorithm {
    /// With a shared secret.
    HS256,
    /// With an RSA key.
    RS256,
    /// With a key on the curve P-256.
    ES256,
    /// With an Ed25519 key.
    EdDSA,
}

impl TokenAlgorithm {
    /// Returns the name of the algorithm (RFC 7518 3.1, RFC 8037 3.1), which is also the flag's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::RS256 => "RS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
        }
    }
}

/// Who may read what.
#[derive(Args, Clone, Debug)]
pub struct AuthArgs {
    /// Whether callers must show a token.
    #[arg(
        id = "auth",
        long,
        env = "FLOWFI_AUTH",
        value_name = "AUTH",
        value_enum,
        default_value_t = AuthMode::Required,
        help_heading = "Who may read what"
    )]
    pub mode: AuthMode,

    /// Which streams a caller may see.
    #[arg(
        long,
        env = "FLOWFI_VISIBILITY",
        value_enum,
        default_value_t = VisibilityRule::Participants,
        help_heading = "Who may read what"
    )]
    pub visibility: VisibilityRule,

    /// Also accept a token in the URL (?token=), for clients that cannot send a header. URLs end up in proxy logs and
    /// browser histories, so prefer tickets.
    #[arg(long, env = "FLOWFI_ALLOW_QUERY_TOKEN", help_heading = "Who may read what")]
    pub allow_query_token: bool,

    /// Tokens.
    #[command(flatten)]
    pub token: TokenArgs,

    /// Sign-in.
    #[command(flatten)]
    pub sign_in: SignInArgs,
}

/// How tokens are made and checked.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Tokens")]
pub struct TokenArgs {
    /// The algorithm that tokens are signed with.
    #[arg(long, env = "FLOWFI_TOKEN_ALGORITHM", value_enum, default_value_t = TokenAlgorithm::HS256)]
    pub token_algorithm: TokenAlgorithm,

    /// The HS256 secret, at least 32 bytes (`openssl rand -base64 48`). Set it in the environment or a file, where
    /// other users of the machine cannot see it.
    #[arg(long, env = "FLOWFI_TOKEN_SECRET", value_name = "TEXT", hide_env_values = true, value_parser = secret)]
    pub token_secret: Option<SecretString>,

    /// A file that holds the HS256 secret; surrounding whitespace is ignored.
    #[arg(long, env = "FLOWFI_TOKEN_SECRET_FILE", value_name = "FILE", conflicts_with = "token_secret")]
    pub token_secret_file: Option<PathBuf>,

    /// The public key (PEM) that RS256, ES256 and EdDSA tokens are verified with.
    #[arg(long, env = "FLOWFI_TOKEN_KEY_FILE", value_name = "FILE", conflicts_with = "token_jwks_url")]
    pub token_key_file: Option<PathBuf>,

    /// The URL of the public keys (JWKS, RFC 7517) for RS256, ES256 and EdDSA. Fetched again every five minutes, and
    /// when a token names an unknown key.
    #[arg(long, env = "FLOWFI_TOKEN_JWKS_URL", value_name = "URL")]
    pub token_jwks_url: Option<String>,

    /// The private key (PEM) that RS256, ES256 and EdDSA tokens are signed with. Needed only if tokens are issued here:
    /// by sign-in, or by the command `token`.
    #[arg(long, env = "FLOWFI_TOKEN_SIGNING_KEY_FILE", value_name = "FILE")]
    pub token_signing_key_file: Option<PathBuf>,

    /// The issuer of tokens (`iss`); tokens of other issuers are refused. Default: the URL of the sign-in, or
    /// flowfi-indexer without one.
    #[arg(long, env = "FLOWFI_TOKEN_ISSUER", value_name = "TEXT")]
    pub token_issuer: Option<String>,

    /// The audience of tokens (`aud`); tokens for other audiences are refused.
    #[arg(long, env = "FLOWFI_TOKEN_AUDIENCE", value_name = "TEXT", default_value = "flowfi-indexer")]
    pub token_audience: String,

    /// How long a token from sign-in is valid.
    #[arg(
        long,
        alias = "token-ttl-seconds",
        env = "FLOWFI_TOKEN_TTL",
        value_name = "TIME",
        default_value = "1h",
        value_parser = durations(Unit::Seconds, Duration::from_secs(1)..=Duration::from_hours(168))
    )]
    pub token_ttl: Duration,

    /// The longest lifetime of a token that is accepted, from its `iat` (or from now if it has none) to its `exp`. 0 sets
    /// no limit.
    #[arg(
        long,
        alias = "token-max-ttl-seconds",
        env = "FLOWFI_TOKEN_MAX_TTL",
        value_name = "TIME",
        default_value = "0",
        value_parser = durations(Unit::Seconds, Duration::ZERO..=Duration::MAX)
    )]
    pub token_max_ttl: Duration,
}

/// Sign-in with a Stellar wallet.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Sign-in with a Stellar wallet (SEP-10)")]
pub struct SignInArgs {
    /// The seed S… of the key that challenges are signed with. Without one, nobody can sign in. Set it in the
    /// environment or a file, where other users of the machine cannot see it.
    #[arg(long, env = "FLOWFI_SIGN_IN_SEED", value_name = "S…", hide_env_values = true, value_parser = secret)]
    pub sign_in_seed: Option<SecretString>,

    /// A file that holds the seed; surrounding whitespace is ignored.
    #[arg(long, env = "FLOWFI_SIGN_IN_SEED_FILE", value_name = "FILE", conflicts_with = "sign_in_seed")]
    pub sign_in_seed_file: Option<PathBuf>,

    /// The domains that users sign in to, the main one first. Wallets look for /.well-known/stellar.toml there; this
    /// service serves it.
    #[arg(long, alias = "home-domain", env = "FLOWFI_HOME_DOMAINS", value_name = "DOMAIN", value_delimiter = ',', value_parser = domain)]
    pub home_domains: Vec<String>,

    /// The domain at which /v1/auth is reached, with its port unless that is the default one. Default: the first home
    /// domain.
    #[arg(long, env = "FLOWFI_WEB_AUTH_DOMAIN", value_name = "DOMAIN", value_parser = domain)]
    pub web_auth_domain: Option<String>,

    /// Wallets that may prove their identity (`client_domain`), each with its signing key: wallet.example=G…
    #[arg(long, alias = "client-domain", env = "FLOWFI_CLIENT_DOMAINS", value_name = "DOMAIN=G…", value_delimiter = ',', value_parser = client_domain)]
    pub client_domains: Vec<(String, Address)>,

    /// How long a challenge can be answered.
    #[arg(
        long,
        alias = "challenge-ttl-seconds",
        env = "FLOWFI_CHALLENGE_TTL",
        value_name = "TIME",
        default_value = "15m",
        value_parser = durations(Unit::Seconds, Duration::from_secs(30)..=Duration::from_hours(1))
    )]
    pub challenge_ttl: Duration,
}

impl TokenArgs {
    /// Returns the longest lifetime of a token that is accepted, `None` where there is no limit.
    #[must_use]
    pub fn longest_ttl(&self) -> Option<Duration> {
        (!self.token_max_ttl.is_zero()).then_some(self.token_max_ttl)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a value parser")]
fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text))
}

/// The longest domain that fits a challenge beside " auth": names and values of data entries hold 64 bytes.
const LONGEST_DOMAIN: usize = 59;

/// Why a domain, or a wallet's domain with its key, is refused.
#[derive(Debug, PartialEq, Eq, Error)]
enum BadDomain {
    #[error("is not a domain like example.com, in small letters, of at most {} bytes", LONGEST_DOMAIN)]
    NotADomain,
    #[error("is not of the form wallet.example=G…")]
    NoKey,
    #[error("after the equals sign: {0}")]
    NotAnAddress(#[from] InvalidAddress),
    #[error("after the equals sign: a signing key is a G…")]
    NotAKey,
}

fn domain(text: &str) -> Result<String, BadDomain> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b':');
    if text.is_empty() || text.len() > LONGEST_DOMAIN || !text.bytes().all(fits) {
        return Err(BadDomain::NotADomain);
    }
    Ok(text.to_owned())
}

fn client_domain(text: &str) -> Result<(String, Address), BadDomain> {
    let (name, key) = text.split_once('=').ok_or(BadDomain::NoKey)?;
    let address: Address = key.parse()?;
    if !key.starts_with('G') {
        return Err(BadDomain::NotAKey);
    }
    Ok((domain(name)?, address))
}

/// Parses flags as the command line does.
#[cfg(test)]
pub(super) fn parse<T: Args>(flags: &[&str]) -> T {
    let command = T::augment_args(clap::Command::new("x").no_binary_name(true));
    T::from_arg_matches(&command.try_get_matches_from(flags).unwrap()).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_a_host_that_fits_a_challenge() {
        assert_eq!(domain("localhost:8080"), Ok("localhost:8080".to_owned()));
        for text in ["", "https://example.com", "Example.com", "a b", &"x".repeat(60)] {
            assert!(domain(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_wallet_is_a_domain_and_its_key() {
        const KEY: &str = "GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7";
        let wallet = client_domain(&format!("wallet.example={KEY}")).unwrap();
        assert_eq!((wallet.0.as_str(), wallet.1.as_str()), ("wallet.example", KEY));
        let contract = "CDLZFC3SYJYDZT7K67VZ75HPJVIEUVNIXF47ZG2FB2RMQQVU2HHGCYSC";
        for text in ["wallet.example", "wallet.example=G", &format!("wallet.example={contract}")] {
            assert!(client_domain(text).is_err(), "{text}");
        }
    }
}
