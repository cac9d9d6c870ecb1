-- What live listeners are shown of the last minutes. $1 project.
delete from traction.live_note where project_id = $1
