insert into streams (
    contract_id, stream_id, sender, recipient, token, rate_per_second, deposited, withdrawn, start_time,
    last_update_time, end_time, is_active, paused, paused_at, status, total_paused_seconds, unverified,
    impossible_order, created_toid, created_event_index, last_toid, last_event_index, created_at, updated_at,
    schedule, cliff_time, arbiter, dispute_status, is_allowance_based, closed, awaits_entry, checked_at_ledger
)
select
    contract_id, stream_id, sender, recipient, token, rate_per_second::numeric, deposited::numeric,
    withdrawn::numeric, start_time::numeric, last_update_time::numeric, end_time::numeric, is_active, paused,
    paused_at::numeric, status, total_paused_seconds::numeric, unverified, impossible_order, created_toid,
    created_event_index, last_toid, last_event_index, created_at, updated_at, schedule::jsonb, cliff_time::numeric,
    arbiter, dispute_status, is_allowance_based, closed, awaits_entry, checked_at_ledger
from unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::boolean[], $13::boolean[], $14::text[], $15::text[], $16::text[], $17::boolean[],
    $18::boolean[], $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[], $23::timestamptz[],
    $24::timestamptz[], $25::text[], $26::text[], $27::text[], $28::text[], $29::boolean[], $30::boolean[],
    $31::boolean[], $32::bigint[]
) as new (
    contract_id, stream_id, sender, recipient, token, rate_per_second, deposited, withdrawn, start_time,
    last_update_time, end_time, is_active, paused, paused_at, status, total_paused_seconds, unverified,
    impossible_order, created_toid, created_event_index, last_toid, last_event_index, created_at, updated_at,
    schedule, cliff_time, arbiter, dispute_status, is_allowance_based, closed, awaits_entry, checked_at_ledger
)
on conflict (contract_id, stream_id) do update set
    sender = excluded.sender,
    recipient = excluded.recipient,
    token = excluded.token,
    rate_per_second = excluded.rate_per_second,
    deposited = excluded.deposited,
    withdrawn = excluded.withdrawn,
    start_time = excluded.start_time,
    last_update_time = excluded.last_update_time,
    end_time = excluded.end_time,
    is_active = excluded.is_active,
    paused = excluded.paused,
    paused_at = excluded.paused_at,
    status = excluded.status,
    total_paused_seconds = excluded.total_paused_seconds,
    unverified = excluded.unverified,
    impossible_order = excluded.impossible_order,
    created_toid = excluded.created_toid,
    created_event_index = excluded.created_event_index,
    last_toid = excluded.last_toid,
    last_event_index = excluded.last_event_index,
    created_at = excluded.created_at,
    updated_at = excluded.updated_at,
    schedule = excluded.schedule,
    cliff_time = excluded.cliff_time,
    arbiter = excluded.arbiter,
    dispute_status = excluded.dispute_status,
    is_allowance_based = excluded.is_allowance_based,
    closed = excluded.closed,
    awaits_entry = excluded.awaits_entry,
    -- A record that comes out the same still equals the entry that it was compared with.
    checked_at_ledger = case
        when (
            streams.sender, streams.recipient, streams.token, streams.rate_per_second, streams.deposited,
            streams.withdrawn, streams.start_time, streams.last_update_time, streams.is_active,
            streams.paused, streams.paused_at, streams.status, streams.schedule, streams.cliff_time,
            streams.arbiter, streams.dispute_status, streams.is_allowance_based, streams.closed,
            streams.awaits_entry, streams.unverified, streams.last_toid, streams.last_event_index
        ) is not distinct from (
            excluded.sender, excluded.recipient, excluded.token, excluded.rate_per_second,
            excluded.deposited, excluded.withdrawn, excluded.start_time, excluded.last_update_time,
            excluded.is_active, excluded.paused, excluded.paused_at, excluded.status, excluded.schedule,
            excluded.cliff_time, excluded.arbiter, excluded.dispute_status, excluded.is_allowance_based,
            excluded.closed, excluded.awaits_entry, excluded.unverified, excluded.last_toid,
            excluded.last_event_index
        ) then greatest(streams.checked_at_ledger, excluded.checked_at_ledger)
        else excluded.checked_at_ledger
    end
