"""A product is a reader too: what is built on another domain's personal data needs that domain's leave.

The leave stands in the contract of the product that reads, as the custom property `uses`, with a purpose, who gave it
and until when. So purposes follow the lineage, and what nobody has agreed to is neither checked in nor built.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from vestry.project.errors import Fault, did_you_mean
from vestry.project.names import TableName
from vestry.project.processing import Use, processing_of
from vestry.project.product import Product
from vestry.project.project import Project


def refusal(project: Project, table: TableName, inputs: Iterable[TableName], today: date) -> str | None:
    """Why a table may not be built from its inputs; None where it may."""
    product = project.product_of(table)
    if product is None:
        return None
    uses = {use.product: use for use in processing_of(product).uses}
    for read in sorted({f"{i.domain}.{i.product}" for i in inputs if _is_others(project, product, i)}):
        use = uses.get(read)
        if use is None:
            return f"{product.full_name} reads personal data of {read}, and nobody has agreed to it"
        if today > use.until:
            return f"{product.full_name} may read personal data of {read} until {use.until}, which is over"
    return None


def use_faults(project: Project, inputs: Mapping[TableName, Iterable[TableName]], today: date) -> Iterator[Fault]:
    """Uses that are lacking, that are over, and that nothing needs."""
    read: dict[str, set[str]] = {name: set() for name in project.products}
    personal: dict[str, set[str]] = {name: set() for name in project.products}
    for table, found in inputs.items():
        if (reader := project.product_of(table)) is not None:
            read[reader.full_name] |= {f"{i.domain}.{i.product}" for i in found}
            personal[reader.full_name] |= {f"{i.domain}.{i.product}" for i in found if _is_others(project, reader, i)}
    for product in project.products.values():
        uses = processing_of(product).uses
        for name in sorted(personal[product.full_name] - {use.product for use in uses}):
            yield Fault(
                product.file.path,
                product.file.line(("customProperties",)),
                f"the product reads personal data of {name}, and its contract does not say that it may",
                f"once {_owner(project, name)} has agreed, add a custom property `uses` with an item: "
                f"product: {name}, purpose, approvedBy, until",
            )
        for number, use in enumerate(uses):
            yield from _faults(project, product, use, _place(product, number), read[product.full_name], today)


def _faults(project: Project, product: Product, use: Use, line: int, read: set[str], today: date) -> Iterator[Fault]:
    path = product.file.path
    if use.product not in project.products:
        yield Fault(path, line, f"there is no product {use.product}", did_you_mean(use.product, project.products))
    elif use.product not in read:
        what = f"the contract says that the product uses {use.product}, and no recipe of it does"
        yield Fault(path, line, what, "take it out: leave that nobody needs is leave to lose")
    elif today > use.until:
        what = f"the product may read personal data of {use.product} until {use.until}, which is over"
        yield Fault(path, line, what, f"ask {_owner(project, use.product)} again and write the new `until`")


def _place(product: Product, number: int) -> int:
    at = next(i for i, c in enumerate(product.contract.custom) if c.property == "uses")
    return product.file.line(("customProperties", at, "value", number))


def _is_others(project: Project, product: Product, table: TableName) -> bool:
    """Whether a table holds personal data of another domain."""
    promised = project.tables.get(table)
    return (
        promised is not None
        and table.domain != product.domain
        and any(column.is_personal for column in promised.contract.columns)
    )


def _owner(project: Project, product: str) -> str:
    domain = project.domains.get(product.partition(".")[0])
    return domain.spec.owner if domain else "its owner"
