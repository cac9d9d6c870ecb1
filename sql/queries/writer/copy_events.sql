-- Rows as the door encoded them: the columns of traction.event, in their order.
copy traction.event from stdin (format binary)
