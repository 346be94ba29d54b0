//! What owners do with their API keys: make, list, rotate and delete them.

use data_encoding::HEXLOWER;
use tracing::info;

use super::{
    ApiKey, ApiKeyRefusal, ApiKeyRequest, ApiKeySecret, Scope, Subject, Token,
    access::Auth,
    api_key::{self, ID_BYTES},
    token::LEEWAY_SECONDS,
};
use crate::store::{ApiKeyAdmission, ApiKeyShare, KeyOwner, NewSecret, Rotated, Share, StoreError};

impl Auth {
    /// Makes an API key, and returns it with its secret, which is not kept anywhere.
    ///
    /// # Errors
    /// The subject has or made too many keys, or the database did not answer.
    pub async fn make_api_key(
        &self,
        request: ApiKeyRequest,
        by: &Subject,
    ) -> Result<(ApiKey, ApiKeySecret), ApiKeyRefusal> {
        let (now, secret) = (self.now(), ApiKeySecret::new(self.random()));
        let key = ApiKey {
            id: HEXLOWER.encode(&self.random::<ID_BYTES>()),
            subject: request.subject,
            name: request.name,
            scopes: request.scopes,
            created_by: by.clone(),
            issued_at: now,
            issued_by: Some(by.clone()),
            expires_at: now.plus_seconds(request.ttl_seconds),
            last_used_at: None,
        };
        let at_once = Share { holder: &key.subject.holder(), most: api_key::MOST_OF_A_SUBJECT };
        let share = ApiKeyShare { at_once, most_in_a_day: api_key::MOST_IN_A_DAY };
        match self.0.store.put_api_key(&key.row(), &secret.hash(), share).await? {
            ApiKeyAdmission::TooMany => Err(ApiKeyRefusal::TooMany),
            ApiKeyAdmission::TooManyInADay => Err(ApiKeyRefusal::TooManyInADay),
            ApiKeyAdmission::Kept => {
                info!(key.id, subject = %key.subject, by = %by, "{by} made the API key {} of {}", key.id, key.subject);
                Ok((key, secret))
            }
        }
    }

    /// Returns the API keys of a subject, without the oldest of the expired ones if there are many. The flag says whether a
    /// revocation of the subject or of a maker covers the key.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn api_keys_of(&self, subject: &Subject) -> Result<Vec<(ApiKey, bool)>, StoreError> {
        let rows = self.0.store.api_keys_of(subject.as_str(), self.now(), api_key::MOST_LISTED).await?;
        let keys = rows.into_iter().map(ApiKey::try_from);
        keys.map(|key| {
            key.map(|key| {
                let is_revoked = self.revokes(&key);
                (key, is_revoked)
            })
        })
        .collect()
    }

    /// Returns whether a revocation of an API key's subject, or of whoever made the key or its current secret, covers that
    /// secret.
    #[must_use]
    pub fn revokes(&self, key: &ApiKey) -> bool {
        self.0.revocations.holds(&key.clone().token())
    }

    /// Gives an API key a new secret; earlier ones stay valid for `overlap_seconds` at most. An operator may rotate every
    /// key, anybody else only keys of its own subject that grant no more than its token: whoever gets the secret can do
    /// what the key grants. Returns `None` if there is no such key.
    ///
    /// # Errors
    /// The key grants more than the token, has too many valid secrets or was rotated too often just now, or the database
    /// did not answer.
    pub async fn rotate_api_key(
        &self,
        id: &str,
        by: &Token,
        overlap_seconds: u64,
    ) -> Result<Option<(ApiKey, ApiKeySecret)>, ApiKeyRefusal> {
        let (now, secret) = (self.now(), ApiKeySecret::new(self.random()));
        let fresh = NewSecret {
            hash: &secret.hash(),
            by: by.subject.as_str(),
            now,
            earlier_until: now.plus_seconds(overlap_seconds),
            most_earlier: api_key::MOST_EARLIER_SECRETS,
            // A revocation covers what is dated so far ahead, and no more.
            latest_issue: now.plus_seconds(LEEWAY_SECONDS),
        };
        let scopes: Vec<&str> = by.scopes.iter().map(|scope| scope.as_str()).collect();
        let owner = KeyOwner { subject: by.subject.as_str(), scopes: &scopes };
        let owner = Some(owner).filter(|_| !by.allows(Scope::Admin));
        match self.0.store.rotate_api_key(id, owner, fresh).await? {
            Rotated::Done(row) => {
                let key = ApiKey::try_from(row)?;
                let (subject, by) = (&key.subject, &by.subject);
                info!(key.id, subject = %subject, by = %by, "{by} rotated the API key {} of {subject}", key.id);
                Ok(Some((key, secret)))
            }
            Rotated::NoSuchKey => Ok(None),
            Rotated::LacksScope(scope) => Err(ApiKeyRefusal::LacksScope(scope)),
            Rotated::TooManySecrets => Err(ApiKeyRefusal::TooManySecrets),
            Rotated::TooOften => Err(ApiKeyRefusal::TooOften),
        }
    }

    /// Deletes an API key, which ends its open streams. An operator may delete every key, anybody else only keys of its own
    /// subject. Returns whether there was such a key.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn delete_api_key(&self, id: &str, by: &Token) -> Result<bool, StoreError> {
        let owner = Some(by.subject.as_str()).filter(|_| !by.allows(Scope::Admin));
        let Some(subject) = self.0.store.delete_api_key(id, owner, self.now()).await? else { return Ok(false) };
        let by = &by.subject;
        info!(key.id = id, subject, by = %by, "{by} deleted the API key {id} of {subject}");
        Ok(true)
    }
}
