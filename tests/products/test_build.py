"""Write, audit, publish: what a contract promises and what happens when it is not kept."""

from __future__ import annotations

import pytest

from council import Council
from vestry.project import TableName

pytestmark = pytest.mark.slow

REPAIR = "housing.repairs.repair"
ASIDE = "housing.repairs.repair__quarantine"
RESULT = "vestry.quality.result"


@pytest.fixture
def made(council: Council):
    """A table made of SQL alone over one bronze table; `made(columns, sql)` writes and runs it."""
    council.files()
    council.drop("a.csv", "ref,n\nA1,1\nA2,2\nA3,\n")

    def make(columns: dict[str, str] | str, sql: str, run: bool = True) -> Council:
        council.product("housing.repairs", columns, repair_sql=sql)
        if run:
            council.run()
        return council

    make.council = council  # type: ignore[attr-defined]
    return make


def failure(council: Council, step: str = REPAIR) -> str:
    outcome = council.run()[step]
    assert outcome.status == "failed"
    assert outcome.error is not None
    return str(outcome.error)


BRONZE = "FROM bronze.repairs.job"


def test_columns_come_in_the_order_and_types_of_the_contract(made):
    council = made(
        {
            "n": "logicalType: integer",
            "ref": "logicalType: string",
            "cost": 'logicalType: number, physicalType: "DECIMAL(9,2)"',
        },
        f"SELECT 1.5::DECIMAL(4,1) AS cost, ref, n::INTEGER AS n {BRONZE}",
    )
    assert council.lake.columns(TableName.parse(REPAIR)) == {"n": "BIGINT", "ref": "VARCHAR", "cost": "DECIMAL(9,2)"}


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT ref", "promises the column `n`, and it is not made"),
        ("SELECT ref, n::INT AS n, 1 AS more", "`more` is made, and the contract does not promise it"),
        ("SELECT ref, n", "`n` is made as VARCHAR, and the contract promises BIGINT"),
    ],
)
def test_a_column_that_differs_from_the_promise_is_named(made, sql, said):
    council = made({"ref": "logicalType: string", "n": "logicalType: integer"}, f"{sql} {BRONZE}", run=False)
    assert said in failure(council)
    assert REPAIR not in council.versions()


def test_a_value_that_does_not_convert_is_an_error_without_the_value(made):
    council = made({"ref": "logicalType: integer"}, f"SELECT ('Zebedee' || ref)::BIGINT AS ref {BRONZE}", run=False)
    said = failure(council)
    assert "could not be converted" in said
    assert "domains/housing/repairs/repair.sql" in said
    assert "Zebedee" not in said


def test_an_error_raised_by_sql_does_not_show_data(made):
    council = made({"ref": "logicalType: string"}, f"SELECT error('Zebedee ' || ref) AS ref {BRONZE}", run=False)
    assert "Zebedee" not in failure(council)
    assert "A1" not in failure(council)
    steps = council.rows("SELECT detail FROM vestry.runs.step WHERE status = 'failed'")
    assert steps
    assert not any("A1" in detail for (detail,) in steps)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ref {bronze} -- a remark",
        "SELECT ref {bronze};\n\n",
        "\n\n/* before */ SELECT ref {bronze};;",
        "WITH a AS (SELECT ref {bronze}) SELECT * FROM a",
        "FROM (SELECT ref {bronze})",
        "\ufeffSELECT ref {bronze} ORDER BY ref DESC LIMIT 5",
        "SELECT ref, {bronze} UNION SELECT 'x'",
    ],
)
def test_sql_may_be_written_as_people_write_it(made, sql):
    council = made({"ref": "logicalType: string"}, sql.replace("{bronze}", BRONZE).replace("ref, FROM", "ref FROM"))
    assert council.one(f"SELECT count(*) FROM {REPAIR}") >= 3


def test_a_mistake_in_sql_is_placed_with_its_line_and_the_nearest_name(made):
    council = made({"ref": "logicalType: string"}, f"\n\nSELECT\n  reff AS ref\n{BRONZE}", run=False)
    said = failure(council)
    assert "domains/housing/repairs/repair.sql:4" in said
    assert '"ref"' in said


@pytest.mark.parametrize(
    ("column", "rule"),
    [
        ("required: true", "n is missing: 1 (must be 0) of 3 rows"),
        ("primaryKey: true", "n is missing: 1 (must be 0) of 3 rows"),
        ("logicalTypeOptions: {maximum: 1}", "n is over 1: 1 (must be 0) of 3 rows"),
        ("quality: [{metric: rowCount, mustBeGreaterThan: 10}]", "number of rows: 3 (must be over 10)"),
        ("quality: [{metric: nullValues, mustBeLessThan: 20, unit: percent}]", "33.3333 % (must be under 20 %)"),
        ("quality: [{metric: invalidValues, arguments: {validValues: [1]}, mustBe: 0}]", "n is not valid: 1"),
        ("quality: [{metric: missingValues, arguments: {missingValues: [null, '2']}, mustBe: 0}]", "n is missing: 2"),
        ("quality: [{name: few, type: sql, query: 'SELECT count(*) FROM ${table} WHERE ${column} > 1', mustBe: 0}]", "few: 1"),
        ("quality: [{name: sums, type: sql, query: 'SELECT sum(n) FROM ${object}', mustBe: 4}]", "sums: 3 (must be 4)"),
    ],
)  # fmt: skip
def test_each_kind_of_rule_is_checked(made, column, rule):
    council = made(
        {"ref": "logicalType: string", "n": f"logicalType: integer, {column}"},
        f"SELECT ref, n::INT AS n {BRONZE}",
        run=False,
    )
    said = failure(council)
    assert "breaks its contract, so it was not published" in said
    assert rule in said
    assert REPAIR not in council.versions()


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 'A' AS ref UNION ALL SELECT 'A'", "the key ref is there twice: 1"),
        ("SELECT NULL::VARCHAR AS ref UNION ALL SELECT NULL", "ref is missing: 2"),
    ],
)
def test_a_key_is_there_once(made, sql, said):
    council = made({"ref": "logicalType: string, primaryKey: true"}, sql, run=False)
    assert said in failure(council)


def test_a_composite_key_counts_as_one(made):
    columns = {"a": "logicalType: integer, primaryKey: true, primaryKeyPosition: 1", "b": "logicalType: integer, primaryKey: true, primaryKeyPosition: 2"}  # fmt: skip
    council = made(columns, "SELECT * FROM (VALUES (1, 1), (1, 2), (2, 1)) AS t(a, b)")
    assert council.one(f"SELECT count(*) FROM {REPAIR}") == 3
    council.product("housing.repairs", columns, repair_sql="SELECT * FROM (VALUES (1, 1), (1, 1)) AS t(a, b)")
    assert "the key a, b is there twice: 1" in failure(council)


def test_a_broken_error_rule_keeps_yesterdays_version_and_stops_only_what_follows(made):
    columns = {"ref": "logicalType: string, primaryKey: true", "n": "logicalType: integer"}
    council = made(columns, f"SELECT ref, n::INT AS n {BRONZE}", run=False)
    council.product(
        "finance.sums", {"n": "logicalType: integer"}, gold=True, total_sql=f"SELECT sum(n)::BIGINT AS n FROM {REPAIR}"
    )
    council.product("finance.other", {"n": "logicalType: integer"}, lines_sql=f"SELECT count(*) AS n {BRONZE}")
    council.good()
    before = council.versions()
    files = set(council.folder(REPAIR).iterdir())
    council.drop("b.csv", "ref,n\nA1,9\n")
    outcomes = council.run()
    assert outcomes[REPAIR].status == "failed"
    assert "the last version stays in service" in str(outcomes[REPAIR].error)
    assert (outcomes["finance.sums.total"].status, outcomes["finance.other.lines"].status) == ("blocked", "done")
    assert outcomes["finance.sums.total"].detail == f"waits for {REPAIR}"
    after = council.versions()
    assert {t: v for t, v in before.items() if after[t] == v}.keys() >= {REPAIR, "finance.sums.total"}
    assert set(council.folder(REPAIR).iterdir()) == files, "what was audited and not published is left behind"
    assert council.one("SELECT n FROM finance.other.lines") == 4
    last = council.rows(
        f"SELECT rule, value, passed FROM {RESULT} WHERE table_name = '{REPAIR}' ORDER BY checked_at DESC, passed LIMIT 1"
    )
    assert last == [("the key ref is there twice", 1.0, False)]
    assert council.run()[REPAIR].status == "failed", "it is tried again while it is wrong"
    council.drop("b.csv", "ref,n\nA4,9\n")
    council.good()
    assert council.one("SELECT n FROM finance.sums.total") == 12


def test_rows_that_break_a_quarantine_rule_go_aside_with_the_reasons(made):
    rules = "quality: [{name: n is there, metric: nullValues, mustBe: 0, severity: quarantine}]"
    council = made(
        {
            "ref": "logicalType: string, quality: [{name: only A1, type: sql, query: \"SELECT count(*) FROM ${table} WHERE ref = 'A3'\", mustBe: 0, severity: quarantine}]",
            "n": f"logicalType: integer, {rules}",
        },
        f"SELECT ref, n::INT AS n {BRONZE}",
    )
    assert council.rows(f"SELECT ref, n FROM {REPAIR} ORDER BY ref") == [("A1", 1), ("A2", 2)]
    assert council.rows(f"SELECT ref, n, _reason FROM {ASIDE}") == [("A3", None, "only A1; n is there")]
    assert council.record(REPAIR)["quarantined"] == 1
    council.drop("a.csv", "ref,n\nA1,1\nA2,2\nA4,4\n")
    council.good()
    assert council.rows(f"SELECT * FROM {ASIDE}") == []
    assert council.one(f"SELECT count(*) FROM {REPAIR}") == 3


def test_rows_of_one_value_can_go_aside_all_together(made):
    rule = "quality: [{metric: duplicateValues, mustBe: 0, severity: quarantine}]"
    council = made({"a": f"logicalType: integer, {rule}", "b": "logicalType: integer"}, "SELECT * FROM (VALUES (1, 1), (1, 2), (2, 1), (NULL, 1), (NULL, 2)) AS t(a, b)")  # fmt: skip
    assert council.rows(f"SELECT a, b FROM {REPAIR} ORDER BY ALL") == [(2, 1), (None, 1), (None, 2)]
    assert council.rows(f"SELECT a, b FROM {ASIDE} ORDER BY ALL") == [(1, 1), (1, 2)]


def test_a_warning_is_said_and_the_table_published(made):
    rule = "quality: [{name: all have n, metric: nullValues, mustBe: 0, severity: warn}]"
    council = made({"n": f"logicalType: integer, {rule}"}, f"SELECT n::INT AS n {BRONZE}", run=False)
    outcome = council.good()[REPAIR]
    assert "warns: all have n" in outcome.detail
    assert council.one(f"SELECT count(*) FROM {REPAIR}") == 3


def test_results_of_every_audit_are_kept_in_a_table(made):
    rule = "quality: [{metric: nullValues, mustBe: 0, severity: warn}]"
    council = made({"n": f"logicalType: integer, {rule}"}, f"SELECT n::INT AS n {BRONZE}")
    columns = "table_name, rule, column_name, dimension, severity, expected, value, failing, row_count, passed"
    assert council.rows(f"SELECT {columns} FROM {RESULT}") == [
        (REPAIR, "n is missing", "n", "completeness", "warn", "must be 0", 1.0, 1, 3, False)
    ]
    council.drop("b.csv", "ref,n\nB,\n")
    council.good()
    assert council.rows(f"SELECT failing FROM {RESULT} ORDER BY checked_at") == [(1,), (2,)]


def test_an_empty_table_keeps_rules_in_percent(made):
    rule = "quality: [{metric: nullValues, mustBeLessThan: 20, unit: percent}]"
    council = made({"n": f"logicalType: integer, {rule}"}, f"SELECT n::INT AS n {BRONZE} WHERE false", run=False)
    council.good()
    assert council.rows(f"SELECT * FROM {REPAIR}") == []


def test_a_table_with_a_name_that_sql_knows_otherwise(council):
    council.files(source="group", table="order")
    council.drop("a.csv", "ref\nA1\n")
    council.product("select.table", {"ref": "logicalType: string"}, where_py=(
        'INPUTS = {"orders": "bronze.group.order"}\ndef build(orders):\n    return orders.project("ref")\n'
    ))  # fmt: skip
    council.good()
    assert council.rows('SELECT ref FROM "select"."table"."where"') == [("A1",)]
