"""Where a database is: what its URL says, and how DuckDB's scanner of it is told. A password is never shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from vestry.project import VestryError
from vestry.project.errors import did_you_mean

#: Schemes, and the systems that they mean.
SCHEMES = {
    "sqlite": "sqlite",
    "postgresql": "postgres",
    "postgres": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
    "odbc": "odbc",
}


@dataclass(frozen=True)
class Address:
    """One database; `shown` names it in messages."""

    system: str
    host: str = ""
    port: int | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    #: What a driver of ODBC is told; for SQLite, what stands after `sqlite://`.
    rest: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        if self.system in ("sqlite", "odbc"):
            return self.database or self.system
        return f"{self.database} on {self.host}" + (f":{self.port}" if self.port else "")


def address_of(url: str, where: str) -> Address:
    """What a URL says. Raises VestryError, which does not repeat it, where it says nothing that can be reached."""
    scheme, separator, rest = url.partition("://")
    if url.startswith("odbc:"):
        return _odbc(url.removeprefix("odbc:").lstrip("/"))
    if not separator or scheme not in SCHEMES:
        named = scheme if separator and scheme.isalnum() else "that"
        raise VestryError(
            f"no way to reach a database by `{named}`",
            where,
            did_you_mean(named, SCHEMES, "write postgresql://, mysql://, sqlite:/// or odbc:DRIVER={…};…"),
        )
    if SCHEMES[scheme] == "sqlite":
        return Address("sqlite", database=rest.rsplit("/", 1)[-1], rest=rest)
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise VestryError("the port in `url` is no number", where, "write host:5432") from None
    if not parts.hostname or len(parts.path) < 2:
        raise VestryError("`url` names no host or no database", where, f"write {scheme}://user@host/database")
    return Address(
        SCHEMES[scheme],
        parts.hostname,
        port,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        unquote(parts.path[1:]),
        dict(parse_qsl(parts.query)),
    )


def _odbc(text: str) -> Address:
    keys = {
        key.strip().casefold(): value.strip(" {}")
        for key, separator, value in (part.partition("=") for part in text.split(";"))
        if separator
    }
    name = keys.get("database") or keys.get("dsn") or keys.get("driver") or "odbc"
    return Address("odbc", host=keys.get("server", ""), database=name, rest=text, options=keys)
