"""The types that a person may give to a column of text, and the SQL that reads each."""

from __future__ import annotations

from dataclasses import dataclass

from vestry.ingest.files.inspection import TIMESTAMP_FORMATS
from vestry.project import literal, quote


@dataclass(frozen=True)
class Conversion:
    """One type: as people call it, SQL over the text `{v}`, and what the contract promises."""

    says: str
    sql: str
    logical: str
    physical: str | None = None


_LOCAL = ", ".join(literal(f) for f in TIMESTAMP_FORMATS if not f.endswith(("Z", "%z")))
_ZONED = ", ".join(literal(f.removesuffix("Z") + ("%z" if f.endswith("Z") else "")) for f in TIMESTAMP_FORMATS
                   if f.endswith(("Z", "%z")))  # fmt: skip

#: By the word that a proposal keeps. What cannot be read is NULL, and is counted before anything is written.
CONVERSIONS = {
    "text": Conversion("Text", "tidy({v})", "string"),
    "integer": Conversion(
        "Whole number",
        r"try_cast(replace(regexp_extract(tidy({v}), '^[-+]?[0-9,]+(?:\.0+)?$'), ',', '') AS BIGINT)",
        "integer",
    ),
    "number": Conversion(
        "Number with decimals",
        r"try_cast(replace(regexp_extract(tidy({v}), '^[-+]?[0-9,]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?$'), ',', '')"
        " AS DOUBLE)",
        "number",
    ),
    "money": Conversion("Money", "money({v})", "number", "DECIMAL(18,2)"),
    "date": Conversion("Date, day before month", "uk_date({v})", "date"),
    "month_first": Conversion(
        "Date, month before day", "try_strptime(tidy({v}), ['%m/%d/%y', '%m/%d/%Y', '%m-%d-%y', '%m-%d-%Y'])::DATE",
        "date",
    ),
    "time": Conversion(
        "Date and time",
        f"coalesce(timezone('Europe/London', try_strptime(tidy({{v}}), [{_LOCAL}])), "
        f"try_strptime(tidy({{v}}), [{_ZONED}]))",
        "timestamp",
    ),
    "boolean": Conversion(
        "Yes or no",
        "CASE WHEN lower(tidy({v})) IN ('yes', 'y', 'true', 't', '1') THEN true "
        "WHEN lower(tidy({v})) IN ('no', 'n', 'false', 'f', '0') THEN false END",
        "boolean",
    ),
    "postcode": Conversion("Postcode", "postcode({v})", "string"),
    "uprn": Conversion("UPRN", "uprn({v})", "string"),
    "nhs_number": Conversion("NHS number", "nhs_number({v})", "string"),
    "ni_number": Conversion("National Insurance number", "ni_number({v})", "string"),
    "upn": Conversion("Unique Pupil Number", "upn({v})", "string"),
}  # fmt: skip
#: A column that has a type of its own in the file, such as one of Parquet, may keep it.
OWN = "own"
_OF_KINDS = {
    "NHS number": "nhs_number",
    "National Insurance number": "ni_number",
    "Unique Pupil Number": "upn",
    "postcode": "postcode",
    "UPRN": "uprn",
}
_LOGICAL = {"DATE": "date", "BIGINT": "integer", "INTEGER": "integer", "DOUBLE": "number", "BOOLEAN": "boolean"}


def guessed(kind: str | None, guess: str, date_format: str | None, is_fine: bool) -> str:
    """The word for what was found: the kind by its values, else the type of the cells; `is_fine` of a number that has
    more decimals than money."""
    if kind in _OF_KINDS:
        return _OF_KINDS[kind]
    if guess == "date":
        return "month_first" if (date_format or "").startswith("%m") else "date"
    words = {"string": "text", "decimal": "number" if is_fine else "money", "timestamp": "time"}
    return words.get(guess, guess if guess in CONVERSIONS else OWN)


def converted(column: str, own_type: str, word: str) -> str:
    """SQL that reads a column of a file, of the type `own_type`, as the type of that word."""
    q = quote(column)
    if word == OWN:
        return q
    return CONVERSIONS[word].sql.format(v=q if own_type == "VARCHAR" else f"CAST({q} AS VARCHAR)")


def promised(own_type: str, word: str) -> dict[str, str]:
    """The contract's keys for the type; none for a type of the file that the standard has no word for."""
    if word != OWN:
        one = CONVERSIONS[word]
        return {"logicalType": one.logical} | ({"physicalType": one.physical} if one.physical else {})
    logical = _LOGICAL.get(own_type)
    return {"logicalType": logical} if logical else {}
