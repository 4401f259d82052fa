"""A small town with a citizen index: two registers as CSV files, passed through, and indexed by the defaults."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from council import Council
from vestry.mdm.people.explain import Reader
from vestry.run.people import reader_of
from vestry.run.query import ask

FIELDS = ("ref", "forename", "surname", "born", "sex", "nino", "address", "postcode", "telephone", "seen", "hidden")
GIVEN_F = [
    "Ada",
    "Beth",
    "Clara",
    "Dora",
    "Edith",
    "Farah",
    "Grace",
    "Hana",
    "Ingrid",
    "Jola",
    "Keziah",
    "Leila",
    "Maud",
    "Nadia",
    "Olga",
    "Priya",
    "Rhona",
    "Sofia",
    "Tess",
]
GIVEN_M = [
    "Abel",
    "Boris",
    "Cyrus",
    "Drew",
    "Emil",
    "Faisal",
    "Gwyn",
    "Hugo",
    "Idris",
    "Jonas",
    "Kofi",
    "Lewin",
    "Milo",
    "Nils",
    "Otto",
    "Pavel",
    "Rahul",
    "Silas",
    "Tariq",
]
FAMILY = [
    "Abara",
    "Birtwell",
    "Calder",
    "Dunmore",
    "Eastwick",
    "Farrow",
    "Gilani",
    "Hartley",
    "Iqbal",
    "Jankowski",
    "Kettle",
    "Lomax",
    "Mistry",
    "Norcross",
    "Oakes",
    "Pemberton",
    "Quill",
    "Rahman",
    "Stott",
    "Thwaite",
    "Umar",
    "Varley",
    "Wardle",
    "Yardley",
    "Zaman",
    "Ashby",
    "Brook",
    "Cleave",
    "Denby",
    "Ellery",
]
STREETS = [
    "Abbey",
    "Brewery",
    "Chapel",
    "Dyers",
    "Ferry",
    "Garden",
    "Harbour",
    "Ivy",
    "Kiln",
    "Lantern",
    "Mill",
    "Orchard",
    "Pound",
    "Quay",
    "Rope",
]

_TABLE = """\
  - name: {name}
    properties:
      - {{name: ref, logicalType: string, primaryKey: true, primaryKeyPosition: 1, required: true, classification: personal}}
      - {{name: forename, logicalType: string, classification: personal}}
      - {{name: surname, logicalType: string, classification: personal}}
      - {{name: born, logicalType: date, classification: personal}}
      - {{name: sex, logicalType: string, classification: personal}}
      - {{name: nino, logicalType: string, classification: personal}}
      - {{name: address, logicalType: string, classification: personal}}
      - {{name: postcode, logicalType: string, classification: personal}}
      - {{name: telephone, logicalType: string, classification: personal}}
      - {{name: seen, logicalType: date, classification: personal}}
      - {{name: hidden, logicalType: boolean, classification: personal}}
"""
_SELECT = """\
SELECT ref, forename, surname, try_cast(born AS DATE) AS born, sex, nino, address, postcode, telephone,
    try_cast(seen AS DATE) AS seen, hidden = 'Y' AS hidden
FROM bronze.register.{name}
"""
_ATTRIBUTES = [
    "title",
    "forename",
    "middle_names",
    "surname",
    "sex",
    "nhs_number",
    "ni_number",
    "upn",
    "other_id",
    "uprn",
    "address",
    "postcode",
    "telephone",
    "email",
]
MATCH = """\
people:
  - table: register.people.tax
    key: ref
    columns: {columns}
  - table: register.people.homes
    key: ref
    columns: {columns}
    protected: hidden
"""
COLUMNS = (
    "{forename: forename, surname: surname, date_of_birth: born, sex: sex, ni_number: nino, address: address, "
    "postcode: postcode, telephone: telephone, valid_to: seen}"
)


def index_tables() -> str:
    """The tables that the contract of an index promises, as YAML."""

    def column(name: str, kind: str, more: str = "") -> str:
        return f"      - {{name: {name}, logicalType: {kind}, classification: personal{more}}}\n"

    key = ", primaryKey: true, primaryKeyPosition: {}, required: true"
    values = "".join(column(n, "string") for n in _ATTRIBUTES) + column("date_of_birth", "date")
    person = column("person_id", "string", key.format(1)) + values + column("records", "integer")
    person += column("sources", "integer") + column("since", "timestamp")
    person += column("origins", "string")
    record = column("source", "string", key.format(1)) + column("record_id", "string", key.format(2))
    record += column("person_id", "string") + column("since", "timestamp") + column("because", "string") + values
    record += column("valid_from", "date") + column("valid_to", "date")
    event = column("event_id", "integer", key.format(1)) + column("happened_at", "timestamp")
    event += "".join(
        column(n, "string")
        for n in ("kind", "person_id", "old_person_id", "source", "record_id", "because", "decided_by")
    )
    tables = {"person": person, "person_record": record, "person_event": event}
    return "".join(f"  - name: {name}\n    properties:\n{text}" for name, text in tables.items())


class Town(Council):
    """`tax` and `homes` are registers of rows by reference; `save` writes them, `run` runs."""

    def __init__(self, root: Path, match: str = "") -> None:
        super().__init__(root)
        self.tax: dict[str, dict[str, str]] = {}
        self.homes: dict[str, dict[str, str]] = {}
        self.source(
            "register",
            "connector: files\npath: drop\ntables:\n"
            + "".join(f"  {n}:\n    files: {n}.csv\n" for n in ("tax", "homes")),
        )
        self.product(
            "register.people",
            "".join(_TABLE.format(name=n) for n in ("tax", "homes")),
            tax_sql=_SELECT.format(name="tax"),
            homes_sql=_SELECT.format(name="homes"),
        )
        self._index(match or MATCH)

    def _index(self, match: str) -> None:
        self.product("people.index", index_tables(), person_match=match.replace("{columns}", COLUMNS))

    def tell_apart(self, before: str, after: str) -> None:
        """Have a table of the council tell two records of the homes apart."""
        column = "logicalType: string, classification: personal"
        self.product(
            "register.changes",
            {"before": column, "after": column},
            change_sql=f"SELECT '{before}' AS before, '{after}' AS after",
        )
        pair = "{table: register.changes.change, of: register.people.homes, left: before, right: after}"
        self._index(f"{MATCH}told_apart:\n  - {pair}\n")

    def save(self) -> None:
        for name, rows in (("tax", self.tax), ("homes", self.homes)):
            text = io.StringIO()
            writer = csv.DictWriter(text, FIELDS)
            writer.writeheader()
            writer.writerows(
                {"ref": ref, **{f: row.get(f, "") for f in FIELDS if f != "ref"}} for ref, row in rows.items()
            )
            self.drop(f"{name}.csv", text.getvalue())

    def dicts(self, sql: str) -> list[dict[str, Any]]:
        workspace = self.open()
        try:
            return ask(workspace, sql).to_pylist()
        finally:
            workspace.engine.close()

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """The index, opened to be asked and corrected."""
        workspace = self.open()
        try:
            yield reader_of(workspace)
        finally:
            workspace.engine.close()

    def people(self, of: Iterable[str]) -> list[str]:
        """The persons of records written `tax/T1`; in the order in which they are named."""
        found = {
            f"{row['source'].rpartition('.')[2]}/{row['record_id']}": row["person_id"]
            for row in self.dicts("SELECT source, record_id, person_id FROM people.index.person_record")
        }
        return [found.get(name, "nobody") for name in of]


def settle(town: Town, households: int = 150, seed: int = 1) -> None:
    """Invented households of one to four; each person is in the register of homes, and most in that of tax."""
    draw = random.Random(seed)
    number = 0
    for home in range(households):
        family, street = draw.choice(FAMILY), draw.choice(STREETS)
        address, postcode = f"{home + 1} {street} Street", f"TS{home % 9 + 1} {home % 7 + 1}{'ABDEFGHJ'[home % 8]}X"
        for member in range(draw.randint(1, 4)):
            number += 1
            sex = draw.choice("FM")
            year = draw.randint(1940, 1990) if member < 2 else draw.randint(2009, 2020)
            row = {
                "forename": draw.choice(GIVEN_F if sex == "F" else GIVEN_M),
                "surname": family,
                "born": f"{year}-{draw.randint(1, 12):02}-{draw.randint(2, 28):02}",
                "sex": sex,
                "address": address,
                "postcode": postcode,
                "telephone": f"01632 960{draw.randint(0, 999):03}" if draw.random() < 0.5 else "",
                "seen": "2026-05-01",
            }
            town.homes[f"H{number}"] = row
            if draw.random() < 0.8:
                town.tax[f"T{number}"] = _worn(row, draw)


def _worn(row: Mapping[str, str], draw: random.Random) -> dict[str, Any]:
    copy = dict(row)
    if draw.random() < 0.3:
        copy["born"] = ""
    if draw.random() < 0.1:
        copy["forename"] = copy["forename"][:1] + copy["forename"][2:]
    if draw.random() < 0.2:
        copy["telephone"] = ""
    copy["forename"] = copy["forename"].upper()
    copy["surname"] = copy["surname"].upper()
    copy["seen"] = "2026-06-01"
    return copy
