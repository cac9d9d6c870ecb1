-- A person's sessions by inactivity. $1 project, $2 person.
delete from traction.visit where project_id = $1 and person = $2 returning session
