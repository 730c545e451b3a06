-- Slow by nature: nothing indexes parent_generation_id, so its foreign key is checked by reading the table.
DELETE FROM generations WHERE id = $1
