"""The one place where Splink is used: the training of a model.

Splink 4 today. What the rest of Vestry knows is a `Model`, which is data.
"""

from __future__ import annotations

import json
import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vestry.mdm.people.comparisons import IN_ONE_HOME, OF_SOME_LIKENESS, Comparison, Level

if TYPE_CHECKING:
    import duckdb
    from splink import Linker

#: Random pairs from which chance agreement is measured, and pairs of one block from which training learns at most.
RANDOM_PAIRS = 1e6
TRAINED_PAIRS = 2_000_000
#: How much training may move a parameter from where it begins: the rest keeps rare levels from nonsense.
TRUST = 0.7
#: What agreement of two records is taken for one person at the start: each column that is filled must agree.
_CERTAIN = (("nhs",), ("ni",), ("upn",), ("other",), ("given", "family", "born"), ("given", "family", "postcode"))
#: Columns that two records share while the others are trained; what blocks is not learnt from.
_TRAINING = (
    ("born", "family"),
    ("given", "family"),
    ("born", "postcode"),
    ("born", "sex"),
    ("family", "line"),
    ("telephone",),
    ("email",),
)
_LEAST = 1e-5
#: Where more than this share of the pairs of one home are one person, homes are not of families.
OF_FAMILIES = 0.6


@dataclass(frozen=True)
class Model:
    """A trained model: Splink's settings with their parameters, all that is needed to weigh pairs again."""

    settings: Mapping[str, Any]
    blocking: tuple[str, ...]
    #: How likely two records that name one home are one person; None where homes are not compared.
    one_home: float | None = None

    @property
    def prior(self) -> float:
        """How likely two records taken at random are one person."""
        return float(self.settings["probability_two_random_records_match"])

    @property
    def compared(self) -> tuple[str, ...]:
        return tuple(c["output_column_name"] for c in self.settings["comparisons"])

    @property
    def tempered(self) -> tuple[str, ...]:
        """The columns whose commonness tempers evidence."""
        found = {
            level["tf_adjustment_column"]
            for comparison in self.settings["comparisons"]
            for level in comparison["comparison_levels"]
            if level.get("tf_adjustment_column")
        }
        return tuple(sorted(found))

    @property
    def of_families(self) -> bool:
        """Whether records of one home are mostly of several people, as far as anybody knows."""
        return self.one_home is None or self.one_home < OF_FAMILIES

    def different(self, name: str) -> list[float]:
        """The weights (bits) of the levels of a comparison at which two values are different."""
        levels = levels_of(self.settings, name)
        return [weight_of(s) for s in levels if s is levels[-1] or s["label_for_charts"].endswith(OF_SOME_LIKENESS)]

    def to_json(self) -> str:
        held = {"settings": self.settings, "blocking": self.blocking, "one_home": self.one_home}
        return json.dumps(held, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Model:
        held = json.loads(text)
        return cls(held["settings"], tuple(held["blocking"]), held["one_home"])


def train(
    con: duckdb.DuckDBPyConnection,
    records: str,
    comparisons: Sequence[Comparison],
    blocking: Sequence[str],
    filled: Sequence[str],
) -> Model:
    """Learn from the records of a table, without labels, how much each likeness says.

    `filled` are the columns that hold enough to learn from; `blocking` the names of the `k_…` columns.
    """
    with _linker(con, records, _settings(comparisons, blocking)) as linker:
        certain = _possible(_CERTAIN, filled)
        if certain:
            linker.training.estimate_probability_two_random_records_match(
                [_sharing(columns) for columns in certain], recall=0.8
            )
        linker.training.estimate_u_using_random_sampling(max_pairs=RANDOM_PAIRS, seed=1)
        for rule in training_rules(con, records, filled):
            linker.training.estimate_parameters_using_expectation_maximisation(rule)
        _settle(linker, comparisons)
        settings = linker.misc.save_model_to_json()
    return Model(settings, tuple(blocking))


def training_rules(con: duckdb.DuckDBPyConnection, records: str, filled: Sequence[str]) -> list[str]:
    """What records share while the rest is learnt from: three rules, each of which leaves others' columns free."""
    return [_capped(con, records, columns) for columns in _possible(_TRAINING, filled)[:3]]


def levels_of(settings: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The levels of a comparison of a model, without that of what is not known."""
    found = (c["comparison_levels"] for c in settings["comparisons"] if c["output_column_name"] == name)
    return [level for level in next(found, []) if not level.get("is_null_level")]


def parameters(comparison: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], float, float]]:
    """The levels of a comparison but for that of what is not known, which is the first; each with m and u.

    Where none was learnt they are what Splink takes then.
    """
    levels = [level for level in comparison["comparison_levels"] if not level.get("is_null_level")]
    begun = [(0.0, 0.0)] * len(levels)
    if not all("m_probability" in level and "u_probability" in level for level in levels):
        from splink.internals.comparison_level import _default_m_values, _default_u_values

        count = len(levels)
        begun = list(zip(_default_m_values(count), _default_u_values(count), strict=True))[::-1]
    return [
        (level, level.get("m_probability", m), level.get("u_probability", u))
        for level, (m, u) in zip(levels, begun, strict=True)
    ]


def weight_of(level: Mapping[str, Any]) -> float:
    """What a level says for two records being one person, in bits."""
    return math.log2(level["m_probability"] / level["u_probability"])


def odds(probability: float) -> float:
    """The odds of a probability, in bits."""
    return math.log2(probability / (1 - probability))


def _settings(comparisons: Sequence[Comparison], blocking: Sequence[str]) -> dict[str, Any]:
    from splink import SettingsCreator
    from splink import comparison_level_library as levels
    from splink import comparison_library as library

    made: list[Any] = []
    for comparison in comparisons:
        steps: list[Any] = [levels.CustomLevel(comparison.null, "not known").configure(is_null_level=True)]
        steps += [_level(level) for level in comparison.levels]
        steps.append(levels.ElseLevel().configure(m_probability=comparison.m_different))
        made.append(library.CustomComparison(output_column_name=comparison.name, comparison_levels=steps))
    rules: list[Any] = [f"l.k_{name} = r.k_{name}" for name in blocking if name != "homes"]
    if "homes" in blocking:
        rules.append(
            {
                "blocking_rule": "l.homes = r.homes AND l.first = r.first",
                "sql_dialect": "duckdb",
                "arrays_to_explode": ["homes"],
            }
        )
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="uid",
        comparisons=made,
        blocking_rules_to_generate_predictions=rules,
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=True,
        max_iterations=20,
        em_convergence=0.001,
    ).create_settings_dict("duckdb")


def _level(level: Level) -> Any:
    from splink import comparison_level_library as levels

    told: dict[str, Any] = {"m_probability": level.m, "u_probability": level.u or 5e-7}
    if level.tf:
        told |= {
            "tf_adjustment_column": level.tf,
            "tf_adjustment_weight": 1.0,
            "disable_tf_exact_match_detection": True,
        }
    if level.u:
        told["fix_u_probability"] = True
    if level.fixed:
        told["fix_m_probability"] = True
    return levels.CustomLevel(level.sql, level.words).configure(**told)


def _possible(rules: Sequence[tuple[str, ...]], filled: Sequence[str]) -> list[tuple[str, ...]]:
    return [columns for columns in rules if set(columns) <= set(filled)]


def _sharing(columns: Sequence[str]) -> str:
    return " AND ".join(f"l.{c} = r.{c}" for c in columns)


def _capped(con: duckdb.DuckDBPyConnection, records: str, columns: Sequence[str]) -> str:
    """The rule that records share the columns, for a part of the records that makes no more pairs than needed."""
    names = ", ".join(columns)
    row = con.execute(
        f"SELECT sum(n * (n - 1) / 2) FROM (SELECT count(*) AS n FROM {records} "
        f"WHERE {columns[0]} IS NOT NULL GROUP BY {names})"
    ).fetchone()
    pairs = float(row[0] or 0) if row else 0.0
    rule = _sharing(columns)
    if pairs <= TRAINED_PAIRS:
        return rule
    share = int(1_000_000 * TRAINED_PAIRS / pairs)
    return f"{rule} AND hash(l.{columns[0]}) % 1000000 < {share}"


def _settle(linker: Linker, comparisons: Sequence[Comparison]) -> None:
    """Pull what was learnt towards where it began; agreement in one home and elsewhere is one share of matches."""
    for begun, learnt in zip(comparisons, linker._settings_obj.comparisons, strict=True):
        levels = [level for level in learnt.comparison_levels if not level.is_null_level]
        first = [*(level.m for level in begun.levels), begun.m_different]
        now = [
            level.m_probability if isinstance(level.m_probability, float) else m
            for level, m in zip(levels, first, strict=True)
        ]
        for place, degree in enumerate(begun.levels):
            learnt_here = now[place : place + 2] != first[place : place + 2]
            if degree.words.endswith(IN_ONE_HOME) and not degree.fixed and learnt_here:
                now[place] = now[place + 1] = min(0.99, now[place] + now[place + 1])
        fixed = [*(level.fixed for level in begun.levels), False]
        for step, m, start, keep in zip(levels, now, first, fixed, strict=True):
            step._m_probability = start if keep else max(_LEAST, TRUST * m + (1 - TRUST) * start)


@contextmanager
def _linker(con: duckdb.DuckDBPyConnection, records: str, settings: dict[str, Any]) -> Iterator[Linker]:
    """A linker over a table of the connection, whose own tables are gone when it is left."""
    from splink import DuckDBAPI, Linker

    logger = logging.getLogger("splink")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Checking the settings takes Splink a second, and they are its own.
            api = DuckDBAPI(connection=con)
            linker = Linker(records, settings, api, set_up_basic_logging=False, validate_settings=False)
            try:
                yield linker
            finally:
                linker.table_management.delete_tables_created_by_splink_from_db()  # type: ignore[no-untyped-call]
    finally:
        logger.setLevel(level)
