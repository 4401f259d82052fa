"""The UK cross-government metadata exchange model: how departments and councils tell each other what data they hold.

One record for each product, and one for each of its tables that others may have. A record without a field that the
model requires would be refused, so it is left out and said to be.
"""

from __future__ import annotations

from typing import Any

from vestry.catalogue.export.addresses import Addresses, slug
from vestry.catalogue.export.described import Described, DescribedTable, described
from vestry.catalogue.export.gaps import Gap
from vestry.catalogue.model import Catalogue
from vestry.catalogue.state import TableState

#: The model's word for a licence where there is none that everybody has.
_AGREEMENT = "DATA_SHARE_AGREEMENT"
_SECURITY = ("OFFICIAL", "SECRET", "TOP_SECRET", "NOT_APPLICABLE")
_SUMMARY = 250
#: Names of the Dublin Core vocabulary by the most days from one refresh to the next.
_FREQUENCIES = (
    (0.99, "freq:continuous"), (1.5, "freq:daily"), (8, "freq:weekly"), (16, "freq:biweekly"), (32, "freq:monthly"),
    (63, "freq:bimonthly"), (95, "freq:quarterly"), (190, "freq:semiannual"), (370, "freq:annual"),
    (740, "freq:biennial"), (1100, "freq:triennial"),
)  # fmt: skip


def ukgov(catalogue: Catalogue, gaps: list[Gap], only_open: bool = False) -> list[dict[str, Any]]:
    """The records: of type `dcat:Dataset`, each followed by its `dcat:Distribution`s."""
    addresses, organisation = Addresses(catalogue), slug(catalogue.project.settings.council)
    records: list[dict[str, Any]] = []
    for one in described(catalogue, gaps, only_open):
        required = {"contactPoint.email": one.contact.email, "modified": one.modified}
        if lacks := [field for field, there in required.items() if not there]:
            done = "the record is left out"
            gaps.extend(Gap(one.product.full_name, f"no {field}, which the model requires", done) for field in lacks)
            continue
        records += _records(one, addresses, organisation, gaps)
    return records


def _records(one: Described, addresses: Addresses, organisation: str, gaps: list[Gap]) -> list[dict[str, Any]]:
    assert one.modified
    licence = one.licence or _AGREEMENT
    forms = [
        _distribution(addresses, table, table.entry.state, licence)
        for table in one.tables
        if table.entry.state and not table.entry.is_personal
    ]
    record = {
        "identifier": addresses.product(one.product.full_name),
        "type": "dcat:Dataset",
        "title": one.title,
        "description": one.description,
        "summary": _summary(one.description),
        "keyword": list(one.keywords),
        "theme": [addresses.domain(one.product.domain)],
        "accessRights": one.access,
        "securityClassification": _security(one, gaps),
        "licence": licence,
        "version": one.version,
        "contactPoint": {"contactName": one.contact.name, "email": one.contact.email},
        "creator": [organisation],
        "publisher": organisation,
        "modified": f"{one.modified:%Y-%m-%d}",
        "updateFrequency": one.how_often(_FREQUENCIES, "freq:irregular"),
        "distribution": [form["identifier"] for form in forms],
    }
    return [{key: value for key, value in record.items() if value != []}, *forms]


def _distribution(addresses: Addresses, table: DescribedTable, state: TableState, licence: str) -> dict[str, Any]:
    return {
        "identifier": addresses.files(table.entry.name),
        "type": "dcat:Distribution",
        "title": table.title,
        "description": table.description,
        "licence": licence,
        "mediaType": "application/vnd.apache.parquet",
        "byteSize": max(1, state.size),
        "modified": f"{state.written:%Y-%m-%d}",
    }


def _summary(text: str) -> str:
    """The text on one line; its first words where it is longer than a summary may be."""
    line = " ".join(text.split())
    return line if len(line) <= _SUMMARY else line[: _SUMMARY - 2].rsplit(" ", 1)[0] + " …"


def _security(one: Described, gaps: list[Gap]) -> str:
    """The custom property `securityClassification`; without it OFFICIAL, as most of a council's work is."""
    said = str(one.product.contract.custom_property("securityClassification") or "OFFICIAL").upper()
    if said in _SECURITY:
        return said
    what = "securityClassification is none of the government's"
    gaps.append(Gap(one.product.full_name, what, "it is told as OFFICIAL"))
    return "OFFICIAL"
