-- Before their generation: the foreign key does not cascade.
DELETE FROM artifacts WHERE generation_id = $1 RETURNING id
