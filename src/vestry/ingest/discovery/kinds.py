"""What a column may hold that matters to a data protection officer: `kinds.yaml`, typed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

#: In order of what they ask for: who may see a column follows from the strictest.
CLASSIFICATIONS = ("internal", "personal", "special", "criminal")
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Kind:
    """One thing that a column may hold; `kinds.yaml` says what each key means.

    An `identifier` tells one person, or one place, from all others. A kind without a test is told by its name.
    """

    name: str
    classification: str
    words: str
    test: str = ""
    sure: float = 2.0
    fits: float = 0.0
    says: str = ""
    identifier: bool = False
    of_people: bool = False
    only_of_people: bool = False

    def named(self, words: str) -> bool:
        """Whether a column's name, as `words_of` gives it, speaks of it."""
        return re.search(rf" (?:{self.words}) ", words) is not None


@cache
def kinds() -> tuple[Kind, ...]:
    """All kinds, in the order in which they are tried."""
    forenames = "|".join((_FOLDER / "forenames.txt").read_text(encoding="utf-8").split())
    told = yaml.safe_load((_FOLDER / "kinds.yaml").read_text(encoding="utf-8"))
    found = []
    for name, entry in told.items():
        test = entry.pop("test", "").replace("{forenames}", f"(?:{forenames})")
        found.append(Kind(name, test=test, **entry))
    return tuple(found)


def words_of(name: str) -> str:
    """`personNINO_no` as ` person nino no `: the words of a column's name in lower case, with spaces around."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return f" {' '.join(re.findall(r'[a-z]+|[0-9]+', parted.lower()))} "
