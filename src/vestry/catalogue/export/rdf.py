"""Descriptions in RDF, as plain JSON-LD values; Turtle is written from the same.

A node is {"@id": address, "@type": names, property: values}; names are written with the prefixes below. rdflib, which
reads RDF here, takes a minute to write the Turtle of 2,000 tables.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

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
#: What a string of Turtle cannot hold as it is.
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


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


def turtle(nodes: Sequence[Node]) -> str:
    lines = [f"@prefix {prefix}: <{namespace}> .\n" for prefix, namespace in PREFIXES.items()]
    for one in nodes:
        kinds = ", ".join(_listed(one["@type"]))
        said = [f"{key} {', '.join(map(_term, _listed(value)))}" for key, value in one.items() if key[0] != "@"]
        lines.append(f"\n<{one['@id']}> " + " ;\n    ".join([f"a {kinds}", *said]) + " .\n")
    return "".join(lines)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _term(value: str | Node) -> str:
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPES)}"'
    if "@id" in value:
        return f"<{value['@id']}>"
    more = f"@{value['@language']}" if "@language" in value else f"^^{value['@type']}"
    return f'"{value["@value"].translate(_ESCAPES)}"{more}'
