"""The application's tables at the head of the revision chain.

The application owns them; they stand here so that `alembic check` can tell whether the revisions and this
picture agree. What revision 39e7f45c72f1 adds is set apart at the end of its table.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Boolean, Column, DateTime, Float, Index, Integer, MetaData, String, Table, Text, func, text
from sqlalchemy import ForeignKey as Ref

metadata = MetaData()


def _id() -> Column[str]:
    """UUIDs as text, as the application writes them."""
    return Column("id", String(36), primary_key=True)


def _times() -> tuple[Column[Any], Column[Any]]:
    return (
        Column("created_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
        Column("updated_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    )


users = Table(
    "users",
    metadata,
    _id(),
    Column("email", String(255), nullable=False),
    Column("username", String(50)),
    Column("full_name", String(255)),
    Column("hashed_password", String(255)),
    Column("is_active", Boolean, nullable=False),
    Column("is_superuser", Boolean, nullable=False),
    Column("is_verified", Boolean, nullable=False),
    Column("avatar_url", String(500)),
    Column("bio", Text),
    Column("location", String(100)),
    Column("website", String(500)),
    Column("github_id", Integer, unique=True),
    Column("github_username", String(100)),
    Column("github_access_token", String(500)),
    Column("preferences", JSON),
    Column("total_generations", Integer, nullable=False),
    *_times(),
    Index("ix_users_email", "email", unique=True),
    Index("ix_users_username", "username", unique=True),
)

organizations = Table(
    "organizations",
    metadata,
    _id(),
    Column("name", String(255), nullable=False),
    Column("slug", String(100), nullable=False),
    Column("description", Text),
    Column("owner_id", String(36), Ref("users.id"), nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("max_members", Integer, nullable=False),
    Column("max_projects", Integer, nullable=False),
    Column("subscription_plan", String(50), nullable=False),
    Column("stripe_customer_id", String(100)),
    Column("settings", JSON),
    *_times(),
    Index("ix_organizations_name", "name"),
    Index("ix_organizations_slug", "slug", unique=True),
)

organization_members = Table(
    "organization_members",
    metadata,
    _id(),
    Column("organization_id", String(36), Ref("organizations.id"), nullable=False),
    Column("user_id", String(36), Ref("users.id"), nullable=False),
    Column("role", String(20), nullable=False),
    Column("permissions", JSON),
    Column("is_active", Boolean, nullable=False),
    Column("invited_by_id", String(36), Ref("users.id")),
    *_times(),
)

projects = Table(
    "projects",
    metadata,
    _id(),
    Column("user_id", String(36), Ref("users.id"), nullable=False),
    Column("organization_id", String(36), Ref("organizations.id")),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("domain", String(50)),
    Column("tech_stack", String(50), nullable=False),
    Column("constraints", JSON),
    Column("status", String(20), nullable=False),
    Column("is_public", Boolean, nullable=False),
    Column("github_repo_url", String(500)),
    Column("github_repo_name", String(255)),
    Column("settings", JSON),
    *_times(),
    Index("ix_projects_name", "name"),
    # --- 39e7f45c72f1
    Column("latest_version", Integer, server_default=text("0"), nullable=False),
    Column(
        "active_generation_id",
        String(36),
        # The two tables refer to each other: this key can only be created after both are there.
        Ref("generations.id", name="fk_projects_active_generation", ondelete="SET NULL", use_alter=True),
    ),
    Index("ix_projects_created_at_id", "created_at", "id"),
    Index(
        "ix_projects_active_generation_id",
        "active_generation_id",
        postgresql_where=text("active_generation_id IS NOT NULL"),
    ),
)

generations = Table(
    "generations",
    metadata,
    _id(),
    Column("project_id", String(36), Ref("projects.id"), nullable=False),
    Column("user_id", String(36), Ref("users.id"), nullable=False),
    Column("prompt", Text, nullable=False),
    Column("context", JSON),
    Column("extracted_schema", JSON),
    Column("output_files", JSON),
    Column("review_feedback", JSON),
    Column("documentation", JSON),
    Column("quality_score", Float),
    Column("status", String(20), nullable=False),
    Column("error_message", Text),
    Column("schema_extraction_time", Float),
    Column("code_generation_time", Float),
    Column("review_time", Float),
    Column("docs_generation_time", Float),
    Column("total_time", Float),
    Column("is_iteration", Boolean, nullable=False),
    Column("parent_generation_id", String(36), Ref("generations.id")),
    *_times(),
    # --- 39e7f45c72f1
    Column("version", Integer, server_default=text("1"), nullable=False),
    Column("version_name", String(50)),
    Column("is_active", Boolean, server_default=text("false"), nullable=False),
    Column("storage_path", String(500)),
    Column("file_count", Integer, server_default=text("0"), nullable=False),
    Column("total_size_bytes", Integer),
    Column("diff_from_previous", Text),
    Column("changes_summary", JSON),
    Index("ix_generations_project_id_created_at_id", "project_id", "created_at", "id"),
)

artifacts = Table(
    "artifacts",
    metadata,
    _id(),
    Column("generation_id", String(36), Ref("generations.id"), nullable=False),
    Column("type", String(20), nullable=False),
    Column("storage_url", String(500), nullable=False),
    Column("file_size", Integer),
    Column("file_metadata", JSON),
    *_times(),
)
