-- SPDX-License-Identifier: MIT
-- Silences that are not over. No parameters.
select rule_id, series, until_at
from traction.alert_silence
where until_at > now()
order by rule_id, id;
