-- The id of a stream is text: other contracts name streams by texts and by numbers that bigint cannot hold. A number has
-- no leading zeros, so ids in the order of their length and then of their text are in the order of their numbers.
-- Events are partitioned by ledger: a partition has 2^22 ledgers, about eight months, and whoever writes rows adds it.
--
-- This file is for tables that have no rows. Rows are moved by the program itself (src/store/table_move), which builds
-- these tables beside the old ones and swaps them.
do $$
declare
    name text;
    has_rows boolean;
begin
    foreach name in array array['baselines', 'corrections', 'quarantine', 'record_checks', 'stream_events', 'streams'] loop
        execute format('select exists (select from %I)', name) into has_rows;
        if has_rows then
            raise exception 'the table % has rows: let flowfi-indexer migrate move them', name;
        end if;
    end loop;
end $$;

alter table baselines alter column stream_id type text collate "C";
alter table corrections alter column stream_id type text collate "C";
alter table quarantine alter column stream_id type text collate "C";
alter table record_checks
    alter column looked_up_to drop default,
    alter column looked_up_to type text collate "C",
    alter column looked_up_to set default '0',
    alter column differing_streams drop default,
    alter column differing_streams type text[] collate "C",
    alter column differing_streams set default '{}';
-- Its indexes are those that lists need, which the indexer creates again at the tip.
drop index if exists streams_uncertain;
alter table streams alter column stream_id type text collate "C";

drop table stream_events;
create table stream_events (
    toid bigint not null,
    event_index bigint not null,
    ledger bigint not null generated always as (toid >> 32) stored,
    contract_id text not null,
    ledger_closed_at timestamptz not null,
    tx_hash text not null,
    type text not null,
    stream_id text collate "C",
    sender text,
    recipient text,
    former_recipient text,
    token text,
    amount numeric(39, 0),
    body jsonb not null,
    topics text[] not null,
    value text not null,
    -- Rows that were written behind the feed's position: subscribers are told of their range, and never sent them live.
    came_late boolean not null default false,
    primary key (toid, event_index)
)
partition by range (toid);
create index stream_events_by_contract on stream_events (contract_id, stream_id, toid, event_index);
create index stream_events_by_sender on stream_events (sender, toid, event_index);
create index stream_events_by_recipient on stream_events (recipient, toid, event_index);
create index stream_events_by_former_recipient on stream_events (former_recipient, toid, event_index)
    where former_recipient is not null;
create index stream_events_by_type on stream_events (type, toid, event_index);
