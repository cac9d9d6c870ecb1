-- Drops the oldest partition that no project keeps. $1 now. Null: there is none.
select traction.drop_event_partition(traction.kept_from($1))
