"""What the vendor deletes without a word: the keys that it has are compared with those that bronze holds.

A key that bronze holds and the vendor has no more becomes a row with `_change` 'delete', the key, and the
greatest value of the cursor that there is: so it stands after all that is known of the thing, by the vendor's
own clock, and before whatever comes of that key later. All else in the row is empty.

A list is not trusted blindly. Where fewer than half of the known keys are on it nothing is taken from it; and
a key counts as gone only where two readings lack it, for a list that moves while it is paged may skip one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vestry.ingest.connector import Context
from vestry.ingest.files.names import snake_case
from vestry.ingest.rest.answers import Unanswered
from vestry.ingest.rest.client import Api
from vestry.project import literal, quote
from vestry.project.durations import seconds
from vestry.project.source_models import RestDeletes, RestTable

if TYPE_CHECKING:
    import duckdb

CHANGE = "_change"
#: When the keys were last compared, in seconds since 1970.
COMPARED = "vestry.keys_compared"
#: The least part of the known keys that a list must hold to be believed.
_BELIEVED = 0.5


def due(context: Context) -> bool:
    spec: RestTable = context.spec
    if not spec.deletes:
        return False
    last = context.mark(COMPARED)
    return last is None or context.project.clock() - last >= seconds(spec.deletes.every)


def missing(
    context: Context, con: duckdb.DuckDBPyConnection, api: Api, workdir: Path, coming: str, at: str | None
) -> str | None:
    """SQL of the rows that say which keys are gone; None where none is.

    `coming` is SQL of the rows that this load adds, if any; `at` the greatest value of the cursor. Raises
    Unanswered where the list does not come whole, or is too short to be true.
    """
    spec: RestTable = context.spec
    assert spec.deletes and spec.cursor
    keys = [snake_case(k) for k in spec.key]
    con.execute(f"CREATE OR REPLACE TEMP TABLE _keys_gone AS {_known(context, keys, coming)}")
    known = _count(con)
    same = " AND ".join(f"gone.{quote(k)} IS NOT DISTINCT FROM there.{quote(k)}" for k in keys)
    for reading in (1, 2):
        listed = _listed(spec, spec.deletes, api, workdir / f"keys-{reading}.ndjson")
        fields = ", ".join(f"{quote(k)}: 'VARCHAR'" for k in spec.key)
        read = f"read_json({literal(str(listed))}, format = 'newline_delimited', columns = {{{fields}}})"
        picked = ", ".join(f"{quote(k)} AS {quote(snake_case(k))}" for k in spec.key)
        con.execute(f"CREATE OR REPLACE TEMP TABLE _keys_there AS SELECT {picked} FROM {read}")
        con.execute(f"DELETE FROM _keys_gone AS gone USING _keys_there AS there WHERE {same}")
        if not _count(con):
            return None
        if reading == 1 and known - _count(con) < known * _BELIEVED:
            raise Unanswered("keys-short", api.url)
    named, column = ", ".join(quote(k) for k in keys), snake_case(spec.cursor.field)
    return (
        f"SELECT {named}, {'NULL' if at is None else literal(at)} AS {quote(column)}, "
        f"'delete' AS {CHANGE}, row_number() OVER (ORDER BY {named}) AS _row FROM _keys_gone"
    )


def _count(con: duckdb.DuckDBPyConnection) -> int:
    row = con.execute("SELECT count(*) FROM _keys_gone").fetchone()
    return int(row[0]) if row else 0


def _known(context: Context, keys: Sequence[str], coming: str) -> str:
    """SQL of the keys that are there, by the last that is known of each."""
    named = ", ".join(quote(k) for k in keys)
    parts = [f"SELECT {named}, {CHANGE}, true AS _new, _row, NULL AS _loaded_at FROM ({coming})"] if coming else []
    if (columns := context.lake.columns(context.bronze)) and all(k in columns for k in keys):
        change = CHANGE if CHANGE in columns else "NULL"
        bronze = context.engine.relation(context.bronze)
        parts.append(f"SELECT {named}, {change} AS {CHANGE}, false AS _new, _row, _loaded_at FROM {bronze}")
    return (
        f"SELECT {named} FROM (SELECT * FROM ({' UNION ALL BY NAME '.join(parts)}) QUALIFY row_number() OVER "
        f"(PARTITION BY {named} ORDER BY _new DESC, _loaded_at DESC, _row DESC) = 1) "
        f"WHERE {CHANGE} IS DISTINCT FROM 'delete' AND {' AND '.join(f'{quote(k)} IS NOT NULL' for k in keys)}"
    )


def _listed(spec: RestTable, deletes: RestDeletes, api: Api, into: Path) -> Path:
    """The vendor's keys, one record a line. A list of bare values is one of keys of a single field."""
    endpoint = deletes.endpoint or spec.endpoint or ""
    rows = deletes.rows or (None if deletes.endpoint else spec.rows)
    params = deletes.params if deletes.endpoint else {**spec.params, **deletes.params}
    with into.open("w", encoding="utf-8") as out:
        for page in api.pages(endpoint, params, rows, deletes.paginator or spec.paginator):
            for record in page:
                if not isinstance(record, dict):
                    record = {spec.key[0]: record}
                if len(spec.key) == 1 and spec.key[0] not in record:
                    raise Unanswered("answer-changed", api.url, f"a list of keys without `{spec.key[0]}`")
                out.write(json.dumps({k: _as_text(record.get(k)) for k in spec.key}, ensure_ascii=False) + "\n")
    return into


def _as_text(value: object) -> str | None:
    """A key as bronze keeps it."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
