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

-- What was corrected from the chain's entries, a row for each field.
create table corrections (
    number bigint generated always as identity primary key,
    contract_id text not null,
    stream_id numeric(20, 0) not null,
    -- The ledger that the entry was true at.
    at_ledger bigint not null,
    field text not null,
    ours text not null,
    chains text not null,
    corrected_at timestamptz not null default now()
);
create index corrections_by_stream on corrections (contract_id, stream_id, number);
create index corrections_by_field on corrections (field);
