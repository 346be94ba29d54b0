//! The `api_keys` table: keys of services, stored under the hashes of their secrets. Times are Unix seconds. What anybody
//! does with keys must not make it grow without bound.

use sqlx::PgConnection;

use super::{
    Share, Store, StoreError, listen,
    sign_in::{seconds, time},
};
use crate::domain::UnixTime;

const DAY_SECONDS: i64 = 86_400;

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
    /// When the secret was made: at the start, or by a rotation.
    pub issued_at: UnixTime,
    /// The subject that made the secret; `None` if an older version made it.
    pub issued_by: Option<String>,
    /// When it expires.
    pub expires_at: UnixTime,
    /// When it was last used, to the minute.
    pub last_used_at: Option<UnixTime>,
}

/// How many keys a holder may have, and how many it may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiKeyShare<'a> {
    /// The most that are neither deleted nor expired.
    pub at_once: Share<'a>,
    /// The most that are made within a day, including those that were deleted since.
    pub most_in_a_day: u32,
}

/// What became of a request for a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyAdmission {
    /// It is stored.
    Kept,
    /// The holder has too many keys.
    TooMany,
    /// The holder made too many keys within a day.
    TooManyInADay,
}

pub(super) struct Row {
    pub(super) id: String,
    pub(super) subject: String,
    pub(super) name: String,
    pub(super) scopes: String,
    pub(super) created_by: String,
    pub(super) issued_at: i64,
    pub(super) issued_by: Option<String>,
    pub(super) expires_at: i64,
    pub(super) last_used_at: Option<i64>,
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
            issued_by: row.issued_by,
            expires_at: time(row.expires_at)?,
            last_used_at: row.last_used_at.map(time).transpose()?,
        })
    }
}

impl Store {
    /// Stores a key under the hash of its secret, unless the holder of the share has or made too many.
    pub async fn put_api_key(
        &self,
        key: &ApiKeyRow,
        hash: &[u8; 32],
        share: ApiKeyShare<'_>,
    ) -> Result<ApiKeyAdmission, StoreError> {
        let put = async |connection: &mut PgConnection| {
            let now = seconds(key.issued_at)?;
            prune(connection, now).await?;
            share.at_once.hold(connection, "api_keys").await?;
            let admission = admission(connection, share, now).await?;
            if admission != ApiKeyAdmission::Kept {
                return Ok(admission);
            }
            sqlx::query!(
                "insert into api_keys
                     (id, subject, name, scopes, hash, created_by, issued_at, issued_by, created_at, expires_at, holder)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $7, $9, $10)",
                key.id,
                key.subject,
                key.name,
                key.scopes,
                &hash[..],
                key.created_by,
                now,
                key.issued_by,
                seconds(key.expires_at)?,
                share.at_once.holder,
            )
            .execute(connection)
            .await?;
            Ok(admission)
        };
        let mut transaction = self.pool.begin().await?;
        let admission = transaction.within(put).await?;
        transaction.commit().await?;
        Ok(admission)
    }

    /// Returns the keys of a subject that are not deleted, newest first: those that are valid, and of those that expired
    /// within a week the newest ones, `most` in all.
    pub async fn api_keys_of(&self, subject: &str, now: UnixTime, most: u32) -> Result<Vec<ApiKeyRow>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"select id as "id!", subject as "subject!", name as "name!", scopes as "scopes!",
                   created_by as "created_by!", issued_at as "issued_at!", issued_by, expires_at as "expires_at!",
                   last_used_at
               from (
                   select * from api_keys where subject = $1 and deleted_at is null and expires_at + 604800 >= $2
                   order by expires_at > $2 desc, issued_at desc, id limit $3
               ) as shown
               order by issued_at desc, id"#,
            subject,
            seconds(now)?,
            i64::from(most),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(ApiKeyRow::try_from).collect()
    }

    /// Deletes a key, and wakes the watchers of revocations. With `subject`, only a key of that subject is deleted.
    /// Returns the subject of the key, if there was such a key. The row stays for a day: gateways of an older version look
    /// for it, and it counts among the keys that its holder made.
    pub async fn delete_api_key(
        &self,
        id: &str,
        subject: Option<&str>,
        now: UnixTime,
    ) -> Result<Option<String>, StoreError> {
        let delete = async |connection: &mut PgConnection| {
            let now = seconds(now)?;
            let deleted = sqlx::query_scalar!(
                "update api_keys set deleted_at = $3
                 where id = $1 and deleted_at is null and ($2::text is null or subject = $2)
                 returning subject",
                id,
                subject,
                now,
            );
            let of = deleted.fetch_optional(&mut *connection).await?;
            if of.is_some() {
                prune(connection, now).await?;
                listen::notify_of(connection, listen::REVOKED, id).await?;
            }
            Ok(of)
        };
        let mut transaction = self.pool.begin().await?;
        let of = transaction.within(delete).await?;
        transaction.commit().await?;
        Ok(of)
    }
}

async fn admission(
    connection: &mut PgConnection,
    share: ApiKeyShare<'_>,
    now: i64,
) -> Result<ApiKeyAdmission, StoreError> {
    let counts = sqlx::query!(
        r#"select count(*) filter (where deleted_at is null and expires_at > $2) as "valid!",
               count(*) filter (where coalesce(created_at, issued_at) > $2 - $3::bigint) as "made_in_a_day!"
           from api_keys where coalesce(holder, subject) = $1"#,
        share.at_once.holder,
        now,
        DAY_SECONDS,
    )
    .fetch_one(connection)
    .await?;
    Ok(if counts.valid >= i64::from(share.at_once.most) {
        ApiKeyAdmission::TooMany
    } else if counts.made_in_a_day >= i64::from(share.most_in_a_day) {
        ApiKeyAdmission::TooManyInADay
    } else {
        ApiKeyAdmission::Kept
    })
}

/// Removes some of the rows that are no longer needed. Every writer removes more rows than it adds, and none removes so
/// many that it is slow. The condition is that of the index `api_keys_by_end`.
async fn prune(connection: &mut PgConnection, now: i64) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from api_keys where id in (
             select id from api_keys where least(deleted_at + 86400, expires_at + 604800) < $1
             order by least(deleted_at + 86400, expires_at + 604800) limit 50 for update skip locked
         )",
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}
