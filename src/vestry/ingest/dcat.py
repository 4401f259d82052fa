"""DCAT as councils publish it: JSON-LD in its several dresses, data.json, Turtle and RDF/XML.

Turtle and RDF/XML are read by rdflib and written as JSON-LD, so that there is one way from there. A property is known
by its local name (`dct:title`, `http://purl.org/dc/terms/title` and `title` are one), and nothing is fetched: a context
that a document names stays where it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vestry.project import DataError

_LOCAL = re.compile(r"[^/#:]+\Z")


@dataclass(frozen=True)
class Entry:
    """One dataset as a row, and its distributions as rows."""

    dataset: Any
    distributions: list[dict[str, Any]]


@dataclass(frozen=True)
class Page:
    """What one document holds, and the address of the next, where it is one of several."""

    entries: list[Entry]
    following: str | None


def entries(content: bytes, kind: str, url: str, workdir: Path, where: str) -> Page:
    """The datasets of a document. `kind` is its media type, `url` what relative addresses in it begin with.

    Raises DataError where it is no DCAT.
    """
    try:
        document = _document(content, kind, url, workdir)
    except DataError:
        raise
    except Exception:  # parsers of three languages, and what was received may be of any shape
        raise _none(where) from None
    nodes = list(_nodes(document))
    by_id = _merged(nodes)
    datasets = [n for n in by_id.values() if "Dataset" in _types(n)]
    if not datasets:
        raise _none(where)
    following = next(
        (_text(n.get("next") or n.get("nextPage")) for n in nodes if n.get("next") or n.get("nextPage")), None
    )
    return Page([_entry(n, by_id) for n in datasets], following)


def _none(where: str) -> DataError:
    mend = "is it the address of the catalogue itself, and not of a page about it?"
    return DataError("what was received is no DCAT catalogue; nothing was loaded", where, mend)


def _document(content: bytes, kind: str, url: str, workdir: Path) -> Any:
    text = content.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] in (b"{", b"["):
        return json.loads(text)
    if text[:15].lower().startswith((b"<!doctype html", b"<html")):
        raise ValueError
    from rdflib import Graph

    graph = Graph()
    is_xml = "xml" in kind or text[:5] == b"<?xml" or text[:8] == b"<rdf:RDF"
    if is_xml:
        from vestry.ingest.files.xmlfile import refuse_doctype

        file = workdir / "catalogue.rdf"
        file.write_bytes(content)
        refuse_doctype(file)
    graph.parse(data=content, format="xml" if is_xml else "turtle", publicID=url)
    return json.loads(graph.serialize(format="json-ld"))


def _nodes(document: Any) -> Iterable[dict[str, Any]]:
    """Every object of a document, with properties by their local names, in the order in which they stand."""
    for one in document if isinstance(document, list) else [document]:
        if not isinstance(one, Mapping):
            continue
        node = {("@" + k[1:] if k.startswith("@") else _local(k)): v for k, v in one.items()}
        yield node
        for key, value in node.items():
            if key == "@context":
                continue
            children = value if isinstance(value, list) else [value]
            if key == "dataset":
                # data.json says only by its place what is a dataset.
                children = [{"@type": "Dataset", **c} if isinstance(c, Mapping) else c for c in children]
            yield from _nodes(children)


def _merged(nodes: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Objects by their id: what is said of one in several places is put together."""
    found: dict[str, dict[str, Any]] = {}
    for at, node in enumerate(nodes):
        name = _text(node.get("@id") or node.get("id")) or f"_:n{at}"
        found.setdefault(name, {"@id": name}).update(node)
    return found


def _entry(node: Mapping[str, Any], by_id: Mapping[str, dict[str, Any]]) -> Entry:
    def about(value: Any) -> list[Mapping[str, Any]]:
        """The objects that a property leads to."""
        found: list[Mapping[str, Any]] = []
        for one in value if isinstance(value, list) else [value]:
            name = _text(one.get("@id") or one.get("id")) if isinstance(one, Mapping) else one
            if isinstance(name, str) and name in by_id:
                found.append(by_id[name])
            elif isinstance(one, Mapping):
                found.append({("@" + k[1:] if k.startswith("@") else _local(k)): v for k, v in one.items()})
        return found

    def named(value: Any, *by: str) -> str | None:
        """What something is called: itself, or what the object that it leads to says."""
        for one in about(value):
            for key in by:
                if (said := _text(one.get(key))) and not said.startswith("_:"):
                    return said
        return _text(value)

    def first(of: Mapping[str, Any], *names: str) -> str | None:
        return next((said for name in names if (said := _text(of.get(name)))), None)

    own = str(node["@id"])
    identity = first(node, "identifier") if own.startswith("_:") else own
    identity = identity or first(node, "identifier", "landingPage", "title") or own
    licence = named(node.get("license"), "@id", "title")
    dataset = {
        "id": identity,
        "title": first(node, "title", "name"),
        "description": first(node, "description", "abstract"),
        "publisher": named(node.get("publisher"), "name", "prefLabel", "title"),
        "licence": licence,
        "issued": first(node, "issued"),
        "modified": first(node, "modified"),
        "landing_page": first(node, "landingPage", "page"),
        "keywords": _texts(node.get("keyword")),
        "contact": named(node.get("contactPoint"), "hasEmail", "email", "fn"),
        "record": {k: v for k, v in node.items() if k != "distribution"},
    }
    distributions = [
        {
            "dataset_id": identity,
            "id": None if str(one.get("@id", "_:")).startswith("_:") else one["@id"],
            "title": first(one, "title", "name"),
            "description": first(one, "description"),
            "url": first(one, "downloadURL", "accessURL", "contentUrl"),
            "media_type": _media(first(one, "mediaType", "encodingFormat")),
            "format": named(one.get("format"), "prefLabel", "label", "value"),
            "licence": named(one.get("license"), "@id", "title") or licence,
            "bytes": first(one, "byteSize"),
            "modified": first(one, "modified"),
            "record": dict(one),
        }
        for one in about(node.get("distribution"))
    ]
    return Entry(dataset, distributions)


def _types(node: Mapping[str, Any]) -> set[str]:
    said = node.get("@type") or node.get("type") or []
    return {_local(str(one)) for one in (said if isinstance(said, list) else [said])}


def _local(name: str) -> str:
    found = _LOCAL.search(name)
    return found.group() if found else name


def _media(said: str | None) -> str | None:
    """`text/csv`, also where it is IANA's address of it."""
    return said.split("/media-types/", 1)[-1] if said else None


def _text(value: Any) -> str | None:
    """The text of a value, in English where it is in several languages."""
    texts = _texts(value)
    return texts[0] if texts else None


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, list):
        english = sorted(value, key=lambda v: 0 if _language(v) in ("", "en", "en-gb") else 1)
        return [text for one in english for text in _texts(one)]
    if isinstance(value, Mapping):
        if "@value" in value:
            return [str(value["@value"])]
        name = value.get("@id") or value.get("id")
        if name is not None:
            return [str(name)]
        # A map of languages, as JSON-LD allows it.
        return [str(value[k]) for k in ("en", "en-gb", "en-GB") if isinstance(value.get(k), str)]
    return [str(value)] if not isinstance(value, bool) else [str(value).lower()]


def _language(value: Any) -> str:
    return str(value.get("@language", "")).lower() if isinstance(value, Mapping) else ""
