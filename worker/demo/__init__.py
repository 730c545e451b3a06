"""The demo: a database as it was before the migration, and an application that never heard of the new columns."""
