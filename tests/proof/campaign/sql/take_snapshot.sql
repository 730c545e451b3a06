-- The first statement of a REPEATABLE READ transaction; what dies from now on stays until it ends.
SELECT count(*) FROM projects;
