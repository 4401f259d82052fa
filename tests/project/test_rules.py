"""Rules in SQL: the condition that a row breaks, cut out as it was written."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestry.project.rules import columns_named, filled, row_condition

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ("SELECT count(*) FROM ${table} WHERE cost < 0", "cost < 0"),
        ("SELECT COUNT(*) FROM ${object} WHERE ${property} !~ 'x' -- why", "\"my col\" !~ 'x'"),
        ("select count(*) as n from ${table} as t where t.a = 't.b' and \"t\".b > 1;", "a = 't.b' and b > 1"),
        ("SELECT count(*) FROM repair WHERE repair.a IS NULL", "a IS NULL"),
        ("SELECT count(*) FROM {table} WHERE uk_date(a) IS NULL AND a.b.t > 1", "uk_date(a) IS NULL AND a.b.t > 1"),
        ("SELECT count() FROM ${table}\nWHERE a\n  OR b", "a\n  OR b"),
        ("SELECT count(1) FROM ${table} WHERE a BETWEEN 1 AND 2", "a BETWEEN 1 AND 2"),
    ],
)
def test_the_condition_of_a_count_of_one_table(query: str, condition: str) -> None:
    assert row_condition(query, "repair", "my col") == condition


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM ${table}",
        "SELECT count(*) FROM other WHERE a = 1",
        "SELECT count(*) FROM ${table}, x WHERE a = 1",
        "SELECT count(*) FROM ${table} t JOIN x USING (a) WHERE t.a",
        "SELECT count(*) FROM ${table} WHERE a IN (SELECT b FROM x)",
        "SELECT count(*) FROM ${table} WHERE EXISTS (FROM x)",
        "SELECT count(*) FROM ${table} WHERE a > 1 GROUP BY b",
        "SELECT count(*) FROM ${table} WHERE a > 1 LIMIT 1",
        "SELECT count(*) FROM ${table} WHERE a > 1 UNION ALL SELECT 1",
        "SELECT count(*) FROM ${table} WHERE row_number() OVER () > 1",
        "SELECT count(a) FROM ${table} WHERE a > 1",
        "SELECT count(DISTINCT a) FROM ${table} WHERE a > 1",
        "SELECT count(*), 1 FROM ${table} WHERE a > 1",
        "SELECT count(*) FROM ${table} WHERE a = ${what}",
        "SELECT count(*) FROM ${table} TABLESAMPLE 10% WHERE a = 1",
        "SELECT count(*) FROM (SELECT * FROM ${table}) WHERE a = 1",
        "SELECT count(* FROM ${table} WHERE a = 1",
        "DELETE FROM ${table} WHERE a = 1",
    ],
)
def test_other_forms_say_nothing_of_a_row(query: str) -> None:
    assert row_condition(query, "repair", None) is None


@given(st.text("ab'\"tW .=~<(", max_size=12))
def test_the_condition_selects_what_the_query_counts(text: str) -> None:
    query = "SELECT count(*) FROM ${table} AS t WHERE t.a <> '" + text.replace("'", "''") + "' AND t.b > 1"
    condition = row_condition(query, "repair", None)
    assert condition is not None
    con = duckdb.connect()
    con.execute("CREATE TABLE r AS SELECT * FROM (VALUES ('a', 1), ('t.b', 2), ('', 3)) v(a, b)")
    counted = con.execute(filled(query, "r", None)).fetchone()
    selected = con.execute(f"SELECT count(*) FROM r WHERE {condition}").fetchone()
    assert counted == selected


def test_columns_that_a_rule_names() -> None:
    assert columns_named("SELECT count(*) FROM ${table} t WHERE t.a > ${column}", "repair", "b") == {"a", "b"}
    assert columns_named("SELECT count(*) AS n FROM ${table} WHERE a IN (SELECT b FROM x)", "repair", None) is None
