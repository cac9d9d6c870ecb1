-- Whether some project's events have expired since expire_days, or are kept longer now. $1 now.
select exists (
    select from traction.project
    where expired_through is distinct from ($1 at time zone 'UTC')::date - retention_days
)
