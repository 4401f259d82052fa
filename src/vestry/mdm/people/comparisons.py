"""How two records are compared, attribute by attribute: levels from the same to different, as data.

A level is SQL over the standardised columns (`_l`, `_r`), a sentence that people read, and `m`: how often two
records of one person stand at this level, before any training. The figures are of English council data and only
where training begins; what chance alone brings (`u`) is always measured on the data.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Level:
    """One degree of likeness. `tf` names the column whose commonness tempers the evidence."""

    sql: str
    words: str
    m: float
    tf: str = ""
    #: What chance brings, where random pairs cannot tell it: among people of one home, or of numbers given once.
    u: float | None = None
    #: `m` is a matter of definition and not trained.
    fixed: bool = False


@dataclass(frozen=True)
class Comparison:
    """One attribute: what it needs to be compared at all, and its levels, most alike first; the last is `else`."""

    name: str
    needs: tuple[str, ...]
    null: str
    levels: tuple[Level, ...]
    different: str
    m_different: float


def _both(column: str) -> str:
    return f"{column}_l IS NULL OR {column}_r IS NULL"


def _near(a: str, b: str, jaro: float = 0.92) -> str:
    return f"(jaro_winkler_similarity({a}, {b}) >= {jaro} OR length({a}) > 3 AND {_slip(a, b)})"


def _slip(a: str, b: str) -> str:
    """One key missed, doubled, exchanged with the next, or wrong: of four letters and more.

    Damerau and Levenshtein's distance takes many times as long as Jaro's, which is over 0.8 where theirs is one, and as
    Levenshtein's, of which an exchange is two.
    """
    near = f"jaro_winkler_similarity({a}, {b}) >= 0.8 AND levenshtein({a}, {b}) <= 2"
    return f"{near} AND damerau_levenshtein({a}, {b}) <= 1"


#: Names that may be one name written badly, or two.
OF_SOME_LIKENESS = " of some likeness"


def _alike(column: str, words: str) -> Level:
    return Level(f"jaro_winkler_similarity({column}_l, {column}_r) >= 0.75", words + OF_SOME_LIKENESS, 0.01)


def _number(name: str, words: str) -> Comparison:
    """An identifier that tells people apart by itself."""
    return Comparison(
        name,
        (name,),
        _both(name),
        (
            Level(f"{name}_l = {name}_r", f"the same {words}", 0.97, u=1e-6),
            Level(_slip(f"{name}_l", f"{name}_r"), f"{words}s that differ by one slip", 0.015, u=2e-6),
        ),
        f"different {words}",
        0.015,
    )


#: People of one home share more than chance has it: a surname, a telephone, of twins a date of birth. What they
#: share is no evidence that they are one, so agreement within a home has levels of its own.
IN_ONE_HOME = ", in one home"
ONE_HOME = "coalesce(list_has_any(homes_l, homes_r), false)"


#: The levels of the comparison of homes at which two records have one; how much that says is learnt from the pairs.
AT_HOME = ("the same home", "the same home at some time")


def _same(column: str, words: str, m: float, chance: float, also: str = "") -> tuple[Level, Level]:
    """The same value, in one home (by `chance` also of two people) and elsewhere (by how common it is)."""
    same = f"{column}_l = {column}_r{also}"
    return (
        Level(f"{same} AND ({ONE_HOME})", words + IN_ONE_HOME, m, u=chance),
        Level(same, words, m, tf=column),
    )


def _crossed(given: str) -> str:
    """Forename and surname in each other's box, but for a slip."""
    return (
        f"jaro_winkler_similarity({given}_l, family_r) >= 0.92 AND jaro_winkler_similarity(family_l, {given}_r) >= 0.92"
    )


#: CHAN LAI FONG is LAI FONG CHAN, whichever of the words a system took for the surname.
_EXCHANGED = (
    f"(({_crossed('given')} OR {_crossed('whole')}) AND jaro_winkler_similarity(given_l, given_r) < 0.8 "
    "OR words_l = words_r AND family_l <> family_r)"
)
_STREET = "jaro_winkler_similarity(street_l, street_r) >= 0.88"

_CHILD_AND_ADULT = "coalesce(is_child_l AND is_adult_r OR is_adult_l AND is_child_r, false)"

_SLIPPED = "other identifiers that differ by one slip"

#: What two records are compared by, in the order in which it is told.
COMPARISONS = (
    Comparison(
        "given",
        ("given",),
        _both("given"),
        (
            *_same("given", "the same forename", 0.82, 0.004, " AND length(given_l) > 1"),
            Level(
                "list_has_any(forms_l, forms_r) OR least(length(given_l), length(given_r)) >= 3 "
                "AND (starts_with(given_l, given_r) OR starts_with(given_r, given_l))",
                "forenames that are forms of one name",
                0.05,
            ),
            Level(
                f"family_l IS NOT NULL AND {_EXCHANGED}", "forename and surname exchanged", 0.01, "given", 0.002, True
            ),
            Level(
                "contains(' ' || coalesce(middle_l, '') || ' ', ' ' || given_r || ' ') "
                "OR contains(' ' || coalesce(middle_r, '') || ' ', ' ' || given_l || ' ')",
                "one's forename is a middle name of the other",
                0.02,
            ),
            Level(
                f"length(given_l) > 1 AND length(given_r) > 1 AND ({_near('given_l', 'given_r')} "
                "OR given_sound_l = given_sound_r)",
                "forenames of nearly the same spelling or sound",
                0.07,
            ),
            Level(
                "left(given_l, 1) = left(given_r, 1) AND (length(given_l) = 1 OR length(given_r) = 1)",
                "a forename and its initial",
                0.03,
            ),
            _alike("given", "forenames"),
        ),
        "different forenames",
        0.015,
    ),
    Comparison(
        "family",
        ("family",),
        _both("family"),
        (
            Level(
                f"family_l = family_r AND (single_l AND (given_r IS NULL OR single_r) OR single_r AND given_l IS NULL) "
                f"AND ({ONE_HOME})",
                "the same single name, in one home",
                0.84,
                u=0.02,
                fixed=True,
            ),
            *_same("family", "the same surname", 0.84, 0.6),
            # The exchange was counted with the forename; here only how common the name is counts.
            Level(
                f"given_l IS NOT NULL AND {_EXCHANGED}", "surname and forename exchanged", 1.0, "family", 0.002, True
            ),
            Level(
                "list_has_any(parts_l, parts_r) OR least(length(family_l), length(family_r)) >= 5 "
                "AND (contains(family_l, family_r) OR contains(family_r, family_l))",
                "one part of a double surname",
                0.03,
            ),
            Level(
                f"{_near('family_l', 'family_r')} OR family_sound_l = family_sound_r "
                "OR list_has_any(family_forms_l, family_forms_r)",
                "surnames of nearly the same spelling or sound",
                0.06,
            ),
            _alike("family", "surnames"),
        ),
        "different surnames",
        0.05,
    ),
    Comparison(
        "middle",
        ("middle",),
        _both("middle"),
        (
            Level("middle_l = middle_r", "the same middle names", 0.7, tf="middle"),
            Level("left(middle_l, 1) = left(middle_r, 1)", "middle names that begin alike", 0.22),
        ),
        "different middle names",
        0.08,
    ),
    Comparison(
        "born",
        ("born",),
        f"({_both('born')}) AND NOT ({_CHILD_AND_ADULT})",
        (
            Level(_CHILD_AND_ADULT, "a child and somebody known to be grown up", 1e-5, u=0.2, fixed=True),
            *_same("born", "the same date of birth", 0.93, 0.008),
            Level(
                "left(born_l, 4) = left(born_r, 4) AND substr(born_l, 6, 2) = substr(born_r, 9, 2) "
                "AND substr(born_l, 9, 2) = substr(born_r, 6, 2)",
                "day and month of birth exchanged",
                0.01,
            ),
            Level(
                "hamming(born_l, born_r) <= 2 AND damerau_levenshtein(born_l, born_r) = 1 "
                "OR right(born_l, 5) = right(born_r, 5) AND abs(left(born_l, 4)::INT - left(born_r, 4)::INT) = 1",
                "dates of birth differing by one slip",
                0.025,
            ),
            Level(
                "left(born_l, 4) = left(born_r, 4) AND (right(born_l, 5) = '01-01' OR right(born_r, 5) = '01-01')",
                "the same year of birth, of which one may know only the year",
                0.01,
            ),
        ),
        "different dates of birth",
        0.025,
    ),
    Comparison(
        "sex",
        ("sex",),
        _both("sex"),
        (Level("sex_l = sex_r", "the same sex", 0.985),),
        "different sex",
        0.015,
    ),
    _number("nhs", "NHS number"),
    _number("ni", "National Insurance number"),
    _number("upn", "Unique Pupil Number"),
    # Of what kind it is nobody knows: how often one is a slip from another is measured, but for those of one home, who
    # may have been given them one after the other.
    Comparison(
        "other",
        ("other",),
        _both("other"),
        (
            Level("other_l = other_r", "the same other identifier", 0.97, u=1e-6),
            Level(f"{_slip('other_l', 'other_r')} AND ({ONE_HOME})", _SLIPPED + IN_ONE_HOME, 0.015, u=1e-3),
            Level(_slip("other_l", "other_r"), _SLIPPED, 0.015),
        ),
        "different other identifier",
        0.015,
    ),
    Comparison(
        "home",
        ("uprn", "line", "postcode"),
        "coalesce(uprn_l, line_l, postcode_l) IS NULL OR coalesce(uprn_r, line_r, postcode_r) IS NULL "
        "OR (coalesce(line_l, postcode_l) IS NULL OR coalesce(line_r, postcode_r) IS NULL) "
        "AND (uprn_l IS NULL OR uprn_r IS NULL)",
        (
            Level(f"home_l = home_r AND ({ONE_HOME})", AT_HOME[0], 0.65),
            Level(ONE_HOME, AT_HOME[1], 0.1),
            Level("uprn_l = uprn_r", "the same home of many people", 0.02, tf="uprn"),
            Level(
                "numbers_l = numbers_r AND jaro_winkler_similarity(line_l, line_r) >= 0.9",
                "nearly the same address",
                0.03,
            ),
            Level(f"postcode_l = postcode_r AND {_STREET}", "the same street and postcode", 0.03),
            Level("postcode_l = postcode_r", "the same postcode", 0.03, tf="postcode"),
            Level(_STREET, "nearly the same street", 0.02),
            Level("split_part(postcode_l, ' ', 1) = split_part(postcode_r, ' ', 1)", "the same part of town", 0.1),
        ),
        "different places",
        0.15,
    ),
    Comparison(
        "telephone",
        ("telephone",),
        _both("telephone"),
        (
            *_same("telephone", "the same telephone number", 0.65, 0.35),
            Level(_slip("telephone_l", "telephone_r"), "telephone numbers differing by one slip", 0.02),
        ),
        "different telephone numbers",
        0.28,
    ),
    Comparison(
        "email",
        ("email",),
        _both("email"),
        (
            *_same("email", "the same email address", 0.65, 0.1),
            # Addresses are made of names, so those of namesakes are alike.
            Level(_slip("email_l", "email_r"), "email addresses that differ by one slip", 0.02, u=0.002),
        ),
        "different email addresses",
        0.27,
    ),
)


def comparisons_of(filled: Collection[str]) -> tuple[Comparison, ...]:
    """Those that the filled columns allow."""
    return tuple(c for c in COMPARISONS if any(n in filled for n in c.needs))


def own_comparison(name: str, told: Mapping[str, Any]) -> Comparison:
    """A comparison that a match file gives: `needs`, `levels` (when, words, m, u, tf), `different`, `m_different`."""
    needs = tuple(told["needs"])
    null = " OR ".join(_both(n) for n in needs)
    levels = tuple(Level(s["when"], s["words"], s["m"], s["tf"], s["u"]) for s in told["levels"])
    return Comparison(name, needs, null, levels, told["different"], told["m_different"])
