"""What a product's SQL says of itself: which tables it reads, which columns it makes.

References in the SQL are the lineage: nobody writes a list of dependencies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.optimizer.scope import traverse_scope

from vestry.project.errors import Fault
from vestry.project.names import Reference

__all__ = ["Made", "Reference", "SqlFault", "made_columns", "mentions", "output_columns", "parse", "references"]


class SqlFault(Exception):
    """SQL that cannot be used; carries the fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


@dataclass(frozen=True)
class Made:
    """A column that a SELECT returns; `name` is None where the SQL gives it none."""

    name: str | None
    line: int


def parse(sql: str, shown: str, line: int = 1) -> exp.Query:
    """Parse one SELECT of DuckDB's dialect; `line` is where it begins in its file.

    Raises SqlFault with the line where it cannot be parsed, or is not one SELECT.
    """
    # The dialect's own word first: it is the stricter reader, and its messages have lines.
    try:
        duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise SqlFault(_syntax_fault(str(error), sql, shown, line)) from error
    try:
        statements = [s for s in sqlglot.parse(sql, read="duckdb") if s is not None]
    except (ParseError, TokenError) as error:
        raise SqlFault(_unread_fault(error, shown, line)) from error
    if not statements:
        raise SqlFault(Fault(shown, line, "there is no SQL in the file", "write the SELECT that makes the table"))
    if len(statements) > 1:
        what = f"there are {len(statements)} statements, and the SQL of a table is one SELECT"
        raise SqlFault(Fault(shown, line, what, "put the steps before it in WITH … AS (…)"))
    if not isinstance(statements[0], exp.Query):
        what = f"the SQL of a table is one SELECT, and this is {statements[0].key.upper()}"
        raise SqlFault(Fault(shown, line, what, "write only the SELECT: Vestry writes the table"))
    return statements[0]


def _syntax_fault(said: str, sql: str, shown: str, start: int) -> Fault:
    head = re.sub(r'at or near "(.*?)"?$', r"at or near `\1`", said.splitlines()[0].split(": ", 1)[-1])
    at = re.search(r"^LINE (\d+):", said, re.MULTILINE)
    line = int(at.group(1)) if at else len(sql.rstrip().splitlines())
    return Fault(shown, start + line - 1, f"SQL that does not parse: {head}", _cure(head))


def _unread_fault(error: ParseError | TokenError, shown: str, start: int) -> Fault:
    """DuckDB knows this SQL, and the parser that reads the lineage does not."""
    details = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    near = str(details.get("highlight") or "").strip()
    what = "SQL that Vestry cannot read for its lineage" + (f", near `{near}`" if near else "")
    return Fault(shown, start + int(details.get("line") or 1) - 1, what, "DuckDB could run it: write it another way")


def _cure(said: str) -> str:
    if "unterminated quoted" in said:
        return "close the quote"
    if "end of input" in said:
        return "a bracket is not closed, or the last part is missing"
    return "look at this line and the one above it"


def references(query: exp.Query) -> list[Reference]:
    """The tables that a query reads, without its own WITH names, in order of their first mention."""
    found: dict[str, Reference] = {}
    for scope in traverse_scope(query):
        for source in scope.sources.values():
            if isinstance(source, exp.Table):
                # A file read by a function is no table of the project either: no source of it is known.
                parts = [source.this] if isinstance(source.this, exp.Func) else list(source.parts)
                text = ".".join(_function(p) if isinstance(p, exp.Func) else p.name for p in parts)
                if isinstance(source.this, exp.Func) and not _READS_FILES.match(text):
                    continue
                found.setdefault(text, Reference.of(text, _line(source)))
    for table in query.find_all(exp.Table):  # those that no scope shows, such as within PIVOT
        if len(table.parts) == 3:
            text = ".".join(part.name for part in table.parts)
            found.setdefault(text, Reference.of(text, _line(table)))
    return sorted(found.values(), key=lambda r: (r.line, r.text))


_READS_FILES = re.compile(r"(read_|.*_scan\(|glob\()", re.IGNORECASE)


def _function(function: exp.Func) -> str:
    name = function.name if isinstance(function, exp.Anonymous) else function.sql_name()
    return f"{name.lower()}()"


def _line(node: Any) -> int:
    return next((int(part.meta["line"]) for part in node.walk() if "line" in part.meta), 1)


def made_columns(query: exp.Query) -> list[Made] | None:
    """The columns a query returns, or None where a star or the like hides them."""
    if any(isinstance(part, exp.SetOperation) and part.args.get("by_name") for part in _operands(query)):
        return None
    made = []
    for e in query.selects:
        if isinstance(e, exp.Star | exp.Columns) or e.is_star or e.find(exp.Columns):
            return None
        if isinstance(e, exp.Explode | exp.Unnest):
            return None  # a struct becomes several columns
        name = e.alias_or_name if isinstance(e, exp.Alias | exp.Column | exp.Dot) else None
        made.append(Made(name or None, _line(e)))
    return made or None


def _operands(query: exp.Query) -> list[exp.Query]:
    if isinstance(query, exp.SetOperation):
        return [query, *_operands(query.left), *_operands(query.right)]
    return [query]


def output_columns(query: exp.Query) -> list[str] | None:
    """The names of the columns a query returns, or None where it does not say them."""
    made = made_columns(query)
    if made is None or any(m.name is None for m in made):
        return None
    return [m.name for m in made if m.name]


def mentions(query: exp.Query) -> tuple[set[str], bool]:
    """The names of all columns that a query mentions, and whether a star may bring more."""
    names = {column.name for column in query.find_all(exp.Column) if not isinstance(column.this, exp.Star)}
    names |= {identifier.name for join in query.find_all(exp.Join) for identifier in join.args.get("using") or []}
    stars = [s for s in query.find_all(exp.Star) if not isinstance(s.parent, exp.Count)]
    return names, bool(stars) or query.find(exp.Columns) is not None
