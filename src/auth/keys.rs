//! Configured secrets and keys.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use rsa::{
    BigUint, RsaPrivateKey, RsaPublicKey,
    pkcs1::{DecodeRsaPrivateKey, DecodeRsaPublicKey},
    traits::PublicKeyParts,
};
use secrecy::{ExposeSecret, SecretString};

use tracing::warn;

use super::{BadAuthConfig, TokenAlgorithm, TokenArgs};

/// RFC 7518, 3.2: a key of the size of the hash, or larger.
const LEAST_SECRET_BYTES: usize = 32;
/// RFC 7518, 3.3.
const LEAST_RSA_BITS: usize = 2_048;

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

/// Returns a secret that is given as text or in a file.
pub(super) fn secret_of(
    given: Option<&SecretString>,
    file: Option<&Path>,
) -> Result<Option<SecretString>, BadAuthConfig> {
    match (given, file) {
        (Some(secret), _) => Ok(Some(secret.clone())),
        (None, Some(file)) => Ok(Some(SecretString::from(read_secret(file)?.expose_secret().trim().to_owned()))),
        (None, None) => Ok(None),
    }
}

fn read_secret(file: &Path) -> Result<SecretString, BadAuthConfig> {
    let secret = SecretString::from(read(file)?);
    warn_if_open_to_others(file);
    Ok(secret)
}

/// Warns if others can read the file of a secret. Whoever runs a container often cannot choose how files are mounted, so
/// such a file is not refused.
pub fn warn_if_open_to_others(file: &Path) {
    if is_open_to_others(file) {
        let file = file.display();
        warn!(
            "every user of this machine can read or replace the secret in {file}; to prevent that: chmod o-rwx {file}"
        );
    }
}

fn is_open_to_others(file: &Path) -> bool {
    const OTHERS_MAY_READ_OR_WRITE: u32 = 0o006;
    fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & OTHERS_MAY_READ_OR_WRITE != 0)
}

fn read(file: &Path) -> Result<String, BadAuthConfig> {
    fs::read_to_string(file).map_err(|error| unreadable(file, &error))
}

fn unreadable(file: &Path, error: &io::Error) -> BadAuthConfig {
    BadAuthConfig::File { file: file.display().to_string(), reason: error.to_string() }
}

/// Refuses arguments that belong to another algorithm than the configured one.
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

/// Returns the HS256 secret as a key for checking and a key for signing, if it is configured.
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

/// Returns the key for checking from a PEM file.
pub(super) fn public_key(file: &Path, algorithm: TokenAlgorithm) -> Result<DecodingKey, BadAuthConfig> {
    let pem = read(file)?;
    let key = match algorithm {
        TokenAlgorithm::HS256 => return Err(not_a_key(file, algorithm)),
        TokenAlgorithm::RS256 => DecodingKey::from_rsa_pem(pem.as_bytes()),
        TokenAlgorithm::ES256 => DecodingKey::from_ec_pem(pem.as_bytes()),
        TokenAlgorithm::EdDSA => DecodingKey::from_ed_pem(pem.as_bytes()),
    };
    let key = key.map_err(|_| not_a_key(file, algorithm))?;
    match rsa_bits(&key) {
        Some(bits) if bits < LEAST_RSA_BITS => Err(short_rsa_key(file, bits)),
        _ => Ok(key),
    }
}

/// Returns whether a key is long enough to check tokens with; only RSA keys can be too short.
pub(super) fn is_long_enough(key: &DecodingKey) -> bool {
    rsa_bits(key).is_none_or(|bits| bits >= LEAST_RSA_BITS)
}

/// Returns the length of an RSA key; `None` for other kinds of keys.
fn rsa_bits(key: &DecodingKey) -> Option<usize> {
    if key.family() != AlgorithmFamily::Rsa {
        return None;
    }
    Some(match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, .. } => BigUint::from_bytes_be(n).bits(),
        DecodingKeyKind::SecretOrDer(der) => RsaPublicKey::from_pkcs1_der(der).map_or(0, |key| key.n().bits()),
    })
}

/// Returns the key for signing from a PEM file.
pub(super) fn private_key(file: &Path, algorithm: TokenAlgorithm) -> Result<EncodingKey, BadAuthConfig> {
    let pem = read_secret(file)?;
    let bytes = pem.expose_secret().as_bytes();
    let key = match algorithm {
        TokenAlgorithm::HS256 => return Err(not_a_key(file, algorithm)),
        TokenAlgorithm::RS256 => EncodingKey::from_rsa_pem(bytes),
        TokenAlgorithm::ES256 => EncodingKey::from_ec_pem(bytes),
        TokenAlgorithm::EdDSA => EncodingKey::from_ed_pem(bytes),
    };
    let key = key.map_err(|_| not_a_key(file, algorithm))?;
    if key.family() == AlgorithmFamily::Rsa {
        let bits = RsaPrivateKey::from_pkcs1_der(key.as_bytes()).map_or(0, |key| key.n().bits());
        if bits < LEAST_RSA_BITS {
            return Err(short_rsa_key(file, bits));
        }
    }
    Ok(key)
}

fn short_rsa_key(file: &Path, bits: usize) -> BadAuthConfig {
    BadAuthConfig::ShortRsaKey { file: file.display().to_string(), bits }
}

fn not_a_key(file: &Path, algorithm: TokenAlgorithm) -> BadAuthConfig {
    BadAuthConfig::NotAKey { file: file.display().to_string(), algorithm: algorithm.name().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::args::parse;

    #[test]
    fn a_secret_that_every_user_can_read_is_recognized() {
        let file = std::env::temp_dir().join(format!("flowfi-secret-{}", std::process::id()));
        fs::write(&file, "a secret of the tests, longer than 32 bytes\n").unwrap();
        for (mode, is_open) in [(0o600, false), (0o640, false), (0o644, true), (0o604, true)] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_open_to_others(&file), is_open, "{mode:o}");
            assert!(secret_of(None, Some(&file)).is_ok());
        }
        fs::remove_file(file).unwrap();
    }

    #[test]
    fn a_short_rsa_key_in_a_file_is_refused() {
        let short = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/rsa-1024.pub.pem");
        let flags = ["--token-algorithm", "RS256", "--token-key-file", short];
        let refused = crate::auth::TokenKeys::from_args(&parse(&flags), "an issuer", None).unwrap_err();
        assert!(matches!(refused, BadAuthConfig::ShortRsaKey { bits: 1_024, .. }), "{refused}");
        let signing = private_key(Path::new(&short.replace(".pub", "")), TokenAlgorithm::RS256);
        assert!(matches!(signing, Err(BadAuthConfig::ShortRsaKey { bits: 1_024, .. })));
    }
}
