-- With its triggers.
DROP FUNCTION IF EXISTS {function}() CASCADE
