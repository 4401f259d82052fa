"""Descriptions in RDF, as plain JSON-LD values; Turtle is written from the same.

A node is {"@id": address, "@type": [names], property: [values]}; names are written with the prefixes below.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rdflib import Graph
    from rdflib.term import Node as Term

Node = dict[str, Any]

PREFIXES = {
    "csvw": "http://www.w3.org/ns/csvw#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def ref(address: str) -> Node:
    return {"@id": address}


def english(text: str) -> Node:
    return {"@value": text, "@language": "en"}


def at(moment: datetime) -> Node:
    return {"@value": moment.isoformat(timespec="seconds"), "@type": "xsd:dateTime"}


def day(when: date) -> Node:
    return {"@value": when.isoformat(), "@type": "xsd:date"}


def node(address: str, kinds: str | list[str], said: Mapping[str, Any]) -> Node:
    """A node of what is said; what is None or empty is not."""
    return {"@id": address, "@type": kinds, **{k: v for k, v in said.items() if v is not None and v != []}}


def json_ld(nodes: Iterable[Node]) -> str:
    return json.dumps({"@context": PREFIXES, "@graph": list(nodes)}, ensure_ascii=False, indent=1) + "\n"


def turtle(nodes: Iterable[Node]) -> str:
    return graph_of(nodes).serialize(format="turtle")


def graph_of(nodes: Iterable[Node]) -> Graph:
    """The nodes as rdflib's graph."""
    from rdflib import RDF, Graph, Literal, URIRef

    def full(name: str) -> URIRef:
        prefix, _, local = name.partition(":")
        return URIRef(PREFIXES[prefix] + local)

    def term(value: Any) -> Term:
        if not isinstance(value, dict):
            return Literal(value)
        if "@id" in value:
            return URIRef(value["@id"])
        kind = value.get("@type")
        return Literal(value["@value"], lang=value.get("@language"), datatype=full(kind) if kind else None)

    graph = Graph(bind_namespaces="none")
    for prefix, namespace in PREFIXES.items():
        graph.bind(prefix, namespace)
    names: dict[str, URIRef] = {}
    for one in nodes:
        subject = URIRef(one["@id"])
        for key, value in one.items():
            values = value if isinstance(value, list) else [value]
            if key == "@type":
                for kind in values:
                    graph.add((subject, RDF.type, full(kind)))
            elif key != "@id":
                name = names.setdefault(key, full(key))
                for each in values:
                    graph.add((subject, name, term(each)))
    return graph
