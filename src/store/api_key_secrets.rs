//! The secrets of API keys: the current one, and earlier ones that are valid for a while after a rotation. Of the latter,
//! the newest is in the key's row and the others are in `earlier_api_key_secrets`: a gateway of an older version knows
//! only the row.

use std::collections::HashMap;

use sqlx::PgConnection;

use super::{
    ApiKeyRow, Store, StoreError,
    api_keys::Row,
    listen,
    sign_in::{seconds, time},
};
use crate::domain::UnixTime;

/// The time of the last use is written at most once in this many seconds.
const USE_IS_NOTED_EVERY: u64 = 60;

/// A new secret of a key, and what it does to the secrets before it.
#[derive(Clone, Copy, Debug)]
pub struct NewSecret<'a> {
    /// The hash that it is stored under.
    pub hash: &'a [u8; 32],
    /// The subject that makes it.
    pub by: &'a str,
    /// The current time.
    pub now: UnixTime,
    /// No earlier secret stays valid beyond this time.
    pub earlier_until: UnixTime,
    /// The most earlier secrets that may be valid at once.
    pub most_earlier: u32,
    /// The latest time that the secret may be dated. Each secret is dated after the one before it, if only by a second.
    pub latest_issue: UnixTime,
}

/// An owner who rotates a key: only one of its own, and only one that grants no more than the owner has.
#[derive(Clone, Copy, Debug)]
pub struct KeyOwner<'a> {
    /// The subject that the key must belong to.
    pub subject: &'a str,
    /// The scopes of which the key may grant some.
    pub scopes: &'a [&'a str],
}

impl KeyOwner<'_> {
    /// Returns a scope that the owner lacks, of those that a key grants.
    fn lacks<'a>(&self, of_key: &'a str) -> Option<&'a str> {
        of_key.split_whitespace().find(|scope| !self.scopes.contains(scope))
    }
}

/// What became of a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// The key has its new secret.
    Done(ApiKeyRow),
    /// There is no such key.
    NoSuchKey,
    /// The key grants this scope, which its owner lacks.
    LacksScope(String),
    /// Too many earlier secrets are still valid.
    TooManySecrets,
    /// The key was rotated so often just now that a new secret would be dated too far ahead.
    TooOften,
}

/// What a rotation needs to know: what the key grants, when its current secret was made, and how many earlier ones are
/// valid.
struct Present {
    scopes: String,
    issued_at: i64,
    earlier: i64,
}

impl Store {
    /// Returns the key with this secret, even if it has expired. An earlier secret counts for as long as it stays valid.
    pub async fn api_key(&self, hash: &[u8; 32], now: UnixTime) -> Result<Option<ApiKeyRow>, StoreError> {
        let row = sqlx::query_as!(
            Row,
            r#"with secret (api_key, issued_at, issued_by) as (
                   select id, issued_at, issued_by from api_keys where hash = $1
                   union all
                   select id, previous_issued_at, previous_issued_by from api_keys
                   where previous_hash = $1 and previous_until > $2
                   union all
                   select api_key, issued_at, issued_by from earlier_api_key_secrets where hash = $1 and valid_until > $2
               )
               select id, subject, name, scopes, created_by, secret.issued_at as "issued_at!", secret.issued_by, expires_at,
                   last_used_at
               from secret join api_keys on id = api_key
               where deleted_at is null
               order by secret.issued_at desc limit 1"#,
            &hash[..],
            seconds(now)?,
        );
        row.fetch_optional(&self.pool).await?.map(ApiKeyRow::try_from).transpose()
    }

    /// Records that a key was used now, unless its last use was noted within the last minute.
    pub async fn note_use_of_api_key(
        &self,
        id: &str,
        last_used_at: Option<UnixTime>,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        if last_used_at.is_none_or(|last| last.plus_seconds(USE_IS_NOTED_EVERY) <= now) {
            let now = seconds(now)?;
            sqlx::query!("update api_keys set last_used_at = greatest(last_used_at, $2) where id = $1", id, now)
                .execute(&self.pool)
                .await?;
        }
        Ok(())
    }

    /// Gives a key a new secret. With `owner`, only a key that this owner may rotate. Wakes the watchers of revocations.
    pub async fn rotate_api_key(
        &self,
        id: &str,
        owner: Option<KeyOwner<'_>>,
        secret: NewSecret<'_>,
    ) -> Result<Rotated, StoreError> {
        let rotate = async |connection: &mut PgConnection| {
            let (now, until) = (seconds(secret.now)?, seconds(secret.earlier_until)?);
            let subject = owner.map(|owner| owner.subject);
            let Some(present) = lock(connection, id, subject, now).await? else { return Ok(Rotated::NoSuchKey) };
            if let Some(scope) = owner.and_then(|owner| owner.lacks(&present.scopes)) {
                return Ok(Rotated::LacksScope(scope.to_owned()));
            }
            let issued_at = now.max(present.issued_at + 1);
            if issued_at > seconds(secret.latest_issue)? {
                return Ok(Rotated::TooOften);
            }
            if until > now && present.earlier >= i64::from(secret.most_earlier) {
                return Ok(Rotated::TooManySecrets);
            }
            move_previous(connection, id, (now, until)).await?;
            let row = sqlx::query_as!(
                Row,
                "update api_keys set
                     previous_hash = hash, previous_until = $4, previous_issued_at = issued_at,
                     previous_issued_by = issued_by, hash = $2, issued_at = $3, issued_by = $5
                 where id = $1
                 returning id, subject, name, scopes, created_by, issued_at, issued_by, expires_at, last_used_at",
                id,
                &secret.hash[..],
                issued_at,
                until,
                secret.by,
            )
            .fetch_one(&mut *connection)
            .await?;
            listen::notify_of(connection, listen::REVOKED, id).await?;
            ApiKeyRow::try_from(row).map(Rotated::Done)
        };
        let mut transaction = self.pool.begin().await?;
        let rotated = transaction.within(rotate).await?;
        transaction.commit().await?;
        Ok(rotated)
    }

    /// Returns when the oldest valid secret of each of these keys was made. A key that was deleted is left out.
    pub async fn valid_api_keys(&self, ids: &[String], now: UnixTime) -> Result<HashMap<String, UnixTime>, StoreError> {
        let rows = sqlx::query!(
            r#"select id, least(
                   issued_at,
                   case when previous_until > $2 then previous_issued_at end,
                   (select min(earlier.issued_at) from earlier_api_key_secrets as earlier
                    where api_key = id and valid_until > $2)
               ) as "valid_since!"
               from api_keys where id = any($1) and deleted_at is null"#,
            ids,
            seconds(now)?,
        );
        let rows = rows.fetch_all(&self.pool).await?;
        rows.into_iter().map(|row| Ok((row.id, time(row.valid_since)?))).collect()
    }
}

/// Locks a valid key until the transaction ends: of two rotations at once, the second sees what the first one did.
async fn lock(
    connection: &mut PgConnection,
    id: &str,
    subject: Option<&str>,
    now: i64,
) -> Result<Option<Present>, StoreError> {
    let locked = sqlx::query!(
        "select scopes, issued_at, previous_until > $3 as \"has_previous!\" from api_keys
         where id = $1 and deleted_at is null and expires_at > $3 and ($2::text is null or subject = $2)
         for update",
        id,
        subject,
        now,
    );
    let Some(key) = locked.fetch_optional(&mut *connection).await? else { return Ok(None) };
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from earlier_api_key_secrets where api_key = $1 and valid_until > $2"#,
        id,
        now,
    );
    let moved = count.fetch_one(connection).await?;
    Ok(Some(Present { scopes: key.scopes, issued_at: key.issued_at, earlier: moved + i64::from(key.has_previous) }))
}

/// Makes room in the row of a key for another previous secret. Earlier secrets keep their ends, unless `until` is sooner.
async fn move_previous(connection: &mut PgConnection, id: &str, (now, until): (i64, i64)) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into earlier_api_key_secrets (hash, api_key, issued_at, issued_by, valid_until)
         select previous_hash, id, previous_issued_at, previous_issued_by, previous_until from api_keys
         where id = $1 and previous_hash is not null",
        id,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "delete from earlier_api_key_secrets where api_key = $1 and least(valid_until, $3) <= $2",
        id,
        now,
        until,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update earlier_api_key_secrets set valid_until = $2 where api_key = $1 and valid_until > $2",
        id,
        until,
    )
    .execute(connection)
    .await?;
    Ok(())
}
