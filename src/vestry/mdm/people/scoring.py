"""The weighing of a few pairs by a model that is trained: one statement of SQL, made of the model.

Splink takes seconds to plan what it does, whatever it does it to; a change of a few records needs a fraction of one.
What is said here is Splink's own formula, and a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vestry.mdm.people.linker import Model, parameters
from vestry.project import literal, quote

if TYPE_CHECKING:
    import duckdb


def meet(con: duckdb.DuckDBPyConnection, fresh: str, model: Model) -> None:
    """Make `mdm_met` (uid_l < uid_r): the pairs that a blocking rule brings together, of which one is of `fresh`.

    The others are of `mdm_before` and `mdm_before_homes`, or of `fresh` too.
    """
    rules = [
        f"SELECT f.uid AS a, o.uid AS b FROM {fresh} AS f JOIN {side} AS o ON f.k_{rule} = o.k_{rule}"
        for rule in model.blocking
        if rule != "homes"
        for side in (fresh, "mdm_before")
    ]
    if "homes" in model.blocking:
        homes = f"(SELECT uid, first, unnest(homes) AS home FROM {fresh})"
        rules += [
            f"SELECT f.uid, o.uid FROM {homes} AS f JOIN {side} AS o ON f.home = o.home AND f.first = o.first"
            for side in (homes, "mdm_before_homes")
        ]
    con.execute(
        "CREATE OR REPLACE TEMP TABLE mdm_met AS "
        f"SELECT DISTINCT least(a, b) AS uid_l, greatest(a, b) AS uid_r FROM ({' UNION ALL '.join(rules)}) WHERE a <> b"
    )


def score(
    con: duckdb.DuckDBPyConnection, records: str, model: Model, into: str, least: float, frequencies: str | None
) -> None:
    """Make the table `into`, as `weigh` does, of the pairs of `mdm_met`; `records` hold both records of each.

    `frequencies` (name, value, share) says how common values are; None where the model tempers nothing by it.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE mdm_sides AS {_with_shares(records, model, frequencies)}")
    compared = model.settings["comparisons"]
    levels = ", ".join(f"{level_of(c)} AS level_{c['output_column_name']}" for c in compared)
    shares = "".join(f", tf_{column}_l, tf_{column}_r" for column in model.tempered)
    factors = ", ".join(f"{_factor(c)} AS bf_{c['output_column_name']}" for c in compared)
    product = " * ".join(f"bf_{name}" for name in model.compared)
    weights = ", ".join(f"round(log2(bf_{name}), 2)::FLOAT AS w_{name}" for name in model.compared)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE {into} AS
        WITH l AS (SELECT COLUMNS('(.*)') AS '\\1_l' FROM mdm_sides),
        r AS (SELECT COLUMNS('(.*)') AS '\\1_r' FROM mdm_sides),
        compared AS (
            SELECT uid_l, uid_r, {levels}{shares} FROM mdm_met JOIN l USING (uid_l) JOIN r USING (uid_r)
        ),
        factors AS (SELECT uid_l, uid_r, {factors} FROM compared),
        weighed AS (
            SELECT *, log2(least(greatest({model.prior / (1 - model.prior)!r}::DOUBLE * {product}, 1e-300), 1e300))
                AS weight
            FROM factors
        )
        SELECT uid_l, uid_r, weight, {weights} FROM weighed WHERE weight >= {least}"""
    )
    con.execute("DROP TABLE mdm_sides")


def _with_shares(records: str, model: Model, frequencies: str | None) -> str:
    """SQL of the records with the share `tf_…` of each column whose commonness tempers evidence."""
    if not model.tempered or frequencies is None:
        return f"SELECT *{''.join(f', NULL::DOUBLE AS tf_{c}' for c in model.tempered)} FROM {records}"
    said = " UNION ".join(
        f"SELECT {literal(c)} AS name, {quote(c)}::VARCHAR AS value FROM {records}" for c in model.tempered
    )
    joins = "".join(
        f" LEFT JOIN shares AS f_{c} ON f_{c}.name = {literal(c)} AND f_{c}.value = s.{quote(c)}::VARCHAR"
        for c in model.tempered
    )
    shares = "".join(f", f_{c}.share AS tf_{c}" for c in model.tempered)
    return (
        f"WITH shares AS MATERIALIZED (SELECT * FROM {frequencies} SEMI JOIN ({said}) USING (name, value)) "
        f"SELECT s.*{shares} FROM {records} AS s{joins}"
    )


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
