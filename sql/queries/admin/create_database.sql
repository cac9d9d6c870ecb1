-- SPDX-License-Identifier: MIT
-- The database of a private cluster, made once after initdb. No parameters; not in a transaction.
create database traction;
