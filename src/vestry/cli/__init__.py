"""The `vestry` command: parses, calls, prints."""

from vestry.cli.access import access, audit, grant, policy, request
from vestry.cli.catalogue import lineage, search
from vestry.cli.commands import main
from vestry.cli.discover import discover
from vestry.cli.export import export
from vestry.cli.overlap import data_map
from vestry.cli.people import people
from vestry.cli.places import address
from vestry.cli.publish import publish
from vestry.cli.quality import quality
from vestry.cli.register import register
from vestry.cli.serve import serve
from vestry.cli.share import share
from vestry.cli.sources import gaps, replay
from vestry.cli.stream import stream
from vestry.cli.users import token, user
from vestry.cli.worker import accept, status, worker

for command in (
    search, quality, lineage, export, register, data_map, serve, discover, people, address, worker, status, accept,
    gaps, replay, stream, user, token, access, request, grant, audit, policy, publish, share,
):  # fmt: skip
    main.add_command(command)

__all__ = ["main"]
