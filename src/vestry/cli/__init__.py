"""The `vestry` command: parses, calls, prints."""

from vestry.cli.commands import main
from vestry.cli.people import people
from vestry.cli.places import address
from vestry.cli.stream import stream

main.add_command(people)
main.add_command(address)
main.add_command(stream)

__all__ = ["main"]
