"""`vestry serve`: the portal."""

from __future__ import annotations

from pathlib import Path

import click

from vestry.cli.options import project_option

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--port", default=8000, show_default=True, help="0 takes one that is free.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--cert", "certificate", type=_FILE, help="The certificate, as PEM, for https without a proxy.")
@click.option("--key", type=_FILE, help="Its private key, as PEM.")
@click.option("--behind-proxy", "proxy", metavar="ADDRESS", help="The proxy that ends TLS: it alone is believed.")
@project_option
def serve(port: int, host: str, certificate: Path | None, key: Path | None, proxy: str | None, folder: Path) -> None:
    """Serve the portal, until interrupted: what data there is, where it comes from, how good it is.

    Without accounts it shows everything but personal values to whoever sits at this machine, and nobody else can
    reach it. With an account (`vestry user add`) or an identity provider everybody logs in; then it may listen at
    other addresses too, over TLS: with a certificate, or behind a proxy that says who asks (X-Forwarded-For) and that
    it was asked over https (X-Forwarded-Proto). `url` of [council] says where others reach it.

    \b
    Examples:
      vestry serve
      vestry serve -C westmarsh --port 8080
      vestry serve --host 0.0.0.0 --behind-proxy 10.0.0.5
      vestry serve --host 0.0.0.0 --port 443 --cert portal.pem --key portal.key
    """
    from vestry.serve.server import Encryption, run

    if (certificate is None) != (key is None) or (certificate and proxy):
        raise click.UsageError("give --cert and --key together, or --behind-proxy alone")
    run(folder, host, port, Encryption(certificate, key, proxy))
