"""The portal as a process."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import uvicorn

from vestry.catalogue.live import Live
from vestry.governance.identity.accounts import login_needed
from vestry.project import Project, VestryError
from vestry.serve.app import application
from vestry.serve.door import is_loopback


@dataclass(frozen=True)
class Encryption:
    """How others reach the portal: by its own certificate, or through a proxy at an address, which ends TLS."""

    certificate: Path | None = None
    key: Path | None = None
    proxy: str | None = None

    def __bool__(self) -> bool:
        return self.certificate is not None or self.proxy is not None


#: Seconds in which what is being answered may end when the process is told to.
_GRACE = 5
#: Seconds for which an idle connection is kept: longer than proxies keep theirs (60 s as a rule), so that it is they
#: who end one, and no request meets a connection that is just being closed.
_KEPT = 75
#: For this machine alone.
NONE = Encryption()


def run(project: Path, host: str, port: int, encryption: Encryption = NONE) -> None:
    """Serve until interrupted.

    Raises VestryError for an address that others can reach without logging in or without TLS, or a port that is taken.
    """
    live = Live(project)
    shared = _shared_host(live.workspace.project, host, encryption)
    options = options_of(encryption)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Said to be TCP: only then asyncio sends at once, and a page on a kept connection does not wait for 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        mend = "name another with --port, or an address of this machine with --host"
        raise VestryError(f"port {port} of {host} cannot be used: {error.strerror}", mend=mend) from error
    with listener:
        app = application(live, shared)
        at = f"[{host}]" if ":" in host else host
        scheme = "https" if encryption.certificate else "http"
        click.echo(f"the portal is at {scheme}://{at}:{listener.getsockname()[1]}  (Ctrl+C ends it)")
        # Browsers keep connections open: at the end, those that idle are not waited for.
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEPT,
            timeout_graceful_shutdown=_GRACE,
            **options,
        )
        uvicorn.Server(config).run(sockets=[listener])


def _shared_host(project: Project, host: str, encryption: Encryption) -> str | None:
    """The name by which others reach the portal; None where nobody else does."""
    if is_loopback(host) and not encryption:
        return None
    if not login_needed(project):
        mend = "make an account first (`vestry user add`) or name an identity provider ([identity] in vestry.toml)"
        raise VestryError("others could reach the portal, and nobody would have to log in", mend=mend)
    if not encryption:
        mend = "give --cert and --key, or --behind-proxy ADDRESS where a proxy on that address ends TLS"
        raise VestryError(
            f"{host} can be reached by others, and passwords would go over the network in clear", mend=mend
        )
    url = project.settings.council.url or ""
    if not url.startswith("https://"):
        mend = "write it there, such as https://data.testham.gov.uk"
        raise VestryError("`url` of [council] does not say where others reach the portal", "vestry.toml", mend)
    return urlsplit(url).hostname


def options_of(encryption: Encryption) -> dict[str, Any]:
    """The server's options: whose word on the client's address counts, and the certificate."""
    if encryption.proxy is not None:
        try:
            ipaddress.ip_network(encryption.proxy)
        except ValueError:
            mend = "name it, or its network, such as 10.0.0.5 or 10.0.0.0/29: whoever asks from there is believed"
            raise VestryError(f"{encryption.proxy} is not the address of a proxy", mend=mend) from None
        return {"proxy_headers": True, "forwarded_allow_ips": encryption.proxy}
    if encryption.certificate is None:
        return {"proxy_headers": False}
    files = {"ssl_certfile": encryption.certificate, "ssl_keyfile": encryption.key}
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(encryption.certificate, encryption.key)
    except (OSError, ssl.SSLError) as error:
        mend = "name PEM files: --cert with the certificate and those above it, --key with its private key"
        raise VestryError(f"the certificate cannot be used: {type(error).__name__}", mend=mend) from None
    return {"proxy_headers": False, **files}
