"""The application's schema as it stands before any versioning.

An existing database is at this revision already: it is told so with `alembic stamp e011ab9dd223`.

Revision ID: e011ab9dd223
Revises:
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from alembic import op

revision = "e011ab9dd223"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_users()
    _create_organizations()
    _create_organization_members()
    _create_projects()
    _create_generations()
    _create_artifacts()


def downgrade() -> None:
    op.drop_table("artifacts")
    op.drop_table("generations")
    op.drop_table("projects")
    op.drop_table("organization_members")
    op.drop_table("organizations")
    op.drop_table("users")


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(36), primary_key=True)


def _times() -> tuple[sa.Column[Any], sa.Column[Any]]:
    return (
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
    )


def _create_users() -> None:
    op.create_table(
        "users",
        _id(),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("username", sa.String(50)),
        sa.Column("full_name", sa.String(255)),
        sa.Column("hashed_password", sa.String(255)),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("is_superuser", sa.Boolean, nullable=False),
        sa.Column("is_verified", sa.Boolean, nullable=False),
        sa.Column("avatar_url", sa.String(500)),
        sa.Column("bio", sa.Text),
        sa.Column("location", sa.String(100)),
        sa.Column("website", sa.String(500)),
        sa.Column("github_id", sa.Integer, unique=True),
        sa.Column("github_username", sa.String(100)),
        sa.Column("github_access_token", sa.String(500)),
        sa.Column("preferences", sa.JSON),
        sa.Column("total_generations", sa.Integer, nullable=False),
        *_times(),
    )
    op.create_index("ix_users_email", "users", ["email"], unique=True)
    op.create_index("ix_users_username", "users", ["username"], unique=True)


def _create_organizations() -> None:
    op.create_table(
        "organizations",
        _id(),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("slug", sa.String(100), nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("owner_id", sa.String(36), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("max_members", sa.Integer, nullable=False),
        sa.Column("max_projects", sa.Integer, nullable=False),
        sa.Column("subscription_plan", sa.String(50), nullable=False),
        sa.Column("stripe_customer_id", sa.String(100)),
        sa.Column("settings", sa.JSON),
        *_times(),
    )
    op.create_index("ix_organizations_name", "organizations", ["name"])
    op.create_index("ix_organizations_slug", "organizations", ["slug"], unique=True)


def _create_organization_members() -> None:
    op.create_table(
        "organization_members",
        _id(),
        sa.Column("organization_id", sa.String(36), sa.ForeignKey("organizations.id"), nullable=False),
        sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("permissions", sa.JSON),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("invited_by_id", sa.String(36), sa.ForeignKey("users.id")),
        *_times(),
    )


def _create_projects() -> None:
    op.create_table(
        "projects",
        _id(),
        sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("organization_id", sa.String(36), sa.ForeignKey("organizations.id")),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("domain", sa.String(50)),
        sa.Column("tech_stack", sa.String(50), nullable=False),
        sa.Column("constraints", sa.JSON),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("is_public", sa.Boolean, nullable=False),
        sa.Column("github_repo_url", sa.String(500)),
        sa.Column("github_repo_name", sa.String(255)),
        sa.Column("settings", sa.JSON),
        *_times(),
    )
    op.create_index("ix_projects_name", "projects", ["name"])


def _create_generations() -> None:
    op.create_table(
        "generations",
        _id(),
        sa.Column("project_id", sa.String(36), sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("context", sa.JSON),
        sa.Column("extracted_schema", sa.JSON),
        sa.Column("output_files", sa.JSON),
        sa.Column("review_feedback", sa.JSON),
        sa.Column("documentation", sa.JSON),
        sa.Column("quality_score", sa.Float),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("error_message", sa.Text),
        sa.Column("schema_extraction_time", sa.Float),
        sa.Column("code_generation_time", sa.Float),
        sa.Column("review_time", sa.Float),
        sa.Column("docs_generation_time", sa.Float),
        sa.Column("total_time", sa.Float),
        sa.Column("is_iteration", sa.Boolean, nullable=False),
        sa.Column("parent_generation_id", sa.String(36), sa.ForeignKey("generations.id")),
        *_times(),
    )


def _create_artifacts() -> None:
    op.create_table(
        "artifacts",
        _id(),
        sa.Column("generation_id", sa.String(36), sa.ForeignKey("generations.id"), nullable=False),
        sa.Column("type", sa.String(20), nullable=False),
        sa.Column("storage_url", sa.String(500), nullable=False),
        sa.Column("file_size", sa.Integer),
        sa.Column("file_metadata", sa.JSON),
        *_times(),
    )
