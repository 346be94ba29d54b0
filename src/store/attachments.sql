-- What makes of tables of a schema ($1, $2) what is made of them now; indexes of our own ($3) come by themselves.
with of_a_table as (
    select pg_class.oid, relname, relacl, relowner, relrowsecurity, relforcerowsecurity,
           format('%I.%I', nspname, relname) as name
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = $1::text and relname = any($2::text[])
), granted as (
    select name, relowner, privilege_type as privilege, grantee, is_grantable
    from of_a_table, aclexplode(relacl)
    union all
    select name, relowner, format('%s (%I)', privilege_type, attname), grantee, is_grantable
    from of_a_table join pg_attribute on attrelid = of_a_table.oid and not attisdropped, aclexplode(attacl)
), statements as (
    select 1 as place, format('alter table %s owner to %I', name, pg_get_userbyid(relowner)) as statement
    from of_a_table where relowner <> (select oid from pg_roles where rolname = current_user)
    union all
    select 2, format('alter table %s enable row level security', name) from of_a_table where relrowsecurity
    union all
    select 2, format('alter table %s force row level security', name) from of_a_table where relforcerowsecurity
    union all
    select 3, format('create policy %I on %s as %s for %s to %s', policyname, name, permissive, cmd,
                     (select string_agg(case role when 'public' then 'public' else quote_ident(role) end, ', ')
                      from unnest(roles) as role))
              || coalesce(' using (' || qual || ')', '') || coalesce(' with check (' || with_check || ')', '')
    from of_a_table join pg_policies on schemaname = $1::text and tablename = relname
    union all
    select 4, format('grant %s on %s to %s', privilege, name,
                     case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end)
              || case when is_grantable then ' with grant option' else '' end
    from granted where grantee <> relowner
    union all
    select 5, format('comment on table %s is %L', name, obj_description(oid, 'pg_class'))
    from of_a_table where obj_description(oid, 'pg_class') is not null
    union all
    select 5, format('comment on column %s.%I is %L', name, attname, col_description(of_a_table.oid, attnum))
    from of_a_table join pg_attribute on attrelid = of_a_table.oid and attnum > 0 and not attisdropped
    where col_description(of_a_table.oid, attnum) is not null
    union all
    select 6, regexp_replace(pg_get_indexdef(indexrelid), '^CREATE (UNIQUE )?INDEX ("[^"]+"|\S+) ON (ONLY )?',
                             'create \1index if not exists \2 on ')
    from of_a_table join pg_index on indrelid = of_a_table.oid
    join pg_class as indexes on indexes.oid = indexrelid and indexes.relname <> all($3::text[])
    where not exists (select from pg_constraint where conindid = indexrelid)
    union all
    select 7, pg_get_triggerdef(pg_trigger.oid)
    from of_a_table join pg_trigger on tgrelid = of_a_table.oid and not tgisinternal
    -- Those that copy changes while tables are moved are our own.
    where not starts_with(tgname, 'flowfi_move_')
    union all
    select 8, format('alter table %s %s trigger %I', name,
                     case tgenabled when 'D' then 'disable' when 'R' then 'enable replica' else 'enable always' end,
                     tgname)
    from of_a_table join pg_trigger on tgrelid = of_a_table.oid and not tgisinternal and tgenabled <> 'O'
    where not starts_with(tgname, 'flowfi_move_')
    union all
    select 8, format('alter publication %I add table %s', pubname, name)
    from of_a_table join pg_publication_rel on prrelid = of_a_table.oid
    join pg_publication on pg_publication.oid = prpubid
    -- With a row filter or a list of columns, which PostgreSQL 14 does not have, it stays: see what_stays.
    where coalesce(to_jsonb(pg_publication_rel) ->> 'prqual', to_jsonb(pg_publication_rel) ->> 'prattrs') is null
    union all
    select distinct 9, format('create or replace view %I.%I', pg_namespace.nspname, views.relname)
              || coalesce(' with (' || array_to_string(views.reloptions, ', ') || ')', '')
              || ' as ' || pg_get_viewdef(views.oid)
    from of_a_table
    join pg_depend on refclassid = 'pg_class'::regclass and refobjid = of_a_table.oid
        and classid = 'pg_rewrite'::regclass
    join pg_rewrite on pg_rewrite.oid = objid
    join pg_class as views on views.oid = ev_class and views.relkind = 'v'
    join pg_namespace on pg_namespace.oid = views.relnamespace
    where pg_has_role(views.relowner, 'usage')
)
select statement as "statement!" from statements order by place
