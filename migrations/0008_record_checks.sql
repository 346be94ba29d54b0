-- What the daemon found when it compared records with the chain, a few at a time, and when it asked a second endpoint for
-- events: one row per contract, written at each look.
create table record_checks (
    contract_id text primary key,
    -- When the last look succeeded; null before the first.
    checked_at timestamptz,
    -- The round under way: the last stream it came to, and how many it has compared.
    looked_up_to numeric(20, 0) not null default 0,
    compared bigint not null default 0,
    -- The last whole round.
    round_completed_at timestamptz,
    compared_in_last_round bigint,
    -- Streams whose records differ, each with one field: two bounded lists of the same length.
    differing_streams numeric(20, 0)[] not null default '{}',
    differing_fields text[] not null default '{}',
    -- Up to where a second endpoint was asked for events, and how many events it had that were missing here.
    second_opinion_toid bigint not null default 0,
    second_opinion_event_index bigint not null default 0,
    second_opinion_events bigint not null default 0
)
with (fillfactor = 60);
