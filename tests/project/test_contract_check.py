"""Contracts held against the standard, and their rules: what a person reads of each fault."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vestry.project.odcs import contract_faults
from vestry.project.yamlfile import parse_yaml

from .conftest import Folder

Said = Callable[[Folder], list[str]]
REPAIRS = "domains/housing/repairs/contract.yaml"

SPOILED = """\
apiVersion: v3.1.0
kind: DataContrac
id: 12
version: 1.0.0
team:
  nme: x
status: active
schema:
  - name: repair
    props: []
    properties:
      - name: a
        logicalType: strng
        requird: true
        unique: yes
      - name: b
        logicalTypeOptions: {maxLength: x}
        logicalType: string
        quality:
          - metric: nulValues
            mustBe: 0
          - metric: nullValues
          - metric: nullValues
            mustBe: 0
            mustBeLessThan: 1
          - metric: invalidValues
            mustBeLessThan: few
          - type: sql
            mustBe: 0
      - logicalType: date
    relationships:
      - from: a
        to: repair.b
      - to: x.b
    quality:
       - {metric: rowCount, mustBeGreaterThan: 1, dimension: complete}
slaProperties:
  - property: frequency
"""


def test_every_departure_from_the_standard_in_plain_words() -> None:
    assert "\n".join(str(f) for f in contract_faults(parse_yaml(SPOILED, "contract.yaml"))) == (
        "contract.yaml:2: `kind` cannot be `DataContrac`\n"
        "    did you mean `DataContract`?\n"
        "contract.yaml:3: `id` must be text\n"
        '    put it in quotes: "12"\n'
        "contract.yaml:6: unknown key `nme` in `team`\n"
        "    did you mean `name`?\n"
        "contract.yaml:10: unknown key `props` in the table `repair`\n"
        "    did you mean `properties`?\n"
        "contract.yaml:13: `logicalType` of the column `a` of the table `repair` cannot be `strng`\n"
        "    did you mean `string`?\n"
        "contract.yaml:14: unknown key `requird` in the column `a` of the table `repair`\n"
        "    did you mean `required`?\n"
        "contract.yaml:15: `unique` of the column `a` of the table `repair` must be true or false\n"
        "    write true\n"
        "contract.yaml:17: `maxLength` of `logicalTypeOptions` of the column `b` of the table `repair` must be a whole number\n"
        "    now it is `x`\n"
        "contract.yaml:20: `metric` of rule 1 of `quality` of the column `b` of the table `repair` cannot be `nulValues`\n"
        "    did you mean `nullValues`?\n"
        "contract.yaml:22: rule 2 of `quality` of the column `b` of the table `repair` does not say what must hold\n"
        "    add `mustBe: 0`, or another of the standard's mustBe… keys\n"
        "contract.yaml:23: rule 3 of `quality` of the column `b` of the table `repair` says `mustBe` and `mustBeLessThan`\n"
        "    keep one of them, or write two rules\n"
        "contract.yaml:26: `mustBeLessThan` of rule 4 of `quality` of the column `b` of the table `repair` has the wrong form\n"
        "    write a number; for mustBeBetween two, as [1, 5]\n"
        "contract.yaml:28: the key `query` is missing in rule 5 of `quality` of the column `b` of the table `repair`\n"
        "    add `query:`\n"
        "contract.yaml:30: the key `name` is missing in column 3 of `properties` of the table `repair`\n"
        "    add `name:`\n"
        "contract.yaml:32: `from` of item 1 of `relationships` of the table `repair` cannot be written `a`\n"
        "    write table.column\n"
        "contract.yaml:34: the key `from` is missing in item 2 of `relationships` of the table `repair`\n"
        "    add `from:`\n"
        "contract.yaml:36: `dimension` of rule 1 of `quality` of the table `repair` cannot be `complete`\n"
        "    did you mean `completeness`?\n"
        "contract.yaml:38: the key `value` is missing in the item `frequency`\n"
        "    add `value:`"
    )


def test_a_line_with_a_fault_is_told_once(folder: Folder, said: Said) -> None:
    folder.change(REPAIRS, "required: true", "required: perhaps")
    assert said(folder) == [
        f"{REPAIRS}:12: `required` of the column `repair_id` of the table `repair` must be true or false\n"
        "    now it is `perhaps`"
    ]


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        (
            "{type: sql, query: 'SELECT count(*) FROM ${table} WHERE cots < 0', mustBe: 0}",
            "21: the rule `SQL` of `repair.cost` names the column `cots`, which the table does not have\n"
            "    did you mean `cost`?",
        ),
        (
            "{type: sql, query: 'SELECT count(* FROM ${table}', mustBe: 0}",
            "21: the rule `SQL` of `repair.cost`: SQL that does not parse: syntax error at or near `FROM`\n"
            "    write SELECT count(*) FROM ${table} WHERE …",
        ),
        (
            "{type: sql, query: 'SELECT count(*) FROM ${tabel} WHERE cost < 0', mustBe: 0}",
            "21: the rule `SQL` of `repair.cost` has an unknown placeholder ${tabel}\n    did you mean `table`?",
        ),
        (
            "{type: sql, query: 'SELECT max(cost) FROM ${table}', mustBe: 0, severity: quarantine}",
            "21: the rule `SQL` of `repair.cost` cannot put rows aside: its SQL does not say which\n"
            "    write SELECT count(*) FROM ${table} WHERE … over the one table, or use the severity error or warn",
        ),
        (
            "{type: sql, query: 'SELECT count(*) FROM ${table} WHERE cost < 0', mustBeLessThan: 9, severity: quarantine}",
            "21: the rule `SQL` of `repair.cost` cannot put rows aside unless it says `mustBe: 0`\n    write mustBe: 0",
        ),
        (
            "{metric: rowCount, mustBe: 0, severity: quarantine}",
            "21: the rule `rowCount` of `repair.cost` cannot put rows aside\n"
            "    a count of rows is no row's fault: use the severity error or warn",
        ),
        (
            "{metric: nullValues, mustBe: 0, severity: quarantin}",
            "21: `severity` of rule 1 of `quality` of the column `cost` of the table `repair` cannot be `quarantin`\n    did you mean `quarantine`?",
        ),
        (
            "{metric: invalidValues, mustBe: 0}",
            "21: the rule `invalidValues` of `repair.cost` does not say which values are valid\n"
            "    give `arguments:` with `validValues: […]` or `pattern:`",
        ),
        (
            "{metric: duplicateValues, arguments: {properties: [cost, uprm]}, mustBe: 0}",
            "21: the rule `duplicateValues` of `repair.cost` names the column `uprm`, which the table does not have\n"
            "    did you mean `uprn`?",
        ),
        (
            "{description: nothing}",
            "21: the rule `nothing` of `repair.cost` says nothing that can be checked\n"
            "    give it a `metric:`, or `type: sql` and a `query:`",
        ),
        (
            "{type: text, description: looks right, severity: quarantine}",
            "21: the rule `looks right` of `repair.cost` is text, which puts no rows aside\n    use type: sql, or a metric",
        ),
    ],
)
def test_rules_that_cannot_be_checked(folder: Folder, said: Said, rule: str, fault: str) -> None:
    text = (folder.root / REPAIRS).read_text()
    head, _, _ = text.partition("          - name: no refunds")
    folder.write(REPAIRS, head.encode() + f"          - {rule}\n".encode())
    assert said(folder) == [f"{REPAIRS}:{fault}"]


def test_a_rule_of_the_table_needs_to_name_its_column(folder: Folder, said: Said) -> None:
    text = (folder.root / REPAIRS).read_text()
    rules = (
        "    quality:\n"
        "      - {metric: nullValues, mustBe: 0}\n"
        "      - {type: sql, query: 'SELECT count(*) FROM ${table} WHERE ${column} < 0', mustBe: 0}\n"
    )
    folder.write(REPAIRS, text + rules)
    assert said(folder) == [
        f"{REPAIRS}:27: the rule `nullValues` of `repair` counts nullValues of no column\n"
        "    put the rule below its column, or name the column in `arguments: {property: …}`",
        f"{REPAIRS}:28: the rule `SQL` of `repair` says ${{column}} and stands below no column\n    name the column",
    ]


def test_relationships_and_service_levels_name_what_is_there(folder: Folder, said: Said) -> None:
    text = (folder.root / REPAIRS).read_text()
    more = (
        "    relationships:\n"
        "      - {from: repair.uprn, to: housing.costs.month.month}\n"
        "      - {from: repair.uprm, to: housing.cost.month.month}\n"
        "      - {from: repair.uprn, to: bronze.repairs.job.anything}\n"
        "      - {from: repair.uprn, to: costs.month.month}\n"
        "slaProperties:\n"
        "  - {property: latency, value: 1, unit: d, element: repair.reported_on}\n"
        "  - {property: latency, value: 1, unit: d, element: repairs}\n"
    )
    folder.write(REPAIRS, text + more)
    assert said(folder) == [
        f"{REPAIRS}:28: the relationship names `housing.cost.month.month`, and there is no table `housing.cost.month`\n"
        "    did you mean `housing.costs.month`?",
        f"{REPAIRS}:28: the relationship names `repair.uprm`, and `repair` has no column `uprm`\n    did you mean `uprn`?",
        f"{REPAIRS}:30: the relationship names `costs.month.month`, which is no column\n"
        "    write table.column, or domain.product.table.column",
        f"{REPAIRS}:33: the service level `latency` names `repairs`, and the contract has no table `repairs`\n"
        "    did you mean `repair`?",
    ]


def test_what_a_column_is_said_to_be_made_of_is_there(folder: Folder, said: Said) -> None:
    made_of = "bronze.repairs.jobs.cost, bronze.repairs.job.any, housing.costs.month.cots, housing.costs.month, repair"
    folder.change(REPAIRS, "- name: cost\n", f"- name: cost\n        transformSourceObjects: [{made_of}]\n")
    assert said(folder) == [
        f"{REPAIRS}:18: `repair.cost` is said to be made of `bronze.repairs.jobs.cost`, and there is no table "
        "`bronze.repairs.jobs`\n    did you mean `bronze.repairs.job`?",
        f"{REPAIRS}:18: `repair.cost` is said to be made of `housing.costs.month.cots`, and `housing.costs.month` has "
        "no column `cots`\n    did you mean `cost`?",
        f"{REPAIRS}:18: `repair.cost` is said to be made of `repair`, and there is no table `repair`\n"
        "    write housing.repairs.repair",
    ]


def test_columns_that_no_table_can_keep(folder: Folder, said: Said) -> None:
    folder.change("domains/housing/costs/contract.yaml", "- name: cost", '- name: "total cost"')
    folder.change("domains/housing/costs/month.sql", "AS cost", 'AS "total cost"')
    assert said(folder) == [
        "domains/housing/costs/contract.yaml:11: a table cannot keep a column named `total cost`\n"
        "    use letters, digits and underscores"
    ]
