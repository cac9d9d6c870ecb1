-- Gives back what lock_migrations took.
select pg_advisory_unlock(hashtextextended('traction.schema_migration', 0))
