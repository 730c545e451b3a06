-- Addresses as people type them.
INSERT INTO customers (id, email)
SELECT number, ' User' || number || '@Example.org' FROM generate_series(1, $1::bigint) AS number
