//! Secrets and keys as they are configured.

use std::{fs, path::Path};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use secrecy::{ExposeSecret, SecretString};

use super::{BadAuthConfig, TokenAlgorithm, TokenArgs};

/// RFC 7518, 3.2: a key of the size of the hash, or larger.
const LEAST_SECRET_BYTES: usize = 32;

impl TokenAlgorithm {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::RS256 => "RS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
        }
    }

    pub(super) const fn algorithm(self) -> Algorithm {
        match self {
            Self::HS256 => Algorithm::HS256,
            Self::RS256 => Algorithm::RS256,
            Self::ES256 => Algorithm::ES256,
            Self::EdDSA => Algorithm::EdDSA,
        }
    }
}

/// Returns a secret that is given as it is or in a file.
pub(super) fn secret_of(
    given: Option<&SecretString>,
    file: Option<&Path>,
) -> Result<Option<SecretString>, BadAuthConfig> {
    match (given, file) {
        (Some(secret), _) => Ok(Some(secret.clone())),
        (None, Some(file)) => Ok(Some(SecretString::from(read(file)?.trim().to_owned()))),
        (None, None) => Ok(None),
    }
}

fn read(file: &Path) -> Result<String, BadAuthConfig> {
    let shown = file.display().to_string();
    fs::read_to_string(file).map_err(|error| BadAuthConfig::File { file: shown, reason: error.to_string() })
}

/// Refuses arguments of another algorithm than the one that is configured.
pub(super) fn check_arguments(args: &TokenArgs) -> Result<(), BadAuthConfig> {
    let algorithm = args.token_algorithm;
    let of_secrets =
        [("the token secret", args.token_secret.is_some()), ("--token-secret-file", args.token_secret_file.is_some())];
    let of_keys = [
        ("--token-key-file", args.token_key_file.is_some()),
        ("--token-jwks-url", args.token_jwks_url.is_some()),
        ("--token-signing-key-file", args.token_signing_key_file.is_some()),
    ];
    let others = if algorithm == TokenAlgorithm::HS256 { &of_keys[..] } else { &of_secrets };
    match others.iter().find(|(_, is_set)| *is_set) {
        Some((argument, _)) => Err(BadAuthConfig::OtherAlgorithm { argument, algorithm: algorithm.name().to_owned() }),
        None => Ok(()),
    }
}

/// Returns the two halves of the secret of HS256, if there is one.
pub(super) fn shared_secret(args: &TokenArgs) -> Result<Option<(DecodingKey, EncodingKey)>, BadAuthConfig> {
    let Some(secret) = secret_of(args.token_secret.as_ref(), args.token_secret_file.as_deref())? else {
        return Ok(None);
    };
    let bytes = secret.expose_secret().as_bytes();
    if bytes.len() < LEAST_SECRET_BYTES {
        return Err(BadAuthConfig::ShortSecret(bytes.len()));
    }
    Ok(Some((DecodingKey::from_secret(bytes), EncodingKey::from_secret(bytes))))
}

/// Returns the key that a PEM file holds for checking.
pub(super) fn public_key(file: &Path, algorithm: TokenAlgorithm) -> Result<DecodingKey, BadAuthConfig> {
    let pem = read(file)?;
    let key = match algorithm {
        TokenAlgorithm::HS256 => return Err(not_a_key(file, algorithm)),
        TokenAlgorithm::RS256 => DecodingKey::from_rsa_pem(pem.as_bytes()),
        TokenAlgorithm::ES256 => DecodingKey::from_ec_pem(pem.as_bytes()),
        TokenAlgorithm::EdDSA => DecodingKey::from_ed_pem(pem.as_bytes()),
    };
    key.map_err(|_| not_a_key(file, algorithm))
}

/// Returns the key that a PEM file holds for signing.
pub(super) fn private_key(file: &Path, algorithm: TokenAlgorithm) -> Result<EncodingKey, BadAuthConfig> {
    let pem = SecretString::from(read(file)?);
    let bytes = pem.expose_secret().as_bytes();
    let key = match algorithm {
        TokenAlgorithm::HS256 => return Err(not_a_key(file, algorithm)),
        TokenAlgorithm::RS256 => EncodingKey::from_rsa_pem(bytes),
        TokenAlgorithm::ES256 => EncodingKey::from_ec_pem(bytes),
        TokenAlgorithm::EdDSA => EncodingKey::from_ed_pem(bytes),
    };
    key.map_err(|_| not_a_key(file, algorithm))
}

fn not_a_key(file: &Path, algorithm: TokenAlgorithm) -> BadAuthConfig {
    BadAuthConfig::NotAKey { file: file.display().to_string(), algorithm: algorithm.name().to_owned() }
}
