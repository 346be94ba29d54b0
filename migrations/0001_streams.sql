-- One schema holds one network: its passphrase is written once and compared at every start.
create table network (
    only_row boolean primary key default true check (only_row),
    passphrase text not null
);

-- How far each contract is indexed. The position is an event id; everything up to it is stored.
-- The last whole ledger is the newest one of which every event lies at or before the position.
create table cursors (
    contract_id text primary key,
    toid bigint not null,
    event_index bigint not null,
    from_ledger bigint not null,
    last_whole_ledger bigint not null,
    -- Null until a close time is known; never the wall clock.
    last_whole_ledger_closed_at timestamptz
);

create table stream_events (
    toid bigint not null,
    event_index bigint not null,
    ledger bigint not null generated always as (toid >> 32) stored,
    contract_id text not null,
    ledger_closed_at timestamptz not null,
    tx_hash text not null,
    type text not null,
    stream_id numeric(20, 0),
    sender text,
    recipient text,
    token text,
    amount numeric(39, 0),
    body jsonb not null,
    topics text[] not null,
    value text not null,
    primary key (toid, event_index)
);
create index stream_events_by_stream on stream_events (stream_id, toid, event_index);
create index stream_events_by_sender on stream_events (sender, toid, event_index);
create index stream_events_by_recipient on stream_events (recipient, toid, event_index);

-- Unix times are the contract's u64, which bigint cannot hold.
create table streams (
    contract_id text not null,
    stream_id numeric(20, 0) not null,
    sender text not null,
    recipient text not null,
    token text not null,
    rate_per_second numeric(39, 0) not null,
    deposited numeric(39, 0) not null,
    withdrawn numeric(39, 0) not null,
    start_time numeric(20, 0) not null,
    last_update_time numeric(20, 0) not null,
    end_time numeric(39, 0),
    is_active boolean not null,
    paused boolean not null,
    paused_at numeric(20, 0),
    status text not null check (status in ('active', 'paused', 'cancelled', 'completed')),
    total_paused_seconds numeric(20, 0) not null,
    unverified boolean not null,
    impossible_order boolean not null,
    created_toid bigint not null,
    created_event_index bigint not null,
    last_toid bigint not null,
    last_event_index bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (contract_id, stream_id)
)
-- Records are updated again and again in columns that no index holds: with room in the page that costs no index entry.
with (fillfactor = 60);
-- Lists are in the order of creation, newest first.
create index streams_by_creation on streams (created_toid, created_event_index);
create index streams_by_sender on streams (sender, created_toid, created_event_index);
create index streams_by_recipient on streams (recipient, created_toid, created_event_index);

-- Events that did not become rows of stream_events, kept raw with the reason.
create table quarantine (
    toid bigint not null,
    event_index bigint not null,
    contract_id text not null,
    ledger_closed_at timestamptz not null,
    tx_hash text not null,
    kind text not null check (kind in ('unknown', 'refused')),
    name text,
    stream_id numeric(20, 0),
    reason text not null,
    in_successful_call boolean not null,
    topics text[] not null,
    value text not null,
    primary key (toid, event_index)
);
