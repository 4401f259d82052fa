"""Answers as bytes, a piece at a time: JSON, CSV, XLSX, Parquet and Arrow."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from vestry.governance.sql.questions import Answer
from vestry.project import VestryError
from vestry.serve.rows import encode
from vestry.serve.rows.shapes import FORMULA, no_formula

if TYPE_CHECKING:
    import pyarrow as pa

_PIECE, _BYTES = 10_000, 2**18
#: What a worksheet holds: rows besides the header, characters of a cell, whole numbers that are kept to the unit.
_SHEET, _CELL, _EXACT = 2**20 - 1, 32_767, 2**53


@dataclass(frozen=True)
class Form:
    """A form in which an answer is sent."""

    name: str
    title: str
    media_type: str
    encode: Callable[[Answer], Iterator[bytes]]


def value(found: Any) -> Any:
    """A value as JSON has it: numbers as numbers, moments by ISO 8601, bytes as hexadecimal digits."""
    match found:
        case None | bool() | int() | str():
            return found
        case float():
            return found if math.isfinite(found) else None
        case Decimal():
            return int(found) if found == found.to_integral_value() else float(found)
        case date() | datetime() | time():
            return found.isoformat()
        case bytes():
            return found.hex()
        case dict():
            return {str(key): value(part) for key, part in found.items()}
        case list() | tuple():
            return [value(part) for part in found]
        case timedelta():
            return found.total_seconds()
        case _:
            return str(found)


def text(found: Any) -> str:
    """A value as people read it in a cell; NULL is empty."""
    made = value(found)
    return "" if made is None else made if isinstance(made, str) else json.dumps(made, ensure_ascii=False)


def _json(answer: Answer) -> Iterator[bytes]:
    rows = answer.rows
    columns = [{"name": field.name, "type": str(field.type)} for field in rows.schema]
    head = {"columns": columns, "tables": [str(t) for t in answer.tables], "count": rows.num_rows, "cut": answer.is_cut}
    yield json.dumps(head, ensure_ascii=False).encode()[:-1] + b', "rows": ['
    between = "\n"
    for batch in rows.to_batches(max_chunksize=_PIECE):
        said = ",\n".join(json.dumps(value(row), ensure_ascii=False) for row in batch.to_pylist())
        yield (between + said).encode()
        between = ",\n"
    yield b"\n]}\n"


def _csv(answer: Answer) -> Iterator[bytes]:
    rows = _texts(answer.rows)
    yield from encode.lines(rows.schema, rows.to_batches(max_chunksize=_PIECE))


def _arrow(answer: Answer) -> Iterator[bytes]:
    yield from encode.arrow(answer.rows.schema, answer.rows.to_batches())


def _parquet(answer: Answer) -> Iterator[bytes]:
    rows = _kept(answer.rows)
    yield from encode.parquet(rows.schema, rows.to_batches())


def _xlsx(answer: Answer) -> Iterator[bytes]:
    import xlsxwriter

    if answer.rows.num_rows > _SHEET:
        raise VestryError(f"a worksheet holds {_SHEET:,} rows, and the answer has more", mend="take CSV or Parquet")
    # Nothing of the data is a formula or a link, whatever it begins with.
    options = {
        "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
        "remove_timezone": True, "nan_inf_to_errors": True,
    }  # fmt: skip
    with tempfile.TemporaryFile() as file:
        with xlsxwriter.Workbook(file, options) as book:
            sheet = book.add_worksheet("answer")
            days = book.add_format({"num_format": "yyyy-mm-dd"})
            moments = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
            sheet.write_row(0, 0, answer.rows.column_names, book.add_format({"bold": True}))
            for number, row in enumerate(_rows(answer.rows), 1):
                for place, found in enumerate(row):
                    _cell(sheet, number, place, found, days, moments)
        yield from _pieces(file)


def _cell(sheet: Any, row: int, column: int, found: object, days: Any, moments: Any) -> None:
    if isinstance(found, bool):
        sheet.write_boolean(row, column, found)
    elif isinstance(found, int | float | Decimal) and -_EXACT <= found <= _EXACT:
        sheet.write_number(row, column, found)
    elif isinstance(found, date) and found.year >= 1900:  # a moment is a date too
        sheet.write_datetime(row, column, found, moments if isinstance(found, datetime) else days)
    elif found is not None:
        sheet.write_string(row, column, text(found)[:_CELL])


def _rows(rows: pa.Table) -> Iterator[tuple[Any, ...]]:
    for batch in rows.to_batches(max_chunksize=_PIECE):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _texts(rows: pa.Table) -> pa.Table:
    """The same as CSV has it, which is what spreadsheets open: a text of the data is never a formula."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    for column in rows.columns:
        kind = column.type
        if pa.types.is_string(kind):
            begins = pc.match_substring_regex(column, FORMULA)
            column = pc.if_else(begins, pc.binary_join_element_wise("'", column, ""), column)
        elif pa.types.is_floating(kind):
            column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, kind))
        elif not (pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_boolean(kind)):
            column = _told(column)
        columns.append(column)
    return pa.table(columns, names=list(map(no_formula, rows.column_names)))


def _told(column: pa.ChunkedArray) -> pa.Array:
    """Values as people read them."""
    import pyarrow as pa

    return pa.array((text(found) or None for found in column.to_pylist()), pa.string())


def _kept(rows: pa.Table) -> pa.Table:
    """The same with what Parquet has no type for, such as intervals, as text."""
    import pyarrow as pa

    for place, field in enumerate(rows.schema):
        if pa.types.is_interval(field.type) or pa.types.is_union(field.type) or pa.types.is_null(field.type):
            rows = rows.set_column(place, field.name, _told(rows.column(place)))
    return rows


def _pieces(file: Any) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(_BYTES):
        yield piece


FORMS = {
    form.name: form
    for form in (
        Form("json", "JSON", "application/json", _json),
        Form("csv", "CSV", "text/csv; charset=utf-8", _csv),
        Form("xlsx", "Excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _xlsx),
        Form("parquet", "Parquet", "application/vnd.apache.parquet", _parquet),
        Form("arrow", "Arrow", "application/vnd.apache.arrow.stream", _arrow),
    )
}
