-- A million events, one in every sixteenth ledger, and a hundred thousand streams: of the streams 60 % run (some of them
-- ended), 5 % are paused, 15 % cancelled, 20 % completed.
-- Indexes are put back when the rows are there: that takes a fraction of the time.
create temporary table definitions as
select indexname, replace(indexdef, ' ON ONLY ', ' ON ') as indexdef from pg_indexes
where schemaname = current_schema() and tablename in ('streams', 'stream_events') and indexname not like '%_pkey';
do $$
declare name text;
begin
    for name in select indexname from definitions loop execute 'drop index ' || name; end loop;
end $$;
-- Before the tables had their present layout, events were not partitioned.
do $$ begin
    if (select relkind = 'p' from pg_class where oid = 'stream_events'::regclass) then
        for number in 0..3 loop
            execute format(
                'create table stream_events_%s partition of stream_events for values from (%s) to (%s)',
                number, number::bigint << 54, (number + 1)::bigint << 54
            );
        end loop;
    end if;
end $$;

select setseed(0.5);
insert into network (passphrase) values ('a network of the test');
insert into cursors
select contract, 16000000::bigint << 32, 0, 1, 16000000, to_timestamp(1700400000) from facts;

insert into streams (
    contract_id, stream_id, sender, recipient, token, rate_per_second, deposited, withdrawn, start_time,
    last_update_time, end_time, is_active, paused, paused_at, status, total_paused_seconds, unverified,
    impossible_order, created_toid, created_event_index, last_toid, last_event_index, created_at, updated_at
)
select
    contract, number, users[1 + floor(power(random(), 2) * cardinality(users))],
    users[1 + floor(power(random(), 2) * cardinality(users))],
    tokens[1 + floor(power(random(), 3) * cardinality(tokens))], 1 + number % 1000, (random() * 1e15)::bigint, 0,
    1700000000 + number, 1700000000 + number + (random() * 1e5)::bigint,
    case when part <= 60 then 1700000000 + number + (random() * 1e6)::bigint end,
    part <= 65, part > 60 and part <= 65, case when part > 60 and part <= 65 then 1700000000 + number end,
    case when part <= 60 then 'active' when part <= 65 then 'paused' when part <= 80 then 'cancelled' else 'completed' end,
    0, false, false, (number * 160) << 32, 0, (number * 160) << 32, 0,
    to_timestamp(1700000000 + number), to_timestamp(1700000000 + number)
from facts cross join lateral (
    select number, ceil(random() * 100) as part from generate_series(1::bigint, 100000) as number
) as numbers;

insert into stream_events (
    toid, event_index, contract_id, ledger_closed_at, tx_hash, type, stream_id, sender, recipient, token, amount,
    body, topics, value
)
select
    (number * 16) << 32, 0, contract_id, to_timestamp(1700000000 + number / 10), repeat('ab', 32), type, stream_id, sender,
    recipient, token, number, '{"streamId": "1", "amount": "1000000"}', array['AAAADwAAAA5zdHJlYW1fY3JlYXRlZA=='],
    repeat('AAAAEQAAAAEAAAAH', 20)
from generate_series(1::bigint, 1000000) as number
cross join lateral (
    select case
        when number % 100000 = 1 then 'protocol.initialized'
        else (array['created', 'fee_collected', 'withdrawn', 'withdrawn', 'withdrawn', 'withdrawn', 'topped_up',
                    'paused', 'cancelled', 'completed'])[1 + number % 10]
    end as word
) as words
cross join lateral (select case when word like '%.%' then word else 'stream.' || word end as type) as types
join streams on streams.stream_id::text = (1 + (number - 1) / 10)::text;

set maintenance_work_mem = '512MB';
do $$
declare definition text;
begin
    for definition in select indexdef from definitions loop execute definition; end loop;
end $$;

analyze;
