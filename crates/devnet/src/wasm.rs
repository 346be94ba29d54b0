//! Which code the stream contract runs, as the network names code: by its hash.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{code::ContractCode, hash};

/// The hash of a contract's code; 64 hex digits as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WasmHash(pub [u8; 32]);

/// A text that is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a hash is 64 hexadecimal digits")]
pub struct NotAHash;

impl WasmHash {
    /// Returns the hash under which a network has this code at its start.
    pub(super) fn of(code: ContractCode) -> Self {
        let text = match code {
            ContractCode::A => "flowfi devnet stream contract's code",
            ContractCode::B => "flowfi devnet stream contract's newer code",
        };
        Self(Sha256::digest(text).into())
    }

    /// Returns the code that an upgrade without a code of its own leads to.
    pub(super) fn next(self) -> Self {
        Self(Sha256::digest(self.0).into())
    }
}

impl FromStr for WasmHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        hash::from_hex(text).map(Self).ok_or(NotAHash)
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
