//! What sign-in uses up or takes back: challenges that were answered, tickets, revocations.

use serde_json::Value;
use sqlx::PgConnection;

use super::{Store, StoreError, listen};
use crate::domain::UnixTime;

/// A ticket as it is kept: nobody who reads the table can use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketRow {
    /// What the token said that it was made for.
    pub token: Value,
    /// What it was made for.
    pub filter: String,
    /// Until when it is good.
    pub expires_at: UnixTime,
}

/// That a subject's tokens were taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Whose.
    pub subject: String,
    /// Tokens made up to this time are not taken any more.
    pub revoked_at: UnixTime,
    /// Later ones are not either.
    pub banned: bool,
}

/// So long, in seconds, what was used up is remembered after its end: the clock of another node may be behind.
const CLOCKS_DIFFER: u64 = 3_600;

impl Store {
    /// Notes that a challenge was answered; says whether that was the first time. Those that have expired are forgotten.
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
    /// a subject has only so many at once.
    pub async fn put_ticket(
        &self,
        hash: &[u8; 32],
        ticket: &TicketRow,
        now: UnixTime,
        most_of_subject: u32,
    ) -> Result<bool, StoreError> {
        sqlx::query!("delete from tickets where expires_at < $1", seconds(now)?).execute(&self.pool).await?;
        let inserted = sqlx::query!(
            "insert into tickets (hash, token, filter, expires_at)
             select $1, $2, $3, $4
             where (select count(*) from tickets where token ->> 'subject' = $2::jsonb ->> 'subject') < $5",
            &hash[..],
            ticket.token,
            ticket.filter,
            seconds(ticket.expires_at)?,
            i64::from(most_of_subject),
        )
        .execute(&self.pool)
        .await?;
        Ok(inserted.rows_affected() == 1)
    }

    /// Takes a ticket away and returns it, if it is there: of two who come with the same one, one gets it.
    pub async fn take_ticket(&self, hash: &[u8; 32]) -> Result<Option<TicketRow>, StoreError> {
        let row = sqlx::query!("delete from tickets where hash = $1 returning token, filter, expires_at", &hash[..])
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| Ok(TicketRow { token: row.token, filter: row.filter, expires_at: time(row.expires_at)? }))
            .transpose()
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
