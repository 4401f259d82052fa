"""A small council with a gazetteer, and a table of addresses as people wrote them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from council import Council

TABLE = "places.matched.address"
_ENTRY = ("uprn", "saon", "paon", "street", "locality", "town", "postcode", "logical_status")
Entry = tuple[str, str, str, str, str, str, str, str]

_GAZETTEER = """
  - name: address
    properties:
      - {name: uprn, logicalType: string}
      - {name: saon, logicalType: string}
      - {name: paon, logicalType: string}
      - {name: street, logicalType: string}
      - {name: locality, logicalType: string}
      - {name: town, logicalType: string}
      - {name: postcode, logicalType: string}
      - {name: logical_status, logicalType: integer}
"""
_MATCHED = """
  - name: address
    properties:
      - {name: line, logicalType: string, primaryKey: true, required: true, classification: personal}
      - {name: address, logicalType: string, classification: personal}
      - {name: postcode, logicalType: string, classification: personal}
      - {name: uprn, logicalType: string}
      - {name: candidate_uprn, logicalType: string}
      - {name: score, logicalType: number}
      - {name: matched_by, logicalType: string}
      - {name: status, logicalType: string}
      - {name: gazetteer_address, logicalType: string}
      - {name: given_uprn, logicalType: string}
      - {name: records, logicalType: integer}
      - {name: sources, logicalType: string}
      - {name: matched_at, logicalType: timestamp}
"""
RECIPE = """\
gazetteer:
  table: places.gazetteer.address
  where: logical_status <> 8
addresses:
  - table: bronze.letters.letter
    address: address
    postcode: postcode
    uprn: uprn
"""


def entry(uprn: int, saon: str, paon: str, street: str, postcode: str, status: int = 1, locality: str = "") -> Entry:
    return str(uprn), saon, paon, street, locality, "Testham", postcode, str(status)


def street(first: int, name: str, postcode: str, numbers: Iterable[int | str]) -> list[Entry]:
    return [entry(first + n, "", str(number), name, postcode) for n, number in enumerate(numbers)]


def gazetteer() -> list[Entry]:
    """About 700 entries: streets of houses, a tower of 400 flats, a divided house, two homes written alike, one gone."""
    return [
        *street(1000, "High Street", "TH1 1AA", range(1, 41)),
        *street(1100, "Mill Lane", "TH1 1AB", range(1, 41)),
        *street(1200, "Station Road", "TH1 2AA", range(1, 41)),
        *street(1300, "Victoria Terrace", "TH1 2AB", range(1, 41)),
        *street(1400, "Nightingale Close", "TH2 1AA", range(1, 31)),
        *street(1500, "St Mary's Avenue", "TH2 1AB", range(1, 31)),
        entry(1900, "", "12A", "High Street", "TH1 1AA"),
        *(entry(5000 + n, f"Flat {n}", "Heron Tower", "River Walk", "TH2 2AA") for n in range(1, 401)),
        *(entry(6000 + n, f"{floor} Floor Flat", "7", "Quay Street", "TH2 2AB") for n, floor in enumerate(("Ground", "First", "Second"))),
        *(entry(6100 + n, f"Flat {letter}", "9", "Quay Street", "TH2 2AB") for n, letter in enumerate("ABC")),
        *(entry(6200 + n, f"Flat {n}", "12", "Castle Hill", "TH3 1AA") for n in range(1, 7)),
        entry(6301, "", "Rose Cottage", "Church Lane", "TH3 1AB"),
        entry(6302, "", "Marsh End", "Bakers Row", "TH3 1AD"),
        entry(6303, "", "Marsh End", "Bakers Row", "TH3 1AD"),
        entry(6400, "", "50", "High Street", "TH1 1AA", status=8),
    ]  # fmt: skip


def as_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


class Town(Council):
    """A council whose letters hold addresses."""

    def __init__(self, root: Path, recipe: str = RECIPE) -> None:
        super().__init__(root)
        self.source("lpg", "connector: files\npath: lpg\ntables:\n  entry:\n    files: '*.csv'\n")
        self.source("letters", "connector: files\npath: letters\ntables:\n  letter:\n    files: '*.csv'\n")
        columns = ", ".join(c for c in _ENTRY if c != "logical_status")
        select = f"SELECT {columns}, CAST(logical_status AS BIGINT) AS logical_status FROM bronze.lpg.entry"
        self.product("places.gazetteer", _GAZETTEER, address_sql=select)
        self.product("places.matched", _MATCHED)
        self.write("domains/places/matched/address.uprn.yaml", recipe)
        self.entries(gazetteer())

    def entries(self, rows: Iterable[Entry]) -> None:
        """The gazetteer as it is from now on."""
        self.write("lpg/entries.csv", as_csv(_ENTRY, rows))

    def letters(self, name: str, *addresses: tuple[str, str] | tuple[str, str, str]) -> None:
        """Letters that come: (address, postcode, and perhaps the UPRN that the sender gives)."""
        rows = [(n, *(*a, "")[:3]) for n, a in enumerate(addresses)]
        self.write(f"letters/{name}.csv", as_csv(("letter", "address", "postcode", "uprn"), rows))

    def matched(self, address: str) -> tuple[str | None, str, str]:
        """(UPRN, status, why) of an address as it was written."""
        found = self.rows(
            f"SELECT uprn, status, matched_by FROM {TABLE} WHERE address = '{address.replace(chr(39), chr(39) * 2)}'"
        )
        assert len(found) == 1, found
        return found[0]  # type: ignore[return-value]

    def uprns(self) -> dict[str, str | None]:
        return dict(self.rows(f"SELECT line, uprn FROM {TABLE}"))
