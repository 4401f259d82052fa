"""Products as the standards need them described: whom to ask, how open, how often, since when."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, cast, get_args

from vestry.catalogue.export.gaps import Gap
from vestry.catalogue.model import PLATFORM, Catalogue, TableEntry, owner_of
from vestry.project.contract import UNITS
from vestry.project.models import EMAIL, WEB_ADDRESS
from vestry.project.product import Product

#: Who may see it, in the words of the UK government's model.
Access = Literal["OPEN", "COMMERCIAL", "INTERNAL"]
#: What is done with a product whose openness is said wrongly.
CLOSED = "it is told as INTERNAL"
#: Classifications of columns that may be published.
_PUBLIC = frozenset({"public", "open"})
#: What no standard's syntax can hold, or no reader show: control characters, halves of a pair, non-characters.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def plain(text: str) -> str:
    """A text that every syntax can hold; whatever looks like HTML in it stays the letters that it is."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text).strip()


@dataclass(frozen=True)
class Contact:
    """Whom to ask; without an address where nobody gave one."""

    name: str
    email: str | None


@dataclass(frozen=True)
class DescribedTable:
    """A table of a product, as it is told."""

    entry: TableEntry
    title: str
    description: str


@dataclass(frozen=True)
class Described:
    """A product; `frequency` is the time from one refresh to the next, `modified` that of its last write."""

    product: Product
    title: str
    description: str
    contact: Contact
    access: Access
    licence: str | None
    frequency: timedelta | None
    #: The first and the last day of what it tells of; either may be open.
    period: tuple[date | None, date | None]
    modified: datetime | None
    keywords: tuple[str, ...]
    tables: tuple[DescribedTable, ...]

    @property
    def is_open(self) -> bool:
        return self.access == "OPEN"

    @property
    def version(self) -> str:
        return plain(self.product.contract.version)

    def how_often(self, names: Sequence[tuple[float, str]], other: str) -> str:
        """The frequency's name in a list, which says of each how many days it means at most."""
        if self.frequency is None:
            return other
        days = self.frequency.total_seconds() / 86_400
        return next((name for most, name in names if days <= most), other)


def described(catalogue: Catalogue, gaps: list[Gap], only_open: bool = False) -> list[Described]:
    """The products, or those whose tables are all open; what is missing of them is added to `gaps`."""
    mine: list[Gap] = []
    found = [_described(catalogue, product, mine) for product in catalogue.project.products.values()]
    if only_open:
        found = [one for one in found if one.is_open]
        # What is said to be open and is not matters most here.
        closed = {p.full_name for p in catalogue.project.products.values()} - {p.product.full_name for p in found}
        mine = [gap for gap in mine if ".".join(gap.of.split(".")[:2]) not in closed or gap.done == CLOSED]
    gaps += mine
    if catalogue.project.settings.council.url is None:
        gaps.append(Gap("vestry.toml", "no `url` below [council]", "addresses are URNs, which no browser opens"))
    return found


def _described(catalogue: Catalogue, product: Product, gaps: list[Gap]) -> Described:
    contract, of = product.contract, product.full_name
    title = plain(contract.name or "")
    if not title:
        title = product.name.replace("_", " ").capitalize()
        gaps.append(Gap(of, "no name in the contract", "the folder's name is given"))
    prose = (contract.description.purpose, contract.description.usage, contract.description.limitations)
    description = "\n\n".join(text for part in prose if (text := plain(part or "")))
    if not description:
        description = title
        gaps.append(Gap(of, "no description in the contract", "the title stands for it"))
    entries = catalogue.tables_of(product)
    access, licence = _access(product, entries, gaps)
    terms = {catalogue.glossary.terms[c.term].name for entry in entries for c in entry.columns if c.term}
    keywords = dict.fromkeys(plain(word) for word in [*contract.tags, *sorted(terms)])
    written = [entry.state.written for entry in entries if entry.state]
    if not written:
        gaps.append(Gap(of, "not made yet", "there is no date of change"))
    return Described(
        product, title, description, _contact(catalogue, product, gaps), access, licence, _frequency(product, gaps),
        _period(product, gaps), max(written, default=None), tuple(word for word in keywords if word),
        tuple(_table(entry, title, gaps) for entry in entries),
    )  # fmt: skip


def _table(entry: TableEntry, of_product: str, gaps: list[Gap]) -> DescribedTable:
    title = f"{of_product}: {entry.title.lower()}"
    description = plain(entry.description or "")
    if not description:
        gaps.append(Gap(str(entry.name), "no description of the table", "its title stands for it"))
    return DescribedTable(entry, title, description or title)


def _access(product: Product, entries: list[TableEntry], gaps: list[Gap]) -> tuple[Access, str | None]:
    """Who may see a product, and its licence. It is open only where the contract says so *and* nothing speaks against.

    The custom properties are `accessRights` and `licence`. What a person said wrongly leaves it closed.
    """
    of = product.full_name
    licence = _web_address(product, "licence", gaps)
    said = product.contract.custom_property("accessRights")
    access = str(said or "INTERNAL").upper()
    columns = [column for entry in entries for column in entry.columns if column.name not in PLATFORM]
    if access not in get_args(Access):
        why = "accessRights is none of OPEN, COMMERCIAL and INTERNAL"
    elif access == "OPEN" and any(column.classification not in _PUBLIC for column in columns):
        why = "said to be open, with columns not classified public"
    elif access == "OPEN" and licence is None:
        why = "said to be open, without a licence"
    elif access == "COMMERCIAL" and any(column.is_personal for column in columns):
        why = "said to be commercial, with columns that are personal or not classified"
    else:
        return cast("Access", access), licence
    gaps.append(Gap(of, why, CLOSED))
    return "INTERNAL", None


def _web_address(product: Product, name: str, gaps: list[Gap]) -> str | None:
    """What a custom property gives, where it is an address."""
    said = product.contract.custom_property(name)
    if said is None:
        return None
    if isinstance(said, str) and WEB_ADDRESS.fullmatch(said):
        return said
    gaps.append(Gap(product.full_name, f"{name} is not an address of the web", "it is left out"))
    return None


def _contact(catalogue: Catalogue, product: Product, gaps: list[Gap]) -> Contact:
    """The team by its name, at its support address; else its owner's, else the council's."""
    contract, council = product.contract, catalogue.project.settings.council
    owner = owner_of(catalogue.project, product)
    support = [s.url.removeprefix("mailto:") for s in contract.support if s.url and s.url.startswith("mailto:")]
    owners = [m.username for m in contract.team.members if m.role == "owner"]
    email = next((e for e in [*support, *owners, council.contact or ""] if EMAIL.fullmatch(e)), None)
    if email is None:
        gaps.append(Gap(product.full_name, "no email address to ask at", "there is none in the contact"))
    name = plain(contract.team.name or owner or "")
    if not name:
        gaps.append(Gap(product.full_name, "no team and no owner", "the council is the contact"))
    return Contact(name or plain(council.name), email)


def _period(product: Product, gaps: list[Gap]) -> tuple[date | None, date | None]:
    """The custom property `temporal`: two days with a stroke between them, `..` for what has no end."""
    said = product.contract.custom_property("temporal")
    if said is None:
        return None, None
    try:
        first, last = (None if day == ".." else date.fromisoformat(day) for day in str(said).split("/"))
    except ValueError:
        gaps.append(Gap(product.full_name, "temporal is not like 2019-04-01/2026-03-31", "it is left out"))
        return None, None
    return first, last


def _frequency(product: Product, gaps: list[Gap]) -> timedelta | None:
    for level in product.contract.service_levels:
        if level.property in ("frequency", "fy") and level.unit in UNITS:
            try:
                every = timedelta(seconds=float(level.value) * UNITS[level.unit])
            except (TypeError, ValueError, OverflowError):
                break
            if every > timedelta(0):
                return every
    gaps.append(Gap(product.full_name, "no frequency among the slaProperties", "it is told as irregular"))
    return None
