-- Of the catalog alone.
ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT
