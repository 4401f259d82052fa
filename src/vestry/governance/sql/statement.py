"""What a question in SQL asks: one SELECT over tables that it names in full, by functions that read nothing else.

It is read with DuckDB's own parser, as a tree: what is looked at is what would run, whatever comments, quotes and
letters the text is made of. Only what is known to be harmless passes: kinds of nodes, names of functions.

The worker's process has this and nothing of the project: it imports DuckDB alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

#: Characters of a question.
LONGEST = 20_000
#: Functions whose answer follows from their arguments alone: a test holds the list against DuckDB's own.
FUNCTIONS = Path(__file__).with_name("functions.txt")
_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})
#: Kinds of queries and of what stands in FROM.
_SOURCES = frozenset({
    "SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "BASE_TABLE", "TABLE_FUNCTION", "SUBQUERY", "JOIN",
    "EMPTY", "EXPRESSION_LIST", "PIVOT", "SHOW_REF",
})  # fmt: skip
_EXPRESSIONS = frozenset({
    "BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "LAMBDA",
    "LAMBDA_REF", "OPERATOR", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "WINDOW",
})  # fmt: skip
#: DESCRIBE and SUMMARIZE of a table or a SELECT; SHOW tells of the engine itself.
_SHOWN = ("DESCRIBE", "SUMMARY")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
#: Where a node has no place in the text.
_NOWHERE = 2**63


class NotAsked(Exception):
    """A question that is not answered: `kind` is for the audit, the rest for whoever asks."""

    def __init__(self, kind: str, what: str, line: int = 0, mend: str = "") -> None:
        super().__init__(kind)
        self.kind, self.what, self.line, self.mend = kind, what, line, mend


@dataclass(frozen=True)
class Statement:
    """A question that may be asked: the tables that it reads, as their three parts, in the order of the tree."""

    tables: tuple[tuple[str, str, str], ...]


def analyse(con: duckdb.DuckDBPyConnection, sql: str, macros: Iterable[str] = ()) -> Statement:
    """Read a question; `con` only parses it. `macros` are functions that may be called besides DuckDB's.

    Raises NotAsked.
    """
    tree = _parsed(con, sql)
    allowed = functions() | {name.lower() for name in macros}
    tables: dict[tuple[str, str, str], None] = {}
    for node, known in _nodes(tree):
        line = _line(sql, node)
        if (name := node.get("function_name")) is not None and name.lower() not in allowed:
            mend = "functions that read files, settings or other data are not there"
            raise NotAsked("function", f"the function `{name[:60]}` cannot be used here", line, mend)
        kind = node.get("class")
        if kind is not None and kind not in _EXPRESSIONS:
            what = "a question has no parameters" if kind == "PARAMETER" else "this cannot be asked here"
            raise NotAsked("expression", what, line, "write the values themselves")
        if kind is None and "sample" in node:
            table = _source(node, known, line)
            if table:
                tables[table] = None
    return Statement(tuple(tables))


@cache
def functions() -> frozenset[str]:
    """The functions that may be called."""
    return frozenset(FUNCTIONS.read_text(encoding="utf-8").split())


def literal(text: str) -> str:
    """As the project's own: a parameter instead would have DuckDB import pandas, which takes half a second."""
    return "'" + text.replace("'", "''") + "'"


def _parsed(con: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    if len(sql) > LONGEST:
        raise NotAsked("length", f"the question is longer than {LONGEST:,} characters", mend="make a product of it")
    if "\0" in sql:
        raise NotAsked("syntax", "the question holds a character that is no text", mend="type it anew")
    try:
        row = con.execute(f"SELECT json_serialize_sql({literal(sql)})").fetchone()
        found = json.loads(row[0]) if row else {}
    except RecursionError:
        raise NotAsked("depth", "the question is nested too deeply", mend="put parts of it in WITH … AS (…)") from None
    if found.get("error"):
        raise _unread(found, sql)
    statements = found["statements"]
    if len(statements) != 1:
        what = f"there are {len(statements)} statements" if statements else "there is no question"
        raise NotAsked("statements", what, mend="ask one SELECT at a time")
    return dict(statements[0])


def _unread(found: dict[str, Any], sql: str) -> NotAsked:
    said = str(found.get("error_message", ""))
    position = str(found.get("position", ""))
    line = _line_at(sql, int(position)) if position.isdigit() else 0
    if found.get("error_type") == "not implemented":
        mend = "SELECT, WITH, VALUES, DESCRIBE and SUMMARIZE can be asked; PIVOT with its values: ON x IN (1, 2)"
        return NotAsked("statement", "only questions can be asked, and this is another statement", mend=mend)
    if "depth" in said or "memory exhausted" in said:
        return NotAsked("depth", "the question is nested too deeply", mend="put parts of it in WITH … AS (…)")
    near = re.search(r'at or near "(.{1,60}?)"', said, re.DOTALL)
    at = f" near `{near[1]}`" if near and near[1] in sql else ""
    return NotAsked("syntax", f"the SQL does not parse{at}", line, "look at this line and the one above it")


def _nodes(tree: Any) -> Iterator[tuple[dict[str, Any], frozenset[str]]]:
    """Every node with the names that WITH has given where it stands."""
    waiting: list[tuple[Any, frozenset[str]]] = [(tree, frozenset())]
    while waiting:
        node, known = waiting.pop()
        if isinstance(node, list):
            waiting += [(part, known) for part in reversed(node)]
        elif isinstance(node, dict):
            if "cte_map" in node:
                for entry in node["cte_map"]["map"]:
                    body, name = entry["value"], entry["key"].lower()
                    is_recursive = body["query"]["node"]["type"] == "RECURSIVE_CTE_NODE"
                    waiting.append((body, known | {name} if is_recursive else known))
                    known |= {name}
            yield node, known
            waiting += [(part, known) for key, part in reversed(node.items()) if key != "cte_map"]


def _source(node: dict[str, Any], known: frozenset[str], line: int) -> tuple[str, str, str] | None:
    """The table that a part of FROM names; None where it is something else that may stand there."""
    kind = node["type"]
    if kind not in _SOURCES:
        raise NotAsked("source", "this cannot be asked here", line)
    if kind == "SHOW_REF" and node.get("show_type") not in _SHOWN:
        raise NotAsked("show", "SHOW tells of the engine, not of the data", line, "the portal lists what you may read")
    if kind == "TABLE_FUNCTION" and node["function"].get("function_name", "").lower() not in _TABLE_FUNCTIONS:
        mend = "name tables as domain.product.table; range, generate_series and unnest may be used"
        raise NotAsked("table function", "files and functions cannot be read here", line, mend)
    if kind != "BASE_TABLE":
        return None
    if node.get("at_clause"):
        raise NotAsked("version", "a question is about the tables as they are now", line, "leave out AT (…)")
    parts = node["catalog_name"], node["schema_name"], node["table_name"]
    if not any(parts[:2]) and parts[2].lower() in known:
        return None
    catalog, schema, table = (part.lower() for part in parts)
    if not all(_NAME.fullmatch(part) for part in (catalog, schema, table)):
        mend = "a table is named domain.product.table, or bronze.source.table"
        raise NotAsked("table", "what stands after FROM is not the name of a table", line, mend)
    return catalog, schema, table


def _line(sql: str, node: dict[str, Any]) -> int:
    place = node.get("query_location")
    return _line_at(sql, place) if isinstance(place, int) and place < _NOWHERE else 0


def _line_at(sql: str, place: int) -> int:
    """The line, from 1, of a place that DuckDB counts in bytes."""
    return sql.encode()[:place].count(b"\n") + 1
