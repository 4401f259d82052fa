"""What a column is made of, apart from what only decides which rows there are or which value it is."""

from __future__ import annotations

import pytest

from vestry.catalogue.lineage import Lineage
from vestry.catalogue.lineage.sql import query_lineage
from vestry.project import TableName
from vestry.project.sql import parse

JOB, HOME = TableName("d", "p", "job"), TableName("d", "p", "home")
SCHEMA = {JOB: ["ref", "uprn", "cost", "vat", "done"], HOME: ["uprn", "ward", "rent"]}


def read(sql: str, *columns: str, schema=SCHEMA) -> Lineage:
    return query_lineage(parse(sql, "test.sql"), schema, columns or ("v",))


def short(names) -> str:
    return " ".join(sorted(str(name).removeprefix("d.p.") for name in names))


@pytest.mark.parametrize(
    ("sql", "of", "by", "rows"),
    [
        ("SELECT cost + vat AS v FROM d.p.job", "job.cost job.vat", "", ""),
        ("SELECT money(cost) AS v FROM d.p.job WHERE done", "job.cost", "", "job.done"),
        ("SELECT CASE WHEN done THEN cost END AS v FROM d.p.job", "job.cost job.done", "", ""),
        ("SELECT 1 AS v FROM d.p.job", "", "", ""),
        ("SELECT count(*) AS v FROM d.p.job", "", "", ""),
        ("SELECT sum(cost) FILTER (WHERE done) AS v FROM d.p.job", "job.cost", "job.done", ""),
        ("SELECT arg_max(cost, done) AS v FROM d.p.job", "job.cost", "job.done", ""),
        ("SELECT string_agg(ref ORDER BY done) AS v FROM d.p.job", "job.ref", "job.done", ""),
        ("SELECT sum(cost) OVER (PARTITION BY uprn) AS v FROM d.p.job", "job.cost", "job.uprn", ""),
        ("SELECT max(cost) OVER w AS v FROM d.p.job WINDOW w AS (ORDER BY ref)", "job.cost", "job.ref", ""),
        ("SELECT sum(cost) AS v FROM d.p.job GROUP BY uprn HAVING max(vat) > 1", "job.cost", "", "job.uprn job.vat"),
        ("SELECT cost AS v FROM d.p.job ORDER BY ref", "job.cost", "", ""),
        ("SELECT cost AS v FROM d.p.job ORDER BY ref LIMIT 3", "job.cost", "", "job.ref"),
        ("SELECT ward AS v FROM d.p.job LEFT JOIN d.p.home USING (uprn)", "home.ward", "", "home.uprn job.uprn"),
        ("SELECT uprn AS v FROM d.p.job LEFT JOIN d.p.home USING (uprn)", "job.uprn", "", "home.uprn job.uprn"),
        ("SELECT uprn AS v FROM d.p.job RIGHT JOIN d.p.home USING (uprn)", "home.uprn", "", "home.uprn job.uprn"),
        ("SELECT cost AS v FROM d.p.job SEMI JOIN d.p.home USING (uprn)", "job.cost", "", "home.uprn job.uprn"),
        (
            "SELECT (SELECT max(h.rent) FROM d.p.home AS h WHERE h.uprn = j.uprn) AS v FROM d.p.job AS j",
            "home.rent",
            "home.uprn job.uprn",
            "",
        ),
        ("SELECT EXISTS (FROM d.p.home AS h WHERE h.ward = j.ref) AS v FROM d.p.job AS j", "", "home.ward job.ref", ""),
        ("SELECT cost AS v FROM d.p.job UNION ALL SELECT rent FROM d.p.home", "home.rent job.cost", "", ""),
        ("SELECT cost AS v FROM d.p.job EXCEPT SELECT rent FROM d.p.home", "job.cost", "", "home.rent job.cost"),
        ("SELECT * EXCLUDE (ref) RENAME (cost AS v) FROM d.p.job", "job.cost", "", ""),
        ("WITH RECURSIVE r(v) AS (SELECT cost FROM d.p.job UNION ALL SELECT v - rent FROM r, d.p.home WHERE v > 0) "
         "SELECT v FROM r", "home.rent job.cost", "", "home.rent job.cost"),
        ("SELECT * FROM (SELECT uprn, cost, done FROM d.p.job) PIVOT (sum(cost) FOR done IN ('v') GROUP BY uprn)",
         "job.cost", "job.done", "job.done job.uprn"),
    ],
)  # fmt: skip
def test_what_makes_a_value_is_told_from_what_decides_it(sql, of, by, rows):
    lineage = read(sql)
    assert lineage.exact
    assert (short(lineage.columns["v"].of), short(lineage.columns["v"].by), short(lineage.rows)) == (of, by, rows)


def test_columns_keep_the_letters_that_their_table_has():
    assert short(read("SELECT COST AS v FROM d.p.job").columns["v"].of) == "job.cost"


class TestWhereColumnsAreNotKnown:
    """Of a bronze table that was never loaded, only what the SQL itself says is known."""

    def test_a_name_is_certain_where_nothing_else_can_have_it(self):
        lineage = read("SELECT tidy(a) AS v, j.b AS w FROM d.p.job AS j", "v", "w", schema={})
        assert lineage.exact
        assert short(lineage.columns["v"].of) == "job.a"
        assert short(lineage.columns["w"].of) == "job.b"

    def test_a_star_brings_what_is_asked_of_it(self):
        lineage = read("WITH s AS (SELECT *, 1 AS one FROM d.p.job) SELECT * FROM s", "ref", "one", schema={})
        assert lineage.exact
        assert [short(o.of) for o in lineage.columns.values()] == ["job.ref", ""]

    def test_a_name_of_two_such_tables_is_known_as_far_as_the_tables(self):
        lineage = read("SELECT a AS v FROM d.p.job, d.p.home", schema={})
        assert not lineage.exact
        assert short(lineage.columns["v"].of) == "home job"

    def test_a_table_that_is_known_and_has_the_name_settles_it(self):
        lineage = read("SELECT ward AS v FROM d.p.job, d.p.home", schema={HOME: ["uprn", "ward"]})
        assert lineage.exact and short(lineage.columns["v"].of) == "home.ward"

    def test_an_alias_that_may_be_a_column_too_is_not_certain(self):
        sql = "SELECT x + 1 AS b, b * 2 AS v FROM d.p.job"
        assert not read(sql, schema={}).exact
        assert read(sql, schema={JOB: ["x"]}).exact

    def test_an_alias_of_its_own_column_is(self):
        assert read("SELECT tidy(b) AS b, b || '!' AS v FROM d.p.job", "b", "v", schema={}).exact


def test_what_the_sql_does_not_show_is_said_and_not_invented():
    lineage = read("SELECT g FROM (SELECT unnest(ref) FROM d.p.job)", "g", "other")
    assert not lineage.exact
    assert lineage.why == "the SQL does not show how `other` is made"
    assert {short(o.of) for o in lineage.columns.values()} == {"job"}
