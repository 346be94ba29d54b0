-- What the second version of the contract keeps of a stream besides. A schedule that is null is linear.
alter table streams
    add column schedule jsonb,
    add column cliff_time numeric(20, 0),
    add column arbiter text,
    add column dispute_status text not null default 'none',
    add column is_allowance_based boolean not null default false,
    -- The contract deleted its record; ours stays as it was.
    add column closed boolean not null default false,
    -- An event changed something that it does not tell, and the chain's entry was not read since.
    add column awaits_entry boolean not null default false,
    -- The record equalled the chain's entry at the end of this ledger.
    add column checked_at_ledger bigint;

-- The recipient that a transfer replaced: the event is about both.
alter table stream_events add column former_recipient text;

-- From which event on a contract follows the rules of its second version. A contract without a row follows the first.
create table contract_versions (
    contract_id text primary key,
    second_from_toid bigint not null,
    second_from_event_index bigint not null
);
