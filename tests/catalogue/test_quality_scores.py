"""The six dimensions, from what rules said at audits: how each comes about, and what is not measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from vestry.catalogue.live import Live
from vestry.catalogue.quality.meaning import meaning, percent_of
from vestry.catalogue.quality.results import Results, Said, by_day
from vestry.catalogue.quality.scores import NO_REFERENCE, product_quality, score_of, table_quality, trend
from vestry.products.publish import keep
from vestry.products.quality import Check, Result
from vestry.project import TableName
from vestry.run.execute import Facts
from vestry.run.freshness import Freshness

pytestmark = pytest.mark.slow

NAME = TableName("housing", "repairs", "repair")
CONTRACT = """
- name: repair
  properties:
  - {name: job, logicalType: string, primaryKey: true, classification: internal}
  - name: trade
    logicalType: string
    classification: internal
    quality:
    - {name: the trade is known, metric: invalidValues, arguments: {validValues: [damp, roof]}, mustBe: 0,
       severity: warn}
    - {name: the trade is given, metric: nullValues, mustBeLessThan: 50, unit: percent, dimension: coverage,
       severity: warn}
  - {name: cost, logicalType: number, classification: internal}
  quality:
  - {name: no cost is under nothing, type: sql, query: "SELECT count(*) FROM ${table} WHERE cost < 0", mustBe: 0,
     dimension: consistency, severity: quarantine}
  - {name: the trade is true, metric: nullValues, arguments: {property: trade}, mustBeLessThan: 9,
     dimension: accuracy, severity: warn}
"""
RECIPE = "SELECT job, trade, cost::DOUBLE AS cost FROM bronze.repairs.job"
ROWS = "job,trade,cost\nA1,damp,1\nA2,rof,2\nA3,,3\nA4,roof,-4\nA5,damp,5\nA6,roof,6\nA7,roof,7\nA8,roof,8\n"


@pytest.fixture
def jobs(council):
    council.files()
    council.drop("a.csv", ROWS)
    council.product("housing.repairs", CONTRACT, repair_sql=RECIPE)
    return council


def quality_of(council, now=None, name=NAME):
    live = Live(council.root)
    lake, catalogue = live.workspace.lake, live.catalogue()
    fresh = Freshness(catalogue.graph, lake, Facts(lake))
    return table_quality(catalogue, Results(lake), fresh, name, now or datetime.now(UTC))


def scores(quality):
    return {d.name: d.percent for d in quality.dimensions}


def test_a_dimension_is_its_lowest_rule_by_the_share_of_rows_that_break_it(jobs):
    jobs.good()
    quality = quality_of(jobs)
    assert scores(quality) == {
        "completeness": 87.5, "uniqueness": 100, "consistency": 87.5, "timeliness": None, "validity": 87.5,
        "accuracy": None,
    }  # fmt: skip
    validity = quality.dimensions[4]
    assert validity.how == "the trade is known: 1 of 8 rows break it"
    # What is allowed is kept, and counts all the same; what is broken comes first.
    assert [(r.rule, r.passed) for r in quality.failing] == [
        ("no cost is under nothing", False), ("the trade is known", False), ("the trade is given", True),
        ("the trade is true", True),
    ]  # fmt: skip
    assert quality.rows == 7 and not quality.kept_back and not quality.partly_asked


def test_accuracy_is_not_measured_by_a_rule_that_looks_at_the_data_alone(jobs):
    jobs.good()
    accuracy = quality_of(jobs).dimensions[5]
    assert accuracy.percent is None and accuracy.how == NO_REFERENCE
    assert [(r.rule, r.percent, r.failing) for r in accuracy.rules] == [("the trade is true", None, 1)]
    live = Live(jobs.root)
    today = trend(live.catalogue(), live.workspace.lake, [NAME], datetime.now(UTC))
    assert today[0].percent["validity"] == 87.5 and "accuracy" not in today[0].percent
    compared = CONTRACT.replace(
        "metric: nullValues, arguments: {property: trade}, mustBeLessThan: 9",
        'type: sql, query: "SELECT count(*) FROM ${table} WHERE trade = job", mustBe: 0',
    )
    assert compared != CONTRACT
    jobs.product("housing.repairs", compared, repair_sql=RECIPE)
    jobs.good()
    assert quality_of(jobs).dimensions[5].percent == 100


def test_a_service_level_is_timeliness(jobs):
    jobs.good()
    file = jobs.root / "domains/housing/repairs/contract.yaml"
    file.write_text(file.read_text() + "slaProperties:\n- {property: freshness, value: 2, unit: d}\n")
    now = datetime.now(UTC)
    kept, late = quality_of(jobs, now), quality_of(jobs, now + timedelta(days=3))
    assert scores(kept)["timeliness"] == 100 and scores(late)["timeliness"] == 0
    assert "late: as of" in late.dimensions[3].how and "must be no older than 2 days" in late.dimensions[3].how


def test_a_table_that_was_never_built_has_no_scores_and_says_which_rules_wait(jobs):
    quality = quality_of(jobs)
    assert set(scores(quality).values()) == {None} and quality.at is None and quality.rows is None
    assert "the trade is known" in quality.unasked


def test_results_of_rules_that_are_gone_are_no_part_of_the_score_and_stay_in_the_trend(jobs):
    jobs.good()
    gone = CONTRACT.replace("validValues: [damp, roof]", "validValues: [damp, roof, rof]").replace(
        "the trade is known", "the trade is one of ours"
    )
    jobs.product("housing.repairs", gone, repair_sql=RECIPE)
    before = quality_of(jobs)
    assert scores(before)["validity"] is None and before.unasked == ("the trade is one of ours",)
    jobs.good()
    assert scores(quality_of(jobs))["validity"] == 100
    live = Live(jobs.root)
    assert {s.rule for s in by_day(live.workspace.lake, [NAME], datetime.now(UTC))[NAME].popitem()[1]} >= {
        "the trade is known", "the trade is one of ours"
    }  # fmt: skip


def test_an_empty_table_has_nothing_to_ask_and_a_rule_of_its_rows_is_broken(jobs):
    extra = (
        "  - {name: there are rows, metric: rowCount, mustBeGreaterThan: 0, dimension: completeness, severity: warn}\n"
    )
    jobs.product("housing.repairs", CONTRACT + extra, repair_sql=RECIPE + " WHERE false")
    jobs.good()
    quality = quality_of(jobs)
    assert scores(quality)["completeness"] == 0 and scores(quality)["validity"] is None
    assert quality.dimensions[4].how == "not measured: there are no rows to ask"


def test_a_build_that_broke_its_contract_is_said_to_be_kept_back(jobs):
    jobs.good()
    jobs.drop("b.csv", "job,trade,cost\nA1,damp,1\n")
    strict = CONTRACT.replace("mustBe: 0,\n       severity: warn", "mustBe: 0,\n       severity: error")
    assert strict != CONTRACT
    jobs.product("housing.repairs", strict, repair_sql=RECIPE)
    assert jobs.run()[str(NAME)].status == "failed"
    quality = quality_of(jobs)
    assert quality.kept_back and scores(quality)["uniqueness"] < 100
    live = Live(jobs.root)
    said = meaning(live.catalogue(), product_of(live), None)
    assert any("was not published" in s for s in said)


def product_of(live):
    catalogue = live.catalogue()
    product = catalogue.project.products["housing.repairs"]
    return product_quality(catalogue, Results(live.workspace.lake), None, product, datetime.now(UTC))


def test_a_product_scores_as_its_lowest_table_and_names_it(council):
    council.files()
    council.drop("a.csv", ROWS)
    council.product("housing.repairs", CONTRACT + CONTRACT.replace("name: repair\n", "name: home\n"),
                    repair_sql=RECIPE, home_sql=RECIPE + " WHERE trade = 'damp'")  # fmt: skip
    council.good()
    validity = product_of(Live(council.root)).dimensions[4]
    assert validity.percent == 87.5 and validity.how.startswith("repair: the trade is known")


def test_what_it_means_is_told_from_facts(jobs):
    jobs.good()
    live = Live(jobs.root)
    said = meaning(live.catalogue(), product_of(live), None)
    assert said[0] == (
        "Consistency 87.5 %: 1 of 8 rows break “no cost is under nothing”; "
        "they were set aside, so they are in no figure that is made of the table."
    )
    assert any(
        "“the trade is given”; they stand in the table, and whatever needs trade cannot use them." in s for s in said
    )
    assert (
        percent_of(99.99) == "over 99.9 %" and percent_of(0.01) == "under 0.1 %" and percent_of(None) == "not measured"
    )


def _said(**more):
    told = {"rule": "r", "column": None, "dimension": "conformity", "severity": "warn", "expected": "must be 0",
            "value": 0.0, "failing": 0, "rows": 10, "passed": True, "run": "", "at": datetime.now(UTC)}  # fmt: skip
    return Said(**{**told, **more})


@pytest.mark.parametrize(
    ("said", "percent"),
    [
        (_said(), 100),
        (_said(value=3, failing=3, passed=False), 70),
        (_said(value=30, failing=3, expected="must be under 40 %"), 70),
        (_said(value=4, passed=False), 60),  # counted by SQL of another form
        (_said(value=400, passed=False), 0),  # a join may count a row more than once
        (_said(value=7, passed=False, expected="must be over 9"), 0),
        (_said(value=12, expected="must be over 9"), 100),
        (_said(rows=0), None),
    ],
)
def test_what_a_rule_says_in_percent(said, percent):
    found = score_of(NAME, said)
    assert found.percent == percent and found.dimension == "validity" and found.how


def test_a_share_is_told_as_one(jobs):
    jobs.good()
    rules = {r.rule: r for d in quality_of(jobs).dimensions for r in d.rules}
    assert rules["the trade is given"].expected == "must be under 50 %"
    broken = _said(value=12.5, passed=False, expected="must be over 20 %")
    assert score_of(NAME, broken).how == "broken: 12.5 %, and it must be over 20 %"


def test_a_trend_has_a_point_a_day_and_a_table_counts_until_it_is_audited_again(lake, con, monkeypatch):
    other = TableName("housing", "repairs", "home")

    def audit(day, table, failing):
        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime(2026, 1, day, 12, tzinfo=UTC)

        monkeypatch.setattr("vestry.products.publish.datetime", Clock)
        check = Check("r", "conformity", "warn", None, lambda v: v == 0, "must be 0", broken="x")
        keep(lake, con, table, [Result(check, failing, 10)], f"run {day}")

    for day, table, failing in ((1, NAME, 1), (1, other, 5), (3, NAME, 0), (4, other, 0)):
        audit(day, table, failing)
    empty = SimpleNamespace(tables={})  # no contract: every rule counts
    points = trend(empty, lake, [NAME, other], datetime(2026, 2, 1, tzinfo=UTC))
    assert [(p.day.day, p.percent["validity"]) for p in points] == [(1, 50), (3, 50), (4, 100)]
    assert (
        trend(empty, lake, [NAME], datetime(2028, 2, 1, tzinfo=UTC)) == []
        and trend(empty, lake, [], datetime.now(UTC)) == []
    )


def test_results_that_were_added_are_read_and_nothing_else(lake, con, monkeypatch):
    check = Check("r", "conformity", "warn", None, lambda v: v == 0, "must be 0", broken="x")
    results = Results(lake)
    assert results.of(NAME) == {}
    monkeypatch.setattr("vestry.catalogue.quality.results._FRESH", 0.0)
    keep(lake, con, NAME, [Result(check, 1, 10)], "one")
    assert results.of(NAME)["r", None].failing == 1
    keep(lake, con, NAME, [Result(check, 2, 10)], "two")
    assert results.of(NAME)["r", None].failing == 2 and results.of(NAME) == Results(lake).of(NAME)
    asked = []
    monkeypatch.setattr("vestry.catalogue.quality.results.asked", lambda *a: asked.append(a) or [])
    assert results.of(NAME)["r", None].run == "two" and asked == []
