-- Notes the ids of a batch. $1 run, $2 server, $3 $4 received from and to, $5 the ids, 16 bytes each.
insert into traction.id_log (run, server_id, received_from, received_to, ids)
values ($1, $2, $3, $4, $5)
