//! Views of the tables that move. A view cannot be replaced by one with a column of another type, so each is dropped and
//! created again.

use sqlx::PgConnection;

use super::{StoreError, TABLES};
use crate::store::schemas::execute;

/// Statements about the views of the tables, in order.
#[derive(Debug, Default)]
pub(super) struct Views {
    drops: Vec<String>,
    creates: Vec<String>,
}

impl Views {
    /// Reads which views there are.
    pub(super) async fn of(connection: &mut PgConnection, live: &str) -> Result<Self, StoreError> {
        let tables = TABLES.map(str::to_owned);
        let rows = sqlx::query_file!("src/store/table_move/views.sql", live, &tables).fetch_all(connection).await?;
        let mut views = Self::default();
        for row in rows {
            if row.drops { &mut views.drops } else { &mut views.creates }.push(row.statement);
        }
        Ok(views)
    }

    /// Drops them.
    pub(super) async fn drop(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        for statement in &self.drops {
            execute(connection, statement.clone()).await?;
        }
        Ok(())
    }

    /// Creates them again, on the tables that have taken the place of the old ones.
    pub(super) async fn create(self, connection: &mut PgConnection) -> Result<(), StoreError> {
        for statement in self.creates {
            execute(connection, statement).await?;
        }
        Ok(())
    }
}
