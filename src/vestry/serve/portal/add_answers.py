"""What people answer on the pages of Add data: read, and what is wrong with it. Pure: nothing is kept here."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from vestry.catalogue.proposal import CLASSIFICATIONS, About, ProposedColumn, ProposedTable
from vestry.ingest.files.names import snake_case
from vestry.project import Project
from vestry.project.names import BRONZE, SYSTEM, is_name, is_table_name

Errors = dict[str, str]
_LONGEST = 60
_UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
#: What is sent for a domain that is not there yet; no name begins so.
NEW = "+"
FREQUENCIES = {
    "once": ("It came once", "No more is expected"),
    "day": ("Every day", ""),
    "week": ("Every week", ""),
    "month": ("Every month", ""),
    "quarter": ("Every three months", ""),
    "year": ("Every year", ""),
}
CLASSES = {
    "public": ("Public", "Anybody may have it"),
    "internal": ("Internal", "For the council; it speaks of no person"),
    "personal": ("Personal", "It speaks of a living person, or of their home, money or family"),
    "special": ("Special category", "Health, ethnic origin, religion, sex life, trade union, genes, politics"),
    "criminal": ("Criminal offences", "Offences, allegations and proceedings"),
}
assert tuple(CLASSES) == CLASSIFICATIONS


def line(sent: Mapping[str, str], box: str) -> str:
    """The text of a box on one line."""
    return " ".join(_UNSEEN.sub(" ", sent.get(box, "")).split())


def _lines(sent: Mapping[str, str], box: str) -> str:
    text = _UNSEEN.sub("", sent.get(box, "").replace("\r\n", "\n").replace("\t", " "))
    return "\n".join(part.rstrip() for part in text.split("\n")).strip()


def _refused(errors: Errors, texts: Mapping[str, str]) -> None:
    """`${NAME}` in a project's file names a secret, which nobody means here."""
    for box, text in texts.items():
        if "${" in text:
            errors.setdefault(box, "Write it without ${")


def sheets_chosen(sent: Mapping[str, list[str]], there: Sequence[str]) -> tuple[list[str], Errors]:
    """The sheets, in the workbook's order."""
    places = {v for v in sent.get("sheets", []) if v.isdecimal()}
    chosen = [sheet for place, sheet in enumerate(there) if str(place) in places]
    return chosen, {} if chosen else {"sheets": "Choose at least one sheet"}


def table_of(sent: Mapping[str, str], table: ProposedTable, others: Collection[str]) -> tuple[ProposedTable, Errors]:
    """A table with its name and what a row of it is."""
    name, description = line(sent, "name"), _lines(sent, "description")
    errors: Errors = {}
    if fault := _name_fault(name, "table"):
        errors["name"] = fault
    elif name in others:
        errors["name"] = f"There is another table {name}: give this one another name"
    return table.model_copy(update={"name": name, "description": description}), errors


def column_of(
    sent: Mapping[str, str],
    column: ProposedColumn,
    others: Collection[str],
    types: Collection[str],
    terms: Collection[str],
) -> tuple[ProposedColumn, Errors]:
    """A column as somebody says it is; a person has looked at it then."""
    errors: Errors = {}
    name, keep = line(sent, "name"), "out" not in sent
    if keep and (fault := _name_fault(name, "column")):
        errors["name"] = fault
    elif keep and name in others:
        errors["name"] = f"There is another column {name}: give this one another name"
    if sent.get("type") not in types:
        errors["type"] = "Choose the type"
    if sent.get("classification") not in CLASSIFICATIONS:
        errors["classification"] = "Say whether it speaks of people"
    term = sent.get("term") or None
    if term is not None and term not in terms:
        errors["term"] = "Choose a term of the glossary, or none"
    made = {
        "name": name,
        "type": sent.get("type"),
        "classification": sent.get("classification"),
        "description": _lines(sent, "description"),
        "term": term,
        "key": keep and "key" in sent,
        "keep": keep,
        "confirmed": True,
    }
    return column.model_copy(update=made), errors


def _name_fault(name: str, of: str) -> str:
    if not name:
        return f"Enter a name for the {of}"
    if len(name) > _LONGEST:
        return f"The name must be {_LONGEST} characters or fewer"
    if not (is_name(name) if of == "column" else is_table_name(name)):
        better = snake_case(name)[:_LONGEST]
        example = f", such as {better}" if better else ""
        return f"The name must be small letters, digits and _, and begin with a letter{example}"
    return ""


def place_of(sent: Mapping[str, str], about: About, project: Project, waiting: Collection[str]) -> tuple[About, Errors]:
    """The product's name and its domain, which may be new."""
    errors: Errors = {}
    title, domain, new = line(sent, "title"), sent.get("domain"), line(sent, "new")
    product = snake_case(title)
    if not title:
        errors["title"] = "Enter a name for the product"
    elif not is_table_name(product) or len(product) > _LONGEST:
        errors["title"] = f"The name must have letters, and {_LONGEST} characters or fewer"
    if domain != NEW and domain not in project.domains:
        errors["domain"] = "Choose the domain that it belongs to"
    elif domain == NEW:
        domain = snake_case(new)
        if not new:
            errors["new"] = "Enter a name for the new domain"
        elif not is_table_name(domain) or len(domain) > _LONGEST:
            errors["new"] = f"The name must have letters, and {_LONGEST} characters or fewer"
        elif domain in (BRONZE, SYSTEM):
            errors["new"] = f"The name {domain} is kept for the platform: choose another"
    _refused(errors, {"title": title, "new": new})
    full = f"{domain}.{product}"
    if not errors and (full in project.products or full in waiting):
        what = "product" if full in project.products else "draft"
        errors["title"] = f"There is a {what} {full} already: give this one another name"
    is_new = domain not in (*project.domains, None)
    made = {"title": title, "product": product, "domain": domain, "new_domain": new if is_new else None}
    return about.model_copy(update=made), errors


def people_of(sent: Mapping[str, str], about: About) -> tuple[About, Errors]:
    """Who answers for it, and what it is for."""
    made = {"owner": line(sent, "owner"), "steward": line(sent, "steward"), "purpose": _lines(sent, "purpose")}
    errors: Errors = {}
    if not made["owner"]:
        errors["owner"] = "Enter who answers for the data"
    if not made["purpose"]:
        errors["purpose"] = "Enter what the data is for"
    _refused(errors, made)
    return about.model_copy(update=made), errors


def delivery_of(sent: Mapping[str, str], about: About) -> tuple[About, Errors]:
    """How files come."""
    errors: Errors = {}
    frequency = sent.get("frequency")
    if frequency not in FREQUENCIES:
        errors["frequency"] = "Choose how often a file comes"
    if sent.get("next") not in ("replaces", "adds"):
        errors["next"] = "Say what the next file holds"
    if sent.get("keep") not in ("yes", "no"):
        errors["keep"] = "Say whether this file goes with the draft"
    made = {
        "frequency": frequency,
        "replaces": sent.get("next") == "replaces",
        "keep_file": sent.get("keep") == "yes",
    }
    return about.model_copy(update=made), errors
