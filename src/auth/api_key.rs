//! API keys: what a service shows that has no wallet to sign in with. Kept by the hash of their secret, each for one
//! subject, with scopes and an end.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::{Scope, Subject, Token};
use crate::{
    domain::UnixTime,
    store::{ApiKeyRow, StoreError},
};

/// What every key begins with, so that it is told from a token, and found where it was left by mistake.
const PREFIX: &str = "flowfi_key_";
/// So many random bytes cannot be guessed.
pub(super) const SECRET_BYTES: usize = 32;
/// The bytes of a key's public name.
pub(super) const ID_BYTES: usize = 8;
/// A subject has no more keys at once.
pub(super) const MOST_OF_A_SUBJECT: u32 = 20;

/// A key to be made.
#[derive(Clone, Debug)]
pub struct ApiKeyRequest {
    /// Whom it stands for.
    pub subject: Subject,
    /// What its owner calls it.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// How long it is good for, in seconds.
    pub ttl_seconds: u64,
}

/// A key as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its public name.
    pub id: String,
    /// Whom it stands for.
    pub subject: Subject,
    /// What its owner calls it.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// Who made it: a revocation of theirs takes the key back too.
    pub created_by: Subject,
    /// When it was made or last rotated.
    pub issued_at: UnixTime,
    /// Until when it is good.
    pub expires_at: UnixTime,
    /// When it was last used, to the minute.
    pub last_used_at: Option<UnixTime>,
}

/// The text to show. Not for logs.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeySecret(pub String);

impl ApiKeySecret {
    pub(super) fn new(secret: [u8; SECRET_BYTES]) -> Self {
        Self(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(secret)))
    }

    /// Returns what the key is kept by.
    pub(super) fn hash(&self) -> [u8; 32] {
        hash_of(&self.0)
    }
}

impl std::fmt::Debug for ApiKeySecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ApiKeySecret")
    }
}

/// Returns whether a text is meant as a key.
pub(super) fn is_api_key(text: &str) -> bool {
    text.starts_with(PREFIX)
}

pub(super) fn hash_of(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

impl ApiKey {
    pub(super) fn row(&self) -> ApiKeyRow {
        let words: Vec<&str> = self.scopes.iter().map(|scope| scope.as_str()).collect();
        ApiKeyRow {
            id: self.id.clone(),
            subject: self.subject.to_string(),
            name: self.name.clone(),
            scopes: words.join(" "),
            created_by: self.created_by.to_string(),
            issued_at: self.issued_at,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
        }
    }

    /// Returns what a request with this key may do.
    pub(super) fn token(self) -> Token {
        Token {
            subject: self.subject,
            scopes: self.scopes,
            issued_at: Some(self.issued_at),
            expires_at: self.expires_at,
            api_key: Some(self.id),
            created_by: Some(self.created_by),
        }
    }
}

impl TryFrom<ApiKeyRow> for ApiKey {
    type Error = StoreError;

    fn try_from(row: ApiKeyRow) -> Result<Self, StoreError> {
        let subject = |text| {
            Subject::try_from(text)
                .map_err(|rule| StoreError::Corrupt(format!("a subject of the API key {}: {rule}", row.id)))
        };
        Ok(Self {
            subject: subject(row.subject)?,
            created_by: subject(row.created_by)?,
            id: row.id,
            name: row.name,
            scopes: Scope::read_all(&row.scopes),
            issued_at: row.issued_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        })
    }
}
