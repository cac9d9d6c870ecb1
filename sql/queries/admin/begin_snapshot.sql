-- SPDX-License-Identifier: MIT
-- The statements that follow see the database as of one moment.
begin isolation level repeatable read read only;
