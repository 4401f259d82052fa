"""How well a citizen index knows who is who, held against a truth or against reviewed pairs.

All is counted by the sizes of groups: n records of one person are n(n - 1)/2 pairs, so that a million records are
judged in seconds and a group that went wrong cannot make the judging explode. Intervals are of 95 %.

*Clusters*, of which each is right or not, have Wilson's interval. *Pairs* are not independent: a person with ten
records has 45 of them, and one wrong link is many wrong pairs. So what varies is the person: the variance is the
jackknife's, which leaves out each person in turn with every pair that touches one of their records (each record,
where reviewed pairs are all there is). It errs to the wide side (Efron and Stein, 1981, Annals of Statistics 9(3)),
draws no lots, so two evaluations say the same, and needs one pass, where a bootstrap needs hundreds. Persons as the
units of entity resolution: Binette et al., 2023, The American Statistician 77(4). An interval by the variance alone
would go past 1, where figures of linkage lie: so the variance is told as the number of independent pairs that would
have it, and that number given to Wilson's interval (Franco et al., 2019, J. Survey Statistics and Methodology 7(3)).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from vestry.mdm.people.quality import (
    ENOUGH_LINKS,
    FAR_UNDER,
    Evaluation,
    Group,
    Lines,
    Lookalikes,
    Quality,
    Share,
    SourcePair,
    lines,
    wilson,
)
from vestry.mdm.people.truth import Truth, read_truth
from vestry.project import VestryError, quote

if TYPE_CHECKING:
    import duckdb

__all__ = ["Evaluation", "Lines", "Truth", "evaluate", "lines", "read_truth"]

#: A column of the truth that has more values than this is of no groups.
MOST_GROUPS = 50
#: What a record may lack: each of these things, by any of its columns.
_THINGS = (
    ("forename",),
    ("surname",),
    ("date_of_birth",),
    ("sex",),
    ("nhs_number", "ni_number", "upn", "other_id"),
    ("uprn", "address", "postcode"),
    ("telephone", "email"),
)


def evaluate(con: duckdb.DuckDBPyConnection, found: str, truth: Truth) -> Evaluation:
    """Hold the index against a truth or reviewed pairs.

    `found` is SQL of a relation with source, record_id, person_id, and what else is known of the records: uprn,
    address, postcode, forename, surname, date_of_birth tell of false matches in one home; `missing` (or, without
    it, the attributes themselves) of how much a record lacks. Records are judged that are in both.

    Raises VestryError where truth and index have no record in common, or the truth contradicts itself.
    """
    try:
        return _by_labels(con, found, truth) if truth.kind == "labels" else _by_people(con, found, truth)
    finally:
        for name in _TABLES:
            con.execute(f"DROP TABLE IF EXISTS {name}")


_TABLES = ("mdm_judged", "mdm_told", "mdm_cell", "mdm_unit")


def _by_people(con: duckdb.DuckDBPyConnection, found: str, truth: Truth) -> Evaluation:
    known = _columns(con, found)
    _tell(con, truth)
    groups = {name: f"CAST(t.{quote(name)} AS VARCHAR)" for name in truth.groups if _is_group(con, name)}
    if "missing" not in groups and (lacks := _lacks(known)):
        groups["missing"] = lacks
    looks = {name: sql for name, (needs, sql) in _LOOKS.items() if set(needs) <= set(known)}
    columns = {**{_group(name): f"coalesce({sql}, 'not known')" for name, sql in groups.items()}, **looks}
    more = "".join(f", {sql} AS {quote(name)}" for name, sql in columns.items())
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE mdm_judged AS SELECT t._source AS source, "
        f"CAST(f.person_id AS VARCHAR) AS found, t._person AS truth{more} "
        f"FROM mdm_told AS t JOIN {found} AS f ON f.source = t._source AND CAST(f.record_id AS VARCHAR) = t._record"
    )
    records, told = _one(con, "SELECT count(*) FROM mdm_judged"), _one(con, "SELECT count(*) FROM mdm_told")
    if not records:
        raise _strangers(con, found, "SELECT _source AS source FROM mdm_told")
    con.execute(_CELL)
    con.execute(_UNIT.format(label="''"))
    whole, _ = _measured(con)[""]
    links = _one(con, "SELECT sum(n * (n - 1) // 2) FROM (SELECT count(*) AS n FROM mdm_told GROUP BY _person)")
    clusters, several = (_row(con, _CLUSTERS.format(least=least)) for least in (1, 2))
    return Evaluation(
        kind="people",
        records=records,
        missing_from_index=told - records,
        unknown_to_truth=_one(con, f"SELECT count(*) FROM {found} AS f") - records,
        pairwise=whole,
        recall_with_missing=whole.right / links if links else None,
        cluster=_counted(*clusters),
        cluster_of_several=_counted(*several),
        by_sources=_source_pairs(con),
        by_group=tuple(group for name in groups for group in _groups(con, name)),
        lookalikes=_lookalikes(con, looks),
        sizes={"people_in_index": clusters[1], "people_in_truth": clusters[2]},
    )


def _tell(con: duckdb.DuckDBPyConnection, truth: Truth) -> None:
    """Make `mdm_told`: one row for each record of the truth, which may tell it twice but not differently."""
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE mdm_told AS SELECT *, CAST(source AS VARCHAR) AS _source, "
        f"CAST(record_id AS VARCHAR) AS _record, CAST(person_id AS VARCHAR) AS _person "
        f"FROM {truth.relation} WHERE source IS NOT NULL AND record_id IS NOT NULL AND person_id IS NOT NULL"
    )
    differing = "SELECT 1 FROM mdm_told GROUP BY _source, _record HAVING count(DISTINCT _person) > 1"
    if twice := _one(con, f"SELECT count(*) FROM ({differing})"):
        what = f"the truth says of {twice:,} record{'s' if twice > 1 else ''} that different people are behind it"
        raise VestryError(what, mend="give each record (source, record_id) one person_id")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE mdm_told AS FROM mdm_told AS t "
        "QUALIFY row_number() OVER (PARTITION BY _source, _record ORDER BY t) = 1"
    )


def _strangers(con: duckdb.DuckDBPyConnection, found: str, told: str) -> VestryError:
    named = [
        ", ".join(
            str(name) for (name,) in con.execute(f"SELECT DISTINCT source FROM {r} AS r ORDER BY 1 LIMIT 20").fetchall()
        )
        for r in (f"({told})", found)
    ]
    return VestryError(
        "no record of the truth is in the index",
        mend=f"`source` is the product table and `record_id` its key; the truth's sources: {named[0] or 'none'}; "
        f"the index's: {named[1] or 'none'}",
    )


#: Records by person found and person true, with how many the one and the other have in all.
_CELL = """
CREATE OR REPLACE TEMP TABLE mdm_cell AS
SELECT found, truth, n, sum(n) OVER (PARTITION BY found)::BIGINT AS n_found,
    sum(n) OVER (PARTITION BY truth)::BIGINT AS n_truth
FROM (SELECT found, truth, count(*) AS n FROM mdm_judged GROUP BY ALL)
"""

#: For each label and true person, the ends of links (a link has two, so that one between two labels counts half for
#: each) that are right, false and missed; and how many ends of the label would go with the person.
_UNIT = """
CREATE OR REPLACE TEMP TABLE mdm_unit AS
WITH labelled AS (SELECT {label} AS label, found, truth, count(*) AS v FROM mdm_judged GROUP BY ALL),
met AS (SELECT label, found, sum(v)::BIGINT AS v_found FROM labelled GROUP BY ALL)
SELECT met.label, c.truth AS unit, sum(coalesce(v, 0))::BIGINT AS records,
    sum(coalesce(v, 0) * (n - 1))::DOUBLE AS good, sum(coalesce(v, 0) * (n_found - n))::DOUBLE AS wrong,
    sum(coalesce(v, 0) * (n_truth - n))::DOUBLE AS missed,
    good AS good_gone, missed AS missed_gone,
    sum(coalesce(v, 0) * (n_found - n) + n * (v_found - coalesce(v, 0)))::DOUBLE AS wrong_gone
FROM met JOIN mdm_cell AS c USING (found)
LEFT JOIN labelled AS l ON l.label = met.label AND l.found = c.found AND l.truth = c.truth
GROUP BY ALL
"""

#: The sums by label, and the jackknife's variances of precision, recall and F1 with how many units each rests on.
_MEASURE = """
WITH total AS (
    SELECT label, sum(records)::BIGINT AS records, sum(good) AS a, sum(wrong) AS b, sum(missed) AS c
    FROM mdm_unit GROUP BY label
),
without AS (
    SELECT label, total.* EXCLUDE (label), good_gone + wrong_gone > 0 AS in_p, good_gone + missed_gone > 0 AS in_r,
        (a - good_gone) / nullif(a + b - good_gone - wrong_gone, 0) - a / nullif(a + b, 0) AS p,
        (a - good_gone) / nullif(a + c - good_gone - missed_gone, 0) - a / nullif(a + c, 0) AS r,
        2 * (a - good_gone) / nullif(2 * (a - good_gone) + b - wrong_gone + c - missed_gone, 0)
            - 2 * a / nullif(2 * a + b + c, 0) AS f
    FROM total JOIN mdm_unit USING (label)
)
SELECT label, records, a / 2, b / 2, c / 2,
    count(*) FILTER (in_p), sum(p * p) FILTER (in_p), count(*) FILTER (in_r), sum(r * r) FILTER (in_r),
    count(*) FILTER (in_p OR in_r), sum(f * f) FILTER (in_p OR in_r)
FROM without GROUP BY label, records, a, b, c
"""


def _measured(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[Quality, int]]:
    """What `mdm_unit` comes to, with the number of records, by label."""
    found = {}
    for label, records, right, false, missed, *spread in con.execute(_MEASURE).fetchall():
        wholes = (right + false, right + missed, right + (false + missed) / 2)
        p, r, f = (_spread_share(right, *rest) for rest in zip(wholes, spread[0::2], spread[1::2], strict=True))
        found[label] = Quality(p, r, f, right, false, missed), records
    return found


def _spread_share(part: float, whole: float, units: int, squares: float | None) -> Share:
    """A share whose parts come in units, with the interval of as many independent parts as vary like it."""
    if not whole:
        return Share()
    value = part / whole
    variance = (units - 1) / units * squares if units and squares else 0.0
    # Where nothing varies the sample does not tell how much it might: each unit then counts as one.
    n = value * (1 - value) / variance if variance else units
    return Share(value, *wilson(value, max(1.0, min(n, whole))))


#: Clusters that are exactly right, of those found and of those true.
_CLUSTERS = """
SELECT count(*) FILTER (n = n_found AND n = n_truth AND n >= {least}),
    count(DISTINCT found) FILTER (n_found >= {least}), count(DISTINCT truth) FILTER (n_truth >= {least})
FROM mdm_cell
"""


def _counted(right: int, found: int, true: int) -> Quality:
    """Of clusters, and of links counted one by one: each is a case by itself."""

    def share(whole: float) -> Share:
        return Share(right / whole, *wilson(right / whole, whole)) if whole else Share()

    return Quality(share(found), share(true), share((found + true) / 2), right, found - right, true - right)


def _source_pairs(con: duckdb.DuckDBPyConnection) -> tuple[SourcePair, ...]:
    pairs = ", ".join(
        f"by_{name} AS (WITH k AS (SELECT source, {key}, count(*) AS n FROM mdm_judged GROUP BY ALL) "
        "SELECT a.source AS l, b.source AS r, "
        "sum(CASE WHEN a.source = b.source THEN a.n * (a.n - 1) // 2 ELSE a.n * b.n END)::BIGINT AS {name} "
        f"FROM k AS a JOIN k AS b USING ({key}) WHERE a.source <= b.source GROUP BY ALL)".replace("{name}", name)
        for name, key in (("n_found", "found"), ("n_true", "truth"), ("n_right", "found, truth"))
    )
    rows = con.execute(
        f"WITH {pairs} SELECT l, r, coalesce(n_right, 0), coalesce(n_found, 0), coalesce(n_true, 0) "
        "FROM by_n_found FULL JOIN by_n_true USING (l, r) FULL JOIN by_n_right USING (l, r) "
        "WHERE coalesce(n_found, 0) + coalesce(n_true, 0) > 0 ORDER BY l, r"
    ).fetchall()
    return tuple(SourcePair(left, right, _bare(*counts)) for left, right, *counts in rows)


def _bare(right: int, found: int, true: int) -> Quality:
    """Without intervals."""
    half = (found + true) / 2
    p, r, f = (Share(right / whole) if whole else Share() for whole in (found, true, half))
    return Quality(p, r, f, right, found - right, true - right)


def _is_group(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    """A column of so many values is of something else: a name, a note."""
    return _one(con, f"SELECT count(DISTINCT {quote(name)}) FROM mdm_told") <= MOST_GROUPS


def _group(name: str) -> str:
    return f"group {name}"


def _lacks(known: Collection[str]) -> str | None:
    """SQL of how many things a record lacks, in words; None where that cannot be told."""
    if "missing" in known:
        return "CAST(f.missing AS VARCHAR)"
    things = [[c for c in thing if c in known] for thing in _THINGS]
    filled = [
        f"(coalesce({', '.join(f'CAST(f.{c} AS VARCHAR)' for c in thing)}) IS NULL)::INT" for thing in things if thing
    ]
    return f"CAST({' + '.join(filled)} AS VARCHAR)" if filled else None


def _groups(con: duckdb.DuckDBPyConnection, name: str) -> list[Group]:
    con.execute(_UNIT.format(label=quote(_group(name))))
    found = sorted(_measured(con).items())
    recalls = {value: q.recall.value for value, (q, _) in found if q.recall.value is not None}
    enough = [recalls[v] for v, (q, _) in found if v in recalls and q.right + q.missed >= ENOUGH_LINKS]
    best = max(enough or recalls.values(), default=0.0)
    return [
        Group(name, value, n, q.right + q.missed, q, recalls.get(value, best) < best - FAR_UNDER)
        for value, (q, n) in found
    ]


#: What people who are taken for one another share: the columns it needs, and SQL.
_LOOKS = {
    "uprn": (("uprn",), "nullif(ltrim(CAST(f.uprn AS VARCHAR), '0'), '')"),
    "line": (
        ("address", "postcode"),
        "nullif(regexp_replace(upper(f.address || ' ' || coalesce(f.postcode, '')), '[^A-Z0-9]', '', 'g'), '')",
    ),
    "name": (
        ("forename", "surname"),
        "CASE WHEN f.forename <> '' AND f.surname <> '' "
        "THEN regexp_replace(upper(strip_accents(f.forename || '|' || f.surname)), '[^A-Z|]', '', 'g') END",
    ),
    "born": (("date_of_birth",), "CAST(f.date_of_birth AS VARCHAR)"),
}


def _lookalikes(con: duckdb.DuckDBPyConnection, looks: Collection[str]) -> tuple[Lookalikes, ...]:
    """Pairs of different people's records: all, and those that are likely to be taken for one, by what they share."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE mdm_mixed AS FROM mdm_judged "
        "SEMI JOIN (FROM mdm_cell WHERE n < n_found) AS m USING (found)"
    )

    def count(*keys: str) -> tuple[int, int]:
        return _of_two(con, "mdm_judged", keys), _of_two(con, "mdm_mixed", ("found", *keys))

    def at_home(*keys: str) -> tuple[int, int]:
        """By UPRN or by address: each, less what both would count twice."""
        ways = [k for k in ("uprn", "line") if k in looks]
        each = [(1, count(w, *keys)) for w in ways] + ([(-1, count(*ways, *keys))] if len(ways) == 2 else [])
        return sum(sign * n for sign, (n, _) in each), sum(sign * n for sign, (_, n) in each)

    kinds = {"all": count()}
    home = bool({"uprn", "line"} & set(looks))
    if home:
        kinds["in_one_home"] = at_home()
    if home and "born" in looks:
        kinds["in_one_home_born_the_same_day"] = at_home("born")
    if home and "name" in looks:
        kinds["in_one_home_of_one_name"] = at_home("name")
        (pairs, joined), (here, joined_here) = count("name"), kinds["in_one_home_of_one_name"]
        kinds["elsewhere_of_one_name"] = pairs - here, joined - joined_here
    con.execute("DROP TABLE mdm_mixed")
    return tuple(Lookalikes(kind, pairs, joined) for kind, (pairs, joined) in kinds.items())


def _of_two(con: duckdb.DuckDBPyConnection, table: str, keys: Sequence[str]) -> int:
    """How many pairs of records of different people share all the keys."""
    listed = ", ".join(keys)
    where = " AND ".join(f"{k} IS NOT NULL" for k in keys) or "true"
    people = f"SELECT {', '.join(['truth', *keys])}, count(*) AS n FROM {table} WHERE {where} GROUP BY ALL"
    sums = "sum(n)::BIGINT AS records, sum(n * (n - 1) // 2)::BIGINT AS own"
    shared = f"SELECT {sums} FROM ({people})" + (f" GROUP BY {listed}" if keys else "")
    return _one(con, f"SELECT sum(records * (records - 1) // 2 - own) FROM ({shared})")


#: Reviewed pairs, each once, with whether the index has their records, and as one person.
_PAIRS = """
CREATE OR REPLACE TEMP TABLE mdm_judged AS
WITH labels AS (
    SELECT CAST(source_a AS VARCHAR) AS source_a, CAST(record_a AS VARCHAR) AS record_a,
        CAST(source_b AS VARCHAR) AS source_b, CAST(record_b AS VARCHAR) AS record_b, same
    FROM {labels} WHERE same IS NOT NULL
),
pairs AS (
    SELECT DISTINCT least([source_a, record_a], [source_b, record_b]) AS l,
        greatest([source_a, record_a], [source_b, record_b]) AS r, same
    FROM labels WHERE [source_a, record_a] <> [source_b, record_b]
),
people AS (SELECT [CAST(source AS VARCHAR), CAST(record_id AS VARCHAR)] AS record, person_id FROM {found} AS f)
SELECT p.*, p.l[1] AS source_l, p.r[1] AS source_r, a.person_id IS NOT NULL AS has_l, b.person_id IS NOT NULL AS has_r,
    a.person_id = b.person_id AS together
FROM pairs AS p LEFT JOIN people AS a ON a.record = p.l LEFT JOIN people AS b ON b.record = p.r
"""

_LABEL_UNIT = """
CREATE OR REPLACE TEMP TABLE mdm_unit AS
SELECT '' AS label, unit, count(*)::BIGINT AS records, count(*) FILTER (same AND together)::DOUBLE AS good,
    count(*) FILTER (NOT same AND together)::DOUBLE AS wrong, count(*) FILTER (same AND NOT together)::DOUBLE AS missed,
    2 * good AS good_gone, 2 * wrong AS wrong_gone, 2 * missed AS missed_gone
FROM (SELECT *, unnest([l, r]) AS unit FROM mdm_judged WHERE together IS NOT NULL) GROUP BY ALL
"""


def _by_labels(con: duckdb.DuckDBPyConnection, found: str, truth: Truth) -> Evaluation:
    con.execute(_PAIRS.format(labels=truth.relation, found=found))
    if both := _one(con, "SELECT count(*) FROM (SELECT 1 FROM mdm_judged GROUP BY l, r HAVING count(*) > 1)"):
        what = f"{both:,} pair{'s are' if both > 1 else ' is'} labelled the same person and different people"
        raise VestryError(what, mend="keep one label for each pair; the order of its records does not matter")
    records = "SELECT l AS record, has_l AS known FROM mdm_judged UNION SELECT r, has_r FROM mdm_judged"
    inside, outside = _row(con, f"SELECT count(*) FILTER (known), count(*) FILTER (NOT known) FROM ({records})")
    if not inside:
        raise _strangers(con, found, "SELECT unnest([source_l, source_r]) AS source FROM mdm_judged")
    con.execute(_LABEL_UNIT)
    whole = _measured(con).get("", (_bare(0, 0, 0), 0))[0]
    same = _one(con, "SELECT count(*) FROM mdm_judged WHERE same")
    by_sources = con.execute(
        "SELECT source_l, source_r, count(*) FILTER (same AND together), count(*) FILTER (together), "
        "count(*) FILTER (same) FROM mdm_judged WHERE together IS NOT NULL GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return Evaluation(
        kind="labels",
        records=inside,
        missing_from_index=outside,
        unknown_to_truth=_one(con, f"SELECT count(*) FROM {found} AS f") - inside,
        pairwise=whole,
        recall_with_missing=whole.right / same if same else None,
        by_sources=tuple(SourcePair(left, right, _bare(*counts)) for left, right, *counts in by_sources),
    )


def _columns(con: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    return [str(row[0]) for row in con.execute(f"DESCRIBE SELECT * FROM {relation} AS r").fetchall()]


def _row(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[int, ...]:
    row = con.execute(sql).fetchone()
    assert row is not None
    return tuple(int(v or 0) for v in row)


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    return _row(con, sql)[0]
