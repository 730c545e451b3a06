-- Not analyzed and not vacuumed: a table as an application has it a moment after it was filled.
INSERT INTO documents (id, body) SELECT number, repeat('text ', 20) || number FROM generate_series(1, $1::bigint) AS number
