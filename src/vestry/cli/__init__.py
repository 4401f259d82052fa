"""The `vestry` command: parses, calls, prints."""

from vestry.cli.commands import main
from vestry.cli.discover import discover
from vestry.cli.people import people
from vestry.cli.places import address

main.add_command(discover)
main.add_command(people)
main.add_command(address)

__all__ = ["main"]
