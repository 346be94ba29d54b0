//! Tickets: what a client that can send no headers shows instead of a token. Good once, for a minute, for one filter.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::domain::UnixTime;

/// How long a ticket is good for.
pub(super) const TTL_SECONDS: u64 = 60;
/// A page makes one for each event stream that it opens.
pub(super) const MOST_OF_A_SUBJECT: u32 = 50;
/// So many random bytes cannot be guessed.
pub(super) const SECRET_BYTES: usize = 32;

/// A ticket as its owner gets it.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The text to show. Not for logs.
    pub text: String,
    /// Until when it is good.
    pub expires_at: UnixTime,
}

impl Ticket {
    pub(super) fn new(secret: [u8; SECRET_BYTES], expires_at: UnixTime) -> Self {
        Self { text: BASE64_URL_SAFE_NO_PAD.encode(secret), expires_at }
    }
}

/// Returns what a ticket is kept by.
pub(super) fn hash_of(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Ticket").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
