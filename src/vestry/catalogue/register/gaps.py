"""What the register lacks: each gap with why it matters, where to mend it, and whose job that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from vestry.catalogue.model import Catalogue
from vestry.catalogue.register.assets import Asset, Controller
from vestry.project.processing import lacking_conditions
from vestry.project.product import Product
from vestry.project.settings import FILE, toml_line

#: How long a review of the facts holds.
_REVIEW = timedelta(days=366)


@dataclass(frozen=True)
class Gap:
    """Something to do. `asset` is that of the register, or the council's name."""

    asset: str
    what: str
    why: str
    file: str
    line: int
    mend: str
    whose: str

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"


def council_gaps(catalogue: Catalogue, controller: Controller) -> Iterator[Gap]:
    """What the record of Article 30 must say of the council itself."""
    try:
        text = (catalogue.project.root / FILE).read_text(encoding="utf-8-sig")
    except OSError:
        text = ""
    line = toml_line(text, ("council",))
    why = "Article 30(1)(a) asks for it, and people must be able to ask whoever holds their data"
    for key, value, what in (
        ("contact", controller.contact, "how to reach the council"),
        ("dpo", controller.dpo, "who the data protection officer is"),
    ):
        if not value:
            mend = f'add `{key} = "…"` below [council]'
            yield Gap(controller.name, f"nothing says {what}", why, FILE, line, mend, "Information governance")


def product_gaps(product: Product, asset: Asset, controller: Controller, today: date) -> Iterator[Gap]:
    """What a contract does not say; of a product without personal data only whose it is, and what it is for."""
    said, file = asset.processing, product.file
    owner = asset.owner or "Information governance"
    officer = controller.dpo or "Data protection officer"

    def gap(what: str, why: str, mend: str, whose: str, *place: str | int) -> Gap:
        line = file.line(place or ("customProperties",))
        return Gap(asset.name, what, why, file.path, line, mend, whose)

    def custom(name: str) -> tuple[str | int, ...]:
        places = [n for n, c in enumerate(product.contract.custom) if c.property == name]
        return ("customProperties", places[0]) if places else ("customProperties",)

    if not asset.owner:
        why = "nobody answers for it: for who may use it, for how long it is kept"
        yield gap("it has no owner", why, "add a member with `role: owner` to `team`", owner, "team")
    if not asset.purpose:
        why = "Article 5(1)(b): data are held for a stated purpose, and nobody can say whether a use fits one"
        yield gap("it has no purpose", why, "add `purpose:` to `description`", owner, "description")
    if not asset.is_personal:
        return
    if asset.unclassified:
        columns = "1 column is" if asset.unclassified == 1 else f"{asset.unclassified} columns are"
        why = "what nobody has classified counts as personal, and is hidden from all who could use it"
        mend = "add `classification:` to each column: public, internal, pseudonymous, personal, special or criminal"
        yield gap(f"{columns} not classified", why, mend, asset.steward or owner, "schema")
    if not said.lawful_basis:
        why = "Article 6: without a lawful basis personal data may not be processed"
        mend = "add the custom property `lawfulBasis`, such as `public task`"
        yield gap("it has no lawful basis", why, mend, owner)
    elif {"c", "e"} & {*said.lawful_basis} and not said.law:
        why = "Article 6(3): a legal obligation or a public task is one that a law lays down"
        mend = "add the custom property `law`, with the act and section"
        yield gap("it names no law for its task", why, mend, owner, *custom("lawfulBasis"))
    elif "f" in said.lawful_basis:
        why = "Article 6(1): a public authority may not rest its tasks on legitimate interests"
        mend = "say `public task` and the law, or note in `usage` why this is no task of the council"
        yield gap("it rests on legitimate interests", why, mend, officer, *custom("lawfulBasis"))
    for lack in lacking_conditions(said, asset.is_special, asset.is_criminal):
        why = "such data may be processed only under one of the conditions of the Act"
        yield gap(f"it has {lack}", why, "complete the custom property `condition`", officer, *custom("condition"))
    missing = [
        ("categoriesOfPeople", said.people, "whom the data are about", "Article 30(1)(c) asks for it"),
        ("recipients", said.recipients, "who is given the data", "Article 30(1)(d) asks for it; people ask who knows"),
        ("security", said.security, "how the data are kept safe", "Article 30(1)(g) and Article 32 ask for it"),
    ]
    for name, value, what, why in missing:
        if not value:
            yield gap(f"it does not say {what}", why, f"add the custom property `{name}`", owner)
    if not asset.retention:
        why = "Articles 5(1)(e) and 30(1)(f): data are kept no longer than they are needed, and somebody says how long"
        mend = "add to `slaProperties`: {property: retention, value: 7, unit: y}"
        yield gap("it does not say how long the data are kept", why, mend, owner, "slaProperties")
    if not said.dpia and (asset.is_special or asset.is_criminal or len(asset.systems) > 1):
        kind = "it holds sensitive data" if asset.is_special or asset.is_criminal else "it matches several systems"
        why = f"Article 35: {kind}, so the risk to people is assessed before, or a screening says why it need not be"
        mend = "add the custom property `dpia` with its reference, or `not needed: ` and why"
        yield gap("it names no impact assessment", why, mend, officer)
    if not said.reviewed or today - said.reviewed > _REVIEW:
        when = f"since {said.reviewed.isoformat()}" if said.reviewed else "yet"
        why = "a record that nobody looks through is soon untrue"
        mend = "look through them, and set the custom property `reviewed` to the day"
        yield gap(f"nobody has looked through these facts {when}", why, mend, owner, *custom("reviewed"))


def source_gaps(catalogue: Catalogue, asset: Asset) -> Iterator[Gap]:
    """What a source does not say, and data that are held for nothing."""
    file = catalogue.project.sources[asset.name].file
    whose = asset.owner or "Information governance"

    def gap(what: str, why: str, mend: str, *place: str) -> Gap:
        return Gap(asset.name, what, why, file.path, file.line(place), mend, whose)

    if not asset.owner:
        why = "nobody can say who may use the system's data, or whether they are right"
        yield gap("it has no owner", why, "add `owner:`", "connector")
    if not asset.purpose:
        yield gap("it is not described", "nobody can find what nobody describes", "add `description:`", "connector")
    if not asset.used_by:
        why = "Article 5(1)(c) and (e): data that no product uses are held without a purpose"
        yield gap("no product reads it", why, "make a product of it, or take the source out", "connector")
