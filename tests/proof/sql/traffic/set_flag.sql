-- One generation, which may be gone meanwhile.
UPDATE generations SET is_active = $2 WHERE id = $1 RETURNING id
