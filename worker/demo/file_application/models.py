"""The application's mapped classes, as far as it deals with files: numbers and places are the database's to fill in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, FetchedValue, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    id: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=FetchedValue())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=FetchedValue(), onupdate=func.now()
    )


class Project(Base):
    __tablename__ = "projects"

    user_id: Mapped[str]
    latest_version: Mapped[int] = mapped_column(server_default=FetchedValue())
    active_generation_id: Mapped[str | None]


class Generation(Base):
    __tablename__ = "generations"

    project_id: Mapped[str]
    user_id: Mapped[str]
    prompt: Mapped[str]
    status: Mapped[str]
    is_iteration: Mapped[bool] = mapped_column(default=False)
    output_files: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    version: Mapped[int] = mapped_column(server_default=FetchedValue())
    is_active: Mapped[bool] = mapped_column(server_default=FetchedValue())
    storage_path: Mapped[str | None] = mapped_column(server_default=FetchedValue())
    file_count: Mapped[int] = mapped_column(server_default=FetchedValue())
    total_size_bytes: Mapped[int | None]


class Artifact(Base):
    __tablename__ = "artifacts"

    generation_id: Mapped[str]
