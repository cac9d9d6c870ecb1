-- Forgets ids outside the dedupe window, and says where the window begins: what a server still has
-- in its spool counts from when it was received. A server silent for a week is taken for gone.
-- $1 now, $2 window in microseconds.
with bound as (
    select
        least($1, min(received_through) filter (where updated_at > now() - interval '7 days'))
        - $2 * interval '1 microsecond' as at
    from traction.spool_position
),
pruned as (
    delete from traction.id_log using bound where id_log.received_to < bound.at
)
select at from bound
