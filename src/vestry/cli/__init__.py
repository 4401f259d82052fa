"""The `vestry` command: parses, calls, prints."""

from vestry.cli.commands import main
from vestry.cli.people import people
from vestry.cli.places import address
from vestry.cli.sources import gaps, replay

main.add_command(people)
main.add_command(address)
main.add_command(gaps)
main.add_command(replay)

__all__ = ["main"]
