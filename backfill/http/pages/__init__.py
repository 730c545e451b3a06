"""The dashboard: pages that a browser shows without a script, and keeps up to date with one."""

from fastapi import APIRouter

from backfill.http.pages import actions, login, routes

router = APIRouter()
for part in (routes, actions, login):
    router.include_router(part.router)

__all__ = ["router"]
