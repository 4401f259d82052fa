"""The current state and the history of a feed of changes: the same, however the changes arrive."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from council import Council
from vestry.lake.maintenance import restore
from vestry.project import TableName

pytestmark = pytest.mark.slow

NOW, THEN = "planning.cases.case", "planning.cases.case_history"
CONTRACT = """
  - name: case
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: state, logicalType: string}
  - name: case_history
    properties:
      - {name: id, logicalType: integer}
      - {name: state, logicalType: string}
      - {name: valid_from, logicalType: string}
      - {name: valid_to, logicalType: string}
"""
RECIPE = """\
from: bronze.planning.change
key: id
order_by: at
deleted_when: state = 'deleted'
history: true
columns: {id: CAST(id AS BIGINT)}
"""


def cases(root: Path, contract: str = CONTRACT) -> Council:
    council = Council(root)
    council.files("planning", "change")
    council.product(
        "planning.cases",
        contract,
        case_snapshot=RECIPE,
    )
    return council


def drop(council: Council, name: str, *changes: tuple[object, ...]) -> None:
    lines = "\n".join(",".join("" if v is None else str(v) for v in c) for c in changes)
    council.drop(name, f"id,state,at,note\n{lines}\n")


def states(council: Council) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    return (
        council.rows(f"SELECT id, state FROM {NOW} ORDER BY ALL"),
        council.rows(f"SELECT id, state, valid_from, valid_to FROM {THEN} ORDER BY ALL"),
    )


@pytest.fixture
def planning(tmp_path: Path) -> Council:
    return cases(tmp_path / "c")


def test_the_last_change_of_each_thing_is_its_state_and_deleted_ones_are_gone(planning):
    drop(planning, "1.csv", (1, "new", "2024-01-01", ""), (2, "new", "2024-01-01", ""), (3, "new", "2024-01-02", ""))
    planning.good()
    drop(planning, "2.csv", (1, "done", "2024-01-05", ""), (2, "deleted", "2024-01-06", ""))
    planning.good()
    assert states(planning) == (
        [(1, "done"), (3, "new")],
        [
            (1, "done", "2024-01-05", None),
            (1, "new", "2024-01-01", "2024-01-05"),
            (2, "new", "2024-01-01", "2024-01-06"),
            (3, "new", "2024-01-02", None),
        ],
    )
    record = planning.record(NOW)
    assert record["rows"] == 1


def test_a_late_change_finds_its_place(planning):
    drop(planning, "1.csv", (1, "c", "2024-01-03", ""))
    planning.good()
    drop(planning, "2.csv", (1, "a", "2024-01-01", ""), (1, "b", "2024-01-02", ""))
    planning.good()
    now, then = states(planning)
    assert now == [(1, "c")]
    assert [(s, f, t) for _, s, f, t in then] == [
        ("a", "2024-01-01", "2024-01-02"),
        ("b", "2024-01-02", "2024-01-03"),
        ("c", "2024-01-03", None),
    ]


def test_numbers_written_differently_are_one_thing(planning):
    drop(planning, "1.csv", *((n, "new", "2024-01-01", "") for n in range(1, 31)))
    planning.good()
    drop(planning, "2.csv", ("09", "done", "2024-01-02", ""), ("10", "done", "2024-01-02", ""))
    planning.good()
    assert [r for r in states(planning)[0] if r[1] == "done"] == [(9, "done"), (10, "done")]
    assert len(states(planning)[0]) == 30


def test_a_corrected_file_takes_its_changes_back(planning):
    drop(planning, "1.csv", (1, "new", "2024-01-01", ""))
    drop(planning, "2.csv", (1, "wrong", "2024-01-02", ""), (9, "wrong", "2024-01-02", ""))
    planning.good()
    drop(planning, "2.csv", (1, "right", "2024-01-02", ""))
    planning.good()
    assert states(planning)[0] == [(1, "right")]


@pytest.mark.parametrize("which", ["bronze.planning.change", NOW])
def test_after_a_restore_the_next_build_is_right(planning, which):
    drop(planning, "1.csv", (1, "new", "2024-01-01", ""))
    planning.good()
    drop(planning, "2.csv", (1, "done", "2024-01-02", ""), (2, "new", "2024-01-02", ""))
    planning.good()
    restore(planning.lake, TableName.parse(which), 0)
    if which == NOW:
        assert states(planning)[0] == [(1, "new")]
        drop(planning, "3.csv", (3, "new", "2024-01-03", ""))
        planning.good()
        assert states(planning)[0] == [(1, "done"), (2, "new"), (3, "new")]
    else:
        planning.good()
        assert states(planning)[0] == [(1, "new")]


def test_a_rule_about_other_columns_is_checked_over_the_whole_table(tmp_path):
    unique = CONTRACT.replace(
        "{name: state, logicalType: string}", "{name: state, logicalType: string, unique: true}", 1
    )
    planning = cases(tmp_path / "c", unique)
    drop(planning, "1.csv", (1, "a", "2024-01-01", ""), (2, "b", "2024-01-01", ""))
    planning.good()
    drop(planning, "2.csv", (3, "a", "2024-01-02", ""))
    outcome = planning.run()[NOW]
    assert outcome.status == "failed"
    assert "state is there twice" in str(outcome.error)
    assert states(planning)[0] == [(1, "a"), (2, "b")]


def test_doubles_go_to_quarantine_together_with_the_row_that_was_there(tmp_path):
    rule = "{name: state, logicalType: string, quality: [{metric: duplicateValues, mustBe: 0, severity: quarantine}]}"
    planning = cases(tmp_path / "c", CONTRACT.replace("{name: state, logicalType: string}", rule, 1))
    drop(planning, "1.csv", (1, "a", "2024-01-01", ""), (2, "b", "2024-01-01", ""))
    planning.good()
    drop(planning, "2.csv", (3, "a", "2024-01-02", ""))
    planning.good()
    assert states(planning)[0] == [(2, "b")]
    assert planning.rows(f"SELECT id FROM {NOW}__quarantine ORDER BY 1") == [(1,), (3,)]


def test_rows_set_aside_come_back_when_they_are_mended(tmp_path):
    rule = "{name: state, logicalType: string, quality: [{metric: nullValues, mustBe: 0, severity: quarantine}]}"
    planning = cases(tmp_path / "c", CONTRACT.replace("{name: state, logicalType: string}", rule, 1))
    drop(planning, "1.csv", (1, "a", "2024-01-01", ""), (2, None, "2024-01-01", ""), (3, None, "2024-01-01", ""))
    planning.good()
    assert states(planning)[0] == [(1, "a")]
    drop(planning, "2.csv", (2, "b", "2024-01-02", ""), (1, None, "2024-01-02", ""))
    planning.good()
    assert states(planning)[0] == [(2, "b")]
    assert planning.rows(f"SELECT id FROM {NOW}__quarantine ORDER BY 1") == [(1,), (3,)]


@pytest.mark.slow
def test_only_the_files_that_hold_changed_keys_are_written_again(planning, monkeypatch):
    monkeypatch.setattr("vestry.products.publish._KEYED_FILE", 20_000)
    start = date(2024, 1, 1)
    drop(planning, "1.csv", *((n, f"s{n * 7919 % 10007}", start, "") for n in range(100_000)))
    planning.good()
    before = set(planning.lake.existing(TableName.parse(NOW)).file_uris())
    assert len(before) >= 3
    drop(
        planning,
        "2.csv",
        (17, "changed", start + timedelta(days=1), ""),
        (18, "deleted", start + timedelta(days=1), ""),
    )
    planning.good()
    after = set(planning.lake.existing(TableName.parse(NOW)).file_uris())
    assert len(before - after) == 1
    assert planning.one(f"SELECT count(*) FROM {NOW}") == 99_999
    assert planning.one(f"SELECT state FROM {NOW} WHERE id = 17") == "changed"


change = st.tuples(
    st.integers(8, 12),
    st.sampled_from(["a", "b", "deleted"]),
    st.integers(1, 6).map(lambda d: f"2024-01-0{d}"),
)


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.lists(st.lists(change, min_size=1, max_size=5), min_size=2, max_size=4))
def test_step_by_step_ends_as_all_at_once(batches):
    """Late, out of order, twice, deleted and come back: builds by what changed equal one build of all."""
    with tempfile.TemporaryDirectory() as folder:
        steps, once = cases(Path(folder) / "steps"), cases(Path(folder) / "once")
        for place, batch in enumerate(batches):
            rows = [(*c, f"{place}/{n}") for n, c in enumerate(batch)]
            drop(steps, f"{place}.csv", *rows)
            drop(once, f"{place}.csv", *rows)
            steps.good()
            once.good("bronze.planning.change")
        once.good()
        assert states(steps) == states(once)
