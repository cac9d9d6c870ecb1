-- SPDX-License-Identifier: MIT
-- Who sends: what is stored of the address, and who does not want to be counted.

-- The client's, or its network; null unless the setting privacy.address says to keep one.
alter table traction.event add column address inet;

-- Whether DNT: 1 and Sec-GPC: 1 keep events out.
alter table traction.project add column respect_dnt boolean not null default false;
