"""`python -m docs.reference` writes the pages; with `--check` it writes nothing and names those that differ."""

from __future__ import annotations

import sys
from pathlib import Path

from docs.reference import pages

FOLDER = Path(__file__).parent


def main() -> None:
    checking = "--check" in sys.argv[1:]
    stale = []
    for name, text in pages().items():
        file = FOLDER / name
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not checking:
            file.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"docs/reference/{name}{' is not what the code makes: run `make reference`' if checking else ''}")
    sys.exit(bool(stale) and checking)


if __name__ == "__main__":
    main()
