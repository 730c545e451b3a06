"""The driver's connection, of which a transaction's BEGIN can say more than that it begins."""

from __future__ import annotations

from typing import Any

import asyncpg


class BoundedConnection(asyncpg.Connection):  # type: ignore[misc]  # the driver ships no types
    """`begins_with` are statements for the beginning of each transaction: they go to the server in BEGIN's own message.

    SQLAlchemy has the driver begin one with the first statement. By themselves they would be one more of the six
    messages of a short transaction, most of whose time goes into its messages.
    """

    __slots__ = ("begins_with",)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.begins_with = ""

    @classmethod
    async def to(cls, **arguments: Any) -> BoundedConnection:
        """Connects, with the arguments and errors of `asyncpg.connect`."""
        connection: BoundedConnection = await asyncpg.connect(**arguments, connection_class=cls)
        return connection

    def begin_also_with(self, statement: str) -> bool:
        """Adds to what this transaction begins with, and only this one; False where it is too late."""
        if not self.begins_with or self.is_in_transaction():
            return False
        self.begins_with = f"{self.begins_with};\n{statement}"
        return True

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        if not (self.begins_with and query.startswith("BEGIN")):
            return str(await super().execute(query, *args, **options))
        try:
            return str(await super().execute(f"{query}\n{self.begins_with}", **options))
        except asyncpg.PostgresError:
            # BEGIN has succeeded, and the driver, to which it has failed, would take the next one for a savepoint.
            self._top_xact = None  # type: ignore[misc]
            if not self.is_closed():
                await super().execute("ROLLBACK")
            raise
