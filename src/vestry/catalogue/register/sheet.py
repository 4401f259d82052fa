"""The register on sheets: as CSV for a spreadsheet, and as a page to print."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from html import escape
from typing import Any

from vestry.catalogue.register.assets import Asset
from vestry.catalogue.register.gaps import Gap
from vestry.catalogue.register.register import Register

#: Each column of a sheet: its heading, and what stands in it.
Columns = Mapping[str, Callable[[Any], Any]]

REGISTER: Columns = {
    "Asset": lambda a: a.name,
    "Title": lambda a: a.title,
    "Kind": lambda a: a.kind,
    "Owner": lambda a: a.owner,
    "Steward": lambda a: a.steward,
    "Purpose": lambda a: a.purpose,
    "Personal data": lambda a: a.sensitivity,
    "Lawful basis": lambda a: a.bases,
    "Law": lambda a: a.processing.law,
    "Condition": lambda a: a.processing.condition,
    "People": lambda a: a.processing.people,
    "Data": lambda a: a.data,
    "Recipients": lambda a: a.processing.recipients,
    "Kept for": lambda a: a.retention,
    "Security": lambda a: a.processing.security,
    "DPIA": lambda a: a.processing.dpia,
    "Systems": lambda a: a.systems,
    "Location": lambda a: a.location,
    "Layer": lambda a: a.layer,
    "Rows": lambda a: a.rows,
    "Bytes": lambda a: a.size,
    "Last updated": lambda a: a.updated,
    "Used by": lambda a: a.used_by,
    "Reviewed": lambda a: a.processing.reviewed,
}
#: In the order of Article 30(1)(a) to (g), and what the ICO's template adds.
ARTICLE_30: Columns = {
    "Processing activity": lambda a: a.title,
    "Asset": lambda a: a.name,
    "Joint controllers": lambda a: a.processing.joint_controllers,
    "Purpose": lambda a: a.purpose,
    "Categories of people": lambda a: a.processing.people,
    "Categories of personal data": lambda a: a.data,
    "Sensitivity": lambda a: a.sensitivity,
    "Recipients": lambda a: a.processing.recipients,
    "Transfers abroad": lambda a: a.processing.transfers or "none",
    "Kept for": lambda a: a.retention,
    "Security": lambda a: a.processing.security,
    "Lawful basis": lambda a: a.bases,
    "Law": lambda a: a.processing.law,
    "Condition": lambda a: a.processing.condition,
    "Source of the data": lambda a: a.processing.source_of_data or a.systems,
    "DPIA": lambda a: a.processing.dpia,
    "Owner": lambda a: a.owner,
    "Reviewed": lambda a: a.processing.reviewed,
}
GAPS: Columns = {
    "Asset": lambda g: g.asset,
    "What is missing": lambda g: g.what,
    "Why it matters": lambda g: g.why,
    "Where": lambda g: g.where,
    "How to mend it": lambda g: g.mend,
    "Whose job": lambda g: g.whose,
}
#: What a spreadsheet might run as a formula, also behind spaces or in wide characters.
_FORMULA = re.compile(r"^[\s\0]*[=+\-@＝＋－＠]|^[\t\r\n]")


def cells(columns: Columns, items: Iterable[Asset | Gap]) -> list[list[str]]:
    """One row for each item, as text; several values of a cell are parted by `; `."""
    return [[_text(of(item)) for of in columns.values()] for item in items]


def csv_text(columns: Columns, items: Iterable[Asset | Gap]) -> str:
    """RFC 4180; a cell that a spreadsheet would run begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([f"'{cell}" if _FORMULA.match(cell) else cell for cell in row] for row in cells(columns, items))
    return out.getvalue()


def page(register: Register, title: str, columns: Columns, items: Sequence[Asset | Gap]) -> str:
    """A page of HTML that stands by itself and prints well: each item is a row with a heading."""
    controller = register.controller
    facts = {
        "Controller": controller.name,
        "Contact": controller.contact,
        "Data protection officer": controller.dpo,
        "As of": register.day,
        "Entries": f"{len(items)}",
    }
    about = "".join(f"<dt>{escape(k)}</dt><dd>{escape(_text(v)) or 'not said'}</dd>" for k, v in facts.items())
    heads = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in columns)
    rows = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in rest)}</tr>\n'
        for first, *rest in cells(columns, items)
    )
    name = f"{title}: {controller.name}"
    return (
        f'<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(name)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{escape(name)}</h1>\n<dl>{about}</dl>\n"
        f'<div class="wide" role="region" aria-labelledby="caption" tabindex="0">\n<table>\n'
        f'<caption id="caption">{escape(title)}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n'
        f"</table>\n</div>\n</main>\n</body>\n</html>\n"
    )


_STYLE = """
body { font: 1rem/1.4 Arial, sans-serif; color: #0b0c0c; background: #fff; margin: 1.5rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem }
dt { font-weight: bold } dd { margin: 0 }
.wide { overflow-x: auto } .wide:focus { outline: 3px solid #1d70b8 }
table { border-collapse: collapse; font-size: .875rem }
caption { text-align: left; font-weight: bold; padding: .5rem 0 }
th, td { border: 1px solid #505a5f; padding: .3rem .5rem; text-align: left; vertical-align: top; min-width: 7rem }
thead th { background: #f3f2f1 }
@media print {
  @page { size: A3 landscape; margin: 10mm }
  body { margin: 0; font-size: 8pt } .wide { overflow: visible }
  table { font-size: 6.5pt; table-layout: fixed; width: 100% } th, td { min-width: 0; overflow-wrap: anywhere }
  thead { display: table-header-group } tr { break-inside: avoid }
}
"""


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return "; ".join(map(str, value))
    return " ".join(str(value).split())
