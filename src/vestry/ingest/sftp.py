"""Files on an SFTP server, through asyncssh. Its host key is known, or nothing is read.

Nothing of this machine's user is used: no agent, no keys and no settings of their home, but for the host keys that
`known_hosts` there knows.
"""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

from vestry.ingest.place import Listed
from vestry.project import DataError, VestryError
from vestry.project.project import expand
from vestry.project.source_models import FileSource

if TYPE_CHECKING:
    import asyncssh

T = TypeVar("T")
_PORT = 22
_CONNECT_SECONDS = 20
#: How long a server may be silent before the connection counts as lost: three questions of this many seconds.
_ALIVE_SECONDS = 20


@dataclass(frozen=True)
class Sftp:
    """A folder of an SFTP server. Each of its questions opens a connection of its own, and closes it."""

    host: str
    port: int
    user: str
    path: PurePosixPath
    where: str
    host_keys: tuple[str, ...]
    known_hosts: Path
    password: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: FileSource, where: str, env: Mapping[str, str], root: Path) -> Sftp:
        """From the source's YAML. Raises VestryError where something of it is missing."""

        def filled(text: str | None) -> str | None:
            return None if text is None else expand(text, where, env)

        url = urlsplit(expand(settings.path, where, env))
        try:
            host, port = url.hostname, url.port or _PORT
        except ValueError:
            host, port = None, _PORT
        if not host or not url.username:
            raise VestryError("`path` names no user or no server", where, "write sftp://user@server:22/folder")
        key = filled(settings.key)
        if key and "PRIVATE KEY" not in key:
            file = root / Path(key).expanduser()
            try:
                key = file.read_text()
            except (OSError, UnicodeDecodeError):
                # What stands there may be the key itself, cut: it is not said.
                raise VestryError(
                    "the file of `key` cannot be read", where, "give its path, or the key itself as ${NAME}"
                ) from None
        password = filled(settings.password) or (unquote(url.password) if url.password else None)
        if not password and not key:
            raise VestryError(
                "neither `password` nor `key` is given", where, "write `password: ${NAME}` or `key: ${NAME}`"
            )
        known = settings.known_hosts
        return cls(
            host,
            port,
            unquote(url.username),
            PurePosixPath(unquote(url.path) or "/"),
            where,
            tuple(expand(k, where, env) for k in settings.host_key),
            root / Path(expand(known, where, env)).expanduser() if known else Path("~/.ssh/known_hosts").expanduser(),
            password,
            key,
            filled(settings.passphrase),
        )

    @property
    def shown(self) -> str:
        return f"sftp://{self.user}@{self.host}:{self.port}{self.path}"

    def list(self, globs: Sequence[str]) -> list[Listed]:
        async def ask(sftp: asyncssh.SFTPClient) -> list[Listed]:
            if not await sftp.isdir(str(self.path)):
                raise DataError(f"the folder {self.path} is not on the server {self.host}", self.where, "check `path`")
            base = _literally(str(self.path)).rstrip("/")
            found = await sftp.glob_sftpname([f"{base}/{glob}" for glob in globs])
            named = {PurePosixPath(str(f.filename)).relative_to(self.path).as_posix(): f.attrs for f in found}
            # A listing that says nothing of the kind (permissions None) is of a server that lists files only.
            return [
                Listed(name, attrs.size or 0, float(attrs.mtime or 0))
                for name, attrs in sorted(named.items())
                if attrs.permissions is None or stat.S_ISREG(attrs.permissions)
            ]

        return self._asked(ask)

    def fetch(self, wanted: Mapping[str, Path]) -> None:
        async def get(sftp: asyncssh.SFTPClient) -> None:
            for name, target in wanted.items():
                await sftp.get(str(self.path / name), str(target))

        self._asked(get)

    def _asked(self, work: Callable[[asyncssh.SFTPClient], Awaitable[T]]) -> T:
        """Connect, do the work, and part. Whatever goes wrong is said in words of ours."""
        import asyncssh

        seen = _Seen(self)
        try:
            return asyncio.run(self._connected(work, seen))
        except VestryError:
            raise
        except asyncssh.HostKeyNotVerifiable:
            raise seen.refusal() from None
        except asyncssh.KeyExchangeFailed:
            raise self._failed("it speaks no cipher or key that is safe") from None
        except asyncssh.PermissionDenied:
            what = f"the SFTP server {self.host} refuses the user {self.user}"
            mend = "check the user and the password or key; has it expired, or been changed?"
            raise DataError(what, self.where, mend) from None
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
            raise VestryError("`key` is no private key, or its `passphrase` is wrong", self.where) from None
        except asyncssh.SFTPNoSuchFile:
            raise self._failed("a file was taken away while it was read") from None
        except asyncssh.SFTPPermissionDenied:
            raise self._failed(f"the user {self.user} may not read there") from None
        except TimeoutError:
            raise self._failed("no answer in time") from None
        except (OSError, asyncssh.Error) as error:
            full = getattr(error, "errno", None)
            if isinstance(error, OSError) and full in (27, 28, 122):
                raise
            raise self._failed("no connection" if isinstance(error, OSError) else "the connection broke") from None

    async def _connected(self, work: Callable[[asyncssh.SFTPClient], Awaitable[T]], seen: _Seen) -> T:
        import asyncssh

        options: dict[str, Any] = {
            "username": self.user,
            **seen.trust(),
            "client_keys": [asyncssh.import_private_key(self.key, self.passphrase)] if self.key else [],
            "password": self.password,
            "agent_path": None,
            "config": [],
            "connect_timeout": _CONNECT_SECONDS,
            "login_timeout": _CONNECT_SECONDS,
            "keepalive_interval": _ALIVE_SECONDS,
        }
        async with (
            asyncssh.connect(self.host, self.port, client_factory=seen.client, **options) as connection,
            connection.start_sftp_client() as sftp,
        ):
            return await work(sftp)

    def _failed(self, why: str) -> DataError:
        what = f"the SFTP server {self.host}:{self.port} cannot be read: {why}; nothing was loaded"
        return DataError(what, self.where, "the next run asks again")


class _Seen:
    """Which host keys are known, and which the server showed."""

    def __init__(self, place: Sftp) -> None:
        self._place = place
        self._shown = ""
        self._keys: list[asyncssh.SSHKey] = []
        self.known = bool(place.host_keys)

    def trust(self) -> dict[str, Any]:
        """Options for asyncssh: certificates and what is revoked are its affair, the keys themselves are `client`'s.

        The kinds of the known keys are asked for first, and then all others: so a server that has another key now
        shows it, and does not just break off.
        """
        import asyncssh
        from asyncssh.public_key import get_default_certificate_algs, get_default_public_key_algs

        authorities: Any = []
        revoked: Any = []
        if not self._place.host_keys and self._place.known_hosts.is_file():
            try:
                hosts = asyncssh.read_known_hosts(str(self._place.known_hosts))
            except (OSError, ValueError):
                what = f"the file {self._place.known_hosts} of known hosts cannot be read"
                raise VestryError(what, self._place.where, "mend it, or write `host_key: SHA256:…`") from None
            port = self._place.port
            found = asyncssh.match_known_hosts(hosts, self._place.host, "", port if port != _PORT else None)
            self._keys, authorities, revoked = list(found[0]), found[1], found[2]
            self.known = bool(self._keys or authorities)
        kinds = [*(get_default_certificate_algs() if authorities else ())]
        kinds += [kind for key in self._keys for kind in key.sig_algorithms]
        kinds += get_default_public_key_algs()
        return {
            "known_hosts": ([], authorities, revoked),
            "server_host_key_algs": [kind.decode() for kind in dict.fromkeys(kinds)],
        }

    def client(self) -> asyncssh.SSHClient:
        import asyncssh

        seen = self

        class Client(asyncssh.SSHClient):
            """Says whether a key is known."""

            def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
                fingerprint = key.get_fingerprint()
                seen._shown = f"{key.get_algorithm()} {fingerprint}"
                return fingerprint in seen._place.host_keys or key in seen._keys

        return Client()

    def refusal(self) -> DataError:
        host, where = self._place.host, self._place.where
        shown = f" (it showed {self._shown})" if self._shown else ""
        if self.known:
            return DataError(
                f"the host key of the SFTP server {host} is not the one that is known{shown}; nothing was read",
                where,
                "either the server was set up anew, or somebody stands between: ask its owner, by telephone or in "
                "person and not by a message, for its fingerprint; change `host_key` or known_hosts only if it is that",
            )
        return DataError(
            f"the host key of the SFTP server {host} is not known{shown}; nothing was read",
            where,
            "ask the server's owner, by telephone or in person, for its fingerprint; if it is that one, write "
            f"`host_key: {self._shown.rpartition(' ')[2] or 'SHA256:…'}`",
        )


def _literally(path: str) -> str:
    """A path as a glob that fits it alone."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in path)
