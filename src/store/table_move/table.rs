//! A table that moves: its key, and how each column is read from the old layout.

use sqlx::PgConnection;

use super::{MOVE, StoreError, TABLES};

/// A table that moves.
#[derive(Debug)]
pub(super) struct Table {
    /// Its name in both schemas.
    pub(super) name: &'static str,
    /// The old table, with its schema.
    pub(super) old: String,
    /// The new table, with its schema.
    pub(super) new: String,
    /// The columns of the primary key, with their types in the old table.
    pub(super) key: Vec<KeyColumn>,
    /// Every column that is stored and not computed.
    pub(super) columns: Vec<Column>,
}

/// A column of the primary key.
#[derive(Debug)]
pub(super) struct KeyColumn {
    pub(super) name: String,
    pub(super) old_type: String,
}

/// A column.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// What it is in terms of the old columns.
    pub(super) value: String,
}

impl Table {
    /// Returns all of them.
    pub(super) async fn all(connection: &mut PgConnection, live: &str) -> Result<Vec<Self>, StoreError> {
        let mut all = Vec::new();
        for name in TABLES {
            all.push(Self::of(connection, live, name).await?);
        }
        Ok(all)
    }

    async fn of(connection: &mut PgConnection, live: &str, name: &'static str) -> Result<Self, StoreError> {
        let (old, new) = (format!("\"{live}\".{name}"), format!("{MOVE}.{name}"));
        let rows = sqlx::query!(
            r#"select quote_ident(old.attname) as "name!", format_type(old.atttypid, old.atttypmod) as "old_type!",
                      format_type(new.atttypid, new.atttypmod) as "new_type!",
                      array_position(pg_index.indkey::smallint[], new.attnum) as place
               from pg_attribute as old
               join pg_attribute as new on new.attrelid = to_regclass($2) and new.attname = old.attname
               join pg_index on indrelid = new.attrelid and indisprimary
               where old.attrelid = to_regclass($1) and old.attnum > 0 and not old.attisdropped
                 and old.attgenerated = ''
               order by place, old.attnum"#,
            old,
            new,
        )
        .fetch_all(connection)
        .await?;
        let (mut key, mut columns) = (Vec::new(), Vec::new());
        for row in rows {
            if row.place.is_some() {
                key.push(KeyColumn { name: row.name.clone(), old_type: row.old_type.clone() });
            }
            let is_same = row.old_type == row.new_type;
            let value = if is_same { row.name.clone() } else { format!("{}::{}", row.name, row.new_type) };
            columns.push(Column { name: row.name, value });
        }
        Ok(Self { name, old, new, key, columns })
    }

    /// Returns the names of the columns.
    pub(super) fn names(&self) -> String {
        self.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Returns the values of the columns, from a row of the old table.
    pub(super) fn values(&self) -> String {
        self.columns.iter().map(|column| column.value.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Returns the columns of the key.
    pub(super) fn key(&self) -> String {
        self.key.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Returns what sets every column to the row that was to be inserted.
    pub(super) fn overwriting(&self) -> String {
        let assignments = self.columns.iter().map(|Column { name, .. }| format!("{name} = excluded.{name}"));
        assignments.collect::<Vec<_>>().join(", ")
    }

    /// Returns the condition that a row of the new table, `moved`, has the key of a row of the old one, `old`.
    pub(super) fn same_key(&self, moved: &str, old: &str) -> String {
        let is_key = |column: &&Column| self.key.iter().any(|of_key| of_key.name == column.name);
        let same = |column: &Column| format!("{moved}.{} = {old}.{}", column.name, column.value);
        self.columns.iter().filter(is_key).map(same).collect::<Vec<_>>().join(" and ")
    }
}
