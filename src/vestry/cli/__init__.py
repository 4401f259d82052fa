"""The `vestry` command: parses, calls, prints."""

from vestry.cli.commands import main
from vestry.cli.discover import discover
from vestry.cli.people import people
from vestry.cli.places import address
from vestry.cli.sources import gaps, replay
from vestry.cli.worker import accept, status, worker

main.add_command(discover)
main.add_command(people)
main.add_command(address)
for command in (worker, status, accept, gaps, replay):
    main.add_command(command)

__all__ = ["main"]
