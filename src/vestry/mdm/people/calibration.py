"""What random pairs cannot tell: how likely two records are one person, anywhere and in one home.

In a council's systems most pairs of records that share a home are of two people, a family's. In a register that
holds each person again and again they are of one. Random pairs hardly ever share a home, so training cannot know;
the weights themselves can: each share is what they add up to.
"""

from __future__ import annotations

import copy
import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vestry.mdm.people.comparisons import AT_HOME, IN_ONE_HOME
from vestry.mdm.people.linker import OF_FAMILIES, Model, levels_of, odds, weight_of

if TYPE_CHECKING:
    import duckdb

#: What two records of one home may be at the least and the most: beyond, a home says more than it can.
_LEAST, _MOST = 0.02, 0.98


def calibrated(con: duckdb.DuckDBPyConnection, model: Model, pairs: str, records: str) -> Model:
    """The model with both shares as its own weights of `pairs` (a table that `score` made of `records`) have them.

    Where homes turn out not to be of families, what two records of one home share is weighed as anywhere else, and
    the pairs are to be weighed again. Otherwise they have their weights by it when this returns.
    """
    settings: dict[str, Any] = copy.deepcopy(dict(model.settings))
    at_home = [level for level in levels_of(settings, "home") if level["label_for_charts"] in AT_HOME]
    near = " OR ".join(f"abs(w_home - {weight_of(level)}) < 0.01" for level in at_home) or "false"
    found = con.execute(
        f"SELECT weight - {odds(model.prior)} AS evidence, {'w_home' if at_home else '0.0'} AS home, "
        f"coalesce({near}, false) AS near FROM {pairs}"
    ).fetchnumpy()
    evidence = np.asarray(found["evidence"])
    prior = _share(evidence, model.prior, _number(con, f"SELECT count(*) * (count(*) - 1) / 2 FROM {records}"))
    settings["probability_two_random_records_match"] = prior
    of_one_home = at_home and _number(con, _OF_ONE_HOME.format(records=records))
    if not of_one_home:
        _shift(con, pairs, odds(prior) - odds(model.prior), "false", 0.0)
        return Model(settings, model.blocking)
    others = (evidence - np.asarray(found["home"]))[np.asarray(found["near"])]
    one_home = min(max(_share(others, 0.5, of_one_home), _LEAST), _MOST)
    for level in at_home:
        level["u_probability"] = level["m_probability"] / 2 ** (odds(one_home) - odds(prior))
    _shift(con, pairs, odds(prior) - odds(model.prior), near, odds(one_home) - odds(prior))
    if one_home >= OF_FAMILIES:
        for comparison in settings["comparisons"]:
            levels = levels_of(settings, comparison["output_column_name"])
            for here, anywhere in pairwise(levels):
                if here["label_for_charts"] == anywhere["label_for_charts"] + IN_ONE_HOME:
                    here["u_probability"] = anywhere["u_probability"]
    return Model(settings, model.blocking, one_home)


def _shift(con: duckdb.DuckDBPyConnection, pairs: str, all_by: float, near: str, home: float) -> None:
    """Change the weights of all pairs, and what one home says of those that are near."""
    con.execute(f"UPDATE {pairs} SET weight = weight + {all_by}")
    if near != "false":
        home = round(home, 2)
        con.execute(f"UPDATE {pairs} SET weight = weight + {home} - w_home, w_home = {home} WHERE {near}")


_OF_ONE_HOME = """
SELECT coalesce(sum(n * (n - 1) / 2), 0) FROM (
    SELECT count(*) AS n FROM {records} WHERE home IS NOT NULL AND homes IS NOT NULL GROUP BY home
)
"""


def _share(evidence: NDArray[np.float64], begin: float, possible: float) -> float:
    """Of so many possible pairs, the share that the evidence (bits) of those that were weighed adds up to."""
    share = begin
    for _ in range(50):
        likely = 1 / (1 + np.exp2(-np.clip(evidence + odds(share), -60, 60)))
        before, share = share, min(max(float(likely.sum()) / max(1.0, possible), 1e-12), 0.999)
        if abs(math.log2(share / before)) < 0.001:
            break
    return share


def _number(con: duckdb.DuckDBPyConnection, select: str) -> float:
    row = con.execute(select).fetchone()
    return float(row[0]) if row else 0.0
