"""Everything that is known of a table, from the project's files and the table's own log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vestry.products.quality import RESULTS
from vestry.project import TableName, literal
from vestry.run.report import age, states
from vestry.run.workspace import Workspace


def describe(workspace: Workspace, name: TableName) -> dict[str, Any]:
    """Everything that is known of a table, from the project's files and the table's own log."""
    project, lake = workspace.project, workspace.lake
    there = lake.open(name) is not None
    base = TableName(name.domain, name.product, name.table.partition("__")[0])
    if not there and name not in workspace.known():
        workspace.existing(name)  # raises, with the nearest name
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
    return [
        {**dict(zip(keys, row[:6], strict=True)), "value": round(row[4], 2), "ok": "✓" if row[6] else "✗"}
        for row in rows
    ]
