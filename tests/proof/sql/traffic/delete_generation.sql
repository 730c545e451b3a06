-- One that has no children.
DELETE FROM generations WHERE id = $1 RETURNING id
