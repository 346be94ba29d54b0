//! What others have added to our tables: privileges, policies, comments, indexes, triggers, publications and views.
//! When records are rebuilt, or an epoch is archived, another table takes a table's place; what was added to the old
//! one is then added to the new one.

use sqlx::PgConnection;
use tracing::warn;

use super::{StoreError, query_indexes, schemas::execute};

/// What is attached to the tables of a schema.
#[derive(Debug)]
pub(super) struct Attachments {
    schema: String,
    tables: Vec<String>,
    /// The statements that attach the same to the new tables, in order: restrictions precede grants.
    statements: Vec<String>,
    /// What cannot be moved to the new tables.
    staying: Vec<String>,
}

/// What happens if a statement fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnFailure {
    /// The tables are not exchanged.
    GiveUp,
    /// A statement that is refused for good is logged and skipped, because there is nobody to ask. A statement that
    /// only has to wait, for example for a reader of a view, ends the exchange, which is then retried.
    GoOn,
}

impl Attachments {
    /// Reads what is attached to these tables. The tables with the same names in the schema `new` will take their
    /// place.
    pub(super) async fn of(
        connection: &mut PgConnection,
        schema: &str,
        new: &str,
        tables: &[&str],
    ) -> Result<Self, StoreError> {
        let mut staying = what_stays(connection, schema, tables).await?;
        staying.extend(what_is_added(connection, schema, new, tables).await?);
        let tables: Vec<String> = tables.iter().map(ToString::to_string).collect();
        let statements = sqlx::query_file_scalar!(
            "src/store/attachments.sql",
            schema,
            &tables,
            &query_indexes::names().map(str::to_owned).collect::<Vec<_>>()
        );
        let statements = statements.fetch_all(&mut *connection).await?;
        Ok(Self { schema: schema.to_owned(), tables, statements, staying })
    }

    /// Attaches the same to the tables that are in place now.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if our role may not do so, or something does not fit the new tables; those of a database
    /// that does not answer, or of a lock that is not granted in time.
    pub(super) async fn give(self, connection: &mut PgConnection, on_failure: OnFailure) -> Result<(), StoreError> {
        for what in &self.staying {
            warn!("{what} stays with the replaced tables; create it again");
        }
        // Default privileges may have granted more than the old tables had.
        let given = sqlx::query_scalar!(
            r#"select distinct format('revoke all on %I.%I from %s', nspname, relname,
                                      case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end)
                   as "statement!"
               from pg_class join pg_namespace on pg_namespace.oid = relnamespace, aclexplode(relacl)
               where nspname = $1::text and relname = any($2::text[]) and grantee <> relowner"#,
            &self.schema,
            &self.tables,
        )
        .fetch_all(&mut *connection)
        .await?;
        for statement in given.into_iter().chain(self.statements) {
            match on_failure {
                OnFailure::GiveUp => execute(connection, statement).await?,
                OnFailure::GoOn => {
                    execute(connection, "savepoint attachment".to_owned()).await?;
                    match execute(connection, statement.clone()).await {
                        Err(StoreError::Refused(failure)) => {
                            execute(connection, "rollback to savepoint attachment".to_owned()).await?;
                            warn!("{statement:?} could not be applied to the tables of the next epoch: {failure}");
                        }
                        said => said?,
                    }
                }
            }
        }
        Ok(())
    }
}

/// Refuses to rebuild tables if something depends on them that cannot be moved, before any work is done.
///
/// # Errors
/// [`StoreError::StaysBehind`], which names it.
pub(super) async fn refuse_what_stays(
    connection: &mut PgConnection,
    schema: &str,
    tables: &[&str],
) -> Result<(), StoreError> {
    let found = what_stays(connection, schema, tables).await?;
    if found.is_empty() { Ok(()) } else { Err(StoreError::StaysBehind { what: found.join(", ") }) }
}

/// Refuses to continue if the tables have more columns or constraints than the new ones: these would be lost.
///
/// # Errors
/// [`StoreError::StaysBehind`], which names them.
pub(super) async fn refuse_what_is_added(
    connection: &mut PgConnection,
    schema: &str,
    new: &str,
    tables: &[&str],
) -> Result<(), StoreError> {
    let found = what_is_added(connection, schema, new, tables).await?;
    if found.is_empty() { Ok(()) } else { Err(StoreError::StaysBehind { what: found.join(", ") }) }
}

/// Returns the columns and constraints that the tables have and their namesakes in the other schema lack.
async fn what_is_added(
    connection: &mut PgConnection,
    schema: &str,
    new: &str,
    tables: &[&str],
) -> Result<Vec<String>, StoreError> {
    let tables: Vec<String> = tables.iter().map(ToString::to_string).collect();
    let found = sqlx::query_scalar!(
        r#"with parts as (
               select nspname, relname, 'the column ' || quote_ident(attname) as part
               from pg_class join pg_namespace on pg_namespace.oid = relnamespace
               join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
               union all
               select nspname, relname, 'the constraint ' || quote_ident(conname)
               from pg_class join pg_namespace on pg_namespace.oid = relnamespace
               join pg_constraint on conrelid = pg_class.oid
           ), added as (
               select relname, part from parts where nspname = $1::text and relname = any($3::text[])
               except
               select relname, part from parts where nspname = $2::text
           )
           select format('%s of %I', part, relname) as "what!" from added order by 1"#,
        schema,
        new,
        &tables,
    );
    Ok(found.fetch_all(&mut *connection).await?)
}

/// Returns what depends on the tables, or on their row types, and cannot be recreated for other tables: everything
/// except plain views of roles that ours is a member of.
async fn what_stays(connection: &mut PgConnection, schema: &str, tables: &[&str]) -> Result<Vec<String>, StoreError> {
    let tables: Vec<String> = tables.iter().map(ToString::to_string).collect();
    let found = sqlx::query_scalar!(
        r#"with of_a_table as (
               select pg_class.oid, reltype, typarray from pg_class
               join pg_namespace on pg_namespace.oid = relnamespace join pg_type on pg_type.oid = reltype
               where nspname = $1::text and relname = any($2::text[])
           ), depended_on as (
               select 'pg_class'::regclass as class, oid from of_a_table
               union all select 'pg_type'::regclass, reltype from of_a_table
               union all select 'pg_type'::regclass, typarray from of_a_table
           )
           select distinct case views.relkind
                   when 'm' then format('the materialized view %s', views.oid::regclass)
                   when 'v' then format('the view %s, which is another role''s', views.oid::regclass)
                   else pg_describe_object(classid, objid, 0) end as "what!"
           from pg_depend
           join depended_on on refclassid = class and refobjid = depended_on.oid
           left join pg_rewrite on classid = 'pg_rewrite'::regclass and pg_rewrite.oid = objid
           left join pg_class as views on views.oid = ev_class
           left join pg_constraint on classid = 'pg_constraint'::regclass and pg_constraint.oid = objid
           where deptype = 'n' and classid <> 'pg_attrdef'::regclass
             and not coalesce(conrelid = any(array(select oid from of_a_table)), false)
             and not (coalesce(views.relkind = 'v', false) and pg_has_role(views.relowner, 'usage'))
           union
           select format('the publication %I, with a row filter or a list of columns', pubname)
           from pg_publication_rel
           join of_a_table on of_a_table.oid = prrelid join pg_publication on pg_publication.oid = prpubid
           where coalesce(to_jsonb(pg_publication_rel) ->> 'prqual', to_jsonb(pg_publication_rel) ->> 'prattrs')
               is not null"#,
        schema,
        &tables,
    )
    .fetch_all(&mut *connection)
    .await?;
    Ok(found)
}

/// Creates the indexes that others have added to the tables of a schema on their namesakes in the schema `new`, which
/// have no rows yet: this takes long once they have.
pub(super) async fn add_indexes(
    connection: &mut PgConnection,
    schema: &str,
    new: &str,
    tables: &[&str],
) -> Result<(), StoreError> {
    let tables: Vec<String> = tables.iter().map(ToString::to_string).collect();
    let ours: Vec<String> = query_indexes::names().map(str::to_owned).collect();
    let statements = sqlx::query_scalar!(
        r#"select replace(
                      regexp_replace(pg_get_indexdef(indexrelid), '^CREATE (UNIQUE )?INDEX ("[^"]+"|\S+) ON (ONLY )?',
                                     'create \1index if not exists \2 on '),
                      format(' on %I.%I USING ', nspname, indexed.relname),
                      format(' on %I.%I USING ', $2::text, indexed.relname)
                  ) as "statement!"
           from pg_class as indexed join pg_namespace on pg_namespace.oid = indexed.relnamespace
           join pg_index on indrelid = indexed.oid
           join pg_class as indexes on indexes.oid = indexrelid and indexes.relname <> all($4::text[])
           where nspname = $1::text and indexed.relname = any($3::text[])
             and not exists (select from pg_constraint where conindid = indexrelid)"#,
        schema,
        new,
        &tables,
        &ours,
    )
    .fetch_all(&mut *connection)
    .await?;
    for statement in statements {
        execute(connection, statement).await?;
    }
    Ok(())
}
