"""Terms as boxes of a form, and back: how each column is shown, of which rows, until when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from vestry.catalogue.model import ColumnEntry, TableEntry
from vestry.governance.access.terms import Condition, Terms
from vestry.governance.access.treatment import Treatment, fits
from vestry.project import VestryError

#: How each way of showing is said in a box.
WAYS = {
    Treatment.HIDDEN: "not shown",
    Treatment.CLEAR: "as it is",
    Treatment.HASHED: "hashed",
    Treatment.AGE_BAND: "age band",
    Treatment.YEAR: "year only",
    Treatment.DISTRICT: "postcode district",
}


@dataclass(frozen=True)
class Choice:
    """A column with the ways in which it can be shown, and the one that is chosen."""

    column: ColumnEntry
    box: str
    ways: Mapping[str, str]
    chosen: Treatment


def choices(
    entries: Iterable[TableEntry], sent: Mapping[str, str], most: Terms | None = None
) -> list[tuple[TableEntry, list[Choice]]]:
    """The columns of tables; where `most` is given, only those and only the ways that give no more."""
    found = []
    for entry in entries:
        of = []
        for column in entry.columns:
            if entry.state and column.name not in entry.state.types:
                continue
            ways = [way for way in WAYS if column.type is None or fits(way, column.type)]
            given = Treatment.HIDDEN
            if most is not None:
                given = most.columns.get(entry.name, {}).get(column.name, Treatment.HIDDEN)
                ways = [way for way in ways if way in given.stricter]
                if given is Treatment.HIDDEN:
                    continue
            box = f"show {column.full_name}"
            chosen = Treatment(sent[box]) if sent.get(box) in set(Treatment) else given
            of.append(Choice(column, box, {str(way): WAYS[way] for way in ways}, chosen))
        if of:
            found.append((entry, of))
    return found


def terms_of(sent: Mapping[str, str], entries: Iterable[TableEntry]) -> tuple[Terms | None, dict[str, str]]:
    """What a form asks for; or what is wrong, by the box."""
    errors: dict[str, str] = {}
    columns = {}
    for entry in entries:
        of = {}
        for column in entry.columns:
            said = sent.get(f"show {column.full_name}", "")
            if said in set(Treatment) and said != Treatment.HIDDEN:
                of[column.name] = Treatment(said)
        if of:
            columns[entry.name] = of
    if not columns:
        errors["columns"] = "Choose at least one column"
    until = _day(sent)
    if until is None:
        errors["until-day"] = "Enter the last day, such as 31 3 2027"
    rows = []
    if sent.get("row-column") and not sent.get("row-values"):
        errors["row-values"] = "Enter which values the rows have"
    elif sent.get("row-column"):
        values = tuple(dict.fromkeys(v.strip() for v in sent["row-values"].split(",") if v.strip()))
        rows.append(Condition(sent["row-column"], values))
    if errors or until is None:
        return None, errors
    return Terms(columns, until, tuple(rows), sent.get("statistics") == "yes"), {}


def boxes_of(terms: Terms) -> dict[str, str]:
    """The boxes of a form that say these terms."""
    boxes = {f"show {table}.{column}": str(way) for table, of in terms.columns.items() for column, way in of.items()}
    boxes |= {
        "until-day": str(terms.until.day),
        "until-month": str(terms.until.month),
        "until-year": str(terms.until.year),
    }
    if terms.statistics:
        boxes["statistics"] = "yes"
    for condition in terms.rows:
        boxes |= {"row-column": condition.column, "row-values": ", ".join(condition.any_of)}
    return boxes


def said(error: VestryError) -> dict[str, str]:
    """A fault of the terms, for the form's summary."""
    text = f"{error.what[:1].upper()}{error.what[1:]}" + (f": {error.mend}" if error.mend else "")
    return {"columns": text}


def _day(sent: Mapping[str, str]) -> date | None:
    try:
        return date(*(int(sent.get(f"until-{part}", "")) for part in ("year", "month", "day")))
    except ValueError:
        return None
