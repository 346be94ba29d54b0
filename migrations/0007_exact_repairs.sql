-- What the contract itself stored of a stream: the raw ledger entry (LedgerEntryData, XDR in base64) as of the end of a
-- ledger. A record is its newest baseline and the events after it, whatever of the events before it is missing.
create table baselines (
    contract_id text not null,
    stream_id numeric(20, 0) not null,
    toid bigint not null,
    event_index bigint not null,
    entry text not null,
    last_modified_ledger bigint not null,
    live_until_ledger bigint,
    -- The revision that wrote it.
    revision bigint not null,
    primary key (contract_id, stream_id)
);

-- What an unfinished reindex is built from. The record lies with the tables that are read, not with those being built,
-- so that it goes where they go when the network starts over.
create table reindex_build (
    only_row boolean primary key default true check (only_row),
    epoch integer not null,
    known_ledger bigint,
    known_ledger_hash text,
    -- The code that decodes and folds, by a hash of its source.
    decoder text not null,
    -- Revisions up to this one are in what was read.
    revision bigint not null
);

-- When the last ledger of the epoch before closed: every ledger of this one closed later. Null in the first epoch.
alter table network add column began_after timestamptz;

-- Rows that were written behind the feed's position: subscribers are told of their range, and never sent them live.
alter table stream_events add column came_late boolean not null default false;

-- Late rows ask which of their streams an event that is kept raw speaks of.
create index quarantine_by_stream on quarantine (contract_id, stream_id, toid, event_index);
