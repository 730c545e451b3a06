"""Online backfills for PostgreSQL: an engine, a worker, a control API and a command line that name no table."""
