"""The SELECT of a question over a release; only names, types and numbers of ours stand in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestry.governance.access.release import PLACE, Release
from vestry.governance.people import PERSON
from vestry.project import quote
from vestry.serve.rows.conditions import Compiler, kind_of, known
from vestry.serve.rows.cursor import Place
from vestry.serve.rows.query import Order, Query
from vestry.serve.rows.shapes import Shape

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_FILE, _ROW = map(quote, PLACE)


@dataclass(frozen=True)
class Source:
    """What is asked: a relation (SQL) with `columns` (name: DuckDB type) and where each row stands, over `files`."""

    relation: str
    columns: dict[str, str]
    files: tuple[str, ...]

    @classmethod
    def of(cls, release: Release) -> Source:
        return cls(release.relation(placed=True), dict(release.columns), release.files)


@dataclass(frozen=True)
class Select:
    """SQL with its parameters; of its columns the first are those of `labels`, then what only we need."""

    sql: str
    parameters: Sequence[str | None]
    labels: Sequence[str]
    #: How many values say where a row stands in the order.
    keys: int
    #: Whether the last column is the id of the person that the row is about.
    names_people: bool

    def place(self, last: pa.Table) -> Place:
        """Where the one row of a table stands."""
        begin = len(self.labels)
        values = [last.column(begin + n)[0].as_py() for n in range(self.keys + 2)]
        return Place(tuple(values[:-2]), values[-2], values[-1])

    def people(self, rows: pa.Table) -> list[str]:
        return [p for p in rows.column(rows.num_columns - 1).unique().to_pylist() if p] if self.names_people else []


def select(
    source: Source,
    query: Query,
    shape: Shape,
    limit: int,
    after: Place | None,
    names_people: bool,
    con: duckdb.DuckDBPyConnection,
) -> Select:
    """The SELECT of at most `limit` rows and one more, which tells whether there are others. Raises Wrong."""
    columns = source.columns
    names = list(columns) if query.columns is None else list(dict.fromkeys(query.columns))
    for name in names:
        known(columns, name)
    made = shape.made([(name, columns[name]) for name in names])
    keys = [f"CAST({quote(order.column)} AS VARCHAR)" for order in query.order]
    sent = (
        [sql for _, sql in made]
        + keys
        + [_FILE, _ROW]
        + ([f"CAST({quote(PERSON)} AS VARCHAR)"] if names_people else [])
    )
    # Numbers for names: what is sent may be called as a column is, and be another thing.
    listed = ", ".join(f'{sql} AS "vestry {number}"' for number, sql in enumerate(sent))
    compiler = Compiler(columns, con)
    where = compiler.sql(query.where)
    parameters: list[str | None] = list(compiler.parameters)
    for order in query.order:
        kind_of(columns, order.column)
    if after is not None:
        sql, more = _after(query.order, columns, after)
        where, parameters = f"({where}) AND ({sql})", parameters + more
    by = [f"t.{quote(o.column)} {'DESC NULLS LAST' if o.descending else 'ASC NULLS FIRST'}" for o in query.order]
    # Without an order rows come as they lie, which needs no sorting.
    ordered = f" ORDER BY {', '.join([*by, 't.' + _FILE, 't.' + _ROW])}" if by else ""
    begin = f" OFFSET {int(query.skip)}" if query.skip and after is None else ""
    rows = f"{source.relation} AS t WHERE {where}"
    sql = f"SELECT {listed} FROM {rows}{ordered} LIMIT {int(limit) + 1}{begin}"
    return Select(sql, parameters, [label for label, _ in made], len(keys), names_people)


def _after(order: Sequence[Order], columns: dict[str, str], place: Place) -> tuple[str, list[str | None]]:
    """The rows that come after a place: those after it by one column of the order, and equal by all before that."""
    parts: list[str] = []
    parameters: list[str | None] = []
    equal: list[str] = []
    equals: list[str | None] = []
    for by, value in zip(order, place.values, strict=True):
        name, cast = quote(by.column), f"CAST(? AS {columns[by.column]})"
        if value is None:
            beyond, values = ("false", []) if by.descending else (f"{name} IS NOT NULL", [])
        elif by.descending:
            beyond, values = f"({name} < {cast} OR {name} IS NULL)", [value]
        else:
            beyond, values = f"{name} > {cast}", [value]
        parts.append(" AND ".join([*equal, beyond]))
        parameters += [*equals, *values]
        equal.append(f"{name} IS NOT DISTINCT FROM {cast}")
        equals.append(value)
    here = f"({_FILE} > {int(place.file)} OR ({_FILE} = {int(place.file)} AND {_ROW} > {int(place.row)}))"
    parts.append(" AND ".join([*equal, here]))
    parameters += equals
    return " OR ".join(f"({part})" for part in parts), parameters
