"""What each column of a SELECT is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from vestry.project import TableName
from vestry.project.sql import mentions, parse, references

#: A column of a table.
Ref = tuple[TableName, str]
#: The columns of each input, with their types.
Schema = Mapping[TableName, Mapping[str, str]]


@dataclass(frozen=True)
class Made:
    """What a column is made of, and what else decides which rows there are.

    Not `exact` where the recipe could not be read so far: then they are all columns that it may read.
    """

    of: frozenset[Ref]
    decided_by: frozenset[Ref] = frozenset()
    exact: bool = True


def made_of(sql: str, shown: str, schema: Schema) -> dict[str, Made]:
    """Each column that a SELECT returns, by its name. Raises SqlFault where it cannot be parsed."""
    query = parse(sql, shown)
    if query.find(exp.Pivot) is None:
        try:
            qualified = qualify(
                query.copy(), schema=_nested(schema), dialect="duckdb", validate_qualify_columns=False,
                quote_identifiers=False, identify=False,
            )  # fmt: skip
            root = build_scope(qualified)
            if root is not None:
                reader = _Reader(schema)
                outputs, decided = reader.outputs(root)
                return {name: Made(of, decided - of) for name, of in outputs}
        except (SqlglotError, _Unread):
            pass
    return _roughly(query, schema)


class _Unread(Exception):
    """A column of nobody, or a form of query that is not read here."""


_Columns = list[tuple[str, frozenset[Ref]]]
_Outputs = tuple[_Columns, frozenset[Ref]]


class _Reader:
    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._known: dict[int, _Outputs] = {}

    def outputs(self, scope: Scope) -> _Outputs:
        """The columns of a scope in their order with what each is made of, and what decides its rows."""
        if id(scope) not in self._known:
            self._known[id(scope)] = [], frozenset()  # a WITH RECURSIVE reads itself: what it is made of is elsewhere
            self._known[id(scope)] = self._union(scope) if scope.set_operation_scopes else self._select(scope)
        return self._known[id(scope)]

    def _union(self, scope: Scope) -> _Outputs:
        by_name = bool(scope.expression.args.get("by_name"))
        columns: _Columns = []
        decided: frozenset[Ref] = frozenset()
        for side, also in map(self.outputs, scope.set_operation_scopes):
            # The first side of a recursive union knows its columns before the second does.
            columns = _by_name(columns, side) if by_name else _by_place(columns, side)
            decided |= also
        distinct = scope.expression.args.get("distinct") or not isinstance(scope.expression, exp.Union)
        return columns, decided.union(*(of for _, of in columns)) if distinct else decided

    def _select(self, scope: Scope) -> _Outputs:
        select = scope.expression
        if not isinstance(select, exp.Select):
            raise _Unread
        subqueries = {id(s.expression): s for s in scope.subquery_scopes}
        decided: set[Ref] = set()
        columns: _Columns = []
        shown = {id(node) for projection in select.expressions for node in projection.walk()}
        for projection in select.expressions:
            if projection.is_star:
                raise _Unread
            of, others = self._within(projection, scope, subqueries)
            decided |= others
            columns.append((projection.alias_or_name, frozenset(of)))
        rest = [node for node in self._own(select) if id(node) not in shown]
        for node in rest:
            if isinstance(node, exp.Column):
                decided.update(*self._column(node, scope))
            elif id(node) in subqueries:
                inner, also = self.outputs(subqueries[id(node)])
                decided.update(also, *(of for _, of in inner))
        for source in scope.sources.values():  # also those of which no column is named
            if isinstance(source, Scope) and source is not scope and self._is_selected(source, scope):
                decided |= self._source_decides(source, scope)
        if select.args.get("distinct"):
            decided.update(*(of for _, of in columns))
        return columns, frozenset(decided)

    @staticmethod
    def _is_selected(source: Scope, scope: Scope) -> bool:
        return any(chosen is source for _, chosen in scope.selected_sources.values())

    def _source_decides(self, source: Scope, scope: Scope) -> frozenset[Ref]:
        if isinstance(source.expression, exp.UDTF):
            return frozenset(self._of_function(source, scope))
        return self.outputs(source)[1]

    def _within(self, node: exp.Expression, scope: Scope, subqueries: Mapping[int, Scope]) -> tuple[set[Ref], set[Ref]]:
        """What an expression is made of; subqueries in it bring what they are made of, and what decides them."""
        of: set[Ref] = set()
        decided: set[Ref] = set()
        for part in [node, *self._own(node)]:
            if isinstance(part, exp.Column):
                made, also = self._column(part, scope)
                of |= made
                decided |= also
            elif id(part) in subqueries:
                inner, also = self.outputs(subqueries[id(part)])
                of |= also.union(*(made for _, made in inner))
        return of, decided

    def _own(self, node: exp.Expression) -> Iterator[exp.Expression]:
        """The parts of a node that belong to its own query: not what stands within a query inside of it."""
        waiting = list(node.iter_expressions())
        while waiting:
            part = waiting.pop()
            if isinstance(part, exp.With):
                continue
            yield part
            # What stands in FROM and JOIN as a query is a source, which is asked for its columns.
            bracket = isinstance(part, exp.Subquery) and not isinstance(part.parent, exp.From | exp.Join)
            if bracket or not isinstance(part, exp.Query):
                waiting.extend(part.iter_expressions())

    def _column(self, column: exp.Column, scope: Scope) -> tuple[frozenset[Ref], frozenset[Ref]]:
        name, alias = column.name, column.table
        source = self._source(alias, scope)
        if isinstance(source, exp.Table):
            return self._of_table(source, name), frozenset()
        if source is None:
            raise _Unread
        if isinstance(source.expression, exp.UDTF):
            return frozenset(self._of_function(source, scope)), frozenset()
        outputs, decided = self.outputs(source)
        for output, of in outputs:
            if output.casefold() == name.casefold():
                return of, decided
        if not outputs:  # a recursive WITH, which is being read
            return frozenset(), frozenset()
        raise _Unread

    @staticmethod
    def _source(alias: str, scope: Scope) -> Any:
        at: Scope | None = scope
        while at is not None:
            if alias in at.sources:
                return at.sources[alias]
            at = at.parent
        return None

    def _of_table(self, table: exp.Table, name: str) -> frozenset[Ref]:
        parts = [part.name for part in table.parts]
        if isinstance(table.this, exp.Func) or len(parts) != 3:
            return frozenset()  # a function's rows, or a file of the project
        found = TableName(*parts)
        known = self._schema.get(found)
        if known is None:
            raise _Unread
        spelt = next((c for c in known if c.casefold() == name.casefold()), None)
        if spelt is None:
            raise _Unread
        return frozenset({(found, spelt)})

    def _of_function(self, source: Scope, scope: Scope) -> set[Ref]:
        of: set[Ref] = set()
        for column in source.expression.find_all(exp.Column):
            made, decided = self._column(column, scope)
            of |= made | decided
        return of


def _by_place(left: _Columns, right: _Columns) -> _Columns:
    if not left or not right:
        return left or right
    if len(left) != len(right):
        raise _Unread
    return [(name, of | more) for (name, of), (_, more) in zip(left, right, strict=True)]


def _by_name(left: _Columns, right: _Columns) -> _Columns:
    found = {name.casefold(): (name, of) for name, of in left}
    for name, of in right:
        known = found.get(name.casefold())
        found[name.casefold()] = (known[0], known[1] | of) if known else (name, of)
    return list(found.values())


def _nested(schema: Schema) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, columns in schema.items():
        nested.setdefault(name.domain, {}).setdefault(name.product, {})[name.table] = dict(columns)
    return nested


def _roughly(query: exp.Query, schema: Schema) -> dict[str, Made]:
    """All that a query may read, for each of its columns."""
    names, star = mentions(query)
    tables: Iterable[TableName] = [r.name for r in references(query) if r.name]
    folded = {name.casefold() for name in names}
    may = frozenset((t, c) for t in tables for c in schema.get(t, {}) if star or c.casefold() in folded)
    made = Made(may, frozenset(), exact=False)
    found = {e.alias_or_name: made for e in query.selects if e.alias_or_name and not e.is_star}
    return found or {"*": made}
