//! The `api_keys` table: keys of services, stored under the hashes of their secrets. Times are Unix seconds.

use sqlx::PgConnection;

use super::{
    Share, Store, StoreError, listen,
    sign_in::{seconds, time},
};
use crate::domain::UnixTime;

/// The time of the last use is written at most once in this many seconds.
const USE_IS_NOTED_EVERY: i64 = 60;

/// A stored key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRow {
    /// Its public id.
    pub id: String,
    /// The subject that it stands for.
    pub subject: String,
    /// The name that its owner gave it.
    pub name: String,
    /// The scopes that it grants, separated by spaces.
    pub scopes: String,
    /// The subject that made it.
    pub created_by: String,
    /// When the current secret was made: at the start, or by the last rotation.
    pub issued_at: UnixTime,
    /// When it expires.
    pub expires_at: UnixTime,
    /// When it was last used, to the minute.
    pub last_used_at: Option<UnixTime>,
}

/// A key some or all of whose secrets were revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedApiKey {
    /// Its public id.
    pub id: String,
    /// When the oldest secret that is still valid was made; `None` if the whole key was deleted.
    pub current_since: Option<UnixTime>,
}

struct Row {
    id: String,
    subject: String,
    name: String,
    scopes: String,
    created_by: String,
    issued_at: i64,
    expires_at: i64,
    last_used_at: Option<i64>,
}

impl TryFrom<Row> for ApiKeyRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            subject: row.subject,
            name: row.name,
            scopes: row.scopes,
            created_by: row.created_by,
            issued_at: time(row.issued_at)?,
            expires_at: time(row.expires_at)?,
            last_used_at: row.last_used_at.map(time).transpose()?,
        })
    }
}

impl Store {
    /// Keeps a key by the hash of its secret. Returns whether it was kept: the holder of the share has at most so many that
    /// are neither deleted nor over.
    pub async fn put_api_key(&self, key: &ApiKeyRow, hash: &[u8; 32], share: Share<'_>) -> Result<bool, StoreError> {
        let put = async |connection: &mut PgConnection| {
            share.hold(connection, "api_keys").await?;
            let inserted = sqlx::query!(
                "insert into api_keys (id, subject, name, scopes, hash, created_by, issued_at, expires_at, holder)
                 select $1, $2, $3, $4, $5, $6, $7, $8, $9
                 where (
                     select count(*) from api_keys
                     where coalesce(holder, subject) = $9 and deleted_at is null and expires_at > $7
                 ) < $10",
                key.id,
                key.subject,
                key.name,
                key.scopes,
                &hash[..],
                key.created_by,
                seconds(key.issued_at)?,
                seconds(key.expires_at)?,
                share.holder,
                i64::from(share.most),
            )
            .execute(connection)
            .await?;
            Ok(inserted.rows_affected() == 1)
        };
        let mut transaction = self.pool.begin().await?;
        let is_kept = transaction.within(put).await?;
        transaction.commit().await?;
        Ok(is_kept)
    }

    /// Returns the keys of a subject that are not deleted, newest first.
    pub async fn api_keys_of(&self, subject: &str) -> Result<Vec<ApiKeyRow>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            "select id, subject, name, scopes, created_by, issued_at, expires_at, last_used_at from api_keys
             where subject = $1 and deleted_at is null order by issued_at desc, id",
            subject,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(ApiKeyRow::try_from).collect()
    }

    /// Returns the key with this secret, even if it has expired, and records the use. The secret before the last
    /// rotation counts for as long as it stays valid.
    pub async fn use_api_key(&self, hash: &[u8; 32], now: UnixTime) -> Result<Option<ApiKeyRow>, StoreError> {
        let now = seconds(now)?;
        let row = sqlx::query_as!(
            Row,
            "select id, subject, name, scopes, created_by,
                 case when hash = $1 then issued_at else previous_issued_at end as \"issued_at!\", expires_at, last_used_at
             from api_keys
             where deleted_at is null and (hash = $1 or (previous_hash = $1 and previous_until > $2))",
            &hash[..],
            now,
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        if row.last_used_at.is_none_or(|last| last + USE_IS_NOTED_EVERY <= now) {
            sqlx::query!("update api_keys set last_used_at = greatest(last_used_at, $2) where id = $1", row.id, now)
                .execute(&self.pool)
                .await?;
        }
        ApiKeyRow::try_from(row).map(Some)
    }

    /// Gives a key a new secret; the previous one stays valid until `previous_until`. With `subject`, only a key of
    /// that subject is rotated. Wakes the watchers of revocations.
    pub async fn rotate_api_key(
        &self,
        id: &str,
        subject: Option<&str>,
        hash: &[u8; 32],
        (now, previous_until): (UnixTime, UnixTime),
    ) -> Result<Option<ApiKeyRow>, StoreError> {
        let (now, previous_until) = (seconds(now)?, seconds(previous_until)?);
        let rotate = async |connection: &mut PgConnection| {
            let row = sqlx::query_as!(
                Row,
                "update api_keys set
                     previous_hash = hash, previous_until = $5, previous_issued_at = issued_at,
                     hash = $3, issued_at = greatest($4, issued_at + 1)
                 where id = $1 and deleted_at is null and expires_at > $4 and ($2::text is null or subject = $2)
                 returning id, subject, name, scopes, created_by, issued_at, expires_at, last_used_at",
                id,
                subject,
                &hash[..],
                now,
                previous_until,
            )
            .fetch_optional(&mut *connection)
            .await?;
            listen::notify(connection, listen::REVOKED).await?;
            Ok(row)
        };
        let mut transaction = self.pool.begin().await?;
        let row = transaction.within(rotate).await?;
        transaction.commit().await?;
        row.map(ApiKeyRow::try_from).transpose()
    }

    /// Deletes a key, and wakes the watchers of revocations. With `subject`, only a key of that subject is deleted.
    /// Returns whether there was such a key.
    pub async fn delete_api_key(&self, id: &str, subject: Option<&str>, now: UnixTime) -> Result<bool, StoreError> {
        let delete = async |connection: &mut PgConnection| {
            let deleted = sqlx::query!(
                "update api_keys set deleted_at = $3
                 where id = $1 and deleted_at is null and ($2::text is null or subject = $2)",
                id,
                subject,
                seconds(now)?,
            )
            .execute(&mut *connection)
            .await?;
            listen::notify(connection, listen::REVOKED).await?;
            Ok(deleted.rows_affected() == 1)
        };
        let mut transaction = self.pool.begin().await?;
        let is_deleted = transaction.within(delete).await?;
        transaction.commit().await?;
        Ok(is_deleted)
    }

    /// Returns the keys that may have revoked secrets: deleted ones, and rotated ones. Of the latter, the secret before the
    /// last rotation is valid for a while, and those before it no longer are.
    pub async fn revoked_api_keys(&self) -> Result<Vec<RevokedApiKey>, StoreError> {
        let rows = sqlx::query!(
            "select id, case
                 when deleted_at is not null then null
                 when previous_until > extract(epoch from now())::bigint then previous_issued_at
                 else issued_at
             end as current_since
             from api_keys
             where expires_at > extract(epoch from now())::bigint - 86400
               and (deleted_at is not null or previous_hash is not null)"
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let revoked = rows.into_iter().map(|row| {
            let current_since = row.current_since.map(time).transpose()?;
            Ok(RevokedApiKey { id: row.id, current_since })
        });
        revoked.collect()
    }
}
