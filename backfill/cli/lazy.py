"""Commands that are loaded when they are typed: the list of all of them needs none of their modules."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """`place` is `module:function`. `says` is the first paragraph of the function's docstring: what the list shows."""

    panel: str
    place: str
    says: str
    example: str


def group_of(specs: Mapping[str, Spec]) -> type[TyperGroup]:
    """A group of these commands, in this order, for `typer.Typer(cls=...)`."""

    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands = {
                name: TyperCommand(name=name, help=spec.says, rich_help_panel=spec.panel)
                for name, spec in specs.items()
            }

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            name, listed, rest = super().resolve_command(ctx, args)
            return name, load(str(name), specs[str(name)]) if listed else None, rest

    return LazyGroup


def load(name: str, spec: Spec) -> Any:
    """The command itself, with its options."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(name, epilog=f"Example: {spec.example}")(pkgutil.resolve_name(spec.place))
    return typer.main.get_command(app)
