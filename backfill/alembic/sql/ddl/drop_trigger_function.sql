-- CASCADE takes what hangs on it, which is its triggers: ACCESS EXCLUSIVE on their tables.
DROP FUNCTION IF EXISTS {function}() CASCADE
