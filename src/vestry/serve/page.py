"""What every page shares: templates, the frame around them, and rendering once for all who read the same."""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import quote as escaped

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from vestry.catalogue.lineage.live import LiveLineage
from vestry.catalogue.live import Live
from vestry.catalogue.model import Catalogue
from vestry.catalogue.overlap import LiveMap
from vestry.catalogue.profile import LiveProfiles
from vestry.catalogue.quality.results import Results
from vestry.catalogue.search.live import LiveSearch
from vestry.governance.access.gate import Gate, Where
from vestry.governance.identity.user import User
from vestry.governance.watch import watch
from vestry.project import TableName, VestryError
from vestry.project.cron import ZONE
from vestry.project.errors import did_you_mean
from vestry.serve import paths
from vestry.serve.csrf import Tokens
from vestry.serve.markdown import html_of
from vestry.serve.sql.turns import Turns

HERE = Path(__file__).parent
#: Seconds for which a page stands for all who ask for the same, and how many are kept.
_STANDS, _KEPT = 30.0, 2_000
#: Seconds between looks whether the catalogue is another.
_LOOK = 1.0
#: Seconds between looks at grants that end and at reading that is not as usual.
_WATCH = 3600.0
#: What stands at the top of every page: name and address.
NAVIGATION = [
    ("Products", "/products"),
    ("Sources", "/sources"),
    ("Glossary", "/glossary"),
    ("Data map", "/map"),
    ("Quality", "/quality"),
    ("Register", "/register"),
    ("People", "/people"),
    ("Addresses", "/addresses"),
    ("Runs", "/runs"),
    ("SQL", "/sql"),
    ("Access", "/access"),
]
#: What browsers may do with every answer; a page that sends a form elsewhere adds where to, at its end.
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
Values = Mapping[str, Any]
View = Callable[[Request, Catalogue], Values | Response]


class Missing(VestryError):
    """There is no such page; `mend` says which is near."""


@dataclass
class Portal:
    """What the pages of one process share."""

    live: Live
    search: LiveSearch
    lineage: LiveLineage
    data_map: LiveMap
    results: Results
    profiles: LiveProfiles
    gate: Gate
    sql: Turns
    templates: Environment = field(default_factory=lambda: _environment())
    _pages: OrderedDict[str, tuple[Catalogue, float, Response]] = field(default_factory=OrderedDict)

    def render(self, template: str, request: Request, values: Values, status: int = 200) -> Response:
        """One page in the frame."""
        frame = {
            "council": self.live.catalogue().project.settings.council,
            "faults": self.live.faults,
            "here": request.url.path,
            "user": getattr(request.state, "user", None),  # None too where the door was not reached
            "csrf": getattr(request.state, "csrf", ""),
            "request": request,
        }
        body = self.templates.get_template(template).render({**frame, **values}).encode()
        tag = hashlib.blake2b(body, digest_size=12).hexdigest()
        headers = {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}
        return Response(body, status, headers, "text/html")

    def kept(self, key: str, catalogue: Catalogue) -> Response | None:
        """The page as it was rendered a moment ago, of the same catalogue and the same faults."""
        found = self._pages.get(key)
        if found and found[0] is catalogue and time.monotonic() - found[1] < _STANDS:
            return found[2]
        return None

    def keep(self, key: str, catalogue: Catalogue, page: Response) -> None:
        self._pages[key] = catalogue, time.monotonic(), page
        self._pages.move_to_end(key)
        while len(self._pages) > _KEPT:
            self._pages.popitem(last=False)

    @classmethod
    def of(cls, live: Live) -> Portal:
        lake, gate = live.workspace.lake, Gate(live)
        return cls(
            live, LiveSearch(live), LiveLineage(live), LiveMap(live), Results(lake), LiveProfiles(live), gate,
            Turns(gate),
        )  # fmt: skip

    def follow(self, stop: threading.Event) -> None:
        """Keep what takes time up with the catalogue, for a thread of its own, until told to stop."""
        watched = -_WATCH
        while True:
            parts: list[Callable[[], object]] = [
                part.update for part in (self.search, self.lineage, self.data_map, self.profiles)
            ]
            if time.monotonic() - watched >= _WATCH:
                watched = time.monotonic()
                parts.append(lambda: watch(self.gate))
            for update in parts:
                try:
                    update()
                except Exception as error:  # the pages show what was there before, and the next look tries again
                    print(f"{type(error).__name__} in {getattr(update, '__qualname__', '')}", file=sys.stderr)
            if stop.wait(_LOOK):
                return


def portal_of(request: Request) -> Portal:
    found: Portal = request.app.state.portal
    return found


def user_of(request: Request) -> User:
    """Who asks, on every page but those by which one logs in."""
    user: User = request.state.user
    return user


def where_of(request: HTTPConnection, door: str = "portal") -> Where:
    """Through which door and from where somebody asks, as the gate and the audit know it."""
    return Where(door, request.client.host if request.client else "")


def page(template: str, *, fresh: bool = False) -> Callable[[View], Callable[[Request], Awaitable[Response]]]:
    """A view as an endpoint: it is given the request and the catalogue, and returns what its template needs.

    A page that only follows from the catalogue and its own address is rendered once for all who ask within half a
    minute; `fresh` is for those that show what happens now. Where the view returns a response, that is sent as it is.
    """

    def of(view: View) -> Callable[[Request], Awaitable[Response]]:
        @wraps(view)
        async def endpoint(request: Request) -> Response:
            portal = portal_of(request)
            catalogue = portal.live.catalogue()
            # Of one session: who reads stands in the frame, and what the forms carry is that session's.
            who = f"{getattr(request.state.user, 'id', '')} {request.state.csrf}"
            key = f"{who} {hash(tuple(portal.live.faults))} {request.url.path}?{request.url.query}"
            again = None if fresh or request.method != "GET" else portal.kept(key, catalogue)
            if again is None:
                again = await run_in_threadpool(_rendered, portal, template, view, request, catalogue)
                if not fresh and request.method == "GET" and again.status_code == 200:
                    portal.keep(key, catalogue, again)
            if request.headers.get("if-none-match") == again.headers.get("etag", ""):
                return Response(None, 304, {"ETag": again.headers["etag"]})
            # A response of its own: what goes around it adds headers, and a kept one must not grow.
            return Response(again.body, again.status_code, dict(again.headers), again.media_type)

        return endpoint

    return of


def _rendered(portal: Portal, template: str, view: View, request: Request, catalogue: Catalogue) -> Response:
    made = view(request, catalogue)
    return made if isinstance(made, Response) else portal.render(template, request, made)


def _environment() -> Environment:
    macros = PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})
    env = Environment(
        loader=ChoiceLoader([FileSystemLoader(HERE / "templates"), macros]),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=[Tokens],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {
        "amount": amount, "bytes": size, "moment": moment, "day": day, "markdown": html_of, "percent": percent,
        "u": lambda text: escaped(str(text), safe=""), "plural": plural, "span": span, "words": words,
    }  # fmt: skip
    env.globals |= {"paths": paths, "version": _static_version(), "navigation": NAVIGATION}
    return env


def _static_version() -> str:
    """Changes whenever a file of `static` does, so that browsers may keep them for long."""
    digest = hashlib.blake2b(digest_size=6)
    for file in sorted((HERE / "static").rglob("*")):
        if file.is_file():
            digest.update(file.read_bytes())
    return digest.hexdigest()


def amount(number: float) -> str:
    """12,345"""
    return f"{number:,.0f}"


def size(number: float) -> str:
    """Bytes as people say them: 12 kB, 3.4 MB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit in ("bytes", "kB") or number >= 100 else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def percent(number: float) -> str:
    """97.3 %; what is not quite all is never said to be 100."""
    shown = f"{number:.1f}".removesuffix(".0")
    return "over 99.9 %" if shown == "100" and number < 100 else f"{shown} %"


def moment(then: datetime) -> Markup:
    """25 November 2026, 14:05, in UK time."""
    here = then.astimezone(ZONE)
    return Markup('<time datetime="{}">{} {:%B %Y, %H:%M}</time>').format(
        then.astimezone(UTC).isoformat(), here.day, here
    )


def day(then: datetime) -> Markup:
    return Markup('<time datetime="{:%Y-%m-%d}">{} {:%B %Y}</time>').format(then, then.day, then)


def span(length: timedelta) -> str:
    """90 minutes, 36 hours, 47 days."""
    for seconds, unit, least in ((86_400, "day", 3), (3600, "hour", 2), (60, "minute", 0)):
        if (count := round(length.total_seconds() / seconds)) >= least:
            return plural(count, unit)
    return ""


def plural(number: float, one: str, many: str | None = None) -> str:
    """1 table, 2 tables."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def words(name: str) -> str:
    """`supporting_families` as people read it."""
    return name.replace("_", " ")


def table_named(catalogue: Catalogue, text: str) -> TableName:
    """The table of a path. Raises Missing with the nearest name."""
    parts = text.split(".")
    if len(parts) == 3 and (name := TableName(*parts)) in catalogue.tables:
        return name
    raise Missing(
        f"There is no table {text[:200]}", mend=did_you_mean(text[:200], map(str, catalogue.tables), "Search for it.")
    )
