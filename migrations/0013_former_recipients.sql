-- Events are found by the recipient that they replaced too. A migration of its own: the index keeps nobody from reading,
-- and the columns before it did.
create index stream_events_by_former_recipient on stream_events (former_recipient, toid, event_index)
    where former_recipient is not null;
