-- Reads every row under SHARE UPDATE EXCLUSIVE, which lets readers and writers through; a foreign key also takes ROW SHARE on the other table.
ALTER TABLE {table} VALIDATE CONSTRAINT {name}
