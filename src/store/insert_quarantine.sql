insert into quarantine (
    toid, event_index, contract_id, ledger_closed_at, tx_hash, kind, name, stream_id, reason, event_kind,
    in_successful_call, topics, value
)
select
    toid, event_index, contract_id, ledger_closed_at, tx_hash, kind, name, stream_id, reason,
    event_kind, in_successful_call, string_to_array(topics, ','), value
from unnest(
    $1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::boolean[], $12::text[], $13::text[]
) as new (
    toid, event_index, contract_id, ledger_closed_at, tx_hash, kind, name, stream_id, reason, event_kind,
    in_successful_call, topics, value
)
on conflict do nothing
