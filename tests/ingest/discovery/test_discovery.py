"""Looking at systems and drives that nobody has described; the people in them are invented."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import time
from pathlib import Path

import pytest

from council import Council, vestry
from vestry.ingest.discovery.drive import files_below
from vestry.ingest.discovery.kinds import words_of
from vestry.ingest.discovery.report import Column, Table
from vestry.ingest.discovery.systems import tables_of
from vestry.project import VestryError

pytestmark = pytest.mark.slow

#: Valid by their check digits, and nobody's: NHS numbers that begin with 999 are for tests.
NHS = ["9990000018", "9990000026", "9990000034", "9990000042", "9990000050", "9990000069", "9990000077", "9990000085"]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "old.sqlite"
    con = sqlite3.connect(file)
    con.executescript(
        """CREATE TABLE cl (k INTEGER PRIMARY KEY, a TEXT, b TEXT, c TEXT, d TEXT, amount REAL);
           CREATE TABLE stock (id TEXT PRIMARY KEY, title TEXT, "first" TEXT, price REAL, bought TEXT);
           CREATE TABLE bare (x TEXT, note TEXT);"""
    )
    con.executemany(
        "INSERT INTO cl VALUES (?, ?, ?, ?, ?, ?)",
        [
            (n, NHS[n % 8], f"{1931 + n % 70}-03-{n % 27 + 1:02}", f"jo{n}@example.org", f"{n} Church Lane", n / 2)
            for n in range(200)
        ],
    )
    con.executemany(
        "INSERT INTO stock VALUES (?, ?, ?, ?, ?)",
        [(f"S{n}", f"Book {n}", "yes", n * 1.5, f"2024-01-{n % 27 + 1:02}") for n in range(50)],
    )
    con.commit()
    con.close()
    return file


def _look(file: Path) -> dict[str, Table]:
    return {t.name: t for t in tables_of(f"sqlite:////{file}", file.parent, "old", lambda _: None)}


def _column(table: Table, name: str) -> Column:
    return next(c for c in table.columns if c.name == name)


def test_columns_are_told_by_their_values_where_their_names_say_nothing(database: Path) -> None:
    table = _look(database)["cl"]
    told = {c.name: c.kind.name if c.kind else None for c in table.columns}
    assert told == {
        "k": None, "a": "NHS number", "b": "date of birth", "c": "email address", "d": "address", "amount": None,
    }  # fmt: skip
    assert table.of_people and table.rows == 200 and list(table.keys) == ["k"]
    assert "check digit" in _column(table, "a").why


def test_what_is_in_a_table_of_people_is_personal_until_somebody_says_not(database: Path) -> None:
    tables = _look(database)
    assert tables["cl"].classification(_column(tables["cl"], "amount")) == "personal"
    stock = tables["stock"]
    assert not stock.of_people
    assert {stock.classification(c) for c in stock.columns} == {"internal"}


def test_ranges_are_told_only_of_what_speaks_of_nobody(database: Path) -> None:
    tables = _look(database)
    assert (_column(tables["stock"], "price").least, _column(tables["stock"], "price").greatest) == ("0.0", "73.5")
    assert all(c.least is None for c in tables["cl"].columns if c.kind)


def test_an_empty_table_is_told_as_one(database: Path) -> None:
    table = _look(database)["bare"]
    assert table.rows == 0 and [c.filled for c in table.columns] == [0.0, 0.0]


def test_a_value_that_is_not_of_its_columns_type_stops_nothing(tmp_path: Path) -> None:
    con = sqlite3.connect(tmp_path / "odd.sqlite")
    con.execute("CREATE TABLE t (n INTEGER, upn TEXT)")
    con.executemany("INSERT INTO t VALUES (?, ?)", [(1, "B801200005001"), ("many", "B801200005001")])
    con.commit()
    con.close()
    table = _look(tmp_path / "odd.sqlite")["t"]
    assert table.rows == 2 and _column(table, "upn").kind is not None
    assert table.notes == ["some values are not of their column's type"]


def test_a_database_that_is_not_there_or_is_none_is_told_without_its_secrets(tmp_path: Path) -> None:
    with pytest.raises(VestryError, match="is not there"):
        list(tables_of("sqlite:///gone.sqlite", tmp_path, "x", lambda _: None))
    (tmp_path / "text.sqlite").write_text("not a database at all, but rather long" * 100)
    with pytest.raises(VestryError, match="cannot be read"):
        list(tables_of(f"sqlite:////{tmp_path}/text.sqlite", tmp_path, "x", lambda _: None))
    with pytest.raises(VestryError) as told:
        list(tables_of("oracle://scott:tiger@host/db", tmp_path, "x", lambda _: None))
    assert "tiger" not in f"{told.value.what}{told.value.mend}"


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    (folder / "Downloads").mkdir(parents=True)
    rows = [["Pupil Name", "DOB", "UPN"], *([f"Ada Byrne {n}", "01/02/2012", "B801200005001"] for n in range(30))]
    for name in ("pupils.csv", "Downloads/pupils (1).csv"):
        with (folder / name).open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    (folder / "bins.csv").write_text("street,day\nMill Lane,Monday\nOak Road,Friday\n")
    (folder / "minutes.docx").write_bytes(b"PK\x03\x04 not looked into")
    (folder / "broken.xlsx").write_bytes(b"PK\x03\x04 broken")
    old = time.time() - 5 * 365.25 * 86_400
    os.utime(folder / "Downloads/pupils (1).csv", (old, old))
    return folder


def test_a_drive_tells_of_people_copies_and_what_nobody_meant_to_keep(drive: Path) -> None:
    found = files_below(drive, "shared", lambda _: None)
    tables = {t.name: t for t in found.tables}
    assert {n for n, t in tables.items() if t.of_people} == {"pupils.csv", "Downloads/pupils (1).csv"}
    notes = " ".join([*tables["Downloads/pupils (1).csv"].notes, *tables["pupils.csv"].notes])
    assert "not changed for 5 years" in notes and "lies in Downloads" in notes and "the same file as" in notes
    assert dict(found.unread)["minutes.docx"].startswith("a document")
    assert "broken.xlsx" in dict(found.unread)


@pytest.mark.slow
def test_the_command_shows_no_value_and_drafts_a_project_without_faults(council: Council, database: Path) -> None:
    council.write("domains/housing/domain.yaml", "name: Housing\nowner: Jo Bloggs\n")
    shown = council.cli("discover", f"sqlite:////{database}", "--write")
    assert shown.returncode == 0, shown.stderr
    assert "NHS number" in shown.stdout and "proposal" in shown.stdout
    assert not any(value in shown.stdout for value in (*NHS, "jo1@example.org", "Church Lane"))
    text = (council.root / "domains/drafts/old/contract.yaml").read_text()
    assert "classification: personal" in text and not any(value in text for value in NHS)
    checked = council.cli("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    council.source("old", f"connector: database\nurl: sqlite:////{database}\ntables: {{cl: , stock: , bare: }}\n")
    council.good()
    assert council.one("SELECT count(*) FROM drafts.old.cl") == 200


def test_a_source_of_the_project_is_looked_at_by_its_name(council: Council, database: Path) -> None:
    council.source("old", f"connector: database\nurl: sqlite:////{database}\ntables: {{stock: }}\n")
    shown = council.cli("discover", "old", "--json")
    rows = json.loads(shown.stdout)
    assert {r["table"] for r in rows} == {"cl", "stock", "bare"}
    assert council.cli("discover", "odl").stderr.count("did you mean `old`") == 1


def test_words_of_names_however_they_are_written() -> None:
    assert words_of("personNINO_no") == " person nino no " or words_of("personNINO_no") == " person n i n o no "
    assert words_of("Date of Birth") == " date of birth "
    assert vestry("discover", "--help").stdout.count("Examples:") == 1
