//! Tickets: a credential for clients that cannot send headers. A ticket is valid once, for a minute, for one filter.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::domain::UnixTime;

/// A ticket's lifetime.
pub(super) const TTL_SECONDS: u64 = 60;
/// The limit of unused tickets per subject, or per address of callers without a token. A page needs one for each event
/// stream that it opens.
pub(super) const MOST_OF_A_HOLDER: u32 = 50;
/// Enough random bytes that nobody can guess them.
pub(super) const SECRET_BYTES: usize = 32;

/// A ticket as its owner gets it.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The text to send. It must not be logged.
    pub text: String,
    /// When it expires.
    pub expires_at: UnixTime,
}

impl Ticket {
    pub(super) fn new(secret: [u8; SECRET_BYTES], expires_at: UnixTime) -> Self {
        Self { text: BASE64_URL_SAFE_NO_PAD.encode(secret), expires_at }
    }
}

/// Returns the hash that a ticket is stored under.
pub(super) fn hash_of(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Ticket").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
