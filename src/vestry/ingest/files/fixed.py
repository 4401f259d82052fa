"""Fixed width: fields by their place in the line, as mainframes and banks still write them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from vestry.ingest.files.encoding import as_utf8
from vestry.ingest.files.lines import TooLong, read_blocks
from vestry.ingest.files.model import FileOptions, FileRows, UnreadableFile
from vestry.ingest.files.names import name_columns
from vestry.ingest.files.scan import Scan
from vestry.ingest.files.spool import Rejects, Spool

#: Systems that came from CP/M and MVS end a file with this.
_END = "\x1a"


def read_fixed(path: Path, options: FileOptions, workdir: Path, facts: Scan) -> FileRows:
    """The lines of a file cut at `fields`; the padding of a field is the format's, and goes.

    Where most lines have one length, as padded lines have, a line that is shorter or longer has lost or won a
    character, and its fields would be shifted: it is rejected. Where lengths vary, the spaces at the ends of lines
    were stripped, and a field beyond the end is empty.
    """
    if not options.fields:
        raise UnreadableFile("a file of fixed width without `fields`", str(path), "write `fields: {name: 1-8}`")
    text = as_utf8(path, facts, options.encoding, workdir)
    columns = name_columns(list(options.fields), range(len(options.fields)), options.columns)
    spool, rejects = Spool(workdir, [name for name, _ in columns.present]), Rejects(workdir)
    length: int | None = None
    blank = other = 0
    measured = False
    for block in read_blocks(text.path):
        if isinstance(block, TooLong):
            rejects.add(block.line, block.start, block.reason)
            continue
        lines = pc.utf8_rtrim(pa.array(block.lines, pa.string()), "\r" + _END)
        numbers = pa.array(range(block.first, block.first + len(lines)), pa.int64())
        filled = pc.not_equal(pc.utf8_trim_whitespace(lines), "")
        blank += len(lines) - (pc.sum(filled).as_py() or 0)
        lines, numbers = lines.filter(filled), numbers.filter(filled)
        if options.lines:
            meant = pc.match_substring_regex(lines, options.lines)
            other += len(lines) - (pc.sum(meant).as_py() or 0)
            lines, numbers = lines.filter(meant), numbers.filter(meant)
        if not len(lines):
            continue
        if not measured:
            length, measured = _length(path, lines, options), True
        lines, numbers = _fitting(lines, numbers, length, rejects)
        spool.append_arrays(numbers, [_cut(lines, *field) for field in options.fields.values()])
    order = {name: at for at, (name, _) in enumerate(columns.present)}
    notes = [*text.notes, f"lines of {length} characters" if length else "lines of several lengths"]
    return FileRows(
        select=spool.select(columns.names, [order.get(name) for name in columns.names]),
        columns=columns.names,
        headers=columns.headers,
        rows=spool.rows,
        rejected=rejects.table(),
        skipped={"preamble": 0, "header": 0, "repeated_header": 0, "blank": blank, "other": other},
        notes=tuple(notes),
        missing=columns.missing,
        patient=True,
    )


def _cut(lines: pa.Array, start: int, length: int) -> pa.Array:
    return pc.utf8_trim(pc.utf8_slice_codeunits(lines, start - 1, start - 1 + length), " ")


def _length(path: Path, lines: pa.Array, options: FileOptions) -> int | None:
    """How long a whole line is, from the first ones; None where their lengths vary.

    Raises UnreadableFile where hardly a line reaches a field: the fields are another file's.
    """
    lengths = Counter(pc.utf8_length(lines).to_pylist())
    for name, (start, _) in options.fields.items():
        if max(lengths) < start:
            raise UnreadableFile(
                f"the field `{name}` begins at character {start}, and no line is longer than {max(lengths)}",
                str(path),
                "check `fields`: is it the right file, and is the first character 1?",
            )
    most, count = lengths.most_common(1)[0]
    width = max(start - 1 + length for start, length in options.fields.values())
    return most if most >= width and count * 2 > len(lines) else None


def _fitting(lines: pa.Array, numbers: pa.Array, length: int | None, rejects: Rejects) -> tuple[pa.Array, pa.Array]:
    """The lines that can be cut; the others are rejected with the reason."""
    lengths = pc.utf8_length(lines)
    # A line that only lost or won spaces at its end is whole.
    trimmed = pc.utf8_length(pc.utf8_rtrim(lines, " "))
    broken = pc.greater(pc.count_substring(lines, "\0"), 0)
    fits = pc.invert(broken)
    if length is not None:
        short = pc.less(lengths, length)
        fits = pc.and_(fits, pc.invert(pc.or_(short, pc.greater(trimmed, length))))
    bad = pc.invert(fits)
    for number, line, characters, nul in zip(
        numbers.filter(bad).to_pylist(),
        lines.filter(bad).to_pylist(),
        lengths.filter(bad).to_pylist(),
        broken.filter(bad).to_pylist(),
        strict=True,
    ):
        reason = "a NUL byte in the line" if nul else f"{characters} characters, where a line has {length}"
        rejects.add(number, line, reason)
    return lines.filter(fits), numbers.filter(fits)
