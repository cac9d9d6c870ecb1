-- $1 project, $2 person.
delete from traction.person where project_id = $1 and person = $2 returning first_seen
