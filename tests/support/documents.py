"""README.md and the pages in docs/ as tests read them: fenced blocks, code in running text, links and headings."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.support.commands import REPOSITORY

# Languages of fences that a reader types; in a block without a language the lines after a prompt are.
TYPED = ("bash", "sh", "console")
# Languages of fences that are something else: read, loaded, or drawn.
READ = ("", "sql", "mermaid", "yaml", "ini", "json", "text", "toml", "python")
PROMPT = "$ "
NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    language: str
    text: str
    line: int

    def lines_to_type(self) -> Iterator[str]:
        """One after the other, a continued line whole; comments and what programs answer left out."""
        lines = self.text.replace("\\\n", " ").splitlines()
        if self.language in {"", "console"}:
            lines = [line.removeprefix(PROMPT) for line in lines if line.startswith(PROMPT)]
        elif self.language not in TYPED:
            lines = []
        yield from (line.strip() for line in lines if words_of(line))


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A paragraph, a cell of a table or a heading: its text and the pieces of code in it."""

    text: str
    code: tuple[str, ...]
    links: tuple[str, ...]
    is_cell: bool
    line: int


class Page:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.relative_to(REPOSITORY).as_posix()
        self.text = path.read_text(encoding="utf-8")

    @cached_property
    def _tokens(self) -> list[Token]:
        return MarkdownIt("commonmark").enable("table").parse(self.text)

    @cached_property
    def fences(self) -> tuple[Fence, ...]:
        return tuple(
            Fence(language=token.info.strip(), text=token.content, line=_line(token))
            for token in self._tokens
            if token.type == "fence"
        )

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        before = [None, *self._tokens]
        return tuple(
            _passage(token, is_cell=opening is not None and opening.type in {"td_open", "th_open"})
            for opening, token in zip(before, self._tokens, strict=False)
            if token.type == "inline"
        )

    @cached_property
    def links(self) -> tuple[tuple[str, int], ...]:
        """Target and line of every link and picture."""
        return tuple((link, passage.line) for passage in self.passages for link in passage.links)

    @cached_property
    def anchors(self) -> frozenset[str]:
        """What `#...` may name, as GitHub makes it of the headings."""
        seen: Counter[str] = Counter()
        anchors = []
        for opening, token in zip(self._tokens, self._tokens[1:], strict=False):
            if opening.type != "heading_open":
                continue
            slug = NOT_IN_ANCHORS.sub("", _plain(token).lower()).replace(" ", "-")
            anchors.append(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
        return frozenset(anchors)


def pages() -> list[Page]:
    """Every page that a reader of the project is given, the README first."""
    return [Page(REPOSITORY / "README.md"), *map(Page, sorted((REPOSITORY / "docs").rglob("*.md")))]


def words_of(command: str) -> list[str]:
    """As the shell splits it, without its comment; ValueError where a quotation does not end."""
    return shlex.split(command, comments=True)


def _passage(token: Token, *, is_cell: bool) -> Passage:
    children = token.children or []
    links = [
        child.attrGet("href") or child.attrGet("src") for child in children if child.type in {"link_open", "image"}
    ]
    return Passage(
        text=_plain(token),
        code=tuple(child.content for child in children if child.type == "code_inline"),
        links=tuple(str(link) for link in links if link),
        is_cell=is_cell,
        line=_line(token),
    )


def _plain(token: Token) -> str:
    return "".join(child.content for child in token.children or [] if child.type in {"text", "code_inline"})


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 0
