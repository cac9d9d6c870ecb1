-- What became known of people: each time is the earliest of something, 'infinity' where there is
-- nothing. $1 projects, $2 people, $3 first seen, $4 channel at, $5 sign-up with a channel at,
-- $6 converted, $7 paid, $8 signed up, $9 channels, $10 channels of sign-ups.
insert into traction.person as p
    (project_id, person, first_seen, channel_at, sign_up_at, converted_at, paid_at, signed_up_at,
        channel, sign_up_channel)
select project_id, person, first_seen, channel_at, sign_up_at, converted_at, paid_at, signed_up_at,
    channel, sign_up_channel
from unnest($1::int[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[],
            $6::timestamptz[], $7::timestamptz[], $8::timestamptz[], $9::text[], $10::text[])
    as d (project_id, person, first_seen, channel_at, sign_up_at, converted_at, paid_at, signed_up_at,
        channel, sign_up_channel)
on conflict (project_id, person) do update
set first_seen = least(p.first_seen, excluded.first_seen),
    channel_at = least(p.channel_at, excluded.channel_at),
    channel = case
        when excluded.channel_at < p.channel_at then excluded.channel
        when excluded.channel_at = p.channel_at
            then least(excluded.channel collate "C", p.channel collate "C")
        else p.channel
    end,
    sign_up_at = least(p.sign_up_at, excluded.sign_up_at),
    sign_up_channel = case
        when excluded.sign_up_at < p.sign_up_at then excluded.sign_up_channel
        when excluded.sign_up_at = p.sign_up_at
            then least(excluded.sign_up_channel collate "C", p.sign_up_channel collate "C")
        else p.sign_up_channel
    end,
    converted_at = least(p.converted_at, excluded.converted_at),
    paid_at = least(p.paid_at, excluded.paid_at),
    signed_up_at = least(p.signed_up_at, excluded.signed_up_at)
where excluded.first_seen < p.first_seen or excluded.channel_at <= p.channel_at
    or excluded.sign_up_at <= p.sign_up_at or excluded.converted_at < p.converted_at
    or excluded.paid_at < p.paid_at or excluded.signed_up_at < p.signed_up_at
