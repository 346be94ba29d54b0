-- How fresh is what the index says, by the database's clock: a source that does not answer, or whose tip stands still,
-- looks like one that has nothing new.
alter table indexer_reports
    -- When the source last answered.
    add column answered_at timestamptz,
    -- When its tip last moved.
    add column tip_moved_at timestamptz;

-- A ledger of the chain and when it closed: a chain that started over is shorter and younger, however quiet the contract
-- is and whether or not an endpoint tells hashes.
alter table network
    add column seen_ledger bigint,
    add column seen_ledger_closed_at timestamptz;

-- What the chain said at each position is kept: what an event between two of them paid follows from the first.
alter table baselines
    drop constraint baselines_pkey,
    add primary key (contract_id, stream_id, toid, event_index);
