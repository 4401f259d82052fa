"""Kinds of personal data, as the columns tell them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vestry.catalogue.model import ColumnEntry
from vestry.project.glossary import Glossary

NAME, ADDRESS = "Name", "Address"
#: For columns that carry no term: the kind by a word of the column's name, the first that fits.
_WORDS = (
    ("Health and care", r"disab|disorder|health|diagnos|medic|care(?!r)|assessment|factor|need|sen$"),
    ("Offences", r"offen[cd]|convict|crim|suspect|victim"),
    ("Family and household", r"famil|household|relation|partner|dependant|child|parent|carer|tie$|tenan|contact_[12]"),
    ("Date of birth", r"birth|dob|^age$|died|death|year_group"),
    ("Contact details", r"phone|mobile|email"),
    (ADDRESS, r"address|postcode|uprn|easting|northing|ward"),
    (NAME, r"name|^title$|initial"),
    ("Sex", r"^sex$|gender"),
    ("Ethnicity, religion or belief", r"ethnic|religi|belief|national"),
    ("Money", r"arrear|debt|award|amount|cost|payment|income|overpay|benefit|bank|discount|percent$"),
    ("Schooling", r"school|attend|absen|suspen|exclu|pupil|session|meals"),
    ("Identifier", r"nhs|nino|ni_number|upn|_id(_|$)|_ref$|_no$|number|record"),
)
_KINDS = tuple((kind, re.compile(words, re.IGNORECASE)) for kind, words in _WORDS)
OTHER = "Details of the case"


def kinds_of(columns: Iterable[ColumnEntry], glossary: Glossary) -> list[str]:
    """The kinds of data that columns hold, sorted: by the broadest term over a column's own, else by its name."""
    found = {_kind(column, glossary) for column in columns}
    return [*sorted(found - {OTHER}), *sorted(found & {OTHER})]


def _kind(column: ColumnEntry, glossary: Glossary) -> str:
    if column.term and column.term in glossary.terms:
        return glossary.terms[_broadest(column.term, glossary)].name
    return next((kind for kind, words in _KINDS if words.search(column.name)), OTHER)


def _broadest(key: str, glossary: Glossary) -> str:
    seen = {key}
    while broader := glossary.terms[key].broader:
        if broader[0] in seen or broader[0] not in glossary.terms:  # a ring is nobody's root
            break
        key = broader[0]
        seen.add(key)
    return key


#: Words in the names of columns that say who or where, whatever system they are of. A system's own numbers do not.
_SHARED = re.compile(r"nhs|nino|ni_number|upn\b|uprn|address|postcode|phone|mobile|email", re.IGNORECASE)


def identifies(column: ColumnEntry, glossary: Glossary) -> bool:
    """Whether a column says who or where in words or numbers that several systems could hold."""
    if column.term and column.term in glossary.terms:
        term = glossary.terms[column.term]
        return bool(_SHARED.search(column.term) or any(_SHARED.search(word) for word in (term.name, *term.synonyms)))
    return bool(_SHARED.search(column.name))


def is_place(column: ColumnEntry, glossary: Glossary) -> bool:
    """Whether a column says where, and nothing of who."""
    return _kind(column, glossary) == ADDRESS
