-- The table is locked by this transaction already.
DROP INDEX {index}
