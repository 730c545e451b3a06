-- NULL in every row that is there.
ALTER TABLE {table} ADD COLUMN {column} {type}
