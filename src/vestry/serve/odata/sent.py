"""Pages of an entity set as JSON, each with the link to the next."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from starlette.requests import Request

from vestry.serve.odata.model import EntitySet, shape
from vestry.serve.odata.options import asked
from vestry.serve.odata.sets import AskedSet
from vestry.serve.rows.answer import answer, counted
from vestry.serve.rows.cursor import sealed, unsealed
from vestry.serve.rows.encode import objects
from vestry.serve.rows.query import Query, Wrong, columns_of

#: Rows of a page where nothing is said, and at most.
PAGE, LARGEST = 5_000, 10_000


@dataclass(frozen=True)
class Wanted:
    """How a page goes out: `root` is the service's address, `size` in rows."""

    root: str
    size: int
    is_exact: bool
    is_bare: bool


@dataclass(frozen=True)
class Page:
    pieces: Iterator[bytes]
    close: Callable[[], None]


def page(request: Request, of: AskedSet, options: Mapping[str, str], wanted: Wanted) -> Page:
    """A page of what is asked for. Raises as `answer`, and Wrong for options that do not fit."""
    cursor = None
    if token := options.get("$skiptoken"):
        # It holds the whole question, so that what people are found by is not in the next page's address either.
        kept, cursor, left = json.loads(unsealed(of.leave.project, token, of.leave.user.id, of.set.name))
        question = asked(kept, of.set)
        question = replace(question, query=replace(question.query, cursor=cursor, skip=0, limit=left))
        options = kept
    else:
        question = asked(options, of.set)
        if request.method == "GET":
            _may_stand_in_address(question.query, of.set)
    query = question.query
    size = wanted.size if query.limit is None else min(query.limit, wanted.size)
    total = counted(of.leave, query.where) if question.counts and cursor is None else None
    found = answer(of.leave, replace(query, limit=size), shape(of.set, wanted.is_exact))
    left = None if query.limit is None else query.limit - size
    said: dict[str, object] = {}
    if not wanted.is_bare:
        said["@odata.context"] = f"{wanted.root}$metadata#{of.set.name}{_selected(of.set, query)}"
    if total is not None:
        said["@odata.count"] = total
    if found.cursor and left != 0:
        token = sealed(of.leave.project, json.dumps([dict(options), found.cursor, left]), of.leave.user.id, of.set.name)
        said["@odata.nextLink"] = f"{wanted.root}{of.set.name}?$skiptoken={token}"
    head = json.dumps(said)[:-1] + (", " if said else "") + '"value": [\n'

    def pieces() -> Iterator[bytes]:
        yield head.encode()
        yield from objects(found.schema, found.batches)
        yield b"\n]}\n"

    return Page(pieces(), found.close)


def count(of: AskedSet, options: Mapping[str, str]) -> int:
    """How many entities there are, less those that a filter leaves out."""
    if others := set(options) - {"$filter"}:
        raise Wrong(f"`{min(others)}` has no place beside $count")
    query = asked(options, of.set).query
    _may_stand_in_address(query, of.set)
    return counted(of.leave, query.where)


def _selected(entities: EntitySet, query: Query) -> str:
    if query.columns is None:
        return ""
    names = {p.column: p.name for p in entities.properties}
    return f"({','.join(names[column] for column in query.columns)})"


def _may_stand_in_address(query: Query, entities: EntitySet) -> None:
    personal = {one.column: one.name for one in entities.properties if one.personal}
    for column in columns_of(query.where):
        if column in personal:
            raise Wrong(
                f"`{personal[column]}` is personal, and what people are found by does not belong into an address",
                mend=f"filter it after loading, or POST the options as text/plain to {entities.name}/$query",
            )
