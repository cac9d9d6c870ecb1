-- SPDX-License-Identifier: MIT
-- Forgets what is over: notifications after a week, history after 400 days, silences after a week.
-- $1 now.
with notifications as (
    delete from traction.alert_notification
    where created_at < $1::timestamptz - interval '7 days'
        and (sent_at is not null or dropped_at is not null)
), silences as (
    delete from traction.alert_silence where until_at < $1::timestamptz - interval '7 days'
)
delete from traction.alert_history where at < $1::timestamptz - interval '400 days';
