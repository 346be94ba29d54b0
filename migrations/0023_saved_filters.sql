-- Filters that callers saved under a name, to subscribe by. They belong to the service, not to a network: they stay where
-- they are when a network starts over.
create table saved_filters (
    owner text not null,
    name text not null,
    -- Who they are counted against: the account, whatever memo or muxed address its user signed in with.
    holder text not null,
    -- As `C…:7`.
    streams text[] not null,
    users text[] not null,
    saved_at timestamptz not null default now(),
    primary key (owner, name)
);
create index saved_filters_by_holder on saved_filters (holder);
