"""The lineage of a query: a walk over its parts, from its inputs' columns to those that it returns.

sqlglot parses; the walk is our own. Its `lineage` first qualifies every name and star, for which all columns must be
known, rewrites the tree, and tells what makes a value from what decides it only by chance; it takes ten times as long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from vestry.catalogue.lineage.expression import decides, origin_of, window
from vestry.catalogue.lineage.model import NOTHING, WHOLE, ColumnName, Columns, Lineage, Origin, union
from vestry.catalogue.lineage.scope import Relation, Scope
from vestry.project import TableName

#: The columns of each input, where they are known.
Schema = Mapping[TableName, Sequence[str]]
#: A recursive query is read until nothing is new; each turn adds at least one column.
_TURNS = 50


def query_lineage(query: exp.Query, schema: Schema, columns: Sequence[str]) -> Lineage:
    """The lineage of those columns of the table that a query makes."""
    relation = _Reader(schema).query(query, Scope(), is_last=True)
    found = {name: relation.find(name) for name in columns}
    missing = [name for name, origin in found.items() if origin is None]
    why = f"the SQL does not show how `{missing[0]}` is made" if missing else ""
    whole = _whole(relation.whole)
    return Lineage({name: whole if o is None else o for name, o in found.items()}, relation.rows, why)


def _whole(origin: Origin) -> Origin:
    return Origin(frozenset(ColumnName(name.table, WHOLE) for name in origin.all))


class _Reader:
    """Reads queries over inputs with those columns."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def trace(self, node: exp.Expr, scope: Scope) -> Relation:
        return self.query(node, Scope(scope, scope.ctes))

    def origin(self, node: exp.Expr | None, scope: Scope) -> Origin:
        return origin_of(node, scope, self.trace)

    def query(self, node: exp.Expr, scope: Scope, is_last: bool = False) -> Relation:
        """What a query returns; `is_last` where the order of its rows does not matter."""
        scope = replace(scope, ctes={**scope.ctes})
        if with_ := node.args.get("with_"):
            for cte in with_.expressions:
                scope.ctes = {**scope.ctes, cte.alias.casefold(): self._cte(cte, scope, bool(with_.recursive))}
        if isinstance(node, exp.Select):
            return self._select(node, scope, is_last)
        if isinstance(node, exp.SetOperation):
            return self._ordered(self._set(node, scope), node, scope, is_last)
        if isinstance(node, exp.Subquery):
            if isinstance(node.this, exp.Query) and not node.args.get("joins"):
                inner = self.query(node.this, scope, is_last)
            else:
                inner = self._joined(node, scope)
            return self._ordered(self._pivoted(inner, node, scope), node, scope, is_last)
        if isinstance(node, exp.Pivot):
            return self._pivot(self._source(node.this, scope), node, scope)
        return self._source(node, scope)

    # WITH

    def _cte(self, cte: exp.CTE, scope: Scope, recursive: bool) -> Relation:
        names = [column.name for column in cte.args["alias"].columns]
        body = cte.this
        if not (recursive and isinstance(body, exp.SetOperation)):
            return _renamed(self.query(body, Scope(scope.outer, scope.ctes)), names)
        found = _renamed(self.query(body.left, Scope(scope.outer, scope.ctes)), names)
        for _ in range(_TURNS):
            within = {**scope.ctes, cte.alias.casefold(): found}
            before, found = found, _renamed(self.query(body, Scope(scope.outer, within)), names)
            if found == before:
                break
        return found

    # UNION, EXCEPT, INTERSECT

    def _set(self, node: exp.SetOperation, scope: Scope) -> Relation:
        left = self.query(node.left, Scope(scope.outer, scope.ctes))
        right = self.query(node.right, Scope(scope.outer, scope.ctes))
        rows = left.rows | right.rows
        keeps_left = not isinstance(node, exp.Union)
        if node.args.get("distinct") or keeps_left:
            rows |= left.whole.all | right.whole.all
        if keeps_left:
            return Relation(left.columns, rows, left.rest)
        if left.rest is not None or right.rest is not None:
            return _by_name(left, right, rows)
        if node.args.get("by_name"):
            names = {name.casefold(): name for name, _ in [*right.columns, *left.columns]}
            order = dict.fromkeys([*left.known, *right.known])
            merged = [(names[k], left.known.get(k, NOTHING) | right.known.get(k, NOTHING)) for k in order]
            return Relation(merged, rows)
        pairs = zip(left.columns, right.columns, strict=False)
        return Relation([(name, origin | other) for (name, origin), (_, other) in pairs], rows)

    # SELECT

    def _select(self, node: exp.Select, scope: Scope, is_last: bool) -> Relation:
        within = Scope(scope.outer, scope.ctes)
        rows = self._from(node, within)
        for named in node.args.get("windows") or ():
            within.windows[named.name.casefold()] = window(named, within, self.trace)
        columns: list[tuple[str, Origin]] = []
        rest: TableName | Origin | None = None
        for expression in node.expressions:
            for name, origin in self._projected(expression, within):
                if name is None:  # columns that are not known
                    rest = origin if rest is None else Origin(_origin(rest).all | _origin(origin).all)
                else:
                    assert isinstance(origin, Origin)
                    columns.append((name, origin))
                    if isinstance(expression, exp.Alias):
                        within.aliases.setdefault(name.casefold(), origin)
            for unnest in expression.find_all(exp.Explode, exp.Unnest):
                if unnest.find_ancestor(exp.Query) is node:
                    rows |= self.origin(unnest, within).all
        made = Relation(columns, rows, rest)
        for key in ("where", "having", "qualify"):
            rows |= self.origin(node.args.get(key), within).all
        if group := node.args.get("group"):
            rows |= self._group(group, node, within, columns).all
        if distinct := node.args.get("distinct"):
            on = distinct.args.get("on")
            rows |= self.origin(on, within).all if on else made.whole.all
            is_last = is_last and on is None
        return self._ordered(replace(made, rows=rows), node, within, is_last)

    def _group(self, group: exp.Group, node: exp.Select, scope: Scope, columns: Sequence[tuple[str, Origin]]) -> Origin:
        if group.args.get("all"):
            plain = [e for e in node.expressions if not e.find(exp.AggFunc)]
            return union(o for e in plain for _, o in self._projected(e, scope) if isinstance(o, Origin))
        found = NOTHING
        for part in group.find_all(exp.Column, exp.Literal):
            if isinstance(part, exp.Column):
                found |= self.origin(part, scope) | scope.aliases.get(part.name.casefold(), NOTHING)
            elif part.is_int and part.parent is group and 0 < int(part.this) <= len(columns):
                found |= columns[int(part.this) - 1][1]
        return found

    def _ordered(self, made: Relation, node: exp.Expr, scope: Scope, is_last: bool) -> Relation:
        """With what its order decides: which rows a limit leaves, or the order in which a query around it reads."""
        order = node.args.get("order")
        limited = node.args.get("limit") or node.args.get("offset")
        if order is None or (is_last and not limited):
            return made
        rows = made.rows
        outputs = replace(scope, aliases={**scope.aliases, **made.known})
        for key in order.expressions:
            at = key.this
            if isinstance(at, exp.Literal) and at.is_int and int(at.this) <= len(made.columns):
                rows |= made.columns[int(at.this) - 1][1].all
            elif isinstance(at, exp.Column) and at.name.casefold() in made.known and not at.table:
                rows |= made.known[at.name.casefold()].all
            elif at.name.casefold() == "all":
                rows |= made.whole.all
            else:
                rows |= self.origin(at, outputs).all
        return replace(made, rows=rows)

    def _projected(self, node: exp.Expr, scope: Scope) -> Iterator[tuple[str | None, TableName | Origin]]:
        """The columns that one expression of a SELECT returns; the name is None for those of a star not known."""
        star = node.this if isinstance(node, exp.Column) and isinstance(node.this, exp.Star) else node
        if isinstance(star, exp.Star):
            yield from self._star(star, node.table if isinstance(node, exp.Column) else "", scope)
            return
        if (columns := node.find(exp.Columns)) is not None and columns.find_ancestor(exp.Query) is node.parent:
            yield from self._matching(node, columns, scope)
            return
        origin = self.origin(node, scope)
        name = "unnest" if isinstance(node, exp.Explode | exp.Unnest) else node.alias_or_name
        yield name or node.output_name or node.sql(dialect="duckdb"), origin

    def _star(self, star: exp.Star, table: str, scope: Scope) -> Iterator[tuple[str | None, TableName | Origin]]:
        without = {e.name.casefold() for e in star.args.get("except_") or ()}
        replaced = {e.alias.casefold(): e for e in star.args.get("replace") or ()}
        renamed = {e.this.name.casefold(): e.alias for e in star.args.get("rename") or ()}
        seen: set[str] = set()
        for alias, source in scope.sources.items():
            if table and alias != table.casefold():
                continue
            for name, origin in source.columns:
                key = name.casefold()
                if key in without or (key in scope.joined and key in seen and not table):
                    continue
                seen.add(key)
                if not table:
                    origin = scope.joined.get(key, origin)
                origin = self.origin(replaced[key].this, scope) if key in replaced else origin
                yield renamed.get(key, name), origin
            if source.rest is not None:
                for key, e in replaced.items():
                    if key not in source.known:
                        yield e.alias, self.origin(e.this, scope)
                for key, new in renamed.items():
                    if key not in source.known:
                        yield new, source.other(key) or NOTHING
                yield None, source.rest

    def _matching(
        self, node: exp.Expr, columns: exp.Columns, scope: Scope
    ) -> Iterator[tuple[str | None, TableName | Origin]]:
        """COLUMNS('pattern') or COLUMNS(*): the expression for each column that fits."""
        known = [(n, o) for source in scope.sources.values() for n, o in source.columns]
        pattern = columns.this
        if isinstance(pattern, exp.Literal) and not isinstance(node, exp.Alias):
            fits = re.compile(pattern.this)
            known = [(n, o) for n, o in known if fits.search(n)]
        elif not isinstance(pattern, exp.Star) or pattern.args.get("except_") or isinstance(node, exp.Alias):
            known = []
        around = NOTHING
        if node is not columns:
            around = Origin(by=union(self.origin(w, scope) for w in node.find_all(exp.Where, exp.Order)).all)
        yield from ((name, origin | around) for name, origin in known)
        if not known or any(source.rest is not None for source in scope.sources.values()):
            yield None, union(_whole(source.whole) for source in scope.sources.values())

    # FROM

    def _from(self, node: exp.Expr, scope: Scope) -> Columns:
        """Fill the scope with what a FROM and its joins name; what decides the rows of all of it."""
        rows: Columns = frozenset()
        if from_ := node.args.get("from_"):
            rows |= self._add(from_.this, scope).rows
        for join in [*(node.args.get("joins") or ()), *(node.args.get("laterals") or ())]:
            rows |= self._join(join, scope)
        return rows

    def _add(self, node: exp.Expr, scope: Scope) -> Relation:
        relation = self._source(node, scope)
        alias = node.alias_or_name or f"#{len(scope.sources)}"
        scope.sources[alias.casefold()] = relation
        rows = relation.rows
        for join in node.args.get("joins") or () if isinstance(node, exp.Table) else ():
            rows |= self._join(join, scope)
        return replace(relation, rows=rows)

    def _join(self, join: exp.Expr, scope: Scope) -> Columns:
        if not isinstance(join, exp.Join):
            return self._add(join, scope).rows
        before = dict(scope.sources)
        rows = self._add(join.this, scope).rows
        added = {alias: r for alias, r in scope.sources.items() if alias not in before}
        rows |= self.origin(join.args.get("on"), scope).all
        names = [identifier.name for identifier in join.args.get("using") or ()]
        if join.method == "NATURAL":
            mine = {n for r in added.values() for n in r.known}
            names = [n for r in before.values() for n in r.known if n in mine]
            if any(r.rest is not None for r in scope.sources.values()):
                rows |= union(_whole(r.whole) for r in scope.sources.values()).all
        for name in names:
            key = name.casefold()
            left = scope.joined.get(key) or _first(before, name)
            right = _first(added, name)
            rows |= (left | right).all
            # An inner join's value is both sides'; that of the left stands for it.
            scope.joined[key] = {"RIGHT": right, "FULL": left | right}.get(join.side, left)
        if join.kind in ("SEMI", "ANTI"):
            scope.sources = before
        return rows

    def _joined(self, node: exp.Subquery, scope: Scope) -> Relation:
        """Tables joined within brackets."""
        within = Scope(scope, scope.ctes)
        rows = self._add(node.this, within).rows
        for join in node.args.get("joins") or ():
            rows |= self._join(join, within)
        columns: list[tuple[str, Origin]] = []
        rest: TableName | Origin | None = None
        for name, origin in self._star(exp.Star(), "", within):
            if name is None:
                rest = origin if rest is None else Origin(_origin(rest).all | _origin(origin).all)
            else:
                assert isinstance(origin, Origin)
                columns.append((name, origin))
        return Relation(columns, rows, rest)

    def _source(self, node: exp.Expr, scope: Scope) -> Relation:
        """One thing that FROM names."""
        alias = node.args.get("alias")
        names = [column.name for column in alias.columns] if isinstance(alias, exp.TableAlias) else []
        if isinstance(node, exp.Table):
            return _renamed(self._pivoted(self._table(node, scope), node, scope), names)
        if isinstance(node, exp.Values):
            rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in node.expressions]
            each = [union(self.origin(value, scope) for value in column) for column in zip(*rows, strict=False)]
            return _renamed(Relation([(f"col{n}", origin) for n, origin in enumerate(each)]), names)
        if isinstance(node, exp.Lateral):
            return _renamed(self._source(node.this, scope), names)
        if isinstance(node, exp.Query):
            return _renamed(self.trace(node, scope), names)
        if isinstance(node, exp.Pivot):
            return _renamed(self._pivot(self._source(node.this, scope), node, scope), names)
        # UNNEST, and functions that give tables.
        origin = self.origin(node, scope) if not alias else union(self.origin(e, scope) for e in _arguments(node))
        return Relation([(name, origin) for name in names], origin.all, origin)

    def _table(self, node: exp.Table, scope: Scope) -> Relation:
        if isinstance(node.this, exp.Func):
            origin = self.origin(node.this, scope)
            return Relation((), origin.all, origin)
        parts = [part.name for part in node.parts]
        if len(parts) == 1 and (cte := scope.ctes.get(parts[0].casefold())) is not None:
            return cte
        if len(parts) != 3:
            return Relation(rest=NOTHING)  # no table of the project: `vestry check` says so
        name = TableName(*parts)
        columns = self.schema.get(name, ())
        known = [(c, Origin(frozenset([ColumnName(name, c)]))) for c in columns]
        return Relation(known, rest=None if known else name, table=name)

    # PIVOT

    def _pivoted(self, relation: Relation, node: exp.Expr, scope: Scope) -> Relation:
        for pivot in node.args.get("pivots") or ():
            relation = self._pivot(relation, pivot, scope)
        return relation

    def _pivot(self, relation: Relation, node: exp.Pivot, scope: Scope) -> Relation:
        """The groups' columns are as they were; each new one is made of what is aggregated, by what is turned."""
        within = Scope(scope, scope.ctes, {"": replace(relation, rows=frozenset())})
        if node.args.get("unpivot"):
            return self._unpivot(relation, node, within)
        fields: list[exp.Expr] = list(node.args.get("fields") or ())
        values: list[exp.Expr] = list(node.args.get("using") or ())
        (values if fields else fields).extend(node.expressions)
        made = union(self.origin(value, within) for value in values)
        turned = union(self.origin(f, within) for f in fields)
        group = node.args.get("group")
        used = {c.name.casefold() for e in [*fields, *values] for c in e.find_all(exp.Column)}
        kept = {c.name.casefold() for c in group.find_all(exp.Column)} if group else set(relation.known) - used
        columns = [(name, origin) for name, origin in relation.columns if name.casefold() in kept]
        if group and relation.rest is not None:
            columns += [(n, relation.other(n) or NOTHING) for n in sorted(kept - set(relation.known))]
        rest = made | decides(turned)
        if relation.rest is not None and not group:
            rest = _whole(rest)
        rows = relation.rows | turned.all | union(origin for _, origin in columns).all
        return Relation(columns, rows, rest)

    def _unpivot(self, relation: Relation, node: exp.Pivot, scope: Scope) -> Relation:
        """Some columns become rows: one column has their names, another their values."""
        into = node.args.get("into")
        turned: list[exp.Expr] = list(node.expressions)
        names: list[str] = []
        if into is not None:
            names = [into.this.name]
        for field in node.args.get("fields") or ():
            names.append(field.this.name)
            turned = list(field.expressions)
        used = {c.name.casefold() for e in turned for c in e.find_all(exp.Column)}
        values = union(self.origin(e, scope) for e in turned)
        columns = [(n, o) for n, o in relation.columns if n.casefold() not in used]
        # NULLs are left out, so the values decide the rows.
        columns += [(name, decides(values)) for name in names]
        rest = values if relation.rest is None else _whole(values)
        return Relation(columns, relation.rows | values.all, rest)


def _arguments(node: exp.Expr) -> Iterator[exp.Expr]:
    return (child for child in node.iter_expressions() if not isinstance(child, exp.TableAlias))


def _origin(rest: TableName | Origin) -> Origin:
    return Origin(frozenset([ColumnName(rest, WHOLE)])) if isinstance(rest, TableName) else _whole(rest)


def _first(sources: Mapping[str, Relation], name: str) -> Origin:
    """The origin of a column that one of these is known to have, or must have."""
    known = (r.known[name.casefold()] for r in sources.values() if name.casefold() in r.known)
    others = [r for r in sources.values() if r.rest is not None]
    found = next(known, None)
    if found is None and others:
        found = others[0].other(name) if len(others) == 1 else union(_whole(r.whole) for r in others)
    return found or NOTHING


def _renamed(relation: Relation, names: Sequence[str]) -> Relation:
    """With other names for its first columns, as `AS t(a, b)` gives."""
    if not names:
        return relation
    columns = list(relation.columns)
    for place, name in enumerate(names):
        if place < len(columns):
            columns[place] = (name, columns[place][1])
        elif relation.rest is not None:
            columns.append((name, relation.rest if isinstance(relation.rest, Origin) else _origin(relation.rest)))
    return replace(relation, columns=columns, table=None)


def _by_name(left: Relation, right: Relation, rows: Columns) -> Relation:
    """Both sides of a union of which some columns are not known: where names agree, so do places, it is hoped.

    The columns that both know by name are certain where the union is by name; else all is the whole of both.
    """
    return Relation((), rows, _whole(left.whole | right.whole))
