-- Ledgers that count as not seen after all: the contract's entries changed in them, and no event of ours says so. They are
-- read again, once from each source.
create table withdrawn_ledgers (
    contract_id text not null,
    ledger bigint not null,
    withdrawn_at timestamptz not null default now(),
    -- The sources that the ledger was read from since then, or that have dropped it.
    read_from text[] not null default '{}',
    last_tried_at timestamptz,
    -- Whether one of them had what was missing.
    found boolean not null default false,
    primary key (contract_id, ledger)
);

-- The ledger that changed the stream last, if no event of ours says what it did to the stream.
alter table corrections add column missed_in_ledger bigint;

-- The last ledger of the entry's lifetime, as the chain last said. An entry that is absent before is deleted, not archived.
alter table streams add column live_until_ledger bigint;
