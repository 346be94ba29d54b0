//! What sign-in uses up or revokes: answered challenges, tickets, and revocations of tokens.

use serde_json::Value;
use sqlx::PgConnection;

use super::{Share, Store, StoreError, listen};
use crate::domain::UnixTime;

/// A stored ticket. Nobody who reads the table can use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketRow {
    /// The content of the token that it was issued for.
    pub token: Value,
    /// The filter that it was issued for.
    pub filter: String,
    /// When it expires.
    pub expires_at: UnixTime,
}

/// A revocation of a subject's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The subject.
    pub subject: String,
    /// Tokens made up to this time are revoked.
    pub revoked_at: UnixTime,
    /// Whether later tokens are revoked too.
    pub banned: bool,
}

/// How long used-up items are remembered after they expire, in seconds: the clock of another node may be behind.
const CLOCKS_DIFFER: u64 = 3_600;

impl Store {
    /// Records that a challenge was answered. Returns whether this was the first time. Forgets expired challenges.
    pub async fn consume_challenge(
        &self,
        hash: &[u8; 32],
        expires_at: UnixTime,
        now: UnixTime,
    ) -> Result<bool, StoreError> {
        let long_past = UnixTime(now.0.saturating_sub(CLOCKS_DIFFER));
        sqlx::query!("delete from consumed_challenges where expires_at < $1", seconds(long_past)?)
            .execute(&self.pool)
            .await?;
        let inserted = sqlx::query!(
            "insert into consumed_challenges (hash, expires_at) values ($1, $2) on conflict do nothing",
            &hash[..],
            seconds(expires_at)?,
        )
        .execute(&self.pool)
        .await?;
        Ok(inserted.rows_affected() == 1)
    }

    /// Keeps a ticket by the hash of its text. Those that nobody used in time are forgotten. Returns whether it was kept:
    /// the holder of the share has only so many at once.
    pub async fn put_ticket(
        &self,
        hash: &[u8; 32],
        ticket: &TicketRow,
        now: UnixTime,
        share: Share<'_>,
    ) -> Result<bool, StoreError> {
        sqlx::query!("delete from tickets where expires_at < $1", seconds(now)?).execute(&self.pool).await?;
        let put = async |connection: &mut PgConnection| {
            share.hold(connection, "tickets").await?;
            let inserted = sqlx::query!(
                "insert into tickets (hash, token, filter, expires_at, holder)
                 select $1, $2, $3, $4, $5
                 where (select count(*) from tickets where coalesce(holder, token ->> 'subject') = $5) < $6",
                &hash[..],
                ticket.token,
                ticket.filter,
                seconds(ticket.expires_at)?,
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

    /// Returns a ticket, if it is there, and leaves it there.
    pub async fn ticket(&self, hash: &[u8; 32]) -> Result<Option<TicketRow>, StoreError> {
        let row = sqlx::query!("select token, filter, expires_at from tickets where hash = $1", &hash[..])
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| Ok(TicketRow { token: row.token, filter: row.filter, expires_at: time(row.expires_at)? }))
            .transpose()
    }

    /// Takes a ticket away. Returns whether it was there: of two who come with the same one, one gets it.
    pub async fn take_ticket(&self, hash: &[u8; 32]) -> Result<bool, StoreError> {
        let taken = sqlx::query!("delete from tickets where hash = $1", &hash[..]).execute(&self.pool).await?;
        Ok(taken.rows_affected() == 1)
    }

    /// Takes back every token of a subject that was made until `leeway_seconds` from now, by this node's clock (`now`) or
    /// the database's, whichever is ahead; sets or lifts a ban, if wanted; and wakes who watches for that.
    pub async fn revoke(
        &self,
        subject: &str,
        revoked_by: &str,
        (now, leeway_seconds): (UnixTime, u64),
        ban: Option<bool>,
    ) -> Result<(), StoreError> {
        let revoke = async |connection: &mut PgConnection| {
            sqlx::query!(
                "insert into revocations (subject, revoked_at, revoked_by, banned)
                 values ($1, greatest($2, extract(epoch from now())::bigint) + $3, $4, coalesce($5, false))
                 on conflict (subject) do update set
                     revoked_at = greatest(revocations.revoked_at, excluded.revoked_at),
                     revoked_by = excluded.revoked_by, banned = coalesce($5, revocations.banned)",
                subject,
                seconds(now)?,
                seconds(UnixTime(leeway_seconds))?,
                revoked_by,
                ban,
            )
            .execute(&mut *connection)
            .await?;
            listen::notify(connection, listen::REVOKED).await
        };
        let mut transaction = self.pool.begin().await?;
        transaction.within(revoke).await?;
        Ok(transaction.commit().await?)
    }

    /// Returns every revocation.
    pub async fn revocations(&self) -> Result<Vec<Revocation>, StoreError> {
        let rows = sqlx::query!("select subject, revoked_at, banned from revocations").fetch_all(&self.pool).await?;
        let revocations = rows
            .into_iter()
            .map(|row| Ok(Revocation { subject: row.subject, revoked_at: time(row.revoked_at)?, banned: row.banned }));
        revocations.collect()
    }
}

pub(super) fn seconds(time: UnixTime) -> Result<i64, StoreError> {
    i64::try_from(time.0).map_err(|_| StoreError::Corrupt(format!("the time {time}")))
}

pub(super) fn time(seconds: i64) -> Result<UnixTime, StoreError> {
    u64::try_from(seconds).map(UnixTime).map_err(|_| StoreError::Corrupt(format!("the time {seconds}")))
}
