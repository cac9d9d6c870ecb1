-- Makes the partition of a day. $1 the UTC day.
select traction.make_event_partition($1)
