-- What drops the views that read tables of a schema ($1, $2), directly or through other views, and what creates them again.
with recursive dependent as (
    select pg_class.oid, 0 as depth from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = $1::text and relname = any($2::text[])
    union
    select views.oid, depth + 1
    from dependent
    join pg_depend on refclassid = 'pg_class'::regclass and refobjid = dependent.oid
        and classid = 'pg_rewrite'::regclass
    join pg_rewrite on pg_rewrite.oid = objid
    join pg_class as views on views.oid = ev_class and views.relkind = 'v' and views.oid <> dependent.oid
), views as (
    select pg_class.oid, max(depth) as depth, relacl, relowner, reloptions, format('%I.%I', nspname, relname) as name
    from dependent join pg_class using (oid) join pg_namespace on pg_namespace.oid = relnamespace
    where relkind = 'v'
    group by pg_class.oid, nspname
), granted as (
    select name, depth, relowner, privilege_type as privilege, grantee, is_grantable from views, aclexplode(relacl)
    union all
    select name, depth, relowner, format('%s (%I)', privilege_type, attname), grantee, is_grantable
    from views join pg_attribute on attrelid = views.oid and not attisdropped, aclexplode(attacl)
), statements as (
    select 1 as place, -depth as turn, format('drop view %s', name) as statement from views
    union all
    select 2, depth, format('create view %s', name)
              || coalesce(' with (' || array_to_string(reloptions, ', ') || ')', '') || ' as ' || pg_get_viewdef(oid)
    from views
    union all
    select 3, depth, format('alter view %s owner to %I', name, pg_get_userbyid(relowner)) from views
    where relowner <> (select oid from pg_roles where rolname = current_user)
    union all
    select 4, depth, format('grant %s on %s to %s', privilege, name,
                            case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end)
              || case when is_grantable then ' with grant option' else '' end
    from granted where grantee <> relowner
    union all
    select 5, depth, format('comment on view %s is %L', name, obj_description(oid, 'pg_class')) from views
    where obj_description(oid, 'pg_class') is not null
    union all
    select 5, depth, format('comment on column %s.%I is %L', name, attname, col_description(views.oid, attnum))
    from views join pg_attribute on attrelid = views.oid and attnum > 0 and not attisdropped
    where col_description(views.oid, attnum) is not null
)
select place = 1 as "drops!", statement as "statement!" from statements order by place, turn
