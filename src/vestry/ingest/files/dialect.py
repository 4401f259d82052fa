"""Which character parts the fields of a text."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from vestry.ingest.files.grid import filled
from vestry.ingest.files.model import FileOptions, UnreadableFile
from vestry.ingest.files.records import Splitter, as_records

CANDIDATES = (",", ";", "\t", "|")
_SEP = re.compile(r'"?sep=(.)"?\r?', re.I)


def find_delimiter(lines: list[str], path: Path, options: FileOptions) -> str:
    """The delimiter: as the source says, as Excel's `sep=` line says, else as the lines agree on it.

    The lines of a sample agree on the one that parts most of them into the same number of fields, two or
    more; of two that are nearly as good, the one that more of the first lines hold wins. One column: a comma.
    """
    if options.delimiter is not None:
        named = {"\\t": "\t", "tab": "\t"}.get(options.delimiter, options.delimiter)
        if len(named) != 1 or named in '"\r\n':
            raise UnreadableFile("the delimiter must be one character", str(path), "such as `,` `;` `|` or `\\t`")
        return named
    if lines and (said := _SEP.fullmatch(lines[0])):
        return said.group(1)
    if options.format == "tsv" or path.suffix.lower() in {".tsv", ".tab"}:
        return "\t"
    scores = {delimiter: _score(lines, delimiter) for delimiter in CANDIDATES}
    best = max(CANDIDATES, key=lambda d: scores[d])
    return best if scores[best] > 0 else ","


def is_sep_line(line: str) -> bool:
    return bool(_SEP.fullmatch(line))


def _score(lines: list[str], delimiter: str) -> float:
    """How well the lines agree, from 0; a table needs two columns to show a delimiter."""
    records = as_records(Splitter(delimiter).split(1, lines[:500], "\n".join(lines[:500])))
    rows = [record.fields for record in records if filled(record.fields)]
    if not rows:
        return 0.0
    widths = Counter(len(row) for row in rows if len(row) > 1)
    if not widths:
        return 0.0
    # Preamble and totals are short, and some rows are ragged: the commonest width speaks for the table.
    width, count = widths.most_common(1)[0]
    agreed = count / len(rows)
    near = sum(n for w, n in widths.items() if abs(w - width) <= 2) / len(rows)
    first = next(n for n, row in enumerate(rows) if len(row) == width)
    late = 0.2 if first > 30 else 0.0
    return agreed + near * 0.5 + min(width, 10) * 0.01 - late
