-- SPDX-License-Identifier: MIT
-- What is shared. No parameters; a scan.
select hash, project_id, page from traction.share;
