"""The next release's mapped classes: it counts versions for itself, and its unit of work decides what is written first.

A flush writes a project before its generations, because they refer to it, and several projects before all of theirs.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DateTime, FetchedValue, ForeignKey, func
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

Sessions = async_sessionmaker[AsyncSession]


class Base(DeclarativeBase):
    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=FetchedValue())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=FetchedValue(), onupdate=func.now()
    )


class Project(Base):
    __tablename__ = "projects"

    name: Mapped[str] = mapped_column(default="A project")
    description: Mapped[str | None]
    domain: Mapped[str | None]
    tech_stack: Mapped[str] = mapped_column(default="fastapi")
    status: Mapped[str] = mapped_column(default="active")
    is_public: Mapped[bool] = mapped_column(default=False)
    latest_version: Mapped[int] = mapped_column(default=0)
    active_generation_id: Mapped[str | None] = mapped_column(ForeignKey("generations.id", use_alter=True))

    generations: Mapped[list[Generation]] = relationship(
        back_populates="project", foreign_keys="Generation.project_id", order_by="Generation.version"
    )
    active_generation: Mapped[Generation | None] = relationship(foreign_keys=active_generation_id, post_update=True)


class Generation(Base):
    __tablename__ = "generations"

    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    prompt: Mapped[str] = mapped_column(default="Build it")
    status: Mapped[str] = mapped_column(default="pending")
    is_iteration: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int]
    version_name: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(default=False)
    storage_path: Mapped[str | None]

    project: Mapped[Project] = relationship(back_populates="generations", foreign_keys=project_id)


def count_up(session: AsyncSession, project: Project, *generation_ids: str) -> None:
    """What it does for new generations; a flush writes all of it."""
    for generation_id in generation_ids:
        project.latest_version += 1
        session.add(Generation(id=generation_id, user_id="user", project=project, version=project.latest_version))
