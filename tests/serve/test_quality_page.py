"""The quality of a product, on its page and on the command line: why a score is what it is, and no personal value."""

from __future__ import annotations

import time

import pytest

from serve.conftest import in_process

pytestmark = pytest.mark.slow

CONTRACT = """
- name: repair
  properties:
  - {name: job, logicalType: string, primaryKey: true, classification: internal}
  - {name: tenant, logicalType: string, classification: personal}
  - name: trade
    logicalType: string
    classification: internal
    quality:
    - {name: the trade is known, metric: invalidValues, arguments: {validValues: [damp]}, mustBe: 0, severity: warn}
  - name: named
    logicalType: string
    classification: personal
    quality:
    - {name: the name is no code, metric: invalidValues, arguments: {pattern: "^[a-z]+$"}, mustBe: 0,
       dimension: consistency, severity: warn}
"""


@pytest.fixture
def town(council):
    council.files()
    rows = "".join(f"A{n},Zzebedee{n},{'damp' if n else 'dmp'},Zzebedee\n" for n in range(12))
    council.drop("a.csv", "job,tenant,trade,named\n" + rows)
    council.product("housing.repairs", CONTRACT, repair_sql="SELECT job, tenant, trade, named FROM bronze.repairs.job")
    council.good()
    return council


def test_the_page_says_why_a_score_is_what_it_is_and_shows_rows_without_personal_values(town):
    with in_process(town) as get:
        end = time.monotonic() + 60
        while "Aaaaaaaa9" not in (dictionary := get(f"/products/housing/repairs/dictionary?{time.monotonic()}").text):
            assert time.monotonic() < end, "no profile was made"
            time.sleep(0.2)
        page = get("/products/housing/repairs/quality").text
        overview = get("/quality").text
    assert "the trade is known: 1 of 12 rows break it" in page and "••• Aa" in page and "Masked" in page
    # One repair of one tenant is `dmp`: nobody is told that without a grant.
    assert "the trade is known" in overview and "damp" in dictionary and "dmp" not in dictionary
    assert "ebedee" not in page + overview + dictionary


def test_the_command_says_the_same_and_a_name_that_is_none_is_answered_with_the_nearest(town):
    told = town.cli("quality", "housing.repairs").stdout
    assert "the trade is known: 1 of 12 rows break it" in told and "ebedee" not in told
    assert "housing.repairs" in town.cli("quality").stdout
    wrong = town.cli("quality", "housing.repair")
    assert wrong.returncode == 2 and "did you mean `housing.repairs`" in wrong.stderr
