"""What a proof of the files comes to, in lines and as a document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.proof.files.oracle import Found
from tests.proof.files.plan import Blow
from worker.demo.file_application import Account


@dataclass(slots=True, kw_only=True)
class Outcome:
    """`left_out` says why there were no full disks, where there were none. `put_right` is what an operator would have
    done: runs that are retried, resumed or begun again. `wrong` is what was found on the way."""

    seed: int
    generations: int = 0
    files: int = 0
    left_out: str | None = None
    seconds: float = 0.0
    blows: Counter[Blow] = field(default_factory=Counter)
    put_right: Counter[str] = field(default_factory=Counter)
    account: Account = field(default_factory=Account)
    found: Found = field(default_factory=Found)
    wrong: list[str] = field(default_factory=list)

    @property
    def violations(self) -> list[str]:
        account = self.account
        counted = {
            "reads failed": (account.failed_count, account.failed),
            "reads had wrong bytes": (account.wrong_count, account.wrong),
            "errors of the application": (account.error_count, account.errors),
        }
        of_traffic = [f"{count} {what}: {examples[0]}" for what, (count, examples) in counted.items() if count]
        return [*self.wrong, *of_traffic, *self.found.lines()]

    def document(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "generations": self.generations,
            "files": self.files,
            "full_disks_left_out": self.left_out,
            "seconds": round(self.seconds, 1),
            "blows": {blow.value: count for blow, count in sorted(self.blows.items())},
            "put_right": dict(sorted(self.put_right.items())),
            "application": self.account.document(),
            "found": dict(sorted(self.found.counts.items())),
            "violations": self.violations,
        }

    def lines(self) -> Iterator[str]:
        account = self.account
        yield from _counts("generations at the beginning", self.generations, {"files on disk": self.files})
        yield from _counts("faults", self.blows.total(), {str(blow): n for blow, n in self.blows.items()})
        if self.left_out:
            yield f"  no full disk: {self.left_out}"
        yield from _counts("put right by an operator", self.put_right.total(), self.put_right)
        yield from _counts("reads of the application", account.reads.total(), account.reads)
        yield from _counts("writes of the application", account.writes.total(), account.writes)
        yield from _counts("found in the end", self.found.counts.total(), self.found.counts)
        yield f"{'writes that a full disk refused':<44}{account.no_room:>9}"
        yield f"{'reads failed':<44}{account.failed_count:>9}"
        yield f"{'reads with wrong bytes':<44}{account.wrong_count:>9}"
        yield f"{'seconds of the runs':<44}{self.seconds:>9.1f}"
        yield f"{'violations':<44}{len(self.violations):>9}"
        yield from (f"  {violation}" for violation in self.violations)


def _counts(title: str, total: int, counted: Mapping[str, int]) -> Iterator[str]:
    yield f"{title:<44}{total:>9}"
    yield from (f"  {name:<42}{count:>9}" for name, count in sorted(counted.items()))
