"""Lists within records, as tables of their own: read from the bronze table whose records hold them.

Nothing is asked of the vendor. Up to where the parent has been read is a mark in the commit, so each list is
taken once; where rows of the parent were taken away, all is read anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vestry.ingest.connector import LOAD_COLUMNS, LOADED_AT, Context, Part
from vestry.ingest.files.names import snake_case
from vestry.lake import DATA, REPLACED
from vestry.project import DataError, quote
from vestry.project.source_models import RestTable

if TYPE_CHECKING:
    import duckdb

#: Which version of the parent's data was read, and up to which load.
_PARENT, _READ_TO = "vestry.parent", "vestry.read_to"
_BATCH = 10_000


def news(context: Context) -> str | None:
    """Why there is something to read, or None."""
    parent = context.source.bronze(context.spec.from_)
    there = context.lake.mark(parent, DATA)
    if there is None or there == context.mark(_PARENT):
        return None
    return f"{parent} has changed"


def parts(context: Context, con: duckdb.DuckDBPyConnection, workdir: Path) -> Iterator[Part]:
    """The lists of the parent's new records, or of all of them."""
    from vestry.ingest.files.reading import FileOptions, read_file

    spec: RestTable = context.spec
    parent = context.source.bronze(str(spec.from_))
    table = context.lake.open(parent)
    if table is None or table.transaction_version(DATA) == context.mark(_PARENT):
        return
    marks = {_PARENT: table.transaction_version(DATA) or 0, _READ_TO: table.transaction_version(LOADED_AT) or 0}
    read_to = context.mark(_READ_TO)
    anew = read_to is None or (table.transaction_version(REPLACED) or 0) > read_to
    records = workdir / "nested.ndjson"
    relation = context.engine.relation(parent, table.version())
    after = "" if anew else f"_loaded_at > make_timestamptz({read_to})"
    count = _write(context, con, relation, after, records)
    there = context.mark(DATA) is not None
    if count:
        rows = read_file(records, FileOptions(format="ndjson"), con, workdir)
        select, rejected = rows.select, rows.rejected
    elif anew and there:
        select = (
            f"SELECT * EXCLUDE ({', '.join(LOAD_COLUMNS)}) FROM {context.engine.relation(context.bronze)} WHERE false"
        )
        rejected = None
    else:
        if there:
            context.lake.note(context.bronze, marks)
        return
    yield Part(
        origin=f"{spec.from_}.{spec.rows}",
        select=select,
        rejected=rejected,
        replaces="table" if anew else "nothing",
        marks=marks,
    )


def _write(context: Context, con: duckdb.DuckDBPyConnection, relation: str, after: str, into: Path) -> int:
    """Write the nested records, one a line, each with its parent's key and cursor; how many."""
    spec: RestTable = context.spec
    above: RestTable = context.settings.tables[spec.from_]
    field, *path = str(spec.rows).split(".")
    held, columns = snake_case(field), context.lake.columns(context.source.bronze(str(spec.from_)))
    if held not in columns:
        what = f"no record of `{spec.from_}` has had the field `{field}`"
        raise DataError(what, context.where, "check `rows`, the field that holds the list")
    carried = [snake_case(f) for f in (*above.key, *([above.cursor.field] if above.cursor else []))]
    picked = ", ".join(quote(c) for c in dict.fromkeys(carried))
    where = " AND ".join(filter(None, (after, f"{quote(held)} IS NOT NULL")))
    found = con.execute(f"SELECT {quote(held)}, {picked} FROM {relation} WHERE {where} ORDER BY _loaded_at, _row")
    names = [f"_parent_{c}" for c in dict.fromkeys(carried)]
    count = 0
    with into.open("w", encoding="utf-8") as out:
        while rows := found.fetchmany(_BATCH):
            for text, *values in rows:
                key = dict(zip(names, values, strict=True))
                for record in _records(text, path):
                    out.write(json.dumps({**key, **record}, ensure_ascii=False) + "\n")
                    count += 1
    return count


def _records(text: str, path: list[str]) -> list[dict[str, Any]]:
    """The records of a nested value: of a list each, of one record that one; a bare value as `value`."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    values = value if isinstance(value, list) else [] if value is None else [value]
    return [v if isinstance(v, dict) else {"value": v} for v in values]
