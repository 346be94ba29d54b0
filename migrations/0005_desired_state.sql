-- What operators want the indexer to do. It belongs to no chain: a reset of the network leaves it as it is.
create table desired_state (
    only_row boolean primary key default true check (only_row),
    paused boolean not null,
    changed_at timestamptz not null default now(),
    changed_by text not null
);
