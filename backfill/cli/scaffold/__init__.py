"""The files that `backfill new` writes for an author: a definition, a revision and a test."""
