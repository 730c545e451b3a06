"""PostgreSQL: the engine, one bounded transaction, and SQL that stands in files of its own."""
