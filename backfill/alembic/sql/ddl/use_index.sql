-- The index is there already, so nothing is read; it takes the name of the constraint.
ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {index}
