-- FORCE: a benchmark that was interrupted may have left connections.
DROP DATABASE IF EXISTS "{name}" WITH (FORCE)
