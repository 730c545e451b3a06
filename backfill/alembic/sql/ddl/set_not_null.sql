-- Since PostgreSQL 12 no row is read where a validated check says the same; that check is dropped afterwards, by itself.
ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL
