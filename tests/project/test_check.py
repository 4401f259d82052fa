"""`vestry check`, as far as files tell by themselves: what a person reads of each fault."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vestry.project.check import check, examine

from .conftest import Folder

Said = Callable[[Folder], list[str]]
REPAIR = "domains/housing/repairs/repair.sql"
REPAIRS = "domains/housing/repairs/contract.yaml"
MONTH = "domains/housing/costs/month.sql"
COSTS = "domains/housing/costs/contract.yaml"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            "FROM bronze.repairs.job",
            "FROM bronze.repairs.jobs",
            f"{REPAIR}:6: there is no table `bronze.repairs.jobs`\n    did you mean `bronze.repairs.job`?",
        ),
        (
            "FROM bronze.repairs.job",
            "FROM bronze.Repairs.job",
            f"{REPAIR}:6: `bronze.Repairs.job` differs from `bronze.repairs.job` by case\n    write bronze.repairs.job",
        ),
        ("FROM bronze.repairs.job", "FROM job", f"{REPAIR}:6: there is no table `job`\n    write bronze.repairs.job"),
        (
            "FROM bronze.repairs.job",
            "FROM read_csv('incoming/a.csv')",
            f"{REPAIR}:6: `read_csv()` reads a file past the project's sources\n    add the file to a source in sources/",
        ),
        (
            "money(cost) AS cost",
            "money(cost AS cost",
            f"{REPAIR}:5: SQL that does not parse: syntax error at or near `AS`\n    look at this line and the one above it",
        ),
        (
            "job AS repair_id",
            "'job AS repair_id",
            f"{REPAIR}:2: SQL that does not parse: unterminated quoted string at or near `'job AS repair_id,`\n    close the quote",
        ),
        (
            "FROM bronze.repairs.job",
            "FROM bronze.repairs.job; SELECT 1",
            f"{REPAIR}:1: there are 2 statements, and the SQL of a table is one SELECT\n"
            "    put the steps before it in WITH … AS (…)",
        ),
        (
            "SELECT",
            "CREATE TABLE x AS SELECT",
            f"{REPAIR}:1: the SQL of a table is one SELECT, and this is CREATE\n    write only the SELECT: Vestry writes the table",
        ),
        (
            "uprn(uprn) AS uprn",
            "uprn(uprn)",
            f"{REPAIR}:3: a column without a name\n    name it: … AS name",
        ),
        (
            "uprn(uprn) AS uprn",
            "uprn(uprn) AS uprn, 1 AS Cost",
            f"{REPAIR}:5: the SQL returns the column `cost` twice\n"
            "    leave one out or name it otherwise with AS; the first is on line 3",
        ),
    ],
)
def test_sql_that_cannot_be_used(folder: Folder, said: Said, old: str, new: str, fault: str) -> None:
    folder.change(REPAIR, old, new)
    assert said(folder) == [fault]


def test_a_column_promised_and_not_made_and_one_made_and_not_promised(folder: Folder, said: Said) -> None:
    folder.change(REPAIR, "AS reported_on", "AS reported_at")
    assert said(folder) == [
        f"{REPAIRS}:15: the contract promises the column `reported_on`, and repair.sql does not make it\n"
        f"    make it in {REPAIR}, or take it out of the contract",
        f"{REPAIR}:4: the column `reported_at` is made, and the contract does not promise it\n"
        f"    did you mean `reported_on`? If not, add it to {REPAIRS}, or leave it out of the SELECT",
    ]


def test_a_cycle_is_told_with_its_path_and_line(folder: Folder, said: Said) -> None:
    folder.change(
        REPAIR, "FROM bronze.repairs.job", "FROM bronze.repairs.job\n    SEMI JOIN housing.costs.month ON true"
    )
    folder.write(
        MONTH,
        """
        SELECT NULL AS month, sum(cost) AS cost
        FROM housing.repairs.repair
        """,
    )
    path = "housing.costs.month → housing.repairs.repair → housing.costs.month"
    assert said(folder) == [f"{MONTH}:2: tables that need each other: {path}\n    take one of these references out"]


def test_a_table_that_reads_itself_is_a_cycle(folder: Folder, said: Said) -> None:
    folder.change(MONTH, "FROM housing.repairs.repair", "FROM housing.costs.month")
    assert said(folder) == [
        f"{MONTH}:4: the table reads itself: housing.costs.month → housing.costs.month\n    take one of these references out"
    ]


def test_companions_and_tables_of_the_platform_may_be_read(folder: Folder, said: Said) -> None:
    folder.write(
        MONTH,
        """
        SELECT NULL AS month, 1 AS cost
        FROM bronze.repairs.job__rejected, housing.repairs.repair__quarantine, vestry.quality.result
        """,
    )
    assert said(folder) == []
    folder.change(MONTH, "repair__quarantine", "repair__rejected")
    assert [line.splitlines()[0] for line in said(folder)] == [
        f"{MONTH}:2: there is no table `housing.repairs.repair__rejected`"
    ]


def test_what_refers_to_a_file_with_faults_is_not_faulted_for_it(folder: Folder, said: Said) -> None:
    folder.change(REPAIRS, "status: active", "status: active\nstatus: active")
    folder.change("sources/repairs.yaml", "connector: files", "connector: fles")
    assert [line.splitlines()[0] for line in said(folder)] == [
        f"{REPAIRS}:6: the key `status` stands twice",
        "sources/repairs.yaml:1: unknown connector `fles`",
    ]


def test_a_secret_that_is_not_set_names_file_line_and_command(folder: Folder, said: Said) -> None:
    folder.change("sources/repairs.yaml", "path: incoming", "# ${NOT_THIS}\npath: ${REPAIRS_DROP}/in")
    folder.write(
        "vestry.toml",
        '[council]\nname = "T"\n[lake]\n# ${NOR_THIS}\noptions = { AWS_SECRET_ACCESS_KEY = "${S3_KEY}" }\n',
    )
    assert said(folder) == [
        "sources/repairs.yaml:3: the environment variable REPAIRS_DROP is not set\n"
        "    set it before you run: export REPAIRS_DROP=…, or put it in .env",
        "vestry.toml:5: the environment variable S3_KEY is not set\n"
        "    set it before you run: export S3_KEY=…, or put it in .env",
    ]
    assert examine(folder.root, env={"REPAIRS_DROP": "x", "S3_KEY": "y"}).faults == []


def test_a_table_made_by_two_files(folder: Folder, said: Said) -> None:
    folder.write("domains/housing/repairs/repair.py", "INPUTS = {}\ndef build(): ...\n")
    assert said(folder) == [
        f"{REPAIRS}:7: the table `housing.repairs.repair` is made twice, by `repair.py` and `repair.sql`\n    keep one"
    ]


def test_a_table_that_nothing_makes_and_a_recipe_that_nobody_promised(folder: Folder, said: Said) -> None:
    (folder.root / REPAIR).rename(folder.root / "domains/housing/repairs/repairs.sql")
    assert said(folder) == [
        f"{REPAIRS}:7: nothing makes the table `repair`\n    add repair.sql beside the contract, or take the table out of it",
        "domains/housing/repairs/repairs.sql:1: the contract promises no table `repairs`\n"
        f"    add it to the schema of {REPAIRS}; did you mean `repair`?",
    ]


def test_a_recipe_whose_name_differs_by_case(folder: Folder, said: Said) -> None:
    (folder.root / REPAIR).rename(folder.root / "domains/housing/repairs/Repair.sql")
    assert said(folder) == [
        f"{REPAIRS}:7: nothing makes the table `repair`\n    Repair.sql differs only by case: rename it to repair.sql"
    ]


def test_names_promised_twice(folder: Folder, said: Said) -> None:
    folder.change(COSTS, "- name: cost", "- name: Month")
    folder.change(COSTS, "id: housing-costs", "id: housing-repairs")
    folder.change(MONTH, "sum(cost) AS cost", "1 AS x")
    text = (folder.root / REPAIRS).read_text()
    folder.write(REPAIRS, text + "  - name: Repair\n    properties: [{name: a}]\n")
    assert [line.splitlines()[0] for line in said(folder)] == [
        f"{COSTS}:11: the column `Month` is promised twice (as `month`: case does not part names)",
        f"{MONTH}:3: the column `x` is made, and the contract does not promise it",
        f"{REPAIRS}:3: the id `housing-repairs` is that of `{COSTS}` too",
        f"{REPAIRS}:26: the table `Repair` is promised twice",
    ]


def test_a_recipe_that_nothing_builds(folder: Folder, said: Said) -> None:
    (folder.root / REPAIR).rename(folder.root / "domains/housing/repairs/repair.magic.yaml")
    (fault,) = said(folder)
    assert fault.startswith(
        "domains/housing/repairs/repair.magic.yaml: nothing builds a recipe that ends in .magic.yaml\n"
        "    use `.match.yaml`, `.py`, "
    )


def test_check_is_the_list_of_faults(folder: Folder) -> None:
    folder.change(MONTH, "housing.repairs.repair", "housing.repairs.job")
    assert [(f.file, f.line) for f in check(folder.root / "domains")] == [(MONTH, 4)]
