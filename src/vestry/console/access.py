"""How access is shown: readers, what somebody sees, requests, grants, lines of the audit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from vestry.console import show_rows
from vestry.governance.access.gate import Gate, Where
from vestry.governance.access.grants import Grant
from vestry.governance.access.terms import Terms
from vestry.governance.access.view import View
from vestry.governance.audit import Line
from vestry.governance.requests import Request
from vestry.governance.unusual import Unusual
from vestry.project import TableName
from vestry.project.cron import ZONE


def show_readers(gate: Gate, table: TableName, form: str) -> None:
    """Who can see a table, and why: what policies open of it, then grants."""
    rows: list[dict[str, Any]] = [
        {
            "who": who,
            "columns": "all" if view.is_whole else ", ".join(c.name for c in view.columns),
            "purpose": "",
            "until": None,
            "by": ", ".join(view.rules),
        }
        for who, view in gate.opened(table, Where("cli"))
    ]
    rows += [
        {"who": g.reader, "columns": _columns(g.terms, table), "purpose": g.purpose, "until": g.terms.until, "by": g.id}
        for g in gate.readers(table)
    ]
    show_rows(rows, ["who", "columns", "purpose", "until", "by"], form)


def show_seen(views: Sequence[View], form: str) -> None:
    """What somebody can see, table by table."""
    rows = [
        {
            "table": str(view.table),
            "columns": "all" if view.is_whole else ", ".join(_shown(c.name, str(c.treatment)) for c in view.columns),
            "rows": "counts" if view.statistics else "; ".join(map(str, view.rows)) or "all",
            "purpose": view.purpose,
            "by": view.grant.id if view.grant else ", ".join(view.rules),
        }
        for view in views
    ]
    show_rows(rows, ["table", "columns", "rows", "purpose", "by"], form)


def show_requests(found: Sequence[Request], form: str) -> None:
    rows = [
        {
            "request": r.id,
            "asked": _moment(r.asked_at),
            "who": r.reader,
            "product": r.product,
            "purpose": r.purpose,
            "until": r.terms.until,
            "state": r.state if r.state != "open" else f"waits for {' and '.join(r.waits_for)}",
        }
        for r in found
    ]
    show_rows(rows, ["request", "asked", "who", "product", "purpose", "until", "state"], form)


def show_grants(found: Sequence[Grant], today: date, form: str) -> None:
    rows = [
        {
            "grant": g.id,
            "who": g.reader,
            "product": g.product,
            "purpose": g.purpose,
            "until": g.terms.until,
            "review": g.terms.review,
            "open": "yes" if g.is_open(today) else "no",
        }
        for g in found
    ]
    show_rows(rows, ["grant", "who", "product", "purpose", "until", "review", "open"], form)


def show_lines(found: Sequence[Line], form: str) -> None:
    rows = [
        {
            "line": line.number,
            "when": _moment(line.at),
            "who": line.entry.who,
            "door": line.entry.door,
            "what": line.entry.action if line.entry.allowed else f"refused: {line.entry.action}",
            "tables": ", ".join(str(read.table) for read in line.reads),
            "rows": line.entry.rows,
            "purpose": line.entry.purpose,
            "by": ", ".join(line.entry.grants or line.entry.rules),
            "note": line.entry.note,
        }
        for line in found
    ]
    show_rows(rows, ["line", "when", "who", "door", "what", "tables", "rows", "purpose", "by", "note"], form)


def show_unusual(found: Sequence[Unusual], form: str) -> None:
    show_rows([vars(one) for one in found], ["day", "who", "kind", "what", "line"], form)


def _columns(terms: Terms, table: TableName) -> str:
    return ", ".join(_shown(column, str(way)) for column, way in terms.columns[table].items())


def _shown(column: str, way: str) -> str:
    return column if way == "clear" else f"{column} ({way})"


def _moment(at: int) -> str:
    return f"{datetime.fromtimestamp(at, ZONE):%Y-%m-%d %H:%M}"
