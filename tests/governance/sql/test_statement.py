"""What may be asked: one SELECT over tables that it names, by functions that read nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import pytest

from vestry.governance.sql.statement import LONGEST, NotAsked, Statement, analyse, functions

MACROS = Path(sys.modules["vestry"].__file__ or "").parent / "lake" / "macros.sql"
#: Functions of DuckDB that are not for questions: they tell of the engine, its settings and catalogues, of other
#: questions, parse or plan SQL, write, wait, or are there for the engine's own use.
KEPT_AWAY = {
    "alias", "can_cast_implicitly", "cast_to_type", "col_description", "combine", "constant_or_null",
    "current_catalog", "current_connection_id", "current_database", "current_query", "current_query_id",
    "current_role", "current_schema", "current_schemas", "current_setting", "current_transaction_id", "current_user",
    "currval", "error", "finalize", "format_pg_type", "format_type", "get_block_size", "get_type", "getvariable",
    "has_any_column_privilege", "has_column_privilege", "has_database_privilege",
    "has_foreign_data_wrapper_privilege", "has_function_privilege", "has_language_privilege", "has_schema_privilege",
    "has_sequence_privilege", "has_server_privilege", "has_table_privilege", "has_tablespace_privilege",
    "in_search_path", "inet_client_addr", "inet_client_port", "inet_server_addr", "inet_server_port",
    "json_deserialize_sql", "json_serialize_plan", "json_serialize_sql", "make_type", "map_to_pg_oid", "nextval",
    "obj_description", "parse_duckdb_log_message", "remap_struct", "replace_type", "session_user", "setseed",
    "shobj_description", "sleep_ms", "stats", "txid_current", "user", "variant_bytes_to_variant",
    "variant_normalize", "variant_to_parquet_variant", "vector_type", "write_log",
}  # fmt: skip


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def refused(con: duckdb.DuckDBPyConnection, sql: str) -> NotAsked:
    with pytest.raises(NotAsked) as error:
        analyse(con, sql)
    return error.value


def tables(con: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    return [".".join(name) for name in analyse(con, sql).tables]


def test_every_function_of_the_engine_is_either_for_questions_or_kept_away(con) -> None:
    sql = (
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('scalar', 'aggregate', 'macro')"
    )
    known = {name for (name,) in con.execute(sql).fetchall()}
    own = {name for name in known if name.startswith(("__internal", "pg_"))}
    assert functions() - {"unnest"} == known - own - KEPT_AWAY
    assert known >= KEPT_AWAY


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM a.b.c",
        "FROM a.b.c SELECT x WHERE y LIKE 'z%'",
        'select count(*), min("Y") from A."b".C group by all having count(*) > 3 order by all limit 10 offset 2',
        "WITH x AS (SELECT * FROM a.b.c), y AS (FROM x) SELECT * FROM y UNION ALL BY NAME VALUES (1), (2)",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r, a.b.c",
        "SELECT sum(x) OVER w, list_transform([1, 2], lambda v: v + 1), [v * 2 for v in [1] if v > 0] FROM a.b.c "
        "WINDOW w AS (PARTITION BY y ORDER BY z) QUALIFY row_number() OVER w = 1",
        "SELECT COLUMNS('x.*'), * EXCLUDE (y) REPLACE (z + 1 AS z) FROM a.b.c",
        "SELECT (SELECT max(x) FROM a.b.c), EXISTS (FROM a.b.c), CASE WHEN true THEN 1 END, TRY_CAST('1' AS INT)",
        "SELECT * FROM a.b.c JOIN range(3) AS r(n) ON true, unnest([1]) AS u(v), generate_series(1, 2)",
        "PIVOT a.b.c ON x IN (1, 2) USING sum(y)",
        "UNPIVOT a.b.c ON x, y INTO NAME n VALUE v",
        "DESCRIBE a.b.c",
        "SUMMARIZE SELECT x FROM a.b.c",
        "SELECT extract(year FROM x), d AT TIME ZONE 'Europe/London', interval 3 days FROM a.b.c -- the end",
        "/* first */ SELECT 1 FROM a.b.c;",
    ],
)  # fmt: skip
def test_a_select_over_named_tables_passes(con, sql: str) -> None:
    assert analyse(con, sql) == Statement((("a", "b", "c"),))


def test_the_macros_of_the_project_may_be_used_where_they_are_named(con) -> None:
    assert analyse(con, "SELECT uk_date('1/2/2020')", ["uk_date"]) == Statement(())
    assert refused(con, "SELECT uk_date('1/2/2020')").kind == "function"


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT * FROM read_parquet('/lake/a.parquet')", "table function"),
        ("SELECT * FROM read_text('/etc/passwd')", "table function"),
        ("SELECT * FROM glob('/*')", "table function"),
        ("SELECT * FROM sqlite_scan('x.db', 't')", "table function"),
        ("SELECT * FROM delta_scan('http://127.0.0.1/t')", "table function"),
        ("SELECT * FROM query('FROM ' || chr(39) || '/etc/passwd')", "table function"),
        ("SELECT * FROM query_table('a.b.c')", "table function"),
        ("SELECT * FROM duckdb_settings()", "table function"),
        ("SELECT * FROM pragma_database_size()", "table function"),
        ("SELECT * FROM arrow_scan(1, 2, 3)", "table function"),
        ("SELECT * FROM \"read_text\"('/etc/passwd')", "table function"),
        ("SELECT * FROM main.read_text('/etc/passwd')", "table function"),
        ("SELECT * FROM ｒead_text('/etc/passwd')", "table function"),
        ("SELECT * FROM a.b.c WHERE x IN (FROM read_text('/etc/passwd'))", "table function"),
        ("SELECT getenv('HOME')", "function"),
        ("SELECT current_setting('allowed_paths')", "function"),
        ("SELECT list_transform([1], lambda x: current_setting('x'))", "function"),
        ("SELECT list_transform(['HOME'], x -> getenv(x)) FROM a.b.c", "function"),
        ("SELECT count(*) FILTER (WHERE getvariable('x')) FROM a.b.c", "function"),
        ("SELECT sum(x) OVER (ORDER BY sleep_ms(1)) FROM a.b.c", "function"),
        ("DESCRIBE SELECT system.main.current_setting('x')", "function"),
        ("SELECT 1 ORDER BY error('x')", "function"),
        ("SELECT json_serialize_plan('SELECT * FROM read_text(1)')", "function"),
        ("SELECT * FROM '/etc/passwd'", "table"),
        ('SELECT * FROM "x.parquet"', "table"),
        ('SELECT * FROM "http://127.0.0.1/x.parquet"', "table"),
        ('SELECT * FROM a.b."../../c.parquet"', "table"),
        ("SELECT * FROM b.c", "table"),
        ("SELECT * FROM c", "table"),
        ("SELECT * FROM information_schema.tables", "table"),
        ("WITH duckdb_settings AS (SELECT * FROM duckdb_settings) SELECT 1", "table"),
        ("SELECT * FROM duckdb_tables, (WITH duckdb_tables AS (SELECT 1) FROM duckdb_tables)", "table"),
        ("PIVOT sqlite_master ON type IN ('table')", "table"),
        ("SELECT * FROM а.b.c", "table"),
        ("SELECT * FROM a.b.c AT (VERSION => 3)", "version"),
        ("SHOW TABLES", "show"),
        ("SHOW ALL TABLES", "show"),
        ("SHOW TABLES FROM a.b", "show"),
        ("EXPLAIN SELECT * FROM a.b.c", "statement"),
        ("EXPLAIN ANALYZE SELECT * FROM a.b.c", "statement"),
        ("PIVOT a.b.c ON x", "statement"),
        ("ATTACH 'x.db'", "statement"),
        ("COPY a.b.c TO '/tmp/x'", "statement"),
        ("COPY (SELECT 1) TO 'x'", "statement"),
        ("PRAGMA database_list", "statement"),
        ("CALL pragma_version()", "statement"),
        ("INSTALL httpfs", "statement"),
        ("LOAD httpfs", "statement"),
        ("SET memory_limit = '1TB'", "statement"),
        ("CREATE TABLE x AS SELECT 1", "statement"),
        ("EXPORT DATABASE '/tmp/x'", "statement"),
        ("PREPARE x AS SELECT 1", "statement"),
        ("SELECT 1; SELECT 2", "statements"),
        ("SELECT 1; DROP VIEW a.b.c", "statement"),
        ("SELECT 1; -- ;\n/* ; */ SELECT 2", "statements"),
        ("", "statements"),
        ("-- nothing", "statements"),
        ("SELECT ?", "expression"),
        ("SELECT $1 FROM a.b.c", "expression"),
        ("SELEC 1", "syntax"),
        ("SELECT 1 INTO x", "syntax"),
        ("SELECT '\0'", "syntax"),
        ("SELECT '" + "x" * LONGEST + "'", "length"),
        ("SELECT " + "(" * 9_000 + "1" + ")" * 9_000, None),
        ("SELECT " + "1+" * 5_000 + "1", "depth"),
        ("SELECT * FROM (" * 900 + "SELECT 1" + ")" * 900, "depth"),
    ],
)
def test_what_reads_anything_else_is_refused(con, sql: str, kind: str | None) -> None:
    if kind is None:  # brackets alone are no nesting to DuckDB: answered, and not a crash
        assert analyse(con, sql) == Statement(())
    else:
        assert refused(con, sql).kind == kind


def test_a_question_of_a_hundred_levels_is_read(con) -> None:
    assert tables(con, "SELECT * FROM (" * 100 + "FROM a.b.c" + ")" * 100) == ["a.b.c"]


def test_what_is_wrong_is_told_with_its_line(con) -> None:
    found = refused(con, "SELECT '£',\n  getenv('HOME')\nFROM a.b.c")
    assert (found.what, found.line) == ("the function `getenv` cannot be used here", 2)
    found = refused(con, "SELECT 1\nFROM a.b.c\nWHERRE x")
    assert (found.what, found.line) == ("the SQL does not parse near `x`", 3)
