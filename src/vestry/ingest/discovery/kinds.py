"""What a column may hold that matters to a data protection officer, and how it is told.

A kind is told by its values (a check digit, a format, a vocabulary), by the words of the column's name, or by both.
The values are asked in SQL over `v`, a distinct value as trimmed text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vestry.project import literal

#: In order of what they ask for: who may see the column follows from the strictest.
CLASSIFICATIONS = ("internal", "personal", "special", "criminal")


@dataclass(frozen=True)
class Kind:
    """One thing that a column may hold.

    `test` is SQL over `v`; where at least `sure` of the values pass, the values alone tell; where the name has one
    of the `words`, `fits` are enough. A kind without a test is told by its name.
    """

    name: str
    classification: str
    words: str = ""
    test: str = ""
    sure: float = 2.0
    fits: float = 0.5
    #: It tells one person, or one place, from all others.
    identifier: bool = False
    #: Why the values tell, after "97 % of the values".
    says: str = ""

    def named(self, words: str) -> bool:
        """Whether a column's name, in lower-case words with spaces around each, speaks of it."""
        return bool(self.words) and re.search(rf" (?:{self.words}) ", words) is not None


def _in(values: str) -> str:
    return f"upper(v) IN ({', '.join(literal(v.strip().upper()) for v in values.split(','))})"


@cache
def _forenames() -> str:
    names = Path(__file__).with_name("forenames.txt").read_text(encoding="utf-8").split()
    return "(?:" + "|".join(names) + ")"


_STREET = (
    "ROAD|RD|STREET|LANE|LN|AVENUE|AVE|CLOSE|DRIVE|WAY|COURT|GARDENS|TERRACE|CRESCENT|PLACE|SQUARE|HILL|GROVE|GREEN|"
    "MEWS|ROW|WALK|PARK|VIEW|RISE|YARD|HOUSE|LODGE|COTTAGE"
)
_ETHNIC = (
    "White British,White - British,English / Welsh / Scottish / Northern Irish / British,White Irish,Gypsy or Irish "
    "Traveller,Roma,Any other White background,White and Black Caribbean,White and Black African,White and Asian,"
    "Indian,Pakistani,Bangladeshi,Chinese,African,Caribbean,Any other Asian background,Any other Black background,"
    "Arab,WBRI,WIRI,WIRT,WROM,WOTH,MWBC,MWBA,MWAS,MOTH,AIND,APKN,ABAN,AOTH,BCRB,BAFR,BOTH,CHNE,OOTH,Asian,Black,Mixed"
)

#: In the order in which they are tried; the first that fits is taken.
KINDS = (
    Kind("NHS number", "personal", "nhs|nhsno|nhsnumber", "nhs_number(v) IS NOT NULL", 0.8, 0.5, True,
         "are NHS numbers by their check digit"),
    Kind("National Insurance number", "personal", "nino|ni|insurance", "ni_number(v) IS NOT NULL", 0.7, 0.4, True,
         "are National Insurance numbers by their form"),
    Kind("Unique Pupil Number", "personal", "upn|upns", "upn(v) IS NOT NULL", 0.6, 0.3, True,
         "are Unique Pupil Numbers by their check letter"),
    Kind("card number", "personal", "card|pan",
         "regexp_full_match(regexp_replace(v, '[ -]', '', 'g'), '[3-6]\\d{14,15}') AND luhn(v)",
         0.8, 0.5, True, "are card numbers by their check digit"),
    Kind("email address", "personal", "email|mail", "regexp_full_match(v, '[^@\\s]+@[^@\\s]+\\.[A-Za-z]{2,}')",
         0.7, 0.3, False, "have the form of an email address"),
    Kind("postcode", "personal", "postcode|zip", "postcode(v) IS NOT NULL AND regexp_matches(v, '[A-Za-z]')", 0.7, 0.3,
         False, "are postcodes by their form"),
    Kind("UPRN", "personal", "uprn|parent uprn", "uprn(v) IS NOT NULL", 2, 0.5, True, "are whole numbers of a UPRN"),
    Kind("telephone number", "personal", "tel|phone|telephone|mobile|landline|fax",
         "regexp_full_match(regexp_replace(v, '[\\s()-]', '', 'g'), '(\\+44|0044|0)[1-37-9]\\d{8,9}')", 0.7, 0.3,
         False, "have the form of a telephone number"),
    Kind("date of birth", "personal", "dob|birth|born|birthday|birthdate", "uk_date(v) IS NOT NULL", 2, 0.4, False,
         "are days"),
    Kind("date of death", "personal", "death|died|deceased", "uk_date(v) IS NOT NULL", 2, 0.4, False, "are days"),
    Kind("ethnic group", "special", "ethnic|ethnicity|race", _in(_ETHNIC), 0.6, 0.2, False,
         "are ethnic groups by the census or the schools' codes"),
    Kind("religion", "special", "religion|faith|belief",
         _in("Christian,Muslim,Hindu,Sikh,Jewish,Buddhist,No religion,Catholic,Church of England"), 0.6, 0.2, False,
         "are religions"),
    Kind("sexual orientation", "special", "orientation|sexuality",
         _in("Heterosexual,Straight,Gay,Lesbian,Bisexual,Heterosexual or straight,Gay or lesbian"), 0.6, 0.2, False,
         "are sexual orientations"),
    Kind("health or disability", "special",
         "health|medical|diagnosis|disability|disabled|sen|send|illness|medication|gp|pregnant|substance"),
    Kind("abuse or safety", "special",
         "abuse|abused|da|safeguarding|protected|restricted|refuge|exploitation|factor|factors"),
    Kind("offence", "criminal", "offence|offences|conviction|arrest|caution|custody|crime|nominal|asb|suspect"),
    Kind("sex or gender", "personal", "sex|gender",
         _in("M,F,Male,Female,Man,Woman,Other,Non-binary,X,U,Unknown,Not known,Prefer not to say,1,2,9,0"), 2, 0.6,
         False, "are codes of sex or gender"),
    Kind("title of a person", "personal", "title|salutation",
         _in("Mr,Mrs,Miss,Ms,Mx,Dr,Rev,Sir,Dame,Lady,Lord,Prof,Master,Cllr"), 0.8, 0.4, False,
         "are forms of address"),
    Kind("address", "personal", "address|addr|location|street|building|flat|paon|saon|town|locality|road",
         f"regexp_matches(upper(v), '\\b({_STREET})\\b') AND regexp_matches(v, '\\d')", 0.5, 0.0, False,
         "read like an address"),
    Kind("forename", "personal", "forename|forenames|firstname|first|given|middle|christian", "v <> ''", 2, 0.3, False,
         "are words"),
    Kind("surname", "personal", "surname|lastname|last|family|maiden", "regexp_matches(v, '^[^0-9]+$')", 2, 0.5, False,
         "are words without digits"),
    Kind("name of a person", "personal",
         "fullname|applicant|claimant|tenant name|contact \\d name|parent \\d|contact \\d|carer|officer name",
         "regexp_matches(upper(v), '^(?:(?:MR|MRS|MISS|MS|DR) )?{forenames}\\b') AND NOT regexp_matches(v, '\\d')",
         0.3, 0.2, False, "begin with a common forename"),
    Kind("bank account", "personal", "sort|sortcode|iban|bank", "v <> ''", 2, 0.3, False, "are filled"),
    Kind("vehicle registration", "personal", "registration|vrm|vehicle",
         "regexp_full_match(upper(replace(v, ' ', '')), '[A-Z]{2}\\d{2}[A-Z]{3}|[A-Z]\\d{1,3}[A-Z]{3}')", 0.8, 0.4,
         True, "have the form of a registration mark"),
    Kind("reference of a person", "personal",
         "(?:related )?(?:person|pupil|client|patient|claimant|tenant|child|resident|customer|nominal|dependant|family)"
         "(?: id| ref| no| number| reference)+",
         identifier=True),
    Kind("relationship or role of a person", "personal", "relationship|related|role|marital|dependants|household"),
    Kind("money of a person", "personal",
         "salary|wage|income|arrears|benefit|debt|award|overpayment|rent|balance|payment method"),
    Kind("free text", "personal", "note|notes|comment|comments|narrative|remarks|body|details",
         "length(v) > 40 AND regexp_matches(v, '\\S+ \\S+ \\S+ \\S+')", 0.5, 0.0, False,
         "are sentences, which may hold anything"),
)  # fmt: skip

#: What tells that a table is of people: their names, numbers, or references, not only a home.
OF_PEOPLE = frozenset(
    ("NHS number", "National Insurance number", "Unique Pupil Number", "date of birth", "forename", "surname",
     "name of a person", "reference of a person", "title of a person", "email address", "sex or gender")
)  # fmt: skip


def tests() -> list[tuple[Kind, str]]:
    """The kinds that have a test, each with its SQL."""
    return [(kind, kind.test.replace("{forenames}", _forenames())) for kind in KINDS if kind.test]


def words_of(name: str) -> str:
    """`personNINO_no` as ` person nino no `: the words of a column's name in lower case, with spaces around."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return f" {' '.join(re.findall(r'[a-z]+|[0-9]+', parted.lower()))} "
