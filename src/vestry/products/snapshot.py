"""The current state, or the whole history, of a feed that only tells of changes.

After the first time only the keys that changed are made again: from all their changes in
bronze, so that one that comes late, or twice, or out of order, ends as if it had come in order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pydantic import ValidationError

from vestry.ingest.connector import LOADED_AT
from vestry.lake import REPLACED, quoted
from vestry.products.builder import Context, Making
from vestry.project import ProductTable, TableName, VestryError, quote
from vestry.project.contract import duckdb_type
from vestry.project.inputs import recipe_shown
from vestry.project.models import SnapshotFile
from vestry.project.snapshot import read_snapshot as read_snapshot_file
from vestry.project.yamlfile import read_yaml

#: Up to where the feed has been read.
READ_TO = "vestry.read_to"
_HISTORY = ("valid_from", "valid_to")
_AFFECTED = "snapshot_affected"


class SnapshotBuilder:
    """`<table>.snapshot.yaml`; `<table>_history`, where the contract promises it, is made from the same file."""

    @staticmethod
    def lineage(table: ProductTable, columns: Collection[str]) -> str:
        """SQL of all rows, whose lineage is the table's; `columns` are the feed's, as far as they are known."""
        _, spec = read_snapshot_file(table.recipe, recipe_shown(table))
        return _states(_quoted_order(spec, columns), table)

    def make(self, context: Context) -> Making | None:
        spec = read_snapshot(context)
        feed = TableName.parse(spec.from_)
        loaded_at = context.input_mark(feed, LOADED_AT) or 0
        replaced = max(context.input_mark(feed, REPLACED) or 0, context.mark(REPLACED) or 0)
        read_to = context.mark(READ_TO)
        marks = {READ_TO: loaded_at}
        spec = _quoted_order(spec, context.engine.lake.columns(feed))
        if read_to is None or context.anew or replaced > read_to:
            marks[REPLACED] = 0
            return Making(_states(spec, context.table), order=spec.key, marks=marks)
        keys = [_key(context.table, spec, k) for k in spec.key]
        named = ", ".join(f"{sql} AS {quote(k)}" for k, sql in zip(spec.key, keys, strict=True))
        context.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {_AFFECTED} AS SELECT DISTINCT {named}, {_numbered(keys)} "
            f"FROM {quoted(feed)} WHERE _loaded_at > make_timestamptz({read_to})"
        )
        if not context.con.execute(f"SELECT 1 FROM {_AFFECTED} LIMIT 1").fetchone():
            return None
        return Making(
            _states(spec, context.table, only=_AFFECTED),
            keys=spec.key,
            affected=_AFFECTED,
            order=spec.key,
            marks=marks,
        )


def read_snapshot(context: Context) -> SnapshotFile:
    """The recipe; its faults are listed by `vestry check`."""
    document = read_yaml(context.table.recipe, context.where)
    try:
        return SnapshotFile.model_validate(document.data)
    except ValidationError as error:
        raise VestryError("the recipe is not right", context.where, "see `vestry check`") from error


def _quoted_order(spec: SnapshotFile, feed: Collection[str]) -> SnapshotFile:
    """What says which change is later may be SQL, or the name of a column, which may be a word of SQL such as `at`."""
    order = [quote(o) if o in feed else o for o in spec.order_by]
    valid_from = quote(spec.valid_from) if spec.valid_from and spec.valid_from in feed else spec.valid_from
    return spec.model_copy(update={"order_by": order, "valid_from": valid_from})


def _key(table: ProductTable, spec: SnapshotFile, name: str) -> str:
    """SQL of a column of the key, of the type that the contract promises: so it compares with what is there."""
    sql = spec.columns.get(name, quote(name))
    promised = table.contract.column(name)
    kind = duckdb_type(promised) if promised else None
    return f"CAST({sql} AS {kind})" if kind else f"({sql})"


def _numbered(keys: Sequence[str]) -> str:
    return ", ".join(f"{sql} AS _key_{place}" for place, sql in enumerate(keys))


def _states(spec: SnapshotFile, table: ProductTable, only: str | None = None) -> str:
    """SQL of the current rows (or of all states) of the feed, or of the keys in `only`."""
    feed = TableName.parse(spec.from_)
    is_history = table.name.table.endswith("_history")
    columns = [c.name for c in table.contract.columns if not (is_history and c.name in _HISTORY)]
    key = [_key(table, spec, k) for k in spec.key]
    keys = ", ".join(f"_key_{place}" for place in range(len(spec.key)))
    later = ", ".join([f"{c} DESC" for c in spec.order_by] + ["_loaded_at DESC", "_row DESC"])
    sooner = ", ".join([*spec.order_by, "_loaded_at", "_row"])
    deleted = f"coalesce(({spec.deleted_when}), false)" if spec.deleted_when else "false"
    taken_from = spec.valid_from or spec.order_by[0]
    picked = ", ".join(f"{spec.columns.get(c, quote(c))} AS {quote(c)}" for c in columns)
    restricted = ""
    if only:
        same = " AND ".join(f"a._key_{p} IS NOT DISTINCT FROM k._key_{p}" for p in range(len(spec.key)))
        restricted = f" SEMI JOIN {only} AS a ON ({same})"
    changes = f"SELECT k.* FROM (SELECT *, {_numbered(key)} FROM {quoted(feed)}) AS k{restricted}"
    if not is_history:
        return (
            f"SELECT {picked} FROM (SELECT * FROM ({changes}) "
            f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {later}) = 1) WHERE NOT {deleted}"
        )
    return (
        f"SELECT {picked}, _valid_from AS valid_from, _valid_to AS valid_to FROM (SELECT *, "
        f"{deleted} AS _deleted, {taken_from} AS _valid_from, "
        f"lead({taken_from}) OVER (PARTITION BY {keys} ORDER BY {sooner}) AS _valid_to FROM ({changes})) "
        f"WHERE NOT _deleted AND _valid_from IS DISTINCT FROM _valid_to"
    )
