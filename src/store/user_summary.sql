with of_user as (
    select true as incoming, * from streams
    where recipient = $1 and ($4::text is null or $4 in (sender, recipient)) and ($5::text is null or contract_id = $5)
    union all
    select false as incoming, * from streams
    where sender = $1 and ($4::text is null or $4 in (sender, recipient)) and ($5::text is null or contract_id = $5)
),
valued as (
    select
        incoming, token, deposited, withdrawn,
        phase = 'running' and coalesce(end_time, 'infinity'::numeric) > $2::text::numeric as is_accruing,
        rate_per_second,
        case
            when is_active then greatest(0, least(
                greatest(0, least(deposited - withdrawn, 170141183460469231731687303715884105727)),
                greatest(0, case when paused then coalesce(paused_at, $2::text::numeric) else $2::text::numeric end
                    - last_update_time) * rate_per_second
            ))
            else 0
        end as claimable
    from of_user
)
select
    token as "token!",
    count(*) filter (where incoming) as "in_streams!",
    count(*) filter (where incoming and is_accruing) as "in_active!",
    coalesce(sum(deposited) filter (where incoming), 0)::text as "in_deposited!",
    coalesce(sum(withdrawn) filter (where incoming), 0)::text as "in_withdrawn!",
    coalesce(sum(claimable) filter (where incoming), 0)::text as "in_claimable!",
    coalesce(sum(rate_per_second) filter (where incoming and is_accruing), 0)::text as "in_rate!",
    count(*) filter (where not incoming) as "out_streams!",
    count(*) filter (where not incoming and is_accruing) as "out_active!",
    coalesce(sum(deposited) filter (where not incoming), 0)::text as "out_deposited!",
    coalesce(sum(withdrawn) filter (where not incoming), 0)::text as "out_withdrawn!",
    coalesce(sum(claimable) filter (where not incoming), 0)::text as "out_claimable!",
    coalesce(sum(rate_per_second) filter (where not incoming and is_accruing), 0)::text as "out_rate!",
    coalesce(sum(case when incoming then rate_per_second else -rate_per_second end) filter (where is_accruing), 0)::text
        as "net_rate!",
    (sum(count(*) filter (where incoming)) over ())::bigint as "all_in_streams!",
    (sum(count(*) filter (where incoming and is_accruing)) over ())::bigint as "all_in_active!",
    (sum(count(*) filter (where not incoming)) over ())::bigint as "all_out_streams!",
    (sum(count(*) filter (where not incoming and is_accruing)) over ())::bigint as "all_out_active!"
from valued
group by token
order by count(*) filter (where is_accruing) desc, count(*) desc, token
limit $3
