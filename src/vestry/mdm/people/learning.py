"""What an index learns of its records: the model of who is who, kept with what it rests on."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from vestry.mdm.people import standard
from vestry.mdm.people.calibration import calibrated
from vestry.mdm.people.comparisons import Comparison, comparisons_of, own_comparison
from vestry.mdm.people.grouping import count
from vestry.mdm.people.linker import Model, train
from vestry.mdm.people.scoring import frequencies_of, meet, score
from vestry.project import quote

if TYPE_CHECKING:
    import duckdb

    from vestry.mdm.people.index import Index

#: Pairs below this weight are not kept: nobody asks about them, and they tell two people apart no more than it does.
LEAST_WEIGHT = -12.0
#: Columns that tell people apart by themselves, and the attributes that they are made of.
IDENTIFIERS = {"nhs": "nhs_number", "ni": "ni_number", "upn": "upn", "other": "other_id"}
#: A column with fewer values than this share of the records teaches nothing, and is not compared.
_FILLED = 0.01


def newest_model(index: Index) -> tuple[int, Model | None]:
    """The newest model that was trained with these settings, and its number."""
    if not index.exists(index.names.model):
        return 0, None
    row = index.con.execute(
        f"SELECT model_id, model FROM {index.relation(index.names.model)} WHERE settings = ? "
        "ORDER BY model_id DESC LIMIT 1",
        [_settings(index)],
    ).fetchone()
    return (row[0], Model.from_json(row[1])) if row else (0, None)


def learn(index: Index) -> tuple[int, Model]:
    """Learn a model from all records, keep it with what it rests on, and count how common values are.

    Leaves the records (`mdm_all`) and their pairs, weighed by it (`mdm_weighed`).
    """
    con = index.con
    index.all_records()
    size = count(con, "mdm_all")
    known = _identifiers(index)
    filled = _filled(con, size, known)
    rules = [*standard.blocking_of(index.spec)]
    if "homes" in filled and index.spec.blocking.get(standard.HOME_RULE, []) is not None:
        rules.append("homes")
    rules = [r for r in rules if r == "homes" or r in known or _filled_any(con, f"k_{r}")]
    model = train(con, "mdm_all", _comparisons(index, filled), rules, filled)
    con.execute(f"CREATE OR REPLACE TEMP TABLE mdm_frequency AS {frequencies_of('mdm_all', model)}")
    meet(con, "mdm_all", model)
    score(con, "mdm_all", model, "mdm_weighed", LEAST_WEIGHT, "mdm_frequency")
    better = calibrated(con, model, "mdm_weighed", "mdm_all")
    if not better.of_families:  # what is shared in one home has another weight now
        score(con, "mdm_all", better, "mdm_weighed", LEAST_WEIGHT, "mdm_frequency")
    last = 0
    if index.exists(index.names.model):
        row = con.execute(f"SELECT max(model_id) FROM {index.relation(index.names.model)}").fetchone()
        last = row[0] if row else 0
    _keep(index, last + 1, better, size)
    return last + 1, better


def _keep(index: Index, number: int, model: Model, size: int) -> None:
    con, lake = index.con, index.lake
    from vestry.mdm.people.chart import weights_chart

    versions = {p.table: lake.mark(p.name) for p in index.spec.people}
    held = pa.table(
        {
            "model_id": [number],
            "trained_at": [datetime.now(UTC)],
            "records": [size],
            "settings": [_settings(index)],
            "model": [model.to_json()],
            "data_versions": [json.dumps(versions)],
            "chart": [weights_chart(model)],
        }
    )
    con.register("mdm_model_row", held)
    with lake.lock(index.names.model):
        lake.publish(lake.stage(con, index.names.model, "SELECT * FROM mdm_model_row"), skip_by=["model_id"])
    con.unregister("mdm_model_row")
    index.replace(index.names.frequency, "mdm_frequency", "", True, ["name"])


def _settings(index: Index) -> str:
    """What of the file shapes a model: not which rows there are, nor how golden values are chosen."""
    held = index.spec.model_dump(include={"blocking", "compare", "short_forms", "not_names"})
    mapped = sorted({name for people in index.spec.people for name in people.columns})
    return json.dumps({**held, "columns": mapped, "standard": standard.VERSION}, sort_keys=True)


def _comparisons(index: Index, filled: Collection[str]) -> tuple[Comparison, ...]:
    """Vestry's comparisons that the filled columns allow, with the file's."""
    told = index.spec.compare
    own = {name: own_comparison(name, c.model_dump()) for name, c in told.items() if c}
    kept = [own.pop(c.name, c) for c in comparisons_of(filled) if told.get(c.name, c) is not None]
    return (*kept, *own.values())


def _filled(con: duckdb.DuckDBPyConnection, size: int, known: Collection[str]) -> list[str]:
    counts = ", ".join(f"count({quote(c)})" for c in standard.COMPARED)
    row = con.execute(f"SELECT {counts} FROM mdm_all").fetchone() or ()
    # What an identifier says is known before anything is learnt: one that is mapped may be filled later.
    return [c for c, n in zip(standard.COMPARED, row, strict=True) if n >= max(2, _FILLED * size) or c in known]


def _identifiers(index: Index) -> set[str]:
    mapped = {name for people in index.spec.people for name in people.columns}
    return {column for column, name in IDENTIFIERS.items() if name in mapped}


def _filled_any(con: duckdb.DuckDBPyConnection, column: str) -> bool:
    return bool(con.execute(f"SELECT 1 FROM mdm_all WHERE {column} IS NOT NULL LIMIT 1").fetchone())
