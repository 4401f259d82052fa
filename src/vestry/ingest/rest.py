"""A vendor's API that gives pages of records, whole or changed since a cursor: dlt's REST client."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from vestry.ingest.connector import LOAD_COLUMNS, LOADED_AT, Context, Part
from vestry.ingest.cursor import greatest, new_only
from vestry.project import DataError, VestryError
from vestry.project.models import RestTable
from vestry.project.project import expand

if TYPE_CHECKING:
    import duckdb

_EVERY = re.compile(r"(\d+)\s*([smhd])\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class RestConnector:
    """HTTP APIs with JSON. An API is not asked more often than the source's `every`."""

    def news(self, context: Context) -> str | None:
        asked = _asked(context)
        if asked is None or context.mark("vestry.data") is None:
            return "not asked yet"
        if asked.loaded_at is not None and (context.mark(LOADED_AT) or 0) <= asked.loaded_at:
            return "its last answer was not loaded"
        wait = every_seconds(context.settings.every, context.where)
        return None if time.time() - asked.at < wait else f"last asked more than {context.settings.every} ago"

    def parts(self, context: Context, con: duckdb.DuckDBPyConnection, workdir: Path) -> Iterator[Part]:
        from vestry.ingest.files.reading import FileOptions, read_file

        spec: RestTable = context.spec
        since = None
        if spec.cursor:
            since = greatest(context, con, spec.cursor.field)
        pages = workdir / "records.ndjson"
        asked = time.time()
        try:
            count = _fetch(context, spec, since, pages)
        except VestryError as error:
            error.mend = "; ".join(filter(None, (context.settings.when_down, error.mend)))
            raise
        first = context.mark("vestry.data") is None
        select, rejected = "", None
        if count:
            rows = read_file(pages, FileOptions(format="ndjson"), con, workdir)
            select, rejected = rows.select, rows.rejected
            if spec.cursor:
                select = new_only(context, select, rows.columns, spec.cursor.field, since, distinct=True)
                if con.execute(f"SELECT 1 FROM ({select}) LIMIT 1").fetchone() is None and not rejected.num_rows:
                    select = ""
        elif not spec.cursor and not first:  # all is gone
            bronze = context.engine.relation(context.bronze)
            select = f"SELECT * EXCLUDE ({', '.join(LOAD_COLUMNS)}) FROM {bronze} WHERE false"
        if not select:
            _remember(context, _Asked(asked, None))
            return
        _remember(context, _Asked(asked, context.mark(LOADED_AT) or 0))
        yield Part(
            origin=spec.endpoint,
            select=select,
            rejected=rejected,
            replaces="nothing" if spec.cursor else "table",
            record={"since": since, "fetched": count},
            sparse=True,
        )


def _fetch(context: Context, spec: RestTable, since: str | None, into: Path) -> int:
    """Ask for every page and write the records, one a line; the number of records.

    Raises DataError, naming how far it came, where the API fails: then nothing is loaded.
    """
    from dlt.common.jsonpath import find_values
    from dlt.sources.helpers.requests import Client
    from dlt.sources.helpers.rest_client.client import RESTClient

    logging.getLogger("dlt").setLevel(logging.ERROR)
    source = context.settings
    params: dict[str, Any] = dict(spec.params)
    if spec.cursor:
        params[spec.cursor.param] = since if since is not None else spec.cursor.start
    client = RESTClient(
        base_url=expand(source.url, context.where, context.project.env),
        headers={k: expand(v, context.where, context.project.env) for k, v in source.headers.items()},
        auth=_auth(context),
        paginator=_paginator(spec.paginator),
        session=Client(request_max_attempts=3, request_backoff_factor=0.5, raise_for_status=False).session,
    )
    count = pages = 0
    try:
        with into.open("w", encoding="utf-8") as out:
            for page in client.paginate(spec.endpoint, params=params, data_selector=spec.rows):
                pages += 1
                if not page and spec.rows and not find_values(spec.rows, page.response.json()):
                    what = f"the API at {source.url} answered without `{spec.rows}`; nothing was loaded"
                    raise DataError(what, context.where, "check `rows`, the path of the list of records")
                for record in page:
                    out.write(json.dumps(record, ensure_ascii=False) + "\n")
                    count += 1
    except VestryError:
        raise
    except Exception as error:  # what a vendor's API can do has no end; each is the same to the load
        what = f"the API at {source.url} failed after {pages} pages ({_reason(error)}); nothing was loaded"
        raise DataError(what, context.where, "the next run asks again from the same place") from error
    return count


def _reason(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status:
        return f"status {status}"
    return {"ConnectionError": "no connection", "ReadTimeout": "no answer in time", "JSONDecodeError": "not JSON"}.get(
        type(error).__name__, type(error).__name__
    )


def _auth(context: Context) -> Any:
    from dlt.sources.rest_api.config_setup import create_auth

    auth: dict[str, Any] | None = context.settings.auth
    if auth is None:
        return None
    env = context.project.env
    filled = {k: expand(v, context.where, env) if isinstance(v, str) else v for k, v in auth.items()}
    return create_auth(cast("Any", filled))


def _paginator(paginator: Any) -> Any:
    from dlt.sources.rest_api.config_setup import create_paginator

    return create_paginator(paginator) if paginator else None


def every_seconds(text: str, where: str) -> int:
    """`15m` in seconds.

    Raises VestryError where it is not a number with s, m, h or d.
    """
    found = _EVERY.match(text.strip())
    if not found:
        raise VestryError(f"`every: {text}` is not a time", where, "write 30s, 15m, 1h or 1d")
    return int(found[1]) * _SECONDS[found[2]]


@dataclass(frozen=True)
class _Asked:
    """When the API was last asked; `loaded_at` is bronze's mark then, which a commit of the answer puts up."""

    at: float
    loaded_at: int | None


def _asked_file(context: Context) -> Path:
    return context.project.state / "asked" / f"{context.bronze}.json"


def _asked(context: Context) -> _Asked | None:
    try:
        return _Asked(**json.loads(_asked_file(context).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _remember(context: Context, asked: _Asked) -> None:
    file = _asked_file(context)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(asked)))
