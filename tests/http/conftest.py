"""The real service over the test's own database and Redis, and a client that talks to it without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import httpx
import pytest
from fastapi import FastAPI

from backfill.http.app import create_app
from backfill.settings import load_settings
from backfill.wiring import Service, open_service


class OpenService(Protocol):
    def __call__(self, database_url: str, redis_url: str) -> AbstractAsyncContextManager[Service]: ...


@pytest.fixture
def open_service_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> OpenService:
    """The service as an edge opens it, with the settings of an environment of the definitions and these two URLs."""

    @asynccontextmanager
    async def open_on(database_url: str, redis_url: str) -> AsyncIterator[Service]:
        monkeypatch.chdir(tmp_path)  # the checkout may have a .env
        monkeypatch.setenv("BACKFILL_DEFINITIONS", "worker.generations")
        monkeypatch.setenv("DATABASE_URL", database_url)
        monkeypatch.setenv("REDIS_URL", redis_url)
        monkeypatch.setenv("BACKFILL_PACE", "fixed")  # of these processes none looks at the database
        async with open_service(load_settings(), application_name="test-http") as service:
            yield service

    return open_on


@pytest.fixture
async def service(open_service_on: OpenService, database: str, redis_url: str) -> AsyncIterator[Service]:
    async with open_service_on(database, redis_url) as opened:
        yield opened


@pytest.fixture
def app(service: Service) -> FastAPI:
    return create_app(service)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as opened:
        yield opened


def client_of(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
