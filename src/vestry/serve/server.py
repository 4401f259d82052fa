"""The portal as a process."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path

import click
import uvicorn

from vestry.catalogue.live import Live
from vestry.project import VestryError
from vestry.serve.app import application


def run(project: Path, host: str, port: int) -> None:
    """Serve until interrupted. Raises VestryError for an address that others could reach, or a port that is taken."""
    if not _is_loopback(host):
        mend = "leave --host out, and reach it through a tunnel such as `ssh -L 8000:127.0.0.1:8000 …`"
        raise VestryError(f"{host} can be reached by others, and the portal has no access control yet", mend=mend)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Said to be TCP: only then asyncio sends at once, and a page on a kept connection does not wait for 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise VestryError(f"port {port} cannot be used: {error.strerror}", mend="name another with --port") from error
    with listener:
        app = application(Live(project))
        shown = f"[{host}]" if ":" in host else host
        click.echo(f"the portal is at http://{shown}:{listener.getsockname()[1]}  (Ctrl+C ends it)")
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, server_header=False))
        server.run(sockets=[listener])


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
