"""A runbook for each source and product, made from its schedule, what is told of it, and what has happened."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from vestry.catalogue.model import Catalogue, TableEntry
from vestry.project.models import CHANGES
from vestry.run.alerts import channels
from vestry.run.incidents import read
from vestry.run.past import steps_of
from vestry.run.schedule import next_time, subjects_of
from vestry.run.state import runs
from vestry.serve.page import Values, page, portal_of, words
from vestry.serve.portal.products import frame, product_named
from vestry.serve.portal.sources import source_named

_STEPS, _MESSAGES = 20, 20


@page("source_runbook.html", fresh=True)
def of_source(request: Request, catalogue: Catalogue) -> Values:
    """How a source is loaded, what to do when that fails, and how it went."""
    source = source_named(catalogue, request)
    entries = catalogue.tables_of_source(source)
    after = catalogue.graph.downstream(entry.name for entry in entries) - {entry.name for entry in entries}
    return {
        "source": source,
        "title": words(source.name),
        "steps_to_take": _of_load(source.name, source.spec.connector),
        "file": source.file.path,
        **_book(request, catalogue, f"load/{source.name}", entries, len(after)),
    }


@page("product_runbook.html", fresh=True)
def of_product(request: Request, catalogue: Catalogue) -> Values:
    """How a product is built, what to do when that fails, and how it went."""
    product = product_named(catalogue, request)
    entries = catalogue.tables_of(product)
    own = {entry.name for entry in entries}
    after = catalogue.graph.downstream(own) - own
    return {
        **frame(catalogue, product, "runbook"),
        "steps_to_take": _of_build(product.full_name),
        "file": product.file.path,
        **_book(request, catalogue, f"build/{product.full_name}", entries, len(after)),
    }


def _book(request: Request, catalogue: Catalogue, key: str, entries: list[TableEntry], after: int) -> dict[str, Any]:
    workspace = portal_of(request).live.workspace
    subject = next((s for s in subjects_of(catalogue.project) if s.key == key), None)
    last = next((run for run in runs(catalogue.project) if run.job.subject == key), None)
    names = {str(entry.name) for entry in entries}
    standing = read(workspace.lake)
    return {
        "schedule": subject.schedule if subject and subject.schedule != CHANGES else None,
        "follows": subject is not None and subject.schedule == CHANGES,
        "next": next_time(subject, last, datetime.now(UTC)) if subject else None,
        "channels": sorted(channels(catalogue.project)),
        "after": after,
        "open": [m for m in standing.open.values() if m.subject in names],
        "told": [m for m in reversed(standing.messages) if m.subject in names][:_MESSAGES],
        "run": {"steps": steps_of(workspace.lake, sorted(names), _STEPS)},
        "linked": names,
    }


def _of_load(name: str, connector: str) -> list[tuple[str, str]]:
    found = [
        ("See what is wrong", f"vestry status\nvestry check\nvestry run bronze.{name} --plan"),
        ("Load it again: what is there already is not loaded twice", f"vestry run bronze.{name}"),
        ("See what could not be read", f'vestry query "SELECT * FROM bronze.{name}.TABLE__rejected LIMIT 20"'),
        ("Take columns that changed", f"vestry accept bronze.{name}.TABLE"),
    ]
    if connector == "rest":
        found.append(
            (
                "See what the vendor still owes, and rebuild from a day on",
                f"vestry gaps {name}\nvestry replay {name} --from DATE",
            )
        )
    return found


def _of_build(name: str) -> list[tuple[str, str]]:
    return [
        ("See what is wrong", f"vestry status\nvestry check\nvestry run {name} --plan"),
        ("Build it again, with all that it needs", f"vestry run +{name}"),
        ("See which rows were set aside and why", f'vestry query "SELECT * FROM {name}.TABLE__quarantine LIMIT 20"'),
        ("Go back to an earlier version", f"vestry history {name}.TABLE\nvestry restore {name}.TABLE N"),
    ]


routes = [
    Route("/sources/{source}/runbook", of_source),
    Route("/products/{domain}/{product}/runbook", of_product),
]
