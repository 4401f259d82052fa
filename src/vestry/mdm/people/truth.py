"""What a citizen index is held against: whose each record really is, or pairs that somebody has reviewed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vestry.project import VestryError, literal
from vestry.project.errors import listed

if TYPE_CHECKING:
    import duckdb

_PEOPLE = ("source", "record_id", "person_id")
_LABELS = ("source_a", "record_a", "source_b", "record_b", "same")
_EXPECTED = (
    f"a truth has the columns {', '.join(_PEOPLE)} (further columns are groups: age_band, sex …), "
    f"reviewed pairs have {', '.join(_LABELS)}, as CSV or Parquet"
)
_SAME = ("true", "t", "yes", "y", "1", "same")
_DIFFERENT = ("false", "f", "no", "n", "0", "different")
_UNSURE = ("", "unsure")


@dataclass(frozen=True)
class Truth:
    """What the index is held against: a relation of people or of reviewed pairs, and its columns of groups."""

    kind: Literal["people", "labels"]
    relation: str
    groups: tuple[str, ...] = ()


def read_truth(con: duckdb.DuckDBPyConnection, path: Path) -> Truth:
    """The truth in a file, or in `people.…` or `labels.…` of a folder, as a temporary table.

    Raises VestryError that says which columns are expected and where.
    """
    names = [f"{name}.{kind}" for name in ("people", "labels") for kind in ("parquet", "csv")]
    file = next((path / n for n in names if (path / n).is_file()), None) if path.is_dir() else path
    if file is None or not file.is_file():
        what = "there is no truth here" if file is None else "there is no such file"
        raise VestryError(what, str(path), f"name a file or a folder that holds one of {', '.join(names)}: {_EXPECTED}")
    if file.suffix.lower() not in (".csv", ".parquet"):
        raise VestryError("a truth is CSV or Parquet", str(file), _EXPECTED)
    import duckdb

    read = "read_csv({}, header = true, all_varchar = true)" if file.suffix.lower() == ".csv" else "read_parquet({})"
    try:
        con.execute(f"CREATE OR REPLACE TEMP TABLE mdm_truth AS FROM {read.format(literal(str(file)))}")
    except duckdb.Error as error:  # whose text may hold values
        raise VestryError(f"the file cannot be read as {file.suffix[1:]}", str(file), _EXPECTED) from error
    columns = {c.lower(): c for c in con.sql("FROM mdm_truth").columns}
    if set(_PEOPLE) <= set(columns):
        return Truth("people", "mdm_truth", tuple(c for low, c in columns.items() if low not in _PEOPLE))
    if set(_LABELS) <= set(columns):
        _read_labels(con, file)
        return Truth("labels", "mdm_truth")
    near = max((_PEOPLE, _LABELS), key=lambda wanted: len(set(wanted) & set(columns)))
    lacking = [c for c in near if c not in columns]
    what = (
        f"the column{'s' if len(lacking) > 1 else ''} {listed(lacking)} {'are' if len(lacking) > 1 else 'is'} missing"
    )
    raise VestryError(what, str(file), _EXPECTED)


def _read_labels(con: duckdb.DuckDBPyConnection, file: Path) -> None:
    word = "lower(trim(CAST(same AS VARCHAR)))"
    odd = f"FROM mdm_truth WHERE {word} NOT IN {(*_SAME, *_DIFFERENT, *_UNSURE)}"
    row = con.execute(f"SELECT count(*) {odd}").fetchone()
    if count := row[0] if row else 0:
        what = f"the column `same` of {count:,} row{'s' if count > 1 else ''} says neither yes nor no"
        raise VestryError(
            what, str(file), "write true or false (yes or no, same or different); unsure rows may be empty"
        )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE mdm_truth AS SELECT * REPLACE ({word} IN {_SAME} AS same) "
        f"FROM mdm_truth WHERE {word} IN {(*_SAME, *_DIFFERENT)}"
    )
