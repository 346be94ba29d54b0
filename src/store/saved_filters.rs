//! The `saved_filters` table: lists of streams and users that callers keep under names of their own.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Share, Store, StoreError};
use crate::domain::{Address, StreamKey};

/// What a filter names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedFilter {
    /// Streams.
    pub streams: Vec<StreamKey>,
    /// Senders and recipients.
    pub users: Vec<Address>,
    /// When it was saved; the database decides.
    pub saved_at: DateTime<Utc>,
}

/// A filter in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedFilterSummary {
    /// Its name.
    pub name: String,
    /// How many streams it names.
    pub streams: usize,
    /// How many users it names.
    pub users: usize,
    /// When it was saved.
    pub saved_at: DateTime<Utc>,
}

/// What became of a filter that was to be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saving {
    /// There was none of that name; it was saved at this time.
    Created(DateTime<Utc>),
    /// It took the place of another; it was saved at this time.
    Replaced(DateTime<Utc>),
    /// The holder has too many.
    TooMany,
}

impl Store {
    /// Saves a filter in place of an earlier one of the same name, unless the holder of the share has too many.
    pub async fn save_filter(
        &self,
        (owner, name): (&str, &str),
        (streams, users): (&[StreamKey], &[Address]),
        share: Share<'_>,
    ) -> Result<Saving, StoreError> {
        let streams: Vec<String> = streams.iter().map(|(contract_id, id)| format!("{contract_id}:{id}")).collect();
        let users: Vec<String> = users.iter().map(ToString::to_string).collect();
        let save = async |connection: &mut PgConnection| {
            share.hold(connection, "saved_filters").await?;
            let saved = sqlx::query!(
                r#"insert into saved_filters as saved (owner, name, holder, streams, users)
                   select $1, $2, $3, $4, $5
                   where (select count(*) from saved_filters where holder = $3 and (owner, name) <> ($1, $2)) < $6
                   on conflict (owner, name) do update
                   set streams = excluded.streams, users = excluded.users, saved_at = excluded.saved_at
                   returning saved_at, saved.xmax = 0 as "is_new!""#,
                owner,
                name,
                share.holder,
                &streams[..],
                &users[..],
                i64::from(share.most),
            );
            Ok(saved.fetch_optional(connection).await?)
        };
        let mut transaction = self.pool.begin().await?;
        let saved = transaction.within(save).await?;
        transaction.commit().await?;
        Ok(match saved {
            None => Saving::TooMany,
            Some(row) if row.is_new => Saving::Created(row.saved_at),
            Some(row) => Saving::Replaced(row.saved_at),
        })
    }

    /// Returns a filter of this owner and name, if there is one.
    pub async fn saved_filter(&self, owner: &str, name: &str) -> Result<Option<SavedFilter>, StoreError> {
        let row = sqlx::query!(
            "select streams, users, saved_at from saved_filters where owner = $1 and name = $2",
            owner,
            name,
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let streams = row.streams.iter().map(|text| stream_of(text).ok_or_else(|| unreadable(text)));
        let users = row.users.iter().map(|text| text.parse().map_err(|_| unreadable(text)));
        let (streams, users) = (streams.collect::<Result<_, _>>()?, users.collect::<Result<_, _>>()?);
        Ok(Some(SavedFilter { streams, users, saved_at: row.saved_at }))
    }

    /// Returns what filters an owner has, in the order of their names. No owner can have more than its share.
    pub async fn saved_filters_of(&self, owner: &str) -> Result<Vec<SavedFilterSummary>, StoreError> {
        let rows = sqlx::query!(
            r#"select name, cardinality(streams) as "streams!", cardinality(users) as "users!", saved_at
               from saved_filters where owner = $1 order by name collate "C""#,
            owner,
        )
        .fetch_all(&self.pool)
        .await?;
        let summaries = rows.into_iter().map(|row| {
            let (streams, users) = (count(row.streams)?, count(row.users)?);
            Ok(SavedFilterSummary { name: row.name, streams, users, saved_at: row.saved_at })
        });
        summaries.collect()
    }

    /// Deletes a filter. Returns whether there was one.
    pub async fn delete_saved_filter(&self, owner: &str, name: &str) -> Result<bool, StoreError> {
        let deleted = sqlx::query!("delete from saved_filters where owner = $1 and name = $2", owner, name)
            .execute(&self.pool)
            .await?;
        Ok(deleted.rows_affected() == 1)
    }
}

fn count(cardinality: i32) -> Result<usize, StoreError> {
    usize::try_from(cardinality).map_err(|_| StoreError::Corrupt(format!("{cardinality} items in a saved filter")))
}

fn stream_of(text: &str) -> Option<StreamKey> {
    let (contract_id, stream_id) = text.split_once(':')?;
    Some((contract_id.parse().ok()?, stream_id.parse().ok()?))
}

fn unreadable(text: &str) -> StoreError {
    StoreError::Corrupt(format!("{text:?} in a saved filter"))
}
