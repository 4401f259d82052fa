"""Policies as code: what comes with Vestry, the faults of a council's own, and its cases."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from council import Council
from vestry.governance.policies.cases import resources, try_cases
from vestry.governance.policies.probe import faults_of_policies
from vestry.governance.policies.rules import Circumstances, Question, Reader, Resource, Rules, decided
from vestry.project import ProjectError
from vestry.project.project import load_project

TODAY = date(2026, 11, 26)
NOW = Circumstances(TODAY, "calls", door="sql")
STAFF = frozenset({"staff"})


def column(classification: str = "internal", personal: bool = False) -> Resource:
    return Resource("adults", "adults.care", "adults.care.client", "silver", classification, personal)


def may(rules: Rules, roles: set[str], resource: Resource, granted: bool = False, agreement: str = "") -> bool:
    now = Circumstances(TODAY, "calls", agreement, door="sql")
    return rules.decide(Reader(frozenset(roles)), now, [Question(resource, granted)])[0].allowed


@pytest.mark.parametrize(
    ("roles", "classification", "personal", "granted", "agreement", "allowed"),
    [
        ((), "open", False, False, "", True),
        ((), "public", False, False, "", True),
        ((), "public", True, False, "", False),
        ((), "internal", False, False, "", False),
        (("staff",), "internal", False, False, "", True),
        (("staff",), "internal", True, False, "", False),
        (("staff",), "personal", True, True, "", True),
        (("staff",), "special", True, True, "", False),
        (("staff", "special_category"), "special", True, True, "", True),
        (("staff", "special_category"), "special", True, False, "", False),
        (("staff", "special_category"), "criminal", True, True, "", False),
        (("staff", "criminal_offence"), "criminal", True, True, "", True),
        (("special_category",), "special", True, True, "", False),
        (("partner",), "personal", True, True, "", False),
        (("partner",), "special", True, True, "trust", True),
        (("partner",), "internal", False, False, "trust", False),
        (("admin",), "personal", True, True, "", False),
    ],
)
def test_what_comes_with_vestry(
    roles: tuple[str, ...],
    classification: str,
    personal: bool,
    granted: bool,
    agreement: str,
    allowed: bool,
    tmp_path: Path,
) -> None:
    rules = Rules.of(tmp_path)
    assert may(rules, set(roles), column(classification, personal), granted, agreement) is allowed


def test_a_policy_that_fails_denies_even_where_another_permits(tmp_path: Path) -> None:
    rules = Rules(
        {
            "a.cedar": "permit (principal, action, resource);",
            "b.cedar": "forbid (principal, action, resource) when { resource.nothing == 1 };",
        }
    )
    assert not may(rules, {"staff"}, column())


def test_a_batch_says_what_each_alone_would(tmp_path: Path) -> None:
    rules, chance = Rules.of(tmp_path), random.Random(3)
    kinds = ["open", "internal", "personal", "special", "criminal"]
    asked = [
        Question(column(chance.choice(kinds), chance.random() < 0.5), chance.random() < 0.5, chance.random() < 0.5)
        for _ in range(300)
    ]
    reader = Reader(STAFF | {"special_category"})
    assert rules.decide(reader, NOW, asked) == [rules.decide(reader, NOW, [one])[0] for one in asked]


@pytest.mark.parametrize("attribute", ["domain", "product", "table", "layer"])
@pytest.mark.parametrize(
    "condition",
    [
        '{} like "a*"',
        '{} == "a"',
        '"a" == {}',
        '{} != "b"',
        '["a", "x"].contains({})',
        "principal.domains.contains({})",
        "{} == context.purpose",
        '["c", context.purpose].contains({})',
        '{{"it": {}}}.it == "a"',
        '(if {} == "x" then "a" else {}) == "a"',
        '[{}].contains("a")',
        '{} == "a" && !({} like "b*")',
    ],
)
def test_names_that_policies_tell_apart_are_told_apart(attribute: str, condition: str) -> None:
    told = condition.replace("{}", f"resource.{attribute}").replace("{{", "{").replace("}}", "}")
    rules = Rules({"own.cedar": f"permit (principal, action, resource) when {{ {told} }};"})
    assert not rules.faults()
    names = ["a", "b", "c", "x", "ab", "ba", "", "\0"]
    asked = [Question(replace(column(), **{attribute: name}), False) for name in names]
    reader, now = Reader(STAFF, frozenset({"a"})), replace(NOW, purpose="a")
    told_apart = [a.allowed for a in rules.decide(reader, now, asked)]
    assert told_apart == [a.allowed for a in decided(rules._parsed, [(reader, now, one) for one in asked])]
    assert told_apart[:2] == [True, False]


def test_tables_that_no_policy_names_are_one_question() -> None:
    own = 'forbid (principal, action, resource) when { resource.product == "d7.p7" && resource.domain == "d7" };'
    rules = Rules({"own.cedar": own})
    tables = [replace(column(), domain=f"d{n}", product=f"d{n}.p{n}", table=f"d{n}.p{n}.t") for n in range(1000)]
    assert len({rules._like(table) for table in tables}) == 2


@pytest.fixture
def policies(council: Council) -> Iterator[Council]:
    columns = {
        "id": "logicalType: string, primaryKey: true, classification: personal",
        "note": "logicalType: string, classification: special",
    }
    council.files("care", "client")
    council.product("adults.care", columns, client_sql="SELECT id, note FROM bronze.care.client")
    council.product(
        "housing.stock",
        {"ward": "logicalType: string, classification: internal"},
        ward_sql="SELECT id AS ward FROM bronze.care.client",
    )
    return council


def said(council: Council, policy: str) -> list[str]:
    council.write("policies/own.cedar", policy)
    return [str(fault) for fault in faults_of_policies(council.root)]


READ = 'permit (principal in Role::"staff", action in Action::"read", resource)'


@pytest.mark.parametrize(
    "policy",
    [
        READ + ' when { resource.domain == "housin" };',
        READ + " when { context.today < 20260101 && context.today > 20260201 };",
        READ + " when { resource.personal && !resource.personal };",
        READ + ' when { context.network.isInRange(ip("10.0.0.0/8")) && context.network.isLoopback() };',
        'forbid (principal, action == Action::"readClear", resource) when { resource.classification == "secret" };',
    ],
)
def test_a_policy_that_can_never_hold_is_a_fault(policies: Council, policy: str) -> None:
    (fault,) = said(policies, f'// ours\n@id("mine")\n{policy}')
    assert fault.startswith("policies/own.cedar:2: the policy `mine` never holds")


def test_the_nearest_name_is_offered(policies: Council) -> None:
    (fault,) = said(policies, '@id("mine")\n' + READ + ' when { resource.domain == "housin" };')
    assert "did you mean `housing`?" in fault


@pytest.mark.parametrize(
    "policy",
    [
        READ + ";",
        READ + ' when { resource.domain == "adults" };',
        READ + ' when { context.purpose == "audit" };',
        READ + ' when { context.network.isInRange(ip("10.0.0.0/8")) };',
        READ + ' when { context.door == "odata" && resource.classification == "special" };',
        READ + " when { context.today >= 20270101 };",
        "permit (principal, action, resource) unless { context.granted };",
    ],
)
def test_a_policy_that_opens_personal_data_to_all_is_a_fault(policies: Council, policy: str) -> None:
    (fault,) = said(policies, f'@id("mine")\n{policy}')
    assert fault.startswith("policies/own.cedar:1: the policy `mine` opens personal data (")


@pytest.mark.parametrize(
    "policy",
    [
        READ + " when { context.granted && principal.domains.contains(resource.domain) };",
        'permit (principal in Role::"auditor", action in Action::"read", resource) when { context.granted };',
        'forbid (principal, action, resource) unless { context.network.isInRange(ip("10.0.0.0/8")) };',
        READ + ' when { context.granted && context.purpose like "*safeguarding*" };',
        READ + " when { context.granted && context.today < 20270401 };",
    ],
)
def test_a_sound_policy_is_no_fault(policies: Council, policy: str) -> None:
    assert said(policies, policy) == []


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (
            '@id("mine")\npermit (principal, action, resource) when { resource.clas == "x" };',
            "policies/own.cedar:1: the policy `mine`: attribute `clas`",
        ),
        ('permit (principal, action == Action::"write", resource);', 'Action::"write"'),
        ("permit (principal, action", "policies/own.cedar: not a policy that can be read"),
    ],
)
def test_what_cedar_does_not_understand_is_a_fault(policies: Council, policy: str, expected: str) -> None:
    assert any(expected in fault for fault in said(policies, policy))


CASES = """
cases:
  - name: Staff do not read notes
    column: adults.care.client.note
    roles: [staff]
    granted: true
    may: false
  - name: Whoever may read special category data reads notes
    column: adults.care.client.note
    roles: [staff, special_category]
    granted: true
    may: {}
"""


def test_the_cases_of_a_council_are_tried(policies: Council) -> None:
    policies.write("policies/notes.test.yaml", CASES.format("true"))
    project = load_project(policies.root)
    assert [tried.holds for tried in try_cases(project, Rules.of(policies.root), TODAY)] == [True, True]
    policies.write("policies/notes.test.yaml", CASES.format("false"))
    last = try_cases(project, Rules.of(policies.root), TODAY)[-1]
    assert (last.holds, last.where, last.answer.rules) == (
        False,
        "policies/notes.test.yaml:8",
        ("special category by a grant and a role",),
    )


def test_a_case_of_a_column_that_there_is_not_is_a_fault(policies: Council) -> None:
    policies.write("policies/notes.test.yaml", CASES.format("true").replace("client.note", "client.nte", 1))
    with pytest.raises(ProjectError, match="did you mean `adults"):
        try_cases(load_project(policies.root), Rules.of(policies.root), TODAY)


def test_columns_of_sources_count_as_personal(policies: Council) -> None:
    found = resources(load_project(policies.root))
    assert found["bronze.care.client.*"].personal
    assert found["housing.stock.ward.ward"].personal is False
