"""How answers are shown: tables for people, CSV, JSON and Parquet for programs."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from vestry.project.errors import VestryError

if TYPE_CHECKING:
    import pyarrow as pa

    from vestry.run.report import State

_SHOWN = 40
#: Where there is no terminal to ask.
_WIDE = 160
#: So few rows of a table that is too wide are shown one below the other.
_FEW = 10


def show_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], form: str, title: str = "") -> None:
    """Show a few rows that are at hand."""
    if form == "table":
        print_table([[row.get(c) for c in columns] for row in rows], columns, title)
        return
    import pyarrow as pa

    emit(pa.table({c: pa.array([row.get(c) for row in rows]) for c in columns}), form)


def emit(answer: pa.Table, form: str, limit: int = _SHOWN) -> None:
    """Write an answer to standard output; a table for people shows its first rows and how many there are."""
    if form == "table":
        head = answer.slice(0, limit)
        if head.num_rows <= _FEW and _width(head) > _columns():
            _print_records(head.to_pylist())
        else:
            print_table([list(row.values()) for row in head.to_pylist()], answer.column_names)
        rest = answer.num_rows - head.num_rows
        more = f" (the first {limit}; all with --format csv)" if rest else ""
        click.echo(f"{answer.num_rows:,} row{'s' if answer.num_rows != 1 else ''}{more}")
        return
    if form == "parquet":
        if sys.stdout.isatty():
            raise VestryError(
                "Parquet is not for a terminal", mend="send it to a file: … --format parquet > out.parquet"
            )
        import pyarrow.parquet as pq

        pq.write_table(answer, sys.stdout.buffer)
        return
    if form == "csv":
        import csv

        writer = csv.writer(sys.stdout, lineterminator="\r\n" if not sys.stdout.isatty() else "\n")
        writer.writerow(answer.column_names)
        for batch in answer.to_batches(max_chunksize=10_000):
            writer.writerows(zip(*(column.to_pylist() for column in batch.columns), strict=True))
        return
    separator = "["
    for batch in answer.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            known = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
            sys.stdout.write(f"{separator}\n {json.dumps(known, default=str, ensure_ascii=False)}")
            separator = ","
    sys.stdout.write("\n]\n" if separator == "," else "[]\n")


def _columns() -> int:
    return shutil.get_terminal_size((_WIDE, 40)).columns if sys.stdout.isatty() else _WIDE


def _width(answer: pa.Table) -> int:
    """How many characters the widest row needs as a table."""
    longest = [max(len(n), *(len(str(v)) for v in answer.column(n).to_pylist()), 1) for n in answer.column_names]
    return sum(longest) + 3 * len(longest)


def _print_records(rows: Sequence[Mapping[str, Any]]) -> None:
    """Each row on lines of its own: for tables wider than the terminal."""
    for number, row in enumerate(rows, 1):
        click.secho(f"row {number}", dim=True)
        longest = max(len(name) for name in row)
        for name, value in row.items():
            click.echo(f"  {name:<{longest}}  {'' if value is None else value}")


def print_table(rows: Iterable[Sequence[Any]], columns: Sequence[str], title: str = "") -> None:
    """A plain table; on a narrow terminal long values are cut."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    data = [list(row) for row in rows]
    table = Table(title=title or None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for place, column in enumerate(columns):
        numeric = any(isinstance(r[place], int | float) and not isinstance(r[place], bool) for r in data)
        table.add_column(column, justify="right" if numeric else "left", overflow="ellipsis", no_wrap=True)
    for row in data:
        table.add_row(*("" if v is None else f"{v:,}" if type(v) is int else str(v) for v in row))
    Console(width=_columns(), highlight=False, markup=False).print(table)


COLUMNS = ("table", "layer", "rows", "quality", "freshness", "time")


def state_rows(found: Sequence[State]) -> list[dict[str, Any]]:
    """States as rows of a table for people."""
    return [
        {
            "table": str(s.name),
            "layer": s.layer,
            "rows": s.rows,
            "quality": f"{s.quality:.1f} %" if s.quality is not None else None,
            "freshness": s.age,
            "time": f"{s.seconds:.2f} s" if s.seconds is not None else None,
        }
        for s in found
    ]


def show_states(found: Sequence[State], form: str) -> None:
    """Tables as they stand."""
    show_rows(state_rows(found), COLUMNS, form)


def show_table(described: Mapping[str, Any], form: str) -> None:
    """One table: what it is, whose, where from, its columns, the last audit."""
    if form == "json":
        click.echo(json.dumps(described, indent=2, default=str, ensure_ascii=False))
        return
    if form != "table":
        show_rows(described["columns"], ["column", "type", "description", "classification"], form)
        return
    click.secho(described["table"], bold=True)
    for key in (
        "description",
        "owner",
        "layer",
        "rows",
        "quality",
        "written",
        "version",
        "made_by",
        "reads",
        "read_by",
    ):
        value = described.get(key)
        if value not in (None, "", []):
            shown = ", ".join(value) if isinstance(value, list) else f"{value:,}" if key == "rows" else value
            click.echo(f"  {key.replace('_', ' '):<12} {shown}")
    click.echo()
    columns = ["column", "type", "description", "classification"]
    print_table([[c[k] for k in columns] for c in described["columns"]], columns)
    if described["rules"]:
        click.echo()
        rules = ["rule", "dimension", "severity", "expected", "value", "failing", "ok"]
        print_table([[r[k] for k in rules] for r in described["rules"]], rules)


def show_row(described: Mapping[str, Any], form: str) -> None:
    """One row, and below it the rows that belong to it, each on as many lines as it needs."""
    if form == "json":
        click.echo(json.dumps(described, indent=2, default=str, ensure_ascii=False))
        return
    if form != "table":
        show_rows([described["row"]], list(described["row"]), form)
        return
    import textwrap

    row = described["row"]
    click.secho(described["table"], bold=True)
    longest = max(map(len, row))
    for name, value in row.items():
        if value not in (None, ""):
            click.echo(f"  {name:<{longest}}  {value}")
    for part in described["parts"]:
        click.echo()
        click.secho(f"{part['table']}  {part['description'] or ''}", bold=True)
        columns = [c for c in part["rows"][0] if c not in row]
        click.secho(f"  {' · '.join(columns)}", dim=True)
        for line in part["rows"]:
            said = " · ".join(str(line[c]) for c in columns if line[c] is not None)
            click.echo(textwrap.fill(said, _columns(), initial_indent="  ", subsequent_indent="      "))


def fail(error: VestryError) -> None:
    """Say what went wrong, where, and what to do, on standard error."""
    head = f"{error.where}: {error.what}" if error.where else error.what
    click.secho(f"✗ {head}", fg="red", err=True)
    if error.mend:
        click.echo(f"  {error.mend}", err=True)
