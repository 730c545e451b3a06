"""Redis: run records, ranges with their cursors and counts, leases and events."""
