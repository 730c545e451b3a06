-- Of the catalog alone.
ALTER INDEX {index} RENAME TO {new_name}
