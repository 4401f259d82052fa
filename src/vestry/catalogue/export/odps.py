"""The Open Data Product Standard v1.0: a descriptor for each product, which pairs with its contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from vestry.catalogue.export.addresses import Addresses
from vestry.catalogue.export.described import Described, DescribedTable, described, plain
from vestry.catalogue.export.gaps import Gap
from vestry.catalogue.model import Catalogue
from vestry.project.contract import Support, Team
from vestry.project.models import EMAIL, WEB_ADDRESS
from vestry.project.product import Product


def odps(catalogue: Catalogue, gaps: list[Gap], only_open: bool = False) -> list[dict[str, Any]]:
    """The descriptors, in the order of the products' names."""
    addresses, products = Addresses(catalogue), described(catalogue, gaps, only_open)
    told = {one.product.full_name: one.product for one in products}
    return [_descriptor(catalogue, one, told, only_open, addresses, gaps) for one in products]


def _descriptor(
    catalogue: Catalogue,
    one: Described,
    told: Mapping[str, Product],
    only_open: bool,
    addresses: Addresses,
    gaps: list[Gap],
) -> dict[str, Any]:
    contract = one.product.contract
    prose = _texts(contract.description, "purpose", "usage", "limitations")
    domain = catalogue.project.domains.get(one.product.domain)
    descriptor = {
        "apiVersion": "v1.0.0",
        "kind": "DataProduct",
        "id": addresses.product(one.product.full_name),
        "name": one.title,
        "version": one.version,
        "status": plain(contract.status),
        "domain": plain(domain.spec.name) if domain else one.product.domain,
        "tenant": plain(catalogue.project.settings.council.name),
        "description": prose or {"purpose": one.description},
        "tags": [tag for tag in map(plain, contract.tags) if tag],
        "inputPorts": [
            {"name": p.full_name, "version": plain(p.contract.version), "contractId": plain(p.contract.id)}
            for p in _inputs(one, one.tables, told)
        ],
        "outputPorts": [_output(one, table, told) for table in one.tables],
        "managementPorts": _management(one, addresses),
        "support": _support(one, gaps),
        "team": _team(contract.team),
        "customProperties": [] if only_open else _sources(one.tables),
    }
    return {key: value for key, value in descriptor.items() if value not in ([], {})}


def _inputs(one: Described, tables: Iterable[DescribedTable], told: Mapping[str, Product]) -> list[Product]:
    """The other products that tables read, of those that are told of; each once."""
    names = sorted({f"{name.domain}.{name.product}" for table in tables for name in table.entry.inputs})
    return [told[name] for name in names if name in told and name != one.product.full_name]


def _output(one: Described, table: DescribedTable, told: Mapping[str, Product]) -> dict[str, Any]:
    contracts = [
        {"id": plain(p.contract.id), "version": plain(p.contract.version)} for p in _inputs(one, [table], told)
    ]
    port = {
        "name": table.entry.name.table,
        "description": table.description,
        "type": "tables",
        "version": one.version,
        "contractId": plain(one.product.contract.id),
    }
    return {**port, "inputContracts": contracts} if contracts else port


def _management(one: Described, addresses: Addresses) -> list[dict[str, Any]]:
    """The portal's page of the product, where the portal has an address."""
    if not addresses.can_be_opened:
        return []
    page = {"type": "rest", "url": addresses.product(one.product.full_name)}
    return [{"name": "portal", "content": "discoverability", **page, "description": "What it is, and how good."}]


def _support(one: Described, gaps: list[Gap]) -> list[dict[str, Any]]:
    """The contract's channels; where it has none, the address of its contact."""
    channels = [said for channel in one.product.contract.support if (said := _channel(channel, one, gaps))]
    if not channels and one.contact.email:
        return [{"channel": one.contact.name, "url": f"mailto:{one.contact.email}", "tool": "email"}]
    return channels


def _channel(channel: Support, one: Described, gaps: list[Gap]) -> dict[str, Any] | None:
    url = channel.url or ""
    if not (WEB_ADDRESS.fullmatch(url) or EMAIL.fullmatch(url.removeprefix("mailto:"))):
        gaps.append(Gap(one.product.full_name, "a support channel without an address", "the channel is left out"))
        return None
    return {"channel": plain(channel.channel), "url": url, **_texts(channel, "description", "tool", "scope")}


def _team(team: Team) -> dict[str, Any]:
    members = [_texts(member, "username", "name", "role") for member in team.members]
    return {**_texts(team, "name", "description"), **({"members": members} if members else {})}


def _texts(of: object, *fields: str) -> dict[str, str]:
    """Those of the fields that say something."""
    return {field: text for field in fields if (text := plain(getattr(of, field) or ""))}


def _sources(tables: Iterable[DescribedTable]) -> list[dict[str, Any]]:
    """The source systems, which have no contract and so are no ports in v1.0."""
    names = sorted({name.product for table in tables for name in table.entry.inputs if name.is_bronze})
    return [{"property": "sources", "value": names}] if names else []
