"""Tables of PostgreSQL and MariaDB: whole, by a cursor, by what differs; and what goes wrong. Real servers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conftest import Database
from council import Council
from vestry.project import VestryError

pytestmark = pytest.mark.slow


def source(council: Council, url: str, table: str = "{}", more: str = "", name: str = "person") -> None:
    council.source("old", f"connector: database\nurl: '{url}'\nevery: 1s\n{more}\ntables:\n  {name}: {table}\n")


def again(council: Council) -> None:
    """Let the time pass after which the server may be asked once more."""
    for file in (council.root / ".vestry/asked").glob("*.json"):
        file.unlink()


def failure(council: Council) -> VestryError:
    error = council.run()["bronze.old.person"].error
    assert error is not None
    return error


PEOPLE = "CREATE TABLE person (id INT PRIMARY KEY, name VARCHAR(40), born DATE, changed TIMESTAMP)"
ROWS = (
    "INSERT INTO person VALUES (1, 'Ada', '1871-02-03', '2026-01-05 10:00:00'), (2, 'Ben', NULL, '2026-07-05 10:00:00')"
)


@pytest.fixture(params=["pg", "maria"])
def database(request: pytest.FixtureRequest) -> Database:
    found: Database = request.getfixturevalue(request.param)
    found.execute(f"{PEOPLE};{ROWS};")
    return found


def test_a_table_is_read_whole_and_again_only_where_it_changed(council: Council, database: Database) -> None:
    source(council, database.url)
    assert council.good()["bronze.old.person"].facts["loaded"] == 2
    assert council.rows("SELECT id, name, born::VARCHAR FROM bronze.old.person ORDER BY id") == [
        (1, "Ada", "1871-02-03"), (2, "Ben", None),
    ]  # fmt: skip
    version = council.version("bronze.old.person")
    again(council)
    assert council.good()["bronze.old.person"].status == "skipped"
    database.execute("UPDATE person SET name = 'Eve' WHERE id = 2; DELETE FROM person WHERE id = 1;")
    again(council)
    council.good()
    assert council.rows("SELECT id, name FROM bronze.old.person") == [(2, "Eve")]
    assert council.version("bronze.old.person") > version


def test_times_without_a_zone_are_of_the_councils_clocks(council: Council, database: Database) -> None:
    source(council, database.url)
    council.good()
    times = dict(council.rows("SELECT id, changed FROM bronze.old.person"))
    assert times[1] == datetime(2026, 1, 5, 10, tzinfo=UTC)
    assert times[2] == datetime(2026, 7, 5, 9, tzinfo=UTC)  # summer time


def test_by_a_cursor_only_what_is_new_comes_and_nothing_twice(council: Council, database: Database) -> None:
    source(council, database.url, "{cursor: changed, overlap: 1h}")
    council.good()
    # A clock that is behind, and a transaction that ended late: an hour before the greatest value.
    database.execute("INSERT INTO person VALUES (3, 'Cy', NULL, '2026-07-05 09:20:00');")
    again(council)
    assert council.good()["bronze.old.person"].facts["loaded"] == 1
    database.execute("UPDATE person SET name = 'Bo', changed = '2026-07-06 00:00:00' WHERE id = 2;")
    again(council)
    council.good()
    names = council.rows("SELECT id, name FROM bronze.old.person ORDER BY id, name")
    assert names == [(1, "Ada"), (2, "Ben"), (2, "Bo"), (3, "Cy")]
    again(council)
    assert council.good()["bronze.old.person"].status == "skipped"


def test_changes_are_told_by_comparing_with_bronze_deletes_and_keys_used_again(
    council: Council, database: Database
) -> None:
    source(council, database.url, "{changes: hash}")
    council.product(
        "people.register",
        {"id": "logicalType: integer, primaryKey: true", "name": "logicalType: string"},
        person_snapshot="from: bronze.old.person\nkey: id\norder_by: _loaded_at\ndeleted_when: _change = 'delete'\n",
    )
    council.good()
    steps = [
        "UPDATE person SET name = 'Bo' WHERE id = 2; INSERT INTO person VALUES (3, NULL, NULL, NULL);",
        "DELETE FROM person WHERE id = 1;",
        "INSERT INTO person VALUES (1, 'Ada', '1871-02-03', '2026-01-05 10:00:00'); DELETE FROM person WHERE id = 3;",
    ]
    wanted = [
        [(1, "Ada"), (2, "Bo"), (3, None)],
        [(2, "Bo"), (3, None)],
        [(1, "Ada"), (2, "Bo")],
    ]
    for step, now in zip(steps, wanted, strict=True):
        database.execute(step)
        again(council)
        council.good()
        assert council.rows("SELECT id, name FROM people.register.person ORDER BY id") == now
    kinds = council.rows("SELECT _change, count(*) FROM bronze.old.person GROUP BY ALL ORDER BY ALL")
    assert kinds == [("delete", 2), ("insert", 4), ("update", 1)]
    again(council)
    assert council.good()["bronze.old.person"].status == "skipped"


def test_a_table_without_a_key_says_what_to_do(council: Council, database: Database) -> None:
    database.execute("CREATE TABLE loose (a INT);")
    source(council, database.url, "{table: loose, changes: hash}")
    error = failure(council)
    assert "has no key" in error.what and "key: [id]" in (error.mend or "")


def test_wrong_passwords_hosts_names_are_told_and_no_secret_is(council: Council, database: Database) -> None:
    url = database.url.replace("127.0.0.1", "127.0.0.1:1").split(":1:")[0]
    cases = {
        database.url.rsplit("/", 1)[0] + "/nowhere": "no such database",
        url.split("@")[0] + "@127.0.0.1:1/x": "no connection",
        "oracle://scott:tiger@x/y": "no way to reach a database",
    }
    for wrong, what in cases.items():
        source(council, wrong)
        error = failure(council)
        assert what in error.what, error
        assert "tiger" not in str(error) + (error.mend or "") and "tawny" not in str(error) + (error.mend or "")
    source(council, database.url, "{table: persn}")
    assert "did you mean `person`" in (failure(council).mend or "")
    source(council, database.url, "{columns: [nam]}")
    assert "did you mean `name`" in (failure(council).mend or "")


def test_a_wrong_password_is_never_echoed(council: Council, maria: Database) -> None:
    source(council, maria.server.url(maria.name, "hunter2"))
    error = failure(council)
    assert "refuses the user or the password" in error.what
    run = council.cli("run")
    assert "hunter2" not in run.stdout + run.stderr + str(error)


def test_types_that_a_lake_does_not_hold_are_kept_as_well_as_can_be(council: Council, pg: Database) -> None:
    pg.execute(
        """CREATE TYPE mood AS ENUM ('sad', 'ok');
           CREATE TABLE person (id INT PRIMARY KEY, u UUID, j JSONB, a INT[], m mood, b BYTEA, i INTERVAL,
               n NUMERIC(30, 10), v NUMERIC, t TIME, z TIMESTAMPTZ, f TIMESTAMP, c MONEY);
           INSERT INTO person VALUES (1, '00000000-0000-0000-0000-000000000001', '{"a": 1}', '{1,2}', 'ok', '\\x00ff',
               '1 day', 12345678901234567890.5, 123456789012345678901.123456789, '10:11', '1850-01-01 00:00+00', 'infinity', 3.5);"""
    )
    source(council, pg.url)
    council.good()
    row = council.rows("SELECT u, j, m, b, n::VARCHAR, t, year(z), f FROM bronze.old.person")[0]
    assert row[0].endswith("001") and json.loads(row[1]) == {"a": 1} and row[2] == "ok" and row[3] == b"\x00\xff"
    assert row[4].startswith("12345678901234567890.5") and row[5].startswith("10:11") and row[6] == 1850
    assert row[7] is None  # infinity is no day
    assert council.one("SELECT v FROM bronze.old.person") == "123456789012345678901.123456789"


def test_what_mysql_gives_as_bytes_is_text_however_it_is_read(council: Council, maria: Database) -> None:
    maria.execute("CREATE TABLE person (id INT PRIMARY KEY, j JSON, u UUID, name TEXT);")
    maria.execute("INSERT INTO person VALUES (1, '{\"a\": 1}', '00000000-0000-0000-0000-000000000001', 'Ada');")
    found = []
    for number, table in enumerate(("{table: person}", "{table: person, chunk_rows: 10}")):
        source(council, maria.url, table, name=f"person{number}")
        council.good()
        found.append(council.rows(f"SELECT j, u, name FROM bronze.old.person{number}")[0])
    assert found[0] == found[1] == ('{"a": 1}', "00000000-0000-0000-0000-000000000001", "Ada")


def test_an_hour_that_summer_time_skips_or_doubles_loses_no_row(council: Council, pg: Database) -> None:
    pg.execute(
        f"{PEOPLE}; INSERT INTO person VALUES (1, 'skipped', NULL, '2024-03-31 01:30:00'), "
        "(2, 'doubled', NULL, '2024-10-27 01:30:00');"
    )
    source(council, pg.url)
    council.good()
    assert council.one("SELECT count(*) FROM bronze.old.person WHERE changed IS NOT NULL") == 2


def test_text_that_is_no_utf8_stops_no_load(council: Council, maria: Database) -> None:
    maria.execute("CREATE TABLE person (id INT PRIMARY KEY, name VARCHAR(40)) CHARACTER SET latin1;")
    maria.execute("INSERT INTO person VALUES (1, _latin1 0x5A6FEB), (2, 'Ada');")
    source(council, maria.url)
    council.good()
    assert council.rows("SELECT name FROM bronze.old.person ORDER BY id") == [("Zoë",), ("Ada",)]


def test_a_replica_is_asked_first_and_the_server_where_it_is_down(council: Council, pg: Database) -> None:
    pg.execute(f"{PEOPLE};{ROWS};")
    source(council, pg.url, more="replica: postgresql://nobody@127.0.0.1:1/gone")
    council.good()
    assert council.one("SELECT count(*) FROM bronze.old.person") == 2


@pytest.mark.parametrize("kind", ["pg", "maria"])
def test_what_has_a_driver_of_odbc_is_read_too(council: Council, request: pytest.FixtureRequest, kind: str) -> None:
    database: Database = request.getfixturevalue(kind)
    database.execute(f"{PEOPLE};{ROWS};")
    port = database.server.port
    if kind == "pg":
        reach = f"DRIVER={{PostgreSQL Unicode}};SERVER=127.0.0.1;PORT={port};DATABASE={database.name};UID=postgres"
    else:
        reach = (
            f"DRIVER={{MariaDB Unicode}};SERVER=127.0.0.1;PORT={port};DATABASE={database.name};UID=vestry;PWD=tawny owl"
        )
    council.write(".env", f"REACH={reach}\n")
    source(council, "odbc:${REACH}")
    outcome = council.run()["bronze.old.person"]
    if outcome.error and "driver" in outcome.error.what:
        pytest.skip(outcome.error.what)
    assert outcome.error is None
    assert council.rows("SELECT id, name FROM bronze.old.person ORDER BY id") == [(1, "Ada"), (2, "Ben")]


def test_an_unknown_driver_names_those_that_are_there(council: Council) -> None:
    source(council, "odbc:DRIVER={Oracle 19};SERVER=127.0.0.1;PWD=tiger")
    error = failure(council)
    assert "no such driver" in error.what and "tiger" not in str(error) + (error.mend or "")


def test_faults_of_a_source_are_found_before_it_is_read(council: Council) -> None:
    source(council, "postgresql://a@b/c", "{cursor: a, changes: hash}")
    assert "either `cursor` or `changes`" in council.cli("check").stdout
    source(council, "postgresql://a@b/c", more="backup: x.dump")
    assert "either `url` or `backup`" in council.cli("check").stdout


def test_a_nul_in_text_stops_no_load(council: Council, maria: Database) -> None:
    maria.execute("CREATE TABLE person (id INT PRIMARY KEY, name VARCHAR(40));")
    maria.execute("INSERT INTO person VALUES (1, CONCAT('A', CHAR(0), 'b')), (2, 'x');")
    source(council, maria.url)
    council.good()
    assert council.rows("SELECT id, name FROM bronze.old.person ORDER BY id") == [(1, "A\0b"), (2, "x")]


@pytest.mark.parametrize("table", ["{}", "{chunk_rows: 5}", "{changes: hash}"])
def test_bytes_that_are_no_text_stay_as_they_are_written(council: Council, pg: Database, table: str) -> None:
    name = f"{pg.name}_{len(table)}"
    pg.server.execute(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    odd = Database(pg.server, name)
    odd.execute("CREATE TABLE person (id INT PRIMARY KEY, name TEXT); INSERT INTO person VALUES (1, E'Zo\\xEB')")
    source(council, odd.url, table)
    council.good()
    assert council.rows("SELECT id, name FROM bronze.old.person") == [(1, "Zo\\xEB")]


def test_a_certificate_that_is_not_the_known_one_is_refused_with_what_to_check(council: Council, pg: Database) -> None:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    folder = Path(tempfile.mkdtemp(prefix="vestry-tls-"))
    try:
        for name in ("server", "known"):
            make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "2"]
            subprocess.run(
                [*make, "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt"],
                check=True, capture_output=True,
            )  # fmt: skip
        if os.geteuid() == 0:
            for file in (folder, *folder.iterdir()):
                shutil.chown(file, "nobody", "nogroup")
        pg.execute(f"ALTER SYSTEM SET ssl_cert_file = '{folder}/server.crt'")
        pg.execute(f"ALTER SYSTEM SET ssl_key_file = '{folder}/server.key'")
        pg.execute("ALTER SYSTEM SET ssl = on")
        pg.execute("SELECT pg_reload_conf()")
        pg.execute(f"{PEOPLE};{ROWS};")
        source(council, f"{pg.url}?sslmode=verify-ca&sslrootcert={folder}/known.crt")
        error = failure(council)
        assert "certificate is not trusted" in error.what and "ask who runs the server" in (error.mend or "")
        source(council, f"{pg.url}?sslmode=verify-ca&sslrootcert={folder}/server.crt")
        council.good()
    finally:
        pg.execute("ALTER SYSTEM RESET ALL")
        pg.execute("SELECT pg_reload_conf()")
        shutil.rmtree(folder, ignore_errors=True)
