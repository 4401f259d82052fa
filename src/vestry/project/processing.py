"""What a contract says of the processing of personal data: facts for the register and for Article 30 of the UK GDPR.

Where the Open Data Contract Standard has a place for a fact, it stands there: purpose, usage and limitations in
`description`, owner and steward in `team`, how long it is kept as the service level `retention`. The rest are
`customProperties`, by the names below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from vestry.project.contract import Contract, Part, ServiceLevel
from vestry.project.errors import Fault, did_you_mean, listed
from vestry.project.models import Names, Strict
from vestry.project.product import Product
from vestry.project.validation import validated

#: Article 6(1) of the UK GDPR, as the Data (Use and Access) Act 2025 left it.
BASES = {
    "a": "consent",
    "b": "contract",
    "c": "legal obligation",
    "d": "vital interests",
    "e": "public task",
    "ea": "recognised legitimate interests",
    "f": "legitimate interests",
}
_BASIS = re.compile(r"^(?:article\s*)?(?:6\s*\(\s*1\s*\))?\s*\(?\s*([a-f]|ea)\s*\)?$", re.IGNORECASE)
_ARTICLE_9 = re.compile(r"\b9\s*\(\s*2\s*\)\s*\(\s*([a-z]+)\s*\)", re.IGNORECASE)
_ARTICLE_10 = re.compile(r"\barticle\s+10\b", re.IGNORECASE)
_PARAGRAPH = re.compile(r"\bparagraphs?\s+(\d+)", re.IGNORECASE)
#: Schedule 1 of the Data Protection Act 2018: Part 1 is employment, health and research, Part 2 substantial public
#: interest, Part 3 more for criminal offences. Paragraph 5 and those after 37 are no conditions.
_PART_1, _PART_2, _PART_3 = range(1, 5), range(6, 29), range(29, 38)


#: The value of the service level `retention` of what is never destroyed.
PERMANENT = "permanent"
_UNITS = {
    **dict.fromkeys(("d", "day", "days"), "day"),
    **dict.fromkeys(("w", "week", "weeks"), "week"),
    **dict.fromkeys(("m", "month", "months"), "month"),
    **dict.fromkeys(("y", "yr", "year", "years"), "year"),
}


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def as_bases(value: Any) -> Any:
    return [_basis(str(one)) for one in _as_list(value)]


def _basis(text: str) -> str:
    """The letter of a basis that is said by its letter or its name."""
    names = {name: letter for letter, name in BASES.items()}
    said = " ".join(text.split()).casefold()
    letter = names.get(said) or (found[1].lower() if (found := _BASIS.match(said)) else None)
    if letter is None:
        mend = did_you_mean(text, names, f"write {listed(names, 'or')}, or the letter of Article 6(1)")
        raise ValueError(f"a lawful basis that there is; `{text}` is none: {mend}")
    return letter


def as_conditions(value: Any) -> Any:
    texts = [" ".join(str(one).split()) for one in _as_list(value)]
    for text in texts:
        letters = [letter.lower() for letter in _ARTICLE_9.findall(text)]
        paragraphs = [int(number) for number in _PARAGRAPH.findall(text)]
        if wrong := next((letter for letter in letters if letter not in tuple("abcdefghij")), None):
            raise ValueError(f"a condition that there is: Article 9(2) goes from (a) to (j), and has no ({wrong})")
        if wrong_paragraph := next((p for p in paragraphs if p not in {*_PART_1, *_PART_2, *_PART_3}), None):
            raise ValueError(f"a condition that there is: paragraph {wrong_paragraph} of Schedule 1 is none")
        if not letters and not paragraphs and not _ARTICLE_10.search(text):
            raise ValueError(
                "a condition such as `Article 9(2)(g), Schedule 1 paragraph 18` or `Article 10, Schedule 1 paragraph "
                f"10`; `{text}` is none"
            )
    return texts


def _date(value: Any) -> Any:
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise ValueError(f"a day such as 2026-09-30; `{value}` is none") from error


_BASES_SCHEMA: dict[str, Any] = {"enum": [word for pair in BASES.items() for word in pair]}


class Use(Strict):
    """What a product reads of another domain's personal data, for what, and who has agreed to it."""

    product: str = Field(description="The product that is read, `domain.product`.")
    purpose: str = Field(description="What for.")
    approved_by: str = Field(alias="approvedBy", description="Who agreed to it for the domain that owns the data.")
    until: Annotated[date, BeforeValidator(_date)] = Field(description="The last day on which it may be read.")


class Processing(Part):
    """The custom properties of a contract that say why and how personal data are processed."""

    lawful_basis: Annotated[
        list[str],
        BeforeValidator(as_bases),
        WithJsonSchema({"anyOf": [_BASES_SCHEMA, {"type": "array", "items": _BASES_SCHEMA}]}),
    ] = Field(
        default_factory=list,
        alias="lawfulBasis",
        description="The lawful basis, by its name (`public task`) or its letter in Article 6(1) of the UK GDPR (`e`; "
        "`ea` is recognised legitimate interests). Several as a list.",
    )
    law: Names = Field(
        default_factory=list,
        description="The law that lays down the task or the obligation: `Housing Act 1985, Part 4`.",
    )
    condition: Annotated[
        list[str],
        BeforeValidator(as_conditions),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
    ] = Field(
        default_factory=list,
        description="For special category data the condition of Article 9(2), with the paragraph of Schedule 1 of the "
        "Data Protection Act 2018 where it needs one: `Article 9(2)(g), Schedule 1 paragraph 18`. For criminal offence "
        "data: `Article 10, Schedule 1 paragraph 10`.",
    )
    people: Names = Field(
        default_factory=list, alias="categoriesOfPeople", description="Whom the data are about: `tenants`, `pupils`."
    )
    data: Names = Field(
        default_factory=list,
        alias="categoriesOfData",
        description="Kinds of personal data, besides those that the columns tell of.",
    )
    recipients: Names = Field(
        default_factory=list, description="Who is given the data, inside the council and outside; `nobody` if none."
    )
    transfers: Names = Field(
        default_factory=list,
        description="Countries outside the United Kingdom that the data go to, each with its safeguard. Default: none.",
    )
    security: Names = Field(default_factory=list, description="How the data are kept safe, in general words.")
    dpia: str | None = Field(
        default=None,
        description="The reference of the data protection impact assessment, or `not needed: ` and why.",
    )
    source_of_data: Names = Field(
        default_factory=list,
        alias="sourceOfData",
        description="Where the data come from, as people say it. Default: the sources that the product is built on.",
    )
    joint_controllers: Names = Field(
        default_factory=list,
        alias="jointControllers",
        description="Who else decides what the data are processed for, and how to reach them.",
    )
    uses: list[Use] = Field(
        default_factory=list, description="Products of other domains whose personal data this one is built on."
    )
    reviewed: Annotated[date, BeforeValidator(_date)] | None = Field(
        default=None, description="The day on which the owner last looked through these facts."
    )


#: The names of these custom properties, as a contract writes them.
PROPERTIES = tuple(str(field.alias or name) for name, field in Processing.model_fields.items())


def processing_of(product: Product) -> Processing:
    """What a contract says; what is wrong in it counts as not said."""
    return _read(product, [])


def processing_faults(product: Product) -> Iterator[Fault]:
    """Values that cannot be: `vestry check` tells them. What is not said at all is no fault: see the register."""
    faults: list[Fault] = []
    _read(product, faults)
    yield from faults
    for number, level in enumerate(product.contract.service_levels):
        if level.property == "retention" and level.value != PERMANENT and not _is_length(level):
            line = product.file.line(("slaProperties", number))
            mend = (
                f"write `value:` over 0 and `unit:` y, m, w or d, or `value: {PERMANENT}`; words go to `description:`"
            )
            yield Fault(product.file.path, line, "the service level `retention` does not say how long", mend)


def _read(product: Product, faults: list[Fault]) -> Processing:
    places = {c.property: n for n, c in enumerate(product.contract.custom) if c.property in PROPERTIES}
    said = {name: product.contract.custom[place].value for name, place in places.items()}
    said = {name: value for name, value in said.items() if value is not None}

    def line(keys: Sequence[str | int]) -> int:
        if not keys or keys[0] not in places:
            return product.file.line(("customProperties",))
        return product.file.line(("customProperties", places[str(keys[0])], "value", *keys[1:]))

    read = validated(Processing, said, product.file.path, line, faults)
    if read is None:
        read = Processing()
        for name, value in said.items():
            if one := validated(Processing, {name: value}, product.file.path, line, []):
                read = read.model_copy(update={field: getattr(one, field) for field in one.model_fields_set})
    return read


def lacking_conditions(processing: Processing, special: bool, criminal: bool) -> list[str]:
    """What the conditions lack for data of these kinds, each as the end of a sentence."""
    text = "; ".join(processing.condition)
    letters = {letter.lower() for letter in _ARTICLE_9.findall(text)}
    paragraphs = {int(number) for number in _PARAGRAPH.findall(text)}
    found = []
    if special and not letters:
        found.append("no condition of Article 9(2) for special category data")
    elif special and "g" in letters and not paragraphs & {*_PART_2}:
        found.append("no paragraph of Part 2 of Schedule 1, which Article 9(2)(g) needs")
    elif special and letters <= set("bhij") and not paragraphs & {*_PART_1}:
        found.append(f"no paragraph of Part 1 of Schedule 1, which Article 9(2)({min(letters)}) needs")
    if criminal and not _ARTICLE_10.search(text):
        found.append("no condition under Article 10 for criminal offence data")
    elif criminal and not paragraphs:
        found.append("no paragraph of Schedule 1, which Article 10 needs")
    return found


def retention_of(contract: Contract) -> str | None:
    """How long the data are kept, in words: `7 years`, with what the contract says beside it."""
    for level in contract.service_levels:
        if level.property == "retention" and level.value == PERMANENT:
            return f"permanently: {level.description}" if level.description else "permanently"
        if level.property == "retention" and _is_length(level):
            number, unit = float(level.value), _UNITS[str(level.unit).casefold()]
            said = f"{number:g} {unit}{'' if number == 1 else 's'}"
            return f"{said} {level.description}" if level.description else said
    return None


def _is_length(level: ServiceLevel) -> bool:
    try:
        return float(level.value) > 0 and str(level.unit).casefold() in _UNITS
    except (TypeError, ValueError):
        return False
