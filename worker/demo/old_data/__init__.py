"""A database as the application has left it before the migration."""

from worker.demo.old_data.creation import OldDataShape, create_old_data

__all__ = ["OldDataShape", "create_old_data"]
