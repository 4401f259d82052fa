"""The patient way through a delimited text: every line is a row, a reject with its reason, or no data."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

from vestry.ingest.files.grid import extent, filled, not_a_row, same_cells
from vestry.ingest.files.layout import Layout
from vestry.ingest.files.lines import TooLong, read_blocks
from vestry.ingest.files.model import BLANK, FileRows, is_blank
from vestry.ingest.files.records import Plain, Record, Splitter, as_records
from vestry.ingest.files.spool import Rejects, Spool

#: As many of the last rows are held back to see whether they are totals.
HELD = 8


def read_patiently(path: Path, layout: Layout, workdir: Path) -> FileRows:
    """All rows of a UTF-8 text, in bounded memory.

    - A row with too few fields, or with data beyond the header's last field, is rejected; empty fields
      beyond it are nothing.
    - A row that is short because empty cells at its end were left out is filled up, if that is the
      writer's habit: in the sample five rows and a twentieth of all are short. The row must keep more
      than half of the columns. Otherwise a short row is a damaged one, and is rejected.
    - A row with data in a column that has no header, and is empty in the sample, is rejected.
    - The last rows are rejected where they are totals or notes.
    """
    reader = _Reader(layout, workdir)
    splitter = Splitter(layout.delimiter, least=layout.required, most=layout.width)
    for part in read_blocks(path):
        if isinstance(part, TooLong):
            reader.take(splitter.finish())
            reader.rejects.add(part.line, part.start, part.reason)
            continue
        above = max(0, min(layout.header_end + 1 - part.first, len(part.lines)))
        if above:
            lines = part.lines[above:]
            if lines:
                reader.take(splitter.split(part.first + above, lines, "\n".join(lines)))
            continue
        reader.take(splitter.split(part.first, part.lines, part.text))
    reader.take(splitter.finish())
    return reader.done()


class _Reader:
    def __init__(self, layout: Layout, workdir: Path) -> None:
        self.layout = layout
        self.kept = layout.kept
        self.spool = Spool(workdir, [name for name, _ in layout.columns.present])
        self.rejects = Rejects(workdir)
        self.blank = layout.skipped["blank"]
        self.repeated = 0
        self._held: list[tuple[int, str, Sequence[str]]] = []
        self._before_held = layout.header_end
        self._lately_rejected: deque[int] = deque(maxlen=100)
        heads = [row for row in layout.header_rows if filled(row)]
        self._heads = heads
        place = self.kept[0] if self.kept else 0
        self._head_cells = {row[place].strip(BLANK).lower() for row in heads if place < len(row)}

    def take(self, parts: Plain | list[Record]) -> None:
        """Sort records into rows, rejects and no data."""
        if isinstance(parts, Plain) and self._takes_plain(parts):
            self._accept(range(parts.first, parts.first + len(parts.rows)), parts.lines, parts.rows)
            return
        numbers: list[int] = []
        raws: list[str] = []
        rows: list[Sequence[str]] = []
        for record in as_records(parts):
            fields = self._row(record)
            if fields is not None:
                numbers.append(record.line)
                raws.append(record.raw)
                rows.append(fields)
        self._accept(numbers, raws, rows)

    def done(self) -> FileRows:
        layout = self.layout
        self._reject_totals()
        held, self._held = self._held, []
        self._spool([h[0] for h in held], [h[2] for h in held])
        columns = layout.columns
        order = {name: number for number, (name, _) in enumerate(columns.present)}
        select = self.spool.select(columns.names, [order.get(name) for name in columns.names])
        return FileRows(
            select=select,
            columns=columns.names,
            headers=columns.headers,
            rows=self.spool.rows,
            rejected=self.rejects.table(),
            skipped={**layout.skipped, "repeated_header": self.repeated, "blank": self.blank},
            notes=layout.notes,
            missing=columns.missing,
            patient=True,
        )

    def _takes_plain(self, parts: Plain) -> bool:
        """Whether all rows of a block are good, seen by whole columns."""
        rows = parts.rows
        widths = set(map(len, rows))
        if not rows or min(widths) < max(self.layout.required, max(self.kept, default=0) + 1):
            return False
        widest = max(widths)
        if widest > self.layout.width and any(extent(row) > self.layout.width for row in rows):
            return False
        columns = list(zip(*rows, strict=False))
        if len(widths) > 1 and self.layout.dropped:
            return False
        for place in self.layout.dropped:
            if place < len(columns) and any(not is_blank(cell) for cell in set(columns[place])):
                return False
        if not any(all(cell.strip(BLANK) for cell in columns[place]) for place in self.kept[:3]):
            return False
        if self._head_cells:
            first = set(map(str.lower, map(str.strip, columns[self.kept[0]])))
            return not (first & self._head_cells)
        return True

    def _row(self, record: Record) -> Sequence[str] | None:
        """The fields of a record that is a row; else it is counted or rejected."""
        layout, fields = self.layout, record.fields
        if record.problem:
            return self._reject(record, record.problem)
        if not filled(fields):
            self.blank += 1 + record.raw.count("\n")
            return None
        if any(same_cells(fields, head) for head in self._heads):
            self.repeated += 1 + record.raw.count("\n")
            return None
        last = extent(fields)
        if last > layout.width:
            return self._reject(record, f"{last} fields where the header has {layout.required}")
        for place in layout.dropped:
            if place < len(fields) and not is_blank(fields[place]):
                if place >= layout.required:
                    return self._reject(record, f"{last} fields where the header has {layout.required}")
                return self._reject(record, f"a value in column {place + 1}, which has no header")
        if len(fields) < layout.required and not (layout.pads and len(fields) * 2 > layout.required):
            plural = "s" if len(fields) != 1 else ""
            return self._reject(record, f"{len(fields)} field{plural} where the header has {layout.required}")
        short = max(self.kept, default=0) + 1 - len(fields)
        return [*fields, *([""] * short)] if short > 0 else fields

    def _reject(self, record: Record, reason: str) -> Sequence[str] | None:
        self.rejects.add(record.line, record.raw.removesuffix("\r"), reason)
        self._lately_rejected.append(record.line)
        return None

    def _accept(self, numbers: Sequence[int], raws: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        if len(rows) < HELD:
            self._held += zip(numbers, raws, rows, strict=True)
            if len(self._held) > HELD:
                out, self._held = self._held[:-HELD], self._held[-HELD:]
                self._before_held = _end(*out[-1][:2])
                self._spool([h[0] for h in out], [h[2] for h in out])
            return
        if self._held:
            self._spool([h[0] for h in self._held], [h[2] for h in self._held])
            self._before_held = _end(*self._held[-1][:2])
        if len(rows) > HELD:
            self._before_held = _end(numbers[-HELD - 1], raws[-HELD - 1])
        self._spool(numbers[:-HELD], rows[:-HELD])
        self._held = list(zip(numbers[-HELD:], raws[-HELD:], rows[-HELD:], strict=True))

    def _spool(self, numbers: Sequence[int], rows: Sequence[Sequence[str]]) -> None:
        if rows:
            columns = list(zip(*rows, strict=False))
            self.spool.append(numbers, [columns[place] for place in self.kept])

    def _reject_totals(self) -> None:
        while self._held:
            line, raw, row = self._held[-1]
            before = _end(*self._held[-2][:2]) if len(self._held) > 1 else self._before_held
            between = sum(before < other < line for other in self._lately_rejected)
            reason = not_a_row(row, self.layout.shape, after_gap=line > before + between + 1)
            if reason is None:
                return
            self._held.pop()
            self.rejects.add(line, raw.removesuffix("\r"), reason)


def _end(line: int, raw: str) -> int:
    return line + raw.count("\n")
