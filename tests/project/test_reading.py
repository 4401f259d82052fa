"""Reading a project: what is wrong with its YAML and TOML, in words."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from vestry.project import ProjectError, VestryError, load_project
from vestry.project.errors import did_you_mean
from vestry.project.project import expand
from vestry.project.settings import toml_line
from vestry.project.yamlfile import parse_yaml

from .conftest import Folder

Said = Callable[[Folder], list[str]]


def test_a_project_without_fault_loads(folder: Folder, said: Said) -> None:
    project = load_project(folder.root / "domains")
    assert [str(name) for name in project.tables] == ["housing.costs.month", "housing.repairs.repair"]
    assert [str(name) for name in project.bronze] == ["bronze.repairs.job"]
    assert said(folder) == []


def test_all_faults_are_told_at_once(folder: Folder) -> None:
    folder.change("vestry.toml", "name =", "nam =")
    folder.change("sources/repairs.yaml", "files:", "fles:")
    folder.change("domains/housing/domain.yaml", "owner:", "owners:")
    with pytest.raises(ProjectError) as error:
        load_project(folder.root)
    assert str(error.value).splitlines() == [
        "6 faults in the project",
        "  domains/housing/domain.yaml:1: the key `owner` is missing",
        "    add `owner:`",
        "  domains/housing/domain.yaml:2: unknown key `owners`",
        "    did you mean `owner`?",
        "  sources/repairs.yaml:4: the key `tables.job.files` is missing",
        "    add `files:`",
        "  sources/repairs.yaml:5: unknown key `tables.job.fles`",
        "    did you mean `files`?",
        "  vestry.toml:1: the key `council.name` is missing",
        "    add `name:`",
        "  vestry.toml:2: unknown key `council.nam`",
        "    did you mean `name`?",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: 1\n\tb: 2\n", "f.yaml:2: a tab in the indentation\n    YAML is indented with spaces: replace the tab"),
        (
            "a:\n  b: 1\n\tc: 2\n",
            "f.yaml:3: a tab in the indentation\n    YAML is indented with spaces: replace the tab",
        ),
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3: the key `a` stands twice\n    it stands on line 1 too; keep one"),
        ("a: b: c\n", "f.yaml:1: not valid YAML: a `:` where the text cannot have one\n    put the text in quotes"),
        ("- a\n- b\n", "f.yaml:1: the file must hold `key: value` lines\n    see `vestry schema`"),
        ("a: *b\n", "f.yaml:1: not valid YAML: `*` begins an alias in YAML\n    put the text in quotes"),
        ('a: "b\n', "f.yaml:2: not valid YAML: a quote that is not closed\n    close it"),
        ("a: [1, 2\nb: 3\n", "f.yaml:2: not valid YAML: a `[` or `{` that is not closed\n    close it"),
        (
            "a:\n  - x\n  y: 1\n",
            "f.yaml:3: not valid YAML: the line does not fit the list above it\n    indent it as its neighbours are",
        ),
        ("a: \x00\n", "f.yaml:1: not valid YAML: a control character\n    take it out"),
    ],
)
def test_yaml_that_cannot_be_read_names_line_and_cure(text: str, fault: str) -> None:
    with pytest.raises(ProjectError) as error:
        parse_yaml(text, "f.yaml")
    assert [str(f) for f in error.value.faults] == [fault]


def test_yes_no_and_dates_stay_the_text_that_was_written() -> None:
    assert parse_yaml("a: no\nb: 2024-01-01\nc: true\n", "f.yaml").data == {"a": "no", "b": "2024-01-01", "c": True}


def test_lines_of_keys_and_list_items() -> None:
    document = parse_yaml("a:\n  - name: x\n\n  - name: y\n    b: 1\n", "f.yaml")
    assert document.line(("a", 1, "b")) == 5
    assert document.line(("a", 1)) == 4
    assert document.line(("a", 7, "b")) == 1
    assert sorted(document.texts()) == [("1", 5), ("x", 2), ("y", 4)]


def test_a_file_that_is_not_utf8_says_so(folder: Folder, said: Said) -> None:
    folder.write("domains/housing/domain.yaml", "name: Caf\xe9\nowner: x\n".encode("latin-1"))
    folder.write("domains/housing/costs/month.sql", "SELECT 1 AS month, 2 AS cost -- \xa3\n".encode("latin-1"))
    assert said(folder) == [
        "domains/housing/costs/month.sql:1: the file is not UTF-8\n    save it as UTF-8",
        "domains/housing/domain.yaml: the file is not UTF-8\n    save it as UTF-8",
    ]


def test_a_value_of_several_types_is_one_fault(folder: Folder, said: Said) -> None:
    folder.change(
        "sources/repairs.yaml",
        'files: "*.csv"',
        'files: "*.csv"\n    sheet: {a: 1}\n    header_row: 0\n    format: cvs',
    )
    assert said(folder) == [
        "sources/repairs.yaml:6: `tables.job.sheet` must be text or a whole number or a list\n    now it is `key: value` lines",
        "sources/repairs.yaml:7: `tables.job.header_row` must be at least 1\n    now it is 0",
        "sources/repairs.yaml:8: `tables.job.format` cannot be `cvs`\n    did you mean `csv`?",
    ]


def test_an_unknown_key_within_a_list_or_map_has_its_line(folder: Folder, said: Said) -> None:
    folder.write(
        "sources/planning.yaml",
        """
        connector: rest
        url: https://example.org
        tables:
          change:
            endpoint: /changes
            cursor:
              field: changed_at
              parm: since
              start: 2024-01-01
        """,
    )
    assert said(folder) == [
        "sources/planning.yaml:6: the key `tables.change.cursor.param` is missing\n    add `param:`",
        "sources/planning.yaml:8: unknown key `tables.change.cursor.parm`\n    did you mean `param`?",
    ]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("connector: fils", "sources/repairs.yaml:1: unknown connector `fils`\n    did you mean `files`?"),
        (
            "# none",
            "sources/repairs.yaml:1: the key `connector` is missing\n    add `connector:` `catalogue`, `database`, "
            "`delta_sharing`, `files`, `kafka`, `mqtt`, `rest` or `webhook`",
        ),
    ],
)
def test_an_unknown_connector_offers_the_nearest(folder: Folder, said: Said, line: str, fault: str) -> None:
    folder.change("sources/repairs.yaml", "connector: files", line)
    assert said(folder) == [fault]


def test_toml_that_does_not_parse_has_its_line(folder: Folder, said: Said) -> None:
    folder.write("vestry.toml", '[council]\nname = "Testshire\n')
    assert said(folder) == [
        "vestry.toml:2: not valid TOML: illegal character '\\n'\n    write `key = \"value\"` below a [section]"
    ]


def test_an_unknown_key_of_the_settings_has_its_line(folder: Folder, said: Said) -> None:
    folder.write("vestry.toml", '[council]\nname = "T"\n\n[engine]\nthreads = "two"\n\n[lake]\nlocatoin = "x"\n')
    assert said(folder) == [
        "vestry.toml:5: `engine.threads` must be a whole number\n    now it is `two`",
        "vestry.toml:8: unknown key `lake.locatoin`\n    did you mean `location`?",
    ]


def test_lines_of_toml_keys() -> None:
    text = '[a]\nb = 1\n\n[c.d]\n"e" = 2\n'
    assert [toml_line(text, keys) for keys in (("a", "b"), ("c", "d", "e"), ("c", "d", "x"), ("z",))] == [2, 5, 4, 1]


def test_names_must_be_names(folder: Folder, said: Said) -> None:
    rule = "names are lower-case letters, digits and single underscores, beginning with a letter"
    folder.write("sources/Payments.yaml", "connector: files\ntables:\n  paid__in: {files: '*.csv'}\n")
    folder.write("domains/bronze/domain.yaml", "name: B\nowner: O\n")
    assert said(folder) == [
        "domains/bronze: `bronze` is kept for the platform\n    rename the folder",
        f"sources/Payments.yaml: `Payments` is not a name for a source\n    {rule}",
        f"sources/Payments.yaml:3: `paid__in` is not a name for a table\n    {rule}",
    ]


def test_a_source_in_two_files_is_told(folder: Folder, said: Said) -> None:
    folder.write("sources/repairs.yml", "connector: files\ntables:\n  job: {files: '*.csv'}\n")
    assert said(folder) == ["sources/repairs.yml: the source `repairs` is in sources/repairs.yaml too\n    keep one"]


def test_files_that_are_missing_are_told(folder: Folder, said: Said) -> None:
    (folder.root / "domains/housing/domain.yaml").unlink()
    folder.write("domains/housing/tenancies/Contract.yml", "x: 1")
    assert said(folder) == [
        "domains/housing/domain.yaml: the domain has no domain.yaml\n    write one: name, description, owner",
        "domains/housing/tenancies/contract.yaml: the product has no contract.yaml\n    rename Contract.yml to contract.yaml",
    ]


def test_outside_a_project_the_cure_is_named(tmp_path: pytest.TempPathFactory) -> None:
    with pytest.raises(VestryError, match=r"no council project in .*\n  make one with `vestry init DIR`"):
        load_project(tmp_path)  # type: ignore[arg-type]


def test_the_nearest_name_does_not_mind_case() -> None:
    assert did_you_mean("REPAIR", ["repair", "tenancy"]) == "did you mean `repair`?"
    assert did_you_mean("zzz", ["b", "a"]) == "known: a, b"


def test_a_secret_is_named_and_never_shown() -> None:
    assert expand("${A}/x", env={"A": "s3cret"}) == "s3cret/x"
    with pytest.raises(VestryError) as error:
        expand("s3cret ${B}", "vestry.toml", env={"A": "s3cret"})
    assert (
        str(error.value)
        == "vestry.toml: the environment variable B is not set\n  set it: export B=…, or put it in .env"
    )


def test_loading_a_project_imports_nothing_heavy(folder: Folder) -> None:
    code = (
        "import sys; from pathlib import Path; from vestry.project import load_project; load_project(Path(sys.argv[1]));"
        "print([m for m in ('sqlglot', 'jsonschema', 'duckdb', 'deltalake', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder.root)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('url = "data.testham.gov.uk"', "vestry.toml:3: `council.url`"),
        ('url = "https://data.testham.gov.uk/?q=1"', "vestry.toml:3: `council.url`"),
        ('url = "https://data testham"', "vestry.toml:3: `council.url`"),
        ('contact = "the data team"', "vestry.toml:3: `council.contact`"),
    ],
)
def test_an_address_of_the_council_that_is_none_is_told(folder: Folder, line: str, fault: str) -> None:
    folder.write("vestry.toml", f'[council]\nname = "Testham"\n{line}\n')
    with pytest.raises(ProjectError) as error:
        load_project(folder.root)
    assert fault in str(error.value)
