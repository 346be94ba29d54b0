-- What the lists of the HTTP API need to be served by an index, whatever they are filtered and sorted by.

-- The state of a stream as far as it does not depend on the time: of those that run, the end time tells which ended.
alter table streams add column phase text not null generated always as (
    case
        when is_active then case when paused then 'paused' else 'running' end
        when status = 'completed' then 'completed'
        else 'cancelled'
    end
) stored;
create index streams_by_phase on streams (phase, created_toid, created_event_index);
create index streams_by_token on streams (token, created_toid, created_event_index);

-- One for each sort. A stream without an end time comes after those with one, hence the infinity; the same index tells
-- which streams run dry before a time. There is none for the time of the last withdrawal: every withdrawal would then
-- cost an entry in every index.
create index streams_by_start_time on streams (start_time, created_toid, created_event_index);
create index streams_by_deposited on streams (deposited, created_toid, created_event_index);
create index streams_by_end on streams (
    (coalesce(end_time, 'infinity'::numeric)), created_toid, created_event_index
);

-- Rare types are found by it. Tokens have none: it would cost each event as much as the two of its parties.
create index stream_events_by_type on stream_events (type, toid, event_index);
