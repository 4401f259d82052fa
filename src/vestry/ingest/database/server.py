"""A database server through DuckDB's scanner of it: attached read-only, asked in its own SQL, and let go again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vestry.ingest.database.url import Address
from vestry.project import DataError, VestryError, literal, quote
from vestry.project.errors import did_you_mean, listed

if TYPE_CHECKING:
    import duckdb

Load = Callable[[str], None]
SCANNERS = {
    "sqlite": "sqlite_scanner",
    "postgres": "postgres_scanner",
    "mysql": "mysql_scanner",
    "odbc": "odbc_scanner",
}
_SCHEMAS = {"postgres": "public", "sqlite": "main"}
#: Schemas of the servers' own, which hold nothing of the council's.
OWN = ("information_schema", "pg_catalog", "pg_toast", "mysql", "performance_schema", "sys")
_ENCODING = "SELECT current_setting('server_encoding') AS encoding"
_TLS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "ssl_mode", "ssl_ca", "ssl_cert", "ssl_key")


@dataclass(frozen=True)
class Server:
    """An attached database. `con` sees its tables as `"alias".schema.table`, where the scanner shows tables."""

    con: duckdb.DuckDBPyConnection
    alias: str
    address: Address
    where: str

    def ask(self, sql: str) -> str:
        """SQL of the relation that the server itself makes of a query in its own SQL."""
        if self.address.system == "odbc":
            return f"odbc_query(getvariable({literal(self.alias)}), {literal(sql)})"
        return f"{self.address.system}_query({literal(self.alias)}, {literal(sql)})"

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.con.execute(f"SELECT * FROM {self.ask(sql)}").fetchall()

    def quoted(self, name: str) -> str:
        """A name in the server's own SQL."""
        if self.address.system == "mysql" or "maria" in self.address.options.get("driver", "").casefold():
            return "`" + name.replace("`", "``") + "`"
        return quote(name)

    def own(self, table: str) -> str:
        """A table, `schema.table` or `table`, in the server's own SQL."""
        return ".".join(self.quoted(part) for part in table.split("."))

    def select(self, table: str, columns: Mapping[str, str], rest: str = "") -> str:
        """SQL of the relation that the server makes of some columns, of the types that `columns` has for them.

        `rest` is what follows FROM in its own SQL. Numbers that DuckDB has no type for come as text, and what comes as
        bytes though it is text, as MySQL's JSON does, is text again.
        """
        inexact, raw = self.inexact(table), self.is_raw()

        def own_of(column: str) -> str:
            q = self.quoted(column)
            text = f"CAST({q} AS text)" if column in inexact else q
            if raw and columns[column] == "VARCHAR":
                return f"convert_to(CAST({q} AS text), 'SQL_ASCII') AS {q}"
            return f"{text} AS {q}"

        own = ", ".join(map(own_of, columns))
        asked = self.ask(f"SELECT {own} FROM {self.own(table)}{rest}")
        made = {str(r[0]): str(r[1]) for r in self.con.execute(f"DESCRIBE SELECT * FROM {asked}").fetchall()}
        # Bytes that are no text stay as they are written: Zo\xEB.
        read = ", ".join(
            f"coalesce(TRY(decode({quote(c)})), {quote(c)}::VARCHAR) AS {quote(c)}"
            if made.get(c) == "BLOB" and columns[c] == "VARCHAR"
            else quote(c)
            for c in columns
        )
        return f"(SELECT {read} FROM {asked})"

    def is_raw(self) -> bool:
        """Whether its text is of no encoding, so that a scanner may stop at it."""
        return self.address.system == "postgres" and self.rows(_ENCODING) == [("SQL_ASCII",)]

    def needs_select(self, table: str) -> bool:
        """Whether a table must be read by `select`, for DuckDB's scanner would lose something of it, or stop."""
        return bool(self.inexact(table)) or self.is_raw()

    def inexact(self, table: str) -> set[str]:
        """The columns of numbers with more digits than DuckDB's scanner keeps: as text they lose none."""
        if self.address.system != "postgres":
            return set()
        schema, _, name = table.rpartition(".")
        return {
            str(r[0])
            for r in self.rows(
                "SELECT column_name FROM information_schema.columns WHERE data_type = 'numeric' "
                "AND (numeric_precision IS NULL OR numeric_precision > 38) "
                f"AND table_schema = {literal(schema or 'public')} AND table_name = {literal(name)}"
            )
        }

    def relation(self, table: str) -> str:
        """A table in DuckDB's SQL; columns may be read side by side, by several connections."""
        if self.address.system == "odbc":
            return self.ask(f"SELECT * FROM {self.own(table)}")
        schema, _, name = table.rpartition(".")
        schema = schema or _SCHEMAS.get(self.address.system, self.address.database)
        return f"{quote(self.alias)}.{quote(schema)}.{quote(name)}"

    def tables(self) -> list[str]:
        """The tables and views, of the usual schema by their name alone."""
        if self.address.system == "odbc":
            return []
        usual = _SCHEMAS.get(self.address.system, self.address.database)
        found = self.con.execute(
            "SELECT schema_name, table_name FROM (SELECT database_name, schema_name, table_name FROM duckdb_tables() "
            "UNION ALL SELECT database_name, schema_name, view_name FROM duckdb_views()) WHERE database_name = ? "
            f"AND schema_name NOT IN {OWN} ORDER BY ALL",
            [self.alias],
        ).fetchall()
        return [table if schema == usual else f"{schema}.{table}" for schema, table in found]

    def columns(self, table: str, wanted: Sequence[str] = ()) -> dict[str, str]:
        """The columns of a table with the types that DuckDB has for them.

        Raises VestryError with the nearest names where the table, or one of the columns wanted, is not there.
        """
        import duckdb

        try:
            found = self.con.execute(f"DESCRIBE SELECT * FROM {self.relation(table)}").fetchall()
        except duckdb.Error as error:
            known = self.tables()
            raise VestryError(
                f"the database has no table `{table}`", self.where, did_you_mean(table, known, "check its name")
            ) from error
        inexact = self.inexact(table)
        columns = {str(r[0]): "VARCHAR" if str(r[0]) in inexact else str(r[1]) for r in found}
        for name in wanted:
            if name not in columns:
                mend = did_you_mean(name, columns)
                raise VestryError(f"the table `{table}` has no column `{name}`", self.where, mend)
        return columns

    def key(self, table: str) -> list[str]:
        """The columns of the primary key, in its order; none where there is none, or nobody can tell."""
        schema, _, name = table.rpartition(".")
        schema = schema or _SCHEMAS.get(self.address.system, self.address.database)
        if self.address.system == "odbc":
            return []
        if self.address.system == "sqlite":
            found = self.rows(f"SELECT name FROM pragma_table_info({literal(name)}) WHERE pk > 0 ORDER BY pk")
            return [str(r[0]) for r in found]
        return [
            str(r[0])
            for r in self.rows(
                "SELECT k.column_name FROM information_schema.table_constraints t "
                "JOIN information_schema.key_column_usage k ON k.constraint_name = t.constraint_name "
                "AND k.table_schema = t.table_schema AND k.table_name = t.table_name "
                f"WHERE t.constraint_type = 'PRIMARY KEY' AND t.table_schema = {literal(schema)} "
                f"AND t.table_name = {literal(name)} ORDER BY k.ordinal_position"
            )
        ]


@contextmanager
def attached(
    con: duckdb.DuckDBPyConnection, load: Load, address: Address, alias: str, where: str, timeout: int, one: bool
) -> Iterator[Server]:
    """The database, attached for as long as the block runs; `timeout` seconds for a statement, `one` connection only.

    Raises DataError, which says nothing of what the engine says, where it cannot be reached.
    """
    import duckdb

    load(SCANNERS[address.system])
    server = Server(con, alias, address, where)
    try:
        _attach(server, timeout, one)
    except duckdb.Error as error:
        raise _unreachable(error, server) from error
    try:
        yield server
    finally:
        with suppress(duckdb.Error):
            if address.system == "odbc":
                con.execute(f"SELECT odbc_close(getvariable({literal(alias)}))")
            else:
                con.execute(f"DETACH {quote(alias)}")


def _attach(server: Server, timeout: int, one: bool) -> None:
    con, address = server.con, server.address
    if address.system == "odbc":
        con.execute(f"SET VARIABLE {quote(server.alias)} = odbc_connect({literal(address.rest)})")
    elif address.system == "postgres":
        con.execute(f"SET pg_pool_max_connections = {1 if one else 8}")
        con.execute(f"SET pg_use_ctid_scan = {'false' if one else 'true'}")
        told = {
            "host": address.host, "port": str(address.port or 5432), "user": address.user,
            "password": address.password, "dbname": address.database, "application_name": "vestry",
            "connect_timeout": "10",
            "options": f"-c default_transaction_read_only=on -c statement_timeout={timeout * 1000}",
            **{k: v for k, v in address.options.items() if k in _TLS},
        }  # fmt: skip
        text = " ".join(f"{k}='{_escaped(v)}'" for k, v in told.items() if v)
        con.execute(f"ATTACH {literal(text)} AS {quote(server.alias)} (TYPE postgres, READ_ONLY)")
    elif address.system == "mysql":
        con.execute(f"SET mysql_pool_size = {1 if one else 4}")
        con.execute(f"SET mysql_query_timeout_max_ms = {timeout * 1000}")
        socket = f", SOCKET {literal(address.options['socket'])}" if "socket" in address.options else ""
        secret = quote(f"vestry {server.alias}")
        tls = "".join(
            f", {k.upper()} {literal(v)}" for k, v in address.options.items() if k in _TLS and k.startswith("ssl_")
        )
        con.execute(
            f"CREATE OR REPLACE TEMPORARY SECRET {secret} (TYPE mysql{socket}, HOST {literal(address.host)}, "
            f"PORT {address.port or 3306}, USER {literal(address.user)}, PASSWORD {literal(address.password)}, "
            f"DATABASE {literal(address.database)}{tls})"
        )
        try:
            con.execute(f"ATTACH '' AS {quote(server.alias)} (TYPE mysql, READ_ONLY, SECRET {secret})")
        finally:
            con.execute(f"DROP SECRET {secret}")
    else:
        con.execute(f"ATTACH {literal(address.rest)} AS {quote(server.alias)} (TYPE sqlite, READ_ONLY)")
        server.tables()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


_REASONS = (
    (("password authentication", "Access denied", "28P01", "no password supplied"),
     "it refuses the user or the password", "check the secrets that `url` names; they are never shown"),
    (("does not exist", "Unknown database", "3D000"), "it has no such database or user", "check the names in `url`"),
    (("certificate", "SSL", "TLS"), "its certificate is not trusted",
     "do not turn the check off: ask who runs the server whether it changed, and name its authority: sslrootcert="),
    (("could not translate", "Unknown MySQL server host", "Name or service"), "no such host", "check `url`"),
    (("timeout", "timed out", "Connection refused", "Can't connect", "could not connect"), "no connection",
     "check host and port, and that this machine may reach it"),
    (("file is not a database", "not a database"), "it is not an SQLite database", "check `url`"),
)  # fmt: skip


def _unreachable(error: duckdb.Error, server: Server) -> VestryError:
    """Why, in words of ours: the engine's own may hold the password."""
    said = str(error)
    if server.address.system == "odbc" and ("IM002" in said or "01000" in said or "driver" in said.casefold()):
        drivers = [str(r[0]) for r in server.con.execute("SELECT description FROM odbc_list_drivers()").fetchall()]
        mend = f"there are {listed(drivers, 'and')}" if drivers else "install a driver; `odbcinst -q -d` lists those"
        return DataError("no such driver of ODBC, or it does not load", server.where, mend)
    for words, what, mend in _REASONS:
        if any(w in said for w in words):
            return DataError(f"the database {server.address.shown} cannot be read: {what}", server.where, mend)
    return DataError(
        f"the database {server.address.shown} cannot be read", server.where, "check `url`, and that the server runs"
    )


def sqlite_file(address: Address, root: Path, where: str) -> tuple[Address, Path]:
    """The file that a SQLite URL names, `///` below the project and `////` anywhere, and the address with its path.

    Raises DataError where it is not there.
    """
    rest = address.rest
    file = root / rest.removeprefix("/") if not rest.startswith("//") else Path(rest[1:])
    if not file.is_file():
        raise DataError(f"the database {file} is not there", where, "check `url`, or that the disk is mounted")
    return replace(address, rest=str(file)), file
