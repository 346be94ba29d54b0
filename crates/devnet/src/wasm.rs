//! Which code the stream contract runs, as the network names code: by its hash.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::hash;

/// The hash of a contract's code; 64 hex digits as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WasmHash(pub [u8; 32]);

/// A text that is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a hash is 64 hexadecimal digits")]
pub struct NotAHash;

impl WasmHash {
    /// Returns the code that a network's stream contract starts with.
    pub(super) fn first() -> Self {
        Self(Sha256::digest("flowfi devnet stream contract's code").into())
    }

    /// Returns the code that an upgrade without a code of its own leads to.
    pub(super) fn next(self) -> Self {
        Self(Sha256::digest(self.0).into())
    }
}

impl FromStr for WasmHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(NotAHash);
        }
        let mut hash = [0; 32];
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = str::from_utf8(digits).map_err(|_| NotAHash)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| NotAHash)?;
        }
        Ok(Self(hash))
    }
}

impl TryFrom<String> for WasmHash {
    type Error = NotAHash;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<WasmHash> for String {
    fn from(hash: WasmHash) -> Self {
        hash::hex(&hash.0)
    }
}
