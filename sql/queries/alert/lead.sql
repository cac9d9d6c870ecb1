-- SPDX-License-Identifier: MIT
-- Whether this connection is the one that evaluates: of all servers' one holds the lock, until its
-- connection ends. The server ends it by itself within ten seconds when nothing answers any more.
select pg_try_advisory_lock(hashtextextended('traction.alert', 0)) as leads,
    set_config('tcp_keepalives_idle', '3', false) as idle,
    set_config('tcp_keepalives_interval', '1', false) as interval,
    set_config('tcp_keepalives_count', '3', false) as count,
    set_config('tcp_user_timeout', '6000', false) as timeout;
