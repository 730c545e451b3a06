-- Of the catalog alone.
ALTER TABLE {table} RENAME COLUMN {column} TO {new_name}
