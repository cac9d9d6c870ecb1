-- Waits until nobody else migrates this database. Released by unlock_migrations or the session's end.
select pg_advisory_lock(hashtextextended('traction.schema_migration', 0))
