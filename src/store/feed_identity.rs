//! What tells the feed of one database from that of any other: a server that many deployments share carries the events of
//! all of them.

use super::{CarriedEvents, Store, StoreError, carried};

/// Names a feed. A replica's feed has the name of its primary's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedIdentity {
    name: String,
    schema: String,
}

impl FeedIdentity {
    /// Returns the name: the number that PostgreSQL gave the cluster when it was created, the database and the schema.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the text that carries these events of this feed.
    pub fn encode(&self, carried: CarriedEvents) -> Result<String, StoreError> {
        carried::encode(self.schema.clone(), carried)
    }

    /// Reads such a text. Returns `None` for one of another schema, or of another form.
    #[must_use]
    pub fn decode(&self, text: &str) -> Option<CarriedEvents> {
        carried::decode(text, &self.schema)
    }
}

impl Store {
    /// Returns the identity of this database's feed.
    pub async fn feed_identity(&self) -> Result<FeedIdentity, StoreError> {
        let row = sqlx::query!(
            r#"select (select system_identifier from pg_control_system()) as "cluster!",
                      current_database()::text as "database!", current_schema()::text as "schema!""#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(FeedIdentity { name: format!("{}:{}:{}", row.cluster, row.database, row.schema), schema: row.schema })
    }

    /// Returns whether the database is a replica: it may lack what its primary has committed.
    pub async fn is_replica(&self) -> Result<bool, StoreError> {
        let is_replica = sqlx::query_scalar!(r#"select pg_is_in_recovery() as "is_replica!""#);
        Ok(is_replica.fetch_one(&self.pool).await?)
    }
}
