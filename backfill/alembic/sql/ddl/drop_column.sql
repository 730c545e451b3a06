-- Of the catalog alone: no row is touched. The indexes and constraints of the column go with it.
ALTER TABLE {table} DROP COLUMN IF EXISTS {column}
