"""`vestry diff`: which changes of contracts break whose work."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from vestry.project import VestryError
from vestry.project.diff import diff

from .conftest import Folder

REPAIRS = "domains/housing/repairs/contract.yaml"
COSTS = "domains/housing/costs/contract.yaml"
MONTH = "domains/housing/costs/month.sql"


def git(folder: Path, *arguments: str) -> None:
    settings = [
        "-c",
        "user.name=T",
        "-c",
        "user.email=t@example.org",
        "-c",
        "init.defaultBranch=main",
        "-c",
        "commit.gpgsign=false",
    ]
    subprocess.run(["git", *settings, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def kept(folder: Folder) -> Folder:
    """The project in a subfolder of a repository, with readers at two removes."""
    folder.write("domains/adults/domain.yaml", "name: Adults\nowner: Ben Silva\n")
    contract = (folder.root / COSTS).read_text()
    folder.write("domains/adults/yearly/contract.yaml", contract.replace("housing-costs", "yearly").encode())
    folder.write("domains/adults/yearly/month.sql", "SELECT month, cost FROM housing.costs.month\n")
    folder.write("domains/adults/copies/contract.yaml", contract.replace("housing-costs", "copies").encode())
    folder.write("domains/adults/copies/month.sql", "SELECT * FROM housing.repairs.repair\n")
    git(folder.root.parent, "init")
    git(folder.root.parent, "add", ".")
    git(folder.root.parent, "commit", "-m", "first")
    return folder


@pytest.fixture
def told() -> Callable[[Folder], list[str]]:
    return lambda folder: [str(change) for change in diff(folder.root)]


Told = Callable[[Folder], list[str]]


def test_nothing_has_changed(kept: Folder, told: Told) -> None:
    assert told(kept) == []


def test_a_column_that_is_gone_names_those_who_mention_it(kept: Folder, told: Told) -> None:
    kept.change(REPAIRS, "      - name: reported_on\n        logicalType: date\n", "")
    assert told(kept) == [
        f"{REPAIRS}:8: breaking: the column `reported_on` is gone\n"
        "    read by housing.costs.month (Ada Okafor), perhaps adults.copies.month (Ben Silva), "
        "perhaps adults.yearly.month (Ben Silva)",
        f"{REPAIRS}:4: note: the version is still 1.0.0, and a change breaks: raise its first number",
    ]


def test_a_column_that_nobody_mentions_has_only_those_who_may_read_it(kept: Folder, told: Told) -> None:
    kept.change(REPAIRS, "version: 1.0.0", "version: 2.0.0")
    kept.change(REPAIRS, "- name: uprn", "- name: property_uprn")
    assert told(kept) == [
        f"{REPAIRS}:8: breaking: the column `uprn` is gone (renamed to `property_uprn`?)\n"
        "    read by perhaps adults.copies.month (Ben Silva)",
        f"{REPAIRS}:13: compatible: the column `property_uprn` is new",
    ]


@pytest.mark.parametrize(
    ("file", "old", "new", "change"),
    [
        (COSTS, "DECIMAL(18,2)", "DECIMAL(10,2)", "breaking: the type of `cost` is narrowed: it was DECIMAL(18,2) and is DECIMAL(10,2)"),
        (COSTS, "DECIMAL(18,2)", "decimal(20, 2)", "note: the type of `cost` is widened: it was DECIMAL(18,2) and is DECIMAL(20,2)"),
        (COSTS, "DECIMAL(18,2)", "VARCHAR", "breaking: the type of `cost` is changed: it was DECIMAL(18,2) and is VARCHAR"),
        (COSTS, "logicalType: date", "logicalType: date\n        required: true", "note: `month` is now required: a build with rows that are not so fails"),
        (REPAIRS, "        required: true\n", "", "breaking: `repair_id` is no longer required"),
        (REPAIRS, "        primaryKey: true\n", "", "breaking: the primary key was `repair_id` and is not said"),
        (COSTS, "logicalType: date", "logicalType: date\n        classification: personal", "breaking: the classification of `month` was not said and is personal"),
        (COSTS, "logicalType: date", "logicalType: date\n        description: First day", "compatible: the description of `month` has changed"),
        (REPAIRS, "mustBe: 0", "mustBeLessThan: 5", "breaking: the rule `no refunds` of `cost` is loosened"),
        (REPAIRS, "severity: quarantine", "severity: warn", "breaking: the rule `no refunds` of `cost` was quarantine and is warn"),
        (REPAIRS, "${column} < 0", "${column} < 1", "note: the rule `no refunds` of `cost` asks something else than it did"),
        (COSTS, "status: active", "status: deprecated", "note: the status was `active` and is `deprecated`"),
        (COSTS, "status: active", "status: retired", "breaking: the status was `active` and is `retired`"),
    ],
)  # fmt: skip
def test_what_breaks_and_what_does_not(kept: Folder, file: str, old: str, new: str, change: str) -> None:
    kept.change(file, "version: 1.0.0", "version: 2.0.0")
    kept.change(file, old, new)
    (found,) = diff(kept.root)
    assert f"{found.effect}: {found.what}" == change
    assert found.file == file


def test_a_rule_that_is_gone_breaks_and_one_that_is_tightened_does_not(kept: Folder, told: Told) -> None:
    text = (kept.root / REPAIRS).read_text()
    kept.write(REPAIRS, text[: text.index("        quality:")].encode())
    assert told(kept)[0].startswith(f"{REPAIRS}:17: breaking: the rule `no refunds` of `cost` is gone\n")
    kept.write(REPAIRS, text.replace("mustBe: 0", "mustBeLessThan: 9").replace("quarantine", "error").encode())
    git(kept.root, "commit", "-am", "looser")
    kept.change(REPAIRS, "mustBeLessThan: 9", "mustBe: 0")
    assert [c.what for c in diff(kept.root)] == ["the rule `no refunds` of `cost` is tightened"]


def test_service_levels(kept: Folder) -> None:
    levels = (
        "slaProperties:\n  - {property: latency, value: 1, unit: d}\n  - {property: retention, value: 3, unit: y}\n"
    )
    text = (kept.root / COSTS).read_text()
    kept.write(COSTS, (text + levels).encode())
    git(kept.root, "commit", "-am", "levels")
    kept.write(COSTS, (text + levels.replace("1, unit: d", "36, unit: h").replace("3, unit", "4, unit")).encode())
    assert [f"{c.effect}: {c.what}" for c in diff(kept.root) if c.is_theirs] == [
        "breaking: the service level `latency` is weaker: it was 1 d and is 36 h",
        "compatible: the service level `retention` is stronger: it was 3 y and is 4 y",
    ]
    kept.write(COSTS, text.encode())
    assert [f"{c.effect}: {c.what}" for c in diff(kept.root) if c.is_theirs] == [
        "breaking: the service level `latency` is gone",
        "breaking: the service level `retention` is gone",
    ]


def test_tables_and_products_that_come_and_go(kept: Folder) -> None:
    (kept.root / "domains/adults/copies").rename(kept.root / "domains/adults/duplicates")
    kept.change(COSTS, "  - name: month\n    properties", "  - name: monthly\n    properties")
    (kept.root / MONTH).rename(kept.root / "domains/housing/costs/monthly.sql")
    assert [str(c).splitlines()[0] for c in diff(kept.root)] == [
        "domains/adults/copies/contract.yaml: breaking: the table `month` is gone, with its product",
        f"{COSTS}:6: breaking: the table `month` is gone (renamed to `monthly`?)",
        f"{COSTS}:4: note: the version is still 1.0.0, and a change breaks: raise its first number",
        "domains/adults/duplicates/contract.yaml:7: compatible: the table `month` is new",
        f"{COSTS}:7: compatible: the table `monthly` is new",
    ]
    gone = next(c for c in diff(kept.root) if c.file == COSTS and c.effect == "breaking")
    assert gone.consumers == ("adults.yearly.month (Ben Silva)",)


def test_a_project_that_was_not_there_is_all_new(kept: Folder) -> None:
    git(kept.root.parent, "rm", "-r", "-q", "--cached", "council")
    git(kept.root.parent, "commit", "-m", "without")
    assert {c.effect for c in diff(kept.root)} == {"compatible"}
    assert diff(kept.root, "HEAD~1") == []


def test_a_contract_with_faults_at_that_commit_is_named(kept: Folder) -> None:
    text = (kept.root / COSTS).read_text()
    kept.write(COSTS, b"a: [\n")
    git(kept.root, "commit", "-am", "broken")
    kept.write(COSTS, text.encode())
    (change,) = diff(kept.root)
    assert str(change).splitlines()[0] == f"{COSTS}:1: note: the contract of HEAD has faults and cannot be compared"


def test_errors_name_the_cure(folder: Folder, kept: Folder, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(VestryError) as error:
        diff(kept.root, "no-such-branch")
    assert str(error.value) == (
        "git knows no `no-such-branch`\n  name a commit, a branch or a tag: `git log --oneline`, `git branch -a`"
    )
    with pytest.raises(VestryError, match="git knows no `--all`"):
        diff(kept.root, "--all")


def test_outside_git_and_before_the_first_commit(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.root.parent))
    with pytest.raises(VestryError, match="is not in a git repository\n  keep the project in git"):
        diff(folder.root)
    git(folder.root, "init")
    with pytest.raises(VestryError, match="nothing has been committed yet"):
        diff(folder.root)
