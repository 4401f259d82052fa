"""What is searched: one flat record for each thing that can be found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

#: Kinds, the first before the others where two are met alike.
KINDS = ("product", "term", "table", "source", "domain", "page", "column", "value")
#: The tag of what everybody in the council may know of.
STAFF = "staff"


@dataclass(frozen=True)
class Document:
    """One thing that can be found; `audience` holds the tags of which a reader must have one.

    `key` is the thing's name: of a product `housing.repairs`, of a column or a value in it the column's full name,
    of a playbook page that of its product or domain.
    """

    kind: str
    key: str
    title: str
    text: str = ""
    #: Other names, such as `housing.repairs.repair`; their parts are found too.
    names: tuple[str, ...] = ()
    domain: str = ""
    layer: str = ""
    classification: str = ""
    personal: bool = False
    audience: tuple[str, ...] = (STAFF,)


@dataclass(frozen=True)
class Part:
    """Documents that are made together, and again only when their fingerprint is another."""

    fingerprint: str
    documents: Callable[[], Iterable[Document]]
