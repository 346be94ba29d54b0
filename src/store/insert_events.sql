insert into stream_events (
    toid, event_index, contract_id, ledger_closed_at, tx_hash, type, stream_id, sender, recipient, token, amount,
    body, topics, value, came_late, former_recipient
)
select
    toid, event_index, contract_id, ledger_closed_at, tx_hash, type, stream_id, sender, recipient, token,
    amount::numeric, body::jsonb, string_to_array(topics, ','), value, $15, former_recipient
from unnest(
    $1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
    $16::text[]
) as new (
    toid, event_index, contract_id, ledger_closed_at, tx_hash, type, stream_id, sender, recipient, token, amount,
    body, topics, value, former_recipient
)
on conflict do nothing
