"""Looks at a file that came from anywhere, in a process of its own that may use so much memory, disk and time.

A few hundred bytes of XLSX can name a cell at the end of a sheet of 17 thousand million, and ask for the memory of
all: such a file ends that process, and nobody else notices.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vestry.catalogue.conversion import converted, guessed
from vestry.catalogue.proposal import ProposedColumn, ProposedTable
from vestry.ingest.files.inspection import cells_of, in_parts
from vestry.project import DataError, VestryError, literal, quote

if TYPE_CHECKING:
    import duckdb

    from vestry.ingest.files.model import FileRows

#: Bytes of memory are of address space, of which an honest file of 3,000 columns takes 6 GB and touches a tenth.
_SECONDS, _MEMORY, _DISK = 300, 8 << 30, 4 << 30
#: Of the memory, the engine's: each of thousands of columns takes a block of its own.
_ENGINE = "3GB"
#: An honest workbook opens to some ten times its size.
_MOST_RATIO, _HARMLESS = 200, 64 << 20
#: Rows whose shape is looked at.
_ROWS = 10_000
#: Values of a column that are few: so many at most, each so often on average.
_FEW, _OFTEN = 12, 4
_TABLE = quote("vestry looked at")
#: Each may take a processor and much memory.
_AT_ONCE = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Rehearsal:
    """What the recipe of a table would make of the file that was uploaded."""

    rows: int
    #: By column: cells that held something and could not be read as the type.
    unread: dict[str, int]
    #: Columns that hold something in every row.
    full: frozenset[str]
    #: Rows whose key is that of another row, or has no value; 0 where there is no key.
    not_told_apart: int


def first_look(file: Path, shown: str) -> list[str] | ProposedTable:
    """The sheets of a workbook of which several hold anything; else the one table of the file. Raises VestryError."""
    found = _ask("first", file, shown, shown)
    return found["sheets"] or ProposedTable.model_validate(found["table"])


def look(file: Path, shown: str, place: int, sheet: str | None) -> ProposedTable:
    """What is in a file, or in one of its sheets, as a table to be mended. Raises VestryError with what is wrong.

    The rows are kept beside the file, for `rehearse`.
    """
    return ProposedTable.model_validate(_ask("look", file, shown, shown, place, sheet))


def rehearse(file: Path, place: int, table: ProposedTable) -> Rehearsal:
    """Read the rows as the table's types say, and count what does not work."""
    found = _ask("rehearse", file, file.name, place, table.model_dump(mode="json"))
    return Rehearsal(found["rows"], found["unread"], frozenset(found["full"]), found["not_told_apart"])


def _ask(what: str, file: Path, shown: str, *more: Any) -> Any:
    """Ask the process below. Its own words never come through: they may quote the file."""
    command = [sys.executable, "-m", __name__]
    asked = json.dumps([what, str(file), *more])
    try:
        with _AT_ONCE:
            done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603
        answer = json.loads(done.stdout) if done.returncode == 0 else None
    except subprocess.TimeoutExpired:
        raise DataError(
            f"the file takes more than {_SECONDS // 60} minutes to read", shown, "upload a part of it"
        ) from None
    except ValueError:
        answer = None
    if answer is None:
        mend = "open it, copy the table alone into a new file, and upload that as CSV"
        raise DataError("the file cannot be read: it asks for more memory than a file may, or is damaged", shown, mend)
    if "what" in answer:
        raise DataError(answer["what"], shown, answer["mend"])
    return answer["found"]


def main() -> None:
    """Answer one question on the standard input, with JSON."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_DISK, _DISK))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    what, file, *more = json.load(sys.stdin)
    answer: dict[str, Any]
    try:
        answer = {"found": _ANSWERS[what](Path(file), *more)}
    except VestryError as error:
        answer = {"what": error.what, "mend": error.mend}
    json.dump(answer, sys.stdout)


def _first(file: Path, shown: str) -> dict[str, Any]:
    sheets = _sheets(file)
    return {"sheets": sheets, "table": None if sheets else _look(file, shown, 0, None)}


def _sheets(file: Path) -> list[str]:
    from vestry.ingest.files import sheets
    from vestry.ingest.files.kind import find_kind
    from vestry.ingest.files.model import FileOptions

    if file.suffix in (".zip", ".gz") or find_kind(file, FileOptions()).kind != "workbook":
        return []
    _refuse_bomb(file)
    found = [s.name for s in sheets(file) if s.visible and s.rows]
    return found if len(found) > 1 else []


def _refuse_bomb(file: Path) -> None:
    """A workbook that says of itself that it opens to far more than any honest one."""
    if not zipfile.is_zipfile(file):
        return
    try:
        with zipfile.ZipFile(file) as archive:
            opened = sum(info.file_size for info in archive.infolist())
    except zipfile.BadZipFile:
        return  # its reader will say so
    if opened > _HARMLESS and opened > _MOST_RATIO * file.stat().st_size:
        what = f"the workbook opens to {opened >> 20:,} MB from {max(file.stat().st_size >> 10, 1):,} KB: a zip bomb"
        raise DataError(what, mend="nothing of it was read: ask who sent it")


def _look(file: Path, shown: str, place: int, sheet: str | None) -> dict[str, Any]:
    from vestry.ingest.discovery.profile import look_at, prepared
    from vestry.ingest.draft import records_in, unpacked
    from vestry.ingest.files.inspection import profile_of, take_file
    from vestry.ingest.files.kind import find_kind
    from vestry.ingest.files.model import FileOptions
    from vestry.ingest.files.names import snake_case

    options = FileOptions(sheet=sheet, rows=records_in(file))
    with prepared() as con, tempfile.TemporaryDirectory(dir=file.parent) as folder:
        con.execute(f"SET memory_limit = '{_ENGINE}'")
        one = unpacked(file, options, Path(folder))
        _refuse_bomb(one)
        kind = find_kind(one, options).kind
        rows, count = take_file(one, options, con, Path(folder), _TABLE)
        if not count:
            what = (
                "the file has column names and no row below them" if rows.columns else "no table was found in the file"
            )
            raise DataError(what, mend="upload one that has some rows: what the columns hold is read from them")
        profile = profile_of(con, _TABLE, rows, count)
        names = ", ".join(quote(c.name) for c in profile.columns)
        found = look_at(con, "", "", f"SELECT {names} FROM {_TABLE}")
        _keep(con, names, _rows_of(file, place))
        types = {str(r[0]): str(r[1]) for r in con.execute(f"DESCRIBE {_TABLE}").fetchall()}
        forms = _forms(con, list(types)[: len(profile.columns)])
        told_of = {c.name: c for c in found.columns}
        key = next((k for k in profile.keys if told_of[k].kind is None), None)
        columns = []
        for column in profile.columns:
            other = told_of[column.name]
            classification = found.classification(other)
            # A kind that only the name tells does not say how the values are written.
            told = other.kind.name if other.kind and other.by_values else None
            shape, is_fine = forms[column.name]
            few = classification == "internal" and column.type == "string" and 1 < column.distinct <= _FEW
            columns.append(
                ProposedColumn(
                    source=column.name,
                    header=column.header,
                    own_type=types[column.name],
                    filled=column.filled,
                    shape=shape,
                    kind=other.kind.name if other.kind else None,
                    why=other.why,
                    found=classification,
                    values=_values(con, column.name) if few and column.values >= _OFTEN * column.distinct else (),
                    name=column.name,
                    type=guessed(told, column.type, column.format, is_fine),
                    classification=classification,
                    key=column.name == key,
                )
            )
    return ProposedTable(
        name=snake_case(sheet or Path(shown).stem).replace("__", "_")[:60].strip("_") or "data",
        sheet=sheet,
        records=options.rows,
        format=_SAYS.get(kind, kind),
        rows=count,
        rejected=rows.rejected.num_rows,
        header_line=_header_line(rows),
        notes=rows.notes,
        columns=tuple(columns),
    ).model_dump(mode="json")


_SAYS = {
    "delimited": "text in columns (CSV)",
    "workbook": "a workbook",
    "html": "a web page with a table",
    "json": "JSON",
    "parquet": "Parquet",
    "xml": "XML",
    "geojson": "GeoJSON",
    "gpkg": "a GeoPackage",
    "shapefile": "a shapefile",
}


def _keep(con: duckdb.DuckDBPyConnection, names: str, target: Path) -> None:
    """Write the rows as Parquet: by Arrow, for DuckDB's writer takes megabytes for each of thousands of columns."""
    import pyarrow.parquet as pq

    batches = con.execute(f"SELECT {names} FROM {_TABLE}").to_arrow_reader(_ROWS)
    with pq.ParquetWriter(target, batches.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _header_line(rows: FileRows) -> int | None:
    """Where the names of the columns stand, from 1; None where the file has none, or needs none."""
    return rows.skipped.get("preamble", 0) + 1 if rows.skipped.get("header") else None


def _forms(con: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> dict[str, tuple[str, bool]]:
    """Of each column the commonest shape, and whether numbers in it have more than two decimals."""
    found = dict.fromkeys(columns, ("", False))
    for part in in_parts(columns):
        cells = cells_of(f"(SELECT * FROM {_TABLE} LIMIT {_ROWS})", part)
        rows = con.execute(
            f"SELECT name, mode({_SHAPE}), bool_or(regexp_matches(v, '\\.[0-9]{{3,}}')) "
            f"FROM ({cells}) WHERE trim(v) <> '' GROUP BY name"
        ).fetchall()
        found |= {str(name): (str(shape), bool(is_fine)) for name, shape, is_fine in rows}
    return found


_SHAPE = (
    r"left(regexp_replace(regexp_replace(regexp_replace(trim(v), '\p{Lu}', 'A', 'g'), '[^\P{L}A]', 'a', 'g'), "
    r"'\p{N}', '9', 'g'), 24)"
)


def _values(con: duckdb.DuckDBPyConnection, column: str) -> tuple[str, ...]:
    value = f"tidy({quote(column)})"
    rows = con.execute(f"SELECT DISTINCT {value} AS v FROM {_TABLE} WHERE {value} IS NOT NULL ORDER BY v").fetchall()
    return tuple(str(r[0]) for r in rows)


def _rehearse(file: Path, place: int, given: dict[str, Any]) -> dict[str, Any]:
    from vestry.ingest.discovery.profile import prepared

    table = ProposedTable.model_validate(given)
    with prepared() as con:
        relation = f"read_parquet({literal(str(_rows_of(file, place)))})"
        rows, unread, full = 0, dict[str, int](), list[str]()
        for part in in_parts([c.source for c in table.kept]):
            chosen = [c for c in table.kept if c.source in set(part)]
            asked = ", ".join(
                f"count(*) FILTER (trim({quote(c.source)}::VARCHAR) <> '' AND {sql} IS NULL), count({sql})"
                for c in chosen
                for sql in [converted(c.source, c.own_type, c.type)]
            )
            row = con.execute(f"SELECT count(*), {asked} FROM {relation}").fetchone() or (0,)
            rows = row[0]
            unread |= {c.source: row[1 + 2 * i] for i, c in enumerate(chosen)}
            full += [c.source for i, c in enumerate(chosen) if row[2 + 2 * i] == rows]
        keys = [f"({converted(c.source, c.own_type, c.type)})" for c in table.kept if c.key]
        alike = 0
        if keys:
            there = " AND ".join(f"{key} IS NOT NULL" for key in keys)
            told_apart = f"count(DISTINCT ({', '.join(keys)})) FILTER ({there})"
            counted = con.execute(f"SELECT count(*) - {told_apart} FROM {relation}").fetchone()
            alike = counted[0] if counted else 0
    return {"rows": rows, "unread": unread, "full": full, "not_told_apart": alike}


def _rows_of(file: Path, place: int) -> Path:
    return file.parent / f"rows-{place}.parquet"


_ANSWERS: dict[str, Callable[..., Any]] = {"first": _first, "look": _look, "rehearse": _rehearse}

if __name__ == "__main__":
    main()
