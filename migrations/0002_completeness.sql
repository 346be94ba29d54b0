-- After a reset of the network its ledgers count from 2 again under the same passphrase: the next epoch begins.
-- The hash of a ledger that both know tells one chain from another.
alter table network
    add column epoch integer not null default 0,
    add column known_ledger bigint,
    add column known_ledger_hash text;

-- Raised by every repair: what was prepared before one must not be committed after it.
alter table cursors add column revision bigint not null default 0;

-- Ledger ranges that were seen whole, in the transaction that wrote their rows.
create table coverage (
    contract_id text not null,
    from_ledger bigint not null,
    to_ledger bigint not null,
    source text not null check (source in ('rpc', 'lake', 'getLedgers')),
    seen_at timestamptz not null default now(),
    primary key (contract_id, from_ledger),
    check (from_ledger <= to_ledger)
)
with (fillfactor = 60);

-- Until now there was one source and no way past a hole.
insert into coverage (contract_id, from_ledger, to_ledger, source)
select contract_id, from_ledger, last_whole_ledger, 'rpc' from cursors where from_ledger <= last_whole_ledger;

-- Ledgers that an operator gave up by name, because no source has them.
create table accepted_gaps (
    contract_id text not null,
    from_ledger bigint not null,
    to_ledger bigint not null,
    accepted_at timestamptz not null default now(),
    primary key (contract_id, from_ledger, to_ledger),
    check (from_ledger <= to_ledger)
);

-- Who spoke: the contract, or the network about it.
alter table quarantine add column event_kind text not null default 'contract'
    check (event_kind in ('contract', 'system'));

-- Executables that followed one another in a contract, by the network's own system events.
create table contract_upgrades (
    toid bigint not null,
    event_index bigint not null,
    contract_id text not null,
    ledger_closed_at timestamptz not null,
    tx_hash text not null,
    old_executable text not null,
    new_executable text not null,
    primary key (toid, event_index)
);

-- Rows that came late, in the order they came: subscribers are told of the range, never of the events.
create table revisions (
    revision bigint generated always as identity primary key,
    contract_id text not null,
    from_toid bigint not null,
    from_event_index bigint not null,
    to_toid bigint not null,
    to_event_index bigint not null,
    committed_at timestamptz not null default now()
);

-- What the indexer last said of itself and its source: a row a contract, written at each look at the tip.
create table indexer_reports (
    contract_id text primary key,
    reported_at timestamptz not null,
    state text not null,
    detail text,
    tip_ledger bigint,
    tip_closed_at timestamptz,
    oldest_ledger bigint,
    missing_from_ledger bigint,
    missing_to_ledger bigint,
    endpoints jsonb not null
)
with (fillfactor = 60);
