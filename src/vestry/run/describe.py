"""What `vestry show` tells of tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from vestry.console import print_table, show_rows
from vestry.products.quality import RESULTS
from vestry.project import TableName, VestryError, literal
from vestry.project.errors import did_you_mean
from vestry.run.report import State, age, states
from vestry.run.workspace import Workspace

COLUMNS = ("table", "layer", "rows", "quality", "freshness", "time")


def state_rows(found: list[State]) -> list[dict[str, Any]]:
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


def show_all(workspace: Workspace, form: str) -> None:
    """All tables that are there."""
    show_rows(state_rows(states(workspace.project, workspace.lake, workspace.known())), COLUMNS, form)


def show_table(workspace: Workspace, text: str, form: str) -> None:
    """One table: what it is, whose, where from, its columns, the last audit, the versions."""
    name = TableName.parse(text)
    described = describe(workspace, name)
    if form == "json":
        click.echo(json.dumps(described, indent=2, default=str, ensure_ascii=False))
        return
    if form != "table":
        show_rows(described["columns"], ["column", "type", "description", "classification"], form)
        return
    click.secho(str(name), bold=True)
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


def describe(workspace: Workspace, name: TableName) -> dict[str, Any]:
    """Everything that is known of a table, from the project's files and the table's own log."""
    project, lake = workspace.project, workspace.lake
    there = lake.open(name) is not None
    base = TableName(name.domain, name.product, name.table.partition("__")[0])
    if not there and name not in workspace.known():
        known = [str(n) for n in (*project.bronze, *project.tables)]
        raise VestryError(f"there is no table {name}", mend=did_you_mean(str(name), known, "`vestry show` lists them"))
    state = next(iter(states(project, lake, [name])), None)
    found: dict[str, Any] = {"table": str(name), "in_lake": there}
    types = lake.columns(name)
    table = project.tables.get(base)
    if base in project.bronze:
        source = project.bronze[base]
        found |= {
            "layer": "bronze",
            "owner": source.spec.owner,
            "description": source.spec.description,
            "made_by": source.file.path,
        }
        columns = _plain(types)
    elif table:
        product = project.product_of(base)
        domain = project.domains.get(base.domain)
        promised = {c.name: c for c in table.contract.columns}
        found |= {
            "layer": table.layer,
            "owner": domain.spec.owner if domain else None,
            "description": table.contract.description,
            "made_by": project.shown(table.recipe),
            "reads": [str(n) for n in workspace.graph.steps[base].inputs],
            "contract": product.file.path if product else None,
        }
        columns = [
            {
                "column": c,
                "type": types.get(c),
                "description": promised[c].description if c in promised else None,
                "classification": promised[c].classification if c in promised else None,
            }
            for c in (types or promised)
        ]
    else:
        found |= {"layer": "system"}
        columns = _plain(types)
    found["read_by"] = [str(n) for n in workspace.graph.readers.get(name, [])]
    if state:
        quality = f"{state.quality:.1f} %" if state.quality is not None else None
        found |= {
            "rows": state.rows,
            "quality": quality,
            "version": state.version,
            "written": f"{state.written:%Y-%m-%d %H:%M} ({age(state.written)})",
        }
    found["columns"] = columns
    found["rules"] = _last_rules(workspace, name) if table and there else []
    return found


def _plain(types: Mapping[str, str]) -> list[dict[str, Any]]:
    """Columns of which no contract says anything."""
    return [{"column": c, "type": k, "description": None, "classification": None} for c, k in types.items()]


def _last_rules(workspace: Workspace, name: TableName) -> list[dict[str, Any]]:
    """What each rule said when it was last asked."""
    if workspace.lake.open(RESULTS) is None:
        return []
    with workspace.engine.cursor() as con:
        cursor = con.execute(
            "SELECT rule, dimension, severity, expected, value, failing, passed FROM "
            f"{workspace.engine.relation(RESULTS)} WHERE table_name = {literal(str(name))} "
            "QUALIFY row_number() OVER (PARTITION BY rule ORDER BY checked_at DESC) = 1 ORDER BY passed, rule"
        )
        rows = cursor.fetchall()
    keys = ("rule", "dimension", "severity", "expected", "value", "failing")
    return [{**dict(zip(keys, row[:6], strict=True)), "ok": "✓" if row[6] else "✗"} for row in rows]
