//! The service's own Stellar key, which signs challenges, and the check of signatures by other keys.

use std::fmt;

use ed25519_dalek::{Signer, VerifyingKey};
use secrecy::{ExposeSecret, SecretString};
use stellar_strkey::Strkey;

use super::BadAuthConfig;
use crate::{domain::Address, xdr::Signature};

/// A signing key with its address.
pub(super) struct SigningKey {
    key: ed25519_dalek::SigningKey,
    address: Address,
}

impl SigningKey {
    /// Reads a seed, `S…`.
    pub(super) fn from_seed(seed: &SecretString) -> Result<Self, BadAuthConfig> {
        let seed: Result<stellar_strkey::ed25519::PrivateKey, _> = seed.expose_secret().trim().parse();
        let key = ed25519_dalek::SigningKey::from_bytes(&seed.map_err(|_| BadAuthConfig::NotASeed)?.0);
        let public = stellar_strkey::ed25519::PublicKey(key.verifying_key().to_bytes());
        let address = Address::from_strkey(&Strkey::PublicKeyEd25519(public)).expect("a public key is an address");
        Ok(Self { key, address })
    }

    pub(super) const fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn public(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    pub(super) fn sign(&self, hash: &[u8; 32]) -> Signature {
        Signature { hint: hint_of(&self.public()), bytes: self.key.sign(hash).to_bytes().to_vec() }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Returns the 32-byte key behind an account `G…` or a muxed account `M…`.
pub(super) fn public_key_of(address: &Address) -> Option<[u8; 32]> {
    match Strkey::from_string(address.as_str()) {
        Ok(Strkey::PublicKeyEd25519(key)) => Some(key.0),
        Ok(Strkey::MuxedAccountEd25519(account)) => Some(account.ed25519),
        _ => None,
    }
}

/// Returns whether this key made this signature. As on the network, the hint must be the key's.
pub(super) fn has_signed(key: &[u8; 32], hash: &[u8; 32], signature: &Signature) -> bool {
    let Ok(bytes) = <[u8; 64]>::try_from(signature.bytes.as_slice()) else { return false };
    let Ok(verifying) = VerifyingKey::from_bytes(key) else { return false };
    signature.hint == hint_of(key)
        && verifying.verify_strict(hash, &ed25519_dalek::Signature::from_bytes(&bytes)).is_ok()
}

fn hint_of(key: &[u8; 32]) -> [u8; 4] {
    let [.., a, b, c, d] = *key;
    [a, b, c, d]
}
