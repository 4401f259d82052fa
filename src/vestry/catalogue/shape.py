"""The shape of a value: what it looks like, and not what it is.

`AA9 9AA` is the shape of a postcode: A for a capital, a for another letter, 9 for a digit. Everything here is SQL that
the engine runs where the data lies, so that no personal value leaves it.
"""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase, digits

from vestry.catalogue.model import ColumnEntry
from vestry.project import quote

#: A text longer than this has no shape: it would tell more of the text than of its form.
_LONGEST = 24
#: The shape of a longer text.
LONG = "…"
MASK = "•••"
_FROM = ascii_uppercase + ascii_lowercase + digits
_TO = "A" * 26 + "a" * 26 + "9" * 10
_OTHER = "[^Aa9 .,''/@:()&+_-]"


def shape(value: str) -> str:
    """SQL of the shape of a text: letters without accents, and ? for what is neither letter, digit nor common sign."""
    told = f"regexp_replace(translate(strip_accents({value}), '{_FROM}', '{_TO}'), '{_OTHER}', '?', 'g')"
    return f"CASE WHEN length({value}) > {_LONGEST} THEN '{LONG}' ELSE {told} END"


def masked(column: ColumnEntry) -> str:
    """SQL of a personal value as it is shown in a row: that there is one, and of a text its shape.

    One row's shape tells more than a column's: `aaaa` and `aaaaaa` are male and female. So runs of letters are one
    letter here, and there is no shape of a number, a date or a yes or no, of special or criminal data, of what nobody
    has classified, and where it would be the value itself.
    """
    q = quote(column.name)
    if column.classification != "personal" or column.type != "VARCHAR":
        return f"CASE WHEN {q} IS NOT NULL THEN '{MASK}' END"
    told = f"regexp_replace(regexp_replace({shape(q)}, 'a+', 'a', 'g'), 'A+', 'A', 'g')"
    return (
        f"CASE WHEN {q} IS NOT NULL THEN '{MASK}' || CASE WHEN {told} IN ({q}, '') THEN '' ELSE ' ' || {told} END END"
    )
