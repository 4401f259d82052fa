"""Changes of a table that does not tell of them: keyed row hashes are held against what bronze has.

Bronze gets a row for each change, with `_change`: insert, update, or delete (of which only the key is known). So a
snapshot with `deleted_when: "_change = 'delete'"` gives the current state, and a key that is used again is an insert.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vestry.ingest.connector import LOADED_AT, Context
from vestry.ingest.database.server import Server
from vestry.lake.types import stored_type
from vestry.project import literal, quote

CHANGE = "_change"
#: So many changed keys are asked for by name; of more, the table is read again.
_BY_NAME = 20_000


def changed(
    context: Context,
    server: Server,
    table: str,
    read: Mapping[str, str],
    selected: Mapping[str, str],
    key: Sequence[str],
) -> str | None:
    """SQL of the rows of changes since bronze was last loaded, in columns as bronze has them; None where there is none.

    `read` are the columns with their types; `selected` is SQL over them in DuckDB, by their names in bronze.
    """
    con = server.con
    relation = server.select(table, read) if server.needs_select(table) else server.relation(table)
    kinds = {c: k for c, k in context.engine.lake.columns(context.bronze).items() if c in selected}
    stands = context.mark(LOADED_AT) is not None and CHANGE in context.engine.lake.columns(context.bronze)
    columns = ", ".join(f"{sql} AS {quote(name)}" for name, sql in selected.items())
    if not stands:
        return f"SELECT {columns}, 'insert' AS {CHANGE}, NULL::BIGINT AS _row FROM {relation}"
    keys = ", ".join(quote(k) for k in key)
    new = [name for name in selected if name not in kinds]
    # What bronze lacks is hashed as NULL there, so that a column that appears is a change of every row that fills it.
    described = con.execute(f"DESCRIBE SELECT {columns} FROM {relation}").fetchall()
    made = {str(r[0]): kinds.get(str(r[0]), stored_type(str(r[1]))) for r in described}
    here = ", ".join(f"CAST({quote(n)} AS {kind})" for n, kind in made.items())
    there = ", ".join(f"CAST({'NULL' if n in new else quote(n)} AS {kind})" for n, kind in made.items())
    cast = ", ".join(f"CAST({quote(k)} AS {made[k]}) AS {quote(k)}" for k in key)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE vestry_here AS SELECT {cast}, hash({here}) AS h FROM "
        f"(SELECT {columns} FROM {relation})"
    )
    bronze = context.engine.relation(context.bronze)
    # The first load has each key once: only of what came later is the last row of a key looked for. It is kept in a
    # struct, for arg_max passes over what is NULL, and the last row may be that of a delete.
    begun = f"(SELECT min(_loaded_at) FROM {bronze})"
    last = f"arg_max({{'h': CASE WHEN {CHANGE} = 'delete' THEN NULL ELSE hash({there}) END}}, _loaded_at).h"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE vestry_changed AS
            WITH later AS (SELECT {keys}, {last} AS h FROM {bronze} WHERE _loaded_at > {begun} GROUP BY {keys}),
            had AS (
                SELECT * FROM later WHERE h IS NOT NULL
                UNION ALL
                SELECT * FROM (SELECT {keys}, hash({there}) AS h FROM {bronze} WHERE _loaded_at = {begun})
                ANTI JOIN later USING ({keys})
            )
            SELECT {keys}, CASE WHEN had.h IS NULL THEN 'insert' WHEN vestry_here.h IS NULL THEN 'delete'
                ELSE 'update' END AS {CHANGE}
            FROM vestry_here FULL JOIN had USING ({keys}) WHERE vestry_here.h IS DISTINCT FROM had.h"""
    )
    con.execute("DROP TABLE vestry_here")
    counted = con.execute(
        f"SELECT count(*), count(*) FILTER ({CHANGE} <> 'delete') FROM vestry_changed"
    ).fetchone() or (0, 0)
    if not counted[0]:
        return None
    source = relation
    if counted[1] <= _BY_NAME and len(key) == 1 and server.address.system != "sqlite":
        wanted = con.execute(f"SELECT {keys}::VARCHAR FROM vestry_changed WHERE {CHANGE} <> 'delete'").fetchall()
        named = ", ".join(literal(str(v)) for (v,) in wanted) or "NULL"
        source = server.select(table, read, f" WHERE {server.quoted(key[0])} IN ({named})")
    gone = ", ".join(quote(n) if n in key else f"CAST(NULL AS {kind})" for n, kind in made.items())
    return (
        f"SELECT r.*, c.{CHANGE}, NULL::BIGINT AS _row FROM (SELECT {columns} FROM {source}) AS r "
        f"JOIN (SELECT * FROM vestry_changed WHERE {CHANGE} <> 'delete') AS c USING ({keys}) "
        f"UNION ALL SELECT {gone}, {CHANGE}, NULL FROM vestry_changed WHERE {CHANGE} = 'delete'"
    )
