-- What the daemon found when it compared the records of each contract with the chain, a few at a time, and when it asked a
-- second endpoint for events: a row a contract, written at each look.
create table record_checks (
    contract_id text primary key,
    -- The last look that was answered; null before the first.
    checked_at timestamptz,
    -- Where the round over all streams is: the last stream it came to, and how many it compared so far.
    looked_up_to numeric(20, 0) not null default 0,
    compared bigint not null default 0,
    -- The last round that came to its end.
    round_completed_at timestamptz,
    compared_in_last_round bigint,
    -- Streams whose records differ, with one field each: the two lists are of one length, and bounded.
    differing_streams numeric(20, 0)[] not null default '{}',
    differing_fields text[] not null default '{}',
    -- Up to where a second endpoint was asked for events, and how many of its events were missing here, in all.
    second_opinion_toid bigint not null default 0,
    second_opinion_event_index bigint not null default 0,
    second_opinion_events bigint not null default 0
)
with (fillfactor = 60);
