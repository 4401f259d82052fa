"""The tables of a database, each looked at once, read-only and one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from vestry.ingest.discovery.profile import look_at, prepared
from vestry.ingest.discovery.report import Table
from vestry.lake.engine import extension
from vestry.project import DataError, VestryError, literal, quote

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

_ALIAS = "looked at"
_SCANNERS = {
    "sqlite": ("sqlite_scanner", "sqlite"),
    "postgresql": ("postgres_scanner", "postgres"),
    "postgres": ("postgres_scanner", "postgres"),
    "mysql": ("mysql_scanner", "mysql"),
    "mariadb": ("mysql_scanner", "mysql"),
}
#: The platform's own tables of a database server, which hold nothing of the council's.
_OWN = ("information_schema", "pg_catalog", "mysql", "performance_schema", "sys")


def tables_of(url: str, root: Path, name: str, tell: Callable[[str], None]) -> Iterator[Table]:
    """Look at every table of the database at a URL; `tell` hears the name of each before it is read.

    Raises VestryError where the database cannot be reached.
    """
    import duckdb

    scheme, _, rest = url.partition("://")
    if scheme not in _SCANNERS:
        raise VestryError(f"no way to look at a database by `{scheme}`", mend=f"write one of {', '.join(_SCANNERS)}")
    scanner, kind = _SCANNERS[scheme]
    target = url
    if kind == "sqlite":
        file = root / rest.removeprefix("/") if not rest.startswith("//") else root.__class__(rest[1:])
        if not file.is_file():
            raise DataError(f"the database {file} is not there", mend="check the path")
        target = str(file)
    with prepared() as con:
        con.execute(f"LOAD {literal(str(extension(scanner)))}")
        try:
            con.execute(f"ATTACH {literal(target)} AS {quote(_ALIAS)} (TYPE {kind}, READ_ONLY)")
            listed = con.execute(
                "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? "
                f"AND schema_name NOT IN {_OWN} ORDER BY ALL",
                [_ALIAS],
            ).fetchall()
        except duckdb.Error as error:
            # The engine's own words may hold the password.
            mend = "check that it is a database, the host, the user and the password"
            raise DataError(f"the database of `{name}` cannot be read", mend=mend) from error
        for schema, table in listed:
            shown = table if schema in ("main", "public", "dbo") else f"{schema}.{table}"
            tell(shown)
            relation = f"{quote(_ALIAS)}.{quote(schema)}.{quote(table)}"
            count: int | None = None
            try:
                found = con.execute(f"SELECT count(*) FROM {relation}").fetchone()
                count = int(found[0]) if found else None
                yield look_at(con, name, shown, f"SELECT * FROM {relation}", _keys(con, schema, table), count)
            except duckdb.Error:
                # A column may hold what its type does not allow: then all is looked at as text.
                select = _as_text(con, schema, table)
                notes = ["some values are not of their column's type"]
                yield look_at(con, name, shown, select, _keys(con, schema, table), count, notes)


def _keys(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> list[str]:
    """The columns of the primary key that the database knows."""
    found = con.execute(
        "SELECT constraint_column_names FROM duckdb_constraints() WHERE database_name = ? AND schema_name = ? "
        "AND table_name = ? AND constraint_type = 'PRIMARY KEY'",
        [_ALIAS, schema, table],
    ).fetchone()
    return list(found[0]) if found else []


def _as_text(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> str:
    columns: Mapping[str, str] = {
        r[0]: r[1] for r in con.execute(f"DESCRIBE {quote(_ALIAS)}.{quote(schema)}.{quote(table)}").fetchall()
    }
    if schema == "main":
        texts = ", ".join(f"CAST({quote(c)} AS TEXT) AS {quote(c)}" for c in columns)
        return f"SELECT * FROM sqlite_query({literal(_ALIAS)}, {literal(f'SELECT {texts} FROM {quote(table)}')})"
    texts = ", ".join(f"TRY_CAST({quote(c)} AS VARCHAR) AS {quote(c)}" for c in columns)
    return f"SELECT {texts} FROM {quote(_ALIAS)}.{quote(schema)}.{quote(table)}"
