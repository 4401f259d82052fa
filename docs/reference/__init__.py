"""The reference, made from the code: `python -m docs.reference` writes the pages beside this file."""

from docs.reference import commands, files, functions

NOTE = "<!-- Made from the code by `make reference`: change the code, then make it again. -->\n"


def pages() -> dict[str, str]:
    """Each page's file name and its text."""
    made = {
        "cli.md": commands.page(),
        "project-files.md": files.page(),
        "sql-functions.md": functions.page(),
    }
    return {name: f"{NOTE}\n{text.rstrip()}\n" for name, text in made.items()}
