-- In the transaction that makes it needless.
DROP TRIGGER IF EXISTS {trigger} ON {table}
