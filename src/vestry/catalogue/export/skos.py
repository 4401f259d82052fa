"""The glossary as SKOS: a concept for each term, and the columns that carry it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from vestry.catalogue.export.addresses import Addresses
from vestry.catalogue.export.described import described, plain
from vestry.catalogue.export.gaps import Gap
from vestry.catalogue.export.rdf import Node, english, node, ref
from vestry.catalogue.model import Catalogue
from vestry.project import TableName
from vestry.project.glossary import Term
from vestry.project.models import WEB_ADDRESS


def skos(catalogue: Catalogue, gaps: list[Gap], only_open: bool = False) -> list[Node]:
    """The glossary's nodes; with `only_open`, the columns of open products only."""
    addresses, terms = Addresses(catalogue), catalogue.glossary.terms
    council, scheme = plain(catalogue.project.settings.council.name), addresses.of("glossary")
    above = {key: _above(key, terms) for key in terms}
    nodes = [node(scheme, "skos:ConceptScheme", {
        "dct:title": english(f"Glossary of {council}"),
        "dct:description": english(f"What {council} means by the words of its data."),
        "skos:hasTopConcept": [ref(addresses.term(key)) for key, term in terms.items() if not term.broader],
    })]  # fmt: skip
    if not terms:
        gaps.append(Gap("glossary.yaml", "no terms", "the glossary is told as empty"))
    for key, term in terms.items():
        related = [other for other in term.related if other not in above[key] and key not in above[other]]
        for other in set(term.related) - set(related):
            done = "only the first is told, as SKOS asks"
            gaps.append(Gap(key, f"`{other}` is both broader or narrower and related", done))
        nodes += _concept(key, term, related, addresses, scheme)
    shown = None
    if only_open:
        shown = {table.entry.name for one in described(catalogue, [], only_open) for table in one.tables}
    nodes += _columns(catalogue, addresses, shown)
    return nodes


def _concept(key: str, term: Term, related: list[str], addresses: Addresses, scheme: str) -> Iterator[Node]:
    owner = f"{addresses.term(key)}#owner"
    source = term.source and (ref(term.source) if WEB_ADDRESS.fullmatch(term.source) else plain(term.source))
    yield node(addresses.term(key), "skos:Concept", {
        "skos:inScheme": ref(scheme),
        "skos:topConceptOf": None if term.broader else ref(scheme),
        "skos:notation": plain(key),
        "skos:prefLabel": english(plain(term.name) or plain(key)),
        "skos:altLabel": [english(plain(word)) for word in term.synonyms],
        "skos:definition": english(plain(term.definition)),
        "skos:broader": [ref(addresses.term(other)) for other in term.broader],
        "skos:related": [ref(addresses.term(other)) for other in related],
        "dct:source": source,
        "dct:contributor": ref(owner) if term.owner else None,
    })  # fmt: skip
    if term.owner:
        yield node(owner, "foaf:Agent", {"foaf:name": plain(term.owner)})


def _columns(catalogue: Catalogue, addresses: Addresses, shown: Collection[TableName] | None) -> Iterator[Node]:
    for key, columns in catalogue.carriers.items():
        for column in columns:
            if shown is None or column.table in shown:
                yield node(addresses.column(column.table, column.name), "csvw:Column", {
                    "csvw:name": plain(column.name),
                    "dct:isPartOf": ref(addresses.table(column.table)),
                    "dct:subject": ref(addresses.term(key)),
                })  # fmt: skip


def _above(key: str, terms: Mapping[str, Term]) -> set[str]:
    """The terms of which this is a kind, and those of which they are; a circle ends."""
    found: set[str] = set()
    waiting = list(terms[key].broader)
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting += terms[other].broader
    return found
