"""Quality on a terminal: all products in one table, or one product or table with what lies behind its scores."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from vestry.catalogue.live import Live
from vestry.catalogue.missing import Missing
from vestry.catalogue.model import Catalogue
from vestry.catalogue.profile import LiveProfiles
from vestry.catalogue.quality.failing import SetAside, set_aside
from vestry.catalogue.quality.meaning import meaning, percent_of, usage_of
from vestry.catalogue.quality.results import Results
from vestry.catalogue.quality.scores import (
    DIMENSIONS,
    Dimension,
    ProductQuality,
    RuleScore,
    product_quality,
    table_quality,
)
from vestry.console import print_table
from vestry.project import TableName, VestryError
from vestry.project.errors import did_you_mean
from vestry.run.execute import Facts
from vestry.run.freshness import Freshness

_COLUMNS = 12


def show_quality(live: Live, name: str | None, as_json: bool) -> None:
    """Show all products, or one product or table.

    Raises VestryError with the nearest name where there is none of that name.
    """
    catalogue, lake = live.catalogue(), live.workspace.lake
    results, fresh = Results(lake), Freshness(catalogue.graph, lake, Facts(lake))
    if name is None:
        _overview(catalogue, results, fresh, as_json)
        return
    quality = _asked(catalogue, results, fresh, name)
    profiles = LiveProfiles(live)
    entries = [catalogue.tables[table.table] for table in quality.tables]
    missing = [(e.name, column) for e in entries if (found := profiles.made(e)) for column in found.missing]
    aside = [kept_out for e in entries if e.state and (kept_out := set_aside(live.workspace.engine, e))]
    said = meaning(catalogue, quality, fresh, missing)
    product = catalogue.project.products.get(quality.product)
    usage = usage_of(product.contract) if product else None
    if as_json:
        told = {
            "name": name, "usage": usage, "meaning": said,
            "dimensions": [_dimension(d) for d in quality.dimensions],
            "failing": [_rule(r) for r in quality.failing],
            "unasked": {str(t.table): t.unasked for t in quality.tables if t.unasked},
            "set_aside": [{**asdict(found), "table": str(found.table)} for found in aside],
            "missing": [{"table": str(table), **asdict(column)} for table, column in missing],
        }  # fmt: skip
        click.echo(json.dumps(told, indent=2, default=str, ensure_ascii=False))
        return
    _one(name, quality, usage, said, aside, missing)


def _asked(catalogue: Catalogue, results: Results, fresh: Freshness, name: str) -> ProductQuality:
    now = datetime.now(UTC)
    if product := catalogue.project.products.get(name):
        return product_quality(catalogue, results, fresh, product, now)
    tables = {str(table): table for table in catalogue.tables}
    if name not in tables:
        mend = did_you_mean(name, [*catalogue.project.products, *tables], "`vestry quality` lists the products")
        raise VestryError(f"there is no product or table {name}", mend=mend)
    found = table_quality(catalogue, results, fresh, tables[name], now)
    return ProductQuality(f"{found.table.domain}.{found.table.product}", found.dimensions, (found,))


def _overview(catalogue: Catalogue, results: Results, fresh: Freshness, as_json: bool) -> None:
    now = datetime.now(UTC)
    every = [product_quality(catalogue, results, fresh, p, now) for p in catalogue.project.products.values()]
    if as_json:
        told = [{"product": q.product, **{d.name: d.percent for d in q.dimensions}} for q in every]
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    rows = [[q.product, *("–" if d.percent is None else percent_of(d.percent) for d in q.dimensions)] for q in every]
    print_table(rows, ["product", *DIMENSIONS])
    click.secho("\nEach is the lowest rule of the lowest table. Why:  vestry quality PRODUCT", dim=True)


def _one(
    name: str, quality: ProductQuality, usage: str | None, said: Sequence[str], aside: Sequence[SetAside],
    missing: Sequence[tuple[TableName, Missing]],
) -> None:  # fmt: skip
    click.secho(name, bold=True)
    if usage:
        click.echo(f"  It is for: {usage}")
    click.echo()
    for dimension in quality.dimensions:
        shown = "–" if dimension.percent is None else percent_of(dimension.percent)
        colour = None if dimension.percent is None else "green" if dimension.percent >= 99 else "yellow"
        click.echo(f"  {dimension.name:<13}{click.style(f'{shown:>11}', fg=colour)}  {dimension.how}")
    for table in quality.tables:
        if table.at is None and table.rows is None:
            click.echo(f"\n  {table.table} is not in the lake yet: make it with `vestry run`")
        elif table.unasked:
            click.echo(f"\n  {table.table}: not asked yet: {', '.join(table.unasked)}")
    _block("What to mind", said)
    if quality.failing:
        _title("Rules that rows break")
        rows = [
            [r.table.table, r.rule, r.dimension, r.severity, r.expected, r.found, "kept" if r.passed else "broken"]
            for r in quality.failing
        ]
        print_table(rows, ["table", "rule", "dimension", "severity", "expected", "found", ""])
    _block("Set aside", [f"{a.table}: {why}: {rows:,}" for a in aside for why, rows in a.reasons])
    if missing:
        _title("Missing")
        rows = [[t.table, m.column, percent_of(m.share), _whom(m)] for t, m in missing[:_COLUMNS]]
        print_table(rows, ["table", "column", "missing", "more often where"])
        if len(missing) > _COLUMNS:
            click.echo(f"and {len(missing) - _COLUMNS} columns more (all with --json)")


def _title(title: str) -> None:
    click.echo()
    click.secho(title, bold=True)


def _block(title: str, lines: Sequence[str]) -> None:
    if lines:
        _title(title)
        for line in lines:
            click.echo(f"  {line}")


def _whom(column: Missing) -> str:
    return "; ".join(f"{g.by} is {g.value} ({percent_of(g.share)} of {g.rows:,})" for g in column.hidden[:2])


def _dimension(dimension: Dimension) -> dict[str, Any]:
    rules = [_rule(r) for r in dimension.rules]
    return {"dimension": dimension.name, "percent": dimension.percent, "how": dimension.how, "rules": rules}


def _rule(rule: RuleScore) -> dict[str, Any]:
    return {**asdict(rule), "table": str(rule.table)}
