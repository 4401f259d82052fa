"""`vestry check` with the engine: SQL bound against what upstream contracts promise."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from vestry.lake import Engine, Lake
from vestry.products.check import check
from vestry.project import TableName, load_project

from .conftest import Folder

pytestmark = pytest.mark.slow

Bound = Callable[[Folder], list[str]]
REPAIR = "domains/housing/repairs/repair.sql"
REPAIRS = "domains/housing/repairs/contract.yaml"
MONTH = "domains/housing/costs/month.sql"
COSTS = "domains/housing/costs/contract.yaml"


def load_job(folder: Folder, columns: str) -> None:
    """Put a bronze table into the lake."""
    lake = Lake(str(folder.root / "lake"), folder.root / ".vestry")
    engine = Engine(lake)
    name = TableName("bronze", "repairs", "job")
    with lake.lock(name):
        lake.publish(lake.stage(engine.cursor(), name, f"SELECT {columns}"))
    engine.close()


def test_a_project_without_fault_has_none(folder: Folder, bound: Bound) -> None:
    assert bound(folder) == []
    load_job(folder, "'1' AS job, '2' AS uprn, '3' AS reported, '4' AS cost")
    assert bound(folder) == []


def test_a_type_that_differs_names_both_places(folder: Folder, bound: Bound) -> None:
    folder.change(MONTH, "sum(cost) AS cost", "'a' || sum(cost) AS cost")
    assert bound(folder) == [
        f"{MONTH}:3: the column `cost` is made as VARCHAR, and the contract promises DECIMAL(18,2)\n"
        f"    write CAST(… AS DECIMAL(18,2)), or change {COSTS}:11"
    ]


def test_an_unknown_column_offers_the_nearest(folder: Folder, bound: Bound) -> None:
    folder.change(MONTH, "sum(cost)", "sum(costs)")
    assert bound(folder) == [f"{MONTH}:3: there is no column `costs` in what is read here\n    did you mean `cost`?"]


def test_an_unknown_function_offers_the_nearest(folder: Folder, bound: Bound) -> None:
    folder.change(MONTH, "date_trunc(", "date_trunk(")
    assert bound(folder)[0].startswith(f"{MONTH}:2: there is no function `date_trunk`\n    did you mean `date_trunc`")


def test_columns_behind_a_star_are_told_too(folder: Folder, bound: Bound) -> None:
    folder.write(MONTH, "SELECT *\nFROM housing.repairs.repair\n")
    assert [line.splitlines()[0] for line in bound(folder)] == [
        f"{COSTS}:9: the contract promises the column `month`, and month.sql does not make it",
        f"{MONTH}:1: the column `repair_id` is made, and the contract does not promise it",
        f"{MONTH}:1: the column `reported_on` is made, and the contract does not promise it",
        f"{MONTH}:1: the column `uprn` is made, and the contract does not promise it",
    ]


def test_sql_over_bronze_is_bound_once_that_is_loaded(folder: Folder, bound: Bound) -> None:
    folder.change(REPAIR, "job AS repair_id", "jobb AS repair_id")
    assert bound(folder) == []
    load_job(folder, "'1' AS job, '2' AS uprn, '3' AS reported, '4' AS cost")
    assert bound(folder) == [f"{REPAIR}:2: there is no column `jobb` in what is read here\n    did you mean `job`?"]


def test_a_type_that_nobody_knows(folder: Folder, bound: Bound) -> None:
    folder.change(COSTS, "DECIMAL(18,2)", "MONEY(18); DROP")
    assert bound(folder) == [
        f"{COSTS}:13: `MONEY(18); DROP`, promised for `cost`, is no type that DuckDB knows\n"
        "    write such as VARCHAR, BIGINT, DATE, DECIMAL(18,2)"
    ]


def test_a_rule_that_does_not_fit_the_columns(folder: Folder, bound: Bound) -> None:
    folder.change(REPAIRS, "WHERE ${column} < 0", "WHERE ${column} < reported_on")
    (fault,) = bound(folder)
    assert fault.startswith(f"{REPAIRS}:23: the rule `no refunds`: ")


def test_a_snapshot_is_bound_against_its_feed(folder: Folder, bound: Bound) -> None:
    (folder.root / REPAIR).unlink()
    snapshot = "domains/housing/repairs/repair.snapshot.yaml"
    folder.write(
        snapshot,
        """
        from: bronze.repairs.job
        key: repair_id
        order_by: changed
        columns:
          repair_id: jobb
          reported_on: reported
        """,
    )
    load_job(folder, "'1' AS job, '2' AS uprn, '3' AS reported, now() AS changd")
    assert bound(folder) == [
        f"{REPAIRS}:17: the contract promises the column `cost`, and bronze.repairs.job has none of that name\n"
        f"    say how it is made in `columns:` of {snapshot}, or take it out of the contract",
        f"{snapshot}:3: there is no column `changed` in what is read here\n    did you mean `changd`?",
        f"{snapshot}:5: there is no column `jobb` in what is read here\n    did you mean `job`?",
        f"{snapshot}:6: the column `reported_on` is made as VARCHAR, and the contract promises DATE\n"
        f"    write CAST(… AS DATE), or change {REPAIRS}:15",
    ]


def test_sql_without_inputs_is_bound(folder: Folder, bound: Bound) -> None:
    folder.write(MONTH, "SELECT DATE '2024-01-01' AS month, 'x' AS cost\n")
    assert [line.splitlines()[0] for line in bound(folder)] == [
        f"{MONTH}:1: the column `cost` is made as VARCHAR, and the contract promises DECIMAL(18,2)"
    ]


def many(folder: Folder, count: int) -> None:
    contract = (folder.root / COSTS).read_text()
    for number in range(count):
        folder.write(
            f"domains/housing/c{number}/contract.yaml", contract.replace("housing-costs", f"c{number}").encode()
        )
        folder.write(f"domains/housing/c{number}/month.sql", "SELECT month, cost FROM housing.costs.month\n")


def test_thirty_products_are_checked_in_a_breath(folder: Folder) -> None:
    many(folder, 28)
    started = time.process_time()
    assert check(folder.root) == []
    assert time.process_time() - started < 4  # 1 s on a quiet machine; the imports are most of it
    assert len(load_project(folder.root).products) == 30


def test_a_snapshot_with_its_history_has_no_fault(folder: Folder, bound: Bound) -> None:
    (folder.root / REPAIR).unlink()
    folder.write(
        "domains/housing/repairs/repair.snapshot.yaml",
        """
        from: bronze.repairs.job
        key: repair_id
        order_by: changed
        deleted_when: action = 'D'
        history: true
        columns:
          repair_id: job
          reported_on: uk_date(reported)
        """,
    )
    text = (folder.root / REPAIRS).read_text()
    columns = "".join(f"      - name: {name}\n" for name in ("repair_id", "uprn", "valid_from", "valid_to"))
    folder.write(REPAIRS, (text + "  - name: repair_history\n    properties:\n" + columns).encode())
    load_job(folder, "'1' AS job, '2' AS uprn, '3' AS reported, 4.5 AS cost, 'D' AS action, now() AS changed")
    assert bound(folder) == []


def test_a_rejected_row_may_be_counted(folder: Folder, bound: Bound) -> None:
    folder.write(MONTH, "SELECT NULL::DATE AS month, count(*) AS cost FROM bronze.repairs.job__rejected\n")
    assert bound(folder) == []
