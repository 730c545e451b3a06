"""Servers of one test beside the embedded ones: with what those lack, or on addresses that those do not listen on."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backfill.embedded.children import Household
from backfill.embedded.folder import SharedFolder
from backfill.embedded.locks import FileLock
from backfill.embedded.place import Place, prepare_place
from backfill.embedded.server import Recipe, Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarters:
    """Where servers live and as whom, for as long as a test lasts. What they call their own is in `place.servers`."""

    place: Place
    household: Household

    @contextmanager
    def running(self, recipe: Recipe) -> Iterator[Server]:
        """It answers; it is stopped with the block, and by the kernel should the test be killed."""
        server = Server(recipe, self.household, None)
        server.prepare()
        try:
            server.start()
            yield server
        finally:
            server.ask_to_stop()
            server.wait_stopped()

    def give(self, name: str, content: bytes) -> Path:
        """A file that the servers may read and nobody else."""
        file = self.place.servers / name
        file.touch(mode=0o600)
        file.write_bytes(content)
        if self.place.account:
            self.place.account.takes(file)
        return file


@contextmanager
def quarters() -> Iterator[Quarters]:
    # Not pytest's folder: the servers run as an account that may not enter it when the tests are root's.
    folder = Path(tempfile.mkdtemp(prefix="backfill-test-"))
    folder.chmod(0o711)
    try:
        with FileLock(folder / "servers.lock") as lock:
            place = prepare_place(SharedFolder(path=folder))
            yield Quarters(place=place, household=Household(account=place.account, servers_lock=lock))
    finally:
        shutil.rmtree(folder)
