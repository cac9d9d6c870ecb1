-- SPDX-License-Identifier: MIT
-- The database of a private cluster, once after initdb: the empty one that initdb made, under our
-- name, which is much quicker than copying it. No parameters; from a connection to template1.
alter database postgres rename to traction;
