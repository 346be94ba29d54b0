//! SHA-256 hashes, and how they are written.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub(super) type Hash = [u8; 32];

/// Returns the hash of bytes.
pub(super) fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// Returns a hash as 64 hex digits.
pub(super) fn hex(hash: &Hash) -> String {
    HEXLOWER.encode(hash)
}

/// Returns the bytes that 64 hex digits stand for, if the text is that.
pub(super) fn from_hex(text: &str) -> Option<Hash> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?.try_into().ok()
}
