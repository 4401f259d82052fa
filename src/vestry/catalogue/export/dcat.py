"""DCAT 3 as the application profile DCAT-AP 3.0.1 asks: what data portals harvest.

A product is a dataset series and each of its tables a dataset of it: the forms of *one* table are its distributions,
whereas two tables are two things. Personal tables are described and offered nowhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from vestry.catalogue.export.addresses import Addresses
from vestry.catalogue.export.described import Access, Described, DescribedTable, described, plain
from vestry.catalogue.export.gaps import Gap
from vestry.catalogue.export.rdf import Node, at, day, english, node, ref
from vestry.catalogue.model import Catalogue
from vestry.project import TableName

_AUTHORITY = "http://publications.europa.eu/resource/authority"
_LANGUAGE = f"{_AUTHORITY}/language/ENG"
#: A Delta table is a set of Parquet files.
_PARQUET = "https://www.iana.org/assignments/media-types/application/vnd.apache.parquet"
_RIGHTS: dict[Access, str] = {"OPEN": "PUBLIC", "COMMERCIAL": "RESTRICTED", "INTERNAL": "NON_PUBLIC"}
#: Names of the authority's list by the most days from one refresh to the next.
_FREQUENCIES = (
    (0.01, "CONT"), (0.06, "HOURLY"), (0.55, "DAILY_2"), (1.5, "DAILY"), (8, "WEEKLY"), (16, "BIWEEKLY"),
    (32, "MONTHLY"), (63, "BIMONTHLY"), (95, "QUARTERLY"), (190, "ANNUAL_2"), (370, "ANNUAL"), (740, "BIENNIAL"),
)  # fmt: skip


def dcat(catalogue: Catalogue, gaps: list[Gap], only_open: bool = False) -> list[Node]:
    """The catalogue's nodes; with `only_open`, nothing but what everybody may have."""
    products = described(catalogue, gaps, only_open)
    addresses = Addresses(catalogue)
    names = {table.entry.name for one in products for table in one.tables}
    nodes = [*_catalogue(catalogue, addresses, products, names)]
    for one in products:
        nodes += _product(one, addresses, names)
    return _with_kinds(nodes)


def _catalogue(
    catalogue: Catalogue, addresses: Addresses, products: Sequence[Described], names: Collection[TableName]
) -> Iterator[Node]:
    name = plain(catalogue.project.settings.council.name)
    publisher, themes = addresses.of("council"), addresses.of("products")
    yield node(addresses.catalogue, "dcat:Catalog", {
        "dct:title": english(f"Data of {name}"),
        "dct:description": english(f"The data products of {name}, from its data catalogue."),
        "dct:publisher": ref(publisher),
        "dct:language": ref(_LANGUAGE),
        "foaf:homepage": ref(addresses.catalogue) if addresses.can_be_opened else None,
        "dcat:themeTaxonomy": ref(themes),
        "dcat:dataset": [ref(addresses.table(table)) for table in sorted(names)],
    })  # fmt: skip
    yield node(publisher, "foaf:Agent", {"foaf:name": name})
    yield node(themes, "skos:ConceptScheme", {"dct:title": english(f"Business areas of {name}")})
    for key in dict.fromkeys(one.product.domain for one in products):
        domain = catalogue.project.domains.get(key)
        label = english(plain(domain.spec.name) if domain else key)
        yield node(addresses.domain(key), "skos:Concept", {"skos:inScheme": ref(themes), "skos:prefLabel": label})


def _product(one: Described, addresses: Addresses, names: Collection[TableName]) -> Iterator[Node]:
    series = addresses.product(one.product.full_name)
    contact = f"{series}#contact"
    said: dict[str, Any] = {
        "dct:publisher": ref(addresses.of("council")),
        "dcat:contactPoint": ref(contact),
        "dct:accrualPeriodicity": ref(f"{_AUTHORITY}/frequency/{one.how_often(_FREQUENCIES, 'IRREG')}"),
    }
    yield node(contact, ["vcard:Kind", "vcard:Organization"], {
        "vcard:fn": one.contact.name,
        "vcard:hasEmail": ref(f"mailto:{quote(one.contact.email, safe='@+')}") if one.contact.email else None,
    })  # fmt: skip
    yield node(series, "dcat:DatasetSeries", {
        "dct:title": english(one.title),
        "dct:description": english(one.description),
        **said,
        "dct:modified": at(one.modified) if one.modified else None,
    })  # fmt: skip
    first, last = one.period
    period = None
    if first or last:
        period = f"{series}#period"
        yield node(period, "dct:PeriodOfTime", {
            "dcat:startDate": day(first) if first else None,
            "dcat:endDate": day(last) if last else None,
        })  # fmt: skip
    for table in one.tables:
        entry, address = table.entry, addresses.table(table.entry.name)
        form = None if entry.is_personal else _distribution(one, table, addresses)
        yield node(address, "dcat:Dataset", {
            "dct:identifier": address,
            "dct:title": english(table.title),
            "dct:description": english(table.description),
            **said,
            "dct:modified": at(entry.state.written) if entry.state else None,
            "dct:accessRights": ref(f"{_AUTHORITY}/access-right/{_RIGHTS[one.access]}"),
            "dct:language": ref(_LANGUAGE),
            "dct:temporal": ref(period) if period else None,
            "dct:source": [ref(addresses.table(name)) for name in entry.inputs if name in names],
            "dcat:version": one.version,
            "dcat:inSeries": ref(series),
            "dcat:theme": ref(addresses.domain(one.product.domain)),
            "dcat:keyword": [english(word) for word in one.keywords],
            "dcat:landingPage": ref(address) if addresses.can_be_opened else None,
            "dcat:distribution": ref(form["@id"]) if form else None,
        })  # fmt: skip
        if form:
            yield form


def _distribution(one: Described, table: DescribedTable, addresses: Addresses) -> Node:
    state, name = table.entry.state, table.entry.name
    return node(addresses.files(name), "dcat:Distribution", {
        "dct:title": english(f"{table.title}, as a Delta table"),
        "dcat:accessURL": ref(addresses.table(name)),
        "dcat:mediaType": ref(_PARQUET),
        "dct:license": ref(one.licence) if one.licence else None,
        "dcat:byteSize": {"@value": str(state.size), "@type": "xsd:nonNegativeInteger"} if state else None,
        "dct:modified": at(state.written) if state else None,
    })  # fmt: skip


#: What the profile wants to be told of the things that these properties lead to.
_KINDS = {
    "dct:accessRights": "dct:RightsStatement",
    "dct:accrualPeriodicity": "dct:Frequency",
    "dct:language": "dct:LinguisticSystem",
    "dct:license": "dct:LicenseDocument",
    "dcat:mediaType": "dct:MediaType",
    "foaf:homepage": "foaf:Document",
    "dcat:landingPage": "foaf:Document",
}


def _with_kinds(nodes: Sequence[Node]) -> list[Node]:
    """The nodes, and those that they lead to; a table whose own address is its page is both things in one node."""
    kinds = {one[key]["@id"]: kind for one in nodes for key, kind in _KINDS.items() if key in one}
    both = [{**one, "@type": [one["@type"], kinds.pop(one["@id"])]} if one["@id"] in kinds else one for one in nodes]
    return [*both, *(node(address, kind, {}) for address, kind in sorted(kinds.items()))]
