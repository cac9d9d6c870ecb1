-- Refused events that name a user: as a JSON string, or in a pixel's address. $1 project, $2 user.
delete from traction.reject
where project_id = $1
    and (position(convert_to(to_json($2::text)::text, 'UTF8') in event) > 0
        or position(convert_to('user=' || $2 || '&', 'UTF8') in event || '&'::bytea) > 0)
