"""Which columns an expression is made of, and which only decide its value.

A function, a macro among them, is made of its arguments. What a window goes over, what an aggregate is filtered by or
ordered by, and the second argument of `arg_max` only decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from sqlglot import exp

from vestry.catalogue.lineage.model import NOTHING, Origin, union
from vestry.catalogue.lineage.scope import Relation, Scope

#: Reads a query within an expression.
Trace = Callable[[exp.Expr, Scope], Relation]


def decides(origin: Origin) -> Origin:
    """The same columns, where they only decide."""
    return Origin(by=origin.all)


def origin_of(node: exp.Expr | None, scope: Scope, trace: Trace) -> Origin:
    """The origin of an expression's value."""
    if node is None or isinstance(node, exp.Literal | exp.Identifier | exp.DataType | exp.Var):
        return NOTHING

    def of(child: exp.Expr | None) -> Origin:
        return origin_of(child, scope, trace)

    if isinstance(node, exp.Column):
        if isinstance(node.this, exp.Star):  # t.* as a value, such as within count(t.*) or a struct
            return scope.column([node.table])
        return scope.column([part.name for part in node.parts])
    if isinstance(node, exp.Star):
        if isinstance(node.parent, exp.Count):
            return NOTHING
        return union(source.whole for source in scope.sources.values())
    if isinstance(node, exp.Exists):
        return Origin(by=trace(node.this, scope).rows)
    if isinstance(node, exp.Query):
        relation = trace(node, scope)
        return relation.whole | Origin(by=relation.rows)
    if isinstance(node, exp.Window):
        return of(node.this) | window(node, scope, trace)
    if isinstance(node, exp.Filter):
        return of(node.this) | decides(of(node.expression))
    if isinstance(node, exp.Order):
        return of(node.this) | decides(union(of(key) for key in node.expressions))
    if isinstance(node, exp.WithinGroup):
        return of(node.this) | union(of(key) for key in node.expression.expressions)
    if isinstance(node, exp.ArgMax | exp.ArgMin):
        return of(node.this) | decides(of(node.expression) | of(node.args.get("count")))
    if isinstance(node, exp.Comprehension):
        within = _bound(scope, [node.expression], of(node.args["iterator"]))
        made = origin_of(node.this, within, trace)
        return made | of(node.args["iterator"]) | decides(origin_of(node.args.get("condition"), within, trace))
    if isinstance(node, exp.Lambda):
        return origin_of(node.this, _bound(scope, node.expressions, NOTHING), trace)
    if isinstance(node, exp.Columns):
        return union(source.whole for source in scope.sources.values())
    return union(of(child) for child in node.iter_expressions())


def window(node: exp.Window, scope: Scope, trace: Trace) -> Origin:
    """What a window's partition, order and frame decide by."""
    parts: list[exp.Expr | None] = [*(node.args.get("partition_by") or ()), node.args.get("order")]
    parts.append(node.args.get("spec"))
    found = decides(union(origin_of(part, scope, trace) for part in parts))
    name = node.args.get("alias")
    return found | (scope.windows.get(name.name.casefold(), NOTHING) if name is not None else NOTHING)


def _bound(scope: Scope, variables: Iterable[exp.Expr], origin: Origin) -> Scope:
    names = {v.name.casefold(): origin for v in variables}
    return replace(scope, bound={**scope.bound, **names})
