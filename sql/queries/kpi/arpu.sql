-- Revenue by the number of active people.

-- fragment: events
with {points}, {rates}, cells as materialized (
    select {bucket} as t, {group} as g, coalesce(e.unit, :currency) as k, count(*) as n,
        sum(e.value) as amount
    from {events} and e.name = 'purchase' and e.value is not null
    group by 1, 2, 3
), active as materialized (
    select {bucket} as t, {group} as g, {person} as member
    from {people_events} and e.kind = 'e'
    group by 1, 2, 3
), top as materialized (
    select array(
        select g
        from (
            select c.g, c.amount * r.rate as amount, 0 as people
            from cells c
            left join rates r on r.k = c.k
            union all
            select g, 0, 1 from active
        ) a
        where {is_grouped}
        group by g
        order by coalesce(sum(amount), 0) desc, sum(people) desc, g collate "C"
        limit :groups
    ) as labels
), {money}, users as materialized (
    select t, g, count(*) as n
    from (
        select distinct p.t, p.g, c.member
        from (select t, {place_anyway} as g, member from active) c
        {stretches}
    ) d
    group by 1, 2
), {used_amounts}, {note}
{per_user}
-- fragment: rollup
with {points}, {rates}, {revenue_of_rollup}, {top_by_money}, {money}, users as materialized (
    select coalesce(t, 0) as t, -1 as g, members as n
    from {members} m
    where subject = 'active' and key = ''
), {used_amounts}, {note}
{per_user}
