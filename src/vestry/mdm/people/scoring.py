"""The weighing of pairs by a model that is trained, in SQL made of the model.

What is said here is Splink's own formula, and a test holds the two against each other. Splink takes seconds to plan
what it does, whatever it does it to, asks of each pair again and again whether the two share a home, and compares the
names also of those that share nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vestry.mdm.people.comparisons import AT_HOME, ONE_HOME
from vestry.mdm.people.linker import Model, parameters
from vestry.project import literal, quote

if TYPE_CHECKING:
    import duckdb


#: What is evidence besides these, and how much of it (bits, in one comparison) two records need: namesakes are many.
NAMES = ("given", "family", "middle", "sex")
BESIDES_NAMES = 2.0


def meet(con: duckdb.DuckDBPyConnection, fresh: str, model: Model, others: bool = False) -> None:
    """Make `mdm_met` (uid_l < uid_r): the pairs of `fresh` records that a blocking rule brings together.

    With `others` also the pairs of one of them and one of `mdm_before` or `mdm_before_homes`.
    """
    sides = [(fresh, "mdm_before", f"f.k_{rule} = o.k_{rule}") for rule in model.blocking if rule != "homes"]
    if "homes" in model.blocking:
        homes = f"(SELECT uid, first, unnest(homes) AS home FROM {fresh})"
        sides.append((homes, "mdm_before_homes", "f.home = o.home AND f.first = o.first"))
    found = [f"FROM {mine} AS f JOIN {mine} AS o ON {alike} AND f.uid < o.uid" for mine, _, alike in sides]
    if others:
        found += [f"FROM {mine} AS f JOIN {theirs} AS o ON {alike} AND f.uid <> o.uid" for mine, theirs, alike in sides]
    pairs = " UNION ALL ".join(f"SELECT f.uid AS a, o.uid AS b {two}" for two in found)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE mdm_met AS "
        f"SELECT DISTINCT least(a, b) AS uid_l, greatest(a, b) AS uid_r FROM ({pairs})"
    )


def score(
    con: duckdb.DuckDBPyConnection, records: str, model: Model, into: str, least: float, frequencies: str
) -> None:
    """Make the table `into` of the pairs of `mdm_met` that may share more than a name; `records` hold both of each.

    Columns: uid_l, uid_r (uid_l < uid_r), weight in bits, at least `least`, and w_… for each comparison.
    `frequencies` (name, value, share) says how common values are, of the columns that the model tempers.
    """
    compared = model.settings["comparisons"]
    names = [c for c in compared if c["output_column_name"] in NAMES]
    others = [c for c in compared if c not in names]
    sides = "l AS (SELECT COLUMNS('(.*)') AS '\\1_l' FROM {0}), r AS (SELECT COLUMNS('(.*)') AS '\\1_r' FROM {0})"
    # Most pairs share a name and nothing else: what takes longest, to compare names, is spared them. A table between
    # the two steps, for of one statement DuckDB would compute the levels twice.
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE mdm_evidence AS
        WITH {sides.format(records)},
        sides AS (SELECT l.*, r.*, {ONE_HOME} AS one_home FROM mdm_met JOIN l USING (uid_l) JOIN r USING (uid_r))
        SELECT uid_l, uid_r, one_home{_levels(others)} FROM sides"""
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE mdm_shares AS {_shares(records, model, frequencies)}")
    found = "".join(f", level_{c['output_column_name']}" for c in others)
    shares = "".join(f", tf_{column}_l, tf_{column}_r" for column in model.tempered)
    factors = ", ".join(f"{_factor(c)} AS bf_{c['output_column_name']}" for c in compared)
    product = " * ".join(f"bf_{name}" for name in model.compared)
    weights = ", ".join(f"round(log2(bf_{name}), 2)::FLOAT AS w_{name}" for name in model.compared)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE {into} AS
        WITH {sides.format(f"(FROM {records} JOIN mdm_shares USING (uid))")},
        likely AS (SELECT * FROM mdm_evidence WHERE {" OR ".join(map(_may_tell, others)) or "false"}),
        compared AS (
            SELECT uid_l, uid_r{found}{_levels(names)}{shares} FROM likely JOIN l USING (uid_l) JOIN r USING (uid_r)
        ),
        factors AS (SELECT uid_l, uid_r, {factors} FROM compared),
        weighed AS (
            SELECT uid_l, uid_r,
                log2(least(greatest({model.prior / (1 - model.prior)!r}::DOUBLE * {product}, 1e-300), 1e300)) AS weight,
                {weights}
            FROM factors
        )
        SELECT * FROM weighed WHERE weight >= {least}"""
    )
    con.execute("DROP TABLE mdm_evidence")
    con.execute("DROP TABLE mdm_shares")


def frequencies_of(records: str, model: Model) -> str:
    """SQL of the values (name, value, share) of the columns that a model tempers."""
    parts = " UNION ALL ".join(
        f"SELECT {literal(c)} AS name, {quote(c)}::VARCHAR AS value, count(*) / sum(count(*)) OVER () AS share "
        f"FROM {records} WHERE {quote(c)} IS NOT NULL GROUP BY {quote(c)}"
        for c in model.tempered
    )
    return parts or "SELECT NULL::VARCHAR AS name, NULL::VARCHAR AS value, NULL::DOUBLE AS share WHERE false"


def _shares(records: str, model: Model, frequencies: str) -> str:
    """SQL of the records (uid) with the share `tf_…` of each column whose commonness tempers evidence."""
    joins = "".join(
        f" LEFT JOIN (SELECT value, share AS tf_{c} FROM {frequencies} WHERE name = {literal(c)}) AS f_{c} "
        f"ON f_{c}.value = s.{quote(c)}::VARCHAR"
        for c in model.tempered
    )
    return f"SELECT s.uid{''.join(f', tf_{c}' for c in model.tempered)} FROM {records} AS s{joins}"


def _levels(comparisons: Sequence[Mapping[str, Any]]) -> str:
    return "".join(
        f", {level_of(c).replace(ONE_HOME, 'one_home')} AS level_{c['output_column_name']}" for c in comparisons
    )


def _may_tell(comparison: Mapping[str, Any]) -> str:
    """SQL of whether a pair stands at a level that may say enough besides names.

    A rare value says more than `m / u`, what a home says is put right later, and weights are kept to a hundredth.
    """
    name = comparison["output_column_name"]
    places = [
        str(place)
        for place, (level, m, u) in enumerate(parameters(comparison), 1)
        if level.get("tf_adjustment_column")
        or level["label_for_charts"] in AT_HOME
        or math.log2(m / u) >= BESIDES_NAMES - 0.01
    ]
    return f"level_{name} IN ({', '.join(places)})" if places else "false"


def level_of(comparison: Mapping[str, Any]) -> str:
    """SQL of the place of the level at which a pair stands."""
    levels = comparison["comparison_levels"]
    steps = " ".join(f"WHEN {s['sql_condition']} THEN {n}" for n, s in enumerate(levels[:-1]))
    return f"CASE {steps} ELSE {len(levels) - 1} END"


def _factor(comparison: Mapping[str, Any]) -> str:
    """SQL of the Bayes factor of a level, tempered by the commoner of two values where the level says so."""
    steps = []
    for place, (level, m, u) in enumerate(parameters(comparison), 1):
        factor = f"{m / u!r}::DOUBLE"
        if column := level.get("tf_adjustment_column"):
            factor += f" * coalesce({u!r}::DOUBLE / greatest(tf_{column}_l, tf_{column}_r), 1)"
        steps.append(f"WHEN {place} THEN {factor}")
    return f"CASE level_{comparison['output_column_name']} {' '.join(steps)} ELSE 1.0::DOUBLE END"
