"""The system query options, as a question."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from vestry.project.errors import did_you_mean, listed
from vestry.serve.odata.filters import parse
from vestry.serve.odata.model import EntitySet
from vestry.serve.rows.conditions import known
from vestry.serve.rows.query import All, Order, Query, Wrong

TAKEN = ("$select", "$filter", "$orderby", "$top", "$skip", "$count", "$skiptoken", "$format")
_ABSENT = ("$expand", "$search", "$apply", "$compute", "$levels", "$deltatoken")
_ORDER = re.compile(r"(\w+)(?:\s+(asc|desc))?\Z")
_MOST = 2**62


class Absent(Wrong):
    """OData has it, this service has not."""


@dataclass(frozen=True)
class Options:
    """What is asked of an entity set: rows, and whether they are counted."""

    query: Query
    counts: bool


def options_of(text: str) -> dict[str, str]:
    """The options of a query string. Raises Wrong for one that there is not, or that is said twice.

    What has no `$` is the client's own, and passed over.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=100, errors="strict")
    except ValueError:
        raise Wrong("the options cannot be read", mend="encode them as UTF-8") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if not name.startswith("$"):
            continue
        if name in _ABSENT:
            raise Absent(f"this service has no `{name}`", mend=f"it has {listed(TAKEN)}")
        if name not in TAKEN:
            raise Wrong(f"there is no option `{name[:50]}`", mend=did_you_mean(name[:50], TAKEN))
        if name in found:
            raise Wrong(f"`{name}` is said twice", mend="say it once")
        found[name] = value.strip()
    return found


def asked(options: Mapping[str, str], entities: EntitySet) -> Options:
    """The question. Raises Wrong; a property that is not seen is as if it were not there."""
    names = entities.columns
    columns = None
    chosen = [part.strip() for part in options.get("$select", "*").split(",")]
    if "*" not in chosen:
        for name in chosen:
            known(names, name)
        columns = tuple(names[name] for name in chosen)
    text = options.get("$filter")
    flags = {p.column for p in entities.properties if p.kind == "BOOLEAN"}
    where = parse(text, names, flags) if text is not None else All()
    order = tuple(_order(part.strip(), names) for part in filter(None, options.get("$orderby", "").split(",")))
    counts = options.get("$count", "false")
    if counts not in ("true", "false"):
        raise Wrong("`$count` is neither true nor false")
    top = _number(options, "$top")
    return Options(Query(columns, where, order, top, _number(options, "$skip") or 0), counts == "true")


def _order(text: str, names: Mapping[str, str]) -> Order:
    found = _ORDER.match(text)
    if not found:
        raise Wrong("`$orderby` cannot be read", mend="such as: $orderby=ward,cost desc")
    known(names, found[1])
    return Order(names[found[1]], found[2] == "desc")


def _number(options: Mapping[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= _MOST):
        raise Wrong(f"`{name}` is not a whole number")
    return int(text)
