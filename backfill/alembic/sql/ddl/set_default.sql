-- For rows to come; those that are there are filled in afterwards.
ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {default}
