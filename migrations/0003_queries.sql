-- What the lists of the HTTP API need to be served by an index, whatever they are filtered and sorted by.

-- The state of a stream as far as it does not depend on the time: of those that run, the end time tells which ended.
alter table streams add column phase text not null generated always as (
    case
        when is_active then case when paused then 'paused' else 'running' end
        when status = 'completed' then 'completed'
        else 'cancelled'
    end
) stored;
create index streams_by_token on streams (token, created_toid, created_event_index);
create index streams_by_start_time on streams (start_time, created_toid, created_event_index);

-- Columns that events change have no index: each change would then cost an entry in every index of the table, which
-- catch-up cannot bear. Lists by state, deposit or end alone read the table; beside a user or a token they do not.

-- Rare types are found by it. Tokens have none: it would cost each event as much as the two of its parties.
create index stream_events_by_type on stream_events (type, toid, event_index);
