-- For this transaction: events are many, whatever the statistics say.
set local enable_nestloop = off
