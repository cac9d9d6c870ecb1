-- Notes a migration as applied. $1 number, $2 name, $3 SHA-256 of its text.
insert into traction.schema_migration (number, name, sha256)
values ($1, $2, $3)
