-- As a new database has it.
CREATE SCHEMA public
