"""Online backfill of generation versions: an arq worker, its control API and its command line."""
