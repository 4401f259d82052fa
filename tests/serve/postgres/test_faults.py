"""What stands in the way of a publication, in words for people; and the command."""

from __future__ import annotations

import json
import subprocess

import pytest
from bi import CLEAR, SETTINGS, Bi
from click.testing import CliRunner, Result

from council import Council
from governed import ANN
from vestry.cli import main
from vestry.products.check import check
from vestry.project import VestryError

pytestmark = pytest.mark.slow
PASSWORD = "tawny%20owl"


def failure(bi: Bi) -> VestryError:
    with pytest.raises(VestryError) as failed:
        bi.publish()
    assert "tawny" not in str(failed.value)
    return failed.value


def reach(bi: Bi, url: str) -> None:
    bi.council.write(".env", f"BI_URL={url}\n")
    bi.settings(SETTINGS)


def test_a_server_that_is_away_or_says_no_is_told_without_the_password(bi: Bi) -> None:
    here = f"127.0.0.1:{bi.postgres.port}"
    for url, what in {
        f"postgresql://publisher:{PASSWORD}@127.0.0.1:1/x": "cannot be reached",
        f"postgresql://publisher:{PASSWORD}@{here}/nowhere": "no such database or user",
        f"postgresql://nobody-here:{PASSWORD}@{here}/{bi.database}": "no such database or user",
        f"postgresql://publisher:{PASSWORD}@nowhere.invalid/x": "no such host",
        f"postgresql://publisher:{PASSWORD}@{here}/{bi.database}?colour=red": "no address of a PostgreSQL",
    }.items():
        reach(bi, url)
        error = failure(bi)
        assert what in error.what and error.mend, (url, error)


def test_a_wrong_password_is_told_and_not_shown(bi: Bi) -> None:
    (file,) = bi.postgres.execute("SHOW hba_file")[0]
    with open(file, encoding="utf-8") as hba:  # noqa: PTH123
        before = hba.read()
    try:
        _write(file, f"host {bi.database} publisher 127.0.0.1/32 scram-sha-256\n{before}")
        bi.postgres.execute("SELECT pg_reload_conf()")
        reach(bi, bi.url.replace("publisher@", f"publisher:{PASSWORD}@"))
        assert "refuses the user or the password" in failure(bi).what
    finally:
        _write(file, before)
        bi.postgres.execute("SELECT pg_reload_conf()")


def _write(file: str, text: str) -> None:
    with open(file, "w", encoding="utf-8") as out:  # noqa: PTH123
        out.write(text)


def test_who_may_make_no_roles_is_told_what_to_ask_for_and_then_it_works(bi: Bi) -> None:
    bi.postgres.execute("CREATE ROLE humble LOGIN")
    reach(bi, bi.url.replace("publisher@", "humble@"))
    assert "may not do" in (error := failure(bi)).what and "CREATE ON DATABASE" in error.mend
    bi.postgres.execute(f"GRANT CREATE ON DATABASE {bi.database} TO humble")
    bi.settings(SETTINGS + 'schema_prefix = "humble"\n')
    assert "may not do" in (error := failure(bi)).what and "vestry publish --role" in error.mend
    printed = bi.council.cli("publish", "bi", "--role", "staff").stdout
    done = subprocess.run(
        ["psql", "-v", "ON_ERROR_STOP=1", bi.postgres.url(bi.database)], input=printed, text=True, check=False
    )
    assert done.returncode == 0
    assert bi.publish().sent
    assert bi.rows("humble_staff", "SELECT count(*) FROM humble.adults_wards_ward") == [(2,)]


@pytest.mark.parametrize(
    ("made", "what"),
    [
        ("CREATE SCHEMA vestry", "the schema `vestry`"),
        ("CREATE SCHEMA vestry_data", "the schema `vestry_data`"),
        ("SELECT 1", "`vestry.adults_wards_ward`"),
    ],
)
def test_what_somebody_else_made_is_in_the_way_and_stays(bi: Bi, made: str, what: str) -> None:
    bi.admin(made)
    if made == "SELECT 1":
        bi.settings('\n[publish.bi]\nurl = "${BI_URL}"\ntables = ["adults.things"]\n')
        columns = {"name": "logicalType: string, classification: internal"}
        bi.council.product("adults.things", columns, thing_sql="SELECT name FROM bronze.care.client")
        bi.council.good()
        bi.publish()
        bi.admin("CREATE TABLE vestry.adults_wards_ward (theirs int)")
        bi.settings(SETTINGS)
    error = failure(bi)
    assert what in error.what and "somebody else" in error.what
    if made == "SELECT 1":
        assert bi.admin("SELECT * FROM vestry.adults_wards_ward") == []


def test_a_role_that_somebody_else_made_is_not_used(bi: Bi) -> None:
    bi.settings(SETTINGS + 'schema_prefix = "theirs"\n')
    bi.postgres.execute("CREATE ROLE theirs_staff LOGIN")
    assert "the role `theirs_staff`" in failure(bi).what
    bi.postgres.execute("DROP ROLE theirs_staff")


def test_the_command_plans_publishes_and_prints_what_the_administrator_runs(bi: Bi) -> None:
    bi.grant(ANN, {"name": CLEAR})

    def vestry(*args: str) -> Result:
        return CliRunner().invoke(main, ["publish", "-C", str(bi.council.root), *args])

    planned = json.loads(vestry("--plan", "--json").stdout)
    assert {(row["what"], row["as"]) for row in planned} == {
        ("send", "vestry.adults_wards_ward"), ("send", f"{bi.role(ANN)}.adults_care_client"),
    }  # fmt: skip
    assert bi.admin("SELECT nspname FROM pg_namespace WHERE nspname ~ '^vestry'") == []
    done = vestry()
    assert done.exit_code == 0 and "2 sent" in done.stdout, done.output
    assert "Nothing to do" in vestry().stdout
    printed = vestry("--role", ANN.id).stdout
    assert f"\\password {bi.role(ANN)}" in printed and "LOGIN" in printed
    wrong = vestry("--role", "u-anne")
    assert wrong.exit_code == 2 and "did you mean `u-ann`?" in wrong.output
    assert "there is no publication `bj`" in vestry("bj").output


def faults(council: Council, text: str) -> str:
    council.write("vestry.toml", f'[council]\nname = "Testham"\n{text}')
    return "\n".join(map(str, check(council.root)))


def test_check_finds_what_cannot_be_published(repairs: Council) -> None:
    def said(more: str) -> str:
        return faults(repairs, f'[publish.bi]\nurl = "${{HOME}}"\n{more}')

    assert said('tables = ["housing.repairs.repair", "layer:silver", "domain:housing"]') == ""
    assert "vestry.toml:5: no table of a product is called `housing.repair`" in said('tables = ["housing.repair"]')
    assert "did you mean `housing.repairs`?" in said('tables = ["housing.repair"]')
    assert "no table of a product is called `bronze.repairs.job`" in said('tables = "bronze.repairs.job"')
    assert "at most 20 lower-case letters" in said('tables = "housing.repairs"\nschema_prefix = "pg_own"')
    assert "schema_prefx" in said('tables = "housing.repairs"\nschema_prefx = "own"')
    twice = '[publish.{}]\nurl = "${{HOME}}"\ntables = "housing.repairs"\n'
    assert "published to the same place" in faults(repairs, twice.format("a") + twice.format("b"))


def test_check_finds_a_secret_that_is_written_and_does_not_repeat_it(repairs: Council) -> None:
    for url in ("postgresql://bi:tawny@h/d", "postgres://bi:tawny@h/d", "host=h password=tawny"):
        found = faults(repairs, f'[publish.bi]\nurl = "{url}"\ntables = "housing.repairs"\n')
        assert "holds the secret itself" in found and "tawny" not in found
    assert "vestry.toml:4: the environment variable NOT_SET" in faults(
        repairs, '[publish.bi]\nurl = "postgresql://bi:${NOT_SET}@h/d"\ntables = "housing.repairs"\n'
    )


def test_check_finds_names_that_postgresql_would_cut_or_confuse(repairs: Council) -> None:
    long, settings = "a" * 50, '[publish.bi]\nurl = "${HOME}"\ntables = "domain:housing"\n'
    repairs.product("housing.works", {"x" * 64: "logicalType: string"}, **{f"{long}_sql": f"SELECT '1' AS {'x' * 64}"})
    repairs.product("housing.a_b", {"x": "logicalType: string"}, c_sql="SELECT '1' AS x")
    repairs.product("housing.a", {"x": "logicalType: string"}, b_c_sql="SELECT '1' AS x")
    found = faults(repairs, settings)
    assert f"housing.works.{long} would be `housing_works_{long}`, and a name in PostgreSQL has at most 63" in found
    assert f"`{'x' * 64}` is too long for PostgreSQL" in found
    assert "would both be `housing_a_b_c`" in found
