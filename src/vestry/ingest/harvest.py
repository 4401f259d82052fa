"""Harvests the catalogue of another: CKAN by its API, or DCAT as JSON-LD, data.json, Turtle or RDF/XML.

Two tables come of one: `dataset` and `distribution`, a row for each, with what DCAT says of it as columns and the
whole record as it was received.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urljoin, urlsplit

from pydantic import Field, model_validator

from vestry.ingest.connector import LOADED_AT, Context, Part
from vestry.ingest.dcat import Entry, entries
from vestry.ingest.fingerprints import number
from vestry.ingest.web import Refused, ask, checked_url
from vestry.project import DataError
from vestry.project.durations import seconds
from vestry.project.models import Strict
from vestry.project.project import expand
from vestry.project.source_models import Length, SourceSettings

if TYPE_CHECKING:
    import duckdb

SEEN = "vestry.catalogue_seen"
_PAGE = 500
_MOST_PAGES = 2_000
_ACCEPT = "application/ld+json, application/json;q=0.9, text/turtle;q=0.8, application/rdf+xml;q=0.7"


class HarvestedTable(Strict):
    """The catalogue's datasets, or their distributions: the name of the table says which."""

    description: str | None = None


class CatalogueSource(SourceSettings):
    """Another's catalogue of data: CKAN, or DCAT in a file that is published."""

    connector: Literal["catalogue"]
    url: str = Field(description="CKAN: the address of the site. DCAT: of the file, such as …/data.json.")
    kind: Literal["ckan", "dcat"]
    only: str | None = Field(default=None, description="CKAN: a filter query (fq), such as organization:westmarsh.")
    headers: dict[str, str] = Field(default_factory=dict, description="Such as Authorization. Secrets as ${NAME}.")
    every: Length = Field(default="1d", description="Not asked more often than this: 15m, 1h, 1d.")
    tables: dict[Literal["dataset", "distribution"], HarvestedTable | None] = Field(min_length=1)

    @model_validator(mode="after")
    def _only_of_ckan(self) -> CatalogueSource:
        if self.only and self.kind != "ckan":
            raise ValueError("`only` is of CKAN")
        return self


class CatalogueConnector:
    """Catalogues. The whole is compared, so that what was taken out there goes here too."""

    Settings = CatalogueSource

    def news(self, context: Context) -> str | None:
        seen = context.mark(SEEN)
        if seen is None:
            return "not harvested yet"
        settings: CatalogueSource = context.settings
        if time.time() - (context.mark(LOADED_AT) or 0) / 1e6 < seconds(settings.every):
            return None
        now = _Catalogue(context).state()
        return None if now is not None and now == seen else "the catalogue may have changed"

    def parts(self, context: Context, con: duckdb.DuckDBPyConnection, workdir: Path) -> Iterator[Part]:
        from vestry.ingest.files.reading import FileOptions, read_file

        catalogue = _Catalogue(context)
        state = catalogue.state()
        file = workdir / "harvested.ndjson"
        count = 0
        with file.open("w", encoding="utf-8") as out:
            for entry in catalogue.entries(workdir):
                for row in [entry.dataset] if context.table == "dataset" else entry.distributions:
                    out.write(json.dumps(row, ensure_ascii=False) + "\n")
                    count += 1
        if not count:
            what = f"the catalogue holds no {context.table}, which it would hardly do; nothing was loaded"
            raise DataError(what, context.where, "check `url`" + (" and `only`" if catalogue.settings.only else ""))
        rows = read_file(file, FileOptions(format="ndjson"), con, workdir)
        yield Part(
            origin=catalogue.shown,
            select=rows.select,
            rows=rows.rows,
            rejected=rows.rejected,
            replaces="table",
            marks={SEEN: state or 0},
            record={"harvested": count},
        )


class _Catalogue:
    """One catalogue, and how it is asked."""

    def __init__(self, context: Context) -> None:
        import requests

        self.settings: CatalogueSource = context.settings
        self.where = context.where
        env = context.project.env
        headers = {k: expand(v, self.where, env) for k, v in self.settings.headers.items()}
        self._url = checked_url(expand(self.settings.url, self.where, env), self.where, secret=bool(headers))
        self._session = requests.Session()
        self._session.headers.update({"Accept": _ACCEPT, "User-Agent": "vestry"} | headers)
        parts = urlsplit(self._url)
        self.shown = f"{parts.scheme}://{parts.hostname}{parts.path}"
        self._spec = number(self.settings.model_dump(exclude={"headers", "every", "description", "owner", "tables"}))

    def state(self) -> int | None:
        """A number for the catalogue as it is now, for one small question; None where it does not say."""
        if self.settings.kind == "ckan":
            page = self._search(0, 1, "metadata_modified desc")
            newest = page["results"][0].get("metadata_modified") if page["results"] else None
            return number(self._spec, page["count"], newest)
        try:
            answer = ask(self._session, "HEAD", self._url, self.where)
        except Refused:
            return None  # some servers know no HEAD
        signs = [answer.headers.get(name) for name in ("ETag", "Last-Modified")]
        return number(self._spec, *signs) if any(signs) else None

    def entries(self, workdir: Path) -> Iterator[Entry]:
        """Every dataset with its distributions, once.

        Raises DataError where the catalogue changed while it was read, or what it gives is none.
        """
        yield from self._ckan() if self.settings.kind == "ckan" else self._dcat(workdir)

    def _ckan(self) -> Iterator[Entry]:
        seen: set[str] = set()
        start = given = 0
        for _ in range(_MOST_PAGES):
            page = self._search(start, _PAGE, "id asc")
            for package in page["results"]:
                identity = str(package.get("id")) if isinstance(package, dict) else f"item {given}"
                if identity not in seen:
                    seen.add(identity)
                    given += 1
                    yield _of_ckan(package, self._url)
            # A server may give fewer than it is asked for.
            start += len(page["results"])
            if start >= page["count"] or not page["results"]:
                if given != page["count"]:
                    raise self._odd(f"it counts {page['count']:,} datasets and gave {given:,}")
                return
        raise self._odd("its pages do not end")

    def _search(self, start: int, rows: int, sort: str) -> dict[str, Any]:
        base = self._url.rstrip("/")
        base = base if base.endswith("/api/3/action") else f"{base}/api/3/action"
        params = {"start": start, "rows": rows, "sort": sort}
        if self.settings.only:
            params["fq"] = self.settings.only
        answer = ask(self._session, "GET", f"{base}/package_search", self.where, params=params)
        try:
            said = answer.json()
            result: dict[str, Any] = said["result"]
            if said["success"] is not True or not isinstance(result["results"], list):
                raise ValueError
            return result | {"count": int(result["count"])}
        except (ValueError, KeyError, TypeError):
            raise self._odd("its answer is none of CKAN's") from None

    def _dcat(self, workdir: Path) -> Iterator[Entry]:
        url: str | None = self._url
        seen: set[str] = set()
        pages = 0
        while url and pages < _MOST_PAGES:
            answer = ask(self._session, "GET", url, self.where)
            page = entries(answer.content, answer.headers.get("Content-Type", ""), url, workdir, self.where)
            for entry in page.entries:
                identity = str(entry.dataset["id"])
                if identity not in seen:
                    seen.add(identity)
                    yield entry
            pages += 1
            following = urljoin(url, page.following) if page.following else None
            # Another's catalogue may lead only to itself: what is sent with the question is for it alone.
            if following and urlsplit(following).netloc != urlsplit(self._url).netloc:
                raise self._odd("its next page is on another server")
            url = following if following != url else None

    def _odd(self, why: str) -> DataError:
        what = f"the catalogue at {self.shown} cannot be read: {why}; nothing was loaded"
        return DataError(what, self.where, "the next run asks again; check `url` and `kind`")


def _of_ckan(package: Any, site: str) -> Entry:
    """A package of CKAN in DCAT's words; what is none is left as it is, and the load rejects it."""
    if not isinstance(package, Mapping):
        return Entry(package, [])
    organisation = package.get("organization") or {}
    dataset = {
        "id": package.get("id"),
        "title": package.get("title"),
        "description": package.get("notes"),
        "publisher": organisation.get("title") or organisation.get("name"),
        "licence": package.get("license_url") or package.get("license_id") or package.get("license_title"),
        "issued": package.get("metadata_created"),
        "modified": package.get("metadata_modified"),
        "landing_page": package.get("url") or f"{site.split('/api/')[0].rstrip('/')}/dataset/{package.get('name')}",
        "keywords": [tag.get("display_name") or tag.get("name") for tag in package.get("tags") or []],
        "contact": package.get("maintainer_email") or package.get("author_email"),
        "record": {k: v for k, v in package.items() if k != "resources"},
    }
    distributions = [
        {
            "dataset_id": package.get("id"),
            "id": resource.get("id"),
            "title": resource.get("name"),
            "description": resource.get("description"),
            "url": resource.get("url"),
            "media_type": resource.get("mimetype"),
            "format": resource.get("format"),
            "licence": dataset["licence"],
            "bytes": resource.get("size"),
            "modified": resource.get("last_modified") or resource.get("created"),
            "record": resource,
        }
        for resource in package.get("resources") or []
        if isinstance(resource, Mapping)
    ]
    return Entry(dataset, distributions)
