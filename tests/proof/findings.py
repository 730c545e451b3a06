"""What the oracle finds, by rule: some examples each, and how many more there are."""

from __future__ import annotations

_EXAMPLES = 5

RULES = {
    "errors": "the application sees no error that nothing excuses",
    "rows": "every acknowledged row is there, and no other",
    "values": "every column is as the application wrote it, updated_at too",
    "atomic": "a transaction whose answer was lost is there in whole or not at all",
    "paths": "a row has its flat storage path, or the one that the next release gave it",
    "unassigned": "once a run has succeeded, every row has its values",
    "unique": "numbers are unique in a project and above zero",
    "latest": "latest_version never falls and is not below a number",
    "order": "numbers follow the order in which they were given, and (created_at, id) where rows were settled together",
    "dense": "settling gives consecutive numbers, from the next one on",
    "kept": "the next release gets the numbers that it has reserved",
    "renumbered": "a number that was given stays",
    "flags": "is_active and active_generation_id agree",
    "active": "the newest completed generation is active, unless the next release chose or the active one went away",
}


class Findings:
    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {rule: [] for rule in RULES}

    def add(self, rule: str, sentence: str) -> None:
        self._found[rule].append(sentence)

    def sentences(self) -> list[str]:
        """`rule: sentence`; of many of a rule the first ones, and their number."""
        told = []
        for rule, sentences in self._found.items():
            told += [f"{rule}: {sentence}" for sentence in sentences[:_EXAMPLES]]
            if len(sentences) > _EXAMPLES:
                told.append(f"{rule}: and {len(sentences) - _EXAMPLES} more against the rule that {RULES[rule]}")
        return told
