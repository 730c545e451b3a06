"""Looking at the pages as a browser without a screen does."""

from __future__ import annotations

from html.parser import HTMLParser

import httpx
from fastapi import FastAPI

HOSTILE = "<script>alert(1)</script>'\"&{{ 7*7 }}"


class Parsed(HTMLParser):
    """What a browser would find on a page: its elements with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def actions(self) -> list[str]:
        """Where its forms and their buttons lead, in order."""
        names = {"form": "action", "button": "formaction"}
        return [attributes[names[tag]] or "" for tag, attributes in self.elements if names.get(tag, "") in attributes]


def browser_of(app: FastAPI) -> httpx.AsyncClient:
    """A client that asks for pages, without a network."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Accept": "text/html,application/xhtml+xml"}
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers)


async def look(client: httpx.AsyncClient, path: str, status: int = 200) -> Parsed:
    response = await client.get(path)
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    return Parsed(response.text)


async def start(client: httpx.AsyncClient, **fields: object) -> str:
    """The address of the new run's page."""
    response = await client.post("/start", data={"backfill": "generation-versions", **fields})
    assert response.status_code == 303, response.text
    return response.headers["Location"]


def links_to_runs(page: Parsed) -> list[str]:
    return [address for link in page.all("a") if (address := link["href"] or "").startswith("/runs/")]


def id_in(address: str) -> str:
    return address.removeprefix("/runs/")
