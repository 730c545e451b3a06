"""The tables of the backfill: a unit is a project, its rows are the project's generations."""

from __future__ import annotations

from backfill.sql.tables import TableName

PROJECTS = TableName(name="projects")
GENERATIONS = TableName(name="generations")
TABLES = (PROJECTS, GENERATIONS)
WRITTEN = ("version", "storage_path", "is_active")
"""Columns of generations that a run writes."""
