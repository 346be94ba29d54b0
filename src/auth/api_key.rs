//! API keys: credentials for a service that has no wallet to sign in with. Only the hash of the secret is stored. Each
//! key belongs to one subject, and has scopes and an expiry.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{Scope, Subject, Token};
use crate::{
    domain::UnixTime,
    store::{ApiKeyRow, StoreError},
};

/// Every key begins with this, which tells it from a token and makes a leaked key easy to find.
const PREFIX: &str = "flowfi_key_";
/// Enough random bytes that nobody can guess them.
pub(super) const SECRET_BYTES: usize = 32;
/// The length of a key's public id.
pub(super) const ID_BYTES: usize = 8;
/// The limit of keys per subject that are neither deleted nor expired.
pub(super) const MOST_OF_A_SUBJECT: u32 = 20;
/// The limit of keys that are made for a subject within a day.
pub(super) const MOST_IN_A_DAY: u32 = 100;
/// The limit of keys in a list: all valid ones, and the newest expired ones.
pub(super) const MOST_LISTED: u32 = 200;
/// The limit of secrets that stay valid beside the current one. A client that lost the answer to a rotation can retry this
/// many times.
pub(super) const MOST_EARLIER_SECRETS: u32 = 4;

/// A request for a new key.
#[derive(Clone, Debug)]
pub struct ApiKeyRequest {
    /// The subject that it stands for.
    pub subject: Subject,
    /// The name that its owner gave it.
    pub name: String,
    /// The scopes that it grants.
    pub scopes: Vec<Scope>,
    /// Its lifetime in seconds.
    pub ttl_seconds: u64,
}

/// A key as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its public id.
    pub id: String,
    /// The subject that it stands for.
    pub subject: Subject,
    /// The name that its owner gave it.
    pub name: String,
    /// The scopes that it grants.
    pub scopes: Vec<Scope>,
    /// The subject that made it. Revoking that subject's tokens revokes the key too.
    pub created_by: Subject,
    /// When the secret was made: at the start, or by a rotation.
    pub issued_at: UnixTime,
    /// The subject that made the secret; `None` if an older version made it. Revoking that subject's tokens revokes the
    /// secret too.
    pub issued_by: Option<Subject>,
    /// When it expires.
    pub expires_at: UnixTime,
    /// When it was last used, to the minute.
    pub last_used_at: Option<UnixTime>,
}

/// Why a key is not made or rotated.
#[derive(Debug, Error)]
pub enum ApiKeyRefusal {
    /// The subject has too many keys.
    #[error("this subject has {MOST_OF_A_SUBJECT} keys; delete one first")]
    TooMany,
    /// Too many keys were made for the subject.
    #[error("{MOST_IN_A_DAY} keys were made for this subject within a day; rotate a key rather than make another")]
    TooManyInADay,
    /// Too many earlier secrets are valid.
    #[error(
        "{MOST_EARLIER_SECRETS} earlier secrets of this key are still valid; wait until one ends, or send \
         {{\"overlapSeconds\": 0}} to end all of them"
    )]
    TooManySecrets,
    /// The key was rotated too often.
    #[error("this key was rotated several times just now; try again in a few seconds")]
    TooOften,
    /// The key would grant, or grants, a scope that the caller lacks.
    #[error("a key with the scope {0} needs a token with it")]
    LacksScope(String),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The full text of a key. It must not be logged.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeySecret(pub String);

impl ApiKeySecret {
    pub(super) fn new(secret: [u8; SECRET_BYTES]) -> Self {
        Self(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(secret)))
    }

    /// Returns the hash that the key is stored under.
    pub(super) fn hash(&self) -> [u8; 32] {
        hash_of(&self.0)
    }
}

impl std::fmt::Debug for ApiKeySecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ApiKeySecret")
    }
}

/// Returns whether a text has the form of a key.
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
            issued_by: self.issued_by.as_ref().map(Subject::to_string),
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
        }
    }

    /// Returns the token that a request with this key counts as.
    pub(super) fn token(self) -> Token {
        Token {
            subject: self.subject,
            scopes: self.scopes,
            issued_at: Some(self.issued_at),
            expires_at: self.expires_at,
            api_key: Some(self.id),
            created_by: Some(self.created_by),
            issued_by: self.issued_by,
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
            issued_by: row.issued_by.map(subject).transpose()?,
            id: row.id,
            name: row.name,
            scopes: Scope::read_all(&row.scopes),
            issued_at: row.issued_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        })
    }
}
