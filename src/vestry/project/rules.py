"""Quality rules written in SQL: their placeholders, and the condition that a row breaks.

The standard's form is `SELECT count(*) FROM ${table} WHERE …` with `mustBe: 0`. Everything here only
reads the SQL. The condition is cut out of the text as it was written, not written anew, so that it
means to DuckDB what its author tried.
"""

from __future__ import annotations

import re
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from vestry.project.names import quote

PLACEHOLDER = re.compile(r"\$\{(\w+)\}|\{(\w+)\}")
#: What stands for the rule's table, and for its column.
OF_TABLE = ("table", "object")
OF_COLUMN = ("column", "property")
_ROWS = "vestry_rows"
_NOT_OF_ONE_ROW = (exp.Query, exp.Subquery, exp.Exists, exp.Window, exp.AggFunc)
_MORE_THAN_A_COUNT = ("joins", "laterals", "group", "having", "qualify", "distinct", "limit", "offset", "with_", "with")


def filled(query: str, relation: str, column: str | None) -> str:
    """The query with SQL for its placeholders; those that are not known stay as they are."""

    def value(match: re.Match[str]) -> str:
        word = match.group(1) or match.group(2)
        if word in OF_TABLE:
            return relation
        return quote(column) if word in OF_COLUMN and column else match.group(0)

    return PLACEHOLDER.sub(value, query)


@lru_cache(maxsize=1024)
def row_condition(query: str, table: str, column: str | None) -> str | None:
    """The condition of a query that counts rows of one table, as DuckDB's SQL over that table's columns.

    `table` is the table's own name, which the query may say in place of `${table}`. None where the
    query is of another form: a row by itself cannot be said to break it then.
    """
    sql = filled(query, _ROWS, column)
    try:
        statements = [s for s in sqlglot.parse(sql, read="duckdb") if s is not None]
        tokens = DuckDB().tokenize(sql)
    except (ParseError, TokenError):
        return None
    if len(statements) != 1 or not isinstance(statements[0], exp.Select):
        return None
    select = statements[0]
    source = _counted(select)
    where = select.args.get("where")
    if source is None or where is None or source.name.casefold() not in (_ROWS, table.casefold()):
        return None
    if any(where.find(kind) for kind in _NOT_OF_ONE_ROW):
        return None
    return _without_names(sql, _condition(tokens), {source.name.casefold(), source.alias_or_name.casefold()})


def _counted(select: exp.Select) -> exp.Table | None:
    """The one table of `SELECT count(*) FROM …`, or None."""
    if len(select.expressions) != 1 or any(select.args.get(key) for key in _MORE_THAN_A_COUNT):
        return None
    count = select.expressions[0].unalias()
    if not isinstance(count, exp.Count) or not (count.this is None or isinstance(count.this, exp.Star | exp.Literal)):
        return None
    source = select.args.get("from_") or select.args.get("from")
    table = source.this if source else None
    if not isinstance(table, exp.Table) or isinstance(table.this, exp.Func):
        return None
    return None if any(table.args.get(key) for key in ("joins", "pivots", "sample", "laterals")) else table


def _condition(tokens: list[Token]) -> list[Token]:
    start = next(n for n, token in enumerate(tokens) if token.token_type == TokenType.WHERE)
    return [token for token in tokens[start + 1 :] if token.token_type != TokenType.SEMICOLON]


def _without_names(sql: str, tokens: list[Token], names: set[str]) -> str:
    """The text of the tokens, without the table's name before a column's."""
    parts: list[str] = []
    at = tokens[0].start
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        is_name = token.token_type in (TokenType.VAR, TokenType.IDENTIFIER) and token.text.casefold() in names
        follows = before is not None and before.token_type == TokenType.DOT
        if is_name and not follows and after is not None and after.token_type == TokenType.DOT:
            parts.append(sql[at : token.start])
            at = after.end + 1
    parts.append(sql[at : tokens[-1].end + 1])
    return "".join(parts).strip()


def columns_named(query: str, table: str, column: str | None) -> set[str] | None:
    """The columns that a rule's SQL names, where it reads no other table than its own; else None.

    Raises sqlglot's ParseError or TokenError where it does not parse.
    """
    statement = sqlglot.parse_one(filled(query, _ROWS, column), read="duckdb")
    tables = [t.name.casefold() for t in statement.find_all(exp.Table)]
    if set(tables) - {_ROWS, table.casefold()} or len(tables) > 1 or statement.find(exp.CTE, exp.Subquery, exp.Lambda):
        return None
    made = {alias.alias for alias in statement.find_all(exp.Alias)}
    return {c.name for c in statement.find_all(exp.Column) if c.name and c.name not in made}


@lru_cache(maxsize=1024)
def names_in(condition: str) -> frozenset[str]:
    """The columns that a row's condition names, in lower case; none where it does not parse."""
    try:
        return frozenset(c.name.lower() for c in sqlglot.parse_one(condition, read="duckdb").find_all(exp.Column))
    except (ParseError, TokenError):
        return frozenset()
