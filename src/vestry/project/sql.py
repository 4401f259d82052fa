"""What a product's SQL says of itself: which tables it reads, which columns it makes.

References in the SQL are the lineage: nobody writes a list of dependencies.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.optimizer.scope import traverse_scope

from vestry.project.errors import Fault
from vestry.project.names import Reference, TableName


class SqlFault(Exception):
    """SQL that cannot be used; carries the fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def parse(sql: str, shown: str) -> exp.Query:
    """Parse one SELECT of DuckDB's dialect.

    Raises SqlFault with the line where it cannot be parsed, or is not one SELECT.
    """
    try:
        statements = [s for s in sqlglot.parse(sql, read="duckdb") if s is not None]
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        near = str(first.get("highlight") or "").strip()
        what = f"SQL that cannot be parsed{f', near `{near}`' if near else ''}: {first.get('description', 'error')}"
        raise SqlFault(Fault(shown, int(first.get("line") or 1), what.rstrip("."), "mend the SQL")) from error
    except TokenError as error:
        what = "SQL that cannot be parsed: a quote or comment is not closed"
        raise SqlFault(Fault(shown, 1, what, "mend the SQL")) from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        what = "a product's SQL is one SELECT" if statements else "there is no SQL in the file"
        line = 1
        raise SqlFault(Fault(shown, line, what, "put helper steps in WITH … AS (…)"))
    return statements[0]


def references(query: exp.Query) -> list[Reference]:
    """The tables that a query reads, without its own WITH names, in order of their first mention."""
    found: dict[str, Reference] = {}
    for scope in traverse_scope(query):
        for source in scope.sources.values():
            if isinstance(source, exp.Table) and not isinstance(source.this, exp.Func):
                text = ".".join(part.name for part in source.parts)
                parts = [part.name for part in source.parts]
                name = TableName(*parts) if len(parts) == 3 else None
                line = int(source.parts[0].meta.get("line", 1))
                found.setdefault(text, Reference(text, name, line))
    return sorted(found.values(), key=lambda r: (r.line, r.text))


def output_columns(query: exp.Query) -> list[str] | None:
    """The names of the columns a query returns, or None where a star hides them."""
    if any(isinstance(e, exp.Star) or e.is_star for e in query.selects):
        return None
    return [e.alias_or_name for e in query.selects]
