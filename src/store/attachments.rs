//! What others have made of our tables: their privileges and their views. Another table takes the place of one when
//! records are built anew and when an epoch is put aside; what was made of the old one is made of the new one then.

use sqlx::PgConnection;
use tracing::warn;

use super::{StoreError, network::execute};

/// What is attached to tables of a schema.
#[derive(Debug)]
pub(super) struct Attachments {
    /// What makes the same of the tables that take their place.
    statements: Vec<String>,
    /// What nobody but its owner can make again.
    lost: Vec<String>,
}

impl Attachments {
    /// Reads what is attached to these tables.
    pub(super) async fn of(connection: &mut PgConnection, schema: &str, tables: &[&str]) -> Result<Self, StoreError> {
        let tables: Vec<String> = tables.iter().map(ToString::to_string).collect();
        let mut statements = sqlx::query_scalar!(
            r#"with of_a_table as (
                   select pg_class.oid, relname, relacl, relowner from pg_class
                   join pg_namespace on pg_namespace.oid = relnamespace
                   where nspname = $1::text and relname = any($2::text[])
               ), granted as (
                   select relname, relowner, privilege_type as privilege, grantee, is_grantable
                   from of_a_table, aclexplode(relacl)
                   union all
                   select relname, relowner, format('%s (%I)', privilege_type, attname), grantee, is_grantable
                   from of_a_table join pg_attribute on attrelid = of_a_table.oid, aclexplode(attacl)
               )
               select format('alter table %I.%I owner to %I', $1::text, relname, pg_get_userbyid(relowner)) as "statement!"
               from of_a_table where relowner <> (select oid from pg_roles where rolname = current_user)
               union all
               select format('grant %s on %I.%I to %s%s', privilege, $1::text, relname,
                             case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
                             case when is_grantable then ' with grant option' else '' end)
               from granted where grantee <> relowner"#,
            schema,
            &tables,
        )
        .fetch_all(&mut *connection)
        .await?;
        let views = sqlx::query_scalar!(
            r#"select distinct format('create or replace view %I.%I%s as %s', pg_namespace.nspname, views.relname,
                                      ' with (' || array_to_string(views.reloptions, ', ') || ')',
                                      pg_get_viewdef(views.oid)) as "statement!"
               from pg_depend
               join pg_class as tables on tables.oid = refobjid and tables.relname = any($2::text[])
               join pg_namespace as place on place.oid = tables.relnamespace and place.nspname = $1::text::text
               join pg_rewrite on pg_rewrite.oid = objid
               join pg_class as views on views.oid = ev_class and views.relkind = 'v'
               join pg_namespace on pg_namespace.oid = views.relnamespace
               where classid = 'pg_rewrite'::regclass and refclassid = 'pg_class'::regclass
                 and pg_has_role(views.relowner, 'usage')"#,
            schema,
            &tables,
        )
        .fetch_all(&mut *connection)
        .await?;
        statements.extend(views);
        let lost = sqlx::query_scalar!(
            r#"select distinct coalesce('view ' || views.oid::regclass::text, pg_describe_object(classid, objid, 0)) as "what!"
               from pg_depend
               join pg_class as tables on tables.oid = refobjid and tables.relname = any($2::text[])
               join pg_namespace on pg_namespace.oid = tables.relnamespace and nspname = $1::text
               left join pg_trigger on classid = 'pg_trigger'::regclass and pg_trigger.oid = objid
               left join pg_rewrite on classid = 'pg_rewrite'::regclass and pg_rewrite.oid = objid
               left join pg_class as views on views.oid = ev_class
               where refclassid = 'pg_class'::regclass and not coalesce(tgisinternal, false)
                 and (classid in ('pg_trigger'::regclass, 'pg_policy'::regclass, 'pg_publication_rel'::regclass)
                      or views.relkind = 'm' or not pg_has_role(views.relowner, 'usage'))"#,
            schema,
            &tables,
        )
        .fetch_all(&mut *connection)
        .await?;
        Ok(Self { statements, lost })
    }

    /// Makes the same of the tables that are there now.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if our role may not do so, or a view does not fit the new tables.
    pub(super) async fn give(self, connection: &mut PgConnection) -> Result<(), StoreError> {
        for what in self.lost {
            warn!("{what} was made of a table that another has taken the place of; make it again");
        }
        for statement in self.statements {
            execute(connection, statement).await?;
        }
        Ok(())
    }
}

/// Refuses to build tables anew that something depends on which does not follow to other tables, before any work is done.
///
/// # Errors
/// [`StoreError::DependedOn`], with what it is.
pub(super) async fn refuse_what_stays(
    connection: &mut PgConnection,
    schema: &str,
    tables: &[&str],
) -> Result<(), StoreError> {
    let tables: Vec<String> = tables.iter().map(ToString::to_string).collect();
    let found = sqlx::query_scalar!(
        r#"select distinct case when views.relkind = 'm' then format('the materialized view %s', views.oid::regclass)
                                when views.relkind = 'v' then format('the view %s, which is not this role''s', views.oid::regclass)
                                else pg_describe_object(classid, objid, 0) end as "what!"
           from pg_depend
           join pg_class as tables on tables.oid = refobjid and tables.relname = any($2::text[])
           join pg_namespace on pg_namespace.oid = tables.relnamespace and nspname = $1::text
           left join pg_rewrite on classid = 'pg_rewrite'::regclass and pg_rewrite.oid = objid
           left join pg_class as views on views.oid = ev_class
           left join pg_constraint on classid = 'pg_constraint'::regclass and pg_constraint.oid = objid
           where refclassid = 'pg_class'::regclass and deptype = 'n' and classid <> 'pg_attrdef'::regclass
             and conrelid is distinct from refobjid
             and not (coalesce(views.relkind = 'v', false) and pg_has_role(views.relowner, 'usage'))"#,
        schema,
        &tables,
    )
    .fetch_all(&mut *connection)
    .await?;
    if found.is_empty() { Ok(()) } else { Err(StoreError::DependedOn { what: found.join(", ") }) }
}
