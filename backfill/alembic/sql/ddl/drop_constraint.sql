-- Of the catalog alone; a foreign key takes ACCESS EXCLUSIVE on the other table, too.
ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}
