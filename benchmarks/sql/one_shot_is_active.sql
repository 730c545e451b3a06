-- Fourth statement, second half: the flag that belongs to it.
UPDATE generations AS g SET is_active = true FROM projects AS p WHERE p.active_generation_id = g.id
