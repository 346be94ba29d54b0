with of_user as (
    select true as incoming, * from streams
    where recipient = $1 and ($4::text is null or $4 in (sender, recipient)) and ($5::text is null or contract_id = $5)
    union all
    select false as incoming, * from streams
    where sender = $1 and ($4::text is null or $4 in (sender, recipient)) and ($5::text is null or contract_id = $5)
),
in_time as (
    select
        *, coalesce(schedule ->> 'kind', 'linear') as kind,
        case when paused then coalesce(paused_at, last_update_time) else $2::text::numeric end as at
    from of_user
),
-- What a schedule has released; null for one that is not known.
released as (
    select
        *,
        case kind
            when 'linear' then greatest(0, at - last_update_time) * rate_per_second
            when 'interval' then trunc(
                greatest(0, at - last_update_time) / nullif((schedule ->> 'everySeconds')::numeric, 0)
            ) * (schedule ->> 'amount')::numeric
            when 'cliffLump' then case when at >= (schedule ->> 'cliffTime')::numeric then
                (schedule ->> 'cliffAmount')::numeric - withdrawn + least(
                    (at - (schedule ->> 'cliffTime')::numeric) * rate_per_second,
                    deposited - (schedule ->> 'cliffAmount')::numeric
                )
            else 0 end
            -- Steps count up to the first that is still locked.
            when 'steps' then (
                select coalesce(sum(unlock_amount) filter (where is_open), 0)
                from (
                    select
                        (step ->> 'unlockAmount')::numeric as unlock_amount,
                        bool_and((step ->> 'unlockTime')::numeric <= at) over (order by place) as is_open
                    from jsonb_array_elements(schedule -> 'steps') with ordinality as steps (step, place)
                ) as steps
            ) - withdrawn
        end as released
    from in_time
),
valued as (
    select
        incoming, token, deposited, withdrawn, rate_per_second,
        not closed and (
            unverified
            or is_active and (awaits_entry or kind not in ('linear', 'interval', 'cliffLump', 'steps'))
        ) as is_unknown,
        phase = 'running' and not closed and coalesce(end_time, 'infinity'::numeric) > $2::text::numeric as is_accruing,
        case
            when is_active and not closed and (cliff_time is null or at >= cliff_time) then greatest(0, least(
                greatest(0, least(deposited - withdrawn, 170141183460469231731687303715884105727)),
                coalesce(released, 0)
            ))
            else 0
        end as claimable
    from released
)
select
    token as "token!",
    count(*) filter (where incoming) as "in_streams!",
    count(*) filter (where incoming and is_accruing) as "in_active!",
    count(*) filter (where incoming and is_unknown) as "in_unknown!",
    coalesce(sum(deposited) filter (where incoming), 0)::text as "in_deposited!",
    coalesce(sum(withdrawn) filter (where incoming), 0)::text as "in_withdrawn!",
    coalesce(sum(claimable) filter (where incoming and not is_unknown), 0)::text as "in_claimable!",
    coalesce(sum(rate_per_second) filter (where incoming and is_accruing and not is_unknown), 0)::text as "in_rate!",
    count(*) filter (where not incoming) as "out_streams!",
    count(*) filter (where not incoming and is_accruing) as "out_active!",
    count(*) filter (where not incoming and is_unknown) as "out_unknown!",
    coalesce(sum(deposited) filter (where not incoming), 0)::text as "out_deposited!",
    coalesce(sum(withdrawn) filter (where not incoming), 0)::text as "out_withdrawn!",
    coalesce(sum(claimable) filter (where not incoming and not is_unknown), 0)::text as "out_claimable!",
    coalesce(sum(rate_per_second) filter (where not incoming and is_accruing and not is_unknown), 0)::text
        as "out_rate!",
    coalesce(
        sum(case when incoming then rate_per_second else -rate_per_second end)
            filter (where is_accruing and not is_unknown), 0
    )::text as "net_rate!",
    (sum(count(*) filter (where incoming)) over ())::bigint as "all_in_streams!",
    (sum(count(*) filter (where incoming and is_accruing)) over ())::bigint as "all_in_active!",
    (sum(count(*) filter (where not incoming)) over ())::bigint as "all_out_streams!",
    (sum(count(*) filter (where not incoming and is_accruing)) over ())::bigint as "all_out_active!"
from valued
group by token
order by count(*) filter (where is_accruing) desc, count(*) desc, token
limit $3
