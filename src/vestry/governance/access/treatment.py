"""What a column becomes for a reader: itself, hashed, coarser, or nothing. Each is one SQL expression."""

from __future__ import annotations

import hashlib
from datetime import date
from enum import StrEnum

from vestry.project import VestryError, literal, quote

#: Bytes of a block of SHA-256, by which RFC 2104 makes keys equally long.
_BLOCK = 64


class Treatment(StrEnum):
    """How a column is shown. All but `clear` make text."""

    CLEAR = "clear"
    #: HMAC-SHA256 with the purpose's own key: equal values stay equal within a purpose, and meet nothing outside it.
    HASHED = "hashed"
    #: Of a date of birth: `70 to 74`, at the first day of the month.
    AGE_BAND = "age band"
    #: Of a date: its year.
    YEAR = "year"
    #: Of a postcode: `LS1`.
    DISTRICT = "postcode district"
    HIDDEN = "hidden"

    @property
    def stricter(self) -> frozenset[Treatment]:
        """This and what shows less: a narrower grant never goes back in it."""
        return _STRICTER[self]


_STRICTER = {
    Treatment.CLEAR: frozenset(Treatment),
    Treatment.HASHED: frozenset({Treatment.HASHED, Treatment.HIDDEN}),
    Treatment.AGE_BAND: frozenset({Treatment.AGE_BAND, Treatment.HIDDEN}),
    Treatment.YEAR: frozenset({Treatment.YEAR, Treatment.AGE_BAND, Treatment.HIDDEN}),
    Treatment.DISTRICT: frozenset({Treatment.DISTRICT, Treatment.HIDDEN}),
    Treatment.HIDDEN: frozenset({Treatment.HIDDEN}),
}
_DATES = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")


def fits(treatment: Treatment, kind: str) -> bool:
    """Whether a column of this type (DuckDB's) can be shown so."""
    if treatment in (Treatment.AGE_BAND, Treatment.YEAR):
        return kind in _DATES
    if treatment is Treatment.DISTRICT:
        return kind == "VARCHAR"
    return treatment is not Treatment.HASHED or not kind.endswith(("[]", ")")) or kind.startswith("DECIMAL")


def expression(column: str, kind: str, treatment: Treatment, key: bytes, today: date) -> str:
    """SQL that makes of a column what the reader sees, under the column's own name.

    Raises VestryError where a column of this type cannot be shown so; what is hidden has no expression.
    """
    if treatment is Treatment.HIDDEN or not fits(treatment, kind):
        raise VestryError(f"the column `{column}` cannot be shown as {treatment}", mend=f"it is of the type {kind}")
    name = quote(column)
    return f"{_made(name, treatment, key, today)} AS {name}"


def _made(name: str, treatment: Treatment, key: bytes, today: date) -> str:
    match treatment:
        case Treatment.HASHED:
            return hmac_sql(f"CAST({name} AS VARCHAR)", key)
        case Treatment.AGE_BAND:
            first = literal(f"{today:%Y-%m}-01")
            years = f"date_sub('year', CAST({name} AS DATE), DATE {first})"
            low = f"({years} // 5) * 5"
            band = f"printf('%d to %d', {low}, {low} + 4)"
            return f"CASE WHEN {years} < 0 THEN NULL WHEN {years} >= 90 THEN '90 or over' ELSE {band} END"
        case Treatment.YEAR:
            return f"CAST(year({name}) AS VARCHAR)"
        case Treatment.DISTRICT:
            # The inward code is always a digit and two letters; what is no postcode is shown as nothing.
            bare = f"upper(replace({name}, ' ', ''))"
            return f"nullif(regexp_extract({bare}, '^([A-Z]{{1,2}}[0-9][A-Z0-9]?)[0-9][A-Z]{{2}}$', 1), '')"
        case _:
            return name


def hmac_sql(text: str, key: bytes) -> str:
    """HMAC-SHA256 (RFC 2104) of an SQL text, as 64 hexadecimal digits; NULL of NULL."""
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    inner = _blob(bytes(byte ^ 0x36 for byte in block))
    outer = _blob(bytes(byte ^ 0x5C for byte in block))
    return f"sha256({outer} || unhex(sha256({inner} || encode({text}))))"


def _blob(octets: bytes) -> str:
    return f"unhex('{octets.hex()}')"
