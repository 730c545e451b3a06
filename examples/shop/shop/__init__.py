"""A small application that has a backfill."""
