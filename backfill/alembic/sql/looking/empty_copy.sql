-- The table without its rows: what a change does to it, and how PostgreSQL spells something, is asked there, and then it is
-- rolled back. Reads the definition of the table only; foreign keys are not copied.
CREATE TEMPORARY TABLE online_copy (LIKE {table} INCLUDING ALL EXCLUDING COMMENTS EXCLUDING STATISTICS)
