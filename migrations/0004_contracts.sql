-- Streams of several contracts have the same numbers. What a contract with few events has emitted is found by the same
-- index, whatever the others have: it costs an event no more entries than before.
create index stream_events_by_contract on stream_events (contract_id, stream_id, toid, event_index);
drop index stream_events_by_stream;
