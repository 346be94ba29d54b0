-- Changes of entries that no event of ours explained when they were found. Such an event lies between these positions:
-- those of the change's transaction or, where only the ledger is known, of that.
create table unexplained_changes (
    contract_id text not null,
    ledger bigint not null,
    stream_id text collate "C" not null,
    from_toid bigint not null,
    to_toid bigint not null,
    primary key (contract_id, ledger, stream_id, from_toid, to_toid)
);
insert into unexplained_changes (contract_id, ledger, stream_id, from_toid, to_toid)
select distinct contract_id, missed_in_ledger, stream_id, missed_in_ledger << 32, (missed_in_ledger + 1 << 32) - 1
from corrections where missed_in_ledger is not null;

-- Entries that the contract deleted without an event of ours that says so, each with the position that it was gone at.
-- Like baselines, they set a record whenever it is folded again.
create table deleted_entries (
    contract_id text not null,
    stream_id text collate "C" not null,
    toid bigint not null,
    event_index bigint not null,
    -- The number of the revision that came with it, 0 for one that came with its events.
    revision bigint not null,
    primary key (contract_id, stream_id, toid, event_index)
);
insert into deleted_entries (contract_id, stream_id, toid, event_index, revision)
select distinct contract_id, stream_id, (at_ledger + 1 << 32) - 1, 4294967295, 0
from corrections
where field = 'record' and chains = 'deleted' and exists (
    select from streams
    where (streams.contract_id, streams.stream_id) = (corrections.contract_id, corrections.stream_id) and streams.closed
);
