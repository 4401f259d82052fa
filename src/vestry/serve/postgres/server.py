"""The server that is published to: reached by libpq, and through DuckDB's scanner; its errors in words of ours."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from vestry.project import DataError, Project, VestryError
from vestry.project.models import PublishSettings
from vestry.project.project import expand
from vestry.project.settings import FILE

if TYPE_CHECKING:
    import psycopg

#: Views that run with the rights of whoever asks came with this version.
_OLDEST = 150_000
#: Seconds that a change waits for readers before it lets others pass, and how often it comes again. It waits less than
#: PostgreSQL's `deadlock_timeout` of a second, or a reader between two views of ours might be the one broken off.
WAIT, _PAUSE, _TRIES = 0.5, 1.0, 30

T = TypeVar("T")


@dataclass(frozen=True)
class Server:
    """One place of `[publish.<name>]`."""

    name: str
    prefix: str
    url: str = field(repr=False)

    @property
    def data(self) -> str:
        """The schema of the tables behind the views, which no reader may look into."""
        return f"{self.prefix}_data"

    @property
    def staff(self) -> str:
        """The role of all who work here."""
        return f"{self.prefix}_staff"

    @property
    def where(self) -> str:
        return f"{FILE} [publish.{self.name}]"

    def conninfo(self, **more: str | int) -> str:
        """What libpq is told. Raises VestryError, which does not repeat it, where the URL is none."""
        import psycopg
        from psycopg.conninfo import make_conninfo

        told: dict[str, Any] = {"connect_timeout": 10, "application_name": "vestry publish", **more}
        try:
            return make_conninfo(self.url, **told)
        except psycopg.Error:
            mend = "write postgresql://user:${PASSWORD}@host/database; in a password, @ is %40 and / is %2F"
            raise VestryError("`url` is no address of a PostgreSQL", self.where, mend) from None

    @property
    def database(self) -> str:
        return str(self._told.get("dbname") or self._told.get("user", ""))

    @property
    def shown(self) -> str:
        """The database as messages name it."""
        port = f":{self._told['port']}" if self._told.get("port") else ""
        return f"{self.database} on {self._told.get('host', 'this machine')}{port}"

    @property
    def _told(self) -> dict[str, Any]:
        from psycopg.conninfo import conninfo_to_dict

        return conninfo_to_dict(self.conninfo())


def server_of(project: Project, name: str, settings: PublishSettings) -> Server:
    """The server of a publication, with its secrets put in."""
    return Server(name, settings.schema_prefix, expand(settings.url, FILE, project.env))


@contextmanager
def connected(server: Server, **more: str | int) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection without a transaction. Raises DataError in words of ours where the server says no.

    What PostgreSQL says itself may hold a password or a value, and is not repeated.
    """
    import psycopg

    try:
        with psycopg.connect(server.conninfo(**more), autocommit=True) as con:
            # Whoever may make things in `public` could put a function of the same name in our way.
            con.execute("SET search_path = pg_catalog")
            con.execute("SET standard_conforming_strings = on")  # our literals are of the standard
            con.execute("SET client_min_messages = warning")
            if con.info.server_version < _OLDEST:
                version = con.info.server_version // 10_000
                raise DataError(
                    f"{server.shown} is PostgreSQL {version}, and its views would not keep readers apart",
                    server.where,
                    "it takes PostgreSQL 15 or newer",
                )
            yield con
    except psycopg.Error as error:
        raise _told(error, server) from None


def patiently(con: psycopg.Connection[tuple[Any, ...]], server: Server, change: Callable[[], T]) -> T:
    """A change in one transaction. It waits half a second for those who read, lets others pass, and comes again.

    Raises DataError where somebody reads on and on: then nothing has changed.
    """
    from psycopg.errors import DeadlockDetected, LockNotAvailable, QueryCanceled

    for tried in range(1, _TRIES + 1):
        try:
            with con.transaction():
                con.execute(f"SET LOCAL lock_timeout = '{WAIT:g}s'")
                return change()
        except (LockNotAvailable, DeadlockDetected, QueryCanceled):
            if tried < _TRIES:
                time.sleep(_PAUSE)
    raise DataError(
        f"somebody on {server.shown} reads in one long transaction, so nothing could be swapped",
        server.where,
        "what was published last stays; end that transaction, and publish again",
    )


_REASONS = (
    (("authentication failed", "no password supplied"), "it refuses the user or the password",
     "check the secrets that `url` names; they are never shown"),
    (("no pg_hba.conf entry",), "it lets nobody in from here by this user",
     "ask its administrator for a line of pg_hba.conf"),
    (("certificate", "SSL", "root.crt"), "its certificate is not trusted",
     "do not turn the check off: name its authority in `url` with sslrootcert="),
    (("could not translate", "resolve", "Name or service"), "there is no such host", "check `url`"),
    (("does not exist",), "it has no such database or user", "check the names in `url`"),
)  # fmt: skip


def _told(error: psycopg.Error, server: Server) -> VestryError:
    from psycopg import OperationalError
    from psycopg.errors import InsufficientPrivilege

    if isinstance(error, InsufficientPrivilege):
        return DataError(
            f"the user of `url` may not do on {server.shown} what publishing takes",
            server.where,
            "its administrator gives it: GRANT CREATE ON DATABASE … TO …, and ALTER ROLE … CREATEROLE; "
            "or makes the roles with what `vestry publish --role` prints",
        )
    if isinstance(error, OperationalError) and error.sqlstate is None:
        said = str(error)
        for words, what, mend in _REASONS:
            if any(word in said for word in words):
                return DataError(f"{server.shown} cannot be published to: {what}", server.where, mend)
        mend = "check host and port, that the server runs, and that this machine may reach it"
        return DataError(f"{server.shown} cannot be reached", server.where, mend)
    what = f"{server.shown} refused a step ({type(error).__name__}); what was published last stays"
    return DataError(what, server.where, "the server's own log says more")
