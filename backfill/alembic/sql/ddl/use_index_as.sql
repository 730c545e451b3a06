-- The index is there already, and the columns are NOT NULL, so nothing is read.
ALTER TABLE {table} ADD CONSTRAINT {name} {kind} USING INDEX {index}
